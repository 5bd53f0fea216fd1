//! Parts of FHIR resources that several verbs write.

use std::borrow::Cow;

use fhir::json::{Members, members};
use fhir::types::{CodeableConcept, Coding, Extension, Identifier, Meta, Reference};
use fhir::{DateTime, ResourceType, StoredResource};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

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

/// Whether a function is that of a second person.
pub(crate) fn is_witness(function: &CodeableConcept) -> bool {
    function.code_in(FUNCTION) == Some("witness")
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
    let told = members(revision.changes).expect("changes are an object");
    let extensions = extensions(current, &told, revision.without);
    let mut changes: Vec<(&str, Option<&str>)> =
        told.iter().map(|(name, value)| (&**name, Some(*value))).collect();
    changes.retain(|(name, _)| *name != EXTENSION && !revision.deleted.contains(name));
    match &extensions {
        Extensions::Same => {}
        Extensions::Gone => changes.push((EXTENSION, None)),
        Extensions::Are(array) => changes.push((EXTENSION, Some(array))),
    }
    changes.extend(revision.deleted.iter().map(|name| (*name, None)));
    current.revised(&changes, now)
}

/// What becomes of the extensions of a resource.
enum Extensions {
    Same,
    Gone,
    /// They are this array.
    Are(String),
}

/// What becomes of the extensions: those of the same address are replaced,
/// those that go are left out, others are kept.
fn extensions(current: &StoredResource, told: &Members<'_>, without: &[&str]) -> Extensions {
    let new = told.iter().find(|(name, _)| name == EXTENSION).map(|(_, value)| *value);
    if new.is_none() && without.is_empty() {
        return Extensions::Same;
    }
    let (old, new) = (each(current.member(EXTENSION)), each(new));
    let stays = |old: &&Each<'_>| {
        let same = |new: &Each<'_>| new.url == old.url;
        !without.iter().any(|gone| old.url == *gone) && !new.iter().any(same)
    };
    let all: Vec<&str> = old.iter().filter(stays).chain(&new).map(|e| e.json).collect();
    if all.is_empty() { Extensions::Gone } else { Extensions::Are(format!("[{}]", all.join(","))) }
}

/// The name of the member that holds extensions.
const EXTENSION: &str = "extension";

/// One extension.
pub(crate) struct Each<'a> {
    /// Its address.
    pub(crate) url: Cow<'a, str>,
    /// The whole of it, as it is written.
    pub(crate) json: &'a str,
}

/// The extensions of an array.
pub(crate) fn each(array: Option<&str>) -> Vec<Each<'_>> {
    let all: Vec<&RawValue> = array
        .map(|array| serde_json::from_str(array).expect("extensions are an array"))
        .unwrap_or_default();
    all.into_iter().filter_map(one).collect()
}

/// One extension; none where it has no address.
fn one(raw: &RawValue) -> Option<Each<'_>> {
    #[derive(serde::Deserialize)]
    struct Address<'a> {
        #[serde(borrow)]
        url: Cow<'a, str>,
    }
    let address: Address<'_> = serde_json::from_str(raw.get()).ok()?;
    Some(Each { url: address.url, json: raw.get() })
}
