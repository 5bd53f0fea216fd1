//! MLLP framing: `0x0B` message `0x1C 0x0D` (HL7 Minimal Lower Layer Protocol, release 1).
//!
//! [`Decoder`] takes bytes as they arrive, in any pieces, and yields [`Event`]s. A frame is
//! yielded only when both bytes of its end were seen: a half message is never handed on as a
//! whole one. What the decoder does with each irregularity:
//!
//! - bytes outside frames are counted and dropped;
//! - a start byte inside a frame begins a new frame and the one before is reported as lost;
//! - an end byte that no carriage return follows is kept as content, because cutting the
//!   message there could lose what comes after. Peers that never send the carriage return are
//!   served by [`Ending::EndByteAlone`];
//! - a frame that passes the size limit is reported once, skipped to its end, and takes no
//!   memory.

use std::collections::VecDeque;

use memchr::{memchr, memchr2};

/// The start byte.
pub const START: u8 = 0x0B;
/// The first byte of the end.
pub const END: u8 = 0x1C;
/// The second byte of the end.
pub const RETURN: u8 = 0x0D;

/// The longest frame taken unless the channel says otherwise, in bytes: 16 MiB.
pub const DEFAULT_FRAME_LIMIT: usize = 16 * 1024 * 1024;

/// How much of the beginning of an oversized frame is reported, in bytes: enough for its
/// header, so that it can be answered.
pub const OVERSIZED_HEAD: usize = 2 * 1024;

/// What ends a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// `0x1C 0x0D`, as the protocol says.
    #[default]
    Proper,
    /// `0x1C` alone; a carriage return after it is dropped. For peers that send no `0x0D`.
    EndByteAlone,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole frame, without its framing bytes.
    Frame(Vec<u8>),
    /// Bytes outside any frame, which were dropped.
    Noise {
        /// How many.
        bytes: usize,
    },
    /// A frame passed the size limit; the rest of it is skipped.
    Oversized {
        /// Its first bytes, at most [`OVERSIZED_HEAD`].
        head: Vec<u8>,
        /// The limit that it passed, in bytes.
        limit: usize,
    },
    /// A start byte came inside a frame: what had arrived of that frame was dropped.
    Restarted {
        /// How many bytes of it had arrived.
        bytes: usize,
    },
    /// The connection ended inside a frame: what had arrived of it was dropped.
    Half {
        /// How many bytes of it had arrived.
        bytes: usize,
    },
}

/// Content that cannot be framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A start or end byte stands in the content; it would tear the frame apart.
    #[error("the message holds an MLLP framing byte at byte {0}")]
    FramingByte(usize),
}

/// Frames a message.
pub fn encode(message: &[u8]) -> Result<Vec<u8>, FrameError> {
    let mut out = Vec::with_capacity(message.len() + 3);
    encode_into(message, &mut out)?;
    Ok(out)
}

/// Frames a message at the end of `out`, which is unchanged on error.
pub fn encode_into(message: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    if let Some(at) = memchr2(START, END, message) {
        return Err(FrameError::FramingByte(at));
    }
    out.reserve(message.len() + 3);
    out.push(START);
    out.extend_from_slice(message);
    out.extend_from_slice(&[END, RETURN]);
    Ok(())
}

/// Takes bytes, gives frames. Drain it with its [`Iterator`] after each push; the iterator may
/// yield again after it gave `None`.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    ending: Ending,
    state: State,
    frame: Vec<u8>,
    noise: usize,
    events: VecDeque<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    /// After an end byte alone: a carriage return may follow and belongs to it.
    AfterEnd,
    Inside,
    /// Inside, the last byte was an end byte.
    MaybeEnd,
    Skipping,
    /// Skipping, the last byte was an end byte.
    SkippingMaybeEnd,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(DEFAULT_FRAME_LIMIT, Ending::default())
    }
}

impl Iterator for Decoder {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

impl Decoder {
    /// A decoder that takes frames of up to `limit` bytes.
    pub fn new(limit: usize, ending: Ending) -> Self {
        let (frame, events) = (Vec::new(), VecDeque::new());
        Self { limit, ending, state: State::Outside, frame, noise: 0, events }
    }

    /// Takes bytes as they arrived.
    pub fn push(&mut self, mut input: &[u8]) {
        while let Some(&first) = input.first() {
            let used = match self.state {
                State::Outside => self.outside(input),
                State::AfterEnd => {
                    self.state = State::Outside;
                    usize::from(first == RETURN)
                }
                State::Inside => self.inside(input),
                State::MaybeEnd => self.maybe_end(first),
                State::Skipping => self.skipping(input),
                State::SkippingMaybeEnd => self.skipping_maybe_end(first),
            };
            input = &input[used..];
        }
    }

    /// Tells that no more bytes come. What is left is reported by the iterator, never as a
    /// frame. The decoder can then serve another connection.
    pub fn finish(&mut self) {
        match self.state {
            State::Inside | State::MaybeEnd => {
                let bytes = self.partial();
                self.events.push_back(Event::Half { bytes });
            }
            State::Outside | State::AfterEnd | State::Skipping | State::SkippingMaybeEnd => {}
        }
        self.report_noise();
        self.frame = Vec::new();
        self.state = State::Outside;
    }

    /// How many bytes of an unfinished frame are held.
    pub fn partial(&self) -> usize {
        self.frame.len() + usize::from(self.state == State::MaybeEnd)
    }

    fn outside(&mut self, input: &[u8]) -> usize {
        let Some(at) = memchr(START, input) else {
            self.noise = self.noise.saturating_add(input.len());
            return input.len();
        };
        self.noise = self.noise.saturating_add(at);
        self.report_noise();
        self.state = State::Inside;
        at + 1
    }

    fn inside(&mut self, input: &[u8]) -> usize {
        let at = memchr2(START, END, input);
        let content = at.unwrap_or(input.len());
        if !self.take(&input[..content]) {
            return content;
        }
        match at {
            None => content,
            Some(at) if input[at] == START => {
                self.restart();
                at + 1
            }
            Some(at) if self.ending == Ending::EndByteAlone => {
                self.yield_frame();
                self.state = State::AfterEnd;
                at + 1
            }
            Some(at) => {
                self.state = State::MaybeEnd;
                at + 1
            }
        }
    }

    fn maybe_end(&mut self, byte: u8) -> usize {
        match byte {
            RETURN => {
                self.yield_frame();
                self.state = State::Outside;
                1
            }
            START => {
                self.restart();
                1
            }
            // The end byte was content after all; this byte is looked at again.
            _ => {
                self.state = State::Inside;
                self.take(&[END]);
                0
            }
        }
    }

    fn skipping(&mut self, input: &[u8]) -> usize {
        let Some(at) = memchr2(START, END, input) else {
            return input.len();
        };
        self.state = match (input[at], self.ending) {
            (START, _) => State::Inside,
            (_, Ending::EndByteAlone) => State::AfterEnd,
            (_, Ending::Proper) => State::SkippingMaybeEnd,
        };
        at + 1
    }

    fn skipping_maybe_end(&mut self, byte: u8) -> usize {
        let (state, used) = match byte {
            RETURN => (State::Outside, 1),
            START => (State::Inside, 1),
            _ => (State::Skipping, 0),
        };
        self.state = state;
        used
    }

    /// Adds content to the frame; false where that passes the limit.
    fn take(&mut self, content: &[u8]) -> bool {
        let needed = self.frame.len() + content.len();
        if needed > self.limit {
            let mut head = std::mem::take(&mut self.frame);
            let missing = OVERSIZED_HEAD.saturating_sub(head.len()).min(content.len());
            head.truncate(OVERSIZED_HEAD);
            head.extend_from_slice(&content[..missing]);
            head.shrink_to_fit();
            self.events.push_back(Event::Oversized { head, limit: self.limit });
            self.state = State::Skipping;
            return false;
        }
        if needed > self.frame.capacity() {
            // Doubling keeps the cost linear, and the limit keeps doubling from passing it.
            let wanted = needed.max(self.frame.capacity() * 2).min(self.limit);
            self.frame.reserve_exact(wanted - self.frame.len());
        }
        self.frame.extend_from_slice(content);
        true
    }

    fn yield_frame(&mut self) {
        self.events.push_back(Event::Frame(std::mem::take(&mut self.frame)));
    }

    fn restart(&mut self) {
        let bytes = self.partial();
        self.events.push_back(Event::Restarted { bytes });
        self.frame.clear();
        self.state = State::Inside;
    }

    fn report_noise(&mut self) {
        if self.noise > 0 {
            let bytes = std::mem::take(&mut self.noise);
            self.events.push_back(Event::Noise { bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(decoder: &mut Decoder, pieces: &[&[u8]]) -> Vec<Event> {
        for piece in pieces {
            decoder.push(piece);
        }
        decoder.finish();
        decoder.collect()
    }

    fn frame(text: &str) -> Event {
        Event::Frame(text.as_bytes().to_vec())
    }

    fn check(input: &[u8], expect: &[Event]) {
        let (limit, ending) = (8, Ending::Proper);
        assert_eq!(run(&mut Decoder::new(limit, ending), &[input]), expect, "whole {input:?}");
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(run(&mut Decoder::new(limit, ending), &bytes), expect, "bytes {input:?}");
    }

    #[test]
    fn every_irregularity_is_told() {
        let oversized = |head: &str| Event::Oversized { head: head.into(), limit: 8 };
        check(b"\x0Babc\x1C\r", &[frame("abc")]);
        check(b"\x0Ba\x1C\r\x0Bb\x1C\r", &[frame("a"), frame("b")]);
        check(b"\x0B\x1C\r", &[frame("")]);
        check(
            b"xx\x0Ba\x1C\r\n",
            &[Event::Noise { bytes: 2 }, frame("a"), Event::Noise { bytes: 1 }],
        );
        check(b"\x0Babc", &[Event::Half { bytes: 3 }]);
        check(b"\x0Babc\x1C", &[Event::Half { bytes: 4 }]);
        check(b"\x0Bab\x0Bc\x1C\r", &[Event::Restarted { bytes: 2 }, frame("c")]);
        check(b"\x0Bab\x1C\x0Bc\x1C\r", &[Event::Restarted { bytes: 3 }, frame("c")]);
        check(b"\x0Ba\x1Cb\x1C\x1C\r", &[frame("a\x1Cb\x1C")]);
        check(b"\x0B12345678\x1C\r", &[frame("12345678")]);
        check(b"\x0B\x0B\x1C\r", &[Event::Restarted { bytes: 0 }, frame("")]);
        let tail = b"\x0B12345678\x1C9\x1Cx\x1C\r\x0Bb\x1C\r";
        let found = run(&mut Decoder::new(8, Ending::Proper), &[tail]);
        assert_eq!(found, [oversized("12345678\x1C"), frame("b")]);
        let found = run(&mut Decoder::new(8, Ending::Proper), &[b"\x0B123456789\x0Bb\x1C\r"]);
        assert_eq!(found, [oversized("123456789"), frame("b")]);
    }

    #[test]
    fn an_end_byte_alone_ends_where_the_channel_says_so() {
        let mut decoder = Decoder::new(8, Ending::EndByteAlone);
        let found = run(&mut decoder, &[b"\x0Ba\x1C\x0Bb\x1C", b"\r\x0Bc\x1C\n"]);
        assert_eq!(found, [frame("a"), frame("b"), frame("c"), Event::Noise { bytes: 1 }]);
    }

    #[test]
    fn memory_stays_within_the_limit() {
        let limit = 100_000;
        let mut decoder = Decoder::new(limit, Ending::Proper);
        decoder.push(&[START]);
        let mut oversized = 0;
        for _ in 0..300 {
            decoder.push(&[b'x'; 1000]);
            assert!(decoder.frame.capacity() <= limit);
            for event in decoder.by_ref() {
                let Event::Oversized { head, .. } = event else { panic!("{event:?}") };
                assert_eq!(head.len(), OVERSIZED_HEAD);
                oversized += 1;
            }
        }
        assert_eq!(oversized, 1);
        assert_eq!(decoder.frame.capacity(), 0);
        decoder.push(b"\x1C\r\x0Bnext\x1C\r");
        assert_eq!(decoder.next(), Some(frame("next")));
    }

    #[test]
    fn framing_bytes_in_a_message_are_refused() {
        assert_eq!(encode(b"abc").unwrap(), b"\x0Babc\x1C\r");
        assert_eq!(encode(b"a\x1C"), Err(FrameError::FramingByte(1)));
        assert_eq!(encode(b"\x0B"), Err(FrameError::FramingByte(0)));
    }
}
