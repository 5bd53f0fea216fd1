//! What a reader needs to know of the channel that a message came on.

use std::sync::Arc;

use crate::dialect::{Dialect, Systems};
use crate::script::Script;

/// An inbound channel as its messages are read: made once, used for every message.
#[derive(Debug, Clone)]
pub struct InboundChannel {
    name: String,
    dialect: Dialect,
    script: Option<Script>,
    site: String,
    systems: Systems,
    accepts: Vec<(String, Option<String>)>,
    processing_id: String,
    creates_patients: bool,
    ignores_sequence_numbers: bool,
    forward_to: Vec<Arc<str>>,
    forwards_all: bool,
}

impl InboundChannel {
    /// A channel of the site with that ODS code. `accepts` lists the message types that it takes,
    /// `ADT` or `RDE^O11`; empty takes all that are handled. `processing_id` is the value of
    /// MSH-11.1 in force, `P` on a live node; empty takes any.
    pub fn new(
        name: &str,
        dialect: Dialect,
        site: &str,
        accepts: &[String],
        processing_id: &str,
    ) -> Self {
        let kind = |text: &String| match text.split_once('^') {
            Some((code, event)) => (code.to_owned(), Some(event.to_owned())),
            None => (text.clone(), None),
        };
        InboundChannel {
            name: name.to_owned(),
            systems: Systems::new(site, &dialect.order_namespace),
            dialect,
            script: None,
            site: site.to_owned(),
            accepts: accepts.iter().map(kind).collect(),
            processing_id: processing_id.to_owned(),
            creates_patients: false,
            ignores_sequence_numbers: false,
            forward_to: Vec::new(),
            forwards_all: false,
        }
    }

    /// The same channel, whose results, documents, requests and appointments make known a patient
    /// whom the PAS has not told of.
    #[must_use]
    pub fn creating_patients(mut self, creates: bool) -> Self {
        self.creates_patients = creates;
        self
    }

    /// The same channel, whose sender fills MSH-13 in and means nothing by it.
    #[must_use]
    pub fn ignoring_sequence_numbers(mut self, ignores: bool) -> Self {
        self.ignores_sequence_numbers = ignores;
        self
    }

    /// The same channel, whose messages go on to these outbound channels as they came: all that are
    /// taken, or only those that nothing here acts on.
    #[must_use]
    pub fn forwarding(mut self, to: &[String], all: bool) -> Self {
        self.forward_to = to.iter().map(|name| name.as_str().into()).collect();
        self.forwards_all = all;
        self
    }

    /// Whether messages go on at all.
    pub(crate) fn forwards(&self) -> bool {
        !self.forward_to.is_empty()
    }

    /// Where a message goes on to; `kept` says that nothing here acts on it.
    pub(crate) fn forwards_to(&self, kept: bool) -> &[Arc<str>] {
        if self.forwards_all || kept { &self.forward_to } else { &[] }
    }

    /// Whether a result, document, request or appointment makes its patient known.
    pub(crate) fn creates_patients(&self) -> bool {
        self.creates_patients
    }

    pub(crate) fn ignores_sequence_numbers(&self) -> bool {
        self.ignores_sequence_numbers
    }

    /// Whether it was set up by name to take messages of that type and event.
    pub(crate) fn names(&self, code: &str, event: &str) -> bool {
        !self.accepts.is_empty() && self.accepts(code, event)
    }

    /// The same channel with the script that its messages run through.
    #[must_use]
    pub fn with_script(self, script: Option<Script>) -> Self {
        InboundChannel { script, ..self }
    }

    /// The script that its messages run through.
    pub(crate) fn script(&self) -> Option<&Script> {
        self.script.as_ref()
    }

    /// The channel's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its peer speaks.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The ODS code of the site.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The FHIR systems of the site.
    pub fn systems(&self) -> &Systems {
        &self.systems
    }

    /// Whether it takes messages of that type and event.
    pub fn accepts(&self, code: &str, event: &str) -> bool {
        let takes = |(accepted, only): &(String, Option<String>)| {
            accepted == code && only.as_ref().is_none_or(|only| only == event)
        };
        self.accepts.is_empty() || self.accepts.iter().any(takes)
    }

    /// Whether it takes messages with that MSH-11.1. An empty one is taken as the one in force:
    /// senders before HL7 2.2 do not say.
    pub(crate) fn accepts_processing_id(&self, id: &str) -> bool {
        id.is_empty() || self.processing_id.is_empty() || id == self.processing_id
    }
}
