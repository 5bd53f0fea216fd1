//! Messages of real senders and of other projects' tests: each is read or refused with a reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hl7v2::{BuildError, IssueKind, Message, MessageBuilder, ParseError, Severity, parse};

/// The folder of messages, or `None` where it is not on this machine.
fn corpus() -> Option<PathBuf> {
    let near = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("INTERLOCK_CORPUS").map_or_else(near, PathBuf::from);
    let folder = root.join("hl7v2");
    folder.is_dir().then_some(folder)
}

/// Every message of the corpus with its place below the folder, in order.
fn messages(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder of the corpus") {
            let path = entry.expect("an entry of the corpus").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "hl7") {
                let name = path
                    .strip_prefix(folder)
                    .expect("below the folder")
                    .to_string_lossy()
                    .into_owned();
                found.push((name, fs::read(&path).expect("a file of the corpus")));
            }
        }
    }
    found.sort();
    found
}

/// Rows of the index by file: number of MSH segments, and what is known to be malformed.
fn index(folder: &Path) -> BTreeMap<String, (usize, String)> {
    let text = fs::read_to_string(folder.join("INDEX.tsv")).expect("the corpus has an index");
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|row| (row[0].to_owned(), (row[4].parse().unwrap_or(0), row[7].to_owned()))).collect()
}

#[test]
fn every_message_is_read_or_refused_with_a_reason() {
    let Some(folder) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let index = index(&folder);
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let (mut clean, mut tidy, mut doubtful) = (0, 0, 0);
    let all = messages(&folder);
    for (name, bytes) in &all {
        let (headers, malformed) = &index[name];
        let (message, issues) = match parse(bytes) {
            Ok(read) => read,
            Err(error) => {
                *refused.entry(error.to_string()).or_default() += 1;
                let batch = error == ParseError::Batch;
                assert!(batch || !malformed.is_empty(), "{name} was refused: {error}");
                continue;
            }
        };
        for issue in &issues {
            *kinds.entry(format!("{:?}", issue.kind)).or_default() += 1;
        }
        let two = issues.iter().any(|issue| issue.kind == IssueKind::SecondHeader);
        assert!(two || *headers < 2, "{name} holds {headers} messages and was read as one");
        match issues.iter().map(|issue| issue.kind.severity()).max() {
            None => clean += 1,
            Some(Severity::Note) => tidy += 1,
            Some(_) => doubtful += 1,
        }
        if issues.is_empty() {
            assert_eq!(&message.encode(), bytes, "{name}");
        }
        check_contents(name, bytes, &message);
    }
    println!("{} messages: {clean} clean, {tidy} untidy, {doubtful} in doubt", all.len());
    println!("refused: {refused:#?}\nissues: {kinds:#?}");
    assert!(clean > 600, "only {clean} messages are well-formed: the parser is too strict");
    assert!(doubtful < all.len() / 5, "{doubtful} messages are in doubt");
}

/// Nothing of the input is missing in the segments, and a message taken apart to its fields and
/// built again is the same.
fn check_contents(name: &str, bytes: &[u8], message: &Message<'_>) {
    let content = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().copied().filter(|byte| !b" \t\r\n".contains(byte)).collect()
    };
    let after = &bytes[message.leading().len()..];
    assert_eq!(content(&message.encode()), content(after), "{name}");

    let mut copy = MessageBuilder::with(message.delimiters(), message.charset());
    for segment in message.iter().skip(1) {
        let copied = copy.copy(&segment).clone();
        if segment.raw().iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            continue;
        }
        let mut alone = MessageBuilder::with(message.delimiters(), message.charset());
        alone.header().set(10, "1");
        *alone.segment("ZZZ") = copied;
        match alone.encode() {
            Ok(built) => {
                let expect = [segment.raw(), b"\r"].concat();
                assert!(built.ends_with(&expect), "{name}: {}", segment.name());
            }
            Err(BuildError::BadSegmentName(_)) => {}
            Err(error) => panic!("{name}: {error}"),
        }
    }
}
