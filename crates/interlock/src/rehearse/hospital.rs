//! A hospital in memory: the real rules over a state that nothing keeps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::{Cold, Context, Decision, Fact, Request, Row, RowKind, State, decide};
use terminology::Index;

use crate::dmd;

/// What a record would keep.
#[derive(Debug, Default)]
struct Kept {
    rows: BTreeMap<(RowKind, String), Vec<u8>>,
    /// The newest version of each resource.
    newest: BTreeMap<(ResourceType, Id), StoredResource>,
    /// The versions under which resources were deleted.
    deleted: BTreeMap<(ResourceType, Id), u64>,
    /// All versions, where they are wanted.
    versions: BTreeMap<(ResourceType, Id, u64), StoredResource>,
    /// The resources of each patient, in the order in which they came.
    of_patient: BTreeMap<Id, Vec<(ResourceType, Id)>>,
}

/// The shelf that state and hospital share.
#[derive(Debug, Clone, Default)]
struct Shelf(Arc<Mutex<Kept>>);

impl Shelf {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cold for Shelf {
    fn row(&self, kind: RowKind, key: &str) -> Option<Vec<u8>> {
        self.kept().rows.get(&(kind, key.to_owned())).cloned()
    }

    fn resource(&self, kind: ResourceType, id: &Id) -> Option<StoredResource> {
        self.kept().newest.get(&(kind, id.clone())).cloned()
    }

    fn deleted(&self, kind: ResourceType, id: &Id) -> Option<u64> {
        let (kept, key) = (self.kept(), (kind, id.clone()));
        if kept.newest.contains_key(&key) { None } else { kept.deleted.get(&key).copied() }
    }

    fn resources_of(&self, patient: &Id) -> Vec<StoredResource> {
        let kept = self.kept();
        let listed = kept.of_patient.get(patient).into_iter().flatten();
        listed.filter_map(|key| kept.newest.get(key).cloned()).collect()
    }
}

/// Which release of dm+d the decisions of a hospital read.
#[derive(Clone)]
pub(crate) enum Release {
    /// The one that the facts say is in use, from the index files of this data folder: what the
    /// node read at that time.
    Told(PathBuf),
    /// This one from the beginning: none where there is none.
    Given(Option<Arc<Index>>),
}

impl Release {
    /// The index in use in a state; none where there is none, or its file is gone.
    fn of(&self, state: &State) -> Option<Arc<Index>> {
        match self {
            Release::Given(index) => index.clone(),
            // The index that was read last is kept, so this reads a file once for each release.
            Release::Told(data) => {
                let digest = &state.dictionary()?.dictionary.digest;
                dmd::shared(data, digest).ok()
            }
        }
    }
}

/// A hospital that nothing keeps.
pub(super) struct Hospital {
    state: State,
    shelf: Shelf,
    release: Release,
    keeps_versions: bool,
}

impl Hospital {
    /// An empty one. `keeps_versions` says whether messages out are to be written from it.
    pub(super) fn new(keeps_versions: bool, release: Release) -> Self {
        let shelf = Shelf::default();
        Hospital { state: State::new(Box::new(shelf.clone())), shelf, release, keeps_versions }
    }

    /// Whether a release is in use whose file is gone, so that decisions go without it.
    pub(super) fn lacks_release(&self) -> bool {
        matches!(self.release, Release::Told(_))
            && self.state.dictionary().is_some()
            && self.release.of(&self.state).is_none()
    }

    /// The number of the last entry.
    pub(super) fn seq(&self) -> u64 {
        self.state.seq()
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.state.next_due()
    }

    /// What the rules make of a request; nothing is taken over.
    pub(super) fn decide(&mut self, source: &str, now: Timestamp, request: &Request) -> Decision {
        let dictionary = self.release.of(&self.state);
        let ctx = Context { seq: self.seq() + 1, now, source: source.to_owned(), dictionary };
        decide(&mut self.state, &ctx, request)
    }

    /// Takes over the facts of entry `seq`.
    pub(super) fn fold(&mut self, seq: u64, facts: &[Fact]) {
        self.state.fold(seq, facts);
        let mut kept = self.shelf.kept();
        for fact in facts {
            match fact {
                Fact::Stored(resource) | Fact::Recorded(resource) => {
                    keep(&mut kept, resource, self.keeps_versions);
                }
                Fact::Deleted(deleted) => {
                    let key = (deleted.resource_type, deleted.id.clone());
                    kept.newest.remove(&key);
                    kept.deleted.insert(key, deleted.version);
                }
                _ => {}
            }
        }
        for Row { kind, key, body, .. } in self.state.take_changed() {
            kept.rows.insert((kind, key), body.json().into_owned());
        }
        drop(kept);
        self.state.settled(seq);
    }

    /// A version of a resource.
    pub(super) fn version(
        &self,
        kind: ResourceType,
        id: &Id,
        version: u64,
    ) -> Option<StoredResource> {
        self.shelf.kept().versions.get(&(kind, id.clone(), version)).cloned()
    }
}

fn keep(kept: &mut Kept, resource: &StoredResource, versions: bool) {
    let key = (resource.resource_type, resource.id.clone());
    if let Some(patient) = patient_of(resource) {
        let listed = kept.of_patient.entry(patient).or_default();
        if !listed.contains(&key) {
            listed.push(key.clone());
        }
    }
    if versions {
        let (kind, id) = key.clone();
        kept.versions.insert((kind, id, resource.version), resource.clone());
    }
    kept.newest.insert(key, resource.clone());
}

/// The patient whom a resource is about, by its `subject` or `patient`.
fn patient_of(resource: &StoredResource) -> Option<Id> {
    let json: serde_json::Value = serde_json::from_str(resource.json()).ok()?;
    let about = json.get("subject").or_else(|| json.get("patient"))?;
    Id::new(about.get("reference")?.as_str()?.strip_prefix("Patient/")?).ok()
}
