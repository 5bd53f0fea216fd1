//! One notification to one endpoint, on a connection of its own.
//!
//! The name is resolved here and the connection goes to an address that the guard has looked at.
//! Redirects are not followed, what the endpoint answers beside its status is thrown away.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::Body as _;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use medicines::subscriptions::Header;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::guard::{AllowList, Endpoint};

/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;
/// The most bytes of the head of an answer.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The most header lines of an answer.
const MAX_HEADERS: usize = 64;
/// The most bytes of an answer's body that are read before the connection is closed.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// The largest file of certificates that is read, in bytes.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// Why a notification was not taken. It tells nothing of what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The configuration does not list the endpoint (any more).
    NotAllowed,
    /// Its name leads to no address that may be called.
    AddressNotAllowed,
    /// Its name leads nowhere.
    Unresolved,
    /// No connection came about.
    Connect,
    /// The two sides could not agree on TLS.
    Tls,
    /// No answer came in time.
    Timeout,
    /// The connection broke.
    Broken,
    /// The endpoint answered with this status.
    Status(StatusCode),
}

impl Missed {
    /// Whether it makes no sense to try again before the configuration or the subscription changes.
    pub(crate) fn is_final(self) -> bool {
        self == Missed::NotAllowed
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missed::NotAllowed => {
                f.write_str("endpoint-not-allowed: the configuration does not list the endpoint")
            }
            Missed::AddressNotAllowed => f.write_str(
                "address-not-allowed: the endpoint's name leads to no address that may be called",
            ),
            Missed::Unresolved => f.write_str("unresolved: the endpoint's name leads nowhere"),
            Missed::Connect => f.write_str("connect: the endpoint cannot be reached"),
            Missed::Tls => f.write_str("tls: the endpoint's certificate is not taken"),
            Missed::Timeout => f.write_str("timeout: the endpoint did not answer in time"),
            Missed::Broken => f.write_str("broken: the connection to the endpoint broke"),
            Missed::Status(status) => {
                write!(f, "http-{}: the endpoint answered {}", status.as_u16(), status.as_u16())
            }
        }
    }
}

/// Why the certificates of the authorities cannot be used. Its words have a remedy after the
/// semicolon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("`{0}` cannot be read: {1}; check the path and who may read it")]
    Unreadable(String, String),
    /// There is no certificate in it.
    #[error("`{0}` holds no certificate that can be read; it must be PEM (BEGIN CERTIFICATE)")]
    NoCertificate(String),
}

/// Whose certificates are taken from endpoints.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

impl Trust {
    /// The authorities that browsers take, or those of the file alone.
    pub fn read(ca: Option<&Path>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        match ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let place = path.display().to_string();
                let unreadable = |why: String| TrustError::Unreadable(place.clone(), why);
                let about =
                    std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
                if about.len() > MAX_PEM_BYTES {
                    return Err(unreadable("it is too large".to_owned()));
                }
                let pem = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let none = || TrustError::NoCertificate(place.clone());
                    roots.add(certificate.map_err(|_| none())?).map_err(|_| none())?;
                }
                if roots.is_empty() {
                    return Err(TrustError::NoCertificate(place));
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust(Arc::new(config)))
    }
}

/// What a notification is made of.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// None where there is no body.
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Bytes,
}

impl Letter {
    /// One with a resource in it, which is FHIR JSON here. What has no place in XML goes out as it
    /// is stored.
    pub(crate) fn of(method: Method, path: String, json: String, as_xml: bool) -> Self {
        let xml = as_xml.then(|| fhir_xml::to_xml(&json).ok()).flatten();
        let (content_type, body) = match xml {
            Some(xml) => ("application/fhir+xml", xml),
            None => ("application/fhir+json", json),
        };
        Letter { method, path, content_type: Some(content_type), body: Bytes::from(body) }
    }
}

/// What is sent, and where.
#[derive(Debug, Clone)]
pub(crate) struct Parcel<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) headers: &'a [Header],
    pub(crate) letter: Letter,
    /// How long all of it may take.
    pub(crate) patience: Duration,
}

/// Sends it; the endpoint has taken it when it says so with a status of success.
pub(crate) async fn post(
    allow: &AllowList,
    trust: &Trust,
    parcel: Parcel<'_>,
) -> Result<(), Missed> {
    if !allow.allows(parcel.endpoint) {
        return Err(Missed::NotAllowed);
    }
    let patience = parcel.patience;
    timeout(patience, exchange(allow, trust, parcel)).await.unwrap_or(Err(Missed::Timeout))
}

async fn exchange(allow: &AllowList, trust: &Trust, parcel: Parcel<'_>) -> Result<(), Missed> {
    let endpoint = parcel.endpoint;
    let stream = connect(allow, endpoint).await?;
    if !endpoint.is_https {
        return ask(stream, parcel).await;
    }
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|_| Missed::Tls)?;
    let connector = TlsConnector::from(Arc::clone(&trust.0));
    ask(connector.connect(name, stream).await.map_err(|_| Missed::Tls)?, parcel).await
}

/// A connection to the first of the endpoint's addresses that may be called and answers.
async fn connect(allow: &AllowList, endpoint: &Endpoint) -> Result<TcpStream, Missed> {
    let found = lookup_host((endpoint.host.as_str(), endpoint.port)).await;
    let found: Vec<SocketAddr> = found.map_err(|_| Missed::Unresolved)?.collect();
    if found.is_empty() {
        return Err(Missed::Unresolved);
    }
    let allowed = found.into_iter().filter(|at| allow.allows_at(endpoint, at.ip()));
    let mut missed = Missed::AddressNotAllowed;
    for address in allowed.take(MAX_ADDRESSES) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(_) => missed = Missed::Connect,
        }
    }
    Err(missed)
}

async fn ask<S>(stream: S, parcel: Parcel<'_>) -> Result<(), Missed>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let shaken = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await;
    let (mut sender, connection) = shaken.map_err(|_| Missed::Broken)?;
    let driving = Driving(tokio::spawn(async move {
        // What breaks a connection is told to the request that is on it.
        let _ = connection.await;
    }));
    let response = sender.send_request(request(parcel)).await.map_err(|_| Missed::Broken)?;
    let status = response.status();
    let mut body = std::pin::pin!(response.into_body());
    let mut read = 0;
    // The peer is let finish what it says, so that it does not see a broken connection.
    while read < MAX_BODY_BYTES
        && let Some(Ok(frame)) =
            std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        read += frame.data_ref().map_or(0, Bytes::len);
    }
    drop(driving);
    if status.is_success() { Ok(()) } else { Err(Missed::Status(status)) }
}

/// Ends the connection with its request.
struct Driving(tokio::task::JoinHandle<()>);

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn request(parcel: Parcel<'_>) -> Request<Body> {
    let Letter { method, path, content_type, body } = parcel.letter;
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    for header in parcel.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_str(&header.value);
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    if let Ok(host) = HeaderValue::from_str(&parcel.endpoint.authority()) {
        headers.insert(HOST, host);
    }
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("interlock"));
    request
}
