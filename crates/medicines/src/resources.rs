//! Parts of FHIR resources that several verbs write.

use fhir::types::{CodeableConcept, Coding, Extension, Identifier, Meta, Reference};
use fhir::{DateTime, ResourceType, StoredResource};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::patients::TOLD_AT;
use crate::site::Site;
use crate::state::OrderState;

/// The code system of what people did in an act, beside doing it.
const FUNCTION: &str = "urn:interlock:performer-function";

/// `meta` with the profile that the resource claims.
pub(crate) fn profile(url: &str) -> Meta {
    Meta { profile: vec![url.to_owned()], ..Meta::default() }
}

/// The formulary item as a concept: its local code first, then its other codes.
pub(crate) fn item_concept(site: &Site, code: &str) -> CodeableConcept {
    let item = site.item(code);
    let name = item.map(|item| item.name.as_str());
    let mut coding = vec![Coding::of(&site.item_system(), code, name)];
    for (system, code) in item.iter().flat_map(|item| &item.codings) {
        coding.push(Coding::of(system, code, None));
    }
    CodeableConcept { coding, text: name.map(str::to_owned) }
}

/// A time as FHIR writes it, to the second, in UTC.
pub(crate) fn time(at: Timestamp) -> DateTime {
    DateTime::at(at, &TimeZone::UTC)
}

/// A member of staff by number.
pub(crate) fn staff(site: &Site, id: &str) -> Reference {
    let identifier = Identifier::of(&site.staff_system(), id);
    Reference::by_identifier(ResourceType::Practitioner, identifier)
}

/// A cabinet by name.
pub(crate) fn cabinet(site: &Site, id: &str) -> Reference {
    let system = format!("https://{}.nhs.uk/Id/cabinet", site.code.to_lowercase());
    Reference::by_identifier(ResourceType::Location, Identifier::of(&system, id))
}

/// The function of a second person.
pub(crate) fn witness_function() -> CodeableConcept {
    CodeableConcept::of(FUNCTION, "witness", Some("Witness"))
}

/// A batch number as an identifier of what was supplied.
pub(crate) fn batch_identifier(site: &Site, batch: &str) -> Identifier {
    Identifier::of(&format!("https://{}.nhs.uk/Id/batch", site.code.to_lowercase()), batch)
}

/// The placer's number of an order.
pub(crate) fn number(order: &OrderState) -> Option<Box<Identifier>> {
    let (system, value) = order.number.rsplit_once('|')?;
    Some(Box::new(Identifier::of(system, value)))
}

/// The extension that says when a message says that it happened.
pub(crate) fn told_at(at: Timestamp) -> Extension {
    let mut extension = Extension::new(TOLD_AT.to_owned());
    extension.value_date_time = Some(time(at));
    extension
}

/// What the next version of a resource changes.
#[derive(Debug, Default)]
pub(crate) struct Revision<'a> {
    /// Members as JSON: they take the place of those of the same name.
    pub(crate) changes: &'a str,
    /// Members that go.
    pub(crate) deleted: &'a [&'a str],
    /// Extensions that go, by their address.
    pub(crate) without: &'a [&'a str],
}

/// The next version of a resource. All that the revision does not name stays as it is, known to
/// this program or not. `None` where nothing would change.
pub(crate) fn revise(
    current: &StoredResource,
    revision: &Revision<'_>,
    now: Timestamp,
) -> Option<StoredResource> {
    let before = object(current.json());
    let mut members = before.clone();
    if let Some(Value::Array(extensions)) = members.get_mut("extension") {
        extensions.retain(|e| !revision.without.iter().any(|url| is_at(e, url)));
    }
    for (name, value) in object(revision.changes) {
        match (name.as_str(), members.get_mut(&name)) {
            ("resourceType" | "id" | "meta", _) => {}
            ("extension", Some(Value::Array(kept))) => add_extensions(kept, value),
            _ => {
                members.insert(name, value);
            }
        }
    }
    for name in revision.deleted {
        members.shift_remove(*name);
    }
    if members == before {
        return None;
    }
    let json = Value::Object(members).to_string();
    let id = current.id.clone();
    let revised = StoredResource::new(&json, id, current.version + 1, now);
    Some(revised.expect("a revision of a stored resource is a resource of the same type"))
}

fn object(json: &str) -> Map<String, Value> {
    match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(members)) => members,
        _ => unreachable!("a stored resource is a JSON object"),
    }
}

fn is_at(extension: &Value, url: &str) -> bool {
    extension.get("url").and_then(Value::as_str) == Some(url)
}

/// Extensions of the same address are replaced, others are kept.
fn add_extensions(kept: &mut Vec<Value>, new: Value) {
    let Value::Array(new) = new else { return };
    kept.retain(|old| !new.iter().any(|new| new.get("url") == old.get("url")));
    kept.extend(new);
}
