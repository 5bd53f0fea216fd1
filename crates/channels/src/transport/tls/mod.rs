//! TLS under MLLP and HTTP: TLS 1.2 or 1.3, each side checked by authorities that are named.

mod der;
mod problem;
mod renew;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::line::Line;
use crate::config::{KeySource, TlsConfig};
use crate::health::Meter;

use renew::Renewing;

pub(super) use problem::{code_of, is_refusal};

/// How long the two sides may take to agree.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// The largest file of certificates or keys that is read, in bytes.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// Why certificates or a key cannot be used. Its words have a remedy after the semicolon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file or variable cannot be read.
    #[error("`{place}` cannot be read: {why}; check the path and who may read it")]
    Unreadable {
        /// The file or variable.
        place: String,
        /// Why.
        why: String,
    },
    /// There is no certificate in the file, or one that is none.
    #[error("`{0}` holds no certificate that can be read; it must be PEM (BEGIN CERTIFICATE)")]
    NoCertificate(String),
    /// There is no private key.
    #[error("`{0}` holds no private key; it must be PEM without a password (BEGIN PRIVATE KEY)")]
    NoKey(String),
    /// The own certificate has expired.
    #[error("the certificate `{place}` expired at {at}; put a new one in its place")]
    Expired {
        /// The file.
        place: String,
        /// When.
        at: Timestamp,
    },
    /// The own certificate does not hold yet.
    #[error("the certificate `{place}` holds from {at} only; check it and the clock")]
    NotYet {
        /// The file.
        place: String,
        /// From when on.
        at: Timestamp,
    },
    /// Certificate and key do not belong together, or the library refuses them.
    #[error("the certificate and the key cannot be used: {0}; check that they belong together")]
    Refused(String),
    /// The name of the peer is none.
    #[error("`{0}` is not a name that a certificate can be for; set `server_name`")]
    BadName(String),
}

/// Our own certificate with its key.
#[derive(Debug)]
pub struct TlsIdentity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    facts: der::Facts,
}

impl TlsIdentity {
    /// Reads a certificate with those between it and its authority, and its key.
    pub fn load(certificate: &Path, key: &KeySource) -> Result<Self, TlsError> {
        let place = certificate.display().to_string();
        let certificates = certificates(certificate)?;
        let facts = certificates.first().and_then(|own| der::facts(own));
        let facts = facts.ok_or(TlsError::NoCertificate(place))?;
        Ok(TlsIdentity { certificates, key: private_key(key)?, facts })
    }

    /// Until when it holds.
    pub fn expires(&self) -> Timestamp {
        self.facts.not_after
    }

    /// Whose it is, as `CN=adc.example,O=Trust`.
    pub fn subject(&self) -> &str {
        &self.facts.subject
    }

    /// Whether all that `config` names can be used at `now`; gives when the own certificate
    /// expires, where there is one.
    pub(crate) fn checked(
        config: &TlsConfig,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, TlsError> {
        if let Some(path) = &config.ca {
            authorities(path)?;
        }
        let (Some(path), Some(key)) = (&config.certificate, &config.key) else {
            return Ok(None);
        };
        let place = path.display().to_string();
        let own = Self::load(path, key)?;
        if own.facts.not_after < now {
            return Err(TlsError::Expired { place, at: own.facts.not_after });
        }
        if now < own.facts.not_before {
            return Err(TlsError::NotYet { place, at: own.facts.not_before });
        }
        let expires = own.expires();
        server_builder()?
            .with_no_client_auth()
            .with_single_cert(own.certificates, own.key)
            .map_err(|error| TlsError::Refused(error.to_string()))?;
        Ok(Some(expires))
    }
}

/// The server's side. Certificates that change on disk are taken over for the next connection.
#[derive(Clone)]
pub(crate) struct TlsServer(Arc<Renewing<TlsAcceptor>>);

/// The client's side, with the name that the peer must prove.
#[derive(Clone)]
pub(crate) struct TlsClient {
    connector: Arc<Renewing<TlsConnector>>,
    name: ServerName<'static>,
}

impl TlsServer {
    /// From settings that were checked.
    pub(crate) fn new(config: &TlsConfig) -> Result<Self, TlsError> {
        Ok(TlsServer(Arc::new(Renewing::new(config, Self::acceptor)?)))
    }

    fn acceptor(config: &TlsConfig) -> Result<(TlsAcceptor, Option<Timestamp>), TlsError> {
        let refused = |error: &dyn std::fmt::Display| TlsError::Refused(error.to_string());
        let builder = server_builder()?;
        let builder = match &config.ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(authorities(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                let verifier =
                    if config.require_client { verifier } else { verifier.allow_unauthenticated() };
                let verifier = verifier.build().map_err(|error| refused(&error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let (Some(certificate), Some(key)) = (&config.certificate, &config.key) else {
            return Err(TlsError::NoCertificate("certificate".to_owned()));
        };
        let own = TlsIdentity::load(certificate, key)?;
        let ends = own.expires();
        let config = builder.with_single_cert(own.certificates, own.key);
        let mut config = config.map_err(|error| refused(&error))?;
        // A session that is resumed is not verified anew: a certificate that has ended meanwhile
        // would go on to be good.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok((TlsAcceptor::from(Arc::new(config)), Some(ends)))
    }

    /// When our certificate ends.
    pub(crate) fn ends(&self) -> Option<Timestamp> {
        self.0.ends()
    }

    /// Agrees with a peer that has connected; gives whose certificate it has shown. The error is
    /// a code for people.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        meter: &Meter,
    ) -> Result<(Line, Option<String>), &'static str> {
        let acceptor = self.0.now(meter, Self::acceptor);
        match timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let subject = shown(stream.get_ref().1.peer_certificates(), meter);
                Ok((Line::Tls(Box::new(stream.into())), subject))
            }
            Ok(Err(error)) => Err(code_of(&error)),
            Err(_) => Err("tls-timeout"),
        }
    }
}

impl TlsClient {
    /// From settings that were checked; `address` is the peer's `host:port`.
    pub(crate) fn new(config: &TlsConfig, address: &str) -> Result<Self, TlsError> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = config.server_name.clone().unwrap_or_else(|| host.to_owned());
        let bad = TlsError::BadName(name.clone());
        let name = ServerName::try_from(name).map_err(|_| bad)?;
        Ok(TlsClient { connector: Arc::new(Renewing::new(config, Self::connector)?), name })
    }

    fn connector(config: &TlsConfig) -> Result<(TlsConnector, Option<Timestamp>), TlsError> {
        let refused = |error: &dyn std::fmt::Display| TlsError::Refused(error.to_string());
        let roots = match &config.ca {
            Some(path) => authorities(path)?,
            None => return Err(TlsError::NoCertificate("ca".to_owned())),
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let verifier = verifier.build().map_err(|error| refused(&error))?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(&error))?
            .with_webpki_verifier(verifier);
        let (mut made, ends) = match (&config.certificate, &config.key) {
            (Some(certificate), Some(key)) => {
                let own = TlsIdentity::load(certificate, key)?;
                let ends = own.expires();
                let made = builder.with_client_auth_cert(own.certificates, own.key);
                (made.map_err(|error| refused(&error))?, Some(ends))
            }
            _ => (builder.with_no_client_auth(), None),
        };
        made.resumption = rustls::client::Resumption::disabled();
        Ok((TlsConnector::from(Arc::new(made)), ends))
    }

    /// When our certificate ends, where we have one.
    pub(crate) fn ends(&self) -> Option<Timestamp> {
        self.connector.ends()
    }

    /// Agrees with the peer of a new connection. The error is a code for people.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        meter: &Meter,
    ) -> Result<Line, &'static str> {
        let connector = self.connector.now(meter, Self::connector);
        let agreed = connector.connect(self.name.clone(), stream);
        match timeout(HANDSHAKE_LIMIT, agreed).await {
            Ok(Ok(stream)) => {
                shown(stream.get_ref().1.peer_certificates(), meter);
                Ok(Line::Tls(Box::new(stream.into())))
            }
            Ok(Err(error)) => Err(code_of(&error)),
            Err(_) => Err("tls-timeout"),
        }
    }
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsServer")
    }
}

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsClient({:?})", self.name)
    }
}

/// Whose certificate the peer has shown; when it ends is watched.
fn shown(certificates: Option<&[CertificateDer<'_>]>, meter: &Meter) -> Option<String> {
    let facts = der::facts(certificates?.first()?)?;
    meter.peer_certificate(facts.subject.clone(), facts.not_after);
    Some(facts.subject)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn server_builder() -> Result<rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>, TlsError>
{
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Refused(error.to_string()))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |why: String| TlsError::Unreadable { place: path.display().to_string(), why };
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > MAX_PEM_BYTES {
        return Err(unreadable(format!("it has {size} bytes, {MAX_PEM_BYTES} are the most")));
    }
    std::fs::read(path).map_err(|error| unreadable(error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let none = || TlsError::NoCertificate(path.display().to_string());
    found.ok().filter(|found| !found.is_empty()).ok_or_else(none)
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let added = roots.add(certificate);
        added.map_err(|_| TlsError::NoCertificate(path.display().to_string()))?;
    }
    Ok(roots)
}

fn private_key(source: &KeySource) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (place, pem) = match source {
        KeySource::File(path) => (path.display().to_string(), read(path)?),
        KeySource::Env(name) => {
            let unset = |_| TlsError::Unreadable { place: name.clone(), why: "not set".to_owned() };
            (name.clone(), std::env::var(name).map_err(unset)?.into_bytes())
        }
    };
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NoKey(place))
}
