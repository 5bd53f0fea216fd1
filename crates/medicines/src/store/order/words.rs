//! What stands in an order beside what its client wrote: the loop's own words.
//!
//! A pharmacist verifies one version. Where what is ordered changes, that word is gone, unless the
//! prescriber's system tells a new one in the same version (as ORC-11 does). A client's own copy
//! repeats old words for as long as it likes, long after they were dropped here or a pharmacist
//! held the order back. So a word about an order that is known counts only where it was said after
//! the version before: nothing that was ever told, or read here, can be. A change of the status
//! alone leaves the word as it was, and takes none (as HD and RL do).

use fhir::json::members;
use fhir::resources::MedicationRequestStatus;
use fhir::types::{Dosage, Extension};
use fhir::{DateTime, StoredResource};
use jiff::Timestamp;
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
/// The member with the doses.
const DOSAGE: &str = "dosageInstruction";
/// Where a repeat has its first and its last time.
const BOUNDS: &str = "boundsPeriod";
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

/// What may come with an end: it says nothing of what was to be given until then.
const WITH_AN_END: [&str; 3] = ["note", "eventHistory", "detectedIssue"];

/// The first member in which a version orders something else than the one before. Digits count,
/// the order of members does not. A version that `ends` the order may say when its doses end, and
/// something about it.
pub(super) fn difference(
    before: &StoredResource,
    after: &StoredResource,
    ends: bool,
) -> Option<String> {
    let old = members(before.json()).expect("a stored resource is an object");
    let new = members(after.json()).expect("a stored resource is an object");
    let names = old.iter().chain(new.iter()).map(|(name, _)| &**name);
    let mut ordered = names.filter(|name| !NOT_ORDERED.contains(name));
    let changes = |name: &str| {
        let change = [(name, new.get(name))];
        let changed = before.revised(&change, before.last_updated).is_some();
        let may =
            ends && (WITH_AN_END.contains(&name) || name == DOSAGE && only_ends(before, after));
        changed && !may
    };
    let others = |version: &StoredResource| {
        let all = each(version.member("extension"));
        values(all.iter().filter(|it| !OWN.contains(&&*it.url)).map(|it| it.json))
    };
    let other = || (others(before) != others(after)).then_some("extension");
    ordered.find(|name| changes(name)).or_else(other).map(str::to_owned)
}

/// Whether the doses of two versions differ in their ends alone, and end no earlier than the
/// version before was told: by that one something may have been taken until now.
fn only_ends(before: &StoredResource, after: &StoredResource) -> bool {
    let told: Option<Vec<Dosage>> =
        after.member(DOSAGE).and_then(|doses| serde_json::from_str(doses).ok());
    let end = |dose: &Dosage| {
        let repeat = dose.timing.as_ref()?.repeat.as_ref()?;
        repeat.bounds_period.as_ref()?.end.as_ref().map(DateTime::upper)
    };
    let in_time = |dose: &Dosage| end(dose).is_none_or(|end| end >= before.last_updated);
    if !told.is_some_and(|doses| doses.iter().all(in_time)) {
        return false;
    }
    let endless = |version: &StoredResource| {
        let mut doses: Value = serde_json::from_str(version.member(DOSAGE)?).ok()?;
        for dose in doses.as_array_mut()? {
            let repeat = dose.pointer_mut("/timing/repeat").and_then(Value::as_object_mut);
            let Some(repeat) = repeat else { continue };
            let period = repeat.get_mut(BOUNDS).and_then(Value::as_object_mut);
            if period.is_some_and(|period| period.remove("end").is_some() && period.is_empty()) {
                repeat.remove(BOUNDS);
            }
        }
        Some(doses)
    };
    endless(before).is_some_and(|doses| endless(after) == Some(doses))
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
    let is_word = is_word(before, change.after, told, writing.facts.ctx.now)?;
    let with = |told_at: &str| -> Result<StoredResource, Fault> {
        let by = (told_at, writing.client());
        let extension = extension(before, change.after, told, is_word, by)?;
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
    is_word: bool,
    (told_at, by): (&str, &str),
) -> Result<Option<String>, Fault> {
    let (old, new) = (before.and_then(|it| it.member("extension")), after.member("extension"));
    let (old, new) = (each(old), each(new));
    let (verified, was) = (of(&new, &VERIFIED), of(&old, &VERIFIED));
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

/// Whether the client tells that somebody verified what it orders, and this is no old word.
///
/// # Errors
///
/// A word that cannot be read, and one of a time that is yet to come: later on it would be taken
/// for a new one, whatever is ordered by then.
fn is_word(
    before: Option<&StoredResource>,
    after: &StoredResource,
    told: &Told,
    now: Timestamp,
) -> Result<bool, Fault> {
    let all = (each(before.and_then(|it| it.member("extension"))), each(after.member("extension")));
    let (was, verified) = (of(&all.0, &VERIFIED), of(&all.1, &VERIFIED));
    if verified.is_empty() || same(&verified, &was) {
        return Ok(false);
    }
    let said = check(&told.order.extension)?;
    if said.is_some_and(|said| said > now) {
        return Err(rule("Nobody verified an order at a time that is yet to come.", "extension"));
    }
    let Some(before) = before else { return Ok(true) };
    let is_later = said.is_some_and(|said| said > before.last_updated);
    Ok(is_later && (told.differs || !told.turns()))
}

/// One person verified it, and it says who; returns when, where it says that.
fn check(extensions: &[Extension]) -> Result<Option<Timestamp>, Fault> {
    let one = |url| {
        let mut all = extensions.iter().filter(|extension| extension.url == url);
        (all.next(), all.next().is_some())
    };
    let ((by, more), (at, more_times)) = (one(VERIFIED_BY), one(VERIFIED_AT));
    let who = by.filter(|_| !more).and_then(|said| {
        let reference = said.value_reference.as_deref();
        let number = |identifier: &fhir::types::Identifier| identifier.value.clone();
        said.value_string
            .clone()
            .or_else(|| number(said.value_identifier.as_deref()?))
            .or_else(|| number(reference?.identifier.as_deref()?))
    });
    if who.is_none_or(|who| who.trim().is_empty()) {
        let text = "Who verified an order is told once, by the staff number.";
        return Err(rule(text, "extension"));
    }
    let Some(at) = at else { return Ok(None) };
    match at.value_date_time.as_ref().filter(|_| !more_times) {
        Some(time) => Ok(Some(time.lower())),
        None => Err(rule("When an order was verified is told once, as a dateTime.", "extension")),
    }
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
