//! From the record to messages that are ready: what blocks, on a thread that may.

use std::collections::HashSet;
use std::sync::Arc;

use fhir::Id;
use jiff::Timestamp;
use medicines::cases::CaseKind;
use medicines::deliveries::Delivery;
use record::{DeliveryView, MAX_CASES, Reader, Readers};

use super::queue::{MAX_PAGE, PAGE, Policy, Ready, choose, unanswered};
use crate::outbound::{Versions, Voice, render};

/// What to look for.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) readers: Arc<Readers>,
    pub(super) channel: Arc<str>,
    pub(super) voice: Arc<Voice>,
    pub(super) policy: Policy,
    /// Deliveries that have ended although the record may still list them.
    pub(super) concluded: HashSet<Id>,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Page {
    /// Messages that may be sent, in order.
    pub(super) ready: Vec<Ready>,
    /// How many deliveries wait or are unknown.
    pub(super) waiting: u64,
    /// When the oldest of them was queued.
    pub(super) oldest: Option<Timestamp>,
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
    let reading = tokio::task::spawn_blocking(move || page(&listing));
    reading.await.map_err(|_| ListError::Ended)?
}

fn page(listing: &Listing) -> Result<Page, ListError> {
    let reader = listing.readers.get()?;
    let chosen = chosen(&reader, listing)?;
    let queue = reader.queue(&listing.channel)?;
    let mut ready = Vec::with_capacity(chosen.len());
    for view in chosen {
        let unanswered = unanswered(&view);
        let delivery = view.delivery;
        let fetch = |named: &medicines::deliveries::VersionOf| {
            reader.version(named.resource_type, &named.id, named.version)
        };
        let versions = Versions::fetch(&delivery, fetch)?;
        let message = render(&delivery, &versions, &listing.voice);
        ready.push(Ready { delivery, unanswered, message });
    }
    let ended = u64::try_from(listing.concluded.len()).unwrap_or(u64::MAX);
    let (waiting, oldest) = match queue {
        Some(queue) => (queue.depth.saturating_sub(ended), Some(queue.oldest)),
        None => (0, None),
    };
    Ok(Page { ready, waiting, oldest: oldest.filter(|_| waiting > 0) })
}

/// The deliveries that wait for a person although no case asks one: a newly set up policy holds
/// what an earlier one would have sent again.
pub(super) async fn unasked(listing: Listing) -> Result<Vec<Delivery>, ListError> {
    let reading = tokio::task::spawn_blocking(move || held_without_case(&listing));
    reading.await.map_err(|_| ListError::Ended)?
}

fn held_without_case(listing: &Listing) -> Result<Vec<Delivery>, ListError> {
    let reader = listing.readers.get()?;
    let listed = reader.deliveries(&listing.channel, MAX_PAGE)?;
    let mut held: Vec<_> = listed.into_iter().filter(|v| listing.policy.holds_back(v)).collect();
    let mut after = None;
    while !held.is_empty() {
        let cases = reader.open_cases(Some(CaseKind::UnknownOutcome), after, MAX_CASES)?;
        let asked: HashSet<_> = cases.iter().filter_map(|v| v.case.delivery.as_ref()).collect();
        held.retain(|view| !asked.contains(&view.delivery.id));
        match cases.last() {
            Some(last) if cases.len() >= MAX_CASES => after = Some(last.n),
            _ => break,
        }
    }
    Ok(held.into_iter().map(|view| view.delivery).collect())
}

/// The next deliveries that may be sent. Where held ones fill the listing, a longer one is read
/// to find what stands behind them.
fn chosen(reader: &Reader, listing: &Listing) -> Result<Vec<DeliveryView>, ListError> {
    let mut limit = PAGE + listing.concluded.len();
    loop {
        let listed = reader.deliveries(&listing.channel, limit)?;
        let all = listed.len() < limit || limit >= MAX_PAGE;
        let chosen = choose(listed, &listing.concluded, listing.policy);
        if all || !chosen.is_empty() {
            return Ok(chosen);
        }
        limit = (limit * 4).min(MAX_PAGE);
    }
}
