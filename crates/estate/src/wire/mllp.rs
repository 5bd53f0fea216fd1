//! MLLP frames (HL7 2.5.1 implementation guide, appendix C): `0x0B` message `0x1C 0x0D`.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

const BEGIN: u8 = 0x0B;
const END: u8 = 0x1C;
const CR: u8 = 0x0D;

/// The longest frame that the estate reads, in bytes.
const MAX_FRAME: usize = 4 * 1024 * 1024;
const CHUNK: usize = 8 * 1024;

/// A message in its frame.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.len() + 3);
    frame.push(BEGIN);
    frame.extend_from_slice(message);
    frame.extend_from_slice(&[END, CR]);
    frame
}

/// Takes the first whole frame out of the bytes read so far. What is before it is noise.
fn take(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let begin = buffer.iter().position(|byte| *byte == BEGIN)?;
    let length = buffer[begin + 1..].windows(2).position(|pair| pair == [END, CR])?;
    let end = begin + 1 + length;
    let message = buffer[begin + 1..end].to_vec();
    buffer.drain(..end + 2);
    Some(message)
}

/// Reads frames from a line.
pub(crate) struct Frames<R> {
    line: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(line: R) -> Self {
        Frames { line, buffer: Vec::new() }
    }

    /// The next message; `None` at the end of the line, where a frame that is not whole is lost.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(message) = take(&mut self.buffer) {
                return Ok(Some(message));
            }
            if self.buffer.len() > MAX_FRAME {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
            }
            let mut chunk = [0; CHUNK];
            match self.line.read(&mut chunk).await? {
                0 => return Ok(None),
                read => self.buffer.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// The line itself.
    pub(crate) fn line(&mut self) -> &mut R {
        &mut self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_and_in_order() {
        let mut bytes = b"noise".to_vec();
        bytes.extend(framed(b"one"));
        bytes.extend(framed(b"two"));
        let (mut buffer, mut taken) = (Vec::new(), Vec::new());
        for byte in bytes {
            buffer.push(byte);
            taken.extend(take(&mut buffer));
        }
        assert_eq!(taken, [b"one".to_vec(), b"two".to_vec()]);
        assert!(buffer.is_empty());
    }

    #[tokio::test]
    async fn half_a_frame_is_nothing() {
        let mut frames = Frames::new(&b"\x0bone\x1c\x0d\x0btw"[..]);
        assert_eq!(frames.next().await.unwrap(), Some(b"one".to_vec()));
        assert_eq!(frames.next().await.unwrap(), None);
    }
}
