//! The real node takes a batch from a folder and hands its messages on into another, and is killed
//! in the middle of it again and again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use xtask::trial::child::Launch;
use xtask::trial::files;

/// How many messages the batch has.
const MESSAGES: usize = 400;
/// How often the node is killed.
const KILLS: usize = 6;
/// Long enough for any machine; a test that works does not wait for it.
const PATIENCE: Duration = Duration::from_mins(3);

const ROOT: &str = "[node]\ndata = \"data\"\nhttp = \"127.0.0.1:0\"\n[site]\ncode = \"RXX\"\n";
const IN: &str = "direction = \"inbound\"\ntransport = \"files\"\nforward_to = [\"archive\"]\n\
                  forward = \"all\"\n[files]\nfolder = \"in\"\nsettle_s = 0\npoll_ms = 50\n";
const OUT: &str = "direction = \"outbound\"\ntransport = \"files\"\non_unknown = \"resend\"\n\
                   resync = \"never\"\n[files]\nfolder = \"out\"\n";

fn message(number: usize) -> String {
    format!(
        "MSH|^~\\&|PAS|RXX|INTERLOCK|RXX|20261120101500+0000||ADT^A28|c{number}|P|2.5.1\r\
         EVN|A28|20261120101500+0000\rPID|1||H{number}^^^RXX^MR||TEST^PATIENT||19800101|F\r"
    )
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).collect()
}

/// How often the journal holds the bytes of each message that came on the channel.
fn kept(data: &Path) -> BTreeMap<Vec<u8>, usize> {
    let journal = journal::Reader::open(&data.join(files::JOURNAL)).unwrap();
    let (mut kept, mut next) = (BTreeMap::new(), 1);
    loop {
        let entries = journal.read_from(next, 500).unwrap();
        let Some(last) = entries.last() else { return kept };
        next = last.seq + 1;
        for entry in entries {
            if medicines::Head::from_json(&entry.head).unwrap().channel == "lab" {
                *kept.entry(entry.raw).or_default() += 1;
            }
        }
    }
}

#[test]
fn a_node_that_is_killed_in_the_middle_of_a_file_does_all_of_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    for name in ["channels", "in", "out"] {
        std::fs::create_dir(place(name)).unwrap();
    }
    std::fs::write(place("interlock.toml"), ROOT).unwrap();
    std::fs::write(place("channels/lab.toml"), IN).unwrap();
    std::fs::write(place("channels/archive.toml"), OUT).unwrap();
    let messages: Vec<String> = (0..MESSAGES).map(message).collect();
    let batch =
        format!("FHS|^~\\&|PAS\rBHS|^~\\&|PAS\r{}BTS|{MESSAGES}\rFTS|1\r", messages.concat());
    std::fs::write(place("in/all.hl7"), batch).unwrap();
    let launch = Launch {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        config: place("interlock.toml"),
        arguments: Vec::new(),
        log: place("node.log"),
    };
    let mut cut = 0;
    for kill in 1..=KILLS {
        let node = launch.start().unwrap();
        let began = Instant::now();
        while kept(&place("data")).len() < kill * MESSAGES / (KILLS + 2) {
            assert!(began.elapsed() < PATIENCE, "{} messages", kept(&place("data")).len());
        }
        node.kill().unwrap();
        cut += usize::from(kept(&place("data")).len() < MESSAGES);
    }
    assert!(cut > 0, "it was never killed in the middle of the file");
    let node = launch.start().unwrap();
    let began = Instant::now();
    while place("in/all.hl7").exists() || names(&place("out")).len() < MESSAGES {
        assert!(began.elapsed() < PATIENCE, "{} files", names(&place("out")).len());
        std::thread::sleep(Duration::from_millis(20));
    }
    node.end().unwrap();
    let reply = std::fs::read_to_string(place("in/replies/all.hl7")).unwrap();
    assert_eq!(reply.matches("\rMSA|AA|c").count(), MESSAGES);
    assert!(place("in/done/all.hl7").exists());
    let kept = kept(&place("data"));
    assert_eq!(kept.len(), MESSAGES);
    assert!(kept.values().all(|count| *count == 1), "each message once");
    let mut written: Vec<Vec<u8>> =
        names(&place("out")).iter().map(|path| std::fs::read(path).unwrap()).collect();
    let mut expected: Vec<Vec<u8>> = messages.into_iter().map(String::into_bytes).collect();
    written.sort();
    expected.sort();
    assert_eq!(written, expected, "each went on, byte for byte, and nothing half is there");
    files::verify_chain(&place("data")).unwrap();
}
