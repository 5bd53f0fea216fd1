//! What the holder of a key may do.

use serde::Deserialize;

/// Something that a key may open beside the live loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// Find and read messages, with all the patient data in them.
    Messages,
    /// Mend and replay messages, and send them again. It includes [`Right::Messages`].
    Replay,
    /// See the orders that wait for a pharmacist, and tell a pharmacist's word.
    Verification,
    /// Recall batches, and see where they are and who had them.
    Stock,
    /// Start and end the critical override.
    CriticalOverride,
    /// See the registers of controlled drugs, and act on them.
    Registers,
    /// See who looked at a patient's record, and who was refused.
    Audit,
}

impl Right {
    /// Every right.
    pub const ALL: [Right; 7] = [
        Right::Messages,
        Right::Replay,
        Right::Verification,
        Right::Stock,
        Right::CriticalOverride,
        Right::Registers,
        Right::Audit,
    ];

    /// What the journal calls looks under the right.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Right::Messages | Right::Replay => "messages",
            Right::Verification => "verification",
            Right::Stock => "recall",
            Right::CriticalOverride => "critical-override",
            Right::Registers => "registers",
            Right::Audit => "audit",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Right::Messages => 1,
            Right::Replay => 1 << 1,
            Right::Verification => 1 << 2,
            Right::Stock => 1 << 3,
            Right::CriticalOverride => 1 << 4,
            Right::Registers => 1 << 5,
            Right::Audit => 1 << 6,
        }
    }
}

/// What the holder of a key may do beside looking at the live loop. Collect it from [`Right`]s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights(u8);

impl Rights {
    /// All of them.
    pub fn all() -> Self {
        Right::ALL.into_iter().collect()
    }

    /// Whether this one is among them.
    pub fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Those that both have.
    pub(super) fn both(self, other: Self) -> Self {
        Rights(self.0 & other.0)
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        let replay = |right: Right| match right {
            Right::Replay => Right::Messages.bit(),
            _ => 0,
        };
        Rights(rights.into_iter().fold(0, |all, right| all | right.bit() | replay(right)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_a_set_and_replaying_includes_reading() {
        let rights: Rights = [Right::Replay, Right::Stock].into_iter().collect();
        let had: Vec<Right> = Right::ALL.into_iter().filter(|right| rights.has(*right)).collect();
        assert_eq!(had, [Right::Messages, Right::Replay, Right::Stock]);
        assert_eq!(rights.both(Rights::all()), rights);
        assert!(Right::ALL.into_iter().all(|right| !Rights::default().has(right)));
    }
}
