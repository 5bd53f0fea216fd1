//! `interlock test` on the shipped examples, and `interlock shadow` on a journal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::{Path, PathBuf};
use std::process::Command;

use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, read};
use engine::{Clock, Engine, Options};

const QUIRKY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quirky");

/// Runs the command; whether it succeeded, and what it printed.
fn interlock(args: &[&str]) -> (bool, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_interlock")).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    (run.status.success(), text)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (entry, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        if entry.is_dir() {
            copy(&entry, &to.join(name));
        } else {
            std::fs::copy(&entry, to.join(name)).unwrap();
        }
    }
}

/// The shipped example in a folder of its own.
fn quirky() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new(QUIRKY), folder.path());
    let channels = folder.path().join("channels");
    (folder, channels)
}

fn change(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn the_quirky_peer_is_understood_as_its_examples_say() {
    let (right, text) = interlock(&["test", &format!("{QUIRKY}/channels")]);
    assert!(right, "{text}");
    assert!(text.contains("4 right, 0 wrong, 0 written"), "{text}");
}

#[test]
fn a_change_that_matters_is_told_with_its_place_and_can_be_accepted() {
    let (folder, channels) = quirky();
    let channels = channels.to_str().unwrap();
    let dialect = folder.path().join("dialects/quirky.toml");
    change(&dialect, "\"QUATER DIE PC\" = { frequency = 4", "\"QUATER DIE PC\" = { frequency = 5");
    let (right, text) = interlock(&["test", channels, "--channel", "quirky"]);
    assert!(!right, "{text}");
    assert!(text.contains("wrong ") && text.contains("a-stay.hl7"), "{text}");
    assert!(text.contains("timing/repeat/frequency\n    - 4\n    + 5\n"), "{text}");
    let (right, text) = interlock(&["test", channels, "--accept"]);
    assert!(right && text.contains("3 right, 0 wrong, 1 written"), "{text}");
    let (right, text) = interlock(&["test", channels]);
    assert!(right, "{text}");
}

#[test]
fn a_script_that_fails_is_seen_in_its_examples() {
    let (folder, channels) = quirky();
    let script = folder.path().join("scripts/quirky.rhai");
    change(&script, "msg.drop();", "msg.set(\"ZZZ-1\", 1);");
    let (right, text) = interlock(&["test", channels.to_str().unwrap()]);
    assert!(!right && text.contains("script-failed"), "{text}");
    assert!(text.contains("line 5 of the channel's script quirky.rhai"), "{text}");
    std::fs::write(&script, "let x = ;").unwrap();
    let (right, text) = interlock(&["test", channels.to_str().unwrap()]);
    assert!(!right && text.contains("line 1 of quirky.rhai"), "{text}");
}

/// A journal in which the first example was read without the dialect's frequencies.
fn journal(folder: &Path) {
    let dialect: Dialect = toml::from_str(
        "version = \"2.3\"\ncharset = \"WINDOWS-1252\"\ncharset_always = true\n\
         zpm_layout = \"2.3\"",
    )
    .unwrap();
    let channel = InboundChannel::new("quirky", dialect, "RXX", &[], "P");
    std::fs::create_dir_all(folder).unwrap();
    let engine = Engine::start(Options {
        journal: folder.join("journal.sqlite3"),
        record: folder.join("record.sqlite3"),
        site: medicines::Site { code: "RXX".into(), ..medicines::Site::default() },
        clock: Clock::system(),
        durability: journal::Durability::Off,
    })
    .unwrap();
    let example = Path::new(QUIRKY).join("channels/quirky/examples/a-stay.hl7");
    let text = std::fs::read(example).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for message in text.split(|byte| *byte == b'\n').collect::<Vec<_>>().split(|l| l.is_empty()) {
        let raw = message.join(&b'\r');
        if raw.is_empty() {
            continue;
        }
        let understood = read(&raw, &channel);
        let command = engine::Command {
            channel: "quirky".into(),
            key: understood.key,
            by: understood.by,
            message_type: understood.message_type,
            control_id: understood.control_id,
            received: engine.clock().now(),
            request: understood.request,
            raw,
        };
        runtime.block_on(engine.submit(command)).unwrap();
    }
}

#[test]
fn yesterdays_messages_are_gone_through_with_a_changed_configuration() {
    let (folder, _) = quirky();
    let data = folder.path().join("data");
    journal(&data);
    let configuration = folder.path().join("interlock.toml");
    let (configuration, data) = (configuration.to_str().unwrap(), data.to_str().unwrap());
    let before = std::fs::read(folder.path().join("data/journal.sqlite3")).unwrap();
    let args = ["shadow", "--config", configuration, "--data", data];
    let (right, text) = interlock(&args);
    assert!(right && text.contains("4 messages gone through; nothing was changed"), "{text}");
    assert!(
        text.contains("RDE^O01 Q2: was parked, would be acted on")
            || text.contains("RDE^O01 Q2: would be understood in another way"),
        "{text}"
    );
    assert!(text.contains("ZHB^Z00 Q4: was parked, would be acted on"), "{text}");
    assert!(!text.contains("BRIEN"), "no patient is named unasked: {text}");
    let (_, shown) = interlock(&[&args[..], &["--show"]].concat());
    assert!(shown.contains("BRIEN"), "{shown}");
    let (_, one) = interlock(&[&args[..], &["--limit", "1"]].concat());
    assert!(one.contains("1 messages gone through"), "{one}");
    let (_, none) = interlock(&[&args[..], &["--channel", "other"]].concat());
    assert!(none.contains("0 messages gone through"), "{none}");
    let (_, none) = interlock(&[&args[..], &["--since", "2100-01-01T00:00:00Z"]].concat());
    assert!(none.contains("0 messages gone through"), "{none}");
    assert_eq!(before, std::fs::read(folder.path().join("data/journal.sqlite3")).unwrap());
}

/// A hospital with a cabinet on its ward, in one file.
fn speaking(dialect: &str) -> String {
    format!(
        "[node]\ndata = \"data\"\n[site]\ncode = \"RXX\"\n[[site.cabinet]]\nsystem = \"ADC\"\n\
         station = \"A\"\nwards = [\"WARDA\"]\nchannel = \"to-a\"\n[[channel]]\nname = \"pas\"\n\
         direction = \"inbound\"\nlisten = \"127.0.0.1:0\"\n[[channel]]\nname = \"to-a\"\n\
         direction = \"outbound\"\nconnect = \"127.0.0.1:1\"\n{dialect}"
    )
}

#[test]
fn yesterdays_messages_out_are_written_anew_with_a_changed_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let then = "dialect = \"adc\"\n[dialect.adc]\nversion = \"2.3\"\n";
    let file = |name: &str, dialect: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, speaking(dialect)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let config = file("interlock.toml", then);
    let launch = xtask::trial::child::Launch {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        config: PathBuf::from(&config),
        arguments: Vec::new(),
        log: folder.path().join("node.log"),
    };
    let root = std::fs::read_to_string(&config).unwrap();
    let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let root = root.replace("[site]", &format!("http = \"{http}\"\n[site]"));
    std::fs::write(&config, root).unwrap();
    let node = launch.start().unwrap();
    let mut line = std::net::TcpStream::connect(node.channels["pas"]).unwrap();
    for number in 1..=2 {
        use std::io::{Read, Write};
        let message = format!(
            "\x0bMSH|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500+0000||ADT^A01|P{number}|P|2.5.1\r\
             EVN|A01|20261120101500+0000\rPID|1||P{number}^^^RXX^MR||BRIEN^ANNA||19800101|F\r\
             PV1|1|I|WARDA^BAY2^B03||||||||||||||||V{number}\r\x1c\r"
        );
        line.write_all(message.as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let count = line.read(&mut answer).unwrap();
        assert!(String::from_utf8_lossy(&answer[..count]).contains("MSA|AA"));
    }
    node.end().unwrap();

    let data = folder.path().join("data");
    let shadow = |dialect: &str, more: &[&str]| {
        let changed = file("changed.toml", dialect);
        let args = ["shadow", "--config", &changed, "--data", data.to_str().unwrap()];
        let (right, text) = interlock(&[&args[..], more].concat());
        assert!(right, "{text}");
        text
    };
    let same = shadow(then, &[]);
    assert!(same.contains("4 messages gone through") && same.contains("4  as then"), "{same}");
    let newer = then.replace("2.3", "2.5.1");
    let text = shadow(&newer, &["--channel", "to-a"]);
    assert!(text.contains("2 messages gone through; nothing was changed"), "{text}");
    assert!(text.contains("to-a patient rxx."), "{text}");
    assert!(text.contains("2  would be sent in another form"), "{text}");
    assert!(text.contains("  at /MSH/12\n") && !text.contains("BRIEN"), "{text}");
    let cleared = format!("{then}[[dialect.adc.clear]]\nfield = \"PID-5\"\non = \"out\"\n");
    let text = shadow(&cleared, &["--channel", "to-a", "--show"]);
    assert!(text.contains("  at /PID/5\n    - \"BRIEN^ANNA\""), "{text}");
    let text = shadow(&cleared, &["--channel", "pas"]);
    assert!(text.contains("2 messages gone through") && text.contains("2  as then"), "{text}");
}

/// A patient, and morphine that was taken weeks before anybody told of it.
const LATE_MORPHINE: [&str; 2] = [
    "MSH|^~\\&|ADC|RXX|HUB|RXX|20261120080000+0000||ADT^A01|M1|P|2.5.1\r\
     EVN|A01|20261120080000+0000\rPID|1||9990000018^^^NHS^NH||BRIEN^ANNA||19800101|F\r\
     PV1|1|I|WARDA^B2^03||||||||||||||||V1",
    "MSH|^~\\&|ADC|RXX|HUB|RXX|20261120101500+0000||ZPM^Z01|M2|P|2.5.1\r\
     PID|1||9990000018^^^NHS^NH||BRIEN^ANNA||19800101|F\r\
     PV1|1|I|WARDA^B2^03||||||||||||||||V1\rRQD|1|MORPH^Morphine|||1|AMPOULE\r\
     ZPM|V|ADC|A|3|05|MORPH^Morphine|2|20|20|1|N1001^NURSE^ANNA||11|RXX|WARDA|C17|20|5|\
     20261101101432+0000|L2231",
];

#[test]
fn both_decide_with_the_release_of_dmd_of_the_node() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let index = terminology::synthetic::import().unwrap().index;
    let two = terminology::ControlledDrug::Schedule2;
    let morphine = index.vmps().find(|vmp| vmp.controlled() == two).unwrap().id();
    std::fs::create_dir(path("release")).unwrap();
    for (name, text) in terminology::synthetic::FILES {
        std::fs::write(folder.path().join("release").join(name), text).unwrap();
    }
    let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let item = format!(
        "http = \"{http}\"\n[[site.item]]\ncode = \"MORPH\"\nname = \"Morphine\"\n\
         unit = \"ampoule\"\ndmd = \"{morphine}\"\n[[site.person]]\nid = \"N1001\"\n\
         name = \"Nurse, Anna\"\nrole = \"nurse\"\n[[site.cabinet]]"
    );
    let item = item.split_once("[[site.item]]").unwrap();
    let text = speaking("").replacen("[site]", &format!("{}[site]", item.0), 1);
    let text = text.replacen("[[site.cabinet]]", &format!("[[site.item]]{}", item.1), 1);
    std::fs::write(path("interlock.toml"), text).unwrap();
    let examples = folder.path().join("channels/pas/examples");
    std::fs::create_dir_all(&examples).unwrap();
    let lines = LATE_MORPHINE.map(|message| message.replace('\r', "\n"));
    std::fs::write(examples.join("late.hl7"), lines.join("\n\n")).unwrap();
    // What is expected, as a test of the channel finds it, before and after the import.
    let found = || {
        let config = path("interlock.toml");
        let (right, text) =
            interlock(&["test", &path("channels"), "--config", &config, "--accept"]);
        assert!(right, "{text}");
        std::fs::read_to_string(examples.join("late.expected.json")).unwrap()
    };
    assert!(!found().contains("late-entry"), "without a release it is no controlled drug");
    let config = path("interlock.toml");
    let (right, text) = interlock(&["import", "dmd", &path("release"), "--config", &config]);
    assert!(right, "{text}");
    let text = found();
    assert!(text.contains("late-entry"), "dm+d says that it is one: {text}");

    let launch = xtask::trial::child::Launch {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        config: PathBuf::from(&config),
        arguments: Vec::new(),
        log: folder.path().join("node.log"),
    };
    let node = launch.start().unwrap();
    let mut line = std::net::TcpStream::connect(node.channels["pas"]).unwrap();
    for message in LATE_MORPHINE {
        line.write_all(format!("\x0b{message}\r\x1c\r").as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let count = line.read(&mut answer).unwrap();
        assert!(String::from_utf8_lossy(&answer[..count]).contains("MSA|AA"));
    }
    node.end().unwrap();
    let shadow = || interlock(&["shadow", "--config", &config, "--data", &path("data")]).1;
    let text = shadow();
    // The profile that went to the cabinet is the third.
    assert!(text.contains("3  as then"), "{text}");
    std::fs::remove_dir_all(folder.path().join("data/dmd")).unwrap();
    let text = shadow();
    assert!(text.contains("2 were decided without the release of dm+d"), "{text}");
}
