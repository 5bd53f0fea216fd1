//! Telling senders that something new waits for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use medicines::Fact;
use medicines::deliveries::DeliveryState;
use tokio::sync::Notify;

/// Who wants to hear of new deliveries, by channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queued(Arc<Mutex<BTreeMap<String, Arc<Notify>>>>);

impl Queued {
    /// What is notified when the record holds something new that the channel may send.
    pub(crate) fn of(&self, channel: &str) -> Arc<Notify> {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(channels.entry(channel.to_owned()).or_default())
    }

    /// Notifies the channels of all deliveries among the facts that may be sent now.
    pub(crate) fn tell<'f>(&self, facts: impl Iterator<Item = &'f Fact>) {
        let mut waiting = facts.filter_map(channel).peekable();
        if waiting.peek().is_none() {
            return;
        }
        let channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for channel in waiting {
            if let Some(notify) = channels.get(channel) {
                notify.notify_one();
            }
        }
    }
}

/// The channel that has something to send by this fact.
fn channel(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Queued(delivery) => Some(&delivery.channel),
        Fact::Delivery(change) if change.state == DeliveryState::Waiting => Some(&change.channel),
        Fact::Rerouted(rerouted) => Some(&rerouted.to),
        _ => None,
    }
}
