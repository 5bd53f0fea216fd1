//! A running node as other programs watch it: its figures over real HTTP, whether it is ready, and
//! the ways of messages as a collector hears of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use xtask::trial::child::{Launch, Running};

/// Long enough for any machine; a test that works does not wait for it.
const PATIENCE: Duration = Duration::from_mins(1);
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A node with a channel in, `pas`, and one out, `to-a`, to a cabinet at `peer`.
struct Hospital {
    folder: tempfile::TempDir,
    http: SocketAddr,
    node: Running,
}

/// How the node of a configuration is started.
fn launch(config: &Path) -> Launch {
    Launch {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        config: config.to_owned(),
        arguments: Vec::new(),
        log: config.with_file_name("node.log"),
    }
}

impl Hospital {
    fn start(peer: SocketAddr, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = folder.path().join("interlock.toml");
        let text = format!(
            "[node]\ndata = \"data\"\nhttp = \"{http}\"\n[site]\ncode = \"RXX\"\n\
             [[site.cabinet]]\nsystem = \"ADC\"\nstation = \"A\"\nwards = [\"WARDA\"]\n\
             channel = \"to-a\"\n[[channel]]\nname = \"pas\"\ndirection = \"inbound\"\n\
             listen = \"127.0.0.1:0\"\n[[channel]]\nname = \"to-a\"\ndirection = \"outbound\"\n\
             connect = \"{peer}\"\nresync = \"never\"\n[[client]]\nname = \"prometheus\"\n\
             roles = [\"metrics\"]\ntoken = {{ file = \"token\" }}\n{more}"
        );
        std::fs::write(&config, text).unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        let node = launch(&config).start().unwrap();
        Hospital { folder, http, node }
    }

    /// The status and the body of what is there.
    fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut line = TcpStream::connect(self.http).unwrap();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\n{}Connection: close\r\n\r\n",
            token.unwrap_or_default()
        );
        line.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn figures(&self) -> Figures {
        let (status, text) = self.get("/metrics", Some(TOKEN));
        assert_eq!(status, 200, "{text}");
        Figures::read(&text)
    }

    /// The figures, once a figure has this value.
    fn once(&self, sample: &str, value: &str) -> Figures {
        let began = Instant::now();
        loop {
            let figures = self.figures();
            if figures.samples.get(sample).is_some_and(|found| found == value) {
                return figures;
            }
            let all = &figures.samples;
            assert!(began.elapsed() < PATIENCE, "{sample} is {:?}", all.get(sample));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a message and gives the code of its acknowledgement.
    fn send(&self, message: &str) -> String {
        let mut line = TcpStream::connect(self.node.channels["pas"]).unwrap();
        line.write_all(format!("\x0b{message}\x1c\r").as_bytes()).unwrap();
        let answer = String::from_utf8(frame(&mut line).unwrap()).unwrap();
        answer.split("MSA|").nth(1).unwrap()[..2].to_owned()
    }

    fn admit(&self, control_id: &str) -> String {
        self.send(&format!(
            "MSH|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500+0000||ADT^A01|{control_id}|P|2.5.1\r\
             EVN|A01|20261120101500+0000\rPID|1||{control_id}^^^RXX^MR||SECRET^PATIENT||19800101|F\r\
             PV1|1|I|WARDA^BAY2^B03||||||||||||||||V{control_id}\r"
        ))
    }
}

/// One whole frame, or nothing where the line was closed.
fn frame(line: &mut TcpStream) -> Option<Vec<u8>> {
    line.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    while !bytes.ends_with(b"\x1c\r") {
        let count = line.read(&mut part).unwrap();
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&part[..count]);
    }
    Some(bytes)
}

/// A cabinet that accepts everything.
fn cabinet() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for line in listener.incoming() {
            let mut line = line.unwrap();
            while let Some(message) = frame(&mut line) {
                let message = String::from_utf8_lossy(&message).into_owned();
                let id = message.split('|').nth(9).unwrap();
                let answer = format!(
                    "\x0bMSH|^~\\&|ADC|A|INTERLOCK|RXX|2026||ACK|a{id}|P|2.5.1\rMSA|AA|{id}\r\x1c\r"
                );
                line.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    address
}

/// The text format of Prometheus, read strictly.
#[derive(Debug, Default)]
struct Figures {
    /// The names of all families.
    families: BTreeSet<String>,
    /// The value of every sample by its name and labels, as they are written.
    samples: BTreeMap<String, String>,
}

impl Figures {
    fn read(text: &str) -> Self {
        let mut figures = Figures::default();
        let (mut helped, mut family) = (BTreeSet::new(), (String::new(), String::new()));
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(is_name(name) && !help.is_empty(), "{line}");
                assert!(helped.insert(name.to_owned()), "twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(helped.contains(name), "no help before {line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                figures.families.insert(name.to_owned());
                family = (name.to_owned(), kind.to_owned());
            } else {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                assert!(is_sample_of(sample, &family), "{line} in {family:?}");
                assert!(is_number(value), "{line}");
                let before = figures.samples.insert(sample.to_owned(), value.to_owned());
                assert_eq!(before, None, "twice: {line}");
            }
        }
        figures.check_histograms();
        figures
    }

    /// Buckets only grow, and the last of them is the count.
    fn check_histograms(&self) {
        let all = self.samples.iter().filter_map(|(sample, value)| {
            let (name, labels) = sample.split_once('{')?;
            let (labels, bound) = labels.strip_suffix("\"}")?.rsplit_once("le=\"")?;
            Some((name.strip_suffix("_bucket")?, labels, bound, value.parse::<u64>().unwrap()))
        });
        let mut last = BTreeMap::new();
        for (name, labels, bound, value) in all {
            if bound == "+Inf" {
                last.insert((name, labels.trim_end_matches(',')), value);
            }
        }
        assert!(!last.is_empty());
        for ((name, labels), count) in last {
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            assert_eq!(self.number(&format!("{name}_count{labels}")), count, "{name}");
        }
    }

    #[track_caller]
    fn number(&self, sample: &str) -> u64 {
        let found = self.samples.get(sample);
        found.unwrap_or_else(|| panic!("{sample} is not there")).parse().unwrap()
    }

    /// By how much a figure is greater than before.
    #[track_caller]
    fn since(&self, before: &Figures, sample: &str) -> u64 {
        let earlier = before.samples.get(sample).map_or(0, |value| value.parse().unwrap());
        self.number(sample) - earlier
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_number(text: &str) -> bool {
    text == "+Inf" || text.parse::<f64>().is_ok()
}

fn is_sample_of(sample: &str, (family, kind): &(String, String)) -> bool {
    let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
    let right = match kind.as_str() {
        "histogram" => {
            ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{family}{end}"))
        }
        _ => name == family,
    };
    let labels = labels.strip_suffix('}').unwrap();
    let each = labels.split_terminator("\",").all(|label| {
        let (name, value) = label.split_once("=\"").unwrap_or_default();
        is_name(name) && !value.trim_end_matches('"').contains(['"', '\n'])
    });
    right && each
}

#[test]
fn the_figures_move_as_messages_do() {
    let hospital = Hospital::start(cabinet(), "");
    assert_eq!(hospital.get("/metrics", None).0, 401);
    let before = hospital.figures();
    assert_eq!(before.number("interlock_channel_parked_total{channel=\"pas\"}"), 0);
    for number in 1..=3 {
        assert_eq!(hospital.admit(&format!("P{number}")), "AA");
    }
    let header = "MSH|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500+0000||";
    assert_eq!(hospital.send(&format!("{header}ADT^A01|P4|P|2.5.1\r")), "AE");
    let delivered = "interlock_channel_deliveries_total{channel=\"to-a\",outcome=\"delivered\"}";
    hospital.once(delivered, "3");
    hospital.once("interlock_queue_messages{channel=\"to-a\",direction=\"outbound\"}", "0");
    // Four messages and three outcomes; the refusal of the stranger came before.
    let entries = before.number("interlock_journal_entries") + 7;
    let after = hospital.once("interlock_journal_entries", &entries.to_string());

    let inbound = "{channel=\"pas\",direction=\"inbound\"}";
    let outbound = "{channel=\"to-a\",direction=\"outbound\"}";
    let check = |sample: &str, by: u64| assert_eq!(after.since(&before, sample), by, "{sample}");
    check(&format!("interlock_channel_received_total{inbound}"), 4);
    check(&format!("interlock_channel_sent_total{inbound}"), 4);
    check(&format!("interlock_channel_refused_total{inbound}"), 1);
    check("interlock_channel_answered_total{channel=\"pas\",code=\"AA\"}", 3);
    check("interlock_channel_answered_total{channel=\"pas\",code=\"AE\"}", 1);
    check("interlock_channel_answered_total{channel=\"pas\",code=\"CA\"}", 0);
    check("interlock_channel_parked_total{channel=\"pas\"}", 1);
    check(&format!("interlock_channel_acknowledgement_seconds_count{inbound}"), 4);
    check(&format!("interlock_channel_acknowledgement_seconds_count{outbound}"), 3);
    check(&format!("interlock_channel_sent_total{outbound}"), 3);
    check("interlock_engine_decide_seconds_count", 7);
    let batches = after.since(&before, "interlock_engine_batches_total");
    assert!((1..=100).contains(&batches), "{batches}");
    assert!(after.since(&before, "interlock_journal_append_seconds_count") <= 7);
    assert!(after.since(&before, "interlock_record_commit_seconds_count") > 0);
    assert!(after.number("interlock_record_lag_entries") <= 7);
    assert!(after.number("interlock_journal_bytes{part=\"main\"}") > 0);
    assert_eq!(after.number("interlock_journal_segments{place=\"here\"}"), 0);
    assert_eq!(after.number("interlock_alarms{kind=\"queue-depth\"}"), 0);
    assert!(after.number("process_resident_memory_bytes") > 1_000_000);
    assert!(after.number("process_open_fds") > 3);
    let scrapes = "interlock_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"200\"}";
    assert!(after.since(&before, scrapes) >= 1);
    let strangers =
        "interlock_http_requests_total{method=\"GET\",route=\"/metrics\",status=\"401\"}";
    assert_eq!(after.number(strangers), 1);
    let manual = include_str!("../../../docs/operate.md");
    for family in &after.families {
        assert!(manual.contains(&format!("`{family}`")), "{family} is not in the manual");
    }
    let all = format!("{:?}", after.samples);
    assert!(!all.contains("SECRET") && !all.contains("P1"), "no patient stands in a label");
    hospital.node.end().unwrap();
}

#[test]
fn a_queue_that_waits_is_seen_and_readiness_names_what_is_wrong() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hospital = Hospital::start(nobody, "");
    assert_eq!(hospital.admit("P1"), "AA");
    let queue = "interlock_queue_messages{channel=\"to-a\",direction=\"outbound\"}";
    hospital.once(queue, "1");
    hospital.once("interlock_channel_down{channel=\"to-a\",direction=\"outbound\"}", "1");

    let ready = |status: u16, wrong: &[&str]| {
        let (found, body) = hospital.get("/ready", None);
        let body: Value = serde_json::from_str(&body).unwrap();
        let checks = body["checks"].as_array().unwrap();
        let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["engine", "journal", "record", "disk"]);
        let not = checks.iter().filter(|check| check["ok"] == false);
        let not: Vec<_> = not.map(|check| check["name"].as_str().unwrap()).collect();
        assert_eq!((found, not.as_slice()), (status, wrong), "{body}");
        assert!(!body.to_string().contains("sqlite"), "{body}");
    };
    ready(200, &[]);
    let journal = hospital.folder.path().join("data/journal.sqlite3");
    let aside = journal.with_extension("aside");
    std::fs::rename(&journal, &aside).unwrap();
    ready(503, &["journal"]);
    std::fs::rename(&aside, &journal).unwrap();
    ready(200, &[]);
    assert_eq!(hospital.get("/health", None).0, 200);

    let config = hospital.folder.path().join("interlock.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let (before, rest) = text.split_once("[[channel]]\nname = \"to-a\"").unwrap();
    let (_, after) = rest.split_once("[[client]]").unwrap();
    let text = format!("{before}[[client]]{after}").replace("channel = \"to-a\"\n", "");
    let text = text.replace("[\"metrics\"]", "[\"metrics\", \"admin\"]");
    std::fs::write(&config, text).unwrap();
    hospital.node.end().unwrap();
    let apply = std::process::Command::new(env!("CARGO_BIN_EXE_interlock"))
        .args(["apply", "--hold", "to-a", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(apply.status.success(), "{apply:?}");
    let hospital = Hospital { node: launch(&config).start().unwrap(), ..hospital };
    hospital.once("interlock_queue_held_messages{channel=\"to-a\"}", "1");
    hospital.node.end().unwrap();
}

/// A collector that keeps the spans that it is told of, and what else came with them.
fn collector() -> (SocketAddr, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, spans) = channel();
    thread::spawn(move || {
        for line in listener.incoming() {
            let mut line = line.unwrap();
            let mut reader = BufReader::new(line.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while reader.read_line(&mut head).unwrap() > 0 && !head.ends_with("\r\n\r\n") {
                let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
                if let Some(value) = last.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            assert!(head.starts_with("POST /v1/traces "), "{head}");
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            line.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
                .unwrap();
            if told.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (address, spans)
}

/// The value of an attribute of a span.
fn attribute(span: &Value, name: &str) -> Option<String> {
    let all = span["attributes"].as_array()?;
    let found = all.iter().find(|attribute| attribute["key"] == name)?;
    let value = &found["value"];
    value["stringValue"].as_str().or(value["intValue"].as_str()).map(str::to_owned)
}

#[test]
fn a_collector_hears_of_the_way_of_a_message_and_of_no_patient() {
    let (address, heard) = collector();
    let more = format!("[watch.traces]\nurl = \"http://{address}/v1/traces\"\n");
    let hospital = Hospital::start(cabinet(), &more);
    assert_eq!(hospital.admit("P1"), "AA");
    let mut spans: Vec<Value> = Vec::new();
    while !spans.iter().any(|span| span["name"] == "deliver") {
        let told = heard.recv_timeout(PATIENCE).unwrap();
        let text = told.to_string();
        assert!(!text.contains("SECRET") && !text.contains("P1"), "{text}");
        let resource = &told["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "interlock");
        spans.extend(resource["scopeSpans"][0]["spans"].as_array().unwrap().iter().cloned());
    }
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span["name"] == name);
        let span = found.next().unwrap_or_else(|| panic!("no span {name}"));
        assert!(found.next().is_none(), "one message, one span {name}");
        span
    };
    let message = named("message");
    assert_eq!(attribute(message, "interlock.channel").as_deref(), Some("pas"));
    assert_eq!(attribute(message, "interlock.message_type").as_deref(), Some("ADT^A01"));
    assert_eq!(attribute(message, "interlock.outcome").as_deref(), Some("done"));
    assert!(message.get("parentSpanId").is_none());
    let time = |span: &Value, which: &str| span[which].as_str().unwrap().parse::<u64>().unwrap();
    let mut ended = time(message, "startTimeUnixNano");
    for name in ["decide", "journal", "record"] {
        let span = named(name);
        assert_eq!(span["traceId"], message["traceId"], "{name}");
        assert_eq!(span["parentSpanId"], message["spanId"], "{name}");
        assert!(time(span, "startTimeUnixNano") >= ended, "{name} comes after what was before");
        ended = time(span, "endTimeUnixNano");
    }
    let deliver = named("deliver");
    assert_eq!(deliver["traceId"], message["traceId"], "a delivery belongs to its message");
    assert_eq!(deliver["parentSpanId"], message["spanId"]);
    assert_eq!(attribute(deliver, "interlock.channel").as_deref(), Some("to-a"));
    assert_eq!(attribute(deliver, "interlock.outcome").as_deref(), Some("AA"));
    let entry = attribute(message, "interlock.entry");
    assert_eq!(attribute(deliver, "interlock.entry"), entry);
    let sent = hospital.once("interlock_trace_spans_total{outcome=\"sent\"}", "5");
    assert_eq!(sent.number("interlock_trace_spans_total{outcome=\"dropped\"}"), 0);
    hospital.node.end().unwrap();
}

#[test]
fn a_collector_that_is_not_there_holds_nobody_up() {
    // Nobody listens on a port that the system gives to nobody by itself: one that was free a
    // moment ago may be another test's by now.
    let more = "[watch.traces]\nurl = \"http://127.0.0.1:1/v1/traces\"\n";
    let hospital = Hospital::start(cabinet(), more);
    for number in 1..=20 {
        assert_eq!(hospital.admit(&format!("P{number}")), "AA");
    }
    // Five of each message, and one more for each that a busy machine lets be sent again.
    let failed = "interlock_trace_spans_total{outcome=\"failed\"}";
    let began = Instant::now();
    while hospital.figures().number(failed) < 100 {
        assert!(began.elapsed() < PATIENCE, "{failed} is {}", hospital.figures().number(failed));
        thread::sleep(Duration::from_millis(20));
    }
    hospital.node.end().unwrap();
}
