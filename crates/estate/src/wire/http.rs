//! A small HTTP/1.1 client for JSON over the loopback: lines are kept open, and a request is
//! asked with the same idempotency key until it is answered.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::book::Finding;
use crate::chance::{Chance, generator};
use crate::stage::Stage;

/// The longest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The longest body of an answer, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// How long an answer may take, in real time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the client waits before it asks again.
const AGAIN: Duration = Duration::from_millis(40);
/// How often a server error is asked again.
const MAX_SERVER_ERRORS: u32 = 100;

/// An answer with its JSON; a body that is none is `null`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The coded reason of a problem, or nothing.
    pub(crate) fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// Status and code, for a finding.
    pub(crate) fn summary(&self) -> String {
        format!("{} {}", self.status, self.code()).trim_end().to_owned()
    }
}

struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A client of one server.
pub(crate) struct HttpClient {
    link: String,
    to: SocketAddr,
    token: String,
    stage: Arc<Stage>,
    idle: Mutex<Vec<Line>>,
    rng: Mutex<StdRng>,
}

impl HttpClient {
    pub(crate) fn new(link: &str, to: SocketAddr, token: &str, stage: Arc<Stage>) -> Self {
        let rng = Mutex::new(generator(stage.config.seed, &format!("faults of {link}")));
        let (link, token) = (link.to_owned(), token.to_owned());
        HttpClient { link, to, token, stage, idle: Mutex::default(), rng }
    }

    fn chance(&self, per_mille: u16) -> bool {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).per_mille(per_mille)
    }

    /// Posts until it is answered; what comes back is the first answer.
    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.stage.count(&self.link, |counts| counts.sent += 1);
        let request = self.request(path, key, &body.to_string());
        let answer = self.until_answered(&request).await;
        self.stage.count(&self.link, |counts| {
            counts.acked += 1;
            counts.rejected += u64::from(answer.status >= 400);
        });
        if self.chance(self.stage.board.of(&self.link).repeat) {
            self.stage.count(&self.link, |counts| counts.repeated += 1);
            let again = self.until_answered(&request).await;
            if again != answer {
                let (link, path) = (self.link.clone(), path.to_owned());
                self.stage.finding(Finding::AnsweredOtherwise { link, path });
            }
        }
        answer
    }

    async fn until_answered(&self, request: &[u8]) -> Answer {
        let (mut errors, mut first) = (0, true);
        loop {
            if self.stage.board.is_cut(&self.link) {
                sleep(AGAIN).await;
                continue;
            }
            if !first {
                self.stage.count(&self.link, |counts| counts.resent += 1);
            }
            first = false;
            let answer = timeout(ANSWER_TIMEOUT, self.once(request)).await;
            if let Ok(Ok(answer)) = answer {
                errors += 1;
                let again = matches!(answer.status, 408 | 425 | 429 | 500..);
                if !again || errors > MAX_SERVER_ERRORS {
                    return answer;
                }
            }
            sleep(AGAIN).await;
        }
    }

    async fn once(&self, request: &[u8]) -> io::Result<Answer> {
        let faults = self.stage.board.of(&self.link);
        if self.chance(faults.delay) {
            let wait = {
                let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
                rng.random_range(0..=faults.delay_ms)
            };
            sleep(Duration::from_millis(u64::from(wait))).await;
        }
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut line = if let Some(line) = kept {
            line
        } else {
            let stream = TcpStream::connect(self.to).await?;
            stream.set_nodelay(true)?;
            Line { stream, buffer: Vec::new() }
        };
        let dropped = self.chance(faults.drop);
        let whole = !dropped || self.chance(500);
        let bytes = if whole { request } else { &request[..request.len() / 2] };
        line.stream.write_all(bytes).await?;
        if dropped {
            self.stage.count(&self.link, |counts| counts.dropped += 1);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let (answer, keep) = read_answer(&mut line.stream, &mut line.buffer).await?;
        if keep {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
        Ok(answer)
    }

    fn request(&self, path: &str, key: &str, body: &str) -> Vec<u8> {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Idempotency-Key: {key}\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.to,
            self.token,
            body.len(),
        )
        .into_bytes()
    }
}

async fn fill<R: AsyncRead + Unpin>(line: &mut R, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 8 * 1024];
    match line.read(&mut chunk).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            buffer.extend_from_slice(&chunk[..read]);
            Ok(())
        }
    }
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What the head of an answer says of the body.
struct Head {
    status: u16,
    length: usize,
    chunked: bool,
    keep: bool,
}

fn head(text: &str) -> io::Result<Head> {
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok()).ok_or_else(|| bad("no status"))?;
    let mut head = Head { status, length: 0, chunked: false, keep: true };
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.parse().map_err(|_| bad("length"))?,
            "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => head.keep = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    Ok(head)
}

/// Reads one answer; the flag says whether the line can be used again.
async fn read_answer<R: AsyncRead + Unpin>(
    line: &mut R,
    buffer: &mut Vec<u8>,
) -> io::Result<(Answer, bool)> {
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if buffer.len() > MAX_HEAD {
                return Err(bad("the head is too long"));
            }
            fill(line, buffer).await?;
        };
        let head = head(&String::from_utf8_lossy(&buffer[..end]))?;
        buffer.drain(..end + 4);
        if head.status < 200 {
            continue;
        }
        let body = if head.chunked {
            read_chunks(line, buffer).await?
        } else {
            read_length(line, buffer, head.length).await?
        };
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        return Ok((Answer { status: head.status, body }, head.keep));
    }
}

async fn read_length<R: AsyncRead + Unpin>(
    line: &mut R,
    buffer: &mut Vec<u8>,
    length: usize,
) -> io::Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(bad("the body is too long"));
    }
    while buffer.len() < length {
        fill(line, buffer).await?;
    }
    Ok(buffer.drain(..length).collect())
}

async fn read_chunks<R: AsyncRead + Unpin>(
    line: &mut R,
    buffer: &mut Vec<u8>,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = read_line(line, buffer).await?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| bad("chunk size"))?;
        if size.saturating_add(body.len()) > MAX_BODY {
            return Err(bad("the body is too long"));
        }
        if size == 0 {
            while !read_line(line, buffer).await?.is_empty() {}
            return Ok(body);
        }
        body.extend(read_length(line, buffer, size).await?);
        read_line(line, buffer).await?;
    }
}

async fn read_line<R: AsyncRead + Unpin>(line: &mut R, buffer: &mut Vec<u8>) -> io::Result<String> {
    loop {
        if let Some(end) = buffer.windows(2).position(|window| window == b"\r\n") {
            let text = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.drain(..end + 2);
            return Ok(text);
        }
        if buffer.len() > MAX_HEAD {
            return Err(bad("a line is too long"));
        }
        fill(line, buffer).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::ReadBuf;

    use super::*;

    /// Gives one byte at a time.
    struct Dribble(Vec<u8>, usize);

    impl AsyncRead for Dribble {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(byte) = self.0.get(self.1) {
                out.put_slice(&[*byte]);
                self.1 += 1;
            }
            Poll::Ready(Ok(()))
        }
    }

    async fn check(text: &str, status: u16, code: &str, keeps: bool) {
        let (mut line, mut buffer) = (Dribble(text.as_bytes().to_vec(), 0), Vec::new());
        let (answer, keep) = read_answer(&mut line, &mut buffer).await.unwrap();
        assert_eq!((answer.status, answer.code(), keep), (status, code, keeps), "{text}");
        assert!(buffer.is_empty(), "{text}");
    }

    #[tokio::test]
    async fn answers_are_read_however_they_are_split() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "", true).await;
        check("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", 204, "", false).await;
        let body = r#"{"code":"on-hold"}"#;
        let text =
            format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        check(&text, 403, "on-hold", true).await;
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 F\r\ntransfer-encoding: chunked\r\n\
                    \r\n8;x=y\r\n{\"code\":\r\n4\r\n\"x\"}\r\n0\r\nTrailer: 1\r\n\r\n";
        check(text, 403, "x", true).await;
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}";
        let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", MAX_BODY + 1);
        for text in ["", "nonsense\r\n\r\n", cut, &long] {
            let (mut line, mut buffer) = (Dribble(text.as_bytes().to_vec(), 0), Vec::new());
            assert!(read_answer(&mut line, &mut buffer).await.is_err(), "{text}");
        }
    }
}
