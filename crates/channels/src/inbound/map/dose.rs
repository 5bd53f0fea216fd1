//! The dose of one timing (TQ1-2, TQ.1), which stands in the place of the order's own.

use fhir::types::{Dosage, DoseAndRate, Quantity};
use hl7v2::Segment;
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use super::quantity::{check_sign, quantity};
use crate::inbound::source::{Source, exact};

/// A dose as one timing tells it.
#[derive(Debug)]
pub(crate) struct OwnDose {
    value: Decimal,
    /// In the words of the formulary; empty where the timing names none.
    unit: String,
    /// Where it stands, as `TQ1[2]-2`.
    place: String,
    /// Whether a TQ tells it (RXE-1, ORC-7) and no TQ1.
    in_tq: bool,
}

impl OwnDose {
    /// Reads a CQ. A dose of zero is, as in RXE-3, no dose.
    pub(crate) fn read(
        source: &Source<'_, '_>,
        segment: &Segment<'_>,
        field: usize,
        (value, unit): (&str, &str),
    ) -> Result<Option<Self>, Problem> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(None);
        }
        let value = exact(value).ok_or_else(|| {
            let text = "the dose of this timing is not a number that can be kept exactly";
            source.problem(ProblemCode::BadValue, segment, field, text)
        })?;
        check_sign(source, segment, field, value)?;
        let place = source.place(segment, field);
        let in_tq = !segment.is("TQ1");
        let own = OwnDose { value, unit: unit.to_owned(), place, in_tq };
        Ok(Some(own).filter(|own| !own.value.is_zero()))
    }

    fn problem(&self, text: &str) -> Problem {
        Problem::new(ProblemCode::BadValue, text).at(self.place.clone())
    }

    /// Makes it the dose of `dosage`, whose order tells its dose in `unit` (RXE-5).
    pub(crate) fn apply(&self, unit: &str, dosage: &mut Dosage) -> Result<(), Problem> {
        let unit = match (self.unit.as_str(), unit) {
            ("", "") => return Err(self.problem("the dose of this timing has no unit")),
            ("", unit) => unit,
            (own, "") => own,
            (own, unit) if own == unit => own,
            _ => return Err(self.problem("the dose of this timing is in another unit")),
        };
        if dosage.dose_and_rate.is_empty() {
            dosage.dose_and_rate.push(DoseAndRate::default());
        }
        let first = &mut dosage.dose_and_rate[0];
        first.dose_range = None;
        first.dose_quantity = Some(quantity(self.value, unit));
        Ok(())
    }
}

/// Whether a timing's dose leaves the order's own in its place: the bare number of a TQ beside an
/// amount with its unit.
///
/// RXE-3 is the exact amount of the order (HL7 2.5.1 §4.14.4.3). The first component of a TQ says
/// how much is done each time, 1 unless something else is sent (§2.A.81.1): to some senders it is
/// the same amount again, to others a number of doses. What may be either says nothing against
/// RXE-3 where it is the same number or a 1; else, or where timings differ, nobody can tell.
pub(crate) fn leaves_own(
    own: &OwnDose,
    all: &[&OwnDose],
    dosage: &Dosage,
) -> Result<bool, Problem> {
    if !own.in_tq || !own.unit.is_empty() {
        return Ok(false);
    }
    let Some(told) = dosage.dose_and_rate.first() else { return Ok(false) };
    if told.dose_quantity.is_none() && told.dose_range.is_none() {
        return Ok(false);
    }
    let differ = all.iter().any(|other| other.value != own.value);
    if is_of(told, own.value) || (own.value == Decimal::ONE && !differ) {
        return Ok(true);
    }
    let text = "a number without a unit beside an amount with one may be a number of doses or \
                another amount";
    Err(own.problem(text))
}

/// Whether a number is the amount of a dose, or in its range.
fn is_of(told: &DoseAndRate, number: Decimal) -> bool {
    let value = |quantity: &Option<Quantity>| Some(quantity.as_ref()?.value.as_ref()?.value());
    match &told.dose_range {
        Some(range) => {
            value(&range.low).is_none_or(|low| low <= number)
                && value(&range.high).is_none_or(|high| number <= high)
        }
        None => value(&told.dose_quantity).is_none_or(|dose| dose == number),
    }
}

/// Refuses a bare 1 of a TQ1 that is not the order's own dose. HL7 2.5.1 §4.5.4.2 also uses TQ1-2
/// to count what is done each time, so that the 1 may be one unit as well as once the whole dose.
/// Another number without a unit, in any timing, says that they are doses.
pub(crate) fn check_bare(own: &[&OwnDose], dosage: &Dosage) -> Result<(), Problem> {
    let mut bare = own.iter().filter(|dose| dose.unit.is_empty() && !dose.in_tq);
    let Some(first) = bare.next().filter(|dose| dose.value == Decimal::ONE) else {
        return Ok(());
    };
    let is_one = dosage.dose_and_rate.first().is_none_or(|told| is_of(told, Decimal::ONE));
    if is_one || bare.any(|dose| dose.value != Decimal::ONE) {
        return Ok(());
    }
    Err(first.problem("a 1 without a unit may be one unit or once the whole dose"))
}
