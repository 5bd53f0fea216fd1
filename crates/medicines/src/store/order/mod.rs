//! An order that a prescriber's system writes as a MedicationRequest: the decision of its message.
//!
//! What a client with the role of a prescriber's system writes of an inpatient order is decided as
//! RDE^O11 is, by `orders`: the order is live, the cabinets are told, and a pharmacist verifies it.
//! The resource is kept as the client wrote it. The loop adds what it judges by: whose order it is,
//! when it was told, in which stay, and what a pharmacist said. What cannot be read exactly is
//! refused with its place, and nothing of it is kept.
//!
//! Only the system that told an order changes it.

mod about;
mod words;

use std::sync::Arc;

use fhir::resources::{MedicationRequest, MedicationRequestIntent, MedicationRequestStatus};
use fhir::systems::{REQUEST_CATEGORY, UK_REQUEST_CATEGORY};
use fhir::{Draft, Id, ResourceType, StoredResource};

use super::governed::{Change, by_its_door, unreadable};
use super::write::Writing;
use super::{Fault, FaultCode};
use crate::command::Problem;
use crate::orders::{Control, Written, exact, number_of, write_in};
use crate::patients::identifier_key;
use crate::state::{OrderState, PatientState, State};

/// Whether the loop acts on the MedicationRequest of that id.
pub(super) fn is_known(state: &mut State, kind: ResourceType, id: &Id) -> bool {
    kind == ResourceType::MedicationRequest && state.order(id).is_some()
}

/// Whether a draft that is to be created is an order of the loop.
pub(super) fn is_of_the_loop(writing: &Writing<'_>, draft: &Draft, id: &Id) -> bool {
    if draft.resource_type != ResourceType::MedicationRequest || !writing.prescribes() {
        return false;
    }
    // Where its links lead says nothing of what it is.
    let links = vec![String::new(); writing.count_links()];
    let trial = draft.store(id.clone(), 1, writing.facts.ctx.now, &links);
    trial.read().is_ok_and(|order| is_order(&order))
}

/// Whether a version is the loop's to decide, rather than a record of an order elsewhere.
pub(super) fn takes(writing: &mut Writing<'_>, change: &Change<'_>) -> Result<bool, Fault> {
    let (kind, id) = (change.after.resource_type, &change.after.id);
    if kind != ResourceType::MedicationRequest {
        return Ok(false);
    }
    let known = change.before.is_some() && is_known(writing.state, kind, id);
    if known && !writing.prescribes() {
        return Err(Fault::new(FaultCode::LoopRule, by_its_door(kind)));
    }
    Ok(known || writing.prescribes() && is_order(&read(change.after)?))
}

/// Whether it asks for something to be given on a ward: an order in force that is not somebody
/// else's word, and not for a patient who is outside (UK Core's categories of a request).
fn is_order(order: &MedicationRequest) -> bool {
    use MedicationRequestIntent as Intent;
    let is_order =
        matches!(order.intent, Intent::Order | Intent::OriginalOrder | Intent::ReflexOrder);
    let is_repeated = order.reported_boolean == Some(true) || order.reported_reference.is_some();
    is_open(order.status) && is_order && !is_repeated && is_for_a_ward(order)
}

fn is_open(status: MedicationRequestStatus) -> bool {
    matches!(status, MedicationRequestStatus::Active | MedicationRequestStatus::OnHold)
}

fn is_for_a_ward(order: &MedicationRequest) -> bool {
    let systems = [Some(REQUEST_CATEGORY), Some(UK_REQUEST_CATEGORY)];
    let all = order.category.iter().flat_map(|category| &category.coding);
    let mut known = all.filter(|it| systems.contains(&it.system.as_deref())).peekable();
    known.peek().is_none() || known.any(|it| it.code.as_deref() == Some("inpatient"))
}

fn read(version: &StoredResource) -> Result<MedicationRequest, Fault> {
    version.read().map_err(|error| unreadable(&error))
}

fn rule(text: impl Into<String>, place: &str) -> Fault {
    let place = match place {
        "" => "MedicationRequest".to_owned(),
        place => format!("MedicationRequest.{place}"),
    };
    Fault::new(FaultCode::LoopRule, text).at(place)
}

/// A version of an order with what it is about, found.
struct Told {
    order: MedicationRequest,
    /// What the loop knows of it; none where it is new to the loop.
    known: Option<Arc<OrderState>>,
    patient: Arc<PatientState>,
    /// Whether it orders something else than the version before.
    differs: bool,
    /// The first member that does, where there is a version before.
    other: Option<String>,
}

impl Told {
    /// Whether it gives the order another status.
    fn turns(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.status() != self.order.status)
    }
}

/// Decides a version, and says whether it is another one than before.
pub(super) fn keep(writing: &mut Writing<'_>, change: &Change<'_>) -> Result<bool, Fault> {
    let told = understand(writing, change)?;
    let placer = about::placer(writing, &told.order)?;
    let number = identifier_key(&placer).unwrap_or_default();
    if told.known.as_ref().is_some_and(|known| *known.number != *number) {
        return Err(rule("An order keeps its number.", "identifier"));
    }
    if !writing.orders.insert(number.clone()) {
        let text = "The write tells twice of the same order: send them one after the other.";
        return Err(rule(text, "identifier"));
    }
    if told.known.is_none() {
        about::is_new(writing, &number)?;
    }
    let asked = asked(&told)?;
    if matches!(asked, Asked::Control(_)) && is_open(told.order.status) {
        check(writing, change, &told)?;
    }
    let Some(version) = words::version(writing, change, &told)? else { return Ok(false) };
    let site = &writing.facts.site.code;
    if version.read().ok().and_then(|kept| number_of(site, &kept)).as_ref() != Some(&number) {
        return Err(rule("The order would be known by another number.", "identifier"));
    }
    let control = match asked {
        Asked::Nothing => return Ok(false),
        Asked::Note => {
            writing.facts.stored(version);
            return Ok(true);
        }
        Asked::Control(control) => control,
    };
    let replaces = match control {
        Control::New => about::replaced(writing, &told)?,
        _ => None,
    };
    let by = writing.client().to_owned();
    let (patient, order) = (told.patient, told.order);
    let written =
        Written { control, placer, number, replaces, patient, by: &by, version: &version, order };
    write_in(writing.state, &mut writing.facts, written).map_err(|problem| refused(&problem))?;
    Ok(true)
}

fn refused(problem: &Problem) -> Fault {
    rule(format!("{}: {}", problem.code.as_str(), problem.text), "")
}

/// Finds whose order it is, and whether this client may change it.
fn understand(writing: &mut Writing<'_>, change: &Change<'_>) -> Result<Told, Fault> {
    let order = read(change.after)?;
    let known = change.before.and_then(|before| writing.state.order(&before.id));
    if let Some(known) = &known
        && known.by.as_deref() != Some(writing.client())
    {
        let text = "The order was told by another system, which alone changes it.";
        return Err(rule(text, ""));
    }
    let patient = about::patient(writing, &order)?;
    if known.as_ref().is_some_and(|known| known.patient != patient.id) {
        let text = "An order stays with its patient: stop it, and write another one.";
        return Err(rule(text, "subject"));
    }
    let before = change.before.filter(|_| known.is_some());
    let ends = is_end(order.status) && known.as_ref().is_some_and(|known| known.is_open());
    let other = before.and_then(|before| words::difference(before, change.after, ends));
    let differs = before.is_none() || other.is_some();
    Ok(Told { order, known, patient, differs, other })
}

/// What a version asks of the loop.
enum Asked {
    /// What an order message would ask.
    Control(Control),
    /// That it was a mistake, when it had ended already: it is kept, and nobody need act.
    Note,
    /// Nothing that is not so already.
    Nothing,
}

fn asked(told: &Told) -> Result<Asked, Fault> {
    use MedicationRequestStatus as Status;
    let status = told.order.status;
    let Some(known) = &told.known else {
        if status == Status::Active {
            return Ok(Asked::Control(Control::New));
        }
        let text = "An order begins active: put it on hold afterwards.";
        return Err(rule(text, "status"));
    };
    let before = known.status();
    let ended = is_end(status);
    if !known.is_open() {
        if !ended || told.differs {
            let text = "The order has ended and cannot be changed: a new order is needed.";
            let place = told.other.as_deref().filter(|_| ended).unwrap_or("status");
            return Err(rule(text, place));
        }
        let mistaken = status == Status::EnteredInError && before != status;
        return Ok(if mistaken { Asked::Note } else { Asked::Nothing });
    }
    // What was given was given on what was ordered, and nobody looks at what ends.
    if let Some(place) = told.other.as_deref().filter(|_| ended) {
        let text = "An order ends as it was ordered: change its status, and nothing of the rest.";
        return Err(rule(text, place));
    }
    Ok(Asked::Control(match status {
        Status::Stopped | Status::Completed => Control::Stop,
        Status::Cancelled | Status::EnteredInError => Control::Cancel,
        Status::OnHold if before == Status::Active => Control::Hold,
        Status::Active if before == Status::OnHold => Control::Resume,
        Status::Active | Status::OnHold => Control::Change,
        Status::Draft | Status::Unknown => {
            let text = "An order in force is put on hold, stopped, cancelled or completed.";
            return Err(rule(text, "status"));
        }
    }))
}

/// Whether an order has ended that has this status.
fn is_end(status: MedicationRequestStatus) -> bool {
    use MedicationRequestStatus as Status;
    matches!(
        status,
        Status::Stopped | Status::Cancelled | Status::Completed | Status::EnteredInError
    )
}

/// Whether all that an order says can be acted on. What was found right before is not looked at
/// again: the formulary may have changed meanwhile, and a hold has to be heard all the same.
fn check(writing: &Writing<'_>, change: &Change<'_>, told: &Told) -> Result<(), Fault> {
    if !told.differs {
        return Ok(());
    }
    if !is_order(&told.order) {
        let text = "An order in force stays one for a ward: stop it, and write another one.";
        let place = if is_for_a_ward(&told.order) { "intent" } else { "category" };
        return Err(rule(text, place));
    }
    about::understood(change.after)?;
    about::medicine(writing, &told.order)?;
    exact(&told.order).map_err(|fault| {
        let text = format!("The order cannot be read exactly. {}", fault.text);
        Fault::new(FaultCode::LoopRule, text).at(fault.place)
    })
}
