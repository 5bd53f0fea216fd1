//! The parser: one pass for the segments, everything below them when it is asked for.

use memchr::{memchr, memchr2, memchr2_iter};

use crate::escape::Context;
use crate::issue::{Issue, IssueKind, Issues};
use crate::message::{Message, Span};
use crate::segment::Segment;
use crate::{Charset, CharsetChoice, Delimiters};

/// The longest input that is parsed, in bytes: four times the MLLP limit.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// The most segments of one message.
pub const MAX_SEGMENTS: usize = 1_000_000;

/// Why an input is not a message that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// No line begins with `MSH`.
    #[error("no line begins with MSH: this is not an HL7 v2 message")]
    NoHeader,
    /// `MSH` is not followed by a byte that can separate fields.
    #[error("MSH is not followed by a field separator")]
    BadFieldSeparator,
    /// The input is a batch (FHS or BHS first). Batches are split before they come here.
    #[error("this is a batch of messages (FHS or BHS), not one message: split it first")]
    Batch,
    /// Longer than [`MAX_MESSAGE_BYTES`].
    #[error("the message has {0} bytes, more than are accepted")]
    TooLong(usize),
    /// More segments than [`MAX_SEGMENTS`].
    #[error("the message has more segments than are accepted")]
    TooManySegments,
}

/// Memory that one message leaves to the next, so that a busy channel allocates once.
#[derive(Debug, Default)]
pub struct Scratch {
    spans: Vec<Span>,
}

impl Scratch {
    /// Takes back the memory of a message that is done with.
    pub fn reclaim(&mut self, message: Message<'_>) {
        self.spans = message.spans;
        self.spans.clear();
    }
}

/// Parses a message, in UTF-8 where MSH-18 does not say otherwise.
pub fn parse(bytes: &[u8]) -> Result<(Message<'_>, Vec<Issue>), ParseError> {
    parse_as(bytes, CharsetChoice::default())
}

/// Parses a message in the character set that its channel has chosen.
pub fn parse_as(
    bytes: &[u8],
    charset: CharsetChoice,
) -> Result<(Message<'_>, Vec<Issue>), ParseError> {
    parse_with(bytes, charset, &mut Scratch::default())
}

/// Parses a message into memory that an earlier one left (see [`Scratch::reclaim`]).
pub fn parse_with<'a>(
    bytes: &'a [u8],
    charset: CharsetChoice,
    scratch: &mut Scratch,
) -> Result<(Message<'a>, Vec<Issue>), ParseError> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(ParseError::TooLong(bytes.len()));
    }
    let mut issues = Issues::default();
    let header = find_header(bytes, &mut issues)?;
    let mut reader = Reader {
        bytes,
        separator: header.separator,
        line_feeds_end: header.ends_with_line_feed,
        spans: std::mem::take(&mut scratch.spans),
        issues,
        line_feeds: LineFeeds::default(),
    };
    reader.read_segments(header.start)?;
    let Reader { spans, mut issues, .. } = reader;
    let mut message = Message { bytes, spans, context: context(&header, bytes, &mut issues) };
    message.context.charset = choose_charset(&message, charset, &mut issues);
    check_text(&message, &mut issues);
    Ok((message, issues.0))
}

/// Parses the header alone and leaves the other segments out: enough to answer an input that is
/// otherwise refused, or to choose its route.
pub fn parse_header(bytes: &[u8], charset: CharsetChoice) -> Result<Message<'_>, ParseError> {
    let bytes = &bytes[..bytes.len().min(MAX_MESSAGE_BYTES)];
    let mut issues = Issues::default();
    let header = find_header(bytes, &mut issues)?;
    let spans = vec![span(header.start, header.end)];
    let mut message = Message { bytes, spans, context: context(&header, bytes, &mut issues) };
    message.context.charset = choose_charset(&message, charset, &mut issues);
    Ok(message)
}

/// Where the MSH segment is and how it ends.
struct HeaderPlace {
    start: usize,
    end: usize,
    separator: u8,
    ends_with_line_feed: bool,
}

fn find_header(bytes: &[u8], issues: &mut Issues) -> Result<HeaderPlace, ParseError> {
    let bom = usize::from(bytes.starts_with(b"\xEF\xBB\xBF")) * 3;
    let blank = bytes[bom..].iter().take_while(|&&byte| byte <= b' ').count();
    let first = bom + blank;
    let rest = &bytes[first..];
    let start = if rest.starts_with(b"MSH") {
        if first > 0 {
            issues.add(IssueKind::LeadingBytes, 0, None);
        }
        first
    } else if is_batch_line(rest) {
        return Err(ParseError::Batch);
    } else {
        let mut lines = memchr2_iter(b'\r', b'\n', rest).map(|at| first + at + 1);
        let line = lines.find(|&line| bytes[line..].starts_with(b"MSH"));
        issues.add(IssueKind::LeadingContent, first, None);
        line.ok_or(ParseError::NoHeader)?
    };
    let separator = *bytes.get(start + 3).ok_or(ParseError::NoHeader)?;
    if !separator.is_ascii_punctuation() || separator == b'"' {
        return Err(ParseError::BadFieldSeparator);
    }
    let end = memchr2(b'\r', b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at);
    let ends_with_line_feed = bytes.get(end) == Some(&b'\n');
    Ok(HeaderPlace { start, end, separator, ends_with_line_feed })
}

fn is_batch_line(line: &[u8]) -> bool {
    let batch = line.starts_with(b"FHS") || line.starts_with(b"BHS");
    batch && line.get(3).is_some_and(u8::is_ascii_punctuation)
}

/// The separators of a message, and UTF-8 until the character set is known.
fn context(header: &HeaderPlace, bytes: &[u8], issues: &mut Issues) -> Context {
    let after = &bytes[header.start + 4..header.end];
    let encoding = &after[..memchr(header.separator, after).unwrap_or(after.len())];
    let offset = header.start + 4;
    let delimiters = Delimiters::read(header.separator, encoding, offset, issues);
    Context { delimiters, charset: Charset::Utf8, verbatim: false }
}

fn choose_charset(message: &Message<'_>, choice: CharsetChoice, issues: &mut Issues) -> Charset {
    let span = message.spans[0];
    let header = Segment { raw: span.of(message.bytes), context: message.context, index: 0 };
    let default = match choice {
        CharsetChoice::Always(charset) => return charset,
        CharsetChoice::DeclaredOr(charset) => charset,
    };
    // Only the first repetition holds for the whole message (HL7 2.5.1 §2.15.9.18).
    let declared = header.field(18).repetition(1);
    if declared.is_absent() || declared.is_null() {
        return default;
    }
    match Charset::from_label(declared.raw()) {
        Some(Charset::Ascii) if !message.bytes.is_ascii() => {
            issues.add(IssueKind::NotAscii, span.start as usize, Some(0));
            default
        }
        Some(charset) => charset,
        None => {
            issues.add(IssueKind::UnknownCharset, span.start as usize, Some(0));
            // Sets that switch by escape sequences (ISO 2022) look like ASCII.
            if !message.bytes.is_ascii() || memchr(0x1B, message.bytes).is_some() {
                issues.add(IssueKind::Undecodable, span.start as usize, Some(0));
            }
            default
        }
    }
}

/// Finds the segments that hold bytes which are not text in the chosen character set.
fn check_text(message: &Message<'_>, issues: &mut Issues) {
    if message.bytes.is_ascii() {
        return;
    }
    for (index, span) in message.spans.iter().enumerate() {
        let raw = span.of(message.bytes);
        if !raw.is_ascii() && message.context.charset.decode(raw).is_none() {
            issues.add(IssueKind::Undecodable, span.start as usize, Some(index));
        }
    }
}

/// Which kinds of line feed were reported: each is reported once a message.
#[derive(Default)]
struct LineFeeds {
    alone: bool,
    after_return: bool,
}

struct Reader<'a> {
    bytes: &'a [u8],
    separator: u8,
    /// The header ended with a line feed, so every line feed ends a segment.
    line_feeds_end: bool,
    spans: Vec<Span>,
    issues: Issues,
    line_feeds: LineFeeds,
}

impl Reader<'_> {
    fn read_segments(&mut self, header: usize) -> Result<(), ParseError> {
        let bytes = self.bytes;
        let mut start = header;
        for at in memchr2_iter(b'\r', b'\n', &bytes[header..]).map(|at| header + at) {
            if bytes[at] == b'\r' {
                self.add_segment(start, at)?;
            } else if at == start && at > header && bytes[at - 1] == b'\r' {
                self.note_line_feed(at, true);
            } else if self.line_feeds_end || at == start || self.segment_follows(at + 1) {
                self.note_line_feed(at, false);
                self.add_segment(start, at)?;
            } else {
                self.issues.add(IssueKind::LineFeedInText, at, Some(self.spans.len()));
                continue;
            }
            start = at + 1;
        }
        if start < bytes.len() {
            self.issues.add(IssueKind::NoFinalEnd, bytes.len(), None);
            self.add_segment(start, bytes.len())?;
        }
        Ok(())
    }

    fn note_line_feed(&mut self, at: usize, after_return: bool) {
        let (seen, kind) = if after_return {
            (&mut self.line_feeds.after_return, IssueKind::CrLfEnds)
        } else {
            (&mut self.line_feeds.alone, IssueKind::LineFeedEnds)
        };
        if !std::mem::replace(seen, true) {
            self.issues.add(kind, at, None);
        }
    }

    /// Whether what follows a line feed in a message of carriage returns is another segment
    /// (or nothing), and not the next line of a text.
    fn segment_follows(&self, at: usize) -> bool {
        let rest = &self.bytes[at..];
        rest.is_empty() || (is_segment_name(rest) && rest.get(3) == Some(&self.separator))
    }

    fn add_segment(&mut self, start: usize, end: usize) -> Result<(), ParseError> {
        let raw = &self.bytes[start..end];
        let index = Some(self.spans.len());
        if raw.iter().all(|&byte| byte == b' ' || byte == b'\t') {
            self.issues.add(IssueKind::BlankLine, start, None);
            return Ok(());
        }
        if self.spans.len() == MAX_SEGMENTS {
            return Err(ParseError::TooManySegments);
        }
        if raw.len() < 3 {
            self.issues.add(IssueKind::ShortSegment, start, index);
        } else if !is_segment_name(raw) || raw.get(3).is_some_and(|&byte| byte != self.separator) {
            self.issues.add(IssueKind::OddSegmentName, start, index);
        } else if raw.starts_with(b"MSH") && !self.spans.is_empty() {
            self.issues.add(IssueKind::SecondHeader, start, index);
        } else if matches!(&raw[..3], b"FHS" | b"BHS" | b"BTS" | b"FTS") {
            self.issues.add(IssueKind::BatchSegment, start, index);
        }
        self.spans.push(span(start, end));
        Ok(())
    }
}

/// A letter and two letters or digits, upper case (HL7 2.5.1 §2.5.2).
fn is_segment_name(raw: &[u8]) -> bool {
    let later = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    matches!(raw, [a, b, c, ..] if a.is_ascii_uppercase() && later(*b) && later(*c))
}

fn span(start: usize, end: usize) -> Span {
    let narrow = |place| u32::try_from(place).expect("inputs are shorter than 4 GiB");
    Span { start: narrow(start), end: narrow(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "MSH|^~\\&|A|B|||||ADT^A01|1|P|2.5";

    fn check(rest: &str, segments: &[&str], kinds: &[IssueKind]) {
        let input = format!("{HEADER}{rest}");
        let (message, issues) = parse(input.as_bytes()).unwrap();
        let read: Vec<_> = message.iter().skip(1).map(|segment| segment.raw()).collect();
        let expect: Vec<_> = segments.iter().map(|segment| segment.as_bytes()).collect();
        assert_eq!(read, expect, "{rest:?}");
        let found: Vec<_> = issues.iter().map(|issue| issue.kind).collect();
        assert_eq!(found, kinds, "{rest:?}");
    }

    #[test]
    fn every_line_end_is_read() {
        use IssueKind as K;
        check("\rPID|1\r", &["PID|1"], &[]);
        check("\rPID|1", &["PID|1"], &[K::NoFinalEnd]);
        check("\nPID|1\nodd line\n", &["PID|1", "odd line"], &[K::LineFeedEnds, K::OddSegmentName]);
        check("\r\nPID|1\r\nPV1|1\r\n", &["PID|1", "PV1|1"], &[K::CrLfEnds]);
        check("\r\rPID|1\r \r", &["PID|1"], &[K::BlankLine, K::BlankLine]);
        check("\r\n\nPID|1\r", &["PID|1"], &[K::CrLfEnds, K::LineFeedEnds, K::BlankLine]);
        check(
            "\rNTE|1||two\nlines\rPID|1\r",
            &["NTE|1||two\nlines", "PID|1"],
            &[K::LineFeedInText],
        );
        check("\rNTE|1||x\nPID|1\r", &["NTE|1||x", "PID|1"], &[K::LineFeedEnds]);
    }

    #[test]
    fn strange_segments_are_kept() {
        use IssueKind as K;
        check(
            "\rA\rpid|1\rPIDX|1\rPV1\r",
            &["A", "pid|1", "PIDX|1", "PV1"],
            &[K::ShortSegment, K::OddSegmentName, K::OddSegmentName],
        );
        check(
            "\rMSH|^~\\&|X\rBTS|1\r",
            &["MSH|^~\\&|X", "BTS|1"],
            &[K::SecondHeader, K::BatchSegment],
        );
    }

    #[test]
    fn what_stands_before_the_header_is_told() {
        let check = |before: &str, expect: Result<&[IssueKind], ParseError>| {
            let input = format!("{before}{HEADER}\r");
            let read = parse(input.as_bytes());
            if let Ok((message, _)) = &read {
                assert_eq!(message.leading(), before.as_bytes());
                assert_eq!(message.header().control_id(), "1");
            }
            let found = read.map(|(_, issues)| issues.iter().map(|i| i.kind).collect::<Vec<_>>());
            assert_eq!(found, expect.map(<[_]>::to_vec), "{before:?}");
        };
        check("\u{FEFF}", Ok(&[IssueKind::LeadingBytes]));
        check("\r\n\0 ", Ok(&[IssueKind::LeadingBytes]));
        check("EVN|A01\r", Ok(&[IssueKind::LeadingContent]));
        check("FHS|^~\\&|X\r", Err(ParseError::Batch));
        check("\nBHS|^~\\&|X\r", Err(ParseError::Batch));
        check("EVN|A01", Err(ParseError::NoHeader));
        check("MSHX", Err(ParseError::BadFieldSeparator));
        assert_eq!(parse(b"MSH").unwrap_err(), ParseError::NoHeader);
        assert_eq!(parse(b"").unwrap_err(), ParseError::NoHeader);
    }

    #[test]
    fn limits_hold() {
        let long = vec![b'x'; MAX_MESSAGE_BYTES + 1];
        assert_eq!(parse(&long).unwrap_err(), ParseError::TooLong(long.len()));
        let many = format!("{HEADER}\r{}", "A\r".repeat(MAX_SEGMENTS));
        assert_eq!(parse(many.as_bytes()).unwrap_err(), ParseError::TooManySegments);
        let header = parse_header(many.as_bytes(), CharsetChoice::default()).unwrap();
        assert_eq!(header.header().control_id(), "1");
        let most = format!("{HEADER}\r{}", "A\r".repeat(MAX_SEGMENTS - 1));
        let (message, issues) = parse(most.as_bytes()).unwrap();
        assert_eq!(message.segment_count(), MAX_SEGMENTS);
        assert_eq!(issues.len(), crate::MAX_ISSUES + 1);
        assert_eq!(issues.last().unwrap().kind, IssueKind::MoreIssues);
    }

    #[test]
    fn the_character_set_is_chosen() {
        use IssueKind as K;
        let check = |declared: &str, name: &[u8], choice, text: &str, kinds: &[K]| {
            let mut input = format!("{HEADER}||||||{declared}\rPID|||||").into_bytes();
            input.extend_from_slice(name);
            input.push(b'\r');
            let (message, issues) = parse_as(&input, choice).unwrap();
            assert_eq!(message.get("PID-5").text(), text);
            let found: Vec<_> = issues.iter().map(|issue| issue.kind).collect();
            assert_eq!(found, kinds, "{declared}");
        };
        let (utf8, windows) = (Charset::Utf8, Charset::Windows1252);
        let or = CharsetChoice::DeclaredOr;
        check("", "é".as_bytes(), or(utf8), "é", &[]);
        check("", b"\xE9", or(windows), "é", &[]);
        check("", b"\xE9", or(utf8), "\u{FFFD}", &[K::Undecodable]);
        check("8859/1", b"\xE9", or(utf8), "é", &[]);
        check("UNICODE UTF-8~8859/1", "é".as_bytes(), or(windows), "é", &[]);
        check("ASCII", b"\x92", or(windows), "’", &[K::NotAscii]);
        check("ASCII", b"x", or(windows), "x", &[]);
        check("UNICODE UTF-16", b"\xE9", or(windows), "é", &[K::UnknownCharset, K::Undecodable]);
        check("UNICODE UTF-8", b"\xE9", CharsetChoice::Always(windows), "é", &[]);
    }
}
