//! A file of messages was cut off, or lost one on the way: half of it must not be acted on as if
//! it were all.

use channels::{OnUnknown, Resync};

use crate::rig::{Node, adt, engine, node, outbound};

async fn quiet(engine: &engine::Engine) -> Node {
    node(engine, outbound("127.0.0.1:1".parse().unwrap(), OnUnknown::Hold, Resync::Never)).await
}

const FHS: &str = "FHS|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500||||F7\r";
const BHS: &str = "BHS|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500||||B7\r";

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_lacks_messages_is_held_whole() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let node = quiet(&engine).await;
    let messages = format!("{}{}", adt("A01", "H1", "c1"), adt("A01", "H2", "c2"));
    let check = async |batch: String, words: &str, envelope: &str, cases: usize| {
        let answer = node.tell(&batch).await;
        assert!(answer.starts_with(envelope), "{answer}");
        assert!(answer.contains("\rMSA|AE|"), "{answer}");
        assert!(answer.contains("\rERR|"), "{answer}");
        assert_eq!(node.deliveries().len(), 0, "nothing of it was acted on");
        assert_eq!(node.tell(&batch).await, answer, "a repeat is answered alike");
        let found = node.cases();
        assert_eq!(found.len(), cases, "one case for each, however often it comes");
        assert!(found.iter().any(|case| case.text.contains(words)), "{found:?}");
        let entry = found.iter().find(|case| case.text.contains(words)).unwrap().entry;
        let kept = node.engine.journal().unwrap().get(entry).unwrap().unwrap().raw;
        assert_eq!(kept, batch.as_bytes(), "all of it is kept");
    };
    check(format!("{BHS}{messages}BTS|3\r"), "says 3 messages and 2", "BHS|", 1).await;
    check(format!("{BHS}{messages}"), "BTS is missing", "BHS|", 2).await;
    check(format!("{FHS}{BHS}{messages}BTS|2\r"), "FTS is missing", "FHS|", 3).await;
    check(format!("{FHS}{BHS}{messages}BTS|2\rFTS|2\r"), "says 2 batches and 1", "FHS|", 4).await;
    // The whole batch is taken in afterwards.
    let answer = node.tell(&format!("{BHS}{messages}BTS|2\r")).await;
    assert!(answer.contains("\rMSA|AA|c1\r") && answer.contains("\rMSA|AA|c2\r"), "{answer}");
    assert_eq!(node.deliveries().len(), 2);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_a_whole_batch_is_decided_on_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let node = quiet(&engine).await;
    let bad = "MSH|^~\\&|PAS|T|I|R|20261120101500||ZZZ^Z01|c2|P|2.5.1\r";
    let (first, last) = (adt("A01", "H1", "c1"), adt("A01", "H3", "c3"));
    let batch = format!("{FHS}{BHS}{first}{bad}{last}BTS|3\rFTS|1\r");
    let answer = node.tell(&batch).await;
    let place = |text: &str| answer.find(text).unwrap_or_else(|| panic!("{text} in {answer}"));
    let order =
        ["FHS|", "BHS|", "MSA|AA|c1", "MSA|AR|c2", "MSA|AA|c3", "BTS|3", "FTS|1"].map(place);
    assert!(order.is_sorted(), "{answer}");
    assert!(answer.contains("|F7\rBHS|") && answer.contains("|B7\rMSH|"), "{answer}");
    assert_eq!(node.deliveries().len(), 2);
    assert_eq!(node.tell(&batch).await, answer, "a repeat is answered alike");
    assert_eq!(node.deliveries().len(), 2, "and changes nothing");
    let bare = format!("{}{}", adt("A01", "H4", "c4"), adt("A01", "H5", "c5"));
    let answer = node.tell(&bare).await;
    assert!(answer.contains("MSA|AA|c4") && answer.contains("MSA|AA|c5"), "{answer}");
    assert_eq!(node.deliveries().len(), 4);
    node.running.shutdown().await;
}
