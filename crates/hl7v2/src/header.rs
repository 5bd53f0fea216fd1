//! The message header by the names of its fields.

use std::borrow::Cow;

use crate::time::{Dtm, DtmError};
use crate::{Presence, Segment};

/// When a sender wants an acknowledgement (MSH-15 and MSH-16, HL7 table 0155).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AckCondition {
    /// `AL`: always.
    Always,
    /// `NE`: never.
    Never,
    /// `ER`: only on error or rejection.
    OnError,
    /// `SU`: only on success.
    OnSuccess,
}

impl AckCondition {
    /// Reads a code of table 0155.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "AL" => Some(Self::Always),
            "NE" => Some(Self::Never),
            "ER" => Some(Self::OnError),
            "SU" => Some(Self::OnSuccess),
            _ => None,
        }
    }

    /// Whether an outcome is to be acknowledged.
    pub fn wants(self, success: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::OnError => !success,
            Self::OnSuccess => success,
        }
    }
}

/// The header of a message: MSH, read by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    segment: Segment<'a>,
}

impl<'a> Header<'a> {
    pub(crate) fn new(segment: Segment<'a>) -> Self {
        Self { segment }
    }

    /// The segment itself.
    pub fn segment(&self) -> Segment<'a> {
        self.segment
    }

    /// MSH-3.1, the sending application.
    pub fn sending_application(&self) -> Cow<'a, str> {
        self.segment.text(3, 1)
    }

    /// MSH-4.1, the sending facility.
    pub fn sending_facility(&self) -> Cow<'a, str> {
        self.segment.text(4, 1)
    }

    /// MSH-5.1, the receiving application.
    pub fn receiving_application(&self) -> Cow<'a, str> {
        self.segment.text(5, 1)
    }

    /// MSH-6.1, the receiving facility.
    pub fn receiving_facility(&self) -> Cow<'a, str> {
        self.segment.text(6, 1)
    }

    /// MSH-7, when the sender made the message.
    pub fn time(&self) -> Presence<Result<Dtm, DtmError>> {
        self.segment.field(7).time()
    }

    /// MSH-9.1, the message code, as `RDE`.
    pub fn code(&self) -> Cow<'a, str> {
        self.segment.text(9, 1)
    }

    /// MSH-9.2, the trigger event, as `O11`.
    pub fn trigger(&self) -> Cow<'a, str> {
        self.segment.text(9, 2)
    }

    /// MSH-9.3, the message structure, as `RDE_O11`; often not sent.
    pub fn structure(&self) -> Cow<'a, str> {
        self.segment.text(9, 3)
    }

    /// MSH-10, the control id, with everything that was sent in it.
    pub fn control_id(&self) -> Cow<'a, str> {
        self.segment.field(10).free_text()
    }

    /// The bytes of MSH-10, as an acknowledgement repeats them.
    pub fn control_id_raw(&self) -> &'a [u8] {
        self.segment.field(10).raw()
    }

    /// MSH-11.1: `P` production, `T` training, `D` debugging.
    pub fn processing_id(&self) -> Cow<'a, str> {
        self.segment.text(11, 1)
    }

    /// MSH-12.1, the HL7 version, as `2.5.1`.
    pub fn version(&self) -> Cow<'a, str> {
        self.segment.text(12, 1)
    }

    /// The HL7 version as numbers, `(2, 5)` of `2.5.1`; `None` where it is not one.
    pub fn version_numbers(&self) -> Option<(u8, u8)> {
        let version = self.version();
        let mut numbers = version.trim().split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
            _ => None,
        }
    }

    /// MSH-15, when an accept acknowledgement is wanted. An unknown code counts as `Always`.
    pub fn accept_condition(&self) -> Option<AckCondition> {
        self.condition(15)
    }

    /// MSH-16, when an application acknowledgement is wanted. An unknown code counts as
    /// `Always`.
    pub fn application_condition(&self) -> Option<AckCondition> {
        self.condition(16)
    }

    /// True in enhanced mode: MSH-15 or MSH-16 is valued (HL7 2.5.1 §2.9.3).
    pub fn is_enhanced(&self) -> bool {
        self.accept_condition().or(self.application_condition()).is_some()
    }

    /// MSH-18, the character set as it was declared.
    pub fn character_set(&self) -> Cow<'a, str> {
        self.segment.text(18, 1)
    }

    fn condition(&self, field: usize) -> Option<AckCondition> {
        let code = self.segment.value(field, 1).into_option()?;
        Some(AckCondition::from_code(&code).unwrap_or(AckCondition::Always))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn the_header_is_read_by_name() {
        let input =
            b"MSH|^~\\&|EPMA^1^ISO|RXX|HUB|T|20261120101500||RDE^O11^RDE_O11|4\\T\\2|T|2.5.1\
            |||AL|NE||8859/1\r";
        let header = parse(input).unwrap().0.header();
        let names = [header.sending_application(), header.sending_facility()];
        assert_eq!(names, ["EPMA", "RXX"]);
        assert_eq!([header.receiving_application(), header.receiving_facility()], ["HUB", "T"]);
        let kinds = [header.code(), header.trigger(), header.structure()];
        assert_eq!(kinds, ["RDE", "O11", "RDE_O11"]);
        assert_eq!(
            (header.control_id().as_ref(), header.control_id_raw()),
            ("4&2", &b"4\\T\\2"[..])
        );
        assert_eq!(
            (header.processing_id().as_ref(), header.version_numbers()),
            ("T", Some((2, 5)))
        );
        assert_eq!(header.accept_condition(), Some(AckCondition::Always));
        assert_eq!(header.application_condition(), Some(AckCondition::Never));
        assert!(header.is_enhanced());
        assert_eq!(header.character_set(), "8859/1");
        assert!(matches!(header.time(), Presence::Value(Ok(_))));
    }

    #[test]
    fn original_mode_and_odd_versions_are_seen() {
        let header = parse(b"MSH|^~\\&|A|||||||1|P|two\r").unwrap().0.header();
        assert!(!header.is_enhanced());
        assert_eq!(header.version_numbers(), None);
        let wants = |code| AckCondition::from_code(code).map(|c| (c.wants(true), c.wants(false)));
        assert_eq!(wants("AL"), Some((true, true)));
        assert_eq!(wants("NE"), Some((false, false)));
        assert_eq!(wants("ER"), Some((false, true)));
        assert_eq!(wants("SU"), Some((true, false)));
        assert_eq!(wants("XX"), None);
    }
}
