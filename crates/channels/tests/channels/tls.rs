//! MLLP over TLS in both directions, with peers that prove who they are and peers that do not.

use std::net::SocketAddr;

use channels::dialect::Dialect;
use channels::transport::TlsIdentity;
use channels::{
    ChannelConfig, Channels, Health, KeySource, LinkState, OnUnknown, Resync, Running, Setting,
};
use engine::Engine;
use medicines::deliveries::DeliveryState;
use rustls::HandshakeKind;

use crate::pki::{Authority, EXPIRED, GOOD, Issued, cabinet, connector, say, say_over, settings};
use crate::rig::{Node, adt, engine, node, outbound, until};

/// A node that listens by TLS as `localhost` and trusts the authority.
async fn listening(engine: &Engine, ca: &Authority) -> Running {
    let any = "127.0.0.1:0".parse().unwrap();
    let mut pas = ChannelConfig::inbound("pas", any, Dialect::default());
    pas.tls = Some(settings(Some(&ca.issue("localhost", GOOD)), ca));
    let setting = Setting {
        site: "RXX".to_owned(),
        processing_id: "P".to_owned(),
        seed: 7,
        health: Health::new(),
    };
    Channels::start(engine, vec![pas], setting).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_with_a_certificate_is_heard_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let ours = Authority::new(dir.path(), "ours");
    let strange = Authority::new(dir.path(), "strange");
    let running = listening(&engine, &ours).await;
    let address = running.addresses["pas"];
    let health = || running.health().get("pas", engine.clock().now()).unwrap();
    let check = async |own: Option<&Issued>, code: &'static str| {
        assert_eq!(say(address, own, &ours, &adt("A01", "H1", "c1")).await, None, "{code}");
        until(code, || health().last_error == Some(code)).await;
    };
    check(None, "tls-no-client-certificate").await;
    check(Some(&strange.issue("pas", GOOD)), "tls-unknown-authority").await;
    check(Some(&ours.issue("pas", EXPIRED)), "tls-peer-certificate-expired").await;
    assert_eq!(health().received, 0, "nothing was taken in");
    let answer = say(address, Some(&ours.issue("pas", GOOD)), &ours, &adt("A01", "H1", "c1")).await;
    assert!(answer.unwrap().contains("MSA|AA|c1"));
    // It hangs up without a word, which is an error of its own.
    until("its line is closed", || health().connections == 0).await;
    let plain = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut &plain, b"\x0BMSH|^~\\&|\x1C\r").unwrap();
    until("it speaks TLS only", || health().last_error == Some("tls-not-spoken")).await;
    assert_eq!(health().received, 1);
    running.shutdown().await;
}

/// A node whose cabinet is reached by TLS, with one message for it.
async fn telling(
    engine: &Engine,
    address: SocketAddr,
    own: Option<&Issued>,
    ca: &Authority,
) -> Node {
    let mut config = outbound(address, OnUnknown::Hold, Resync::Never);
    config.connect = Some(format!("localhost:{}", address.port()));
    config.tls = Some(settings(own, ca));
    let node = node(engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_to_a_peer_that_is_who_it_should_be() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let ca = Authority::new(dir.path(), "ours");
    let address = cabinet(&ca.issue("localhost", GOOD), Some(&ca)).await;
    let node = telling(&engine, address, Some(&ca.issue("node", GOOD)), &ca).await;
    node.stand(&[DeliveryState::Delivered]).await;
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_to_a_peer_that_is_not() {
    let check = async |code: &'static str, name: &str, year: i32, trusted: bool, asks: bool| {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let ca = Authority::new(dir.path(), "ours");
        let strange = Authority::new(dir.path(), "strange");
        let issuer = if trusted { &ca } else { &strange };
        let address = cabinet(&issuer.issue(name, year), asks.then_some(&ca)).await;
        let node = telling(&engine, address, None, &ca).await;
        until(code, || node.health().last_error == Some(code)).await;
        assert_eq!(node.health().state, LinkState::Down);
        // Nobody has looked at it, so nothing about it is in doubt.
        assert_eq!(node.states(), [DeliveryState::Waiting], "{code}");
        node.running.shutdown().await;
    };
    check("tls-peer-certificate-expired", "localhost", EXPIRED, true, false).await;
    check("tls-wrong-name", "elsewhere.example", GOOD, true, false).await;
    check("tls-unknown-authority", "localhost", GOOD, false, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_the_peer_refuses_leaves_no_outcome_in_doubt() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let ca = Authority::new(dir.path(), "ours");
    let address = cabinet(&ca.issue("localhost", GOOD), Some(&ca)).await;
    let node = telling(&engine, address, None, &ca).await;
    // In TLS 1.3 the message is on its way before the peer says that it wants a certificate.
    until("it is told", || node.health().errors >= 1).await;
    // It is in flight for a moment each time that it is tried.
    node.stand(&[DeliveryState::Waiting]).await;
    assert!(node.cases().is_empty(), "{:?}", node.cases());
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_taken_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let ca = Authority::new(dir.path(), "ours");
    let running = listening(&engine, &ca).await;
    // Each line proves anew who its peer is: a certificate that is not taken any more would
    // otherwise be good as long as its last session.
    let one = connector(Some(&ca.issue("pas", GOOD)), &ca);
    for id in ["c1", "c2", "c3"] {
        let message = adt("A01", "H1", id);
        let (answer, kind) = say_over(&one, running.addresses["pas"], &message).await.unwrap();
        assert!(answer.contains(&format!("MSA|AA|{id}")), "{answer}");
        assert_eq!(kind, Some(HandshakeKind::Full), "{id}");
    }
    running.shutdown().await;
}

#[tokio::test]
async fn an_own_certificate_tells_whose_it_is_and_until_when() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Authority::new(dir.path(), "ours");
    let own = ca.issue("hub.example", GOOD);
    let identity = TlsIdentity::load(&own.certificate, &KeySource::File(own.key.clone())).unwrap();
    assert_eq!(identity.expires(), "2090-12-31T00:00:00Z".parse().unwrap());
    assert!(identity.subject().contains("CN=hub.example"), "{}", identity.subject());
    let other = ca.issue("other.example", GOOD);
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let check = |change: &dyn Fn(&mut channels::TlsConfig), words: &str| {
        let mut config = ChannelConfig::outbound("adc", "h:1", Dialect::default());
        let mut tls = settings(Some(&own), &ca);
        change(&mut tls);
        config.tls = Some(tls);
        let error = config.check_certificates(now).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(';'), "{error}");
    };
    check(&|tls| tls.key = Some(KeySource::File(other.key.clone())), "cannot be used");
    check(&|tls| tls.key = Some(KeySource::File(own.certificate.clone())), "no private key");
    check(&|tls| tls.certificate = Some(own.key.clone()), "no certificate");
    check(&|tls| tls.ca = Some(dir.path().join("none.pem")), "cannot be read");
    let expired = ca.issue("hub.example", EXPIRED).certificate;
    check(&|tls| tls.certificate = Some(expired.clone()), "expired at 2020-12-31");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_first_certificate_is_told_and_a_renewed_one_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let ca = Authority::new(dir.path(), "ours");
    let running = listening(&engine, &ca).await;
    let address = running.addresses["pas"];
    let health = || running.health().get("pas", engine.clock().now()).unwrap();
    let ends = |year: i32| Some(format!("{year}-12-31T00:00:00Z").parse().unwrap());
    assert_eq!(health().certificate, ends(GOOD), "our own");
    let peer = ca.issue("pas", 2080);
    // A busy machine may make a handshake take too long: then it is tried again, with the same
    // message, which is answered once more. Each line has to be closed before the next is opened,
    // so that no error of its end comes late.
    let says = async |number: &str, id: &str| {
        for _ in 0..5 {
            let answer = say(address, Some(&peer), &ca, &adt("A01", number, id)).await;
            until("its line is closed", || health().connections == 0).await;
            if let Some(answer) = answer {
                return assert!(answer.contains(&format!("MSA|AA|{id}")), "{answer}");
            }
        }
        panic!("no answer to {id}");
    };
    says("H1", "c1").await;
    assert_eq!(health().certificate, ends(2080), "the peer's ends first");

    let own = ca.issue("localhost", GOOD);
    let renewed = ca.issue("localhost", 2070);
    std::fs::write(&own.certificate, "half a file").unwrap();
    // The old one is used meanwhile.
    says("H2", "c2").await;
    assert_eq!(health().last_error, Some("tls-files-unusable"));
    std::fs::copy(&renewed.key, &own.key).unwrap();
    std::fs::copy(&renewed.certificate, &own.certificate).unwrap();
    says("H3", "c3").await;
    assert_eq!(health().certificate, ends(2070), "the new one is in use");
    running.shutdown().await;
}
