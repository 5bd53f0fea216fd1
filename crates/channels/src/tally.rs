//! What is counted of each channel for those who draw graphs: codes and times, no patient data.
//!
//! All of it is atomics, so that a message costs a few additions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::{Buckets, Histogram};
use hl7v2::ack::AckCode;
use medicines::deliveries::DeliveryState;

use crate::health::Direction;

/// The codes of acknowledgements, and what stands for a message that was not answered because its
/// sender wants none.
const CODES: [AckCode; 6] = [
    AckCode::Accept,
    AckCode::Error,
    AckCode::Reject,
    AckCode::CommitAccept,
    AckCode::CommitError,
    AckCode::CommitReject,
];

/// Counters of one channel.
#[derive(Debug)]
pub(crate) struct Tally {
    answered: [AtomicU64; CODES.len()],
    parked: AtomicU64,
    outcomes: [AtomicU64; DeliveryState::ALL.len()],
    acknowledgement: Histogram,
}

/// What was counted of one channel since it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelTally {
    /// The channel.
    pub name: Arc<str>,
    /// Which way it goes.
    pub direction: Direction,
    /// Inbound: how many acknowledgements were given with each code.
    pub answered: Vec<(&'static str, u64)>,
    /// Inbound: messages that were kept and not acted on.
    pub parked: u64,
    /// Outbound: how many deliveries came to stand how.
    pub outcomes: Vec<(&'static str, u64)>,
    /// Inbound: from a whole message to its acknowledgement; outbound: from a message that is sent
    /// to its acknowledgement. In microseconds.
    pub acknowledgement: Buckets,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Tally {
            answered: Default::default(),
            parked: AtomicU64::new(0),
            outcomes: Default::default(),
            acknowledgement: Histogram::times(),
        }
    }

    /// An acknowledgement is given.
    pub(crate) fn answered(&self, ack: &[u8]) {
        let code = code_of(ack);
        if let Some(at) = CODES.iter().position(|known| Some(*known) == code) {
            self.answered[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A message was kept and not acted on.
    pub(crate) fn parked(&self) {
        self.parked.fetch_add(1, Ordering::Relaxed);
    }

    /// A delivery came to stand so.
    pub(crate) fn outcome(&self, state: DeliveryState) {
        if let Some(at) = DeliveryState::ALL.iter().position(|known| *known == state) {
            self.outcomes[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An acknowledgement took so long.
    pub(crate) fn acknowledged(&self, after: Duration) {
        self.acknowledgement.note_time(after);
    }

    pub(crate) fn read(&self, name: &Arc<str>, direction: Direction) -> ChannelTally {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let codes = CODES.iter().map(|code| code.code()).zip(self.answered.iter().map(load));
        let states = DeliveryState::ALL.iter().map(|state| state.as_str());
        ChannelTally {
            name: Arc::clone(name),
            direction,
            answered: codes.collect(),
            parked: load(&self.parked),
            outcomes: states.zip(self.outcomes.iter().map(load)).collect(),
            acknowledgement: self.acknowledgement.read(),
        }
    }
}

/// MSA-1 of an acknowledgement that this node wrote.
fn code_of(ack: &[u8]) -> Option<AckCode> {
    let mut segments = ack.split(|byte| *byte == b'\r');
    let msa = segments.find(|segment| segment.starts_with(b"MSA"))?;
    AckCode::from_code(std::str::from_utf8(msa.get(4..6)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_is_counted_by_its_code() {
        let tally = Tally::new();
        for code in ["AA", "AA", "AE", "ZZ"] {
            tally.answered(format!("MSH|^~\\&|MSA|AA\rMSA|{code}|7\r").as_bytes());
        }
        tally.answered(b"MSH#^~\\&\rMSA#CR#7\r");
        tally.answered(b"MSA");
        tally.answered(b"");
        tally.parked();
        tally.outcome(DeliveryState::Delivered);
        tally.outcome(DeliveryState::Superseded);
        tally.acknowledged(Duration::from_millis(2));
        let read = tally.read(&"pas".into(), Direction::Inbound);
        let some = |counts: &[(&'static str, u64)]| {
            counts.iter().filter(|(_, count)| *count > 0).copied().collect::<Vec<_>>()
        };
        assert_eq!(some(&read.answered), [("AA", 2), ("AE", 1), ("CR", 1)]);
        assert_eq!(some(&read.outcomes), [("delivered", 1), ("superseded", 1)]);
        assert_eq!((read.parked, read.acknowledgement.sum), (1, 2_000));
    }
}
