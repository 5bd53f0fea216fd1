//! The corpus trial: every message of the corpus through a real socket of a running node, cut at
//! random points. None may stop or hang the node; each is answered or parked; what the journal
//! keeps is what was sent.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use hl7v2::batch;
use medicines::{Answer, Head};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::child::{Launch, Running};
use super::files::JOURNAL;
use super::wire::{Line, field, framed, read_ack, tears_its_frame};
use super::{Options, TrialError, files, release_binary, say};

/// How long the node may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest rest between two pieces of a message, in microseconds.
const REST_US: u64 = 300;
/// The most pieces into which a message is cut.
const PIECES: usize = 6;
/// The message that is sent after each one: its answer shows that the one before it was taken.
const MARK: &[u8] = b"MSH|^~\\&|TRIAL|RXX|INTERLOCK|RXX|20261120101500+0000||ADT^A31^ADT_A05|\
                      MARK-OF-THE-TRIAL|P|2.5.1\rPID|1||T00000001^^^RXX^MR||TRIAL^MARK\r";
const MARK_ID: &str = "MARK-OF-THE-TRIAL";

/// How the trial runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program of the node.
    pub binary: PathBuf,
    /// Where the messages are cut.
    pub seed: u64,
    /// Only every so many-th message is sent.
    pub every: usize,
}

/// How the messages of one type were answered.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// How many were sent.
    pub sent: u64,
    /// Accepted.
    pub aa: u64,
    /// Errors in what they say.
    pub ae: u64,
    /// Not for this node.
    pub ar: u64,
    /// Kept and not answered: they name nobody to answer, or want no answer.
    pub silent: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Counts by MSH-9.
    pub types: BTreeMap<String, Counts>,
    /// Messages that no frame can carry.
    pub unframeable: u64,
    /// Messages whose bytes were sent before.
    pub repeats: u64,
    /// What is not as it should be.
    pub wrong: Vec<String>,
}

impl Report {
    /// All types together.
    pub fn total(&self) -> Counts {
        self.types.values().fold(Counts::default(), |sum, one| Counts {
            sent: sum.sent + one.sent,
            aa: sum.aa + one.aa,
            ae: sum.ae + one.ae,
            ar: sum.ar + one.ar,
            silent: sum.silent + one.silent,
        })
    }
}

/// Where the corpus is: `INTERLOCK_CORPUS`, else beside the workspace; `None` without one.
pub fn folder() -> Option<PathBuf> {
    let root = match std::env::var_os("INTERLOCK_CORPUS") {
        Some(root) => PathBuf::from(root),
        None => crate::workspace_root().join("../shared/data"),
    };
    Some(root.join("hl7v2")).filter(|folder| folder.is_dir())
}

/// `cargo xtask trial corpus`.
pub(super) fn command(options: &Options) -> Result<(), TrialError> {
    let Some(folder) = folder() else {
        return Err(TrialError::NotPermitted("there is no corpus".to_owned()));
    };
    let settings = Settings {
        seed: options.get("seed", 1)?,
        every: options.get("every", 1)?,
        binary: release_binary(options)?,
    };
    let report = run(&settings, &folder)?;
    let row = |name: &str, counts: &Counts| {
        let Counts { sent, aa, ae, ar, silent } = counts;
        say(&format!("{name:<14} {sent:>6} {aa:>6} {ae:>6} {ar:>6} {silent:>8}"));
    };
    say("type             sent     AA     AE     AR   silent");
    report.types.iter().for_each(|(name, counts)| row(name, counts));
    row("all", &report.total());
    say(&format!("{} had been sent before; {} fit no frame", report.repeats, report.unframeable));
    report.wrong.iter().for_each(|line| say(&format!("  {line}")));
    if report.wrong.is_empty() {
        return Ok(());
    }
    Err(TrialError::Found(format!("{} messages went wrong", report.wrong.len())))
}

/// Sends the messages of a folder and checks what the journal kept of them.
pub fn run(settings: &Settings, folder: &Path) -> Result<Report, TrialError> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = scratch.path().join("data");
    let config = scratch.path().join("interlock.toml");
    std::fs::write(&config, configuration(&data)).map_err(|error| error.to_string())?;
    let launch = Launch {
        binary: settings.binary.clone(),
        config,
        arguments: Vec::new(),
        log: scratch.path().join("node.log"),
    };
    let mut node = launch.start()?;
    let mut sent = Sending::new(settings, &node)?;
    let mut report = Report::default();
    let mut paths = Vec::new();
    list(folder, &mut paths).map_err(|error| error.to_string())?;
    paths.sort();
    for path in paths.iter().step_by(settings.every.max(1)) {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        sent.one(&name, bytes, &mut report);
        if node.has_ended() {
            let why = super::child::last_line(&launch.log);
            return Err(TrialError::Found(format!("{name} ended the node: {why}")));
        }
    }
    node.end().map_err(TrialError::Found)?;
    if let Ok(log) = std::fs::read_to_string(&launch.log)
        && log.contains("panicked")
    {
        report.wrong.push("a rule panicked; the node's log says where".to_owned());
    }
    sent.compare(&data, &mut report)?;
    files::verify_chain(&data).map_err(TrialError::Found)?;
    files::rebuild_is_the_same(&settings.binary, &data, scratch.path())
        .map_err(TrialError::Found)?;
    Ok(report)
}

fn configuration(data: &Path) -> String {
    format!(
        "[node]\ndata = \"{}\"\nhttp = \"127.0.0.1:0\"\n\n[site]\ncode = \"RXX\"\n\n\
         [[channel]]\nname = \"corpus\"\ndirection = \"inbound\"\nlisten = \"127.0.0.1:0\"\n\
         unknown_patients = \"create\"\n",
        data.display()
    )
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "hl7") {
            found.push(path);
        }
    }
    Ok(())
}

/// The line, and what was sent on it.
struct Sending {
    to: std::net::SocketAddr,
    line: Option<Line>,
    rng: StdRng,
    /// Every content that was sent, with the codes of its answers.
    contents: HashMap<Vec<u8>, Vec<Option<String>>>,
    /// Every message that was sent as a part of a batch.
    batched: HashSet<Vec<u8>>,
}

impl Sending {
    fn new(settings: &Settings, node: &Running) -> Result<Self, String> {
        let to = node.address("corpus")?;
        let rng = StdRng::seed_from_u64(settings.seed);
        Ok(Sending { to, line: None, rng, contents: HashMap::new(), batched: HashSet::new() })
    }

    fn one(&mut self, name: &str, bytes: Vec<u8>, report: &mut Report) {
        if tears_its_frame(&bytes) {
            report.unframeable += 1;
            return;
        }
        let kind = field(&bytes, "MSH", 9);
        let kind: Vec<&str> = kind.split('^').take(2).collect();
        let kind = if kind.join("").is_empty() { "none".to_owned() } else { kind.join("^") };
        let whole = batch::is_batch(&bytes).then(|| batch::split(&bytes));
        let answer = match self.exchange(&bytes) {
            Ok(answer) => answer,
            Err(error) => {
                report.wrong.push(format!("{name}: no answer to what follows it: {error}"));
                self.line = None;
                return;
            }
        };
        let counts = report.types.entry(kind).or_default();
        counts.sent += 1;
        match answer.as_deref() {
            Some("AA" | "CA") => counts.aa += 1,
            Some("AE" | "CE") => counts.ae += 1,
            Some("AR" | "CR") => counts.ar += 1,
            Some(code) => report.wrong.push(format!("{name}: answered `{code}`")),
            None => counts.silent += 1,
        }
        if let Some(Ok(batch)) = whole {
            // Each of its messages is kept on its own, and answered in one batch of answers.
            let messages = batch.parts.iter().flat_map(|part| &part.messages);
            self.batched.extend(messages.map(|message| message.to_vec()));
            return;
        }
        let answers = self.contents.entry(bytes).or_default();
        report.repeats += u64::from(!answers.is_empty());
        answers.push(answer);
    }

    /// Sends a message in pieces, then the mark, and gives what was answered before the mark.
    fn exchange(&mut self, message: &[u8]) -> std::io::Result<Option<String>> {
        if self.line.is_none() {
            self.line = Some(Line::open(self.to, PATIENCE)?);
        }
        let Some(line) = &mut self.line else { return Ok(None) };
        let mut bytes = framed(message);
        bytes.extend(framed(MARK));
        let mut cuts = BTreeSet::from([bytes.len()]);
        for _ in 0..self.rng.random_range(0..PIECES) {
            cuts.insert(self.rng.random_range(1..bytes.len()));
        }
        let mut from = 0;
        for cut in cuts {
            line.send(&bytes[from..cut])?;
            from = cut;
            thread::sleep(Duration::from_micros(self.rng.random_range(0..=REST_US)));
        }
        let mut answer = None;
        loop {
            match read_ack(&line.frame()?) {
                Some(ack) if ack.control_id == MARK_ID => return Ok(answer),
                Some(ack) => answer = Some(ack.code),
                None => answer = Some(String::new()),
            }
        }
    }

    /// The journal holds every content once, as often as it had no key, and nothing else.
    fn compare(&self, data: &Path, report: &mut Report) -> Result<(), TrialError> {
        let journal = journal::Reader::open(&data.join(JOURNAL)).map_err(|e| e.to_string())?;
        let mut kept: HashMap<Vec<u8>, Vec<(bool, Answer)>> = HashMap::new();
        let mut next = 1;
        loop {
            let entries = journal.read_from(next, 500).map_err(|error| error.to_string())?;
            let Some(last) = entries.last() else { break };
            next = last.seq + 1;
            for entry in entries {
                let head = Head::from_json(&entry.head).map_err(|error| error.to_string())?;
                if head.channel == "corpus" && entry.raw != MARK {
                    let entry_of = (head.key.is_some(), head.answer.into_owned());
                    kept.entry(entry.raw).or_default().push(entry_of);
                }
            }
        }
        for (content, answers) in &self.contents {
            let id = field(content, "MSH", 10);
            let Some(entries) = kept.remove(content) else {
                report.wrong.push(format!("`{id}` was taken and is not in the journal"));
                continue;
            };
            let once = entries.iter().all(|(keyed, _)| *keyed);
            let expected = if once { 1 } else { answers.len() };
            if entries.len() != expected {
                let found = entries.len();
                report.wrong.push(format!("`{id}` is {found} times in the journal"));
            }
            for answer in answers {
                // An acknowledgement that answers nothing of ours is kept and never answered.
                let answers_us = content.windows(4).any(|bytes| bytes == b"MSA|")
                    || field(content, "MSH", 9).starts_with("ACK");
                let asks = |at| !field(content, "MSH", at).is_empty();
                let wants_all = !(asks(15) || asks(16) || answers_us);
                let mut entries = entries.iter();
                let fits = entries.any(|(_, kept)| {
                    fits(answer.as_deref(), kept, wants_all)
                        // Its commit acknowledgement says that it is stored, and no more.
                        || (answers_us && answer.as_deref() == Some("CA"))
                });
                if !fits {
                    report.wrong.push(format!("`{id}` was answered {answer:?}, not as kept"));
                }
            }
        }
        for content in &self.batched {
            if kept.remove(content).is_none() && !self.contents.contains_key(content) {
                let id = field(content, "MSH", 10);
                report.wrong.push(format!("`{id}` of a batch is not in the journal"));
            }
        }
        for content in kept.into_keys() {
            let id = field(&content, "MSH", 10);
            report.wrong.push(format!("`{id}` in the journal was never sent"));
        }
        Ok(())
    }
}

/// Whether an acknowledgement, in original or in enhanced mode, tells what the journal keeps.
/// No answer is right for what was parked and for a sender that wants none (MSH-15, MSH-16).
fn fits(code: Option<&str>, kept: &Answer, wants_all: bool) -> bool {
    matches!(
        (code, kept),
        (Some("AA" | "CA"), Answer::Done | Answer::Created(_))
            | (Some("AE" | "AR" | "CE" | "CR") | None, Answer::Parked(_))
    ) || (code.is_none() && !wants_all)
}
