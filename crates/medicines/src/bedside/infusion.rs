//! A running infusion: its rate changes, and it ends.
//!
//! Its start is a dose like any other, which is `in-progress` until somebody says that it ended;
//! what was left of the bag is told then.

use access::Right;
use fhir::ResourceType;
use fhir::resources::{AdministrationDosage, MedicationAdministration};
use fhir::types::{Period, Quantity};
use rust_decimal::Decimal;
use serde_json::json;

use super::scan::{Act, Checked, Finding, Outcome, Scan};
use crate::deliveries::{Notice, VersionOf, tell_recorders};
use crate::facts::Facts;
use crate::resources::{self, Revision, revise};
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
    let block = |code: &str, text: &str| Finding::new("document", code, Outcome::Block, text);
    let person = facts.site.person(&scan.performer);
    access::allow(person, Right::Administer).map_err(|_| {
        let text = "This person may not give medicines.";
        Finding::new("person", "user-not-allowed", Outcome::Block, text)
    })?;
    let unknown = || block("unknown-infusion", "No infusion that runs has this id.");
    let id = scan.infusion.clone().ok_or_else(unknown)?;
    let kind = ResourceType::MedicationAdministration;
    let current = state.resource(kind, &id).ok_or_else(unknown)?;
    let told: MedicationAdministration = current.read().map_err(|_| unknown())?;
    let patient = told.subject.id_of(ResourceType::Patient).and_then(|id| state.patient(&id));
    let patient = patient.ok_or_else(unknown)?;
    if told.status.as_str() != "in-progress" {
        return Err(block("not-running", "This infusion has ended already."));
    }
    let began = told
        .effective_date_time
        .as_ref()
        .or_else(|| told.effective_period.as_ref().and_then(|period| period.start.as_ref()));
    if began.is_some_and(|began| scan.activity < began.lower()) {
        return Err(block("before-start", "The infusion had not begun then."));
    }
    let (changes, deleted) = changes(scan, &told, block)?;
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

/// The members that change, as JSON, and those that go.
fn changes(
    scan: &Scan,
    told: &MedicationAdministration,
    block: impl Fn(&str, &str) -> Finding,
) -> Result<(String, &'static [&'static str]), Finding> {
    let mut dosage: AdministrationDosage = told.dosage.clone().unwrap_or_default();
    if scan.act == Act::Rate {
        let rate = scan
            .rate
            .as_ref()
            .ok_or_else(|| block("rate-missing", "Say how fast the infusion runs from now on."))?;
        if rate.value.is_sign_negative() || rate.unit.is_empty() {
            return Err(block("rate-missing", "A rate is an amount in a time, as ml/h."));
        }
        let value = Some(fhir::Decimal::from(rate.value));
        let unit = Some(rate.unit.clone());
        dosage.rate_quantity = Some(Quantity { value, unit, ..Quantity::default() });
        return Ok((json!({ "dosage": dosage }).to_string(), &[]));
    }
    let whole = scan.wasted.is_zero();
    if !whole && scan.reason.is_none() {
        return Err(block("reason-missing", "It did not run to its end: say why."));
    }
    let start = told.effective_date_time.clone();
    let end = Some(resources::time(scan.activity));
    let period = Period { start, end };
    let mut changes = json!({
        "status": if whole { "completed" } else { "stopped" },
        "effectivePeriod": period,
    });
    if let Some(given) = scan.given {
        let dose = dosage.dose.get_or_insert_with(Quantity::default);
        dose.value = Some(fhir::Decimal::from(given));
        changes["dosage"] = json!(dosage);
    }
    if let Some(reason) = &scan.reason {
        changes["statusReason"] = json!([reason]);
    }
    Ok((changes.to_string(), &["effectiveDateTime"]))
}
