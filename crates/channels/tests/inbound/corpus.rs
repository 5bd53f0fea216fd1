//! Every message of the corpus: none panics, each is understood or parked with a reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, answer, read};
use medicines::{Answer, Request};

fn corpus() -> Option<PathBuf> {
    let root = match std::env::var_os("INTERLOCK_CORPUS") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    Some(root.join("hl7v2")).filter(|folder| folder.is_dir())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "hl7") {
            found.push(path);
        }
    }
}

#[test]
fn every_message_is_understood_or_parked() {
    let Some(folder) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let channel = InboundChannel::new("corpus", Dialect::default(), "RXX", &[], "");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    paths.sort();
    assert!(paths.len() > 1_000, "the corpus is there but has {} messages", paths.len());
    let mut understood_by_type: BTreeMap<String, usize> = BTreeMap::new();
    let mut parked_by_reason: BTreeMap<String, usize> = BTreeMap::new();
    let at = "2026-11-20T10:15:00Z".parse().unwrap();
    for path in &paths {
        let raw = fs::read(path).unwrap();
        let understood = read(&raw, &channel);
        let kind = understood.message_type.unwrap_or_else(|| "(no type)".to_owned());
        let outcome = if let Request::Park(problem) = understood.request {
            assert!(!problem.text.is_empty(), "{}", path.display());
            // Byte offsets would make a reason of every message.
            let text = problem.text.split(" at byte").next().unwrap_or_default();
            let place = problem.location.as_deref().unwrap_or("-");
            let reason = format!("{} {place}: {text}", problem.code.as_str());
            *parked_by_reason.entry(reason).or_default() += 1;
            Answer::Parked(problem)
        } else {
            *understood_by_type.entry(kind).or_default() += 1;
            Answer::Done
        };
        if let Some(ack) = answer(&understood.reply_to, &outcome, 1, at) {
            let (ack, _) = hl7v2::parse(&ack).expect("an acknowledgement is a message");
            assert!(ack.segment("MSA").is_some(), "{}", path.display());
        }
    }
    println!("{} messages", paths.len());
    println!("understood: {}", understood_by_type.values().sum::<usize>());
    for (kind, count) in &understood_by_type {
        println!("{count:6} {kind}");
    }
    println!("parked: {}", parked_by_reason.values().sum::<usize>());
    for (reason, count) in &parked_by_reason {
        println!("{count:6} {reason}");
    }
    assert!(!understood_by_type.is_empty());
}
