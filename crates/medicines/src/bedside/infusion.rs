//! A running infusion: its rate changes, and it ends.
//!
//! Its start is a dose like any other, which is `in-progress` until somebody says that it ended;
//! what was left of the bag is told then. Each change of the rate is kept with its time, so that
//! changes that come late or twice lose and double nothing.

use access::Right;
use fhir::resources::{AdministrationDosage, MedicationAdministration};
use fhir::types::{Annotation, Period, Quantity};
use fhir::{DateTime, ResourceType};
use rust_decimal::Decimal;
use serde_json::json;

use super::scan::{Act, Checked, Finding, Outcome, Scan};
use crate::deliveries::{Notice, VersionOf, tell_recorders};
use crate::facts::Facts;
use crate::resources::{self, Revision, revise};
use crate::site::Site;
use crate::state::State;

/// Takes over what became of an infusion.
pub(super) fn go_on(state: &mut State, facts: &mut Facts<'_>, scan: &Scan) -> Checked {
    let mut checked = Checked {
        outcome: Outcome::Block,
        findings: Vec::new(),
        order: None,
        item: None,
        dose: None,
        scanned: Decimal::ZERO,
        kept: None,
    };
    match change(state, facts, scan) {
        Ok(id) => (checked.outcome, checked.kept) = (Outcome::Pass, Some(id)),
        Err(finding) => checked.findings.push(finding),
    }
    checked
}

fn change(state: &mut State, facts: &mut Facts<'_>, scan: &Scan) -> Result<fhir::Id, Finding> {
    let person = facts.site.person(&scan.performer);
    access::allow(person, Right::Administer).map_err(|_| {
        let text = "This person may not give medicines.";
        Finding::new("person", "user-not-allowed", Outcome::Block, text)
    })?;
    let unknown = || block("unknown-infusion", "No infusion that runs has this id.");
    let id = scan.infusion.clone().ok_or_else(unknown)?;
    let kind = ResourceType::MedicationAdministration;
    // An earlier act of the same request may have changed it already.
    let written = facts.written(kind, &id).cloned();
    let current = written.or_else(|| state.resource(kind, &id)).ok_or_else(unknown)?;
    let told: MedicationAdministration = current.read().map_err(|_| unknown())?;
    let patient = told.subject.id_of(ResourceType::Patient).and_then(|id| state.patient(&id));
    let patient = patient.ok_or_else(unknown)?;
    let began = told
        .effective_date_time
        .as_ref()
        .or_else(|| told.effective_period.as_ref().and_then(|period| period.start.as_ref()));
    if began.is_some_and(|began| scan.activity < began.lower()) {
        return Err(block("before-start", "The infusion had not begun then."));
    }
    let Some((changes, deleted)) = changes(facts.site, scan, &told)? else { return Ok(id) };
    let revision = Revision { changes: &changes, deleted, without: &[] };
    if let Some(next) = revise(&current, &revision, facts.ctx.now) {
        let version = next.version;
        facts.stored(next);
        let notice = Notice::Administration {
            administration: VersionOf::new(kind, &id, version),
            patient: VersionOf::patient(&patient),
        };
        tell_recorders(facts, &patient.id, &notice);
    }
    Ok(id)
}

fn block(code: &str, text: &str) -> Finding {
    Finding::new("document", code, Outcome::Block, text)
}

/// The members that change, as JSON, and those that go.
type Changes = (String, &'static [&'static str]);

/// What an act changes; nothing where it was told before.
fn changes(
    site: &Site,
    scan: &Scan,
    told: &MedicationAdministration,
) -> Result<Option<Changes>, Finding> {
    let at = resources::time(scan.activity);
    let end = told.effective_period.as_ref().and_then(|period| period.end.as_ref());
    let status = told.status.as_str();
    let runs = status == "in-progress";
    if scan.act == Act::Rate {
        let rate = rate_of(scan)?;
        let note = note_of(site, scan, &rate);
        if scan.offline && told.note.iter().any(|known| is_same(known, &note)) {
            return Ok(None);
        }
        // What a device that was cut off tells of the time before the end has happened.
        let before = end.is_some_and(|end| at.lower() <= end.lower());
        let is_over = ["completed", "stopped"].contains(&status);
        if runs || (scan.offline && is_over && before) {
            return Ok(Some((changed_rate(told, rate, note), &[])));
        }
    } else if runs {
        return stop(scan, told).map(Some);
    } else if scan.offline && end == Some(&at) && ended_so(scan, told) {
        return Ok(None);
    }
    Err(block("not-running", "This infusion has ended already."))
}

/// Whether an infusion that has ended did so as an act tells it once more.
fn ended_so(scan: &Scan, told: &MedicationAdministration) -> bool {
    let dose = told.dosage.as_ref().and_then(|dosage| dosage.dose.as_ref()?.value.as_ref());
    let given = scan.given.is_none_or(|given| dose.is_some_and(|dose| dose.value() == given));
    let reason = scan.reason.as_ref();
    let why = reason.is_none_or(|reason| told.status_reason.contains(reason));
    given && why && told.status.as_str() == ended_as(scan)
}

fn ended_as(scan: &Scan) -> &'static str {
    if scan.wasted.is_zero() { "completed" } else { "stopped" }
}

/// Whether two remarks are about the same act, whatever the person is called now.
fn is_same(one: &Annotation, other: &Annotation) -> bool {
    let who = |note: &Annotation| {
        let author = note.author_reference.as_ref()?;
        author.identifier.as_ref()?.value.clone()
    };
    (&one.text, &one.time, who(one)) == (&other.text, &other.time, who(other))
}

/// With what the remark about a change of the rate begins.
const RATE: &str = "Rate: ";

fn rate_of(scan: &Scan) -> Result<Quantity, Finding> {
    let missing = |text| block("rate-missing", text);
    let rate =
        scan.rate.as_ref().ok_or_else(|| missing("Say how fast the infusion runs from now on."))?;
    if rate.value.is_sign_negative() || rate.unit.is_empty() {
        return Err(missing("A rate is an amount in a time, as ml/h."));
    }
    let value = Some(fhir::Decimal::from(rate.value.normalize()));
    Ok(Quantity { value, unit: Some(rate.unit.clone()), ..Quantity::default() })
}

/// The remark that keeps a change of the rate with its time and whoever made it: the resource has
/// room for one rate, the one of now.
fn note_of(site: &Site, scan: &Scan, rate: &Quantity) -> Annotation {
    let value = rate.value.as_ref().map(ToString::to_string).unwrap_or_default();
    let unit = rate.unit.as_deref().unwrap_or_default();
    let mut note = Annotation::new(format!("{RATE}{value} {unit}"));
    note.author_reference = Some(resources::staff(site, &scan.performer));
    note.time = Some(resources::time(scan.activity));
    note
}

/// The rate changes: its remark comes to its place by time, and the rate is the one that was set
/// last, not the one that was told last.
fn changed_rate(told: &MedicationAdministration, rate: Quantity, note: Annotation) -> String {
    let at = |note: &Annotation| note.time.as_ref().map(DateTime::lower);
    let later = |other: &Annotation| other.text.starts_with(RATE) && at(other) > at(&note);
    let place = told.note.iter().position(later);
    let mut notes = told.note.clone();
    notes.insert(place.unwrap_or(notes.len()), note);
    let mut changes = json!({ "note": notes });
    if place.is_none() {
        let mut dosage: AdministrationDosage = told.dosage.clone().unwrap_or_default();
        (dosage.rate_quantity, dosage.rate_ratio) = (Some(rate), None);
        changes["dosage"] = json!(dosage);
    }
    changes.to_string()
}

/// The infusion ends.
fn stop(scan: &Scan, told: &MedicationAdministration) -> Result<Changes, Finding> {
    let whole = scan.wasted.is_zero();
    if !whole && scan.reason.is_none() {
        return Err(block("reason-missing", "It did not run to its end: say why."));
    }
    let start = told.effective_date_time.clone();
    let end = Some(resources::time(scan.activity));
    let period = Period { start, end };
    let mut changes = json!({
        "status": ended_as(scan),
        "effectivePeriod": period,
    });
    if let Some(given) = scan.given {
        let mut dosage: AdministrationDosage = told.dosage.clone().unwrap_or_default();
        let dose = dosage.dose.get_or_insert_with(Quantity::default);
        dose.value = Some(fhir::Decimal::from(given));
        changes["dosage"] = json!(dosage);
    }
    if let Some(reason) = &scan.reason {
        changes["statusReason"] = json!([reason]);
    }
    Ok((changes.to_string(), &["effectiveDateTime"]))
}
