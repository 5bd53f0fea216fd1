//! Published examples: every one of the types in use is read, and an edit keeps the rest of it.
//!
//! The folder is `$INTERLOCK_CORPUS`, else `../shared/data` beside the workspace; without it the
//! test says so and passes.
#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fhir::json::{self, Json, Limits, Raw};
use fhir::resources as r;
use fhir::search::index;
use fhir::{Id, ReadError, Resource, ResourceType, StoredResource};

/// Bundles of the corpus go deeper and are longer than what an endpoint takes.
const LIMITS: Limits = Limits { depth: 100, bytes: 64 << 20 };

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("INTERLOCK_CORPUS").map_or(beside, PathBuf::from);
    let folder = folder.join("fhir");
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

/// Reads as the type and writes what was read; what is written must be read to the same.
fn round<R: Resource + PartialEq>(json: &str) -> Result<(), ReadError> {
    let read = R::from_slice(json.as_bytes())?;
    let again = R::from_slice(read.to_json().as_bytes())?;
    assert!(read == again, "a {} changes when it is written: {json}", R::TYPE);
    Ok(())
}

fn read(kind: ResourceType, json: &str) -> Result<(), ReadError> {
    match kind {
        ResourceType::Patient => round::<r::Patient>(json),
        ResourceType::Encounter => round::<r::Encounter>(json),
        ResourceType::AllergyIntolerance => round::<r::AllergyIntolerance>(json),
        ResourceType::Medication => round::<r::Medication>(json),
        ResourceType::MedicationRequest => round::<r::MedicationRequest>(json),
        ResourceType::MedicationDispense => round::<r::MedicationDispense>(json),
        ResourceType::MedicationAdministration => round::<r::MedicationAdministration>(json),
        ResourceType::Provenance => round::<r::Provenance>(json),
        ResourceType::Location => round::<r::Location>(json),
        ResourceType::Practitioner => round::<r::Practitioner>(json),
        ResourceType::PractitionerRole => round::<r::PractitionerRole>(json),
        ResourceType::Observation => round::<r::Observation>(json),
        ResourceType::DiagnosticReport => round::<r::DiagnosticReport>(json),
        ResourceType::ServiceRequest => round::<r::ServiceRequest>(json),
        ResourceType::DocumentReference => round::<r::DocumentReference>(json),
        ResourceType::Binary => round::<r::Binary>(json),
        ResourceType::Appointment => round::<r::Appointment>(json),
        ResourceType::Bundle => round::<r::Bundle>(json),
        ResourceType::OperationOutcome => round::<r::OperationOutcome>(json),
        ResourceType::CapabilityStatement => round::<r::CapabilityStatement>(json),
        // Other types have no struct: they are kept as they are.
        _ => Ok(()),
    }
}

/// Edits the resource, undoes the edit, stores it: nothing else may change, to the last digit.
fn edit(json: &str) {
    let before = json::canonical(json).unwrap();
    let mut raw = Raw::parse(json).unwrap();
    assert_eq!(json::canonical(&raw.write()).unwrap(), before);
    let id: Id = "interlock-1".parse().unwrap();
    raw.set_str("interlockTest", "0.40");
    raw.remove("interlockTest");
    assert_eq!(json::canonical(&raw.write()).unwrap(), before);

    let at = "2026-11-21T00:00:00Z".parse().unwrap();
    let stored = StoredResource::new(json, id.clone(), 7, at).unwrap();
    raw.set_id(&id);
    raw.set_version(7, &"2026-11-21T00:00:00.000Z".parse().unwrap()).unwrap();
    let expected = json::canonical(&raw.write()).unwrap();
    assert_eq!(json::canonical(stored.json()).unwrap(), expected);
    json::check(stored.json().as_bytes(), LIMITS).unwrap();
}

#[derive(Default)]
struct Walk {
    counts: BTreeMap<&'static str, usize>,
    misses: Vec<String>,
}

impl Walk {
    /// Looks at a resource and at all resources inside it.
    fn visit(&mut self, name: &str, text: &str) {
        let Ok(raw) = Raw::parse(text) else { return };
        // An ExampleScenario lists resources by type and `resourceId`; those are not resources.
        let listed = raw.get("resourceId").is_some();
        let named = raw.get_str("resourceType").filter(|_| !listed);
        let kind = named.and_then(|kind| kind.parse::<ResourceType>().ok());
        // Its numbers are made to be beyond what any exact decimal type here holds.
        let beyond = name.ends_with("Observation-decimal.json");
        if let Some(kind) = kind.filter(|_| !beyond) {
            *self.counts.entry(kind.as_str()).or_default() += 1;
            if let Err(error) = read(kind, text) {
                self.misses.push(format!("{name}: {error}: {}", error.detail()));
            } else {
                edit(text);
                let at = "2026-11-21T00:00:00Z".parse().unwrap();
                let stored = StoredResource::new(text, "x".parse().unwrap(), 1, at).unwrap();
                index(&stored).unwrap();
            }
        }
        for (_, value) in raw.members() {
            self.inside(name, value);
        }
    }

    fn inside(&mut self, name: &str, value: &Json) {
        match value.get().as_bytes().first() {
            Some(b'{') => self.visit(name, value.get()),
            Some(b'[') => {
                let items: Vec<Json> = serde_json::from_str(value.get()).unwrap();
                for item in &items {
                    self.inside(name, item);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn published_examples_are_read_and_kept() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let mut walk = Walk::default();
    let mut checked = 0;
    for folder in ["r4-official", "nhs-medicines", "uk-core", "uk-core-access"] {
        let mut found = Vec::new();
        if corpus.join(folder).is_dir() {
            files(&corpus.join(folder), &mut found);
        }
        for path in found {
            let bytes = std::fs::read(&path).unwrap();
            let name = path.strip_prefix(&corpus).unwrap().display().to_string();
            match json::check(&bytes, LIMITS) {
                Ok(text) => walk.visit(&name, text),
                Err(error) => walk.misses.push(format!("{name}: {error}")),
            }
            checked += 1;
        }
    }
    println!("{checked} files, resources read: {:?}", walk.counts);
    assert!(walk.misses.is_empty(), "{} misses:\n{}", walk.misses.len(), walk.misses.join("\n"));
    assert!(checked > 500, "the corpus is smaller than it was: {checked} files");
}
