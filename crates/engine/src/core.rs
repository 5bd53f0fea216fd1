//! The engine thread: takes what waits as one batch, decides, appends, answers, hands on.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Instant;

use jiff::Timestamp;
use journal::{Draft, Entry, Journal, Position};
use medicines::{
    Context, Decision, HEAD_VERSION, Head, Problem, ProblemCode, Request, State, decide,
};
use record::Level;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot, watch};

use crate::ahead::Ahead;
use crate::clock::Clock;
use crate::command::{Command, Receipt};
use crate::dictionary::{Dictionaries, InUse};
use crate::error::Error;
use crate::gauges::Gauges;
use crate::handle::Options;
use crate::pace::Pace;
use crate::queued::Queued;
use crate::recorder::{self, Batch, Durable, Job, Written};
use crate::recovery::Recovered;
use crate::together::{self, Shared};
use crate::trace::{Began, Told};

/// The most commands in one batch: enough to share a sync among all connections of a hospital,
/// few enough that nobody waits long behind the others.
const BATCH_COMMANDS: usize = 256;
/// The most batches that are decided and wait for the record; the engine waits when there are more,
/// so that what readers do not see yet, and what memory holds for it, stays little.
const BATCHES_AHEAD: usize = 16;

/// A command with the one who waits for its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) command: Command,
    pub(crate) answer: oneshot::Sender<Receipt>,
}

/// A command that was decided and whose entry may not be recorded yet.
struct Known {
    digest: [u8; 32],
    receipt: Receipt,
}

struct Core {
    journal: Journal,
    state: State,
    record: record::Reader,
    entries: journal::Reader,
    jobs: SyncSender<Job>,
    recorded: watch::Receiver<u64>,
    level: Arc<Level>,
    pace: Pace,
    clock: Clock,
    gauges: Arc<Gauges>,
    dictionary: InUse,
    /// Keys of entries that the record may not hold yet.
    recent: HashMap<(Arc<str>, String), Known>,
    recent_order: VecDeque<(u64, (Arc<str>, String))>,
    ahead: Ahead,
}

/// Who hears of what the threads do.
pub(crate) struct Listeners {
    /// The number of the last entry that is recorded.
    pub(crate) progress: watch::Sender<u64>,
    /// What readers of the record wait for.
    pub(crate) level: Arc<Level>,
    /// Why the engine stopped.
    pub(crate) stopped: watch::Sender<Option<Error>>,
    pub(crate) queued: Queued,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) told: Told,
    /// Where the release of dm+d in use is found.
    pub(crate) dictionaries: Arc<dyn Dictionaries>,
}

/// Starts the engine thread and the record thread.
pub(crate) fn spawn(
    recovered: Recovered,
    queue: mpsc::Receiver<Asked>,
    clock: Clock,
    options: &Options,
    listeners: Listeners,
) -> Result<(), Error> {
    let Listeners { progress, level, stopped, queued, gauges, told, dictionaries } = listeners;
    let (jobs, work) = sync_channel(BATCHES_AHEAD);
    level.reach(recovered.journal.position().seq);
    let open = || record::Reader::beside_writer(&options.record, &options.journal);
    let mut core = Core {
        record: open().map_err(|error| Error::Record(error.to_string()))?,
        entries: recovered.journal.reader()?,
        journal: recovered.journal,
        state: recovered.state,
        jobs,
        recorded: progress.subscribe(),
        level: Arc::clone(&level),
        pace: Pace::new(clock, recovered.last_at),
        clock,
        gauges: Arc::clone(&gauges),
        dictionary: InUse::new(dictionaries),
        recent: HashMap::new(),
        recent_order: VecDeque::new(),
        ahead: Ahead::default(),
    };
    let record = recovered.record;
    let stopped = Arc::new(stopped);
    let recording_stopped = Arc::clone(&stopped);
    let heard = recorder::Heard { progress, level, queued, gauges, told };
    let recording = move || {
        let end = guard(|| recorder::run(record, &work, &heard));
        heard.level.end();
        if let Err(error) = end {
            stop(&recording_stopped, error);
        }
    };
    let engine = move || {
        if let Err(error) = guard(|| core.run(queue)) {
            stop(&stopped, error);
        }
    };
    let thread = |name: &str| thread::Builder::new().name(name.to_owned());
    thread("record").spawn(recording).map_err(|error| Error::Fault(error.to_string()))?;
    thread("engine").spawn(engine).map_err(|error| Error::Fault(error.to_string()))?;
    Ok(())
}

/// A panic is a fault of the program: the engine stops, as it does when it cannot write.
fn guard(run: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Error::Fault("a thread ended unexpectedly".to_owned())))
}

fn stop(stopped: &watch::Sender<Option<Error>>, error: Error) {
    tracing::error!(%error, "the engine has stopped");
    // The first cause is the one to tell; what follows from it is not.
    stopped.send_if_modified(|why| {
        let first = why.is_none();
        why.get_or_insert(error);
        first
    });
}

impl Core {
    fn run(&mut self, mut queue: mpsc::Receiver<Asked>) -> Result<(), Error> {
        let waiting = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Error::Fault(error.to_string()))?;
        let mut batch = Vec::with_capacity(BATCH_COMMANDS);
        loop {
            let due = self.state.next_due().map(|at| self.pace.until(at));
            let taken = waiting.block_on(async {
                let receive = queue.recv_many(&mut batch, BATCH_COMMANDS);
                match due {
                    Some(due) => tokio::time::timeout(due, receive).await.ok(),
                    None => Some(receive.await),
                }
            });
            if taken == Some(0) {
                return self.settle();
            }
            let recorded = *self.recorded.borrow_and_update();
            self.forget(recorded);
            self.tick_if_due()?;
            self.decide_all(&mut batch)?;
        }
    }

    /// Lets go of what the record holds.
    fn forget(&mut self, recorded: u64) {
        self.state.settled(recorded);
        self.ahead.reached(recorded);
        while self.recent_order.front().is_some_and(|(seq, _)| *seq <= recorded) {
            if let Some((seq, key)) = self.recent_order.pop_front()
                && self.recent.get(&key).is_some_and(|known| known.receipt.seq == seq)
            {
                self.recent.remove(&key);
            }
        }
    }

    fn tick_if_due(&mut self) -> Result<(), Error> {
        let now = self.pace.now();
        while self.state.next_due().is_some_and(|at| at <= now) {
            let (answer, _) = oneshot::channel();
            let command = Command::internal("timer", now, Request::Tick);
            let before = self.state.seq();
            self.decide_batch(vec![Asked { command, answer }])?;
            if self.state.seq() == before {
                // What is due made nothing true; it must not keep the engine busy.
                break;
            }
        }
        Ok(())
    }

    /// Decides what waits; a request that reads a patient's history first lets the record catch
    /// up with all that came before it.
    fn decide_all(&mut self, waiting: &mut Vec<Asked>) -> Result<(), Error> {
        let mut batch = Vec::with_capacity(waiting.len());
        for asked in waiting.drain(..) {
            if asked.command.request.reads_history() {
                self.decide_batch(std::mem::take(&mut batch))?;
                self.settle()?;
            }
            batch.push(asked);
        }
        self.decide_batch(batch)
    }

    /// Waits until the record holds all that was appended.
    fn settle(&mut self) -> Result<(), Error> {
        let (reached, barrier) = sync_channel(1);
        self.jobs.send(Job::Barrier(reached)).map_err(|_| recording_ended())?;
        barrier.recv().map_err(|_| recording_ended())?;
        let recorded = *self.recorded.borrow_and_update();
        self.forget(recorded);
        Ok(())
    }

    fn decide_batch(&mut self, batch: Vec<Asked>) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        self.gauges.batch_commands.note(batch.len() as u64);
        let began = Began { at: self.clock.now(), since: Instant::now() };
        let mut drafts = Vec::with_capacity(batch.len());
        let mut entries = Vec::with_capacity(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        let batch = together::gather(batch);
        let recorded = self.recorded_keys(&batch)?;
        for (Shared { mut command, answers: waiting }, recorded) in batch.into_iter().zip(recorded)
        {
            let digest = Sha256::digest(&command.raw).into();
            let mut earlier = self.earlier(&command, &digest, recorded)?;
            if let Earlier::Other = earlier {
                command.quarantine(&digest);
                let recorded = self.recorded_key(&command)?;
                earlier = self.earlier(&command, &digest, recorded)?;
            }
            let receipt = match earlier {
                Earlier::Same(receipt) => Receipt { duplicate: true, ..receipt },
                _ => self.decide_one(command, digest, &mut drafts, &mut entries)?,
            };
            answers.push((waiting, receipt));
        }
        let looks_alone = entries.iter().all(Written::is_look);
        let rows = self.state.take_changed();
        let (durable, awaited) = sync_channel(1);
        let batch = Batch { entries, rows, began, durable: awaited };
        let late = self.hand_over(batch)?;
        let appending = Instant::now();
        let tip = self.append(&drafts)?;
        let appended = (appending, Instant::now());
        if !drafts.is_empty() {
            self.gauges.append.note_time(appended.1.duration_since(appending));
            self.gauges.journaled.store(tip.seq, Ordering::Relaxed);
        }
        // Before anybody hears of it: who reads the record afterwards finds it there.
        self.level.promise(tip.seq, looks_alone);
        // Whoever waits comes first: the record's thread would take the processor from them.
        for (waiting, receipt) in answers {
            waiting.tell(receipt);
        }
        // Nobody listens where there was nothing to record.
        let _ = durable.send(Durable { tip, appended });
        if let Some(job) = late {
            self.jobs.send(job).map_err(|_| recording_ended())?;
        }
        self.ahead.add(tip.seq, drafts.iter().map(|draft| draft.head.len()).sum());
        if self.ahead.is_too_much() { self.settle() } else { Ok(()) }
    }

    /// Lets the record prepare a batch while the journal writes it. Gives the job back where the
    /// record is far behind: what is durable is answered before the engine waits for it.
    fn hand_over(&self, batch: Batch) -> Result<Option<Job>, Error> {
        if batch.entries.is_empty() {
            return Ok(None);
        }
        match self.jobs.try_send(Job::Apply(batch)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(job)) => Ok(Some(job)),
            Err(TrySendError::Disconnected(_)) => Err(recording_ended()),
        }
    }

    fn append(&mut self, drafts: &[Draft]) -> Result<Position, Error> {
        if drafts.is_empty() {
            return Ok(self.journal.position());
        }
        Ok(self.journal.append(drafts)?)
    }

    fn decide_one(
        &mut self,
        mut command: Command,
        digest: [u8; 32],
        drafts: &mut Vec<Draft>,
        entries: &mut Vec<Written>,
    ) -> Result<Receipt, Error> {
        let deciding = Instant::now();
        let seq = self.state.seq() + 1;
        let at = self.pace.now();
        let dictionary = self.dictionary.of(&self.state);
        let ctx = Context { seq, now: at, source: command.channel.to_string(), dictionary };
        let decision = self.decision(&ctx, &command.request)?;
        if decision.facts.is_empty() && command.request.is_silent() {
            let answer = decision.answer;
            return Ok(Receipt { seq: seq - 1, at, answer, duplicate: false });
        }
        let raw = std::mem::take(&mut command.raw);
        let mut head = head(command, decision);
        let mut draft = Draft { at: at.as_microsecond(), head: head.to_json(), raw };
        if draft.check().is_err() {
            self.park_instead(&ctx, &mut head);
            draft.head = head.to_json();
        }
        self.state.fold(seq, &head.facts);
        let decided = (deciding, Instant::now());
        self.gauges.decide.note_time(decided.1.duration_since(deciding));
        let answer = head.answer.clone().into_owned();
        let receipt = Receipt { seq, at, answer, duplicate: false };
        if let Some(key) = &head.key {
            let key = (Arc::from(&*head.channel), key.clone().into_owned());
            self.recent_order.push_back((seq, key.clone()));
            self.recent.insert(key, Known { digest, receipt: receipt.clone() });
        }
        drafts.push(draft);
        entries.push(Written { seq, at, head, decided: Some(decided) });
        Ok(receipt)
    }

    /// An entry that the journal would refuse for its size: the message is kept and does nothing.
    fn park_instead(&mut self, ctx: &Context, head: &mut Head<'static>) {
        let text = "What follows from this message is too large: send it in parts.";
        let problem = Problem::new(ProblemCode::Internal, text);
        let parked = decide(&mut self.state, ctx, &Request::Park(problem));
        head.answer = Cow::Owned(parked.answer);
        head.facts = Cow::Owned(parked.facts);
    }

    /// Decides. A panic in a rule parks the message that led to it instead of stopping the node;
    /// what could not be read of the record, and a panic of the timers, do stop it.
    fn decision(&mut self, ctx: &Context, request: &Request) -> Result<Decision, Error> {
        let state = &mut self.state;
        let decided = catch_unwind(AssertUnwindSafe(|| decide(state, ctx, request)));
        if let Some(why) = self.state.failure() {
            return Err(Error::Record(why));
        }
        match decided {
            Ok(decision) => Ok(decision),
            Err(_) if matches!(request, Request::Tick) => {
                Err(Error::Fault("a timer's rule failed".to_owned()))
            }
            Err(_) => {
                tracing::error!(entry = ctx.seq, kind = request.kind(), "a rule failed; parked");
                let text = "A rule failed on this message: report it; it can be replayed later.";
                let problem = Problem::new(ProblemCode::Internal, text);
                Ok(decide(&mut self.state, ctx, &Request::Park(problem)))
            }
        }
    }

    /// What the record holds under the keys of a batch. Nothing is missed by asking before the
    /// batch is decided: what the record does not hold yet is in `recent`.
    fn recorded_keys(&self, batch: &[Shared]) -> Result<Vec<Option<u64>>, Error> {
        let keys = batch.iter().map(|shared| {
            let key = shared.command.key.as_deref()?;
            Some((&*shared.command.channel, key))
        });
        self.record.find_keys(keys).map_err(|error| Error::Record(error.to_string()))
    }

    fn recorded_key(&self, command: &Command) -> Result<Option<u64>, Error> {
        let Some(key) = &command.key else { return Ok(None) };
        let found = self.record.find_key(&command.channel, key);
        found.map_err(|error| Error::Record(error.to_string()))
    }

    /// Whether the key of a command was used before, and for what.
    fn earlier(
        &self,
        command: &Command,
        digest: &[u8; 32],
        recorded: Option<u64>,
    ) -> Result<Earlier, Error> {
        let Some(key) = &command.key else {
            return Ok(Earlier::Never);
        };
        let known = (Arc::clone(&command.channel), key.clone());
        if let Some(known) = self.recent.get(&known) {
            let same = known.digest == *digest;
            return Ok(if same { Earlier::Same(known.receipt.clone()) } else { Earlier::Other });
        }
        let Some(seq) = recorded else { return Ok(Earlier::Never) };
        match self.entries.get(seq).map_err(Error::from) {
            // What came then, and the answer that was given, are not here any more: nobody may
            // act on the message twice, so that it is parked.
            Err(Error::Away(_)) => Ok(Earlier::Other),
            Err(error) => Err(error),
            Ok(None) => Err(Error::Entry { seq, why: "it is not there".to_owned() }),
            Ok(Some(entry)) if entry.digest().0 == *digest => {
                Ok(Earlier::Same(Self::receipt(&entry)?))
            }
            Ok(Some(_)) => Ok(Earlier::Other),
        }
    }

    /// The receipt of an entry of the journal.
    fn receipt(entry: &Entry) -> Result<Receipt, Error> {
        let seq = entry.seq;
        let unreadable = |why: String| Error::Entry { seq, why };
        let head = Head::from_json(&entry.head).map_err(|error| unreadable(error.to_string()))?;
        let at = Timestamp::from_microsecond(entry.at);
        let at = at.map_err(|error| unreadable(error.to_string()))?;
        Ok(Receipt { seq, at, answer: head.answer.into_owned(), duplicate: true })
    }
}

/// Whether a command came before.
enum Earlier {
    /// Its key is new.
    Never,
    /// The same command came before, and this was its receipt.
    Same(Receipt),
    /// Its key was used for other bytes.
    Other,
}

fn recording_ended() -> Error {
    Error::Record("the record thread has ended".to_owned())
}

fn head(command: Command, decision: Decision) -> Head<'static> {
    let Command { channel, key, by, message_type, control_id, received, request, .. } = command;
    let again = match &request {
        Request::Replay { entry, .. } => Some(*entry),
        _ => None,
    };
    Head {
        v: HEAD_VERSION,
        channel: Cow::Owned(channel.to_string()),
        key: key.map(Cow::Owned),
        message_type: message_type.map_or(Cow::Borrowed(request.kind()), Cow::Owned),
        control_id: control_id.map(Cow::Owned),
        again,
        by: Cow::Owned(by),
        received,
        answer: Cow::Owned(decision.answer),
        facts: Cow::Owned(decision.facts),
    }
}
