//! Batches: several messages in one file or frame (HL7 2.5.1 §2.10.3).
//!
//! `[FHS] { [BHS] { message } [BTS] } [FTS]`. [`split`] cuts a batch into its messages and
//! reconciles it: what was opened must be closed, and the counts of BTS-1 and FTS-1, where they
//! are given, must be what is there. A batch that is not whole is refused as one, since a file
//! that was cut off is the usual cause, and half a batch acted on cannot be told from a whole one
//! afterwards. Messages that follow each other without any batch segment are a batch as well.

mod reply;

use memchr::{memchr, memchr2_iter};

pub use reply::{ReplySpec, enclose, enclose_all, reply};

/// The most messages of one batch.
pub const MAX_BATCH_MESSAGES: usize = 10_000;

/// A batch, cut into its parts. Everything borrows from the input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch<'a> {
    /// FHS, without its end, where there is one.
    pub file: Option<&'a [u8]>,
    /// The batches of the file, in order; one where no BHS is there.
    pub parts: Vec<Part<'a>>,
}

/// One batch of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part<'a> {
    /// BHS, without its end, where there is one.
    pub header: Option<&'a [u8]>,
    /// Its messages, in order, each with the end of its last segment where it has one.
    pub messages: Vec<&'a [u8]>,
}

/// Why a batch is not whole. It names numbers and places and never content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// BTS-1 is not the number of messages.
    #[error("BTS-1 of batch {batch} says {said} messages and {found} are there")]
    MessageCount {
        /// Which batch of the file, from 1.
        batch: usize,
        /// What BTS-1 says.
        said: u64,
        /// How many there are.
        found: usize,
    },
    /// FTS-1 is not the number of batches.
    #[error("FTS-1 says {said} batches and {found} are there")]
    BatchCount {
        /// What FTS-1 says.
        said: u64,
        /// How many there are.
        found: usize,
    },
    /// A count is not a number.
    #[error("the count in {0}-1 is not a number")]
    BadCount(&'static str),
    /// What was opened is not closed: the batch was probably cut off.
    #[error("{0} is opened and {1} is missing: the batch is cut off")]
    NotClosed(&'static str, &'static str),
    /// A segment stands where none of a batch may stand.
    #[error("a segment at byte {0} belongs to no message of the batch")]
    Stray(usize),
    /// Segments end with CR, and after a bare line feed something stands that looks like a
    /// header: the line feed is part of a text, or it ends a message. Nobody can tell.
    #[error("what begins at byte {0} follows a line feed where segments end with CR")]
    Ambiguous(usize),
    /// More than [`MAX_BATCH_MESSAGES`].
    #[error("the batch has more than {MAX_BATCH_MESSAGES} messages")]
    TooMany,
}

/// The lines that a batch is cut at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Fhs,
    Bhs,
    Msh,
    Bts,
    Fts,
}

/// Whether the input is more than one message, or has batch segments. One pass over the line
/// ends and no allocation, so that a channel can ask it of every message.
pub fn is_batch(bytes: &[u8]) -> bool {
    let mut headers = 0;
    lines(bytes).any(|(_, line)| match mark(line) {
        None => false,
        Some(Mark::Msh) => {
            headers += 1;
            headers > 1
        }
        Some(_) => true,
    })
}

/// Cuts a batch into its messages and reconciles it.
pub fn split(bytes: &[u8]) -> Result<Batch<'_>, BatchError> {
    let mut splitter = Splitter { bytes, ..Splitter::default() };
    let ends_with_cr = memchr(b'\r', bytes).is_some();
    for (at, line) in lines(bytes) {
        let Some(mark) = mark(line) else {
            splitter.other(at, line)?;
            continue;
        };
        let before = &bytes[..at];
        let bare_feed = before.ends_with(b"\n") && !before.ends_with(b"\r\n");
        if ends_with_cr && bare_feed && splitter.has_no_envelope() {
            return Err(BatchError::Ambiguous(at));
        }
        splitter.take(mark, at, line)?;
    }
    splitter.finish()
}

#[derive(Default)]
struct Splitter<'a> {
    bytes: &'a [u8],
    batch: Batch<'a>,
    part: Option<Part<'a>>,
    /// Where the message that is read began.
    message: Option<usize>,
    messages: usize,
    ended: bool,
}

impl<'a> Splitter<'a> {
    /// Whether a message is read and no batch segment was before it: those say that lines end
    /// with line feeds, while without one it may as well be text.
    fn has_no_envelope(&self) -> bool {
        let enveloped = self.batch.file.is_some()
            || !self.batch.parts.is_empty()
            || self.part.as_ref().is_some_and(|part| part.header.is_some());
        self.message.is_some() && !enveloped
    }

    fn take(&mut self, mark: Mark, at: usize, line: &'a [u8]) -> Result<(), BatchError> {
        if self.ended {
            return Err(BatchError::Stray(at));
        }
        self.end_message(at);
        match mark {
            Mark::Fhs if self.batch != Batch::default() || self.part.is_some() => {
                Err(BatchError::Stray(at))
            }
            Mark::Fhs => {
                self.batch.file = Some(line);
                Ok(())
            }
            Mark::Bhs => {
                self.end_part()?;
                self.part = Some(Part { header: Some(line), messages: Vec::new() });
                Ok(())
            }
            Mark::Msh => {
                self.messages += 1;
                if self.messages > MAX_BATCH_MESSAGES {
                    return Err(BatchError::TooMany);
                }
                self.part.get_or_insert_default();
                self.message = Some(at);
                Ok(())
            }
            Mark::Bts => {
                let part = self.part.take().unwrap_or_default();
                let (batch, found) = (self.batch.parts.len() + 1, part.messages.len());
                self.batch.parts.push(part);
                match count("BTS", line)? {
                    Some(said) if said != found as u64 => {
                        Err(BatchError::MessageCount { batch, said, found })
                    }
                    _ => Ok(()),
                }
            }
            Mark::Fts => {
                self.end_part()?;
                self.ended = true;
                let found = self.batch.parts.len();
                match count("FTS", line)? {
                    Some(said) if said != found as u64 => {
                        Err(BatchError::BatchCount { said, found })
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// A line that is no mark: a segment of the message, or nothing.
    fn other(&self, at: usize, line: &[u8]) -> Result<(), BatchError> {
        let blank = line.iter().all(|&byte| byte <= b' ');
        if blank || self.message.is_some() { Ok(()) } else { Err(BatchError::Stray(at)) }
    }

    fn end_message(&mut self, at: usize) {
        if let (Some(from), Some(part)) = (self.message.take(), &mut self.part) {
            part.messages.push(&self.bytes[from..at]);
        }
    }

    /// Ends a batch that no BTS has ended.
    fn end_part(&mut self) -> Result<(), BatchError> {
        match self.part.take() {
            Some(Part { header: Some(_), .. }) => Err(BatchError::NotClosed("BHS", "BTS")),
            Some(part) => {
                self.batch.parts.push(part);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Batch<'a>, BatchError> {
        self.end_message(self.bytes.len());
        self.end_part()?;
        if self.batch.file.is_some() && !self.ended {
            return Err(BatchError::NotClosed("FHS", "FTS"));
        }
        Ok(self.batch)
    }
}

/// The count in the first field of a trailer, where it is given. It may stand in the first
/// component alone.
fn count(name: &'static str, line: &[u8]) -> Result<Option<u64>, BatchError> {
    let Some((&separator, rest)) = line.get(3..).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    let field = rest.split(|&byte| byte == separator).next().unwrap_or_default().trim_ascii();
    if field.is_empty() {
        return Ok(None);
    }
    let number = str::from_utf8(field).ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or(BatchError::BadCount(name))
}

/// The lines of the input with their places, without their ends. A byte order mark and blanks
/// before the first are left out.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let bom = usize::from(bytes.starts_with(b"\xEF\xBB\xBF")) * 3;
    let first = bom + bytes[bom..].iter().take_while(|&&byte| byte <= b' ').count();
    let ends = memchr2_iter(b'\r', b'\n', &bytes[first..]).map(move |at| first + at);
    let mut start = first;
    ends.chain(std::iter::once(bytes.len())).map(move |end| {
        let line = (start, &bytes[start.min(end)..end]);
        start = end + 1;
        line
    })
}

fn mark(line: &[u8]) -> Option<Mark> {
    let mark = match line.get(..3)? {
        b"FHS" => Mark::Fhs,
        b"BHS" => Mark::Bhs,
        b"MSH" => Mark::Msh,
        b"BTS" => Mark::Bts,
        b"FTS" => Mark::Fts,
        _ => return None,
    };
    let bare = matches!(mark, Mark::Bts | Mark::Fts);
    line.get(3).map_or(bare, u8::is_ascii_punctuation).then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    const M1: &str = "MSH|^~\\&|A|B|||||ADT^A01|1|P|2.5\rPID|1\r";
    const M2: &str = "MSH|^~\\&|A|B|||||ADT^A01|2|P|2.5\rPID|1\r";

    /// `what` uses `<1>` and `<2>` for the messages and `;` for the end of a segment.
    fn check(what: &str, expect: Result<&[usize], BatchError>) {
        let text = what.replace(';', "\r").replace("<1>", M1).replace("<2>", M2);
        let found = split(text.as_bytes());
        let counts = found.map(|batch| {
            for message in batch.parts.iter().flat_map(|part| &part.messages) {
                let (read, issues) = crate::parse(message).unwrap();
                assert_eq!((read.segment_count(), issues.len()), (2, 0), "{what}");
            }
            batch.parts.iter().map(|part| part.messages.len()).collect::<Vec<_>>()
        });
        assert_eq!(counts, expect.map(<[usize]>::to_vec), "{what}");
    }

    #[test]
    fn whole_batches_are_cut() {
        let (h, b) = ("FHS|^~\\&|A;", "BHS|^~\\&|A;");
        check(&format!("{h}{b}<1><2>BTS|2;FTS|1;"), Ok(&[2]));
        check(&format!("{h}{b}<1>BTS|1|c;{b}<2>BTS|1;FTS|2"), Ok(&[1, 1]));
        check(&format!("{b}<1><2>BTS;"), Ok(&[2]));
        check(&format!("{b}<1><2>BTS||text;"), Ok(&[2]));
        check(&format!("{b}BTS|0;"), Ok(&[0]));
        check(&format!("{h}<1><2>FTS|1;"), Ok(&[2]));
        check("<1><2>", Ok(&[2]));
        check("<1><2>BTS| 2 |;", Ok(&[2]));
        check("<1>", Ok(&[1]));
        check(&format!(";;{h};{b};<1>BTS|1;;FTS|1;;"), Ok(&[1]));
    }

    #[test]
    fn a_batch_that_is_not_whole_is_told() {
        use BatchError as E;
        let (h, b) = ("FHS|^~\\&|A;", "BHS|^~\\&|A;");
        let counted = |batch, said, found| Err(E::MessageCount { batch, said, found });
        check(&format!("{b}<1>BTS|2;"), counted(1, 2, 1));
        check(&format!("{b}<1>BTS|1;{b}<1><2>BTS|1;"), counted(2, 1, 2));
        check(&format!("{h}{b}<1>BTS|1;FTS|2;"), Err(E::BatchCount { said: 2, found: 1 }));
        check(&format!("{b}<1>BTS|two;"), Err(E::BadCount("BTS")));
        check(&format!("{b}<1>BTS|-1;"), Err(E::BadCount("BTS")));
        check(&format!("{b}<1><2>"), Err(E::NotClosed("BHS", "BTS")));
        check(&format!("{b}<1>{b}<2>BTS|1;"), Err(E::NotClosed("BHS", "BTS")));
        check(&format!("{h}{b}<1>BTS|1;"), Err(E::NotClosed("FHS", "FTS")));
        check(&format!("{h}{b}<1>FTS|1;"), Err(E::NotClosed("BHS", "BTS")));
        check("FHS|;NTE|1;", Err(E::Stray(5)));
        check("FHS|;FTS|0;BTS|0;", Err(E::Stray(11)));
        check("MSH|^~\\&|;NTE|1||he said:\nMSH|^~\\&|X;AL1|1;", Err(E::Ambiguous(26)));
        check("MSH|^~\\&|;NTE|1||that is\nBTS|1;", Err(E::Ambiguous(25)));
        let enveloped = format!("FHS|\nBHS|\n{M1}\n{M2}\nBTS|2\nFTS|1\n");
        assert!(split(enveloped.as_bytes()).is_ok(), "it says that its lines end with line feeds");
    }

    #[test]
    fn one_message_is_no_batch() {
        let check = |text: &str, expect| assert_eq!(is_batch(text.as_bytes()), expect, "{text:?}");
        check(M1, false);
        check("", false);
        check("\r\n", false);
        check(&M1.replace('\r', "\n"), false);
        check(&format!("{M1}NTE|1||the MSH|is here\r"), false);
        check(&format!("{M1}MSHX\r"), false);
        check(&format!("{M1}{M2}"), true);
        check(&format!("{M1}{M2}").replace('\r', "\n"), true);
        check(&format!("{M1}BTS|1\r"), true);
        check(&format!("\u{FEFF}\nBHS|^~\\&|\r{M1}"), true);
    }

    #[test]
    fn the_number_of_messages_is_limited() {
        let many = "MSH|\r".repeat(MAX_BATCH_MESSAGES + 1);
        assert_eq!(split(many.as_bytes()), Err(BatchError::TooMany));
        assert!(split(&many.as_bytes()[5..]).is_ok());
    }
}
