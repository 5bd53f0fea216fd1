//! Where the time of a message goes: the node's stages one after another on one thread.
//!
//! The stages run as the engine runs them, in batches, on real files, but never beside each
//! other, so that each can be timed. What the disk costs shows in a second run that never waits
//! for it.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use channels::inbound::{Understood, answer};
use engine::Clock;
use jiff::Timestamp;
use journal::{Draft, Durability, Journal};
use medicines::{Answer, Fact, HEAD_VERSION, Head};
use record::{Applied, ColdReader, Reader, Record};
use sha2::{Digest, Sha256};

use super::Effort;
use super::figures::{Table, number, say};
use super::hospital::{Patient, SITE, hl7_time, inpatients};
use super::inside::Inside;
use super::node::{Folder, told};

/// How many messages one sync makes durable.
const BATCH: usize = 64;

/// The stages in their order.
const STAGES: [&str; 8] = [
    "parse and map",
    "digest, is it a repeat",
    "decide and fold",
    "head as JSON",
    "journal: append and sync",
    "rows of the live state",
    "record: apply",
    "acknowledgement",
];

pub(super) fn run(effort: Effort) -> Result<(), String> {
    let synced = measure(effort, Durability::Full)?;
    let unsynced = measure(effort, Durability::Off)?;
    say(&format!("{} messages in batches of {BATCH}", synced.messages));
    let mut table = Table::new(&["stage", "µs a message", "where nothing is synced"]);
    let each = |line: &Line, time: Duration| {
        format!("{:.1}", time.as_secs_f64() * 1e6 / number(line.messages.max(1)))
    };
    let mut row = |stage: &str, of: fn(&[Duration], usize) -> Duration, at: usize| {
        let [synced, unsynced] = [&synced, &unsynced].map(|line| each(line, of(&line.spent, at)));
        table.row([stage.to_owned(), synced, unsynced]);
    };
    for (at, stage) in STAGES.iter().enumerate() {
        row(stage, |spent, at| spent[at], at);
    }
    row("all", |spent, _| spent.iter().sum(), 0);
    table.print();
    Ok(())
}

/// Takes the hospital's first day and then its daily traffic through the stages; what the daily
/// traffic took is in the line.
fn measure(effort: Effort, durability: Durability) -> Result<Line, String> {
    let folder = Folder::new()?;
    let mut patients = inpatients(effort.pick(2_000, 20));
    let mut line = Line::new(&folder, durability)?;
    line.configure()?;
    line.all(patients.iter_mut().flat_map(first_day))?;
    line.spent = [Duration::ZERO; STAGES.len()];
    line.messages = 0;
    for _ in 0..effort.pick(20, 2) {
        line.all(patients.iter_mut().map(daily))?;
    }
    Ok(line)
}

/// The next message of a patient's daily traffic.
pub(super) fn daily(patient: &mut Patient) -> Vec<u8> {
    let mut message = Vec::with_capacity(1280);
    patient.next(&hl7_time(Clock::system().now()), &mut message);
    message
}

/// The admission and all orders that one may have.
pub(super) fn first_day(patient: &mut Patient) -> Vec<Vec<u8>> {
    let now = &hl7_time(Clock::system().now());
    let mut messages = vec![Vec::with_capacity(1280)];
    patient.admit(now, &mut messages[0]);
    while !patient.is_full() {
        let mut message = Vec::with_capacity(1280);
        patient.order(now, &mut message);
        messages.push(message);
    }
    messages
}

/// A message that was decided.
struct Decided {
    seq: u64,
    at: Timestamp,
    head: Head<'static>,
    understood: Understood,
}

pub(super) struct Line {
    inside: Inside,
    pub(super) journal: Journal,
    record: Record,
    reader: Reader,
    pub(super) clock: Clock,
    spent: [Duration; STAGES.len()],
    messages: u64,
}

impl Line {
    pub(super) fn new(folder: &Folder, durability: Durability) -> Result<Line, String> {
        let (journal_file, record_file) =
            (folder.path().join("journal.sqlite3"), folder.path().join("record.sqlite3"));
        let options = journal::Options { durability, ..journal::Options::default() };
        let journal = Journal::open(&journal_file, SITE, options);
        let journal = journal.map_err(told)?;
        let record = Record::open(&record_file, SITE).map_err(told)?;
        let cold = ColdReader::open(&record_file, &journal_file).map_err(told)?;
        Ok(Line {
            inside: Inside::new(Box::new(cold)),
            reader: Reader::beside_writer(&record_file, &journal_file).map_err(told)?,
            journal,
            record,
            clock: Clock::system(),
            spent: [Duration::ZERO; STAGES.len()],
            messages: 0,
        })
    }

    /// Puts the entry of the configuration, which the state holds already, into both files.
    pub(super) fn configure(&mut self) -> Result<(), String> {
        let at = self.clock.now();
        let draft = Draft { at: at.as_microsecond(), head: b"{}".to_vec(), raw: Vec::new() };
        let tip = self.journal.append(&[draft]).map_err(told)?;
        let head = record::Head {
            channel: "interlock",
            key: "",
            message_type: "configure",
            control_id: "",
            outcome: "done",
            patient: None,
        };
        let applied = Applied { seq: tip.seq, at, head, facts: &[] };
        let rows = self.inside.state.take_changed();
        self.record.apply(&[applied], &rows, tip).map_err(told)
    }

    /// Takes messages through all stages, batch by batch.
    pub(super) fn all(&mut self, messages: impl Iterator<Item = Vec<u8>>) -> Result<(), String> {
        let mut messages = messages.peekable();
        while messages.peek().is_some() {
            let batch: Vec<Vec<u8>> = messages.by_ref().take(BATCH).collect();
            self.messages += batch.len() as u64;
            self.batch(batch)?;
        }
        Ok(())
    }

    fn batch(&mut self, batch: Vec<Vec<u8>>) -> Result<(), String> {
        let understood: Vec<Understood> =
            self.timed(0, |line| batch.iter().map(|message| line.inside.read(message)).collect());
        self.timed(1, |line| {
            let key = |understood: &Understood| understood.key.clone().unwrap_or_default();
            let keys: Vec<String> = understood.iter().map(key).collect();
            let found = line.reader.find_keys(keys.iter().map(|key| Some(("epma", key.as_str()))));
            found.map_err(told)?;
            let digest = |message: &Vec<u8>| Sha256::digest(message).into();
            std::hint::black_box(batch.iter().map(digest).collect::<Vec<[u8; 32]>>());
            Ok::<(), String>(())
        })?;
        let decided = self.timed(2, |line| {
            let decide = |understood| line.decide(understood);
            understood.into_iter().map(decide).collect::<Result<Vec<_>, _>>()
        })?;
        let drafts = self.timed(3, |_| {
            let draft = |(decided, raw): (&Decided, Vec<u8>)| Draft {
                at: decided.at.as_microsecond(),
                head: decided.head.to_json(),
                raw,
            };
            decided.iter().zip(batch).map(draft).collect::<Vec<_>>()
        });
        let tip = self.timed(4, |line| line.journal.append(&drafts)).map_err(told)?;
        let rows = self.timed(5, |line| line.inside.state.take_changed());
        self.timed(6, |line| {
            let applied: Vec<Applied<'_>> = decided.iter().map(applied).collect();
            line.record.apply(&applied, &rows, tip)
        })
        .map_err(told)?;
        self.inside.state.settled(tip.seq);
        self.timed(7, |_| {
            for decided in &decided {
                let reply_to = &decided.understood.reply_to;
                let ack = answer(reply_to, &decided.head.answer, decided.seq, decided.at);
                std::hint::black_box(ack.map(|ack| hl7v2::mllp::encode(&ack)));
            }
        });
        Ok(())
    }

    fn decide(&mut self, understood: Understood) -> Result<Decided, String> {
        let decision = self.inside.decide(&understood.request);
        if decision.answer != Answer::Done {
            return Err(format!("a message was answered {}", decision.answer.code()));
        }
        let seq = self.inside.state.seq() + 1;
        self.inside.state.fold(seq, &decision.facts);
        let at = self.clock.now();
        let head = Head {
            v: HEAD_VERSION,
            channel: Cow::Borrowed("epma"),
            key: understood.key.clone().map(Cow::Owned),
            message_type: Cow::Borrowed("RDE^O11"),
            control_id: understood.control_id.clone().map(Cow::Owned),
            again: None,
            by: Cow::Owned(understood.by.clone()),
            received: at,
            answer: Cow::Owned(decision.answer),
            facts: Cow::Owned(decision.facts),
        };
        Ok(Decided { seq, at, head, understood })
    }

    /// Does the work of a stage and books what it took.
    fn timed<T>(&mut self, stage: usize, work: impl FnOnce(&mut Line) -> T) -> T {
        let began = Instant::now();
        let done = work(self);
        self.spent[stage] += began.elapsed();
        done
    }
}

fn applied(decided: &Decided) -> Applied<'_> {
    let Decided { seq, at, head, .. } = decided;
    Applied {
        seq: *seq,
        at: *at,
        head: record::Head {
            channel: &head.channel,
            key: head.key.as_deref().unwrap_or_default(),
            message_type: &head.message_type,
            control_id: head.control_id.as_deref().unwrap_or_default(),
            outcome: head.answer.code(),
            patient: head.facts.iter().find_map(Fact::patient),
        },
        facts: &head.facts,
    }
}
