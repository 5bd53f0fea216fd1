//! A medicine was given, given in part, or not given.

use std::sync::Arc;

use access::Right;
use fhir::resources::{
    AdministrationDosage, AdministrationPerformer, MedicationAdministration,
    MedicationAdministrationStatus,
};
use fhir::types::{CodeableConcept, Identifier, Quantity, Reference};
use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::cabinet::hands::{Leaving, leave};
use crate::cases::CaseKind;
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::deliveries::{Notice, VersionOf, tell_recorders};
use crate::facts::{Facts, problem};
use crate::formulary::Item;
use crate::orders::{dose_of, units_of};
use crate::patients::{find, identifier_key};
use crate::quantity::is_plausible;
use crate::resources;
use crate::site::Site;
use crate::state::{OrderState, PatientState, State};
use crate::stock::{Account, Movement};

/// The reason of a case about a dose that no removal explains.
pub(crate) const UNEXPLAINED_DOSE: &str = "administration-without-removal";

/// What the bedside tells: `POST /administrations` or RAS^O17.
#[derive(Debug, Clone)]
pub struct Administration {
    /// The patient, by any identifier.
    pub patient: Vec<Identifier>,
    /// The placer's number of the order.
    pub order: Option<Identifier>,
    /// The removal whose units were used, where the bedside knows it.
    pub removal: Option<Id>,
    /// The local formulary code, or a code that an order uses.
    pub item: CodeableConcept,
    /// How much was given; zero for a dose that was not given. An empty unit is the item's own;
    /// a mass is counted in units by the item's strength.
    pub quantity: crate::Quantity,
    /// completed, stopped (given in part), not-done.
    pub status: MedicationAdministrationStatus,
    /// Why not, or why in part.
    pub reason: Option<CodeableConcept>,
    /// The staff number of the person who gave it.
    pub performer: String,
    /// The staff number of a second person.
    pub witness: Option<String>,
    /// When it was given.
    pub activity: Timestamp,
}

/// Keeps what was given, closes what it accounts for, and tells the systems that keep the record.
pub fn administer(
    state: &mut State,
    ctx: &Context,
    given: &[Administration],
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let mut ids = Vec::with_capacity(given.len());
    for given in given {
        let id = facts.id();
        administer_in(state, &mut facts, given, &id, None)?;
        by_whom(&mut facts, state, given);
        to_whom(&mut facts, state, given);
        ids.push(id);
    }
    Ok(facts.answer(Answer::Created(ids)))
}

/// What was given has been given; by somebody who may not, it is looked at. A site that lists no
/// people leaves them to the systems that tell of them.
fn by_whom(facts: &mut Facts<'_>, state: &mut State, given: &Administration) {
    let nothing = given.status == MedicationAdministrationStatus::NotDone;
    let person = facts.site.person(&given.performer);
    if nothing || facts.site.people.is_empty() || access::allow(person, Right::Administer).is_ok() {
        return;
    }
    let text = "Given by somebody who may not give medicines, or whom nobody here knows: find out \
                who it was.";
    let mut case = facts.case(CaseKind::BedsideDeviation, "user-not-allowed", text);
    case.patient = find(state, &given.patient).ok().map(|patient| patient.id.clone());
    case.activity = Some(given.activity);
    case.person = Some(given.performer.clone());
    facts.open(case);
}

/// Nothing can be given to somebody who has left: the dose is somewhere else than it is said to be.
fn to_whom(facts: &mut Facts<'_>, state: &mut State, given: &Administration) {
    if given.status == MedicationAdministrationStatus::NotDone || given.quantity.value.is_zero() {
        return;
    }
    let Ok(patient) = find(state, &given.patient) else { return };
    let activity = given.activity.min(facts.ctx.now);
    if !patient.has_left(activity, &facts.site.policies) {
        return;
    }
    let text = "Told as given at a time when the patient had left hospital: find out where the \
                medicine is.";
    let mut case = facts.case(CaseKind::BedsideDeviation, "not-in-hospital", text);
    case.patient = Some(patient.id.clone());
    case.item = item_of(facts.site, &given.item).map(|item| item.code.clone());
    case.activity = Some(activity);
    case.person = Some(given.performer.clone());
    facts.open(case);
}

/// The same for one dose as a part of an entry that tells of more. `told` is the resource as a
/// client wrote it, where one did: all of it is kept that the loop does not know better.
pub(crate) fn administer_in(
    state: &mut State,
    facts: &mut Facts<'_>,
    given: &Administration,
    id: &Id,
    told: Option<&StoredResource>,
) -> Result<(), Problem> {
    // Nothing was given in the future, whatever a clock says.
    let activity = given.activity.min(facts.ctx.now);
    let given = &Administration { activity, ..given.clone() };
    let dose = understand(state, facts.site, given)?;
    account(state, facts, given, &dose);
    keep(facts, given, &dose, (id, told));
    Ok(())
}

/// A dose with what it is about, found.
struct Dose<'a> {
    patient: Arc<PatientState>,
    order: Option<Arc<OrderState>>,
    item: Option<&'a Item>,
    /// In the item's unit; `None` where the quantity cannot be told in it.
    units: Option<Decimal>,
}

impl Dose<'_> {
    /// How many units of the item one dose of the order is, where that can be told.
    fn one(&self, facts: &Facts<'_>, at: Timestamp) -> Option<Decimal> {
        let (order, item) = (self.order.as_ref()?, self.item?);
        let ordered = order.step_at(at)?.dose?;
        let dose = dose_of(ordered, order, item, facts.ctx.dictionary()).ok()?;
        Some(dose.taken).filter(|taken| *taken > Decimal::ZERO)
    }
}

fn understand<'a>(
    state: &mut State,
    site: &'a Site,
    given: &Administration,
) -> Result<Dose<'a>, Problem> {
    let patient = find(state, &given.patient)?;
    let number = given.order.as_ref().and_then(identifier_key);
    let order = match number {
        Some(number) => Some(known(state, &number, &patient)?),
        None => None,
    };
    if given.quantity.value.is_sign_negative() || !is_plausible(given.quantity.value) {
        let text = "A dose cannot be negative, or a billion units and more.";
        return problem(ProblemCode::BadValue, text);
    }
    let item = item_of(site, &given.item);
    let units = item.and_then(|item| units_of(&given.quantity, item));
    Ok(Dose { patient, order, item, units })
}

fn known(
    state: &mut State,
    number: &str,
    patient: &PatientState,
) -> Result<Arc<OrderState>, Problem> {
    let order = state.order_by(number).filter(|order| order.patient == patient.id);
    order.ok_or_else(|| {
        let text = "The patient has no order with this number: have the prescribing system send \
                    it, then replay.";
        Problem::new(ProblemCode::UnknownOrder, text).at("ORC-2")
    })
}

/// The formulary item that one of the concept's codes names, unless they name several.
fn item_of<'a>(site: &'a Site, concept: &CodeableConcept) -> Option<&'a Item> {
    let local = concept.code_in(&site.item_system()).and_then(|code| site.item(code));
    if local.is_some() {
        return local;
    }
    let named = |item: &&Item| {
        item.codings.iter().any(|(_, code)| {
            concept.coding.iter().any(|coding| coding.code.as_deref() == Some(code))
        })
    };
    let mut items = site.items.iter().filter(named);
    items.next().filter(|_| items.next().is_none())
}

/// Moves what was given out of the hands that took it; what no removal explains opens a case.
fn account(state: &mut State, facts: &mut Facts<'_>, given: &Administration, dose: &Dose<'_>) {
    if given.quantity.value.is_zero() || given.status == MedicationAdministrationStatus::NotDone {
        return;
    }
    let unexplained = match (dose.item, dose.units) {
        (Some(item), Some(units)) => leave(state, facts, &leaving(given, dose, item, units)),
        _ => given.quantity.value,
    };
    if unexplained.is_zero() {
        return;
    }
    let text = "Given, and no open removal explains where it came from: find the removal, or \
                record that it was the patient's own.";
    let mut case = facts.case(CaseKind::UnmatchedTransaction, UNEXPLAINED_DOSE, text);
    case.patient = Some(dose.patient.id.clone());
    case.order = dose.order.as_ref().map(|order| order.id.clone());
    case.item = dose.item.map(|item| item.code.clone());
    // A quantity that is not in the item's unit is in the dose, not in the ledger.
    case.quantity = dose.units.map(|_| unexplained);
    case.dose = dose.one(facts, given.activity);
    case.activity = Some(given.activity);
    case.person = Some(given.performer.clone());
    facts.open(case);
}

fn leaving<'a>(
    given: &'a Administration,
    dose: &'a Dose<'_>,
    item: &'a Item,
    units: Decimal,
) -> Leaving<'a> {
    Leaving {
        patient: &dose.patient.id,
        item: &item.code,
        order: dose.order.as_ref().map(|order| order.id.clone()),
        removal: given.removal.as_ref(),
        batch: None,
        units,
        movement: Movement::Administration,
        to: Account::Patient(dose.patient.id.clone()),
        person: &given.performer,
        witness: given.witness.as_deref(),
        cabinet: None,
        activity: given.activity,
        resolution: "administered",
    }
}

/// Stores the MedicationAdministration and queues it for the recorders (RAS^O17).
fn keep(
    facts: &mut Facts<'_>,
    given: &Administration,
    dose: &Dose<'_>,
    (id, told): (&Id, Option<&StoredResource>),
) {
    let resource = resource(facts.site, given, dose);
    let stored = match told {
        Some(told) => resolved(told, &resource, facts),
        None => StoredResource::of(&resource, id.clone(), 1, facts.ctx.now),
    };
    facts.stored(stored);
    let notice = Notice::Administration {
        administration: VersionOf::new(ResourceType::MedicationAdministration, id, 1),
        patient: VersionOf::patient(&dose.patient),
    };
    tell_recorders(facts, &dose.patient.id, &notice);
}

/// What a client wrote, with what the loop found out in the place of what the client said of it:
/// whose it is, in which stay, on which order, and the item's own codes.
fn resolved(
    told: &StoredResource,
    found: &MedicationAdministration,
    facts: &Facts<'_>,
) -> StoredResource {
    let mut changes = vec![("subject", Some(json(&found.subject)))];
    changes.extend(found.context.as_ref().map(|it| ("context", Some(json(it)))));
    changes.extend(found.request.as_ref().map(|it| ("request", Some(json(it)))));
    let known = found.medication_codeable_concept.as_ref().and_then(|it| it.coding.first());
    let said = told.read::<MedicationAdministration>().ok();
    let said = said.and_then(|said| said.medication_codeable_concept).unwrap_or_default();
    if known.is_some_and(|known| !said.coding.iter().any(|it| is_same(it, known))) {
        let concept = found.medication_codeable_concept.as_ref();
        let mut coding = concept.map(|it| it.coding.clone()).unwrap_or_default();
        coding.extend(said.coding);
        let text = said.text.or_else(|| concept.and_then(|it| it.text.clone()));
        let concept = CodeableConcept { coding, text };
        changes.push(("medicationCodeableConcept", Some(json(&concept))));
    }
    let changes: Vec<(&str, Option<&str>)> =
        changes.iter().map(|(name, value)| (*name, value.as_deref())).collect();
    let mut before = told.clone();
    before.version = 0;
    before.revised(&changes, facts.ctx.now).unwrap_or_else(|| told.clone())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("the elements of a resource are JSON")
}

fn is_same(one: &fhir::types::Coding, other: &fhir::types::Coding) -> bool {
    one.system == other.system && one.code == other.code
}

fn resource(site: &Site, given: &Administration, dose: &Dose<'_>) -> MedicationAdministration {
    let subject = Reference::to(ResourceType::Patient, &dose.patient.id);
    let mut kept = MedicationAdministration::new(given.status, subject);
    kept.meta = Some(resources::profile(fhir::profiles::MEDICATION_ADMINISTRATION));
    let concept = match dose.item {
        Some(item) => resources::item_concept(site, &item.code),
        None => given.item.clone(),
    };
    kept.medication_codeable_concept = Some(concept);
    let encounter = dose.patient.current();
    kept.context = encounter.map(|e| Reference::to(ResourceType::Encounter, &e.id));
    kept.effective_date_time = Some(resources::time(given.activity));
    kept.performer = performers(site, given);
    kept.status_reason = given.reason.iter().cloned().collect();
    if let Some(order) = &dose.order {
        let mut request = Reference::to(ResourceType::MedicationRequest, &order.id);
        request.identifier = resources::number(order);
        kept.request = Some(request);
    }
    if given.status != MedicationAdministrationStatus::NotDone {
        let unit = match (given.quantity.unit.as_str(), dose.item) {
            ("", Some(item)) => item.unit.clone(),
            (unit, _) => unit.to_owned(),
        };
        let value = Some(fhir::Decimal::from(given.quantity.value));
        let dose = Quantity { value, unit: Some(unit), ..Quantity::default() };
        kept.dosage = Some(AdministrationDosage { dose: Some(dose), ..Default::default() });
    }
    kept
}

fn performers(site: &Site, given: &Administration) -> Vec<AdministrationPerformer> {
    let person = AdministrationPerformer::new(resources::staff(site, &given.performer));
    let witness = given.witness.as_deref().map(|witness| {
        let mut performer = AdministrationPerformer::new(resources::staff(site, witness));
        performer.function = Some(resources::witness_function());
        performer
    });
    std::iter::once(person).chain(witness).collect()
}
