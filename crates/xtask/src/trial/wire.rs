//! A peer's side of MLLP, written apart from the product's own, so that both cannot share a
//! mistake: frame, send, wait for the acknowledgement.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const START: u8 = 0x0B;
const END: u8 = 0x1C;
const RETURN: u8 = 0x0D;

/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The most bytes of an acknowledgement.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A message in its frame.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.len() + 3);
    frame.push(START);
    frame.extend_from_slice(message);
    frame.extend_from_slice(&[END, RETURN]);
    frame
}

/// Whether a message holds a byte that no frame can carry.
pub fn tears_its_frame(message: &[u8]) -> bool {
    message.contains(&START) || message.contains(&END)
}

/// The next whole frame of what has come, taken out of it; what stands before it goes too.
pub fn take_frame(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let start = buffer.iter().position(|byte| *byte == START)?;
    let end = buffer[start..].windows(2).position(|pair| pair == [END, RETURN])? + start;
    let frame = buffer[start + 1..end].to_vec();
    buffer.drain(..end + 2);
    Some(frame)
}

/// A connection to the node.
pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    /// Connects; an answer may then take as long as `patience`.
    pub fn open(to: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, CONNECT_LIMIT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Line { stream, buffer: Vec::new() })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for the next whole frame.
    pub fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut input = [0; 4096];
        loop {
            if let Some(frame) = take_frame(&mut self.buffer) {
                return Ok(frame);
            }
            if self.buffer.len() > ANSWER_LIMIT {
                return Err(ErrorKind::InvalidData.into());
            }
            match self.stream.read(&mut input)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => self.buffer.extend_from_slice(&input[..count]),
            }
        }
    }
}

/// What matters of an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// MSA-1.
    pub code: String,
    /// MSA-2.
    pub control_id: String,
}

/// Reads an acknowledgement; `None` where the frame is none.
pub fn read_ack(frame: &[u8]) -> Option<Ack> {
    let text = String::from_utf8_lossy(frame);
    let msa = text.split('\r').find_map(|segment| segment.strip_prefix("MSA"))?;
    let separator = msa.chars().next()?;
    let mut fields = msa.split(separator).skip(1);
    let (code, control_id) = (fields.next()?.to_owned(), fields.next()?.to_owned());
    Some(Ack { code, control_id })
}

/// A field of the first segment of that name, as it stands, from 1; MSH counts its separator.
pub fn field(message: &[u8], segment: &str, number: usize) -> String {
    let text = String::from_utf8_lossy(message);
    let mut lines = text.split(['\r', '\n']);
    let Some(line) = lines.find(|line| line.starts_with(segment)) else {
        return String::new();
    };
    let Some(separator) = line.chars().nth(3) else { return String::new() };
    let number = if segment == "MSH" { number.saturating_sub(1) } else { number };
    line.split(separator).nth(number).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_one_by_one() {
        let mut buffer = b"noise".to_vec();
        buffer.extend(framed(b"one"));
        buffer.extend(framed(b"two"));
        buffer.extend([START, b'h']);
        assert_eq!(take_frame(&mut buffer).as_deref(), Some(&b"one"[..]));
        assert_eq!(take_frame(&mut buffer).as_deref(), Some(&b"two"[..]));
        assert_eq!(take_frame(&mut buffer), None);
        assert_eq!(buffer, [START, b'h']);
    }

    #[test]
    fn an_acknowledgement_is_read() {
        let ack = read_ack(b"MSH|^~\\&|I\rMSA|AE|A1|no\rERR|").unwrap();
        assert_eq!((ack.code.as_str(), ack.control_id.as_str()), ("AE", "A1"));
        assert_eq!(read_ack(b"MSH|^~\\&|I\r"), None);
        assert_eq!(field(b"MSH|^~\\&|I|RXX||||||A7\rPID|1", "MSH", 10), "A7");
        assert_eq!(field(b"MSH|^~\\&|I\rPID|1||9", "PID", 3), "9");
        assert_eq!(field(b"MSH|^~\\&|I\rPID|1", "ZZZ", 3), "");
    }
}
