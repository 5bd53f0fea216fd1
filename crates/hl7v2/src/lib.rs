//! HL7 v2 over bytes: parse, build, escape, MLLP framing, acknowledgements.
//!
//! The crate does no I/O and reads no clock. Whatever bytes come in, nothing panics and nothing
//! is lost in silence: a reader gets the message **and** its [`Issue`]s, and is refused only
//! where there is no message header to read at all.
//!
//! ```
//! use hl7v2::{Charset, MessageBuilder, parse};
//!
//! let mut b = MessageBuilder::new(Charset::Utf8);
//! b.header().set(3, "EPMA").field(9, &["RDE", "O11", "RDE_O11"]).set(10, "42");
//! b.segment("PID").set(1, "1").field(3, &["9990000018", "", "", "NHS", "NH"]);
//! b.segment("NTE").set(3, "A&E | resus");
//! let bytes = b.encode().unwrap();
//!
//! let (message, issues) = parse(&bytes).unwrap();
//! assert!(issues.is_empty());
//! assert_eq!(message.header().trigger(), "O11");
//! assert_eq!(message.get("PID-3.4").text(), "NHS");
//! assert_eq!(message.segment("NTE").unwrap().text(3, 1), "A&E | resus");
//! assert_eq!(message.encode(), bytes);
//! ```

pub mod ack;
pub mod batch;
mod builder;
mod charset;
mod delimiters;
mod editor;
mod escape;
mod header;
mod issue;
mod message;
pub mod mllp;
mod parse;
mod path;
mod presence;
mod segment;
pub mod time;
mod value;

pub use builder::{BuildError, HeaderSpec, MessageBuilder, SegmentBuilder, Unencodable, Value};
pub use charset::{Charset, CharsetChoice};
pub use delimiters::Delimiters;
pub use editor::{EditError, Editor, Level, Part};
pub use header::{AckCondition, Header};
pub use issue::{Issue, IssueKind, MAX_ISSUES, Severity};
pub use message::{Group, Message};
pub use parse::{
    MAX_MESSAGE_BYTES, MAX_SEGMENTS, ParseError, Scratch, parse, parse_as, parse_header, parse_with,
};
pub use path::{Path, PathError};
pub use presence::Presence;
pub use segment::Segment;
pub use value::{Component, Field, Repetition, Subcomponent};
