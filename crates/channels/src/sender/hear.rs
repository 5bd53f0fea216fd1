//! What the peer sends that is no answer to the message in flight: application acknowledgements of
//! messages that it has stored before, and what nobody waits for.

use std::collections::HashSet;
use std::sync::Arc;

use engine::Stopped;
use fhir::Id;
use hl7v2::CharsetChoice;
use hl7v2::ack::{Ack, AckCode, Reply, reply};
use medicines::Request;
use medicines::deliveries::{Delivery, DeliveryState, Stray};
use tokio::time::Instant;

use super::Sender;
use super::exchange::{Heard, codes};
use super::outstanding::MAX_OUTSTANDING;
use super::prepare::{accepted, state_of};
use crate::config::AckWhen;

/// The longest control id of a stray acknowledgement that is kept as such, in bytes.
const MAX_NAMED_BYTES: usize = 64;

impl Sender {
    /// Takes in something that came. Gives the key of a patient whose later messages now have to
    /// wait.
    pub(super) async fn hear(&mut self, heard: Heard) -> Result<Option<Id>, Stopped> {
        let Heard { ack, raw } = heard;
        let Some(ack) = ack else {
            self.stray("not-an-ack", None, raw).await?;
            return Ok(None);
        };
        let waiting =
            if ack.code.is_commit() { None } else { self.lane.outstanding().take(&ack.control_id) };
        if let Some((delivery, tries)) = waiting {
            return self.answered(delivery, tries, &ack, raw).await;
        }
        let named = Id::new(&ack.control_id).ok();
        let known = match &named {
            Some(id) => state_of(self.engine.readers(), id.clone()).await.unwrap_or_default(),
            None => None,
        };
        let own = known.is_some_and(|(channel, _)| channel == self.channel);
        let reason = if own { "late" } else { "unknown-message" };
        self.stray(reason, named.filter(|_| own), raw).await?;
        Ok(None)
    }

    /// The peer's application has answered a message that it had stored.
    async fn answered(
        &mut self,
        delivery: Delivery,
        tries: u64,
        ack: &Ack,
        raw: Vec<u8>,
    ) -> Result<Option<Id>, Stopped> {
        self.heard_from();
        let now = self.engine.clock().now();
        self.meter.seen(now);
        let id = format!("{}.ca", delivery.id);
        if let Some(commit) = commit(&raw, &id, now)
            && let Some(client) = self.link.client.as_mut()
        {
            // A peer that does not get it sends its acknowledgement again, and that is a late one.
            client.reply(&commit).await;
        }
        let (detail, key) = (codes(ack), delivery.key.clone());
        if ack.code.is_positive() {
            self.conclude(delivery, DeliveryState::Delivered, Some(detail), raw).await?;
            return Ok(None);
        }
        self.refused(delivery, tries, detail, raw).await?;
        // It may have been sent on another connection, which has its patient's next ones in hand.
        self.lane.change();
        Ok(Some(key))
    }

    /// Keeps what nobody waits for, unless too much of it comes.
    async fn stray(
        &mut self,
        reason: &'static str,
        delivery: Option<Id>,
        raw: Vec<u8>,
    ) -> Result<(), Stopped> {
        self.meter.error(match reason {
            "late" => "ack-late",
            "not-an-ack" => "not-an-ack",
            _ => "ack-mismatch",
        });
        let Some(unkept) = self.strays.keep(Instant::now()) else {
            return Ok(());
        };
        let named = delivery.clone().filter(|id| id.len() <= MAX_NAMED_BYTES);
        let stray = Request::Stray(Stray { reason, delivery, unkept });
        self.submit(stray, named, raw).await
    }

    /// Tells of messages whose application acknowledgement did not come in time.
    pub(super) async fn overdue(&mut self) -> Result<(), Stopped> {
        loop {
            let overdue = self.lane.outstanding().overdue(Instant::now());
            let Some((delivery, _)) = overdue else { return Ok(()) };
            let id = delivery.id.clone();
            let state = state_of(self.engine.readers(), id.clone()).await;
            if matches!(&state, Ok(Some((_, state))) if !state.is_open()) {
                continue;
            }
            if self.config.application_ack == AckWhen::OnError {
                let detail = Some("no-error".to_owned());
                self.conclude(delivery, DeliveryState::Delivered, detail, Vec::new()).await?;
                continue;
            }
            self.meter.error("application-ack-timeout");
            self.forget_patient(&delivery.key);
            let held = self.policy().holds(1);
            let request = self.unknown(delivery, held, "application-ack-timeout");
            self.submit(request, Some(id), Vec::new()).await?;
            self.lane.change();
        }
    }

    /// Takes up again what the peer had stored before the node started.
    pub(super) async fn remember(&mut self) {
        if !self.config.wants_application() {
            return;
        }
        while !self.stop.is_set() {
            let readers = self.engine.readers();
            match accepted(readers, Arc::clone(&self.channel), MAX_OUTSTANDING).await {
                Ok(found) => {
                    let now = Instant::now();
                    for (delivery, tries) in found {
                        self.lane.outstanding().add(delivery, tries, now);
                    }
                    return;
                }
                Err(problem) => self.unreadable(&problem).await,
            }
        }
    }

    /// Forgets what was answered on another connection. False where as much is outstanding as
    /// before.
    pub(super) async fn reconcile(&mut self) -> bool {
        let readers = self.engine.readers();
        let found = accepted(readers, Arc::clone(&self.channel), MAX_OUTSTANDING).await;
        if let Ok(found) = found {
            let mut ids: HashSet<Id> = found.into_iter().map(|(found, _)| found.id).collect();
            // What the record does not hold yet is on its way there.
            ids.extend(self.lane.all_held());
            self.lane.outstanding().keep(&ids);
        }
        !self.is_full()
    }
}

/// The accept acknowledgement that an application acknowledgement asks for by its own MSH-15.
pub(crate) fn commit(raw: &[u8], control_id: &str, now: jiff::Timestamp) -> Option<Vec<u8>> {
    let message = hl7v2::parse_header(raw, CharsetChoice::default()).ok()?;
    let header = message.header();
    if !header.accept_condition().is_some_and(|when| when.wants(true)) {
        return None;
    }
    let time = now.to_zoned(jiff::tz::TimeZone::UTC);
    let code = AckCode::CommitAccept;
    Some(reply(&header, &Reply { code, control_id, time: &time, text: "", errors: &[] }))
}
