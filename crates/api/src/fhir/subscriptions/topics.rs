//! The topics to which a client can subscribe: what makes an event, and by what events are chosen.
//!
//! R4 has no resource for a topic. As the Subscriptions R5 Backport (1.1.0) says, the
//! CapabilityStatement names them by their canonical addresses.

use fhir::ResourceType;
use fhir::resources::{Encounter, EncounterStatus};
use fhir::{Id, StoredResource};
use medicines::cases::Case;
use medicines::store::Deleted;

use crate::client::Role;

/// What the canonical address of every topic begins with.
pub(crate) const BASE: &str = "urn:interlock:topic:";
/// The filters that the topics of the loop take, beside `_id`; a type has those of them that are
/// search parameters of it.
const OF_THE_LOOP: [&str; 9] = [
    "patient",
    "status",
    "code",
    "identifier",
    "intent",
    "category",
    "class",
    "location",
    "encounter",
];

/// What happened to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interaction {
    Create,
    Update,
    Delete,
}

impl Interaction {
    pub(crate) fn read(code: &str) -> Option<Self> {
        match code {
            "create" => Some(Interaction::Create),
            "update" => Some(Interaction::Update),
            "delete" => Some(Interaction::Delete),
            _ => None,
        }
    }
}

/// What an event is about.
#[derive(Debug, Clone)]
pub(crate) enum Focus {
    /// A version of a resource.
    Stored(StoredResource),
    /// The end of a resource.
    Deleted(Deleted),
    /// A case that opened.
    Case(Box<Case>),
}

impl Focus {
    /// The type of the resource; none for a case.
    pub(crate) fn kind(&self) -> Option<ResourceType> {
        match self {
            Focus::Stored(stored) => Some(stored.resource_type),
            Focus::Deleted(deleted) => Some(deleted.resource_type),
            Focus::Case(_) => None,
        }
    }

    pub(crate) fn interaction(&self) -> Interaction {
        match self {
            Focus::Stored(stored) if stored.version > 1 => Interaction::Update,
            Focus::Stored(_) | Focus::Case(_) => Interaction::Create,
            Focus::Deleted(_) => Interaction::Delete,
        }
    }

    /// Whose data it is.
    pub(crate) fn patient(&self) -> Option<Id> {
        match self {
            Focus::Stored(stored) => fhir::search::index(stored).ok()?.patient,
            Focus::Deleted(deleted) => deleted.patient.clone(),
            Focus::Case(case) => case.patient.clone(),
        }
    }
}

/// A topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A resource of the type was created, changed or deleted.
    Resource(ResourceType),
    /// An order was placed or changed.
    OrderChanged,
    /// A medicine was taken from a cabinet.
    Removal,
    /// A dose was given or not given, or what was told of it changed.
    Administration,
    /// A case opened.
    CaseOpened,
    /// A stay began.
    Admitted,
    /// A stay went to another place.
    Transferred,
    /// A stay ended.
    Discharged,
}

/// The topics of the loop, by the last part of their addresses.
const NAMED: [(&str, Topic); 7] = [
    ("order-changed", Topic::OrderChanged),
    ("removal", Topic::Removal),
    ("administration", Topic::Administration),
    ("case-opened", Topic::CaseOpened),
    ("encounter-admitted", Topic::Admitted),
    ("encounter-transferred", Topic::Transferred),
    ("encounter-discharged", Topic::Discharged),
];

impl Topic {
    /// The topic of a canonical address.
    pub(crate) fn read(canonical: &str) -> Option<Self> {
        let name = canonical.strip_prefix(BASE)?;
        if let Some((_, topic)) = NAMED.iter().find(|(known, _)| *known == name) {
            return Some(*topic);
        }
        name.parse().ok().filter(|kind| is_told(*kind)).map(Topic::Resource)
    }

    /// The canonical addresses of all topics.
    pub(crate) fn all() -> impl Iterator<Item = String> {
        let named = NAMED.iter().map(|(name, _)| format!("{BASE}{name}"));
        let kinds = ResourceType::ALL.iter().filter(|kind| is_told(**kind));
        named.chain(kinds.map(|kind| format!("{BASE}{kind}")))
    }

    /// The type of the resources that it is about; none for cases.
    pub(crate) fn kind(self) -> Option<ResourceType> {
        Some(match self {
            Topic::Resource(kind) => kind,
            Topic::OrderChanged => ResourceType::MedicationRequest,
            Topic::Removal => ResourceType::MedicationDispense,
            Topic::Administration => ResourceType::MedicationAdministration,
            Topic::Admitted | Topic::Transferred | Topic::Discharged => ResourceType::Encounter,
            Topic::CaseOpened => return None,
        })
    }

    /// What a client has to have beside [`Role::FhirRead`].
    pub(crate) fn needs(self) -> Option<Role> {
        (self == Topic::CaseOpened).then_some(Role::Cases)
    }

    /// Whether events can be chosen by the search parameter.
    pub(crate) fn takes(self, param: &str) -> bool {
        match self {
            Topic::Resource(_) => true,
            Topic::CaseOpened => matches!(param, "patient" | "code"),
            _ => param == "_id" || OF_THE_LOOP.contains(&param),
        }
    }

    /// Whether it needs the version before to tell.
    pub(crate) fn compares(self) -> bool {
        matches!(self, Topic::Admitted | Topic::Transferred | Topic::Discharged)
    }

    /// Whether this is an event of the topic, with the version before where it
    /// [compares](Self::compares).
    pub(crate) fn tells(self, focus: &Focus, before: Option<&StoredResource>) -> bool {
        if self.kind() != focus.kind() {
            return false;
        }
        let Focus::Stored(stored) = focus else {
            return matches!(
                (self, focus),
                (Topic::Resource(_), Focus::Deleted(_)) | (Topic::CaseOpened, Focus::Case(_))
            );
        };
        match self {
            Topic::Resource(_) | Topic::OrderChanged | Topic::Administration => true,
            Topic::Removal => stored.version == 1,
            Topic::CaseOpened => false,
            Topic::Admitted | Topic::Transferred | Topic::Discharged => {
                self.turns(stored, before).unwrap_or(false)
            }
        }
    }

    /// Whether a stay turns as the topic says from one version to the next.
    fn turns(self, after: &StoredResource, before: Option<&StoredResource>) -> Option<bool> {
        let now: Encounter = after.read().ok()?;
        let then: Option<Encounter> = before.and_then(|before| before.read().ok());
        let is = |stay: &Encounter, status| stay.status == status;
        let was = |status| then.as_ref().is_some_and(|then| then.status == status);
        Some(match self {
            Topic::Admitted => {
                is(&now, EncounterStatus::InProgress) && !was(EncounterStatus::InProgress)
            }
            Topic::Transferred => {
                let place =
                    |version: &StoredResource| version.member("location").map(str::to_owned);
                is(&now, EncounterStatus::InProgress)
                    && was(EncounterStatus::InProgress)
                    && before.is_some_and(|before| place(before) != place(after))
            }
            _ => is(&now, EncounterStatus::Finished) && !was(EncounterStatus::Finished),
        })
    }
}

/// Whether there is a topic of the type: not of what is not kept, nor of subscriptions themselves.
pub(super) fn is_told(kind: ResourceType) -> bool {
    use ResourceType::{AuditEvent, Parameters, Subscription};
    !matches!(kind, Parameters | AuditEvent | Subscription)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(version: u64, status: &str, ward: &str) -> StoredResource {
        let json = format!(
            r#"{{"resourceType":"Encounter","status":"{status}","class":{{"code":"IMP"}},
            "location":[{{"location":{{"reference":"Location/{ward}"}}}}]}}"#
        );
        let at = jiff::Timestamp::UNIX_EPOCH;
        StoredResource::new(&json, Id::new("e").unwrap(), version, at).unwrap()
    }

    #[test]
    fn every_topic_is_found_by_its_address() {
        let all: Vec<String> = Topic::all().collect();
        assert_eq!(all.len(), NAMED.len() + ResourceType::ALL.len() - 3);
        for canonical in &all {
            assert!(Topic::read(canonical).is_some(), "{canonical}");
        }
        for wrong in ["", "removal", "urn:interlock:topic:", "urn:interlock:topic:AuditEvent"] {
            assert_eq!(Topic::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_stay_begins_moves_and_ends() {
        let check = |before: Option<(&str, &str)>, after: (&str, &str), expected: &[&str]| {
            let version = 1 + u64::from(before.is_some());
            let before = before.map(|(status, ward)| stay(1, status, ward));
            let focus = Focus::Stored(stay(version, after.0, after.1));
            let tells = |topic: &&(&str, Topic)| topic.1.tells(&focus, before.as_ref());
            let found: Vec<&str> = NAMED.iter().filter(tells).map(|(name, _)| *name).collect();
            assert_eq!(found, expected, "{before:?} {after:?}");
        };
        check(None, ("in-progress", "A"), &["encounter-admitted"]);
        check(None, ("planned", "A"), &[]);
        check(Some(("planned", "A")), ("in-progress", "A"), &["encounter-admitted"]);
        check(Some(("in-progress", "A")), ("in-progress", "A"), &[]);
        check(Some(("in-progress", "A")), ("in-progress", "B"), &["encounter-transferred"]);
        check(Some(("in-progress", "A")), ("finished", "B"), &["encounter-discharged"]);
        check(Some(("finished", "A")), ("in-progress", "A"), &["encounter-admitted"]);
        check(Some(("finished", "A")), ("finished", "B"), &[]);
    }
}
