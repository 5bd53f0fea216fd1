//! What a reader found strange, without refusing the message for it.

use std::fmt;

/// The most issues kept for one message; the next one is [`IssueKind::MoreIssues`] and the last.
pub const MAX_ISSUES: usize = 256;

/// One strange thing in a message. It names places and never content, so that it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// What was found.
    pub kind: IssueKind,
    /// Byte offset in the input at which it was found.
    pub offset: usize,
    /// Number of the segment concerned, from 0, where one segment is concerned.
    pub segment: Option<usize>,
}

/// The kinds of [`Issue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueKind {
    /// Spaces, control characters or a byte order mark stand before `MSH`.
    LeadingBytes,
    /// Other content stands before the line that begins with `MSH`; it is in no segment.
    LeadingContent,
    /// MSH-2 is empty; the standard characters `^~\&` are assumed.
    NoEncodingCharacters,
    /// MSH-2 stops early. HL7 2.5.1 §2.5.4 lets the escape and subcomponent characters be left
    /// out where they are not used, so a missing one separates nothing.
    FewEncodingCharacters,
    /// MSH-2 holds more characters than HL7 knows; the rest is not used.
    ExtraEncodingCharacters,
    /// An encoding character is a letter, a digit, not ASCII, or stands for two things; another
    /// one is assumed in its place.
    BadEncodingCharacter,
    /// Segments end with a line feed instead of a carriage return.
    LineFeedEnds,
    /// Segments end with carriage return and line feed.
    CrLfEnds,
    /// A line feed stands inside a segment that ends properly; it is kept as text.
    LineFeedInText,
    /// The last segment has no end.
    NoFinalEnd,
    /// A line without content; it is in no segment.
    BlankLine,
    /// A segment of fewer than three bytes.
    ShortSegment,
    /// A segment whose name is not a letter and two letters or digits, all upper case, or whose
    /// name is not followed by the field separator.
    OddSegmentName,
    /// Another `MSH` follows: probably two messages run together.
    SecondHeader,
    /// A batch segment (FHS, BHS, BTS or FTS) inside a message.
    BatchSegment,
    /// MSH-18 names a character set that is not read here; the channel's default is used. Where
    /// the message holds more than plain ASCII, [`IssueKind::Undecodable`] is told as well.
    UnknownCharset,
    /// Bytes above 127 although MSH-18 says ASCII. They are read in the channel's default, but
    /// nobody can tell what was meant: a peer known to declare a wrong set is read by
    /// [`CharsetChoice::Always`](crate::CharsetChoice::Always).
    NotAscii,
    /// Bytes of a segment that are not text in the message's character set. They read as
    /// U+FFFD; the raw bytes stay available.
    Undecodable,
    /// There were more than [`MAX_ISSUES`] issues; the others are not listed.
    MoreIssues,
}

/// How far an issue puts the content of the message in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The sender is untidy; the content is certain.
    Note,
    /// The content was read by an assumption that a person should confirm for the channel.
    Warning,
    /// Part of the content may be missing or misread: park the message.
    Error,
}

impl IssueKind {
    /// How far the content is in doubt.
    pub fn severity(self) -> Severity {
        match self {
            Self::LeadingBytes
            | Self::LineFeedEnds
            | Self::CrLfEnds
            | Self::NoFinalEnd
            | Self::BlankLine => Severity::Note,
            Self::NoEncodingCharacters
            | Self::FewEncodingCharacters
            | Self::ExtraEncodingCharacters
            | Self::LineFeedInText
            | Self::UnknownCharset => Severity::Warning,
            Self::LeadingContent
            | Self::BadEncodingCharacter
            | Self::ShortSegment
            | Self::OddSegmentName
            | Self::SecondHeader
            | Self::BatchSegment
            | Self::Undecodable
            | Self::NotAscii
            | Self::MoreIssues => Severity::Error,
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::LeadingBytes => "blank bytes before MSH",
            Self::LeadingContent => "content before MSH",
            Self::NoEncodingCharacters => "MSH-2 is empty",
            Self::FewEncodingCharacters => "MSH-2 leaves characters out",
            Self::ExtraEncodingCharacters => "MSH-2 has too many characters",
            Self::BadEncodingCharacter => "MSH-2 has an unusable character",
            Self::LineFeedEnds => "segments end with a line feed",
            Self::CrLfEnds => "segments end with carriage return and line feed",
            Self::LineFeedInText => "a line feed inside a segment",
            Self::NoFinalEnd => "the last segment has no end",
            Self::BlankLine => "a blank line",
            Self::ShortSegment => "a segment shorter than its name",
            Self::OddSegmentName => "a segment with an odd name",
            Self::SecondHeader => "a second MSH",
            Self::BatchSegment => "a batch segment inside a message",
            Self::UnknownCharset => "MSH-18 names an unknown character set",
            Self::NotAscii => "bytes above 127 in an ASCII message",
            Self::Undecodable => "bytes that are not text in the character set",
            Self::MoreIssues => "more issues than are listed",
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind.says(), self.offset)?;
        match self.segment {
            Some(segment) => write!(f, " (segment {})", segment + 1),
            None => Ok(()),
        }
    }
}

/// A list of issues that cannot grow without limit.
#[derive(Debug, Default)]
pub(crate) struct Issues(pub(crate) Vec<Issue>);

impl Issues {
    pub(crate) fn add(&mut self, kind: IssueKind, offset: usize, segment: Option<usize>) {
        match self.0.len() {
            n if n < MAX_ISSUES => self.0.push(Issue { kind, offset, segment }),
            MAX_ISSUES => self.0.push(Issue { kind: IssueKind::MoreIssues, offset, segment }),
            _ => {}
        }
    }
}
