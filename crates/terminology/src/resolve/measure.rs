//! How much of a product one dose is.

use rust_decimal::Decimal;

use super::units::{self, Dimension};
use super::{Fit, Order, Refusal};
use crate::kinds::DoseForm;
use crate::views::{Amp, Strength, Term, Vmp};

/// How fast a form lets go of its substance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Release {
    /// At once, or dm+d says nothing else.
    Immediate,
    /// Over hours.
    Modified,
}

impl Release {
    pub(super) fn of(vmp: Vmp<'_>) -> Self {
        let form = form(vmp);
        let modified = form.contains("modified-release") || form.contains("prolonged-release");
        if modified { Self::Modified } else { Self::Immediate }
    }
}

fn form(vmp: Vmp<'_>) -> String {
    vmp.form().map(|form| form.name.to_ascii_lowercase()).unwrap_or_default()
}

/// Into what parts a piece may be divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    Whole,
    Halves,
    Any,
}

/// A part of what is injected or infused is drawn up. Plain tablets may be halved where somebody
/// says so; nothing else is divided.
fn parts(vmp: Vmp<'_>, halves: bool) -> Parts {
    let form = form(vmp);
    if form.contains("injection") || form.contains("infusion") {
        return Parts::Any;
    }
    let whole = ["release", "resistant", "sublingual", "buccal", "effervescent"];
    let plain = form.contains("tablet") && !whole.iter().any(|word| form.contains(word));
    if plain && halves { Parts::Halves } else { Parts::Whole }
}

/// How much of a product one dose is, exactly.
pub(super) fn measure<'a>(
    vmp: Vmp<'a>,
    amp: Option<Amp<'a>>,
    order: &Order<'_>,
) -> Result<Fit<'a>, Refusal> {
    let fit = |quantity, unit, pieces, drawn| Fit { vmp, amp, quantity, unit, pieces, drawn };
    match vmp.dose_form() {
        DoseForm::Discrete => {
            let unit = vmp.unit_dose().ok_or(Refusal::NoStrength)?;
            let quantity = pieces(vmp, unit, order)?;
            let allowed = match parts(vmp, order.halves) {
                Parts::Any => true,
                Parts::Halves => (quantity * Decimal::TWO).is_integer(),
                Parts::Whole => quantity.is_integer(),
            };
            if !allowed {
                return Err(Refusal::PartOfPiece);
            }
            Ok(fit(quantity, unit, Some(quantity.ceil()), drawn(vmp, quantity)))
        }
        DoseForm::Continuous => {
            let (quantity, unit) = measured_out(vmp, order)?;
            let by_piece = units::read(unit.name).is_none();
            if by_piece && !quantity.is_integer() {
                return Err(Refusal::PartOfPiece);
            }
            Ok(fit(quantity, unit, None, None))
        }
        // dm+d does not say how doses of it are told: appliances, and codes of a later release.
        DoseForm::NotApplicable | DoseForm::Unknown(_) => Err(Refusal::NoStrength),
    }
}

/// How much liquid is drawn up of pieces that hold one.
fn drawn(vmp: Vmp<'_>, quantity: Decimal) -> Option<(Decimal, Term<'_>)> {
    let (size, unit) = vmp.unit_dose_size()?;
    let is_liquid = units::read(unit.name).is_some_and(|(what, _)| what == Dimension::Volume);
    let amount = quantity.checked_mul(size).filter(|_| is_liquid)?;
    Some((amount.normalize(), unit))
}

/// How many unit doses an order is.
fn pieces(vmp: Vmp<'_>, piece: Term<'_>, order: &Order<'_>) -> Result<Decimal, Refusal> {
    if units::is_piece(order.unit, piece.name) {
        return Ok(order.dose.normalize());
    }
    // A volume of what is in ampoules needs no strength.
    if let Some((size, unit)) = vmp.unit_dose_size()
        && let Some(dose) = units::convert(order.dose, order.unit, unit.name)
    {
        return units::divide(dose, size).ok_or(Refusal::NotExact);
    }
    let (amount, unit, per) = only_strength(vmp)?;
    if let Some((rate, time)) = order.unit.split_once('/') {
        // Patches: so much in an hour, whatever they hold.
        let (per, per_unit) = per.ok_or(Refusal::Unit)?;
        let is_time =
            |name: &str| units::read(name).is_some_and(|(what, _)| what == Dimension::Time);
        if !is_time(time) || !is_time(per_unit.name) {
            return Err(Refusal::Unit);
        }
        let dose = units::convert(order.dose, rate, unit.name).ok_or(Refusal::Unit)?;
        let hours = units::convert(Decimal::ONE, time, per_unit.name).ok_or(Refusal::Unit)?;
        let of_piece = units::divide(amount, per).ok_or(Refusal::NotExact)?;
        let of_dose = units::divide(dose, hours).ok_or(Refusal::NotExact)?;
        return units::divide(of_dose, of_piece).ok_or(Refusal::NotExact);
    }
    let dose = units::convert(order.dose, order.unit, unit.name).ok_or(Refusal::Unit)?;
    let content = match per {
        None => amount,
        Some((per, per_unit)) => {
            let (size, size_unit) = vmp.unit_dose_size().ok_or(Refusal::NoStrength)?;
            let size = units::convert(size, size_unit.name, per_unit.name);
            let size = size.filter(|_| !is_time(per_unit)).ok_or(Refusal::Unit)?;
            let whole = amount.checked_mul(size).ok_or(Refusal::NotExact)?;
            units::divide(whole, per).ok_or(Refusal::NotExact)?
        }
    };
    units::divide(dose, content).ok_or(Refusal::NotExact)
}

fn is_time(unit: Term<'_>) -> bool {
    units::read(unit.name).is_some_and(|(what, _)| what == Dimension::Time)
}

/// How much of a liquid, cream or inhaler an order is, and in what.
fn measured_out<'a>(vmp: Vmp<'a>, order: &Order<'_>) -> Result<(Decimal, Term<'a>), Refusal> {
    let per_of = |strength: Strength<'a>| strength.per;
    let per_unit = vmp.strengths().find_map(per_of).map(|(_, unit)| unit);
    if let Some(unit) = per_unit {
        if units::is_piece(order.unit, unit.name) {
            return Ok((order.dose.normalize(), unit));
        }
        // A volume or weight of the product itself; a weight of a product whose strength is a
        // weight in a weight could be either, and only a person knows.
        if let Some(dose) = units::convert(order.dose, order.unit, unit.name) {
            let measures = |name: &str| units::read(name).map(|(what, _)| what);
            let doubtful = vmp.strengths().any(|one| {
                one.amount.is_some_and(|(_, of)| measures(of.name) == measures(unit.name))
            });
            return if doubtful { Err(Refusal::Unit) } else { Ok((dose, unit)) };
        }
    }
    let (amount, unit, per) = only_strength(vmp)?;
    let dose = units::convert(order.dose, order.unit, unit.name).ok_or(Refusal::Unit)?;
    let (per, per_unit) = per.ok_or(Refusal::NoStrength)?;
    let whole = dose.checked_mul(per).ok_or(Refusal::NotExact)?;
    Ok((units::divide(whole, amount).ok_or(Refusal::NotExact)?, per_unit))
}

type Content<'a> = (Decimal, Term<'a>, Option<(Decimal, Term<'a>)>);

/// The strength of the only ingredient, whose amount is not zero.
fn only_strength(vmp: Vmp<'_>) -> Result<Content<'_>, Refusal> {
    let mut strengths = vmp.strengths();
    let (Some(strength), None) = (strengths.next(), strengths.next()) else {
        let any = vmp.strengths().next().is_some();
        return Err(if any { Refusal::Combination } else { Refusal::NoStrength });
    };
    let (amount, unit) = strength.amount.ok_or(Refusal::NoStrength)?;
    let is_zero = amount.is_zero() || strength.per.is_some_and(|(per, _)| per.is_zero());
    if is_zero { Err(Refusal::NoStrength) } else { Ok((amount, unit, strength.per)) }
}
