//! A certificate runs out over night. Nothing may go over the line any more, nothing may be lost,
//! and people must read why.

use std::collections::BTreeSet;
use std::convert::Infallible;

use channels::dialect::Dialect;
use channels::{ChannelConfig, Channels, Health, LinkState, OnUnknown, Resync, Setting};
use hl7v2::mllp::encode;
use medicines::deliveries::DeliveryState;
use tokio::net::TcpStream;

use crate::pki::{Authority, EXPIRED, GOOD, cabinet, settings};
use crate::rig::{adt, engine, exchange, node, outbound, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_expired_certificate_of_a_peer_stops_the_line_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let ca = Authority::new(dir.path(), "ours");
    let address = cabinet(&ca.issue("localhost", EXPIRED), None).await;
    let mut config = outbound(address, OnUnknown::Resend, Resync::Never);
    config.connect = Some(format!("localhost:{}", address.port()));
    config.tls = Some(settings(Some(&ca.issue("node", GOOD)), &ca));
    let node = node(&engine, config).await;
    node.admit("A01", "H1", "c1").await;
    let code = Some("tls-peer-certificate-expired");
    until("people read why", || node.health().last_error == code).await;
    assert_eq!(node.health().state, LinkState::Down);
    assert_eq!(node.states(), [DeliveryState::Waiting]);
    node.running.shutdown().await;
}

/// A naive engine either puts such a certificate in force, or does not start with it at three in
/// the morning, and with it no other channel.
#[tokio::test(flavor = "multi_thread")]
async fn our_own_expired_certificate_is_not_put_in_force_and_stops_no_other_channel() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let ca = Authority::new(dir.path(), "ours");
    let any = "127.0.0.1:0".parse().unwrap();
    let pas = ChannelConfig::inbound("pas", any, Dialect::default());
    let mut lab = ChannelConfig::inbound("lab", any, Dialect::default());
    lab.tls = Some(settings(Some(&ca.issue("localhost", EXPIRED)), &ca));
    let setting = Setting {
        site: "RXX".to_owned(),
        processing_id: "P".to_owned(),
        seed: 7,
        health: Health::new(),
    };
    let mut running = Channels::start(&engine, vec![pas, lab.clone()], setting).await.unwrap();
    let stream = TcpStream::connect(running.addresses["pas"]).await.unwrap();
    let answer = exchange(stream, &encode(adt("A01", "H1", "c1").as_bytes()).unwrap()).await;
    assert!(answer.unwrap().contains("MSA|AA|c1"), "the others work");
    let health = running.health().get("lab", engine.clock().now()).unwrap();
    assert_eq!(health.certificate, Some("2020-12-31T00:00:00Z".parse().unwrap()), "an alarm");
    let (nothing, commit) = (BTreeSet::new(), async { Ok::<(), Infallible>(()) });
    let error = running.change(&nothing, vec![lab], commit).await.unwrap_err().to_string();
    assert!(error.contains("expired at 2020-12-31"), "{error}");
    assert!(error.contains("put a new one in its place"), "{error}");
    running.shutdown().await;
}
