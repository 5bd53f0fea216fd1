//! Whether a message is arriving: what the limits on time depend on.

/// The byte before a message (MLLP release 1).
const START: u8 = 0x0B;

/// The two bytes after a message.
const END: [u8; 2] = [0x1C, 0x0D];

/// Follows the framing bytes of a line. Other than what a decoder holds, it tells of a message
/// that has begun without content, and of one that is too long and is skipped.
#[derive(Debug, Default)]
pub(super) struct Framing {
    inside: bool,
    /// Whether the last byte was the first one of an end.
    half_end: bool,
}

impl Framing {
    /// Takes bytes as they arrived.
    pub(super) fn push(&mut self, input: &[u8]) {
        let Some(&last) = input.last() else {
            return;
        };
        // The last framing that the bytes hold decides.
        let begun = input.iter().rposition(|&byte| byte == START);
        let rest = &input[begun.map_or(0, |at| at + 1)..];
        let closed = self.half_end && begun.is_none() && input[0] == END[1];
        let ended = closed || rest.ends_with(&END) || rest.windows(2).any(|pair| pair == END);
        self.inside = (self.inside || begun.is_some()) && !ended;
        self.half_end = last == END[0];
    }

    /// Whether a message has begun and not ended.
    pub(super) fn is_inside(&self) -> bool {
        self.inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks whether a message is arriving after the bytes, in one piece and byte by byte.
    fn check(input: &[u8], inside: bool) {
        for size in [input.len(), 1, 2, 3] {
            let mut framing = Framing::default();
            input.chunks(size).for_each(|piece| framing.push(piece));
            assert_eq!(framing.is_inside(), inside, "{input:?} in pieces of {size}");
        }
    }

    #[test]
    fn a_message_arrives_from_its_start_to_its_end() {
        check(b"noise\r", false);
        check(b"\x0B", true);
        check(b"\x0Bx", true);
        check(b"\x0Bx\x1C", true);
        check(b"\x0Bx\x1Cy\r", true);
        check(b"\x0Bx\x1C\r", false);
        check(b"\x0B\x1C\r", false);
        check(b"\x0Bx\x1C\r\r\n", false);
        check(b"\x0Bx\x1C\r\x0By", true);
        check(b"\x0Bx\x0By\x1C\r", false);
        check(b"\x1C\r\x0B", true);
        check(b"\x0Bx\x1C\x1C\r", false);
    }
}
