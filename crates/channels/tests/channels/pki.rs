//! Authorities and certificates made for a test, and both sides of TLS as a stranger has them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use channels::{KeySource, TlsConfig};
use hl7v2::mllp::{Decoder, Event, encode};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, HandshakeKind, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The last year of a certificate that holds, and of one that does not any more.
pub(crate) const GOOD: i32 = 2090;
pub(crate) const EXPIRED: i32 = 2020;

/// An authority with a folder for what it issues.
pub(crate) struct Authority {
    folder: PathBuf,
    name: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The files of a certificate.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        std::fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
        let issuer = Issuer::new(params, key);
        Authority { folder: folder.to_owned(), name: name.to_owned(), issuer }
    }

    /// The file of its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }

    /// A certificate for `name` to the end of `year`.
    pub(crate) fn issue(&self, name: &str, year: i32) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2010, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let place = |end: &str| self.folder.join(format!("{}-{name}-{year}.{end}", self.name));
        let issued = Issued { certificate: place("pem"), key: place("key") };
        std::fs::write(&issued.certificate, pem).unwrap();
        std::fs::write(&issued.key, key.serialize_pem()).unwrap();
        issued
    }
}

impl Issued {
    fn read(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_file(&self.certificate).unwrap();
        (vec![certificate], PrivateKeyDer::from_pem_file(&self.key).unwrap())
    }
}

/// The settings of a channel with this certificate, whose peers are checked by `ca`.
pub(crate) fn settings(own: Option<&Issued>, ca: &Authority) -> TlsConfig {
    TlsConfig {
        certificate: own.map(|own| own.certificate.clone()),
        key: own.map(|own| KeySource::File(own.key.clone())),
        ca: Some(ca.file()),
        require_client: true,
        server_name: None,
    }
}

fn roots(ca: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca.file()).unwrap()).unwrap();
    Arc::new(roots)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Says one thing to a listener by TLS; gives its answer, or nothing where it hangs up.
pub(crate) async fn say(
    address: SocketAddr,
    own: Option<&Issued>,
    ca: &Authority,
    message: &str,
) -> Option<String> {
    say_over(&connector(own, ca), address, message).await.map(|(answer, _)| answer)
}

/// A peer with this certificate, who trusts the authority and remembers sessions.
pub(crate) fn connector(own: Option<&Issued>, ca: &Authority) -> TlsConnector {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(ca));
    let config = match own.map(Issued::read) {
        Some((certificates, key)) => builder.with_client_auth_cert(certificates, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config))
}

/// [`say`] as a peer that may have been there before; says also how it was known.
pub(crate) async fn say_over(
    connector: &TlsConnector,
    address: SocketAddr,
    message: &str,
) -> Option<(String, Option<HandshakeKind>)> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, stream).await.ok()?;
    stream.write_all(&encode(message.as_bytes()).unwrap()).await.ok()?;
    stream.flush().await.ok()?;
    let (mut decoder, mut input) = (Decoder::default(), [0; 4096]);
    loop {
        if let Some(Event::Frame(frame)) = decoder.next() {
            let kind = stream.get_ref().1.handshake_kind();
            // A side that ends TLS as it should be ended is no broken line.
            let _ = stream.shutdown().await;
            return Some((String::from_utf8(frame).unwrap(), kind));
        }
        match stream.read(&mut input).await {
            Ok(count) if count > 0 => decoder.push(&input[..count]),
            _ => return None,
        }
    }
}

/// A cabinet that speaks TLS, wants a certificate of `ca` where it is given, and answers AA.
pub(crate) async fn cabinet(own: &Issued, ca: Option<&Authority>) -> SocketAddr {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match ca {
        None => builder.with_no_client_auth(),
        Some(ca) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(roots(ca), provider()).build().unwrap(),
        ),
    };
    let (certificates, key) = own.read();
    let acceptor =
        TlsAcceptor::from(Arc::new(builder.with_single_cert(certificates, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let (mut decoder, mut input) = (Decoder::default(), [0; 4096]);
                loop {
                    for event in decoder.by_ref() {
                        let Event::Frame(frame) = event else { panic!("{event:?}") };
                        let text = String::from_utf8(frame).unwrap();
                        let id = text.split('|').nth(9).unwrap();
                        let ack = format!("MSH|^~\\&|ADC\rMSA|AA|{id}\r");
                        stream.write_all(&encode(ack.as_bytes()).unwrap()).await.unwrap();
                    }
                    match stream.read(&mut input).await {
                        Ok(count) if count > 0 => decoder.push(&input[..count]),
                        _ => return,
                    }
                }
            });
        }
    });
    address
}
