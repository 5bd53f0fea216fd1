//! The handle by which edges reach the engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use journal::Durability;
use medicines::{Request, Site};
use record::{MessageIndex, Readers};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::command::{Command, Receipt};
use crate::core::{self, Asked, Listeners};
use crate::dictionary::{Dictionaries, NoDictionaries};
use crate::error::{Error, Stopped};
use crate::gauges::{Gauges, Measures};
use crate::keeping::{Keeping, Kept};
use crate::queued::Queued;
use crate::trace::{Told, Tracer};
use crate::{messages, recovery};

/// The most commands that wait for the engine; edges wait when it is full.
const QUEUE_COMMANDS: usize = 4096;

/// Where and how an engine runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The journal's file.
    pub journal: PathBuf,
    /// The record's file.
    pub record: PathBuf,
    /// The configuration to put in force.
    pub site: Site,
    /// The clock.
    pub clock: Clock,
    /// How hard entries are driven to the disk; anything but full is for control experiments.
    pub durability: Durability,
}

/// A handle to a running engine. A clone is another handle to the same one; when all are dropped
/// the engine finishes what it holds and ends.
#[derive(Debug, Clone)]
pub struct Engine {
    commands: mpsc::Sender<Asked>,
    progress: watch::Receiver<u64>,
    stopped: watch::Receiver<Option<Error>>,
    queued: Queued,
    readers: Arc<Readers>,
    messages: MessageIndex,
    clock: Clock,
    journal: PathBuf,
    gauges: Arc<Gauges>,
    told: Told,
    kept: Kept,
}

impl Engine {
    /// Opens the journal, brings the record up to it, puts the configuration in force and begins
    /// to take commands. Blocks while the record catches up.
    pub fn start(options: Options) -> Result<Engine, Error> {
        Engine::start_keeping(options, &Keeping::default())
    }

    /// The same, for a node that says how it keeps its journal.
    pub fn start_keeping(options: Options, keeping: &Keeping) -> Result<Engine, Error> {
        Engine::start_with(options, keeping, Arc::new(NoDictionaries))
    }

    /// The same, for a node that has releases of dm+d.
    pub fn start_with(
        options: Options,
        keeping: &Keeping,
        dictionaries: Arc<dyn Dictionaries>,
    ) -> Result<Engine, Error> {
        let recovered = recovery::recover(&options, keeping)?;
        let readers = Readers::open(&options.record, &options.journal)
            .map_err(|error| Error::Record(error.to_string()))?;
        let indexer = messages::open(&options.journal, &options.record)?;
        let messages = indexer.index();
        let (commands, queue) = mpsc::channel(QUEUE_COMMANDS);
        let (progress_to, progress) = watch::channel(recovered.journal.position().seq);
        let (stopped_to, stopped) = watch::channel(None);
        let (clock, queued) = (options.clock, Queued::default());
        let gauges = Arc::new(Gauges::new(recovered.journal.position().seq));
        let (told, kept) = (Told::default(), recovered.kept.clone());
        let listeners = Listeners {
            progress: progress_to,
            level: readers.level(),
            stopped: stopped_to,
            queued: queued.clone(),
            gauges: Arc::clone(&gauges),
            told: Arc::clone(&told),
            dictionaries,
        };
        core::spawn(recovered, queue, clock, &options, listeners)?;
        let journal = options.journal;
        messages::spawn(indexer, &journal, progress.clone())?;
        let engine = Engine {
            commands,
            progress,
            stopped,
            queued,
            readers: Arc::new(readers),
            messages,
            clock,
            journal,
            gauges,
            told,
            kept,
        };
        let configure = Request::Configure(Box::new(options.site));
        let command = Command::internal("configuration", clock.now(), configure);
        engine.submit_blocking(command).map_err(|Stopped| {
            let why = engine.stopped.borrow().clone();
            why.unwrap_or_else(|| Error::Fault("the engine ended at once".to_owned()))
        })?;
        // Whoever starts an engine finds the configuration in the record.
        engine.readers.get().map_err(|error| Error::Record(error.to_string()))?;
        Ok(engine)
    }

    /// Has a command decided. Answers once its entry is durable. The record comes to it a moment
    /// later; [`Readers::get`] waits for that.
    pub async fn submit(&self, command: Command) -> Result<Receipt, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Asked { command, answer }).await.map_err(|_| Stopped)?;
        answered.await.map_err(|_| Stopped)
    }

    /// Has a command decided. Answers once the record holds its entry: for whoever reads with
    /// [`Readers::as_it_is`] and must not see the time before.
    pub async fn submit_recorded(&self, command: Command) -> Result<Receipt, Stopped> {
        let mut progress = self.progress();
        let receipt = self.submit(command).await?;
        progress.wait_for(|recorded| *recorded >= receipt.seq).await.map_err(|_| Stopped)?;
        Ok(receipt)
    }

    /// As [`Engine::submit`], for a thread that is not part of a runtime.
    pub fn submit_blocking(&self, command: Command) -> Result<Receipt, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.commands.blocking_send(Asked { command, answer }).map_err(|_| Stopped)?;
        answered.blocking_recv().map_err(|_| Stopped)
    }

    /// The number of the last entry that the record holds; changes after every batch.
    pub fn progress(&self) -> watch::Receiver<u64> {
        self.progress.clone()
    }

    /// What is notified when the record holds something new that the outbound channel may send, so
    /// that its sender need not look after every batch.
    pub fn queued(&self, channel: &str) -> Arc<Notify> {
        self.queued.of(channel)
    }

    /// Why the engine stopped; `None` while it runs.
    pub fn stopped(&self) -> watch::Receiver<Option<Error>> {
        self.stopped.clone()
    }

    /// Readers of the record.
    pub fn readers(&self) -> Arc<Readers> {
        Arc::clone(&self.readers)
    }

    /// The message index. What was acknowledged is found there within about a second.
    pub fn messages(&self) -> &MessageIndex {
        &self.messages
    }

    /// A reader of the journal.
    pub fn journal(&self) -> Result<journal::Reader, Error> {
        Ok(journal::Reader::open(&self.journal)?)
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Keeps messages readable for as long as this says from now on; what need not stay any longer
    /// is looked for at once. How the journal is cut into segments does not change.
    pub fn keep_by(&self, keeping: &Keeping, site: &Site) {
        if self.kept.replace(keeping, site) {
            tracing::info!("how long messages stay readable was decided anew");
        }
    }

    /// How it does.
    pub fn measures(&self) -> Measures {
        let gauges = &self.gauges;
        // Read in this order, so that neither lag is ever below nothing.
        let indexed = self.messages.position();
        let recorded = *self.progress.borrow();
        Measures {
            batch_commands: gauges.batch_commands.read(),
            decide: gauges.decide.read(),
            append: gauges.append.read(),
            commit: gauges.commit.read(),
            journaled: gauges.journaled.load(Ordering::Relaxed).max(recorded),
            recorded,
            indexed,
            waiting: self.commands.max_capacity().saturating_sub(self.commands.capacity()),
            waiting_most: self.commands.max_capacity(),
        }
    }

    /// Whether a command that makes nothing true goes through both threads within `patience`.
    pub async fn answers_within(&self, patience: Duration) -> bool {
        let command = Command::internal("timer", self.clock.now(), Request::Tick);
        let asked = self.submit_recorded(command);
        matches!(tokio::time::timeout(patience, asked).await, Ok(Ok(_)))
    }

    /// Has somebody told of the ways of messages from now on; the first one stays.
    pub fn trace_to(&self, tracer: Arc<dyn Tracer>) {
        // Whoever comes second changes nothing: a node has one collector.
        let _ = self.told.set(tracer);
    }

    /// Who is told of the ways of messages.
    pub fn tracer(&self) -> Option<&Arc<dyn Tracer>> {
        self.told.get()
    }
}
