//! One connection to the FHIR API that is kept alive: a request goes out when the answer to the
//! one before has come.

use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::hospital::TOKEN;
use super::super::node::told;

/// An answer.
#[derive(Debug)]
pub(in crate::bench) struct Answer {
    /// The HTTP status.
    pub(in crate::bench) status: u16,
    /// The body, as it came.
    pub(in crate::bench) body: Vec<u8>,
}

/// A connection.
#[derive(Debug)]
pub(in crate::bench) struct Client {
    stream: TcpStream,
    host: String,
    request: Vec<u8>,
    input: Vec<u8>,
}

impl Client {
    pub(in crate::bench) async fn connect(address: SocketAddr) -> Result<Client, String> {
        let stream = TcpStream::connect(address).await.map_err(told)?;
        stream.set_nodelay(true).map_err(told)?;
        let (request, input) = (Vec::with_capacity(4096), Vec::with_capacity(16 * 1024));
        Ok(Client { stream, host: address.to_string(), request, input })
    }

    /// Asks for what is at `path`.
    pub(in crate::bench) async fn get(&mut self, path: &str) -> Result<Answer, String> {
        self.head("GET", path);
        self.request.extend_from_slice(b"\r\n");
        self.exchange().await
    }

    /// Sends a resource.
    pub(in crate::bench) async fn post(
        &mut self,
        path: &str,
        body: &[u8],
    ) -> Result<Answer, String> {
        self.head("POST", path);
        let length = format!(
            "Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.request.extend_from_slice(length.as_bytes());
        self.request.extend_from_slice(body);
        self.exchange().await
    }

    fn head(&mut self, method: &str, path: &str) {
        self.request.clear();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n",
            self.host
        );
        self.request.extend_from_slice(head.as_bytes());
    }

    async fn exchange(&mut self) -> Result<Answer, String> {
        self.stream.write_all(&self.request).await.map_err(told)?;
        self.input.clear();
        let (end, length) = loop {
            self.read().await?;
            if let Some(end) = memmem::find(&self.input, b"\r\n\r\n") {
                break (end + 4, content_length(&self.input[..end])?);
            }
        };
        while self.input.len() < end + length {
            self.read().await?;
        }
        let status = self.input.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        let status = status.and_then(|digits| digits.parse().ok()).ok_or("no status came")?;
        Ok(Answer { status, body: self.input[end..].to_vec() })
    }

    async fn read(&mut self) -> Result<(), String> {
        match self.stream.read_buf(&mut self.input).await.map_err(told)? {
            0 => Err("the API closed the connection".to_owned()),
            _ => Ok(()),
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize, String> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.ok_or("an answer does not say how long it is")?;
    length.trim().parse().map_err(told)
}
