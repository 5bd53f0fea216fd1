//! From the record to messages that are ready: what blocks, on a thread that may.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fhir::Id;
use hl7v2::CharsetChoice;
use jiff::Timestamp;
use medicines::cases::CaseKind;
use medicines::deliveries::{Delivery, DeliveryState};
use record::{MAX_CASES, MAX_DELIVERIES, Reader, Readers};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{block_in_place, spawn_blocking};

use super::lanes::Share;
use super::queue::{Out, PAGE, Policy, Ready, arrange, is_next, tries};
use crate::config::BatchConfig;
use crate::outbound::{RenderError, Versions, Voice, forwarded, render};

/// What to look for.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) readers: Arc<Readers>,
    pub(super) channel: Arc<str>,
    pub(super) voice: Arc<Voice>,
    pub(super) policy: Policy,
    /// Whether the peer's application is to answer what the peer has stored.
    pub(super) awaits_application: bool,
    /// What is not to be listed although the record may list it.
    pub(super) out: Out,
    /// Whether it is gathered into batches, and by which time it is judged what is due.
    pub(super) batch: Option<(BatchConfig, Timestamp)>,
    /// What of it is for this connection.
    pub(super) share: Share,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Page {
    /// Messages that may be sent, in order.
    pub(super) ready: Vec<Ready>,
    /// How many deliveries are open.
    pub(super) waiting: u64,
    /// When the oldest of them was queued.
    pub(super) oldest: Option<Timestamp>,
    /// How long those that may be sent wait for others, where they do.
    pub(super) wait: Option<Duration>,
}

/// Why nothing was found: the record cannot be read, or the thread that read it is gone.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListError {
    #[error(transparent)]
    Record(#[from] record::Error),
    #[error("the thread that reads the record ended")]
    Ended,
}

/// Reads a page of what may be sent, and writes its messages.
pub(super) async fn list(listing: Listing) -> Result<Page, ListError> {
    // On the way of every message to its cabinet: waking a thread and being woken by it takes
    // longer than the page.
    if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        return block_in_place(|| page(&listing));
    }
    spawn_blocking(move || page(&listing)).await.map_err(|_| ListError::Ended)?
}

fn page(listing: &Listing) -> Result<Page, ListError> {
    let reader = listing.readers.as_it_is()?;
    let mut share = listing.share.clone();
    let next = |view: &record::DeliveryView| {
        let own = share.takes(view)?;
        Some(own && is_next(view, &listing.out, listing.policy))
    };
    let limit = listing.batch.map_or(PAGE, |(batch, _)| batch.most());
    let mut chosen = reader.deliveries_while(&listing.channel, limit, next)?;
    let wait = listing.batch.and_then(|(batch, now)| batch.wait(&chosen, now));
    if wait.is_some() {
        chosen.clear();
    }
    arrange(&mut chosen);
    let queue = reader.queue(&listing.channel)?;
    let mut ready = Vec::with_capacity(chosen.len());
    for view in chosen {
        let (tries, deferred) = (tries(&view), view.state == DeliveryState::Deferred);
        let delivery = view.delivery;
        let fetch = |named: &medicines::deliveries::VersionOf| {
            reader.version(named.resource_type, &named.id, named.version)
        };
        let mut versions = Versions::fetch(&delivery, fetch)?;
        if let Some(entry) = forwarded(&delivery) {
            versions = versions.with_bytes(reader.received(entry)?);
        }
        let message = render(&delivery, &versions, &listing.voice);
        let control_id = control_id(&delivery, &message);
        ready.push(Ready { delivery, control_id, deferred, tries, message });
    }
    let ended = u64::try_from(listing.out.concluded.len()).unwrap_or(u64::MAX);
    let (waiting, oldest) = match queue {
        Some(queue) => (queue.depth.saturating_sub(ended), Some(queue.oldest)),
        None => (0, None),
    };
    Ok(Page { ready, waiting, oldest: oldest.filter(|_| waiting > 0), wait })
}

/// By what the peer will know the message: what we write has the delivery's id, what we forward
/// keeps the control id that its sender gave it.
fn control_id(delivery: &Delivery, message: &Result<Vec<u8>, RenderError>) -> String {
    if let (Some(_), Ok(bytes)) = (forwarded(delivery), message)
        && let Ok(read) = hl7v2::parse_header(bytes, CharsetChoice::default())
    {
        return read.header().control_id().into_owned();
    }
    delivery.id.to_string()
}

/// The deliveries that nobody was asked about although somebody has to be, at most
/// [`MAX_DELIVERIES`]: a newly set up policy holds what an earlier one would have sent again, and
/// what was in flight when the node ended may have been sent, and nobody answers any more for what
/// was accepted on a channel that waits for applications no longer, or came from another one.
pub(super) async fn unasked(listing: Listing) -> Result<Vec<Delivery>, ListError> {
    let reading = spawn_blocking(move || held_without_case(&listing));
    reading.await.map_err(|_| ListError::Ended)?
}

fn held_without_case(listing: &Listing) -> Result<Vec<Delivery>, ListError> {
    let reader = listing.readers.as_it_is()?;
    let asked = asked(&reader)?;
    let listed = reader.deliveries(&listing.channel, MAX_DELIVERIES, |view| {
        view.state == DeliveryState::InFlight
            || (view.state == DeliveryState::Accepted && !listing.awaits_application)
            || (listing.policy.holds_back(view) && !asked.contains(&view.delivery.id))
    })?;
    Ok(listed.into_iter().map(|view| view.delivery).collect())
}

/// The deliveries that cases ask about.
fn asked(reader: &Reader) -> Result<HashSet<Id>, ListError> {
    let mut asked = HashSet::new();
    let mut after = None;
    loop {
        let cases = reader.open_cases(Some(CaseKind::UnknownOutcome), after, MAX_CASES)?;
        asked.extend(cases.iter().filter_map(|view| view.case.delivery.clone()));
        match cases.last() {
            Some(last) if cases.len() >= MAX_CASES => after = Some(last.n),
            _ => return Ok(asked),
        }
    }
}

/// What the peer has stored and not answered for, oldest first, at most `limit`, and how often each
/// was sent and refused or not answered before.
pub(super) async fn accepted(
    readers: Arc<Readers>,
    channel: Arc<str>,
    limit: usize,
) -> Result<Vec<(Delivery, u64)>, ListError> {
    let reading = spawn_blocking(move || -> Result<_, ListError> {
        let listed = readers.as_it_is()?.accepted(&channel, limit)?;
        Ok(listed.into_iter().map(|view| (view.delivery, view.attempts)).collect())
    });
    reading.await.map_err(|_| ListError::Ended)?
}

/// Where a delivery stands by the record; `None` where it has none of that id.
pub(super) async fn state_of(
    readers: Arc<Readers>,
    id: Id,
) -> Result<Option<(Arc<str>, DeliveryState)>, ListError> {
    let reading = spawn_blocking(move || -> Result<_, ListError> {
        let found = readers.as_it_is()?.delivery(&id)?;
        Ok(found.map(|view| (view.delivery.channel, view.state)))
    });
    reading.await.map_err(|_| ListError::Ended)?
}
