//! What stands in an order beside what its client wrote: the loop's own words.
//!
//! A pharmacist verifies one version. Where what is ordered changes, that word is gone, unless the
//! prescriber's system tells a new one in the same version (as ORC-11 does); what it repeats from
//! the version before is no new word. A change of the status alone leaves it as it was.

use fhir::StoredResource;
use fhir::json::members;
use fhir::resources::MedicationRequestStatus;
use fhir::types::Extension;
use serde_json::{Value, json};

use super::{Told, about, rule};
use crate::orders::{HELD_BY, TOLD_BY, VERIFIED_AT, VERIFIED_BY};
use crate::patients::TOLD_AT;
use crate::resources::{Each, each, told_at};
use crate::store::Fault;
use crate::store::governed::Change;
use crate::store::write::Writing;

/// The extensions of an order that are the loop's.
const OWN: [&str; 5] = [VERIFIED_BY, VERIFIED_AT, HELD_BY, TOLD_AT, TOLD_BY];
const VERIFIED: [&str; 2] = [VERIFIED_BY, VERIFIED_AT];
/// Members that say nothing of what is ordered.
const NOT_ORDERED: [&str; 10] = [
    "resourceType",
    "id",
    "meta",
    "text",
    "language",
    "status",
    "statusReason",
    "subject",
    "encounter",
    "extension",
];

/// Whether a version orders something else than the one before. Digits count, the order of
/// members does not.
pub(super) fn differ(before: &StoredResource, after: &StoredResource) -> bool {
    let old = members(before.json()).expect("a stored resource is an object");
    let new = members(after.json()).expect("a stored resource is an object");
    let names = old.iter().chain(new.iter()).map(|(name, _)| &**name);
    let changes: Vec<(&str, Option<&str>)> = names
        .filter(|name| !NOT_ORDERED.contains(name))
        .map(|name| (name, new.get(name)))
        .collect();
    let others = |version: &StoredResource| {
        let all = each(version.member("extension"));
        values(all.iter().filter(|it| !OWN.contains(&&*it.url)).map(|it| it.json))
    };
    before.revised(&changes, before.last_updated).is_some() || others(before) != others(after)
}

/// The version to store: what the client wrote with the loop's words. `None` where that is the
/// version before.
pub(super) fn version(
    writing: &Writing<'_>,
    change: &Change<'_>,
    told: &Told,
) -> Result<Option<StoredResource>, Fault> {
    let before = change.before.filter(|_| told.known.is_some());
    let encounter = about::encounter(writing, before, told)?;
    let subject = about::subject(told);
    // UK Core: what was cancelled was withdrawn before anything was taken.
    let begun = told.known.as_ref().is_some_and(|known| known.begun);
    let stopped = (begun && told.order.status == MedicationRequestStatus::Cancelled)
        .then(|| format!("\"{}\"", MedicationRequestStatus::Stopped.as_str()));
    let with = |told_at: &str| -> Result<StoredResource, Fault> {
        let extension = extension(before, change.after, told, (told_at, writing.client()))?;
        let changes = [
            ("status", &stopped),
            ("subject", &subject),
            ("encounter", &encounter),
            ("extension", &extension),
        ];
        let changes: Vec<(&str, Option<&str>)> = changes
            .iter()
            .filter_map(|(name, json)| Some((*name, Some(json.as_deref()?))))
            .collect();
        let mut written = change.after.clone();
        written.version -= 1;
        let revised = written.revised(&changes, writing.facts.ctx.now);
        Ok(revised.unwrap_or_else(|| change.after.clone()))
    };
    if let Some(before) = before {
        let all = each(before.member("extension"));
        let same = match all.iter().find(|it| it.url == TOLD_AT) {
            Some(told_at) => with(told_at.json)?,
            None => with("")?,
        };
        let (id, version) = (before.id.clone(), before.version);
        let same = StoredResource::new(same.json(), id, version, before.last_updated);
        if same.is_ok_and(|same| same == *before) {
            return Ok(None);
        }
    }
    with(&json!(told_at(writing.facts.ctx.now)).to_string()).map(Some)
}

/// The extensions that have to stand in the version, as an array; `None` where what the client
/// wrote has them.
fn extension(
    before: Option<&StoredResource>,
    after: &StoredResource,
    told: &Told,
    (told_at, by): (&str, &str),
) -> Result<Option<String>, Fault> {
    let (old, new) = (before.and_then(|it| it.member("extension")), after.member("extension"));
    let (old, new) = (each(old), each(new));
    let (verified, was) = (of(&new, &VERIFIED), of(&old, &VERIFIED));
    let is_word = !verified.is_empty() && !same(&verified, &was);
    if is_word {
        check(&told.order.extension)?;
    }
    let (held, was_held) = (of(&new, &[HELD_BY]), of(&old, &[HELD_BY]));
    if !held.is_empty() && !same(&held, &was_held) {
        let text = "A pharmacist holds an order back here (/verification/orders).";
        return Err(rule(text, "extension"));
    }
    let mut own = match (is_word, told.differs) {
        (true, _) => verified,
        (false, true) => Vec::new(),
        (false, false) => [was, was_held].concat(),
    };
    let mut told_by = Extension::new(TOLD_BY.to_owned());
    told_by.value_string = Some(by.to_owned());
    let told_by = json!(told_by).to_string();
    own.extend([told_at, &told_by].into_iter().filter(|word| !word.is_empty()));
    if same(&own, &of(&new, &OWN)) {
        return Ok(None);
    }
    let others = new.iter().filter(|it| !OWN.contains(&&*it.url)).map(|it| it.json);
    Ok(Some(format!("[{}]", others.chain(own).collect::<Vec<_>>().join(","))))
}

/// One person verified it, and it says who.
fn check(extensions: &[Extension]) -> Result<(), Fault> {
    let mut verified = extensions.iter().filter(|extension| extension.url == VERIFIED_BY);
    let (one, more) = (verified.next(), verified.next());
    let who = one.filter(|_| more.is_none()).and_then(|said| {
        let reference = said.value_reference.as_deref();
        let number = |identifier: &fhir::types::Identifier| identifier.value.clone();
        said.value_string
            .clone()
            .or_else(|| number(said.value_identifier.as_deref()?))
            .or_else(|| number(reference?.identifier.as_deref()?))
    });
    if who.is_some_and(|who| !who.trim().is_empty()) {
        return Ok(());
    }
    let text = "Who verified an order is told once, by the staff number.";
    Err(rule(text, "extension"))
}

/// The extensions with these addresses, as they are written.
fn of<'a>(all: &[Each<'a>], urls: &[&str]) -> Vec<&'a str> {
    all.iter().filter(|it| urls.contains(&&*it.url)).map(|it| it.json).collect()
}

/// Whether two lists hold the same, in whatever order.
fn same(one: &[&str], other: &[&str]) -> bool {
    let (one, mut other) = (values(one.iter().copied()), values(other.iter().copied()));
    let all = one.iter().all(|value| {
        let found = other.iter().position(|it| it == value);
        found.map(|at| other.swap_remove(at)).is_some()
    });
    all && other.is_empty()
}

fn values<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Value> {
    texts.filter_map(|text| serde_json::from_str(text).ok()).collect()
}
