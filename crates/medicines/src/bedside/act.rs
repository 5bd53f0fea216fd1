//! An act at the bedside: what was scanned is read, the rights are checked, and what is given is
//! kept.
//!
//! Someone who asks first is held back by a block; what was done while the device was cut off has
//! happened: it is kept in the order in which it was done, and what should not have happened opens
//! a case.

use std::collections::HashMap;
use std::sync::Arc;

use access::Right;
use fhir::Id;
use fhir::resources::MedicationAdministrationStatus as Status;
use fhir::types::{CodeableConcept, Identifier};
use rust_decimal::Decimal;

use super::administer::{Administration, administer_in};
use super::checks::{self, Bedside, find_order, find_patient};
use super::read::{self, Pack};
use super::scan::{Act, Checked, Finding, MAX_ACTS, MAX_PACKS, Outcome, Scan};
use super::{infusion, omit};
use crate::Quantity;
use crate::cabinet::hands::{Leaving, leave};
use crate::cases::CaseKind;
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::fact::{Access, Fact};
use crate::facts::{Facts, problem};
use crate::formulary::Item;
use crate::orders::{NotTold, dose_of, part};
use crate::site::Site;
use crate::state::{OrderState, PatientState, Recent, Removal, State};
use crate::stock::{Account, Movement};

/// Decides the acts of a device. Those of a device that was cut off come in the order in which
/// they were done.
pub fn act(state: &mut State, ctx: &Context, scans: &[Scan]) -> Result<Decision, Problem> {
    if scans.is_empty() || scans.len() > MAX_ACTS {
        return problem(ProblemCode::BadValue, "A request has 1 to 200 acts.");
    }
    if scans.iter().any(|scan| scan.packs.len() > MAX_PACKS) {
        return problem(ProblemCode::BadValue, "A dose has 50 packs at the most.");
    }
    if scans.len() > 1 && scans.iter().any(|scan| !scan.offline) {
        let text = "Several acts at once are those of a device that was offline.";
        return problem(ProblemCode::BadValue, text);
    }
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    // A device whose clock runs ahead must not put its acts into the future.
    let mut inside: Vec<(usize, Scan)> = scans.iter().cloned().enumerate().collect();
    for (_, scan) in &mut inside {
        scan.activity = scan.activity.min(ctx.now);
    }
    inside.sort_by_key(|(_, scan)| scan.activity);
    let mut answers: Vec<Option<Checked>> = vec![None; scans.len()];
    for (at, scan) in &inside {
        answers[*at] = Some(one(state, &mut facts, scan)?);
    }
    Ok(facts.answer(Answer::Checked(answers.into_iter().flatten().collect())))
}

/// One act. An infusion that runs is known by its id; anything else by what was scanned.
fn one(state: &mut State, facts: &mut Facts<'_>, scan: &Scan) -> Result<Checked, Problem> {
    if matches!(scan.act, Act::Rate | Act::Stop) {
        let checked = infusion::go_on(state, facts, scan);
        look(facts, scan, None, &checked);
        if scan.offline && checked.outcome > Outcome::Pass {
            review(facts, scan, None, None, &checked);
        }
        return Ok(checked);
    }
    let mut findings = Vec::new();
    let patient = match find_patient(state, facts.site, scan, &mut findings) {
        Ok(patient) => patient,
        Err(finding) => return Ok(stopped(facts, scan, None, findings, finding)),
    };
    if scan.act == Act::Omit && scan.packs.is_empty() && scan.item.is_none() {
        return omit::unscanned(state, facts, scan, &patient, findings);
    }
    let site = facts.site;
    let today = site.time_zone.day_of(scan.activity);
    let dictionary = facts.ctx.dictionary();
    let read = |pack| read::pack(pack, site, dictionary, today);
    let mut packs: Vec<Pack<'_>> = scan.packs.iter().map(read).collect();
    for pack in &mut packs {
        findings.append(&mut pack.findings);
        if is_recalled(state, pack) {
            let text = "This batch is recalled: put it aside for the pharmacy.";
            findings.push(Finding::new("product", RECALLED, Outcome::Block, text));
        }
    }
    // What a device that was cut off tells has happened: it is kept, and looked at.
    let happened = |one: &Finding| scan.offline && [EXPIRED, RECALLED].contains(&one.code.as_str());
    let stops = |one: &Finding| one.outcome == Outcome::Block && !happened(one);
    if let Some(at) = findings.iter().position(stops) {
        let worst = findings.remove(at);
        return Ok(stopped(facts, scan, Some(&patient), findings, worst));
    }
    let found = find_order(state, site, facts.ctx, (scan, &packs, &patient));
    let (order, item) = match found {
        Ok(found) => found,
        Err(finding) => return Ok(stopped(facts, scan, Some(&patient), findings, finding)),
    };
    judged(state, facts, scan, (&patient, &packs, &order, item), findings)
}

/// The codes of a pack whose time is over and of one that is called back.
pub(super) const EXPIRED: &str = "expired";
const RECALLED: &str = "recalled";

/// Whether the batch on a pack is one of a recall that is in force.
fn is_recalled(state: &State, pack: &Pack<'_>) -> bool {
    let Some(batch) = &pack.batch else { return false };
    pack.items.iter().any(|item| state.recall(&item.code, batch).is_some())
}

/// An act that cannot go on, because it is not even known what it is about.
pub(super) fn stopped(
    facts: &mut Facts<'_>,
    scan: &Scan,
    patient: Option<&PatientState>,
    mut findings: Vec<Finding>,
    worst: Finding,
) -> Checked {
    findings.push(worst);
    let (order, item, dose) = (None, None, None);
    let scanned = Decimal::ZERO;
    let outcome = Outcome::Block;
    let checked = Checked { outcome, findings, order, item, dose, scanned, kept: None };
    look(facts, scan, patient, &checked);
    if scan.offline && scan.act != Act::Check {
        review(facts, scan, patient, None, &checked);
    }
    checked
}

type About<'a, 'b> = (&'b Arc<PatientState>, &'b [Pack<'a>], &'b Arc<OrderState>, &'a Item);

/// Checks an act of which all is known, and does it where nothing stands against it.
fn judged(
    state: &mut State,
    facts: &mut Facts<'_>,
    scan: &Scan,
    (patient, packs, order, item): About<'_, '_>,
    mut findings: Vec<Finding>,
) -> Result<Checked, Problem> {
    let (before, recent) = before(state, facts, scan, (patient, order, item));
    let step = before.step_at(scan.activity);
    let told = step.and_then(|step| step.dose).ok_or(NotTold::NoDose);
    let dose = told.and_then(|dose| dose_of(dose, &before, item, facts.ctx.dictionary())).ok();
    let by_hand = scan.given.or(dose.map(|dose| dose.taken)).unwrap_or(Decimal::ONE);
    let scanned =
        if packs.is_empty() { by_hand } else { packs.iter().map(|pack| pack.units).sum() };
    let bedside = Bedside {
        scan,
        site: facts.site,
        dictionary: facts.ctx.dictionary(),
        patient,
        packs,
        item,
        order: &before,
        recent: &recent,
        dose,
        scanned,
    };
    if scan.act == Act::Omit {
        findings = omit::found(facts.site, scan);
    } else {
        findings.extend(checks::all(&bedside));
    }
    let given = bedside.given();
    let outcome = outcome(facts.site, scan, &findings);
    let mut checked = Checked {
        outcome,
        findings,
        order: Some(order.id.clone()),
        item: Some(item.code.clone()),
        dose: dose.map(|dose| dose.exact),
        scanned,
        kept: None,
    };
    look(facts, scan, Some(patient), &checked);
    let happened = scan.offline && outcome > Outcome::Pass;
    if scan.act == Act::Check || (outcome > Outcome::Pass && !scan.offline) {
        return Ok(checked);
    }
    let id = keep(state, facts, scan, (patient, order, item), (given, dose.map(|it| it.exact)))?;
    checked.kept = Some(id);
    if happened {
        review(facts, scan, Some(patient), Some((order, item)), &checked);
    }
    if scan.act == Act::Omit && item.critical {
        omit::review(facts, scan, patient, order, Some(item));
    }
    Ok(checked)
}

/// The order and the patient's day without what was taken for this very dose: the units that are
/// still in hands, and of which nobody has asked yet where they are.
fn before(
    state: &State,
    facts: &Facts<'_>,
    scan: &Scan,
    (patient, order, item): (&PatientState, &Arc<OrderState>, &Item),
) -> (Arc<OrderState>, Vec<Recent>) {
    // An earlier act of the same request may have used some already.
    let in_hands = |removal: &Removal| {
        let hands = Account::Hands(removal.transfer.id.clone());
        removal.in_hands + facts.net(&hands, &item.code)
    };
    let open: HashMap<Id, Decimal> = state
        .removals_of(&patient.id)
        .iter()
        .filter(|removal| in_hands(removal) > Decimal::ZERO && removal.case.is_none())
        .filter(|removal| removal.transfer.activity <= scan.activity)
        .filter(|removal| removal.transfer.item == item.code)
        .map(|removal| (removal.transfer.id.clone(), in_hands(removal)))
        .collect();
    let left =
        |removal: &Id, units: Decimal| open.get(removal).map_or(Decimal::ZERO, |n| units.min(*n));
    let mut recent = patient.recent.clone();
    for one in &mut recent {
        one.units -= left(&one.by, one.units);
    }
    recent.retain(|one| one.units > Decimal::ZERO);
    if !order.taken.iter().any(|taken| open.contains_key(&taken.removal)) {
        return (Arc::clone(order), recent);
    }
    let mut before = OrderState::clone(order);
    for taken in &mut before.taken {
        let units = left(&taken.removal, taken.units);
        before.total -= match taken.of {
            Some(of) => part(units, of),
            None if units > Decimal::ZERO && units == taken.units => Decimal::ONE,
            None => Decimal::ZERO,
        };
        taken.units -= units;
    }
    before.taken.retain(|taken| taken.units > Decimal::ZERO);
    (Arc::new(before), recent)
}

/// What follows from all findings: a warning that was confirmed and a block that a second person
/// stands by for are passed.
pub(super) fn outcome(site: &Site, scan: &Scan, findings: &[Finding]) -> Outcome {
    let second = scan.witness.as_deref().filter(|witness| *witness != scan.performer);
    let second = second.and_then(|witness| site.person(witness));
    let witnessed = access::allow(second, Right::Witness).is_ok();
    let left = findings.iter().map(|finding| match finding.outcome {
        Outcome::Warn if scan.confirmed.contains(&finding.code) => Outcome::Pass,
        Outcome::BlockWithWitness if witnessed => Outcome::Pass,
        other => other,
    });
    left.max().unwrap_or(Outcome::Pass)
}

/// Keeps what was given, started or omitted, and what was wasted.
fn keep(
    state: &mut State,
    facts: &mut Facts<'_>,
    scan: &Scan,
    (patient, order, item): (&PatientState, &OrderState, &Item),
    (given, dose): (Decimal, Option<Decimal>),
) -> Result<Id, Problem> {
    let id = facts.id();
    let partial = dose.is_some_and(|dose| given < dose);
    let (status, units) = match scan.act {
        Act::Omit => (Status::NotDone, Decimal::ZERO),
        Act::Start => (Status::InProgress, given),
        _ if partial => (Status::Stopped, given),
        _ => (Status::Completed, given),
    };
    let number = order.number.rsplit_once('|');
    let told = Administration {
        patient: patient.identifiers.iter().filter_map(|key| identifier(key)).collect(),
        order: number.map(|(system, value)| Identifier::of(system, value)),
        removal: None,
        item: CodeableConcept::of(&facts.site.item_system(), &item.code, None),
        quantity: Quantity::new(units, ""),
        status,
        reason: scan.reason.clone(),
        performer: scan.performer.clone(),
        witness: scan.witness.clone(),
        activity: scan.activity,
    };
    administer_in(state, facts, &told, &id, None)?;
    if scan.wasted > Decimal::ZERO && scan.act != Act::Omit {
        leave(
            state,
            facts,
            &Leaving {
                patient: &patient.id,
                item: &item.code,
                order: Some(order.id.clone()),
                removal: None,
                batch: None,
                units: scan.wasted,
                movement: Movement::Waste,
                to: Account::Waste,
                person: &scan.performer,
                witness: scan.witness.as_deref(),
                cabinet: None,
                activity: scan.activity,
                resolution: "wasted",
            },
        );
    }
    Ok(id)
}

pub(super) fn identifier(key: &str) -> Option<Identifier> {
    key.rsplit_once('|').map(|(system, value)| Identifier::of(system, value))
}

/// Every look at a patient and every block is in the journal.
pub(super) fn look(
    facts: &mut Facts<'_>,
    scan: &Scan,
    patient: Option<&PatientState>,
    checked: &Checked,
) {
    let worst = checked.findings.iter().max_by_key(|finding| finding.outcome);
    let blocked = checked.outcome >= Outcome::BlockWithWitness;
    let access = Access {
        who: scan.performer.clone(),
        what: "bedside".to_owned(),
        patient: patient.map(|patient| patient.id.clone()),
        resource_type: None,
        detail: checked.item.clone(),
        reason: worst.filter(|_| blocked).map(|finding| finding.code.clone()),
        at: facts.ctx.now,
    };
    facts.push(if blocked { Fact::Refused(access) } else { Fact::Seen(access) });
}

/// Something was done that the checks would have held back.
fn review(
    facts: &mut Facts<'_>,
    scan: &Scan,
    patient: Option<&PatientState>,
    about: Option<(&OrderState, &Item)>,
    checked: &Checked,
) {
    let worst = checked.findings.iter().max_by_key(|finding| finding.outcome);
    let reason = worst.map_or("not-checked", |finding| finding.code.as_str());
    let text = "Done at the bedside while the device was cut off, and the checks would have held \
                it back: look at the patient, and find out what happened.";
    let mut case = facts.case(CaseKind::BedsideDeviation, reason, text);
    case.patient = patient.map(|patient| patient.id.clone());
    case.order = about.map(|(order, _)| order.id.clone());
    case.item = about.map(|(_, item)| item.code.clone());
    case.activity = Some(scan.activity);
    case.person = Some(scan.performer.clone());
    facts.open(case);
}
