//! A dose is not given: for a reason with a code, and a critical one is looked at.

use access::Right;
use fhir::resources::MedicationAdministrationStatus as Status;
use fhir::types::{CodeableConcept, Coding};
use rust_decimal::Decimal;

use super::act::{identifier, look, outcome, stopped};
use super::administer::{Administration, administer_in};
use super::scan::{Checked, Finding, Outcome, Scan};
use crate::Quantity;
use crate::cases::CaseKind;
use crate::command::Problem;
use crate::facts::Facts;
use crate::formulary::Item;
use crate::orders::is_for;
use crate::patients::identifier_key;
use crate::site::Site;
use crate::state::{OrderState, PatientState, State};

/// A dose that is not given needs a coded reason, and somebody who might have given it.
pub(super) fn found(site: &Site, scan: &Scan) -> Vec<Finding> {
    let coded = scan.reason.as_ref().is_some_and(|reason| !reason.coding.is_empty());
    let mut findings = Vec::new();
    if !coded {
        let text = "A dose that is not given needs a reason with a code.";
        findings.push(Finding::new("document", "reason-missing", Outcome::Block, text));
    }
    if access::allow(site.person(&scan.performer), Right::Administer).is_err() {
        let text = "This person may not give medicines.";
        findings.push(Finding::new("person", "user-not-allowed", Outcome::Block, text));
    }
    findings
}

/// A dose of which nothing was scanned, because nothing was taken: the order is named.
pub(super) fn unscanned(
    state: &mut State,
    facts: &mut Facts<'_>,
    scan: &Scan,
    patient: &PatientState,
    mut findings: Vec<Finding>,
) -> Result<Checked, Problem> {
    let number = scan.order.as_ref().and_then(identifier_key);
    let order = number.and_then(|number| state.order_by(&number));
    let Some(order) = order.filter(|order| order.patient == patient.id) else {
        let text = "Name the patient's order of which a dose is not given.";
        let finding = Finding::new("document", "ambiguous-order", Outcome::Block, text);
        return Ok(stopped(facts, scan, Some(patient), findings, finding));
    };
    let site = facts.site;
    findings.extend(found(site, scan));
    let (system, dictionary) = (site.item_system(), facts.ctx.dictionary());
    let critical =
        site.items.iter().any(|item| item.critical && is_for(&order, item, &system, dictionary));
    let mut checked = Checked {
        outcome: outcome(site, scan, &findings),
        findings,
        order: Some(order.id.clone()),
        item: None,
        dose: None,
        scanned: Decimal::ZERO,
        kept: None,
    };
    look(facts, scan, Some(patient), &checked);
    if checked.outcome > Outcome::Pass && !scan.offline {
        return Ok(checked);
    }
    let coding = order.codings.iter().map(|(system, code)| Coding::of(system, code, None));
    let told = Administration {
        patient: patient.identifiers.iter().filter_map(|key| identifier(key)).collect(),
        order: identifier(&order.number),
        removal: None,
        item: CodeableConcept { coding: coding.collect(), text: None },
        quantity: Quantity::new(Decimal::ZERO, ""),
        status: Status::NotDone,
        reason: scan.reason.clone(),
        performer: scan.performer.clone(),
        witness: scan.witness.clone(),
        activity: scan.activity,
    };
    let id = facts.id();
    administer_in(state, facts, &told, &id, None)?;
    checked.kept = Some(id);
    if critical {
        review(facts, scan, patient, &order, None);
    }
    Ok(checked)
}

/// A critical medicine that is not given is looked at (NPSA rapid response RRR009, 2010).
pub(super) fn review(
    facts: &mut Facts<'_>,
    scan: &Scan,
    patient: &PatientState,
    order: &OrderState,
    item: Option<&Item>,
) {
    let text = "A critical medicine was not given: see that the patient gets it, or that the \
                prescriber knows.";
    let mut case = facts.case(CaseKind::OmittedDose, "critical-medicine", text);
    case.patient = Some(patient.id.clone());
    case.order = Some(order.id.clone());
    case.item = item.map(|item| item.code.clone());
    case.activity = Some(scan.activity);
    case.person = Some(scan.performer.clone());
    facts.open(case);
}
