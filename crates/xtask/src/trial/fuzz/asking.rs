//! One connection that sends nonsense and looks at what comes back.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::nonsense::Nonsense;

/// The longest that an answer may take: more than a node's own limit.
const PATIENCE: Duration = Duration::from_secs(40);
/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 20;
/// What headers say of a body.
const TYPES: &[&str] = &[
    "application/fhir+json",
    "application/json",
    "application/json-patch+json",
    "application/fhir+xml",
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/fhir+json; charset=latin1",
];
/// Names of search parameters, with and without what may follow them.
const PARAMETERS: &[&str] = &[
    "_id",
    "_lastUpdated",
    "_tag",
    "_profile",
    "_text",
    "_content",
    "_has:Observation:patient:code",
    "_include",
    "_include:iterate",
    "_revinclude",
    "_sort",
    "_count",
    "_total",
    "_summary",
    "_elements",
    "_format",
    "_pretty",
    "_since",
    "_type",
    "_page",
    "patient",
    "patient.name",
    "subject:Patient.birthdate",
    "status",
    "status:not",
    "code",
    "code:in",
    "code:text",
    "code-value-quantity",
    "value-quantity",
    "identifier",
    "identifier:of-type",
    "name:exact",
    "name:contains",
    "name:missing",
    "birthdate",
    "date",
    "url:below",
    "near",
    "",
];

/// What came back.
#[derive(Debug)]
pub(super) struct Came {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// A request that was made up.
#[derive(Debug)]
pub(super) struct Made {
    /// The method and the address.
    pub(super) what: String,
    /// All bytes of it.
    pub(super) bytes: Vec<u8>,
    /// Whether it asks for FHIR.
    pub(super) is_fhir: bool,
    /// Whether its answer has no body.
    is_head: bool,
}

impl Made {
    /// A request that makes sense.
    pub(super) fn plain(what: &str, bytes: Vec<u8>) -> Self {
        Made { what: what.to_owned(), bytes, is_fhir: false, is_head: false }
    }
}

/// Makes up a request for one of the routes, `(method, path with {names})`.
pub(super) fn make(nonsense: &mut Nonsense, routes: &[(String, String)], token: &str) -> Made {
    let (method, path) = nonsense.one(routes).clone();
    let method = match nonsense.below(20) {
        0 => "BREW".to_owned(),
        1 => "HEAD".to_owned(),
        2 => "OPTIONS".to_owned(),
        _ => method,
    };
    let body = if method == "GET" || method == "HEAD" { Vec::new() } else { nonsense.body() };
    let path = match kind_of(&body) {
        Some(kind) if !nonsense.once_in(3) => path.replace("{type}", &kind),
        _ => path,
    };
    let mut target = filled(nonsense, &path);
    for n in 0..nonsense.below(6).saturating_sub(2) {
        let (name, value) = (*nonsense.one(PARAMETERS), value(nonsense));
        target.push(if n == 0 { '?' } else { '&' });
        target.push_str(name);
        target.push('=');
        target.push_str(&value);
    }
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: node\r\n");
    if !nonsense.once_in(30) {
        add(&mut head, "Authorization", &format!("Bearer {token}"));
    }
    for name in
        ["If-Match", "If-None-Match", "If-None-Exist", "Prefer", "Accept", "Idempotency-Key"]
    {
        if nonsense.once_in(6) {
            add(&mut head, name, &header(nonsense));
        }
    }
    if !body.is_empty() {
        let kind = if nonsense.once_in(3) { *nonsense.one(TYPES) } else { TYPES[0] };
        add(&mut head, "Content-Type", kind);
        if nonsense.once_in(25) {
            add(&mut head, "Content-Encoding", "gzip");
        }
    }
    add(&mut head, "Content-Length", &body.len().to_string());
    head.push_str("\r\n");
    let what = format!("{method} {target}");
    let is_fhir = path.starts_with("/fhir");
    let is_head = method == "HEAD";
    Made { what, bytes: [head.into_bytes(), body].concat(), is_fhir, is_head }
}

/// The type of a resource, where the body is one.
fn kind_of(body: &[u8]) -> Option<String> {
    let read: serde_json::Value = serde_json::from_slice(body).ok()?;
    let kind = read["resourceType"].as_str()?;
    kind.bytes().all(|byte| byte.is_ascii_alphabetic()).then(|| kind.to_owned())
}

fn add(head: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        head.push_str(part);
    }
}

/// A path whose names are filled in, mostly with something that is there.
fn filled(nonsense: &mut Nonsense, path: &str) -> String {
    const KINDS: &[&str] =
        &["Patient", "MedicationRequest", "Observation", "Encounter", "Basic", "Nothing", "$x"];
    let parts = path.split('/').map(|part| {
        if part == "{type}" && !nonsense.once_in(20) {
            (*nonsense.one(KINDS)).to_owned()
        } else if part.starts_with('{') {
            match nonsense.below(4) {
                0 => quoted(&nonsense.text()),
                1 => nonsense.below(50).to_string(),
                _ => format!("rxx.{}.f1", 1 + nonsense.below(4_000)),
            }
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A value of a search, as it may stand in an address.
fn value(nonsense: &mut Nonsense) -> String {
    const PREFIXES: &[&str] = &["", "eq", "ne", "gt", "le", "sa", "ap", "-", "xx"];
    let prefix = *nonsense.one(PREFIXES);
    let text = match nonsense.below(6) {
        0 => "Patient/rxx.2.f1".to_owned(),
        1 => "2026-11".to_owned(),
        2 => "Patient:link:Patient".to_owned(),
        3 => nonsense.below(2_000_000_000).to_string(),
        _ => nonsense.text(),
    };
    let mut out = format!("{prefix}{}", quoted(&text));
    if nonsense.once_in(10) {
        out.push_str("%zz%");
    }
    out
}

/// Percent-encoded as far as an HTTP line needs it.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"#?&\\\"<>`{}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string never fails.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A value of a header: printable, since anything else is refused by HTTP itself.
fn header(nonsense: &mut Nonsense) -> String {
    nonsense.text().chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(500).collect()
}

/// A connection; it is opened anew when the node has closed it.
#[derive(Debug)]
pub(super) struct Line {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Line {
    pub(super) fn new(address: SocketAddr) -> Self {
        Line { address, stream: None }
    }

    /// Sends a request and reads its answer.
    pub(super) fn ask(&mut self, made: &Made) -> Result<Came, String> {
        // The node may have closed a connection that it had no more use for.
        if self.stream.is_some()
            && let Ok(came) = self.try_ask(made)
        {
            return Ok(came);
        }
        let stream = TcpStream::connect(self.address).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        self.stream = Some(stream);
        self.try_ask(made)
    }

    fn try_ask(&mut self, made: &Made) -> Result<Came, String> {
        let mut stream = self.stream.take().ok_or("no connection")?;
        // A refusal may come before all was sent; what counts is what can be read.
        let sent = stream.write_all(&made.bytes);
        let (came, goes_on) = read(&mut stream, made.is_head)?;
        if goes_on && sent.is_ok() {
            self.stream = Some(stream);
        }
        Ok(came)
    }
}

/// Reads an answer, and whether the connection goes on after it.
fn read(stream: &mut TcpStream, is_head: bool) -> Result<(Came, bool), String> {
    let (mut bytes, mut input) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let count = stream.read(&mut input).map_err(|error| error.to_string())?;
        bytes.extend_from_slice(&input[..count]);
        if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let status = head.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0);
            let line = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
            let none = is_head || matches!(status, 204 | 304);
            let length = line("content-length:").and_then(|text| text.trim().parse::<usize>().ok());
            let whole = match length {
                _ if none => true,
                Some(length) => bytes.len() >= end + 4 + length,
                None if line("transfer-encoding:").is_some() => bytes.ends_with(b"0\r\n\r\n"),
                None => count == 0,
            };
            if whole {
                let goes_on = line("connection:").is_none_or(|text| text.trim() != "close");
                return Ok((Came { status, body: bytes.split_off(end + 4) }, goes_on && count > 0));
            }
        }
        if count == 0 {
            return Err("the connection was closed without an answer".to_owned());
        }
        if bytes.len() > MAX_ANSWER {
            return Err("the answer has no end".to_owned());
        }
    }
}
