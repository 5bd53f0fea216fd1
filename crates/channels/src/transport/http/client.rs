//! The client's side: the connection of an outbound channel.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use hl7v2::CharsetChoice;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::patience::Hurried;
use super::{MAX_HEAD_BYTES, MAX_HEADERS, MEDIA_TYPES, ack_of, messages, status};
use crate::config::{ChannelConfig, ConfigError};
use crate::health::Meter;
use crate::transport::WRITE_LIMIT;
use crate::transport::client::{LinkError, MAX_ANSWER_BYTES, Outgoing};
use crate::transport::line::Line;

/// FHIR R4 §3.1.0.1.10.
const FHIR_JSON: &str = "application/fhir+json";
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Where requests go, and what each of them carries.
#[derive(Debug)]
pub(crate) struct Target {
    path: String,
    host: HeaderValue,
    /// Marked as sensitive, so that it is never printed.
    authorization: Option<HeaderValue>,
    charset: CharsetChoice,
    /// Whether a body is FHIR, and the status alone answers it.
    fhir: bool,
}

impl Target {
    /// From settings that were checked; it reads the token.
    pub(crate) fn new(config: &ChannelConfig) -> Result<Self, ConfigError> {
        let http = config.http.clone().unwrap_or_default();
        let unusable = |field, why: &str| ConfigError::Secret {
            name: config.name.clone(),
            field,
            why: why.to_owned(),
        };
        let host = config.connect.as_deref().unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|_| unusable("connect", "it is no host"))?;
        let authorization = match http.read_token(&config.name)? {
            None => None,
            Some(token) => {
                let value = HeaderValue::from_str(&format!("Bearer {token}"));
                let mut value =
                    value.map_err(|_| unusable("token", "it has unusable characters"))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let charset = config.dialect.charset_choice();
        let fhir = config.posts_fhir();
        Ok(Target { path: http.path, host, authorization, charset, fhir })
    }

    fn request(&self, message: Outgoing<'_>) -> Option<Request<Full<Bytes>>> {
        let Outgoing { bytes: message, id, .. } = message;
        let mut kind = if self.fhir { FHIR_JSON } else { MEDIA_TYPES[0] }.to_owned();
        if !self.fhir
            && !message.is_ascii()
            && let Ok(read) = hl7v2::parse_header(message, self.charset)
        {
            kind.push_str("; charset=");
            kind.push_str(&read.charset().iana());
        }
        let mut request = Request::post(&self.path)
            .header(HOST, &self.host)
            .header(USER_AGENT, "Interlock")
            .header(CONTENT_TYPE, kind);
        if self.fhir {
            // The peer knows a repeat by it, as one of HL7 is known by its control id.
            request = request.header(IDEMPOTENCY_KEY, id);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Full::from(message.to_vec())).ok()
    }
}

/// What an answer says: acknowledgements, or what else can be told from it.
type Said = Result<Vec<Vec<u8>>, LinkError>;

/// A connection to a peer.
pub(crate) struct HttpClient {
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection.
    task: JoinHandle<()>,
    target: Arc<Target>,
    /// The answer that is waited for.
    asked: Option<JoinHandle<Said>>,
    /// Answers that came together with another.
    came: VecDeque<Vec<u8>>,
    meter: Meter,
}

impl HttpClient {
    pub(in crate::transport) async fn new(
        line: Line,
        target: Arc<Target>,
        meter: &Meter,
    ) -> Result<Self, LinkError> {
        let shaken = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES.max(MAX_ANSWER_BYTES))
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(Hurried::new(line, WRITE_LIMIT)))
            .await;
        let (sender, connection) = shaken.map_err(|_| LinkError::Connect)?;
        let task = tokio::spawn(async move {
            // What breaks a connection is told to the request that is on it.
            let _ = connection.await;
        });
        meter.opened();
        let (asked, came, meter) = (None, VecDeque::new(), meter.clone());
        Ok(HttpClient { sender, task, target, asked, came, meter })
    }

    /// Hands one message over; what comes back is told by [`HttpClient::receive`].
    pub(in crate::transport) async fn send(
        &mut self,
        message: Outgoing<'_>,
    ) -> Result<(), LinkError> {
        let ready = timeout(WRITE_LIMIT, self.sender.ready()).await;
        if !matches!(ready, Ok(Ok(()))) {
            return Err(LinkError::NotSent("not-sent"));
        }
        let request = self.target.request(message).ok_or(LinkError::NotSent("not-sent"))?;
        let answer = self.sender.try_send_request(request);
        self.meter.sent();
        let fhir = self.target.fhir;
        self.asked = Some(tokio::spawn(async move {
            match answer.await {
                Ok(response) if fhir => read_status(response).await,
                Ok(response) => read(response).await,
                // It comes back where no byte of it was written.
                Err(mut error) => Err(match error.take_message() {
                    Some(_) => LinkError::NotSent("closed-by-peer"),
                    None => LinkError::Closed,
                }),
            }
        }));
        Ok(())
    }

    /// Waits for the next acknowledgement. Dropping the future loses nothing that had arrived.
    pub(in crate::transport) async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        loop {
            if let Some(message) = self.came.pop_front() {
                return Ok(message);
            }
            let Some(asked) = &mut self.asked else {
                return pending().await;
            };
            let said = asked.await;
            self.asked = None;
            self.came.extend(said.unwrap_or(Err(LinkError::Closed))?);
        }
    }

    /// What came together with the last answer, or that the peer has closed; see
    /// [`crate::transport::Client::peek`].
    pub(in crate::transport) fn peek(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        match self.came.pop_front() {
            Some(message) => Ok(Some(message)),
            None if self.sender.is_closed() => Err(LinkError::Closed),
            None => Ok(None),
        }
    }
}

/// Reads what a status says of FHIR that was posted. What the body says is for nobody here; it is
/// read so that the connection can be used again.
async fn read_status(response: Response<Incoming>) -> Said {
    let status = response.status();
    let _ = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    Err(status::judge_alone(status))
}

/// Reads an answer to its end.
async fn read(response: Response<Incoming>) -> Said {
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let Ok(body) = body else {
        // Half an answer says nothing of the message, whatever its status was.
        return Err(LinkError::Unclear("http-half-answer"));
    };
    let came = messages(&body.to_bytes());
    let acks: Vec<_> = came.iter().filter_map(|message| ack_of(message)).collect();
    let positive = acks.iter().any(|ack| ack.code.is_positive());
    match (status.is_success(), acks.is_empty()) {
        (_, true) => Err(status::judge(status)),
        // The one says that it was taken and the other that it was not.
        (false, false) if positive => Err(LinkError::Unclear("http-contradiction")),
        _ => Ok(came),
    }
}

impl Drop for HttpClient {
    fn drop(&mut self) {
        self.task.abort();
        self.asked.iter().for_each(JoinHandle::abort);
        self.meter.closed();
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("target", &self.target).finish_non_exhaustive()
    }
}
