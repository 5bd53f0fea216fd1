//! Rights, and the proof that policy gave one.

use crate::Person;

/// Something that a person may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Take a medicine out of a cabinet.
    RemoveMedicine,
    /// Give a medicine to a patient and record it.
    Administer,
    /// Stand as the second person for an act that needs two.
    Witness,
    /// Read patient data.
    ReadRecord,
    /// Close a case with a reason.
    ResolveCase,
    /// Verify an order as a pharmacist.
    VerifyOrder,
    /// Let every cabinet give out medicines without an order, and end that again.
    SwitchOverride,
    /// See who looked at patient data, and who was refused.
    SeeLooks,
}

/// Proof that a named person may do one thing, made by [`allow`] alone.
///
/// It is neither `Clone` nor constructible elsewhere, so that each act needs its own decision.
#[derive(Debug, PartialEq, Eq)]
pub struct Grant {
    right: Right,
    person: String,
}

impl Grant {
    /// What was allowed.
    pub fn right(&self) -> Right {
        self.right
    }

    /// The staff number of the person to whom it was allowed.
    pub fn person(&self) -> &str {
        &self.person
    }
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Nobody of that staff number works here.
    #[error("this person is not on the staff list")]
    Unknown,
    /// The role does not carry the right.
    #[error("this person's role does not allow it")]
    Role,
}

/// Decides whether `person` may use `right`.
pub fn allow(person: Option<&Person>, right: Right) -> Result<Grant, Denial> {
    let person = person.ok_or(Denial::Unknown)?;
    if person.role.has(right) {
        Ok(Grant { right, person: person.id.clone() })
    } else {
        Err(Denial::Role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn a_grant_follows_the_role() {
        let cases = [
            (Role::Nurse, Right::RemoveMedicine, true),
            (Role::Nurse, Right::Witness, true),
            (Role::Pharmacist, Right::Administer, false),
            (Role::Pharmacist, Right::VerifyOrder, true),
            (Role::Technician, Right::VerifyOrder, false),
            (Role::Prescriber, Right::VerifyOrder, false),
            (Role::Assistant, Right::RemoveMedicine, false),
            (Role::Assistant, Right::Witness, false),
            (Role::Engineer, Right::RemoveMedicine, false),
            (Role::Engineer, Right::ReadRecord, true),
            (Role::Nurse, Right::SwitchOverride, false),
            (Role::Pharmacist, Right::SwitchOverride, true),
            (Role::Governance, Right::SeeLooks, true),
            (Role::Engineer, Right::SeeLooks, false),
            (Role::Pharmacist, Right::SeeLooks, false),
        ];
        for (role, right, expected) in cases {
            let person =
                Person { id: "N1".into(), name: "Test, Anna".into(), role, training: Vec::new() };
            let decided = allow(Some(&person), right);
            assert_eq!(decided.is_ok(), expected, "{role:?} {right:?}");
            if let Ok(grant) = decided {
                assert_eq!((grant.person(), grant.right()), ("N1", right));
            }
        }
    }

    #[test]
    fn nobody_unknown_is_allowed_anything() {
        assert_eq!(allow(None, Right::ReadRecord), Err(Denial::Unknown));
    }
}
