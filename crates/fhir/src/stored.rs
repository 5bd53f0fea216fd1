//! The unit that the store keeps: one version of one resource.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde_json::value::RawValue;

use crate::json::{Json, Members, compact, members, write_name};
use crate::primitives::{Id, Instant, ResourceType};
use crate::resources::{ReadError, Resource};

/// Why a resource cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is not a JSON object.
    #[error("not a JSON object, at line {} column {}", .0.line(), .0.column())]
    NotAnObject(serde_json::Error),
    /// `meta` is there but is not an object.
    #[error("meta is not an object")]
    Meta,
    /// `resourceType` is missing or is not one that is in use.
    #[error("resourceType is missing or is not one that is in use")]
    ResourceType,
}

/// Bytes that the head adds at most: type, id, version and time.
pub(crate) const HEAD_BYTES: usize = 192;

/// The members of `meta` that the store writes itself.
pub(crate) const META_HEAD: [&str; 2] = ["versionId", "lastUpdated"];
/// The members that the store writes itself.
pub(crate) const HEAD: [&str; 3] = ["resourceType", "id", "meta"];

/// The members of a resource as it came, its type, and the members of its `meta`.
pub(crate) fn read_head(
    json: &str,
) -> Result<(Members<'_>, ResourceType, Members<'_>), StoreError> {
    let all = members(json).map_err(StoreError::NotAnObject)?;
    let resource_type = all
        .get("resourceType")
        .and_then(|name| serde_json::from_str(name).ok())
        .ok_or(StoreError::ResourceType)?;
    let meta = match all.get("meta") {
        Some(meta) => members(meta).map_err(|_| StoreError::Meta)?,
        None => Members::default(),
    };
    Ok((all, resource_type, meta))
}

/// One version of one resource: what the store keeps and what every answer is made of. A clone
/// shares the text.
///
/// Embed it only in externally tagged enums: the raw JSON does not pass through others.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct StoredResource {
    /// Its `resourceType`.
    pub resource_type: ResourceType,
    /// Its logical id.
    pub id: Id,
    /// Its version, counted from 1.
    pub version: u64,
    /// When this version was stored, to the millisecond.
    pub last_updated: Timestamp,
    /// The JSON: `resourceType`, `id` and `meta` first, then the rest as it was written.
    pub raw: Arc<RawValue>,
    #[serde(skip)]
    reading: Reading,
}

/// A typed reading on its way from the one who made it to the one who needs it next.
#[derive(Clone, Default)]
struct Reading(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl Reading {
    fn put<R: Resource + Send + 'static>(&self, reading: R) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(reading));
    }

    fn take<R: 'static>(&self) -> Option<Box<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?.downcast().ok()
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

impl StoredResource {
    /// Takes a resource as it came. Whatever it says of its id, version and time of change is
    /// replaced; everything else is kept as it was written, less the space between its parts.
    /// Call [`crate::json::check`] first on anything from outside. The time is cut to the
    /// millisecond.
    pub fn new(json: &str, id: Id, version: u64, updated: Timestamp) -> Result<Self, StoreError> {
        let (all, resource_type, meta) = read_head(json)?;
        let last_updated = to_milliseconds(updated);
        let mut out = String::with_capacity(json.len() + HEAD_BYTES);
        write_head(resource_type, &id, version, last_updated, &mut out);
        append(&meta, &META_HEAD, &mut out);
        out.push('}');
        append(&all, &HEAD, &mut out);
        out.push('}');
        let raw = RawValue::from_string(out).map_err(StoreError::NotAnObject)?;
        Ok(Self::kept(resource_type, id, version, last_updated, Arc::from(raw)))
    }

    /// Takes back what the store kept; `raw` is the JSON of exactly this version.
    pub fn kept(
        resource_type: ResourceType,
        id: Id,
        version: u64,
        last_updated: Timestamp,
        raw: Arc<RawValue>,
    ) -> Self {
        Self { resource_type, id, version, last_updated, raw, reading: Reading::default() }
    }

    /// Takes a resource that the platform made.
    pub fn of<R: Resource>(resource: &R, id: Id, version: u64, updated: Timestamp) -> Self {
        Self::new(&resource.to_json(), id, version, updated)
            .expect("what a struct writes is an object of its type")
    }

    /// The next version: each named member becomes the JSON given, or goes where none is given.
    /// `resourceType`, `id` and `meta` are left alone. All else stays to the byte, known to this
    /// program or not. `None` where nothing would change, whatever the writing: `1.0` and `1.00`
    /// differ, spaces and the order of members do not.
    ///
    /// # Panics
    /// Where what is given is not JSON; it comes from this program.
    pub fn revised(&self, changes: &[(&str, Option<&str>)], updated: Timestamp) -> Option<Self> {
        let before = members(self.json()).expect("a stored resource is an object");
        let changes = || changes.iter().filter(|(name, _)| !HEAD.contains(name));
        let unchanged = |(name, new): &(&str, Option<&str>)| match (before.get(name), new) {
            (Some(old), Some(new)) => same_json(old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if changes().all(unchanged) {
            return None;
        }
        let (version, last_updated) = (self.version + 1, to_milliseconds(updated));
        let more: usize = changes().map(|(name, new)| name.len() + new.map_or(0, str::len)).sum();
        let mut out = String::with_capacity(self.json().len() + more + HEAD_BYTES);
        write_head(self.resource_type, &self.id, version, last_updated, &mut out);
        let meta = before.get("meta").and_then(|meta| members(meta).ok());
        append(&meta.unwrap_or_default(), &META_HEAD, &mut out);
        out.push('}');
        for (name, value) in before.iter().filter(|(name, _)| !HEAD.contains(&name.as_ref())) {
            match changes().find(|(changed, _)| changed == name) {
                None => write_member(name, value, &mut out),
                Some((_, Some(new))) => write_member(name, new, &mut out),
                Some((_, None)) => {}
            }
        }
        for (name, new) in changes().filter(|(name, _)| before.get(name).is_none()) {
            if let Some(new) = new {
                write_member(name, new, &mut out);
            }
        }
        out.push('}');
        let raw = Arc::from(RawValue::from_string(out).expect("members given are JSON"));
        let (resource_type, id) = (self.resource_type, self.id.clone());
        Some(Self::kept(resource_type, id, version, last_updated, raw))
    }

    /// The JSON of one member, as it is written.
    pub fn member(&self, name: &str) -> Option<&str> {
        members(self.json()).ok()?.get(name)
    }

    /// The JSON as text.
    pub fn json(&self) -> &str {
        self.raw.get()
    }

    /// The JSON as a value to put into a bundle; the text is shared.
    pub fn to_json(&self) -> Json {
        Json::from(Arc::clone(&self.raw))
    }

    /// A typed reading.
    pub fn read<R: Resource>(&self) -> Result<R, ReadError> {
        R::from_slice(self.json().as_bytes())
    }

    /// Says whether it can be read, and keeps the reading for [`StoredResource::take_reading`] of
    /// this or of a clone.
    pub fn keep_reading<R: Resource + Send + 'static>(&self) -> Result<(), ReadError> {
        self.reading.put(self.read::<R>()?);
        Ok(())
    }

    /// The reading that was kept, or else a new one. It is kept no longer: it takes several times
    /// the memory of the text.
    pub fn take_reading<R: Resource + 'static>(&self) -> Result<R, ReadError> {
        self.reading.take().map_or_else(|| self.read(), |kept| Ok(*kept))
    }

    /// `Type/id`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.resource_type, self.id)
    }
}

impl PartialEq for StoredResource {
    fn eq(&self, other: &Self) -> bool {
        self.resource_type == other.resource_type
            && self.id == other.id
            && self.version == other.version
            && self.last_updated == other.last_updated
            && self.json() == other.json()
    }
}

impl Eq for StoredResource {}

/// Whether two texts are the same value.
fn same_json(one: &str, other: &str) -> bool {
    let value = |json| serde_json::from_str::<serde_json::Value>(json).ok();
    one == other || value(one).is_some_and(|one| Some(one) == value(other))
}

/// FHIR instants are written to the millisecond, so that is what is kept.
pub(crate) fn to_milliseconds(time: Timestamp) -> Timestamp {
    let cut = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Floor);
    time.round(cut).unwrap_or(time)
}

pub(crate) fn write_head(
    kind: ResourceType,
    id: &Id,
    version: u64,
    updated: Timestamp,
    out: &mut String,
) {
    out.push_str("{\"resourceType\":\"");
    out.push_str(kind.as_str());
    out.push_str("\",\"id\":\"");
    out.push_str(id);
    out.push_str("\",\"meta\":{\"versionId\":\"");
    out.push_str(&version.to_string());
    out.push_str("\",\"lastUpdated\":\"");
    out.push_str(Instant::at(updated).as_str());
    out.push('"');
}

/// Writes all members but some.
pub(crate) fn append(members: &Members<'_>, without: &[&str], out: &mut String) {
    for (name, value) in members.iter().filter(|(name, _)| !without.contains(&name.as_ref())) {
        write_member(name, value, out);
    }
}

/// A comma, the name and the value without space between its parts.
fn write_member(name: &str, value: &str, out: &mut String) {
    out.push(',');
    write_name(name, out);
    compact(value, out);
}

#[cfg(test)]
mod tests {
    use crate::resources::{
        MedicationRequest, MedicationRequestIntent, MedicationRequestStatus, Patient,
    };
    use crate::types::{Meta, Reference};

    use super::*;

    fn at() -> Timestamp {
        "2026-11-21T01:02:03.456789Z".parse().unwrap()
    }

    #[test]
    fn the_head_is_replaced_and_the_rest_is_kept() {
        let json = r#"{"x":0.40, "meta":{"tag":[], "versionId":"9","lastUpdated":"x"},
            "resourceType":"Patient","id":"other","ext\n":[ 1E2 ]}"#;
        let stored = StoredResource::new(json, "p1".parse().unwrap(), 3, at()).unwrap();
        assert_eq!(
            stored.json(),
            concat!(
                r#"{"resourceType":"Patient","id":"p1","meta":{"versionId":"3","#,
                r#""lastUpdated":"2026-11-21T01:02:03.456Z","tag":[]},"x":0.40,"#,
                r#""ext\n":[1E2]}"#,
            )
        );
        assert_eq!(stored.last_updated.to_string(), "2026-11-21T01:02:03.456Z");
        assert_eq!(stored.reference(), "Patient/p1");
        assert_eq!(stored.read::<Patient>().unwrap().id.as_deref(), Some("p1"));
        assert!(stored.read::<MedicationRequest>().is_err());
    }

    #[test]
    fn a_revision_changes_what_it_names_and_keeps_the_rest() {
        let json = concat!(
            r#"{"resourceType":"Patient","meta":{"profile":["urn:p"]},"#,
            r#""x":0.40,"y":[1, 2],"z":{"a":"b"}}"#,
        );
        let stored = StoredResource::new(json, "p1".parse().unwrap(), 3, at()).unwrap();
        let check = |changes: &[(&str, Option<&str>)], expected: Option<&str>| {
            let head = concat!(
                r#"{"resourceType":"Patient","id":"p1","meta":{"versionId":"4","#,
                r#""lastUpdated":"2026-11-21T01:02:03.456Z","profile":["urn:p"]},"#,
            );
            let revised = stored.revised(changes, at());
            let found = revised.as_ref().map(|r| (r.version, r.json().to_owned()));
            assert_eq!(found, expected.map(|rest| (4, format!("{head}{rest}}}"))), "{changes:?}");
        };
        check(&[], None);
        check(&[("x", Some("0.40")), ("y", Some("[1,2]")), ("gone", None)], None);
        check(&[("z", Some(r#"{ "a": "b" }"#)), ("id", Some("\"p2\"")), ("meta", None)], None);
        check(&[("x", Some("0.4"))], Some(r#""x":0.4,"y":[1,2],"z":{"a":"b"}"#));
        check(&[("x", None), ("z", None)], Some(r#""y":[1,2]"#));
        check(
            &[("w", Some("[ true ]")), ("y", Some("null"))],
            Some(r#""x":0.40,"y":null,"z":{"a":"b"},"w":[true]"#),
        );
    }

    #[test]
    fn what_is_not_a_resource_in_use_is_refused() {
        for json in ["{}", r#"{"resourceType":"Goat"}"#, r#"{"resourceType":1}"#] {
            let refused = StoredResource::new(json, "a".parse().unwrap(), 1, at());
            assert!(matches!(refused, Err(StoreError::ResourceType)), "{json}");
        }
        assert!(StoredResource::new("[]", "a".parse().unwrap(), 1, at()).is_err());
    }

    #[test]
    fn it_travels_inside_an_enum() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        enum Fact {
            Stored(StoredResource),
            Many { all: Vec<StoredResource> },
        }
        let mut request = MedicationRequest::new(
            MedicationRequestStatus::Active,
            MedicationRequestIntent::Order,
            Reference::to(ResourceType::Patient, &"p1".parse().unwrap()),
        );
        request.meta = Some(Meta { source: Some("urn:x".to_owned()), ..Meta::default() });
        let stored = StoredResource::of(&request, "m1".parse().unwrap(), 1, at());
        for fact in [Fact::Stored(stored.clone()), Fact::Many { all: vec![stored.clone()] }] {
            let json = serde_json::to_string(&fact).unwrap();
            assert_eq!(serde_json::from_str::<Fact>(&json).unwrap(), fact);
            let bytes = serde_json::to_vec(&fact).unwrap();
            assert_eq!(serde_json::from_reader::<_, Fact>(&bytes[..]).unwrap(), fact);
        }
        let read: MedicationRequest = stored.read().unwrap();
        assert_eq!(read.meta.unwrap().source.as_deref(), Some("urn:x"));
    }

    #[test]
    fn a_reading_is_handed_on_and_is_of_the_type_that_was_asked_for() {
        let json = r#"{"resourceType":"Patient"}"#;
        let stored = StoredResource::new(json, "p1".parse().unwrap(), 1, at()).unwrap();
        assert!(stored.keep_reading::<MedicationRequest>().is_err());
        stored.clone().keep_reading::<Patient>().unwrap();
        assert!(stored.reading.0.lock().unwrap().is_some());
        let read: Patient = stored.read().unwrap();
        assert_eq!(stored.take_reading::<Patient>().unwrap(), read);
        assert!(stored.reading.0.lock().unwrap().is_none());
        assert_eq!(stored.take_reading::<Patient>().unwrap(), read);
        stored.keep_reading::<Patient>().unwrap();
        assert!(stored.take_reading::<MedicationRequest>().is_err());
    }
}
