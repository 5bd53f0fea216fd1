//! A sender declares one character set and writes another. A name that is read in the wrong one is
//! another name.

use channels::{OnUnknown, Resync};
use hl7v2::mllp::encode;
use tokio::net::TcpStream;

use crate::rig::{adt, engine, exchange, node, outbound};

#[tokio::test(flavor = "multi_thread")]
async fn bytes_outside_the_declared_set_are_parked_and_never_mangled() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let nobody = "127.0.0.1:1".parse().unwrap();
    let node = node(&engine, outbound(nobody, OnUnknown::Hold, Resync::Never)).await;
    let address = node.running.addresses["pas"];
    let mut parked = 0;
    let mut check = async |id: &str, declared: &str, name: &[u8], code: &str| {
        let text = adt("A01", &format!("H{id}"), id);
        let text = text.replace("|P|2.5.1\r", &format!("|P|2.5.1||||||{declared}\r"));
        let (before, after) = text.split_once("PATIENT").unwrap();
        let message = [before.as_bytes(), name, after.as_bytes()].concat();
        let stream = TcpStream::connect(address).await.unwrap();
        let answer = exchange(stream, &encode(&message).unwrap()).await.unwrap();
        assert!(answer.contains(&format!("MSA|{code}|{id}")), "{answer}");
        if code == "AE" {
            parked += 1;
            let case = node.cases().into_iter().max_by_key(|case| case.entry).unwrap();
            let entry = node.engine.journal().unwrap().get(case.entry).unwrap().unwrap();
            assert_eq!(entry.raw, message, "the bytes are kept as they came");
        }
        assert_eq!(node.cases().len(), parked, "{declared}");
    };
    check("1", "UNICODE UTF-8", b"JOS\xC3\x89", "AA").await;
    check("2", "UNICODE UTF-8", b"JOS\xC9", "AE").await;
    check("3", "8859/1", b"JOS\xC9", "AA").await;
    check("4", "ASCII", b"JOS\xC9", "AE").await;
    check("5", "ASCII", b"JOSE", "AA").await;
    check("6", "UNICODE UTF-16", b"JOS\xC9", "AE").await;
    check("7", "ISO IR87", b"\x1B$B<ZNfy\x1B(B", "AE").await;
    check("8", "", b"JOS\xC9", "AE").await;
    node.running.shutdown().await;
}
