//! What the pages about messages, orders and stock need of a node: to read its record, and to act
//! through its engine.

use std::sync::Arc;

use engine::{Chosen, Command, Engine, Receipt, ReplayError, Replayer, Resent, Stopped, resend};
use fhir::Id;
use jiff::Timestamp;
use medicines::{Answer, ProblemCode, Request};
use record::{Life, MessageSearch, Messages, Reader};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::gather::Trouble;
use crate::words::hex;

/// The name of the source from which the engine has what comes this way.
const CHANNEL: &str = "console";

/// A node's messages, orders and stock.
#[derive(Clone)]
pub(crate) struct Desk {
    engine: Engine,
    replayer: Option<Arc<dyn Replayer>>,
}

/// Something that somebody asks for by a form.
pub(crate) struct Act {
    /// What is asked.
    pub(crate) request: Request,
    /// The same as JSON: it stays in the journal as what came.
    pub(crate) raw: Vec<u8>,
    /// The key of the form.
    pub(crate) form: String,
    /// Whose key opened the session.
    pub(crate) by: String,
    /// Whether the form acts once, whatever it says when it comes again; else, with other words in
    /// it, it is another act.
    pub(crate) once: bool,
}

/// What was sent before by a form that acts once.
#[derive(Debug)]
pub(crate) enum Earlier {
    /// It was not sent yet.
    Never,
    /// This was asked for.
    Words(Value),
    /// It was sent, and what was asked for is not here any more.
    Away,
}

/// The key of a form that acts once.
fn once_key(by: &str, form: &str) -> String {
    format!("{by}|{form}")
}

impl Desk {
    pub(crate) fn new(engine: Engine, replayer: Option<Arc<dyn Replayer>>) -> Self {
        Desk { engine, replayer }
    }

    /// The time of the node.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// Reads the record on a thread that may block. What was answered before is in it.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: FnOnce(&Reader) -> Result<T, Trouble> + Send + 'static,
    {
        let readers = self.engine.readers();
        let reading = tokio::task::spawn_blocking(move || read(&*readers.get()?));
        reading.await.unwrap_or(Err(Trouble::Broken))
    }

    /// The same of a record that holds every look that was journalled before as well.
    pub(crate) async fn read_looks<T, F>(&self, read: F) -> Result<T, Trouble>
    where
        T: Send + 'static,
        F: FnOnce(&Reader) -> Result<T, Trouble> + Send + 'static,
    {
        let readers = self.engine.readers();
        let reading = tokio::task::spawn_blocking(move || read(&*readers.with_looks()?));
        reading.await.unwrap_or(Err(Trouble::Broken))
    }

    /// What somebody asked for by a form that acts once, if it was sent.
    pub(crate) async fn earlier(&self, by: &str, form: &str) -> Result<Earlier, Trouble> {
        let (key, engine) = (once_key(by, form), self.engine.clone());
        let found = move |reader: &Reader| {
            let Some(seq) = reader.find_key(CHANNEL, &key)? else { return Ok(Earlier::Never) };
            // An entry that cannot be read was sent all the same: nothing is done again for it.
            let entry = engine.journal()?.get(seq).ok().flatten();
            let words = entry.and_then(|entry| serde_json::from_slice(&entry.raw).ok());
            Ok(words.map_or(Earlier::Away, Earlier::Words))
        };
        self.read(found).await
    }

    /// Has something decided. A form that is sent twice is decided once.
    pub(crate) async fn act(&self, act: Act) -> Result<Receipt, Stopped> {
        let Act { request, raw, form, by, once } = act;
        let key = match once_key(&by, &form) {
            key if once => key,
            key => format!("{key}|{}", hex(&Sha256::digest(&raw)[..8])),
        };
        let command = Command {
            channel: Arc::from(CHANNEL),
            key: Some(key),
            by,
            message_type: None,
            control_id: Some(form),
            received: self.now(),
            request,
            raw,
        };
        self.engine.submit(command).await
    }

    /// Finds messages. Blocks while it reads.
    pub(crate) fn find(
        &self,
        search: &MessageSearch,
        limit: usize,
    ) -> Result<Messages, record::Error> {
        let readers = self.engine.readers();
        readers.get()?.find_messages(self.engine.messages(), search, limit)
    }

    /// The life of a message. Blocks while it reads.
    pub(crate) fn life(&self, seq: u64) -> Result<Option<Life>, record::Error> {
        let readers = self.engine.readers();
        let replayer = self.replayer.as_ref();
        readers.get()?.life(self.engine.messages(), seq, &|reader, delivery| match replayer {
            Some(replayer) => replayer.rewrite(reader, delivery),
            None => Err("this node writes no messages".to_owned()),
        })
    }

    /// Acts on the message of a case again, mended or as it came; answers the new entry.
    pub(crate) async fn replay(
        &self,
        case: &Id,
        mended: Option<Vec<u8>>,
        by: &str,
    ) -> Result<Receipt, ReplayError> {
        match &self.replayer {
            Some(replayer) => replayer.replay(case, mended, by).await,
            None => Err(ReplayError::NotReplayable("this node replays no messages".to_owned())),
        }
    }

    /// Sends a selection to one destination again.
    pub(crate) async fn resend(&self, chosen: Chosen, by: &str) -> Result<Resent, ReplayError> {
        resend(&self.engine, chosen, (CHANNEL, None), by).await
    }
}

/// Why something was not done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// Somebody else was quicker: what was looked at is not what is there.
    Conflict(String),
    /// Any other reason, in words.
    Refused(String),
}

/// Whether a form that acts once was sent before with other words, so that nothing was done.
pub(crate) fn is_reused(receipt: &Receipt) -> bool {
    let reused = ProblemCode::ControlIdReused;
    matches!(&receipt.answer, Answer::Parked(problem) if problem.code == reused)
}

/// The numbers of what was made of what was asked for, if anything was; or why it was not done.
pub(crate) fn done(receipt: &Receipt) -> Result<Vec<Id>, NotDone> {
    match &receipt.answer {
        Answer::Parked(problem) if problem.code == ProblemCode::Superseded => {
            Err(NotDone::Conflict(problem.text.clone()))
        }
        Answer::Parked(problem) => Err(NotDone::Refused(problem.text.clone())),
        Answer::Refused(refusal) => Err(NotDone::Refused(refusal.text.clone())),
        Answer::Unwritten(fault) => Err(NotDone::Refused(fault.text.clone())),
        Answer::Created(ids) => Ok(ids.clone()),
        Answer::Done | Answer::Permitted(_) | Answer::Checked(_) | Answer::Written(_) => {
            Ok(Vec::new())
        }
    }
}
