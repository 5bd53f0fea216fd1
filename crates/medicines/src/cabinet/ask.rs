//! May this person take this much of this item for this patient at this cabinet, now?

use std::sync::Arc;

use access::{Grant, Right};
use fhir::Id;
use fhir::resources::EncounterStatus;
use fhir::types::Identifier;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::permit::{Permit, RemovalPermit};
use crate::cases::{Case, CaseKind};
use crate::command::{Answer, Context, Decision};
use crate::fact::Access;
use crate::facts::Facts;
use crate::formulary::Item;
use crate::orders::{LiveOrder, NotCovered, NotLive, is_for};
use crate::patients::{find, identifier_key};
use crate::quantity::is_plausible;
use crate::site::{Cabinet, Site};
use crate::state::{OrderState, PatientState, State};
use crate::stock::{Account, Movement, PocketAddress, Transfer, TransferState};

/// The most decimals that a quantity at a cabinet may have.
const MAX_QUANTITY_SCALE: u32 = 3;

/// The question of a cabinet that asks before it opens.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The cabinet, `system/station`.
    pub cabinet: String,
    /// The patient, by any identifier.
    pub patient: Vec<Identifier>,
    /// The placer's number of the order, where the cabinet knows it; else the order is found.
    pub order: Option<Identifier>,
    /// The local formulary code.
    pub item: String,
    /// How much, in the item's unit.
    pub quantity: Decimal,
    /// The staff number of the person at the cabinet.
    pub user: String,
    /// The staff number of a second person, separately signed in.
    pub witness: Option<String>,
    /// Why it is needed without an order.
    pub override_reason: Option<String>,
}

/// Why a removal is refused. The codes are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// No live order of the patient is for the item.
    NoLiveOrder,
    /// The order is on hold.
    OnHold,
    /// The order was stopped or cancelled, or its time is over.
    Stopped,
    /// The order's time has not begun.
    NotStarted,
    /// No pharmacist has verified the order.
    NotVerified,
    /// The last dose was taken too short a time ago.
    TooEarly,
    /// The most that may be given in 24 hours has been taken.
    MaximumReached,
    /// More than one dose.
    QuantityExceedsDose,
    /// The dose of the order cannot be told in units of the item.
    DoseNotComparable,
    /// A quantity that is zero, negative, or has more than three decimals.
    BadQuantity,
    /// No such patient, or more than one.
    UnknownPatient,
    /// The order belongs to another patient, or the patient is merged or discharged.
    WrongPatient,
    /// The cabinet does not serve the patient's ward.
    WrongLocation,
    /// The item is not what the order is for.
    ItemNotOfOrder,
    /// More than one live order fits: the order has to be named.
    AmbiguousOrder,
    /// The formulary has no such item.
    UnknownItem,
    /// The configuration has no such cabinet.
    UnknownCabinet,
    /// The person may not take medicines.
    UserNotAllowed,
    /// The item needs a second, different person.
    WitnessNeeded,
    /// The item may not leave without an order.
    OverrideNotAllowed,
    /// The permit is unknown, lapsed, used, or of another cabinet.
    PermitNotValid,
    /// The same idempotency key came with another question.
    KeyReused,
}

/// A refusal, with a code for the machine and words for the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The coded reason.
    pub code: RefusalCode,
    /// What is the matter and what can be done, in words that hold no patient data.
    pub text: String,
    /// When it would be permitted, for [`RefusalCode::TooEarly`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<Timestamp>,
}

impl RefusalCode {
    /// The code as the interface writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalCode::NoLiveOrder => "no-live-order",
            RefusalCode::OnHold => "on-hold",
            RefusalCode::Stopped => "stopped",
            RefusalCode::NotStarted => "not-started",
            RefusalCode::NotVerified => "not-verified",
            RefusalCode::TooEarly => "too-early",
            RefusalCode::MaximumReached => "maximum-reached",
            RefusalCode::QuantityExceedsDose => "quantity-exceeds-dose",
            RefusalCode::DoseNotComparable => "dose-not-comparable",
            RefusalCode::BadQuantity => "bad-quantity",
            RefusalCode::UnknownPatient => "unknown-patient",
            RefusalCode::WrongPatient => "wrong-patient",
            RefusalCode::WrongLocation => "wrong-location",
            RefusalCode::ItemNotOfOrder => "item-not-of-order",
            RefusalCode::AmbiguousOrder => "ambiguous-order",
            RefusalCode::UnknownItem => "unknown-item",
            RefusalCode::UnknownCabinet => "unknown-cabinet",
            RefusalCode::UserNotAllowed => "user-not-allowed",
            RefusalCode::WitnessNeeded => "witness-needed",
            RefusalCode::OverrideNotAllowed => "override-not-allowed",
            RefusalCode::PermitNotValid => "permit-not-valid",
            RefusalCode::KeyReused => "key-reused",
        }
    }
}

impl Refusal {
    /// A refusal with its words.
    pub(super) fn new(code: RefusalCode, text: &str) -> Self {
        Refusal { code, text: text.to_owned(), earliest: None }
    }
}

/// Decides the question: a permit, by an order or by an override with its case, or a refusal.
pub fn ask(state: &mut State, ctx: &Context, asked: &Asked) -> Decision {
    let site = Arc::clone(state.site());
    let place = match place(state, &site, ctx, asked) {
        Ok(place) => place,
        Err(refusal) => return refuse(state, &site, ctx, asked, refusal),
    };
    let permit = order(state, &site, ctx, asked, &place);
    match permit.or_else(|refusal| override_instead(asked, &place, refusal)) {
        Ok(permit) => permitted(&site, ctx, asked, &place, permit),
        Err(refusal) => refuse(state, &site, ctx, asked, refusal),
    }
}

/// What every removal needs, order or not: a cabinet, an item, people and a patient who is there.
struct Place<'a> {
    cabinet: &'a Cabinet,
    item: &'a Item,
    patient: Arc<PatientState>,
    grant: Grant,
}

fn place<'a>(
    state: &mut State,
    site: &'a Site,
    ctx: &Context,
    asked: &Asked,
) -> Result<Place<'a>, Refusal> {
    let cabinet = site.cabinet(&asked.cabinet).ok_or_else(|| {
        Refusal::new(RefusalCode::UnknownCabinet, "This cabinet is not in the configuration.")
    })?;
    let item = site.item(&asked.item).ok_or_else(|| {
        Refusal::new(RefusalCode::UnknownItem, "This item is not in the formulary.")
    })?;
    let scale = asked.quantity.normalize().scale();
    if asked.quantity <= Decimal::ZERO
        || scale > MAX_QUANTITY_SCALE
        || !is_plausible(asked.quantity)
    {
        let text = "Ask for a quantity above zero, with three decimals at the most.";
        return Err(Refusal::new(RefusalCode::BadQuantity, text));
    }
    let grant = people(site, item, asked)?;
    let patient = find_patient(state, asked)?;
    is_there(&patient, cabinet, ctx, site)?;
    Ok(Place { cabinet, item, patient, grant })
}

/// The person may take medicines; a second person stands by where the item needs one.
fn people(site: &Site, item: &Item, asked: &Asked) -> Result<Grant, Refusal> {
    let grant = access::allow(site.person(&asked.user), Right::RemoveMedicine)
        .map_err(|denial| Refusal::new(RefusalCode::UserNotAllowed, &format!("{denial}.")))?;
    if item.witness {
        let witness = asked.witness.as_deref().filter(|witness| *witness != asked.user);
        let witness = witness.and_then(|witness| site.person(witness));
        access::allow(witness, Right::Witness).map_err(|_| {
            let text = "This item needs a second, different person who may witness.";
            Refusal::new(RefusalCode::WitnessNeeded, text)
        })?;
    }
    Ok(grant)
}

fn find_patient(state: &mut State, asked: &Asked) -> Result<Arc<PatientState>, Refusal> {
    find(state, &asked.patient).map_err(|_| {
        let text = "No patient, or more than one, has this identifier.";
        Refusal::new(RefusalCode::UnknownPatient, text)
    })
}

/// The patient is on a ward that the cabinet serves, or left it within the time of grace.
fn is_there(
    patient: &PatientState,
    cabinet: &Cabinet,
    ctx: &Context,
    site: &Site,
) -> Result<(), Refusal> {
    let serves = |ward: Option<&str>| ward.is_some_and(|w| cabinet.wards.iter().any(|x| x == w));
    if let Some(encounter) = patient.current() {
        if serves(encounter.ward.as_deref()) {
            return Ok(());
        }
        let text = "The patient is on a ward that this cabinet does not serve.";
        return Err(Refusal::new(RefusalCode::WrongLocation, text));
    }
    let grace = SignedDuration::from_hours(i64::from(site.policies.discharge_grace_h));
    let recent = |ended: Timestamp| ended.saturating_add(grace).is_ok_and(|till| ctx.now < till);
    let last = patient.encounters.last();
    let left = last.filter(|stay| stay.status == EncounterStatus::Finished);
    if left.is_some_and(|stay| serves(stay.ward.as_deref()) && stay.ended.is_some_and(recent)) {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::WrongPatient, "The patient is not in hospital."))
}

/// The order that covers the removal: the one that was named, or the only one that fits.
fn order(
    state: &mut State,
    site: &Site,
    ctx: &Context,
    asked: &Asked,
    place: &Place<'_>,
) -> Result<RemovalPermit, Refusal> {
    let order = match &asked.order {
        Some(number) => named(state, site, number, place)?,
        None => only_one(state, site, ctx, place)?,
    };
    if !place.patient.stays_for(&order, ctx.now, &site.policies) {
        return Err(not_live(NotLive::Stopped));
    }
    let live = LiveOrder::check(&order, ctx.now, &site.policies).map_err(not_live)?;
    live.covers(place.item, asked.quantity, &site.policies).map_err(not_covered)?;
    Ok(RemovalPermit::by_order(&place.grant, &live))
}

fn named(
    state: &mut State,
    site: &Site,
    number: &Identifier,
    place: &Place<'_>,
) -> Result<Arc<OrderState>, Refusal> {
    let order = identifier_key(number)
        .and_then(|key| state.order_by(&key))
        .ok_or_else(|| Refusal::new(RefusalCode::NoLiveOrder, "No order has this number."))?;
    if order.patient != place.patient.id {
        let text = "The order belongs to another patient.";
        return Err(Refusal::new(RefusalCode::WrongPatient, text));
    }
    if !is_for(&order, place.item, &site.item_system()) {
        let text = "The order is for another medicine than this item.";
        return Err(Refusal::new(RefusalCode::ItemNotOfOrder, text));
    }
    Ok(order)
}

fn only_one(
    state: &mut State,
    site: &Site,
    ctx: &Context,
    place: &Place<'_>,
) -> Result<Arc<OrderState>, Refusal> {
    let system = site.item_system();
    let open = place.patient.orders.clone();
    let orders = open.iter().filter_map(|id| state.order(id));
    let mut fits: Vec<_> = orders
        .filter(|order| is_for(order, place.item, &system))
        .filter(|order| place.patient.stays_for(order, ctx.now, &site.policies))
        .collect();
    if fits.len() > 1 {
        fits.retain(|order| LiveOrder::check(order, ctx.now, &site.policies).is_ok());
        if fits.len() > 1 {
            let text = "More than one order fits: name the order.";
            return Err(Refusal::new(RefusalCode::AmbiguousOrder, text));
        }
    }
    fits.pop().ok_or_else(|| {
        let text = "The patient has no live order for this item.";
        Refusal::new(RefusalCode::NoLiveOrder, text)
    })
}

fn not_live(why: NotLive) -> Refusal {
    let (code, text) = match why {
        NotLive::OnHold => (RefusalCode::OnHold, "The order is on hold."),
        NotLive::Stopped => (RefusalCode::Stopped, "The order was stopped or has ended."),
        NotLive::NotStarted => (RefusalCode::NotStarted, "The order has not begun yet."),
        NotLive::NotVerified => {
            (RefusalCode::NotVerified, "No pharmacist has verified the order yet.")
        }
    };
    Refusal::new(code, text)
}

fn not_covered(why: NotCovered) -> Refusal {
    match why {
        NotCovered::TooEarly(earliest) => {
            let text = "The last dose was taken too short a time ago.";
            let mut refusal = Refusal::new(RefusalCode::TooEarly, text);
            refusal.earliest = Some(earliest);
            refusal
        }
        NotCovered::MaximumReached => {
            let text = "The most that may be given in 24 hours has been taken.";
            Refusal::new(RefusalCode::MaximumReached, text)
        }
        NotCovered::QuantityExceedsDose => {
            Refusal::new(RefusalCode::QuantityExceedsDose, "This is more than one dose.")
        }
        NotCovered::DoseNotComparable => {
            let text = "The dose of the order cannot be told in units of this item.";
            Refusal::new(RefusalCode::DoseNotComparable, text)
        }
    }
}

/// An override, where a reason was given: a permit if the item allows it. Without a reason the
/// refusal stands.
fn override_instead(
    asked: &Asked,
    place: &Place<'_>,
    refusal: Refusal,
) -> Result<RemovalPermit, Refusal> {
    let reason = asked.override_reason.as_deref().map(str::trim).filter(|r| !r.is_empty());
    // Naming another patient's order is a slip of the hand that no reason turns into a need.
    let Some(reason) = reason.filter(|_| refusal.code != RefusalCode::WrongPatient) else {
        return Err(refusal);
    };
    if place.item.override_allowed {
        return Ok(RemovalPermit::by_override(&place.grant, reason));
    }
    let text = format!("{} This item may not leave without an order.", refusal.text);
    Err(Refusal::new(RefusalCode::OverrideNotAllowed, &text))
}

/// Writes the permit down: the units are promised from the cabinet, as a pending transfer.
fn permitted(
    site: &Site,
    ctx: &Context,
    asked: &Asked,
    place: &Place<'_>,
    permit: RemovalPermit,
) -> Decision {
    let mut facts = Facts::new(ctx, site);
    let id = facts.id();
    let case = permit.override_reason().map(|_| {
        let text = "Taken on a reason instead of an order: review it and match it to an order.";
        let mut case = facts.case(CaseKind::Override, "override", text);
        case.removal = Some(id.clone());
        about(&mut case, asked, place);
        let id = case.id.clone();
        facts.open(case);
        id
    });
    let lifetime = SignedDuration::from_secs(i64::from(site.policies.permit_lifetime_s));
    let expires = ctx.now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
    let transfer = reserve(ctx, asked, place, permit, id, case, expires);
    let answer = Permit {
        id: transfer.id.clone(),
        expires,
        item: transfer.item.clone(),
        quantity: transfer.quantity,
        unit: transfer.unit.clone(),
        order: transfer.order.clone(),
        case: transfer.case.clone(),
    };
    facts.moved(transfer);
    facts.answer(Answer::Permitted(Box::new(answer)))
}

fn about(case: &mut Case, asked: &Asked, place: &Place<'_>) {
    case.patient = Some(place.patient.id.clone());
    case.cabinet = Some(asked.cabinet.clone());
    case.item = Some(asked.item.clone());
    case.quantity = Some(asked.quantity);
    case.person = Some(asked.user.clone());
}

/// The pending transfer. The cabinet names the pocket when the removal is done.
fn reserve(
    ctx: &Context,
    asked: &Asked,
    place: &Place<'_>,
    permit: RemovalPermit,
    id: Id,
    case: Option<Id>,
    expires: Timestamp,
) -> Transfer {
    let cabinet = place.cabinet.id();
    let address = PocketAddress::default();
    Transfer {
        movement: Movement::Removal,
        item: place.item.code.clone(),
        batch: None,
        quantity: asked.quantity,
        unit: place.item.unit.clone(),
        from: Account::Pocket { cabinet: cabinet.clone(), address },
        to: Account::Hands(id.clone()),
        state: TransferState::Pending { expires },
        patient: Some(place.patient.id.clone()),
        order: permit.order().cloned(),
        case,
        cabinet: Some(cabinet),
        person: permit.into_person(),
        witness: asked.witness.clone(),
        activity: ctx.now,
        id,
    }
}

/// A refusal, which the journal keeps too.
fn refuse(
    state: &mut State,
    site: &Site,
    ctx: &Context,
    asked: &Asked,
    refusal: Refusal,
) -> Decision {
    let mut facts = Facts::new(ctx, site);
    facts.refused(Access {
        who: asked.user.clone(),
        what: "remove".to_owned(),
        patient: find(state, &asked.patient).ok().map(|patient| patient.id.clone()),
        resource_type: None,
        detail: Some(asked.item.clone()),
        reason: Some(refusal.code.as_str().to_owned()),
        at: ctx.now,
    });
    facts.answer(Answer::Refused(refusal))
}
