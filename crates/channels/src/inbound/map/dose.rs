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
        let own = OwnDose { value, unit: unit.to_owned(), place };
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

/// Refuses a bare 1 that is not the order's own dose. HL7 2.5.1 §4.5.4.2 also uses TQ1-2 to count
/// what is done each time, so that the 1 may be one unit as well as once the whole dose. Another
/// number without a unit, in any timing, says that they are doses.
pub(crate) fn check_bare(own: &[&OwnDose], dosage: &Dosage) -> Result<(), Problem> {
    let mut bare = own.iter().filter(|dose| dose.unit.is_empty());
    let Some(first) = bare.next().filter(|dose| dose.value == Decimal::ONE) else {
        return Ok(());
    };
    let told = dosage.dose_and_rate.first();
    let value = |quantity: &Option<Quantity>| Some(quantity.as_ref()?.value.as_ref()?.value());
    let is_one = told.is_none_or(|told| match (&told.dose_range, value(&told.dose_quantity)) {
        (Some(range), _) => {
            value(&range.low).is_none_or(|low| low <= Decimal::ONE)
                && value(&range.high).is_none_or(|high| Decimal::ONE <= high)
        }
        (None, dose) => dose.is_none_or(|dose| dose == Decimal::ONE),
    });
    if is_one || bare.any(|dose| dose.value != Decimal::ONE) {
        return Ok(());
    }
    Err(first.problem("a 1 without a unit may be one unit or once the whole dose"))
}
