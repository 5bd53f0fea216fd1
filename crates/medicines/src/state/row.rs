//! The live state as rows, so that a restart loads them instead of the whole journal.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{OrderState, PatientState, Removal};

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// The site's configuration; its key is empty.
    Site,
    /// A patient, by id.
    Patient,
    /// An identifier, as `system|value`, leading to a patient's id.
    Identifier,
    /// An order, by id.
    Order,
    /// An order's number, as `system|value`, leading to its id.
    OrderNumber,
    /// A removal and where its units went, by id; also a permit that is not used yet.
    Removal,
    /// The balance of one account by batch, as `account|item`.
    Balance,
    /// A pocket's last activity, as `account|item`.
    Pocket,
    /// A case, by id.
    Case,
    /// The configurations that were put in force, the newest last; its key is empty.
    Configurations,
    /// The release of dm+d in use; its key is empty.
    Dictionary,
    /// When a prescribing system was last heard; its key is empty.
    Heard,
    /// The packages of FHIR definitions in use; its key is empty.
    Packages,
    /// What is known of a batch, as `item|batch`.
    Batch,
    /// A consignment on its way, by id.
    Consignment,
    /// The spans of the critical override, the newest last; its key is empty.
    CriticalOverride,
    /// What a person did lately with medicines that need a second person, by staff number.
    Tally,
    /// A subscription, by the id of its resource.
    Subscription,
    /// Which items are controlled drugs; its key is empty.
    Classes,
    /// A page of a controlled-drug register, as `place|item`.
    Page,
    /// The witnesses' signatures that wait to be used; its key is empty.
    Signatures,
    /// A requisition, by id.
    Requisition,
    /// A discrepancy of a controlled drug, by id.
    Discrepancy,
}

impl RowKind {
    /// All kinds, in the order in which a restart loads them.
    pub const ALL: [RowKind; 23] = [
        RowKind::Site,
        RowKind::Patient,
        RowKind::Identifier,
        RowKind::Order,
        RowKind::OrderNumber,
        RowKind::Removal,
        RowKind::Balance,
        RowKind::Pocket,
        RowKind::Case,
        RowKind::Configurations,
        RowKind::Dictionary,
        RowKind::Heard,
        RowKind::Packages,
        RowKind::Batch,
        RowKind::Consignment,
        RowKind::CriticalOverride,
        RowKind::Tally,
        RowKind::Subscription,
        RowKind::Classes,
        RowKind::Page,
        RowKind::Signatures,
        RowKind::Requisition,
        RowKind::Discrepancy,
    ];

    /// The number under which the record keeps the kind. Never reused for another kind.
    pub fn number(self) -> u8 {
        match self {
            RowKind::Site => 1,
            RowKind::Patient => 2,
            RowKind::Identifier => 3,
            RowKind::Order => 4,
            RowKind::OrderNumber => 5,
            RowKind::Removal => 6,
            RowKind::Balance => 7,
            RowKind::Pocket => 8,
            RowKind::Case => 9,
            RowKind::Configurations => 10,
            RowKind::Dictionary => 11,
            RowKind::Heard => 20,
            RowKind::Packages => 12,
            RowKind::Batch => 15,
            RowKind::Consignment => 13,
            RowKind::CriticalOverride => 14,
            RowKind::Tally => 40,
            RowKind::Subscription => 30,
            RowKind::Classes => 50,
            RowKind::Page => 51,
            RowKind::Signatures => 52,
            RowKind::Requisition => 53,
            RowKind::Discrepancy => 54,
        }
    }
}

/// One thing of the state as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is of.
    pub kind: RowKind,
    /// Which one.
    pub key: String,
    /// Whether a restart has to load it; the others are read when they are asked for.
    pub live: bool,
    /// The thing.
    pub body: Body,
}

/// What a row is of. It becomes JSON when somebody needs it so: of a thing that changes several
/// times before its row is written, only the last state is.
#[derive(Debug, Clone)]
pub struct Body(Content);

#[derive(Debug, Clone)]
pub(super) enum Content {
    Json(Vec<u8>),
    Patient(Arc<PatientState>),
    Order(Arc<OrderState>),
    Removal(Arc<Removal>),
}

impl Body {
    /// The thing as JSON.
    pub fn json(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Content::Json(json) => Cow::Borrowed(json),
            Content::Patient(patient) => Cow::Owned(to_json(patient)),
            Content::Order(order) => Cow::Owned(to_json(order)),
            Content::Removal(removal) => Cow::Owned(to_json(removal)),
        }
    }
}

impl From<Content> for Body {
    fn from(content: Content) -> Self {
        Self(content)
    }
}

impl From<Vec<u8>> for Body {
    fn from(json: Vec<u8>) -> Self {
        Self(Content::Json(json))
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl Eq for Body {}

pub(super) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("the state's types are always JSON")
}

/// Rows that are not in memory: what ended long ago, read when somebody asks for it again.
///
/// To the domain this is part of the state. An implementation answers from everything that was
/// folded up to now, or at least from everything about things that memory has let go.
pub trait Cold: Send {
    /// The row's body, where there is such a row.
    fn row(&self, kind: RowKind, key: &str) -> Option<Vec<u8>>;

    /// The newest version of a resource.
    fn resource(
        &self,
        resource_type: fhir::ResourceType,
        id: &fhir::Id,
    ) -> Option<fhir::StoredResource>;

    /// The version under which a resource was deleted, where it is not there. A store to which no
    /// client writes has none.
    fn deleted(&self, resource_type: fhir::ResourceType, id: &fhir::Id) -> Option<u64> {
        let _ = (resource_type, id);
        None
    }

    /// The ids of what a search finds that names ids, identifiers or patients; two at the most,
    /// and `None` where too much would have to be looked through. Asked only when the record
    /// holds all that was folded.
    fn matching(&self, search: &fhir_search::SearchRequest) -> Option<Vec<fhir::Id>> {
        let _ = search;
        Some(Vec::new())
    }

    /// A transfer that was posted, whenever that was. Asked only when the record holds all that
    /// was folded.
    fn transfer(&self, id: &fhir::Id) -> Option<crate::stock::Transfer> {
        let _ = id;
        None
    }

    /// The item of the register's entry of a source; none where no register has one. Asked only
    /// when the record holds all that was folded.
    fn entered(&self, source: &fhir::Id) -> Option<String> {
        let _ = source;
        None
    }

    /// The sources of the register's entries that correct the one of a source. Asked only when the
    /// record holds all that was folded.
    fn corrections(&self, of: &fhir::Id) -> Vec<fhir::Id> {
        let _ = of;
        Vec::new()
    }

    /// Nothing is asked for a while: an implementation that holds on to one state of its store
    /// for several answers lets go of it.
    fn rest(&self) {}

    /// Why a row could not be read, if that ever happened: what was decided since is not to be
    /// trusted, and the engine stops.
    fn failure(&self) -> Option<String> {
        None
    }

    /// The newest version of every resource whose subject is the patient, in the order in which
    /// they were first stored. Asked only when the record holds all that was folded.
    fn resources_of(&self, patient: &fhir::Id) -> Vec<fhir::StoredResource>;
}

/// A state without a past: for a new journal and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCold;

impl Cold for NoCold {
    fn row(&self, _: RowKind, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn resource(&self, _: fhir::ResourceType, _: &fhir::Id) -> Option<fhir::StoredResource> {
        None
    }

    fn resources_of(&self, _: &fhir::Id) -> Vec<fhir::StoredResource> {
        Vec::new()
    }
}
