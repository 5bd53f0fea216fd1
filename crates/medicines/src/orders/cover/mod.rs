//! Whether a live order covers so many units of an item now: one rule, one file.

mod amount;
mod course;
mod interval;
mod maximum;
mod period;

use jiff::Timestamp;
use rust_decimal::Decimal;
use terminology::Index;

use super::dose::{Dose, NotTold, dose_of};
use crate::formulary::Item;
use crate::site::Site;
use crate::state::{OrderState, Recent, StepView, Taken};

pub(crate) use interval::least_gap;

/// Why a live order does not cover so many units now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCovered {
    /// The last dose is too fresh; the next may be taken at this time.
    TooEarly(Timestamp),
    /// All doses of the course have been taken.
    CourseOver,
    /// The most that may be given in 24 hours has been taken, on whatever order.
    MaximumReached,
    /// More than one dose.
    QuantityExceedsDose,
    /// The dose cannot be told in units of the item.
    NotTold(NotTold),
}

/// What is wanted of an order.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The configuration in force.
    pub site: &'a Site,
    /// The item.
    pub item: &'a Item,
    /// How many of its units.
    pub units: Decimal,
    /// What the patient got in the last day, on whatever order.
    pub recent: &'a [Recent],
    /// The release of dm+d in use.
    pub dictionary: Option<&'a Index>,
}

/// A question about an order with what follows from the order.
struct Asked<'a> {
    order: &'a OrderState,
    step: StepView<'a>,
    at: Timestamp,
    dose: Dose,
    wanted: &'a Wanted<'a>,
}

type Rule = fn(&Asked<'_>) -> Result<(), NotCovered>;

/// The rules, in the order in which the first that is broken is told.
const RULES: [Rule; 5] =
    [amount::check, course::check, interval::check, period::check, maximum::check];

/// Finds whether the order covers what is wanted at `at`, with what was already taken, and how
/// much one dose is.
pub(super) fn covers(
    order: &OrderState,
    at: Timestamp,
    wanted: &Wanted<'_>,
) -> Result<Dose, NotCovered> {
    let told = |why| NotCovered::NotTold(why);
    let step = order.step_at(at).ok_or(told(NotTold::NoDose))?;
    let dose = step.dose.ok_or(told(NotTold::NoDose))?;
    let dose = dose_of(dose, order, wanted.item, wanted.dictionary).map_err(told)?;
    if dose.taken <= Decimal::ZERO {
        return Err(told(NotTold::NoDose));
    }
    let asked = Asked { order, step, at, dose, wanted };
    RULES.iter().try_for_each(|rule| rule(&asked))?;
    Ok(dose)
}

/// What rounding may add to a sum of parts of doses: thirds and sevenths have no end.
const ROUNDING: Decimal = Decimal::from_parts(1, 0, 0, false, 20);

impl Asked<'_> {
    /// What is asked, as a part of a dose.
    fn part(&self) -> Decimal {
        part(self.wanted.units, self.dose.taken)
    }

    /// What was taken, in doses: each by what a dose was when it was taken. `most` limits a single
    /// removal.
    fn doses<'t>(&self, taken: impl Iterator<Item = &'t Taken>, most: Decimal) -> Decimal {
        taken.map(|taken| part(taken.units, taken.of.unwrap_or(self.dose.taken)).min(most)).sum()
    }

    /// Whether so many doses, with what is asked, are no more than `most`.
    fn fits(&self, doses: Decimal, most: Decimal) -> bool {
        doses.checked_add(self.part()).is_some_and(|all| all <= most + ROUNDING)
    }
}

/// So many units as a part of a dose. A dose of nothing is one dose.
pub(crate) fn part(units: Decimal, dose: Decimal) -> Decimal {
    if units.is_zero() {
        return Decimal::ZERO;
    }
    units.checked_div(dose).unwrap_or(Decimal::ONE)
}
