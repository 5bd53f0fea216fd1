//! The decision without a node: messages of the hospital against the live state in memory.

use std::sync::Arc;

use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, Understood, read_with};
use engine::Clock;
use hl7v2::Scratch;
use medicines::state::Cold;
use medicines::{Answer, Context, Decision, Request, Site, State, decide};

use super::hospital::{self, Patient, SITE, hl7_time};

/// The state of a site and the channel by which messages come to it.
pub(super) struct Inside {
    pub(super) state: State,
    channel: InboundChannel,
    scratch: Scratch,
    clock: Clock,
    dictionary: Option<Arc<terminology::Index>>,
}

impl Inside {
    /// A site of which nothing is known yet but its configuration, which is entry 1.
    pub(super) fn new(cold: Box<dyn Cold>) -> Inside {
        let mut inside = Inside {
            state: State::new(cold),
            channel: InboundChannel::new("epma", Dialect::default(), SITE, &[], "P"),
            scratch: Scratch::default(),
            clock: Clock::system(),
            dictionary: None,
        };
        let configured = inside.decide(&Request::Configure(Box::new(hospital::site(false))));
        inside.state.fold(1, &configured.facts);
        inside
    }

    /// Puts another configuration in force, with a release of dm+d.
    pub(super) fn configure(&mut self, site: Site, dictionary: Arc<terminology::Index>) {
        let configured = self.decide(&Request::Configure(Box::new(site)));
        let seq = self.state.seq() + 1;
        self.state.fold(seq, &configured.facts);
        self.dictionary = Some(dictionary);
    }

    /// What a message asks.
    pub(super) fn read(&mut self, message: &[u8]) -> Understood {
        read_with(message, &self.channel, &mut self.scratch)
    }

    /// Decides as the next entry, and changes nothing.
    pub(super) fn decide(&mut self, request: &Request) -> Decision {
        let ctx = Context {
            seq: self.state.seq() + 1,
            now: self.clock.now(),
            source: "epma".to_owned(),
            dictionary: self.dictionary.clone(),
        };
        decide(&mut self.state, &ctx, request)
    }

    /// Reads, decides and folds a message, which must be accepted.
    pub(super) fn take(&mut self, message: &[u8]) -> Result<(), String> {
        let understood = self.read(message);
        let decision = self.decide(&understood.request);
        if decision.answer != Answer::Done {
            return Err(format!("the message was answered {}", decision.answer.code()));
        }
        let seq = self.state.seq() + 1;
        self.state.fold(seq, &decision.facts);
        Ok(())
    }

    /// Admits patients and gives each of them all orders that one may have.
    pub(super) fn fill(&mut self, patients: &mut [Patient]) -> Result<(), String> {
        let now = hl7_time(self.clock.now());
        let mut message = Vec::new();
        for patient in patients {
            message.clear();
            patient.admit(&now, &mut message);
            self.take(&message)?;
            while !patient.is_full() {
                message.clear();
                patient.order(&now, &mut message);
                self.take(&message)?;
            }
        }
        // The rows are for the record, which there is none of here.
        self.state.take_changed();
        Ok(())
    }
}
