//! The server's side: one connection of an inbound channel.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hl7v2::Charset;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::timeout;

use super::patience::Hurried;
use super::{MAX_HEAD_BYTES, MAX_HEADERS, MEDIA_TYPES};
use crate::config::{ConfigError, HttpConfig};
use crate::health::Meter;
use crate::transport::line::Line;
use crate::transport::server::{Arrived, LastHeard};
use crate::transport::{Limits, Reply, Service, WRITE_LIMIT};

/// How much of a message that is too long is looked at to answer it, in bytes.
const OVERSIZED_HEAD: usize = 4 * 1024;

/// What a channel asks of every request.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    path: String,
    /// The SHA-256 of the token.
    token: Option<[u8; 32]>,
}

impl Door {
    /// From settings that were checked; it reads the token of the channel of that name.
    pub(crate) fn new(name: &str, config: &HttpConfig) -> Result<Self, ConfigError> {
        let token = config.read_token(name)?.map(|token| Sha256::digest(token).into());
        Ok(Door { path: config.path.clone(), token })
    }

    fn admits(&self, parts: &Parts) -> Result<(), Refusal> {
        if parts.uri.path() != self.path {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "http-wrong-path", "no such path"));
        }
        if !self.knows(parts) {
            let text = "send the channel's token as `Authorization: Bearer …`";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, "http-no-token", text));
        }
        if parts.method != Method::POST {
            let text = "messages are sent by POST";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "http-wrong-method", text));
        }
        Ok(())
    }

    fn knows(&self, parts: &Parts) -> bool {
        let Some(expected) = &self.token else {
            return true;
        };
        let shown = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = shown.and_then(|shown| shown.split_once(' ')).and_then(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let digest = token.map(|token| Sha256::digest(token.as_bytes()));
        digest.is_some_and(|digest| digest.as_slice().ct_eq(expected).into())
    }
}

/// Why a request is not served.
struct Refusal {
    status: StatusCode,
    /// As people see it at the channel.
    code: &'static str,
    text: &'static str,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, text: &'static str) -> Self {
        Refusal { status, code, text }
    }
}

/// Serves one connection until it ends.
pub(in crate::transport) async fn serve<S: Service>(
    arrived: Arrived<S>,
    line: Line,
    door: Arc<Door>,
) {
    let Arrived { service, meter, limits, mut stop, mut yields, heard } = arrived;
    meter.opened();
    let visit = Visit { service, meter: meter.clone(), limits, heard, door, met: false.into() };
    let visit = Arc::new(visit);
    let visited = Arc::clone(&visit);
    let answer = service_fn(move |request| {
        let visit = Arc::clone(&visited);
        async move { Ok::<_, Infallible>(visit.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.frame)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Hurried::new(line, WRITE_LIMIT)), answer);
    let mut connection = pin!(connection);
    let mut leaving = false;
    loop {
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = stop.wait(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            () = yields.wait(), if !leaving => {
                leaving = true;
                meter.error("idle-closed");
                connection.as_mut().graceful_shutdown();
                continue;
            }
        };
        match ended {
            // A line that was used and then is quiet is closed after a while; that is no failure.
            Err(error) if error.is_timeout() && visit.met.load(Ordering::Relaxed) => {}
            Err(error) if error.is_timeout() => meter.error("head-timeout"),
            Err(error) if error.is_parse() => meter.error("not-http"),
            Err(_) => meter.error("connection-broken"),
            Ok(()) => {}
        }
        break;
    }
    meter.closed();
}

/// A connection whose requests are answered.
struct Visit<S> {
    service: Arc<S>,
    meter: Meter,
    limits: Limits,
    heard: LastHeard,
    door: Arc<Door>,
    /// Whether a request has come.
    met: AtomicBool,
}

/// A body that has come.
enum Body {
    Whole(Vec<u8>),
    /// Only its beginning.
    TooLong(Vec<u8>),
    /// Not all of it.
    Half,
}

impl<S: Service> Visit<S> {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.heard.heard();
        self.met.store(true, Ordering::Relaxed);
        match self.take(request).await {
            Ok(response) => {
                self.heard.heard();
                self.meter.sent();
                response
            }
            Err(Refusal { status, code, text }) => {
                self.meter.error(code);
                refused(status, text)
            }
        }
    }

    async fn take(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
        let (parts, body) = request.into_parts();
        self.door.admits(&parts)?;
        let kind = Kind::of(&parts)?;
        let Ok(body) = timeout(self.limits.frame, read(body, self.limits.message_bytes)).await
        else {
            let text = "the message did not arrive in time";
            return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "message-timeout", text));
        };
        let (served, too_long) = match body {
            Body::Half => {
                let text = "the message did not arrive whole";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "half-message", text));
            }
            Body::Whole(message) if message.trim_ascii().is_empty() => {
                let text = "the body holds no message";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "empty-message", text));
            }
            Body::Whole(message) => {
                kind.check_charset(&message, &*self.service)?;
                (self.service.message(message).await, false)
            }
            Body::TooLong(head) => {
                self.meter.error("oversized");
                (self.service.oversized(head, self.limits.message_bytes).await, true)
            }
        };
        match served {
            Ok(reply) => Ok(answered(reply, &kind, too_long)),
            Err(why) => {
                let text = "nothing can be taken now: send it again later";
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why.code(), text))
            }
        }
    }
}

/// What a request says that its body is.
struct Kind {
    /// As it came: the answer is of the same kind and in the same character set.
    given: HeaderValue,
    charset: Option<Charset>,
}

impl Kind {
    fn of(parts: &Parts) -> Result<Self, Refusal> {
        let unknown = |text| Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "http-type", text);
        let wanted = "send it as application/hl7-v2 or x-application/hl7-v2+er7";
        let given = parts.headers.get(CONTENT_TYPE).ok_or_else(|| unknown(wanted))?;
        let text = given.to_str().map_err(|_| unknown(wanted))?;
        let mut fields = text.split(';').map(str::trim);
        let name = fields.next().unwrap_or_default();
        if !MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(unknown(wanted));
        }
        let mut charset = None;
        for (key, value) in fields.filter_map(|field| field.split_once('=')) {
            if key.trim().eq_ignore_ascii_case("charset") {
                let label = value.trim().trim_matches('"');
                let known = Charset::from_label(label.as_bytes());
                charset =
                    Some(known.ok_or_else(|| unknown("this character set is not read here"))?);
            }
        }
        Ok(Kind { given: given.clone(), charset })
    }

    /// The type and the message itself must not name different sets: one of them is wrong, and
    /// nobody here can tell which.
    fn check_charset<S: Service>(&self, message: &[u8], service: &S) -> Result<(), Refusal> {
        let western = |set| matches!(set, Charset::Latin1 | Charset::Windows1252);
        let same = |a: Charset, b: Charset| a == b || (western(a) && western(b));
        match (self.charset, service.charset(message)) {
            (Some(told), Some(read)) if !message.is_ascii() && !same(told, read) => {
                let text = "the character set of Content-Type is not the one in which the message \
                            is read: MSH-18, or that of the channel's dialect";
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                Err(Refusal::new(status, "http-charset", text))
            }
            _ => Ok(()),
        }
    }
}

/// Reads a body of at most `limit` bytes.
async fn read(mut body: Incoming, limit: usize) -> Body {
    let mut message = Vec::new();
    loop {
        match body.frame().await {
            None => return Body::Whole(message),
            Some(Err(_)) => return Body::Half,
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                if message.len() + data.len() > limit {
                    message.extend_from_slice(&data);
                    message.truncate(OVERSIZED_HEAD);
                    return Body::TooLong(message);
                }
                message.extend_from_slice(&data);
            }
        }
    }
}

/// The acknowledgements as the body of an answer.
fn answered(reply: Reply, kind: &Kind, too_long: bool) -> Response<Full<Bytes>> {
    let mut body = Vec::new();
    for answer in reply.answers {
        body.extend_from_slice(&answer);
        if !body.ends_with(b"\r") {
            body.push(b'\r');
        }
    }
    let status = match (too_long, reply.refused, body.is_empty()) {
        (true, _, _) => StatusCode::PAYLOAD_TOO_LARGE,
        (_, true, _) => StatusCode::UNPROCESSABLE_ENTITY,
        // The sender wants to hear nothing.
        (_, false, true) => StatusCode::NO_CONTENT,
        (_, false, false) => StatusCode::OK,
    };
    let empty = body.is_empty();
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    if !empty {
        response.headers_mut().insert(CONTENT_TYPE, kind.given.clone());
    }
    if too_long {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn refused(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // What is left of its body is not read.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    match status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    response
}
