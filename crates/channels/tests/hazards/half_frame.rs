//! A line breaks inside a message. What arrived reads as a message, and is none.

use channels::{OnUnknown, Resync};
use hl7v2::mllp::encode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::rig::{adt, engine, exchange, node, outbound, until};

#[tokio::test(flavor = "multi_thread")]
async fn half_a_message_is_never_acted_on() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let nobody = "127.0.0.1:1".parse().unwrap();
    let node = node(&engine, outbound(nobody, OnUnknown::Hold, Resync::Never)).await;
    let address = node.running.addresses["pas"];
    let whole = encode(adt("A01", "H1", "c1").as_bytes()).unwrap();
    // All but the last byte of the frame: every segment is there.
    let health = || node.running.health().get("pas", node.engine.clock().now()).unwrap();
    for (count, end) in [(1, whole.len() - 1), (2, whole.len() - 2), (3, whole.len() - 30)] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&whole[..end]).await.unwrap();
        drop(stream);
        until("it is counted", || health().errors == count).await;
        assert_eq!(health().last_error, Some("half-message"));
    }
    assert_eq!((health().received, node.deliveries().len()), (0, 0));
    // A new message begins inside the old one: the old one is lost, the new one is not.
    let both = [&whole[..whole.len() - 30], &encode(adt("A01", "H2", "c2").as_bytes()).unwrap()];
    let stream = TcpStream::connect(address).await.unwrap();
    let answer = exchange(stream, &both.concat()).await.unwrap();
    assert!(answer.contains("MSA|AA|c2"), "{answer}");
    assert_eq!(node.deliveries().len(), 1);
    node.running.shutdown().await;
}
