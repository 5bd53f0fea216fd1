//! Messages that go out: from what a delivery names to bytes in the peer's dialect.
//!
//! [`render`] is pure: the same delivery, the same versions of its resources and the same
//! dialect give the same bytes, so that a message that is sent again is the same message. MSH-10
//! is the delivery's id and MSH-7 the time at which it was queued. An id is up to 20 characters
//! long, as HL7 2.5.1 has it for MSH-10, until a site's journal has tens of millions of entries;
//! a longer one is sent whole, as HL7 2.8 allows, and never cut.
//!
//! What is written is strict: a message that could not be complete, or that holds a character
//! which the peer's character set lacks, is refused with a [`RenderError`] and not sent.
//!
//! Allergies (AL1) are not sent: a delivery names the patient, the encounter and the order, and a
//! list of allergies that may be out of date is worse than none.
//!
//! To send another message: a file with a `write` function, and an arm in [`render`].

mod adt;
mod bundle;
mod parts;
mod ras_o17;
mod rde_o11;
mod rds_o13;
mod timing;

use fhir::{ReadError, Resource, ResourceType, StoredResource};
use hl7v2::{BuildError, CharsetChoice, HeaderSpec, MessageBuilder};
use jiff::Timestamp;
use medicines::deliveries::{Delivery, Notice, VersionOf};
use medicines::{Problem, ProblemCode};

use crate::config::AckWhen;
use crate::dialect::{Dialect, Systems, Way};
use crate::script::Script;
use crate::shape::{Shaped, shape, shapes};

/// How we speak to one peer: its dialect and the systems of our site. Made once for a channel.
#[derive(Debug, Clone)]
pub struct Voice {
    dialect: Dialect,
    script: Option<Script>,
    systems: Systems,
    facility: String,
    processing_id: String,
    /// MSH-15 and MSH-16; empty in original mode.
    conditions: [&'static str; 2],
    /// Whether the peer is told in FHIR.
    fhir: bool,
}

/// The resources that a delivery names, in exactly the versions that it names.
#[derive(Debug, Clone, Default)]
pub struct Versions {
    resources: Vec<StoredResource>,
    /// The bytes of a message that is forwarded.
    bytes: Option<Vec<u8>>,
}

/// Why a message cannot be written. What is displayed holds no patient data.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A version that the delivery names is not there.
    #[error("version {version} of {resource_type}/{id} is not in the record; rebuild the record")]
    Missing {
        /// The type of the resource.
        resource_type: ResourceType,
        /// Its id.
        id: fhir::Id,
        /// Its version.
        version: u64,
    },
    /// The bytes of a message that is forwarded are not kept any more.
    #[error("the bytes of entry {0} were removed when their time was over")]
    Removed(u64),
    /// A resource cannot be read.
    #[error("a resource of the delivery cannot be read: {0}")]
    Unreadable(#[from] ReadError),
    /// A resource lacks what the message must say.
    #[error("the message needs {0}, and the record does not have it")]
    Incomplete(&'static str),
    /// The message cannot be encoded for this peer.
    #[error("the message cannot be encoded in the peer's dialect: {0}")]
    Unencodable(#[from] BuildError),
    /// The channel's rules or its script cannot be applied, or refuse it.
    #[error("{}", .0.text)]
    Shape(Problem),
    /// The channel's script says that the peer is not to be told of it.
    #[error("the channel's script lets the message drop")]
    Dropped,
}

impl RenderError {
    /// The code under which people see it.
    pub fn code(&self) -> &'static str {
        match self {
            RenderError::Missing { .. } => "version-missing",
            RenderError::Removed(_) => "bytes-removed",
            RenderError::Unreadable(_) => "unreadable",
            RenderError::Incomplete(_) => "incomplete",
            RenderError::Unencodable(_) => "unencodable",
            RenderError::Shape(problem) => problem.code.as_str(),
            RenderError::Dropped => "dropped",
        }
    }
}

impl Voice {
    /// How the site with that ODS code speaks in a dialect. `processing_id` is the value of
    /// MSH-11: `P` on a live node, `T` on one for training.
    pub fn new(dialect: Dialect, site: &str, processing_id: &str) -> Self {
        let own = dialect.our_facility.trim();
        Voice {
            systems: Systems::new(site, &dialect.order_namespace),
            facility: if own.is_empty() { site.to_ascii_uppercase() } else { own.to_owned() },
            processing_id: if processing_id.is_empty() { "P" } else { processing_id }.to_owned(),
            dialect,
            script: None,
            conditions: [""; 2],
            fhir: false,
        }
    }

    /// The same voice, asking for acknowledgements by MSH-15 and MSH-16 (HL7 2.5.1 §2.9.2).
    #[must_use]
    pub fn asking(mut self, accept: AckWhen, application: AckWhen) -> Self {
        self.conditions = [accept.code(), application.code()];
        self
    }

    /// The same, telling in FHIR what others are told by messages.
    #[must_use]
    pub fn in_fhir(self) -> Self {
        Voice { fhir: true, ..self }
    }

    /// The same with the script that its messages run through.
    #[must_use]
    pub fn with_script(self, script: Option<Script>) -> Self {
        Voice { script, ..self }
    }

    /// The peer's dialect.
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The FHIR systems of the site.
    pub fn systems(&self) -> &Systems {
        &self.systems
    }

    /// A time on the clock of the peer, to the second, with its offset.
    fn time(&self, at: Timestamp) -> String {
        let zone = self.dialect.time_zone.rules();
        hl7v2::time::format_timestamp(at, zone, hl7v2::time::Precision::Second)
    }

    /// A message with its header.
    fn message(&self, delivery: &Delivery, message_type: [&str; 3]) -> MessageBuilder {
        let dialect = &self.dialect;
        let time = delivery.at.to_zoned(dialect.time_zone.rules().clone());
        let spec = HeaderSpec {
            sending_application: &dialect.our_application,
            sending_facility: &self.facility,
            receiving_application: &dialect.peer_application,
            receiving_facility: &dialect.peer_facility,
            time: &time,
            message_type,
            control_id: &delivery.id,
            processing_id: &self.processing_id,
            version: &dialect.version,
        };
        let mut message = MessageBuilder::message(dialect.charset, &spec);
        // Original mode is asked for by leaving MSH-15 and MSH-16 empty (HL7 2.5.1 §2.9.2).
        let [accept, application] = self.conditions;
        message.header().set(15, accept).set(16, application);
        message.declare_charset();
        message
    }
}

impl Versions {
    /// The versions that a delivery names, read one by one with `fetch`.
    pub fn fetch<E>(
        delivery: &Delivery,
        mut fetch: impl FnMut(&VersionOf) -> Result<Option<StoredResource>, E>,
    ) -> Result<Self, E> {
        let mut found = Vec::with_capacity(3);
        for named in named(&delivery.notice).into_iter().flatten() {
            found.extend(fetch(named)?);
        }
        Ok(Versions { resources: found, bytes: None })
    }

    /// The bytes of the message that a delivery forwards.
    #[must_use]
    pub fn with_bytes(self, bytes: Option<Vec<u8>>) -> Self {
        Versions { bytes, ..self }
    }

    /// The version of that name, read as its type.
    fn read<R: Resource>(&self, named: &VersionOf) -> Result<R, RenderError> {
        Ok(self.find(named)?.read()?)
    }

    fn find(&self, named: &VersionOf) -> Result<&StoredResource, RenderError> {
        let same = |stored: &&StoredResource| {
            stored.resource_type == named.resource_type
                && stored.id == named.id
                && stored.version == named.version
        };
        self.resources.iter().find(same).ok_or_else(|| RenderError::Missing {
            resource_type: named.resource_type,
            id: named.id.clone(),
            version: named.version,
        })
    }

    fn read_some<R: Resource>(&self, named: Option<&VersionOf>) -> Result<Option<R>, RenderError> {
        named.map(|named| self.read(named)).transpose()
    }
}

impl FromIterator<StoredResource> for Versions {
    fn from_iter<I: IntoIterator<Item = StoredResource>>(resources: I) -> Self {
        Versions { resources: resources.into_iter().collect(), bytes: None }
    }
}

fn named(notice: &Notice) -> [Option<&VersionOf>; 3] {
    match notice {
        Notice::Patient { patient, encounter, merged, .. } => {
            [Some(patient), encounter.as_ref(), merged.as_ref()]
        }
        Notice::Order { order, patient, encounter, .. } => {
            [Some(order), Some(patient), encounter.as_ref()]
        }
        Notice::Dispense { dispense, patient } => [Some(dispense), Some(patient), None],
        Notice::Administration { administration, patient } => {
            [Some(administration), Some(patient), None]
        }
        Notice::Forwarded { .. } => [None; 3],
    }
}

/// The entry whose bytes the delivery forwards, where it forwards any.
pub fn forwarded(delivery: &Delivery) -> Option<u64> {
    match &delivery.notice {
        Notice::Forwarded { entry } => Some(*entry),
        _ => None,
    }
}

/// The message of a delivery in the peer's dialect, without MLLP framing.
pub fn render(
    delivery: &Delivery,
    versions: &Versions,
    voice: &Voice,
) -> Result<Vec<u8>, RenderError> {
    if voice.fhir {
        return bundle::write(delivery, versions);
    }
    let message = match &delivery.notice {
        Notice::Patient { event, patient, encounter, merged } => {
            let told = adt::Told {
                event: *event,
                patient: versions.read(patient)?,
                encounter: versions.read_some(encounter.as_ref())?,
                merged: versions.read_some(merged.as_ref())?,
            };
            adt::write(delivery, &told, voice)?
        }
        Notice::Order { control, order, patient, encounter } => {
            let told = rde_o11::Told {
                control: *control,
                order: versions.read(order)?,
                patient: versions.read(patient)?,
                encounter: versions.read_some(encounter.as_ref())?,
            };
            rde_o11::write(delivery, &told, voice)?
        }
        Notice::Dispense { dispense, patient } => {
            let (dispense, patient) = (versions.read(dispense)?, versions.read(patient)?);
            rds_o13::write(delivery, &dispense, &patient, voice)?
        }
        Notice::Administration { administration, patient } => {
            let (given, patient) = (versions.read(administration)?, versions.read(patient)?);
            ras_o17::write(delivery, &given, &patient, voice)?
        }
        Notice::Forwarded { entry } => {
            let bytes = versions.bytes.clone().ok_or(RenderError::Removed(*entry))?;
            return shaped(bytes, voice, voice.dialect.charset_choice());
        }
    };
    shaped(message.encode()?, voice, CharsetChoice::Always(voice.dialect.charset))
}

/// The message as the rules and the script of its channel have it; without any, the bytes as they
/// are.
fn shaped(bytes: Vec<u8>, voice: &Voice, charset: CharsetChoice) -> Result<Vec<u8>, RenderError> {
    let (dialect, script) = (&voice.dialect, voice.script.as_ref());
    if !shapes(dialect, script, Way::Out) {
        return Ok(bytes);
    }
    let (message, _) = hl7v2::parse_as(&bytes, charset).map_err(|error| {
        RenderError::Shape(Problem::new(ProblemCode::Malformed, error.to_string()))
    })?;
    let shaping = shape(&message, dialect, script, Way::Out).map_err(RenderError::Shape)?;
    match shaping.shaped {
        Shaped::As(bytes) => Ok(bytes),
        Shaped::Dropped => Err(RenderError::Dropped),
    }
}
