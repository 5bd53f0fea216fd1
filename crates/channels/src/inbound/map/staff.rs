//! XCN: people who act.

use fhir::ResourceType;
use fhir::types::{Identifier, Reference};
use hl7v2::Repetition;
use medicines::cabinet::Staff;

use crate::inbound::source::{Source, trimmed};

/// A member of staff by number and name; `None` where there is no number.
///
/// Cabinets write the name in components, or all of it in one as `FAMILY,GIVEN` or
/// `FAMILY_GIVEN`. It is kept as `FAMILY, GIVEN`.
pub(crate) fn staff(xcn: &Repetition<'_>) -> Option<Staff> {
    let id = trimmed(xcn.component(1).text());
    let family = xcn.component(2).subcomponent(1).text();
    let given = xcn.component(3).text();
    (!id.is_empty()).then(|| Staff { id: id.into_owned(), name: name(&family, &given) })
}

/// A name of family and given parts that may stand together in the first.
pub(crate) fn name(family: &str, given: &str) -> String {
    let (family, given) = (family.trim(), given.trim());
    let (family, given) = match family.split_once([',', '_']) {
        Some((family, rest)) if given.is_empty() => (family.trim(), rest.trim()),
        _ => (family, given),
    };
    match (family, given) {
        (family, "") => family.to_owned(),
        ("", given) => given.to_owned(),
        (family, given) => format!("{family}, {given}"),
    }
}

/// A reference to a member of staff, who has no resource here.
pub(crate) fn reference(source: &Source<'_, '_>, xcn: &Repetition<'_>) -> Option<Reference> {
    let staff = staff(xcn)?;
    let identifier = Identifier::of(source.systems().staff(), &staff.id);
    let reference = Reference::by_identifier(ResourceType::Practitioner, identifier);
    Some(Reference { display: Some(staff.name).filter(|name| !name.is_empty()), ..reference })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_form() {
        let check = |family: &str, given: &str, expect: &str| {
            assert_eq!(name(family, given), expect, "{family}^{given}");
        };
        check("NURSE", "ANNA", "NURSE, ANNA");
        check("NURSE,ANNA", "", "NURSE, ANNA");
        check("NURSE_ANNA", "", "NURSE, ANNA");
        check("NURSE,ANNA", "B", "NURSE,ANNA, B");
        check("NURSE", "", "NURSE");
        check("", "ANNA", "ANNA");
        check("", "", "");
    }
}
