//! Every message of the corpus: none panics, each is understood or parked with a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, answer, read};
use jiff::Timestamp;
use medicines::{
    Answer, Context, Decision, Fact, NoCold, ProblemCode, Request, Site, State, decide,
};

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

/// What became of the messages of one type.
#[derive(Default)]
struct Outcome {
    messages: usize,
    /// Messages that made resources of a type, by the type.
    resources: BTreeMap<String, usize>,
    kept: usize,
    changed_nothing: usize,
    parked: usize,
}

/// A node in memory that decides one message after the other.
struct Node {
    state: State,
    seq: u64,
    now: Timestamp,
}

impl Node {
    fn new() -> Self {
        let now = "2026-11-20T10:15:00Z".parse().expect("a time");
        let mut node = Node { state: State::new(Box::new(NoCold)), seq: 0, now };
        let site = Site { code: "RXX".to_owned(), ..Site::default() };
        node.ask(&Request::Configure(Box::new(site)));
        node
    }

    fn ask(&mut self, request: &Request) -> Decision {
        self.seq += 1;
        let ctx =
            Context { seq: self.seq, now: self.now, source: "corpus".to_owned(), dictionary: None };
        let decision = decide(&mut self.state, &ctx, request);
        self.state.fold(self.seq, &decision.facts);
        decision
    }
}

/// Every message through a channel that takes it, where the PAS has told of nobody before: what
/// becomes of the messages of each type, and for which reasons the others are parked.
#[test]
fn what_becomes_of_every_message() {
    let Some(folder) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let channel = InboundChannel::new("corpus", Dialect::default(), "RXX", &[], "");
    let channel = channel.creating_patients(true);
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    paths.sort();
    let mut node = Node::new();
    let mut table: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for path in &paths {
        let raw = fs::read(path).unwrap();
        let mut understood = read(&raw, &channel);
        let kind = understood.message_type.clone().unwrap_or_else(|| "(no type)".to_owned());
        if let Request::Park(problem) = &understood.request
            && problem.code == ProblemCode::UnsupportedType
        {
            // A type without a mapper is kept by a channel that names it.
            let named = [kind.split('^').next().unwrap_or_default().to_owned()];
            let channel = InboundChannel::new("corpus", Dialect::default(), "RXX", &named, "");
            understood = read(&raw, &channel);
        }
        let decision = node.ask(&understood.request);
        let outcome = table.entry(kind).or_default();
        outcome.messages += 1;
        if let Answer::Parked(problem) = &decision.answer {
            assert!(problem.text.len() > 10, "{}: {}", path.display(), problem.text);
            outcome.parked += 1;
            let text = problem.text.split(" at byte").next().unwrap_or_default();
            *reasons.entry(format!("{}: {text}", problem.code.as_str())).or_default() += 1;
            continue;
        }
        let mut types: BTreeSet<String> = BTreeSet::new();
        for fact in &decision.facts {
            match fact {
                Fact::Stored(stored) => {
                    types.insert(stored.resource_type.to_string());
                    let read = fhir::search::index(stored);
                    assert!(read.is_ok(), "{}: {:?}", path.display(), read.err());
                }
                Fact::Kept(_) => outcome.kept += 1,
                _ => {}
            }
        }
        outcome.changed_nothing += usize::from(decision.facts.is_empty());
        for name in types {
            *outcome.resources.entry(name).or_default() += 1;
        }
    }
    for (kind, outcome) in &table {
        let made: Vec<String> = outcome.resources.iter().map(|(t, n)| format!("{t} {n}")).collect();
        let Outcome { messages, kept, changed_nothing, parked, .. } = outcome;
        println!(
            "| {kind} | {messages} | {} | {kept} | {changed_nothing} | {parked} |",
            made.join(", ")
        );
    }
    let parked: usize = table.values().map(|outcome| outcome.parked).sum();
    println!("{} messages, {parked} parked", paths.len());
    for (reason, count) in &reasons {
        println!("{count:6} {reason}");
    }
    assert!(parked * 2 < paths.len(), "more than half of the corpus is parked");
}
