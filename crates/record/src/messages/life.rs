//! The life of a message: what came, what was made of it, and what followed.

use fhir::{Id, StoredResource};
use jiff::Timestamp;
use medicines::deliveries::{Delivery, Which};
use medicines::store::Deleted;
use medicines::subscriptions::{Change, MASK};
use medicines::{Fact, Head};

use super::index::MessageIndex;
use super::terms::Field;
use crate::Error;
use crate::read::{CaseView, DeliveryView, Reader};

/// The most entries of each kind that are told in one life: acknowledgements of a message that was
/// sent, and times that it was acted on again.
const MAX_RELATED: usize = 50;
/// The most messages that are told as sent because of one.
const MAX_SENT: usize = 200;

/// One message from its bytes to the last thing that followed from it.
#[derive(Debug)]
pub struct Life {
    /// The entry's number.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The hash of the entry, in hexadecimal.
    pub hash: String,
    /// The command, the answer and the facts; the values of subscribers' headers are masked.
    pub head: Head<'static>,
    /// The bytes as they came.
    pub raw: Vec<u8>,
    /// The messages that were queued because of it, in order.
    pub sent: Vec<Sent>,
    /// How many more were queued than are told.
    pub sent_more: usize,
    /// The cases that it opened or closed.
    pub cases: Vec<CaseView>,
    /// The times that its message was acted on again, oldest first.
    pub again: Vec<Again>,
    /// The delivery that it tells the outcome of, for an acknowledgement.
    pub answers: Option<Sent>,
}

/// A message that was queued, and what the peer answered.
#[derive(Debug)]
pub struct Sent {
    /// Where it stands.
    pub delivery: DeliveryView,
    /// The message, written again from the versions that it names, or why it cannot be.
    pub message: Result<Vec<u8>, String>,
    /// What was told of it, oldest first: acknowledgements with their bytes, and times without.
    pub outcomes: Vec<Again>,
}

/// An entry that is about another one.
#[derive(Debug)]
pub struct Again {
    /// Its number.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who asked.
    pub by: String,
    /// The answer as a code.
    pub outcome: String,
    /// Its bytes.
    pub raw: Vec<u8>,
    /// Whether its bytes are other than those of the message that it is about: it was mended.
    pub mended: bool,
}

/// Writes the message of a delivery anew; says why where that cannot be.
pub type Rewrite<'a> = &'a dyn Fn(&Reader, &Delivery) -> Result<Vec<u8>, String>;

impl Reader {
    /// The entries that `text` may mean, newest first: the number of an entry, the id of a
    /// delivery, or a control id. At most `limit`.
    pub fn entries_called(
        &self,
        index: &MessageIndex,
        text: &str,
        limit: usize,
    ) -> Result<Vec<u64>, Error> {
        let text = text.trim();
        if let Ok(seq) = text.parse::<u64>()
            && self.message(seq)?.is_some()
        {
            return Ok(vec![seq]);
        }
        if let Ok(id) = Id::new(text)
            && let Some(view) = self.delivery(&id)?
        {
            return Ok(vec![view.seq]);
        }
        index.with_term(Field::Control, text, limit)
    }

    /// The bytes of the entry `seq` as they came; none where there is no such entry, or its bytes
    /// were removed when their time was over.
    pub fn received(&self, seq: u64) -> Result<Option<Vec<u8>>, Error> {
        let entry = journal::Reader::open(&self.journal)?.get(seq)?;
        Ok(entry.filter(|entry| entry.removed.is_none()).map(|entry| entry.raw))
    }

    /// The life of the message in entry `seq`; none where the journal has no such entry.
    pub fn life(
        &self,
        index: &MessageIndex,
        seq: u64,
        rewrite: Rewrite<'_>,
    ) -> Result<Option<Life>, Error> {
        let entries = journal::Reader::open(&self.journal)?;
        let Some(entry) = entries.get(seq)? else { return Ok(None) };
        let mut head = head(&entry.head)?;
        mask(&mut head);
        let mut life = Life {
            seq,
            at: recorded(entry.at)?,
            hash: entry.hash.to_string(),
            raw: entry.raw,
            sent: Vec::new(),
            sent_more: 0,
            cases: Vec::new(),
            again: Vec::new(),
            answers: None,
            head,
        };
        self.tell_facts(index, &entries, rewrite, &mut life)?;
        let mut again = index.with_term(Field::Again, &seq.to_string(), MAX_RELATED)?;
        again.reverse();
        for seq in again {
            life.again.extend(related(&entries, seq, &life.raw)?);
        }
        Ok(Some(life))
    }

    fn tell_facts(
        &self,
        index: &MessageIndex,
        entries: &journal::Reader,
        rewrite: Rewrite<'_>,
        life: &mut Life,
    ) -> Result<(), Error> {
        for fact in life.head.facts.iter() {
            match fact {
                Fact::Queued(_) if life.sent.len() >= MAX_SENT => life.sent_more += 1,
                Fact::Queued(delivery) => {
                    life.sent.extend(self.sent(index, entries, rewrite, &delivery.id)?);
                }
                Fact::CaseOpened(case) => life.cases.extend(self.case(&case.id)?),
                Fact::CaseClosed(case) => life.cases.extend(self.case(&case.id)?),
                Fact::Delivery(medicines::deliveries::DeliveryChange {
                    which: Which::One(id),
                    ..
                }) => life.answers = self.sent(index, entries, rewrite, id)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn sent(
        &self,
        index: &MessageIndex,
        entries: &journal::Reader,
        rewrite: Rewrite<'_>,
        id: &Id,
    ) -> Result<Option<Sent>, Error> {
        let Some(delivery) = self.delivery(id)? else { return Ok(None) };
        let message = rewrite(self, &delivery.delivery);
        let mut told = index.with_term(Field::Delivery, id, MAX_RELATED)?;
        told.reverse();
        let mut outcomes = Vec::new();
        for seq in told.into_iter().filter(|seq| *seq != delivery.seq) {
            outcomes.extend(related(entries, seq, &[])?);
        }
        Ok(Some(Sent { delivery, message, outcomes }))
    }
}

fn related(entries: &journal::Reader, seq: u64, before: &[u8]) -> Result<Option<Again>, Error> {
    let Some(entry) = entries.get(seq)? else { return Ok(None) };
    let head = head(&entry.head)?;
    Ok(Some(Again {
        seq,
        at: recorded(entry.at)?,
        by: head.by.into_owned(),
        outcome: head.answer.code().to_owned(),
        mended: entry.raw != before,
        raw: entry.raw,
    }))
}

fn head(json: &[u8]) -> Result<Head<'static>, Error> {
    Head::from_json(json).map_err(|_| Error::Json { what: "head" })
}

/// Hides the values of subscribers' headers: they are secrets, and a life is there to be shown.
fn mask(head: &mut Head<'_>) {
    let has_some = |fact: &Fact| matches!(fact, Fact::Subscription(Change::Written { .. }));
    if !head.facts.iter().any(has_some) {
        return;
    }
    for fact in head.facts.to_mut() {
        if let Fact::Subscription(Change::Written { headers, .. }) = fact {
            for header in headers {
                MASK.clone_into(&mut header.value);
            }
        }
    }
}

fn recorded(microseconds: i64) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(microseconds).map_err(|_| Error::Corrupt("a time".into()))
}

/// A fact in one line. Its ids lead to the resources; no name of a patient is in it.
pub fn fact_text(fact: &Fact) -> String {
    match fact {
        Fact::Configured(_) => "the configuration is in force".to_owned(),
        Fact::Stored(StoredResource { resource_type, id, version, .. })
        | Fact::Recorded(StoredResource { resource_type, id, version, .. }) => {
            format!("stored {resource_type}/{id} version {version}")
        }
        Fact::Moved(transfer) => {
            let quantity = transfer.quantity.normalize();
            format!("moved {quantity} of {}: {:?}", transfer.item, transfer.movement)
        }
        Fact::CriticalOverride(span) => {
            let what = if span.until.is_some() { "ended" } else { "began" };
            format!("the critical override {what}")
        }
        Fact::Recalled(recall) if recall.lifted => "the recall of a batch was lifted".to_owned(),
        Fact::Recalled(_) => "a batch was recalled".to_owned(),
        Fact::Controlled(fact) => fact.words(),
        Fact::PocketActivity(_) => "a cabinet told of a pocket".to_owned(),
        Fact::Queued(delivery) => format!("queued {} for {}", delivery.id, delivery.channel),
        Fact::Delivery(change) => match &change.which {
            Which::One(id) => format!("{id} to {} is {:?}", change.channel, change.state),
            Which::Open => format!("what waits for {} is {:?}", change.channel, change.state),
            Which::OlderProfile => {
                format!("older profiles to {} are {:?}", change.channel, change.state)
            }
        },
        Fact::CaseOpened(case) => format!("opened case {}: {}", case.id, case.kind.as_str()),
        Fact::CaseClosed(case) => format!("closed case {}: {}", case.id, case.resolution),
        Fact::Seen(access) => format!("{} looked: {}", access.who, access.what),
        Fact::Applied(_) => "a configuration was put in force".to_owned(),
        Fact::Dictionary(_) => "a release of dm+d was taken over".to_owned(),
        Fact::Joined(_) => "two queues were joined as one patient's".to_owned(),
        Fact::Package(package) => format!("the package {} was taken over", package.name),
        Fact::Rerouted(rerouted) => {
            format!("what waits for {} goes out on {}", rerouted.from, rerouted.to)
        }
        Fact::Kept(kept) => format!("kept whole: {}", kept.why),
        Fact::Deleted(deleted) => {
            let Deleted { resource_type, id, version, .. } = deleted;
            format!("deleted {resource_type}/{id} as version {version}")
        }
        Fact::Refused(access) => format!("{} was refused: {}", access.who, access.what),
        Fact::Subscription(change) => match change {
            Change::Written { id, owner, .. } => format!("{owner} wrote Subscription/{id}"),
            Change::Stands { id, status, .. } => {
                format!("Subscription/{id} is {}", status.as_str())
            }
            Change::Took { id, events, .. } => {
                format!("the subscriber of Subscription/{id} took {} events", events.len())
            }
        },
    }
}
