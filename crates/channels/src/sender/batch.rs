//! Several messages in one file: gathered until there are enough of them or the oldest is old
//! enough, written as one batch, and ended together.

use engine::Stopped;
use hl7v2::batch;
use jiff::{SignedDuration, Timestamp};
use medicines::deliveries::{Delivery, DeliveryState};
use record::DeliveryView;
use tokio::time::Duration;

use super::Sender;
use super::exchange::Exchange;
use crate::config::{BatchConfig, ChannelConfig, OnUnknown};

/// How many bytes of messages one file takes before it ends, however many messages it may hold:
/// 16 MiB, which is the most that a channel may be told to take in.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// How often it is looked whether a batch is due, where more messages come all the time.
pub(super) const BATCH_PAUSE: Duration = Duration::from_millis(250);

impl BatchConfig {
    /// How long the listed deliveries have to wait for more; none where they are due at `now`.
    pub(super) fn wait(self, listed: &[DeliveryView], now: Timestamp) -> Option<Duration> {
        let oldest = listed.iter().map(|view| view.delivery.at).min()?;
        if listed.len() >= self.most() {
            return None;
        }
        // A clock that was put back makes nothing wait longer than that.
        let age = SignedDuration::from_secs(self.age_s.into());
        let left = (age - now.duration_since(oldest)).min(age);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }

    /// The most messages of one batch.
    pub(super) fn most(self) -> usize {
        usize::try_from(self.messages).unwrap_or(usize::MAX)
    }
}

impl ChannelConfig {
    /// How its files hold several messages, where they do.
    pub(super) fn batches(&self) -> Option<BatchConfig> {
        self.files.as_ref()?.batch
    }
}

impl Sender {
    /// Writes what is ready into one file, as much as fits.
    pub(super) async fn tell_batch(&mut self) -> Result<(), Stopped> {
        let (mut told, mut messages, mut bytes) = (Vec::new(), Vec::new(), 0);
        while bytes < MAX_BATCH_BYTES
            && let Some(ready) = self.queue.next()
        {
            if let Some((delivery, tries, message)) = self.writable(ready).await? {
                bytes += message.len();
                messages.push(message);
                told.push((delivery, tries));
            }
        }
        let ids: Vec<_> = told.iter().map(|(delivery, _)| delivery.id.clone()).collect();
        let ended = self.write_batch(told, &messages).await;
        self.lane.release(ids.iter().filter(|id| !self.queue.is_concluded(id)));
        ended
    }

    async fn write_batch(
        &mut self,
        told: Vec<(Delivery, u64)>,
        messages: &[Vec<u8>],
    ) -> Result<(), Stopped> {
        let Some((first, _)) = told.first().cloned() else { return Ok(()) };
        let durable = self.config.on_unknown == OnUnknown::Hold;
        if durable {
            self.place_all(&told, DeliveryState::InFlight, None).await?;
        }
        let (sent, _) = self.exchange(&batch::enclose_all(messages), &first, &first.id).await;
        match sent {
            None => {
                self.meter.well();
                for (delivery, tries) in told {
                    self.unacknowledged(delivery, tries, "written").await?;
                }
                Ok(())
            }
            Some(Exchange::Unclear(code)) => {
                let wait = self.link.silent();
                for (delivery, tries) in told {
                    self.unanswered(delivery, tries, true, code, Duration::ZERO).await?;
                }
                self.pause(wait).await;
                Ok(())
            }
            Some(other) => {
                if durable {
                    self.place_all(&told, DeliveryState::Waiting, Some("not-sent")).await?;
                }
                self.not_sent(other.code()).await;
                Ok(())
            }
        }
    }

    async fn place_all(
        &mut self,
        told: &[(Delivery, u64)],
        state: DeliveryState,
        detail: Option<&str>,
    ) -> Result<(), Stopped> {
        for (delivery, _) in told {
            self.place(delivery, state, detail).await?;
        }
        Ok(())
    }
}
