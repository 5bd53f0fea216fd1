//! The unit that the store keeps: one version of one resource.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Json, compact, write_name};
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
const HEAD_BYTES: usize = 192;

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
}

impl StoredResource {
    /// Takes a resource as it came. Whatever it says of its id, version and time of change is
    /// replaced; everything else is kept as it was written, less the space between its parts.
    /// Call [`crate::json::check`] first on anything from outside. The time is cut to the
    /// millisecond.
    pub fn new(json: &str, id: Id, version: u64, updated: Timestamp) -> Result<Self, StoreError> {
        let members = Members::parse(json).map_err(StoreError::NotAnObject)?;
        let resource_type = members
            .get("resourceType")
            .and_then(|name| serde_json::from_str(name).ok())
            .ok_or(StoreError::ResourceType)?;
        let meta = match members.get("meta") {
            Some(meta) => Members::parse(meta).map_err(|_| StoreError::Meta)?,
            None => Members::default(),
        };
        let last_updated = to_milliseconds(updated);
        let mut out = String::with_capacity(json.len() + HEAD_BYTES);
        write_head(resource_type, &id, version, last_updated, &mut out);
        meta.append(&["versionId", "lastUpdated"], &mut out);
        out.push('}');
        members.append(&["resourceType", "id", "meta"], &mut out);
        out.push('}');
        let raw = RawValue::from_string(out).map_err(StoreError::NotAnObject)?;
        Ok(Self { resource_type, id, version, last_updated, raw: Arc::from(raw) })
    }

    /// Takes a resource that the platform made.
    pub fn of<R: Resource>(resource: &R, id: Id, version: u64, updated: Timestamp) -> Self {
        Self::new(&resource.to_json(), id, version, updated)
            .expect("what a struct writes is an object of its type")
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

/// FHIR instants are written to the millisecond, so that is what is kept.
fn to_milliseconds(time: Timestamp) -> Timestamp {
    let cut = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Floor);
    time.round(cut).unwrap_or(time)
}

fn write_head(kind: ResourceType, id: &Id, version: u64, updated: Timestamp, out: &mut String) {
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

/// The members of an object, in the text that they were read from.
#[derive(Default)]
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.get())
    }

    fn append(&self, without: &[&str], out: &mut String) {
        for (name, value) in &self.0 {
            if !without.contains(&name.as_ref()) {
                out.push(',');
                write_name(name, out);
                compact(value.get(), out);
            }
        }
    }
}

/// A name that borrows from the text unless it has escapes in it.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(Each)
    }
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
}
