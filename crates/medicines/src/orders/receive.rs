//! A message about orders: all of them take effect, or none does.

use std::sync::Arc;

use fhir::StoredResource;
use jiff::Timestamp;

use super::{Control, OrderMessage, change, hold, place, resume, stop};
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::deliveries::{Subject, VersionOf, tell_cabinets};
use crate::facts::{Facts, problem};
use crate::patients::{find, identifier_key};
use crate::state::{OrderState, PatientState, State};

/// The most orders in one message.
const MAX_ORDERS: usize = 200;

/// One order of a message with what it is about, found.
pub(super) struct Told<'a> {
    pub(super) message: &'a OrderMessage,
    /// The placer's number, `system|value`.
    pub(super) number: String,
    pub(super) patient: Arc<PatientState>,
    /// When the message says that it was entered: a sender whose clock runs ahead must not put its
    /// word beyond the next one, so never later than now.
    pub(super) activity: Timestamp,
    /// The client that writes it as a resource; none where it is told as a message.
    pub(super) by: Option<&'a str>,
    /// The version that such a client writes, whole.
    pub(super) version: Option<&'a StoredResource>,
}

/// Takes over what the prescriber's system says of its orders, and tells the cabinets.
pub fn receive(
    state: &mut State,
    ctx: &Context,
    messages: &[OrderMessage],
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    if messages.is_empty() || messages.len() > MAX_ORDERS {
        return problem(ProblemCode::SegmentMissing, "A message has 1 to 200 orders.");
    }
    let mut numbers: Vec<String> = Vec::with_capacity(messages.len());
    for message in messages {
        let told = understand(state, ctx, message)?;
        let replaced = message.replaces.as_ref().and_then(identifier_key);
        // Two words about one order in one message would both be judged by the state before it.
        let twice = |number: &String| numbers.contains(number);
        if twice(&told.number) || replaced.as_ref().is_some_and(twice) {
            let text = "The message tells twice of the same order: send them one after the other.";
            return Err(at(message, Problem::new(ProblemCode::DuplicateOrder, text), 2));
        }
        act(state, &mut facts, &told).map_err(|problem| at(message, problem, 2))?;
        numbers.push(told.number);
        numbers.extend(replaced);
    }
    Ok(facts.done())
}

fn understand<'a>(
    state: &mut State,
    ctx: &Context,
    message: &'a OrderMessage,
) -> Result<Told<'a>, Problem> {
    let Some(number) = identifier_key(&message.placer) else {
        let text = "The order has no placer number.";
        return Err(at(message, Problem::new(ProblemCode::FieldMissing, text), 2));
    };
    let patient = find(state, &message.patient)?;
    let activity = message.activity.min(ctx.now);
    Ok(Told { message, number, patient, activity, by: None, version: None })
}

/// The problem at a field of the order's ORC, unless it is elsewhere already.
fn at(message: &OrderMessage, problem: Problem, field: usize) -> Problem {
    if problem.location.is_some() {
        return problem;
    }
    problem.at(format!("ORC[{}]-{field}", message.index))
}

/// Takes over what is told of one order.
pub(super) fn act(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
) -> Result<(), Problem> {
    match told.message.control {
        Control::New => place::place(state, facts, told),
        Control::Change => change::change(state, facts, told),
        Control::Hold => hold::hold(state, facts, told),
        Control::Resume => resume::resume(state, facts, told),
        Control::Stop => stop::stop(state, facts, told),
        Control::Cancel => stop::cancel(state, facts, told),
    }
}

/// The order that the message is about: it exists, is the patient's, and the message is not older
/// than what was acted on before.
pub(super) fn known(state: &mut State, told: &Told<'_>) -> Result<Arc<OrderState>, Problem> {
    let Some(order) = state.order_by(&told.number) else {
        let text = "No order has this number: have the prescribing system send the order, then \
                    replay.";
        return problem(ProblemCode::UnknownOrder, text);
    };
    if order.patient != told.patient.id {
        let text = "The order belongs to another patient: have the prescribing system correct \
                    it, then replay.";
        return problem(ProblemCode::UnknownOrder, text);
    }
    if order.by.as_deref() != told.by {
        let text = "The order was told by another system, which alone changes it: change it \
                    there.";
        return problem(ProblemCode::OrderState, text);
    }
    // An end is final and always the safe side: it is heard however late it comes.
    let ends = matches!(told.message.control, Control::Stop | Control::Cancel);
    if !ends && order.entered().is_some_and(|entered| told.activity < entered) {
        let text = "A newer message about this order was acted on before.";
        return problem(ProblemCode::Superseded, text);
    }
    Ok(order)
}

/// The same, for an order that can still be acted on.
pub(super) fn open(state: &mut State, told: &Told<'_>) -> Result<Arc<OrderState>, Problem> {
    let order = known(state, told)?;
    if order.is_open() {
        return Ok(order);
    }
    let text = "The order has ended and cannot be changed: a new order is needed.";
    problem(ProblemCode::OrderState, text)
}

/// Tells the cabinets of the patient's ward of a new version of an order.
pub(super) fn tell(
    facts: &mut Facts<'_>,
    patient: &PatientState,
    control: Control,
    order: VersionOf,
) {
    // A patient who left is still on the cabinets' list for a while: an end has to reach them.
    let ends = matches!(control, Control::Stop | Control::Cancel | Control::Hold);
    let last = patient.encounters.last().and_then(|stay| stay.ward.as_deref());
    let Some(ward) = patient.ward().or(last.filter(|_| ends)) else { return };
    let notice = Subject::of(patient).order(control, order);
    tell_cabinets(facts, &[ward], &patient.id, &notice);
}
