//! A certificate runs out over night. Nothing may go over the line any more, nothing may be lost,
//! and people must read why.

use channels::dialect::Dialect;
use channels::{ChannelConfig, Channels, Health, LinkState, OnUnknown, Resync, Setting};
use medicines::deliveries::DeliveryState;

use crate::pki::{Authority, EXPIRED, GOOD, cabinet, settings};
use crate::rig::{engine, node, outbound, until};

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

#[tokio::test(flavor = "multi_thread")]
async fn our_own_expired_certificate_is_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let ca = Authority::new(dir.path(), "ours");
    let any = "127.0.0.1:0".parse().unwrap();
    let mut pas = ChannelConfig::inbound("pas", any, Dialect::default());
    pas.tls = Some(settings(Some(&ca.issue("localhost", EXPIRED)), &ca));
    let setting = Setting {
        site: "RXX".to_owned(),
        processing_id: "P".to_owned(),
        seed: 7,
        health: Health::new(),
    };
    let error = Channels::start(&engine, vec![pas], setting).await.unwrap_err().to_string();
    assert!(error.contains("expired at 2020-12-31"), "{error}");
    assert!(error.contains("put a new one in its place"), "{error}");
}
