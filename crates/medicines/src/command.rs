//! What the outside asks, and what it is answered.

use std::sync::Arc;

use fhir::Id;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bedside::{Administration, Checked, Scan};
use crate::cabinet::{Asked, Completion, CriticalSwitch, Permit, Refusal, Transaction};
use crate::cases::{Resolution, Unmapped};
use crate::configuration::Application;
use crate::controlled::ControlledAct;
use crate::deliveries::{Forward, Outcome, Resend, Stray};
use crate::dictionary::Dictionary;
use crate::fact::{Access, Fact};
use crate::filing::{Filing, Keep};
use crate::orders::{OrderMessage, Verification};
use crate::package::Package;
use crate::patients::{AllergyMessage, MergeMessage, PatientMessage, RenumberMessage};
use crate::site::Site;
use crate::stock::StockAct;
use crate::store::{Done, Fault, Write};
use crate::subscriptions;

/// What a request brings along that is not the domain's to make: time and a number.
#[derive(Debug, Clone)]
pub struct Context {
    /// The number that the journal entry will have.
    pub seq: u64,
    /// The recording time.
    pub now: Timestamp,
    /// The channel or client from which the request came.
    pub source: String,
    /// The release of dm+d that is in use by the journal; none before the first one, or where its
    /// file is lost.
    pub dictionary: Option<Arc<terminology::Index>>,
}

impl Context {
    /// The release of dm+d in use.
    pub(crate) fn dictionary(&self) -> Option<&terminology::Index> {
        self.dictionary.as_deref()
    }

    /// The `n`th id of this entry, for instance `rxx.1042.1`: the site, the entry, the count.
    ///
    /// It is unique by construction and leads an engineer to the entry that made it.
    pub fn id(&self, site: &str, n: usize) -> Id {
        self.id_of(site, &n.to_string())
    }

    /// The `n`th id of a second series, for instance `rxx.1042.b1`: for what is found beside what
    /// the entry asks.
    pub(crate) fn id_beside(&self, site: &str, n: usize) -> Id {
        self.id_of(site, &format!("b{n}"))
    }

    /// The `n`th id of the series of patterns, for instance `rxx.1042.p1`: what follows from an
    /// entry together with earlier ones.
    pub(crate) fn id_of_pattern(&self, site: &str, n: usize) -> Id {
        self.id_of(site, &format!("p{n}"))
    }

    /// The `n`th id of the series of what clients write, for instance `rxx.1042.f1`: what has one
    /// was not made by the loop.
    pub(crate) fn id_written(&self, site: &str, n: usize) -> Id {
        self.id_of(site, &format!("f{n}"))
    }

    /// The `n`th id of the series of messages that go on as they came, for instance `rxx.1042.r1`.
    pub(crate) fn id_forwarded(&self, site: &str, n: usize) -> Id {
        self.id_of(site, &format!("r{n}"))
    }

    /// The `n`th id of the series of what is found after a decision, for instance `rxx.1042.w1`.
    pub(crate) fn id_watched(&self, site: &str, n: usize) -> Id {
        self.id_of(site, &format!("w{n}"))
    }

    fn id_of(&self, site: &str, last: &str) -> Id {
        let site: String = site.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        Id::new(&format!("{}.{}.{last}", site.to_ascii_lowercase(), self.seq))
            .expect("letters, digits and dots below 64 characters are an id")
    }
}

/// What a system or a person asks.
#[derive(Debug, Clone)]
pub enum Request {
    /// Put this configuration in force.
    Configure(Box<Site>),
    /// Put the configuration in force that somebody wrote.
    Apply(Box<Application>),
    /// Take a release of dm+d over.
    TakeOver(Box<Dictionary>),
    /// Take a package of FHIR definitions over.
    TakePackage(Box<Package>),
    /// The PAS tells of a patient (ADT).
    Patient(Box<PatientMessage>),
    /// The PAS joins two patients (ADT^A40).
    Merge(Box<MergeMessage>),
    /// The PAS tells that two patients changed places (ADT^A17).
    Swap(Box<[PatientMessage; 2]>),
    /// The PAS gives a patient another number (ADT^A47).
    Renumber(RenumberMessage),
    /// Allergies are added, changed and taken back (ADT^A60).
    Allergies(Box<AllergyMessage>),
    /// A department tells of results, requests, documents, appointments, staff or stock.
    File(Box<Filing>),
    /// A message that nothing here acts on: keep it whole.
    Keep(Keep),
    /// The ePMA tells of orders; all of one message take effect or none does.
    Orders(Vec<OrderMessage>),
    /// A pharmacist verifies an order, asks about it, or holds it back.
    Verify(Box<Verification>),
    /// A cabinet tells of an action at a pocket (ZPM).
    Transaction(Box<Transaction>),
    /// Somebody moved, sent, received, counted or recalled stock outside a cabinet's own acts.
    Stock(Box<StockAct>),
    /// Something is done with controlled drugs outside a cabinet's own acts.
    Controlled(Box<ControlledAct>),
    /// The critical override is switched on or off.
    CriticalOverride(CriticalSwitch),
    /// A cabinet asks whether somebody may take something.
    Remove(Box<Asked>),
    /// A cabinet that asked tells what was really taken.
    Complete(Box<Completion>),
    /// Medicines were given or not given; all of one message take effect or none does.
    Administer(Vec<Administration>),
    /// Somebody scans at the bedside, and gives where the checks let it.
    Bedside(Vec<Scan>),
    /// What became of a message that was sent.
    Delivered(Outcome),
    /// An acknowledgement that nobody waits for: keep it, and give it to no message.
    Stray(Stray),
    /// An outbound channel has its peer back: it needs the whole profile again.
    LinkUp {
        /// The outbound channel.
        channel: String,
    },
    /// Settle a case.
    Resolve(Resolution),
    /// A parked message again, read anew now that the cause is mended.
    Replay {
        /// The case that keeps it.
        case: Id,
        /// The entry that holds it as it came.
        entry: u64,
        /// Who asked for it.
        by: String,
        /// What the message asks.
        request: Box<Request>,
    },
    /// A request whose message has codes that no table of its channel knows: each of them opens a
    /// case of its own, once for a channel.
    Unmapped {
        /// The codes.
        codes: Vec<Unmapped>,
        /// What the message asks all the same.
        request: Box<Request>,
    },
    /// A message that goes on to other systems untouched, beside what it asks.
    Forward(Box<Forward>),
    /// Messages that were queued before, once more.
    Resend(Box<Resend>),
    /// A message that no mapper could turn into a request: keep it and open a case.
    Park(Problem),
    /// A message that a channel's script lets drop: it asks nothing, and its bytes are kept.
    Dropped,
    /// A client writes FHIR resources; all of it takes effect or none does.
    Write(Box<Write>),
    /// What was found of a subscription by the edge that tells its subscriber.
    Subscription(subscriptions::Act),
    /// Somebody looks at data of these patients, or of nobody; at least one look.
    See(Vec<Access>),
    /// Somebody was refused at the door.
    TurnAway(Access),
    /// Time has passed: close what has lapsed, open what is overdue.
    Tick,
}

impl Request {
    /// What kind of request it is, for the index, where it came as no typed message.
    pub fn kind(&self) -> &'static str {
        match self {
            Request::Configure(_) => "configure",
            Request::Apply(_) => "apply",
            Request::TakeOver(_) => "take-over",
            Request::TakePackage(_) => "take-package",
            Request::Patient(_) => "patient",
            Request::Merge(_) => "merge",
            Request::Swap(_) => "swap",
            Request::Renumber(_) => "renumber",
            Request::Allergies(_) => "allergies",
            Request::File(_) => "file",
            Request::Keep(_) => "keep",
            Request::Orders(_) => "orders",
            Request::Verify(_) => "verify",
            Request::Transaction(_) => "transaction",
            Request::Stock(_) => "stock",
            Request::Controlled(_) => "controlled",
            Request::CriticalOverride(_) => "critical-override",
            Request::Remove(_) => "remove",
            Request::Complete(_) => "complete",
            Request::Administer(_) => "administer",
            Request::Bedside(_) => "bedside",
            Request::Delivered(_) => "delivered",
            Request::Stray(_) => "stray-acknowledgement",
            Request::LinkUp { .. } => "link-up",
            Request::Resolve(_) => "resolve",
            Request::Replay { .. } => "replay",
            Request::Unmapped { request, .. } => request.kind(),
            Request::Forward(message) => message.request.kind(),
            Request::Resend(_) => "resend",
            Request::Park(_) => "park",
            Request::Dropped => "dropped",
            Request::Write(_) => "write",
            Request::Subscription(_) => "subscription",
            Request::See(_) => "see",
            Request::TurnAway(_) => "turn-away",
            Request::Tick => "tick",
        }
    }

    /// Whether it leaves nothing in the journal when it makes nothing true.
    pub fn is_silent(&self) -> bool {
        matches!(
            self,
            Request::Tick
                | Request::LinkUp { .. }
                | Request::Configure(_)
                | Request::Subscription(_)
        )
    }

    /// Whether deciding it reads a patient's history, so that the record has to hold all that
    /// was folded.
    pub fn reads_history(&self) -> bool {
        match self {
            Request::Merge(_) => true,
            Request::Write(write) => write.reads_history(),
            Request::Controlled(act) => act.reads_history(),
            Request::Replay { request, .. } | Request::Unmapped { request, .. } => {
                request.reads_history()
            }
            Request::Forward(message) => message.request.reads_history(),
            _ => false,
        }
    }
}

/// What the domain decided.
#[derive(Debug)]
pub struct Decision {
    /// What is now true.
    pub facts: Vec<Fact>,
    /// What to tell the one who asked.
    pub answer: Answer,
}

/// What the one who asked is told. It is kept in the journal, for the next time it asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is done.
    Done,
    /// It is done, and these resources keep it.
    Created(Vec<Id>),
    /// It could not be acted on; a case keeps it.
    Parked(Problem),
    /// The medicine may be taken.
    Permitted(Box<Permit>),
    /// The medicine may not be taken.
    Refused(Refusal),
    /// What the bedside's checks found, for each act in the order in which it was told.
    Checked(Vec<Checked>),
    /// What became of each step of a write, in the order of the steps.
    Written(Vec<Done>),
    /// Nothing was written.
    Unwritten(Fault),
}

impl Answer {
    /// The answer as a code, for the message index.
    pub fn code(&self) -> &'static str {
        match self {
            Answer::Done | Answer::Created(_) | Answer::Written(_) => "done",
            Answer::Parked(_) => "parked",
            Answer::Permitted(_) => "permitted",
            Answer::Checked(_) => "checked",
            Answer::Refused(_) | Answer::Unwritten(_) => "refused",
        }
    }
}

/// Why a message could not be acted on. The text holds no patient data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The coded reason.
    pub code: ProblemCode,
    /// Where in the message, as `PID-3` or `ORC[2]-2`, where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What is wrong and what to do, in words.
    pub text: String,
}

impl Problem {
    /// A problem without a location.
    pub fn new(code: ProblemCode, text: impl Into<String>) -> Self {
        Problem { code, location: None, text: text.into() }
    }

    /// The same problem at a place in the message.
    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }
}

/// The coded reasons for parking, with their HL7 table 0357 codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// The bytes are not a readable message.
    Malformed,
    /// A segment that the message needs is missing or out of place.
    SegmentMissing,
    /// A field that the message needs is empty.
    FieldMissing,
    /// A field does not have the form of its type.
    BadValue,
    /// A code is not in its table.
    UnknownCode,
    /// The message type is not handled.
    UnsupportedType,
    /// The trigger event is not handled.
    UnsupportedEvent,
    /// The processing id is not the one in force (a training message on a live node).
    WrongProcessingId,
    /// The HL7 version is not handled.
    UnsupportedVersion,
    /// No patient has any of the identifiers.
    UnknownPatient,
    /// The identifiers belong to different patients.
    AmbiguousPatient,
    /// No order has the number.
    UnknownOrder,
    /// The order exists already.
    DuplicateOrder,
    /// The order's state does not allow it.
    OrderState,
    /// A newer message about the same thing was acted on before.
    Superseded,
    /// The formulary has no such item.
    UnknownItem,
    /// The configuration has no such cabinet.
    UnknownCabinet,
    /// No open case has the id.
    UnknownCase,
    /// The control id was used before for another message.
    ControlIdReused,
    /// A protocol of HL7 that is not spoken here (sequence numbers, continuation).
    UnsupportedProtocol,
    /// What the message leads to cannot be queued, because the queue is full.
    QueueFull,
    /// The channel's script refuses the message.
    RefusedByScript,
    /// The channel's script, or a rule of its dialect, failed on the message.
    ScriptFailed,
    /// Something that the server does not understand of itself.
    Internal,
}

impl ProblemCode {
    /// The code in HL7 table 0357 (message error condition).
    pub fn table_0357(self) -> &'static str {
        use ProblemCode as P;
        match self {
            P::SegmentMissing => "100",
            P::FieldMissing => "101",
            P::BadValue | P::Malformed => "102",
            P::UnknownCode => "103",
            P::UnsupportedType => "200",
            P::UnsupportedEvent => "201",
            P::WrongProcessingId => "202",
            P::UnsupportedVersion => "203",
            P::UnknownPatient
            | P::AmbiguousPatient
            | P::UnknownOrder
            | P::UnknownItem
            | P::UnknownCabinet
            | P::UnknownCase => "204",
            P::DuplicateOrder | P::ControlIdReused => "205",
            P::OrderState
            | P::Superseded
            | P::UnsupportedProtocol
            | P::QueueFull
            | P::RefusedByScript
            | P::ScriptFailed
            | P::Internal => "207",
        }
    }

    /// Whether the sender gets AR (not processed) rather than AE (content error).
    pub fn is_reject(self) -> bool {
        matches!(
            self,
            ProblemCode::UnsupportedType
                | ProblemCode::UnsupportedEvent
                | ProblemCode::WrongProcessingId
                | ProblemCode::UnsupportedVersion
                | ProblemCode::UnsupportedProtocol
                | ProblemCode::QueueFull
                | ProblemCode::ScriptFailed
                | ProblemCode::Internal
        )
    }

    /// The code as text, as cases and JSON write it.
    pub fn as_str(self) -> &'static str {
        use ProblemCode as P;
        match self {
            P::Malformed => "malformed",
            P::SegmentMissing => "segment-missing",
            P::FieldMissing => "field-missing",
            P::BadValue => "bad-value",
            P::UnknownCode => "unknown-code",
            P::UnsupportedType => "unsupported-type",
            P::UnsupportedEvent => "unsupported-event",
            P::WrongProcessingId => "wrong-processing-id",
            P::UnsupportedVersion => "unsupported-version",
            P::UnknownPatient => "unknown-patient",
            P::AmbiguousPatient => "ambiguous-patient",
            P::UnknownOrder => "unknown-order",
            P::DuplicateOrder => "duplicate-order",
            P::OrderState => "order-state",
            P::Superseded => "superseded",
            P::UnknownItem => "unknown-item",
            P::UnknownCabinet => "unknown-cabinet",
            P::UnknownCase => "unknown-case",
            P::ControlIdReused => "control-id-reused",
            P::UnsupportedProtocol => "unsupported-protocol",
            P::QueueFull => "queue-full",
            P::RefusedByScript => "refused-by-script",
            P::ScriptFailed => "script-failed",
            P::Internal => "internal",
        }
    }
}
