//! Acknowledgements: MSA and ERR, made for a sender and read from a receiver.

mod read;
mod reply;

use std::fmt;

pub use read::{Ack, NotAnAck, parse_ack};
pub use reply::{Reply, reply};

/// How a message was taken (MSA-1, HL7 table 0008).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AckCode {
    /// `AA`: the application took it.
    Accept,
    /// `AE`: the content is in error; sending it again unchanged will not help.
    Error,
    /// `AR`: it was not processed, for reasons other than its content, or is of an unsupported
    /// type, version or processing id.
    Reject,
    /// `CA`: stored safely (enhanced mode).
    CommitAccept,
    /// `CE`: could not be stored (enhanced mode).
    CommitError,
    /// `CR`: refused for its type, version or processing id (enhanced mode).
    CommitReject,
}

impl AckCode {
    /// The code as it is sent.
    pub fn code(self) -> &'static str {
        match self {
            Self::Accept => "AA",
            Self::Error => "AE",
            Self::Reject => "AR",
            Self::CommitAccept => "CA",
            Self::CommitError => "CE",
            Self::CommitReject => "CR",
        }
    }

    /// Reads a code of table 0008.
    pub fn from_code(code: &str) -> Option<Self> {
        let all = [
            Self::Accept,
            Self::Error,
            Self::Reject,
            Self::CommitAccept,
            Self::CommitError,
            Self::CommitReject,
        ];
        all.into_iter().find(|known| known.code() == code)
    }

    /// True for `AA` and `CA`.
    pub fn is_positive(self) -> bool {
        matches!(self, Self::Accept | Self::CommitAccept)
    }

    /// True for the commit codes of enhanced mode.
    pub fn is_commit(self) -> bool {
        matches!(self, Self::CommitAccept | Self::CommitError | Self::CommitReject)
    }
}

/// What was wrong (ERR-3, HL7 table 0357).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Condition {
    /// `0`: nothing.
    Accepted,
    /// `100`: segments out of order or a required one missing.
    SegmentSequence,
    /// `101`: a required field is missing.
    RequiredFieldMissing,
    /// `102`: a field is not of its data type.
    DataType,
    /// `103`: a code is not in its table.
    TableValueNotFound,
    /// `200`: the message type is not supported.
    UnsupportedMessageType,
    /// `201`: the event is not supported.
    UnsupportedEvent,
    /// `202`: the processing id is not supported.
    UnsupportedProcessingId,
    /// `203`: the HL7 version is not supported.
    UnsupportedVersion,
    /// `204`: an identifier is not known.
    UnknownKey,
    /// `205`: an identifier exists already.
    DuplicateKey,
    /// `206`: the record is locked.
    RecordLocked,
    /// `207`: an error inside the application.
    Internal,
    /// A code outside the table, as some receivers send.
    Other(String),
}

const CONDITIONS: [(Condition, &str, &str); 13] = [
    (Condition::Accepted, "0", "Message accepted"),
    (Condition::SegmentSequence, "100", "Segment sequence error"),
    (Condition::RequiredFieldMissing, "101", "Required field missing"),
    (Condition::DataType, "102", "Data type error"),
    (Condition::TableValueNotFound, "103", "Table value not found"),
    (Condition::UnsupportedMessageType, "200", "Unsupported message type"),
    (Condition::UnsupportedEvent, "201", "Unsupported event code"),
    (Condition::UnsupportedProcessingId, "202", "Unsupported processing id"),
    (Condition::UnsupportedVersion, "203", "Unsupported version id"),
    (Condition::UnknownKey, "204", "Unknown key identifier"),
    (Condition::DuplicateKey, "205", "Duplicate key identifier"),
    (Condition::RecordLocked, "206", "Application record locked"),
    (Condition::Internal, "207", "Application internal error"),
];

impl Condition {
    /// The code as it is sent.
    pub fn code(&self) -> &str {
        match self {
            Self::Other(code) => code,
            _ => self.row().map_or("", |row| row.1),
        }
    }

    /// The meaning of the code in table 0357; empty for a code outside it.
    pub fn meaning(&self) -> &'static str {
        self.row().map_or("", |row| row.2)
    }

    /// Reads a code.
    pub fn from_code(code: &str) -> Self {
        let row = CONDITIONS.iter().find(|row| row.1 == code);
        row.map_or_else(|| Self::Other(code.to_owned()), |row| row.0.clone())
    }

    fn row(&self) -> Option<&'static (Self, &'static str, &'static str)> {
        CONDITIONS.iter().find(|row| row.0 == *self)
    }
}

/// How bad an error is (ERR-4, HL7 table 0516).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorSeverity {
    /// `E`: the message was not taken.
    Error,
    /// `W`: it was taken, with a warning.
    Warning,
    /// `I`: it was taken, with information.
    Information,
    /// `F`: the message was not taken, beyond the application's control.
    Fatal,
}

impl ErrorSeverity {
    /// The code as it is sent.
    pub fn code(self) -> &'static str {
        match self {
            Self::Error => "E",
            Self::Warning => "W",
            Self::Information => "I",
            Self::Fatal => "F",
        }
    }

    /// Reads a code of table 0516.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "E" => Some(Self::Error),
            "W" => Some(Self::Warning),
            "I" => Some(Self::Information),
            "F" => Some(Self::Fatal),
            _ => None,
        }
    }
}

/// Where an error is (ERR-2, data type ERL). All numbers start at 1; `None` means the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// The segment's name, as `RXE`.
    pub segment: String,
    /// Which of the segments of that name (see [`crate::Message::sequence_of`]).
    pub sequence: Option<usize>,
    /// The field.
    pub field: Option<usize>,
    /// The repetition of the field.
    pub repetition: Option<usize>,
    /// The component.
    pub component: Option<usize>,
    /// The subcomponent.
    pub subcomponent: Option<usize>,
}

impl Location {
    /// The first segment of a name.
    pub fn segment(name: &str) -> Self {
        Self { segment: name.to_owned(), sequence: Some(1), ..Self::default() }
    }

    /// A field of the first segment of a name.
    pub fn field(name: &str, field: usize) -> Self {
        Self { field: Some(field), ..Self::segment(name) }
    }
}

impl From<crate::Path> for Location {
    fn from(path: crate::Path) -> Self {
        Self {
            segment: path.segment().to_owned(),
            sequence: Some(path.occurrence()),
            field: Some(path.field()),
            repetition: Some(path.repetition()),
            component: Some(path.component()),
            subcomponent: Some(path.subcomponent()),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segment)?;
        if let Some(sequence) = self.sequence.filter(|&sequence| sequence > 1) {
            write!(f, "[{sequence}]")?;
        }
        let Some(field) = self.field else {
            return Ok(());
        };
        write!(f, "-{field}")?;
        if let Some(repetition) = self.repetition.filter(|&repetition| repetition > 1) {
            write!(f, "[{repetition}]")?;
        }
        match (self.component, self.subcomponent) {
            (Some(component), Some(subcomponent)) => write!(f, ".{component}.{subcomponent}"),
            (Some(component), None) => write!(f, ".{component}"),
            (None, _) => Ok(()),
        }
    }
}

/// A code of the application itself (ERR-5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ApplicationCode {
    /// The code.
    pub code: String,
    /// Its meaning.
    pub text: String,
    /// The system that the code is from.
    pub system: String,
}

/// One error of an acknowledgement: an ERR segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorDetail {
    /// ERR-2, where it is.
    pub location: Option<Location>,
    /// ERR-3, what it is.
    pub condition: Condition,
    /// ERR-4, how bad it is. Receivers before 2.5 do not say.
    pub severity: Option<ErrorSeverity>,
    /// ERR-5, the application's own code.
    pub application: Option<ApplicationCode>,
    /// ERR-7, for engineers.
    pub diagnostic: String,
    /// ERR-8, for users.
    pub user_message: String,
}

impl ErrorDetail {
    /// An error with nothing but its condition.
    pub fn new(condition: Condition) -> Self {
        Self {
            location: None,
            condition,
            severity: Some(ErrorSeverity::Error),
            application: None,
            diagnostic: String::new(),
            user_message: String::new(),
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, location: impl Into<Location>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// Says it to the user.
    #[must_use]
    pub fn saying(mut self, user_message: impl Into<String>) -> Self {
        self.user_message = user_message.into();
        self
    }
}
