//! May this person take this much of this item for this patient at this cabinet, now?

use std::sync::Arc;

use access::Grant;
use fhir::Id;
use fhir::types::Identifier;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::choose;
use super::critical::{self, CRITICAL_OVERRIDE};
use super::permit::{Permit, RemovalPermit};
use super::refusal::{Refusal, RefusalCode, not_covered, not_live};
use super::rules::{self, Question};
use crate::cases::{Case, CaseKind};
use crate::command::{Answer, Context, Decision};
use crate::fact::Access;
use crate::facts::Facts;
use crate::formulary::Item;
use crate::orders::{LiveOrder, NotLive, Wanted, is_for};
use crate::patients::{find, identifier_key};
use crate::site::{Cabinet, Site};
use crate::state::{OrderState, PatientState, State};
use crate::stock::{
    Account, Basis, Movement, PocketAddress, Transfer, TransferState, Unusable, usable,
};

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
    /// The last day on which the scanned pack may be used, where the cabinet scans.
    pub expiry: Option<Date>,
}

/// Decides the question: a permit, by an order or by an override with its case, or a refusal.
pub fn ask(state: &mut State, ctx: &Context, asked: &Asked) -> Decision {
    let site = Arc::clone(state.site());
    let place = match place(state, &site, ctx, asked) {
        Ok(place) => place,
        Err(refusal) => return refuse(state, &site, ctx, asked, refusal),
    };
    let permit = order(state, &site, ctx, asked, &place);
    match permit.or_else(|refusal| override_instead(state, ctx, asked, &place, refusal)) {
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
    let item = if asked.item.is_empty() {
        choose::item(state, site, ctx, asked)?
    } else {
        site.item(&asked.item).ok_or_else(|| {
            Refusal::new(RefusalCode::UnknownItem, "This item is not in the formulary.")
        })?
    };
    let patient = find_patient(state, asked)?;
    let question = Question {
        site,
        cabinet,
        item,
        patient: &patient,
        user: &asked.user,
        witness: asked.witness.as_deref(),
        units: asked.quantity,
        expiry: asked.expiry,
        at: ctx.now,
    };
    rules::may(&question)?;
    usable(state, &asked.cabinet, &item.code, ctx.now).map_err(not_usable)?;
    let grant = rules::grant(&question)?;
    Ok(Place { cabinet, item, patient, grant })
}

/// What the ledger says of the batches in the cabinet, whatever was scanned.
fn not_usable(why: Unusable) -> Refusal {
    let (code, text) = match why {
        Unusable::Recalled => (
            RefusalCode::Recalled,
            "What this cabinet holds of the item is recalled, or of an unknown batch.",
        ),
        Unusable::Expired => {
            (RefusalCode::Expired, "What this cabinet holds of the item is out of date.")
        }
    };
    Refusal::new(code, text)
}

pub(super) fn find_patient(state: &mut State, asked: &Asked) -> Result<Arc<PatientState>, Refusal> {
    find(state, &asked.patient).map_err(|_| {
        let text = "No patient, or more than one, has this identifier.";
        Refusal::new(RefusalCode::UnknownPatient, text)
    })
}

/// The order that covers the removal: the one that was named, or the only one that fits.
fn order(
    state: &mut State,
    site: &Site,
    ctx: &Context,
    asked: &Asked,
    place: &Place<'_>,
) -> Result<RemovalPermit, Refusal> {
    rules::fresh(site, state.prescriber_heard(), ctx.now)?;
    let order = match &asked.order {
        Some(number) => named(state, site, ctx, number, place)?,
        None => only_one(state, site, ctx, place)?,
    };
    if !place.patient.stays_for(&order, ctx.now, &site.policies) {
        return Err(not_live(NotLive::Stopped));
    }
    let live = LiveOrder::check(&order, ctx.now, &site.policies).map_err(not_live)?;
    let wanted = Wanted {
        site,
        item: place.item,
        units: asked.quantity,
        recent: &place.patient.recent,
        dictionary: ctx.dictionary(),
    };
    let dose = live.covers(&wanted).map_err(not_covered)?;
    Ok(RemovalPermit::by_order(&place.grant, &live, dose))
}

fn named(
    state: &mut State,
    site: &Site,
    ctx: &Context,
    number: &Identifier,
    place: &Place<'_>,
) -> Result<Arc<OrderState>, Refusal> {
    let order = known(state, number, &place.patient)?;
    if !is_for(&order, place.item, &site.item_system(), ctx.dictionary()) {
        let text = "The order is for another medicine than this item.";
        return Err(Refusal::new(RefusalCode::ItemNotOfOrder, text));
    }
    Ok(order)
}

/// The patient's order of that number.
pub(super) fn known(
    state: &mut State,
    number: &Identifier,
    patient: &PatientState,
) -> Result<Arc<OrderState>, Refusal> {
    let order = identifier_key(number)
        .and_then(|key| state.order_by(&key))
        .ok_or_else(|| Refusal::new(RefusalCode::NoLiveOrder, "No order has this number."))?;
    if order.patient != patient.id {
        let text = "The order belongs to another patient.";
        return Err(Refusal::new(RefusalCode::WrongPatient, text));
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
        .filter(|order| is_for(order, place.item, &system, ctx.dictionary()))
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

/// An override, where a reason was given: a permit if the item allows it. Without a reason the
/// refusal stands.
fn override_instead(
    state: &State,
    ctx: &Context,
    asked: &Asked,
    place: &Place<'_>,
    refusal: Refusal,
) -> Result<RemovalPermit, Refusal> {
    let reason = asked.override_reason.as_deref().map(str::trim).filter(|r| !r.is_empty());
    let critical = state.critical_at(ctx.now).filter(|_| critical::stands_for(refusal.code));
    if let Some(span) = critical.filter(|_| !place.item.is_restricted()) {
        let reason = reason.unwrap_or(&span.reason);
        return Ok(RemovalPermit::by_critical_override(&place.grant, reason));
    }
    // Naming another patient's order is a slip of the hand that no reason turns into a need.
    let Some(reason) = reason.filter(|_| refusal.code != RefusalCode::WrongPatient) else {
        return Err(refusal);
    };
    let roles = &state.site().policies.override_roles;
    let person = state.site().person(&asked.user);
    let may = roles.is_empty() || person.is_some_and(|person| roles.contains(&person.role));
    if may && place.item.override_allowed_in(place.patient.ward()) {
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
        let reason = if permit.is_critical() { CRITICAL_OVERRIDE } else { "override" };
        let mut case = facts.case(CaseKind::Override, reason, text);
        case.removal = Some(id.clone());
        about(&mut case, asked, place);
        let id = case.id.clone();
        facts.open(case);
        id
    });
    let case = case.or_else(|| {
        permit.is_unverified().then(|| {
            let text = "Taken on an order that no pharmacist has verified: verify it now, or \
                        speak to the prescriber.";
            let mut case = facts.case(CaseKind::UnverifiedRemoval, "not-verified", text);
            case.removal = Some(id.clone());
            case.order = permit.order().cloned();
            about(&mut case, asked, place);
            let id = case.id.clone();
            facts.open(case);
            id
        })
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
    case.item = Some(place.item.code.clone());
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
        lots: Vec::new(),
        basis: Basis::default(),
        expiry: None,
        cost: None,
        towards: None,
        quantity: asked.quantity,
        unit: place.item.unit.clone(),
        dose: permit.dose(),
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
