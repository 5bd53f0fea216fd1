//! Whether an order that is written as a resource says exactly what may be taken, and when.
//!
//! A message is mapped to the elements that the live state reads, and parked where it cannot be. A
//! resource can hold more than those elements say: whatever would be left out, or could be read in
//! two ways, is told to the one who writes it, with its place.

use std::collections::BTreeMap;

use fhir::primitives::Precision;
use fhir::resources::{MedicationRequest, MedicationRequestStatus};
use fhir::systems::UCUM;
use fhir::types::{Dosage, DoseAndRate, Quantity as FhirQuantity, Repeat, UnitOfTime};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Rhythm, contradicts, length, local_code, rhythm_of};
use crate::Quantity;
use crate::quantity::is_plausible;
use crate::state::{Schedule, maximum, schedule};

/// The most instructions of one order; the live state keeps so many steps of a taper.
const MAX_DOSAGES: usize = 64;

/// What cannot be read exactly, as the path of the element and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inexact {
    /// `MedicationRequest.dosageInstruction[0].timing`.
    pub(crate) place: String,
    /// In words, without patient data.
    pub(crate) text: &'static str,
}

/// One instruction and its place in the order.
struct At<'a> {
    dosage: &'a Dosage,
    number: usize,
}

type Rule = fn(&At<'_>) -> Result<(), Inexact>;

/// What each instruction has to meet; the first that it does not is told.
const RULES: [Rule; 7] = [dose, most, pattern, when, code, words, end];

/// Finds what of an order cannot be read exactly.
pub(crate) fn exact(order: &MedicationRequest) -> Result<(), Inexact> {
    let fault = |place: &str, text| Err(Inexact { place: of_order(place), text });
    if order.status != MedicationRequestStatus::Active
        && order.status != MedicationRequestStatus::OnHold
    {
        return Ok(());
    }
    if order.do_not_perform == Some(true) {
        let text = "An order not to give something permits nothing: it is not kept as an order.";
        return fault("doNotPerform", text);
    }
    if order.dispense_request.as_ref().is_some_and(|supply| supply.validity_period.is_some()) {
        let text = "From when to when an order is given is told in \
                    dosageInstruction.timing.repeat.boundsPeriod.";
        return fault("dispenseRequest.validityPeriod", text);
    }
    let all = &order.dosage_instruction;
    if all.is_empty() || all.len() > MAX_DOSAGES {
        return fault("dosageInstruction", "An order needs 1 to 64 instructions.");
    }
    for (number, dosage) in all.iter().enumerate() {
        let at = At { dosage, number };
        RULES.iter().try_for_each(|rule| rule(&at))?;
        long(order, &at)?;
    }
    follow(all)
}

fn of_order(place: &str) -> String {
    format!("MedicationRequest.{place}")
}

impl At<'_> {
    fn fault(&self, place: &str, text: &'static str) -> Result<(), Inexact> {
        Err(self.inexact(place, text))
    }

    fn inexact(&self, place: &str, text: &'static str) -> Inexact {
        let place = of_order(&format!("dosageInstruction[{}].{place}", self.number));
        Inexact { place, text }
    }

    fn as_needed(&self) -> bool {
        self.dosage.as_needed_boolean == Some(true)
            || self.dosage.as_needed_codeable_concept.is_some()
    }

    fn repeat(&self) -> Option<&Repeat> {
        self.dosage.timing.as_ref()?.repeat.as_ref()
    }

    /// An amount: a number above nothing with a unit that is read in one way.
    fn amount(&self, quantity: Option<&FhirQuantity>, place: &str) -> Result<Quantity, Inexact> {
        let missing = "Say how much, as a number with its unit.";
        let told = quantity.ok_or(missing).and_then(read);
        told.map_err(|text| self.inexact(place, text))
    }
}

fn read(quantity: &FhirQuantity) -> Result<Quantity, &'static str> {
    let value = quantity.value.as_ref().map(fhir::Decimal::value);
    let value = value.filter(|value| *value > Decimal::ZERO && is_plausible(*value));
    let value = value.ok_or("This is no amount above nothing and below a billion.")?;
    if quantity.comparator.is_some() {
        return Err("A bound is no amount: leave the comparator out.");
    }
    let code = quantity.code.as_deref().unwrap_or_default();
    let unit = quantity.unit.as_deref().unwrap_or(code);
    let told = Quantity::new(value, unit);
    if told.unit.is_empty() {
        return Err("An amount needs its unit.");
    }
    // Annotations and arbitrary units of UCUM have no other name that could be compared.
    let comparable = quantity.system.as_deref() == Some(UCUM) && !code.contains(['{', '[', '1']);
    if comparable && !code.is_empty() {
        let coded = Quantity::new(value, code);
        if told.in_unit_of(&coded) != Some(value) {
            return Err("The unit and its code are not the same as they are read here: write the \
                        unit as its code, mg for instance.");
        }
    }
    Ok(told)
}

fn dose(at: &At<'_>) -> Result<(), Inexact> {
    let [told] = at.dosage.dose_and_rate.as_slice() else {
        let text = "An instruction needs its dose as an amount, told once; words are not read.";
        return at.fault("doseAndRate", text);
    };
    let DoseAndRate { dose_range, dose_quantity, rate_ratio, rate_range, rate_quantity, .. } = told;
    let largest = match (dose_range, dose_quantity) {
        (Some(_), Some(_)) => {
            return at.fault("doseAndRate[0]", "A dose is an amount or a range, not both.");
        }
        (Some(range), None) => {
            let place = "doseAndRate[0].doseRange";
            let high = at.amount(range.high.as_ref(), &format!("{place}.high"))?;
            let low = range.low.as_ref();
            let low = low.map(|_| at.amount(low, &format!("{place}.low"))).transpose()?;
            if low.is_some_and(|low| low.unit != high.unit || low.value > high.value) {
                return at.fault(place, "The ends of the range are not in order, or in one unit.");
            }
            high
        }
        (None, Some(_)) => at.amount(dose_quantity.as_ref(), "doseAndRate[0].doseQuantity")?,
        // What is infused for as long as it runs has a rate and no dose.
        (None, None) if rate_ratio.is_some() || rate_quantity.is_some() => return Ok(()),
        (None, None) if rate_range.is_some() => {
            return at.fault("doseAndRate[0].rateRange", "A rate is one rate.");
        }
        (None, None) => return at.fault("doseAndRate[0]", "Say how much one dose is."),
    };
    let Some(each) = &at.dosage.max_dose_per_administration else { return Ok(()) };
    let place = "maxDosePerAdministration";
    let each = at.amount(Some(each), place)?;
    if largest.in_unit_of(&each).is_some_and(|dose| dose <= each.value) {
        return Ok(());
    }
    at.fault(place, "The dose is more than this, or cannot be compared with it.")
}

fn most(at: &At<'_>) -> Result<(), Inexact> {
    if at.dosage.max_dose_per_lifetime.is_some() {
        let text = "What somebody got in a life is not counted here.";
        return at.fault("maxDosePerLifetime", text);
    }
    let Some(most) = &at.dosage.max_dose_per_period else { return Ok(()) };
    at.amount(most.numerator.as_ref(), "maxDosePerPeriod.numerator")?;
    if maximum(at.dosage).is_some() {
        return Ok(());
    }
    let text = "The most is counted for one day (1 d) or 24 hours (24 h).";
    at.fault("maxDosePerPeriod.denominator", text)
}

/// What a pattern of times may not have, because it would be left out.
fn pattern(at: &At<'_>) -> Result<(), Inexact> {
    if at.dosage.timing.as_ref().is_some_and(|timing| !timing.event.is_empty()) {
        let text = "Single times are not read: tell a pattern in timing.repeat, or an order of \
                    its own for each.";
        return at.fault("timing.event", text);
    }
    let Some(repeat) = at.repeat() else { return Ok(()) };
    if repeat.count_max.is_some() {
        return at.fault("timing.repeat.countMax", "The number of doses is one number.");
    }
    if repeat.count == Some(0) || repeat.frequency == Some(0) {
        return at.fault("timing.repeat", "An order has one dose or more.");
    }
    if [&repeat.period, &repeat.period_max].into_iter().flatten().any(|n| !is_above(n)) {
        return at.fault("timing.repeat.period", "A period is longer than nothing.");
    }
    let ranged = repeat.frequency_max.is_some() || repeat.period_max.is_some();
    if ranged && at.dosage.text.as_deref().is_none_or(|text| text.trim().is_empty()) {
        let text = "A range of times has no code for cabinets: say it in words as well.";
        return at.fault("text", text);
    }
    let a_week = repeat.period_unit == Some(UnitOfTime::Week);
    if !repeat.day_of_week.is_empty() && !a_week {
        let text = "Days of the week need how often a week: a frequency and the period 1 wk.";
        return at.fault("timing.repeat.dayOfWeek", text);
    }
    let times = repeat.time_of_day.len();
    let a_day = match (repeat.period_unit, &repeat.period) {
        (None, None) => true,
        (Some(UnitOfTime::Day), period) => {
            period.as_ref().is_none_or(|n| n.value() == Decimal::ONE)
        }
        _ => false,
    };
    let as_many = repeat.frequency.is_none_or(|n| usize::try_from(n) == Ok(times));
    if times > 0 && !(a_day && as_many) {
        let text = "Times of the day are as many as the doses of one day.";
        return at.fault("timing.repeat.timeOfDay", text);
    }
    Ok(())
}

fn is_above(number: &fhir::Decimal) -> bool {
    number.value() > Decimal::ZERO
}

/// How often: an order that says it in words alone, or not at all, could be taken at any time.
fn when(at: &At<'_>) -> Result<(), Inexact> {
    let Some(timing) = &at.dosage.timing else {
        let text = "Say how often it is given, in timing.repeat, or that it is as needed.";
        return if at.as_needed() { Ok(()) } else { at.fault("timing", text) };
    };
    let Some(repeat) = &timing.repeat else {
        let text = "A code or words for how often are not read: say it in timing.repeat.";
        return at.fault("timing.repeat", text);
    };
    let has_interval = repeat.frequency.is_some() || repeat.period.is_some();
    let told = match schedule(at.dosage) {
        Schedule::Unknown => false,
        // As often as needed, or no more often than an interval that is read.
        Schedule::AsNeeded(0) => !has_interval,
        _ => true,
    };
    if told {
        return Ok(());
    }
    let text = "How often cannot be told: give frequency, period and periodUnit, or times of the \
                day, or the count 1.";
    at.fault("timing.repeat", text)
}

/// A code beside the pattern says the same where it is known: the cabinets and people may read it.
fn code(at: &At<'_>) -> Result<(), Inexact> {
    let code = at.dosage.timing.as_ref().and_then(|timing| timing.code.as_ref());
    let Some(code) = code else { return Ok(()) };
    let mut words = code.coding.iter().filter_map(|it| it.code.as_ref()).chain(&code.text);
    let none = BTreeMap::new();
    let differs =
        |word: &String| rhythm_of(word, &none).is_some_and(|meant| contradicts(&meant, at.dosage));
    if words.any(differs) {
        let text = "The code says something else than timing.repeat, by which it is given.";
        return at.fault("timing.code", text);
    }
    Ok(())
}

/// What no code says to a cabinet is said in words.
fn words(at: &At<'_>) -> Result<(), Inexact> {
    let Some(repeat) = at.repeat().filter(|repeat| repeat.time_of_day.is_empty()) else {
        return Ok(());
    };
    let wordless = at.dosage.text.as_deref().is_none_or(|text| text.trim().is_empty());
    let code = || {
        let rhythm = Rhythm::of(repeat, at.as_needed())?.stated(repeat);
        local_code(&rhythm, &BTreeMap::new()).map(|_| ())
    };
    if wordless && code().is_none() {
        return at.fault("text", "No code for cabinets says how often: say it in words as well.");
    }
    Ok(())
}

/// From when to when.
fn end(at: &At<'_>) -> Result<(), Inexact> {
    let Some(repeat) = at.repeat() else { return Ok(()) };
    if repeat.bounds_range.is_some() {
        let text = "A range of lengths does not say when it ends: tell the start and the end as \
                    boundsPeriod.";
        return at.fault("timing.repeat.boundsRange", text);
    }
    let (start, end) = bounds(at.dosage);
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        return at.fault("timing.repeat.boundsPeriod", "The end is not after the start.");
    }
    Ok(())
}

/// For how long, from when the order was written.
fn long(order: &MedicationRequest, at: &At<'_>) -> Result<(), Inexact> {
    let told = at.repeat().is_some_and(|repeat| repeat.bounds_duration.is_some());
    if !told || length(order).is_some() {
        return Ok(());
    }
    let text = "A length of time is that of one instruction, counts from authoredOn with its time, \
                and is told in min, h, d or wk of UCUM; else tell the start and the end as \
                boundsPeriod.";
    at.fault("timing.repeat.boundsDuration", text)
}

fn bounds(dosage: &Dosage) -> (Option<Timestamp>, Option<Timestamp>) {
    let repeat = dosage.timing.as_ref().and_then(|timing| timing.repeat.as_ref());
    let period = repeat.and_then(|repeat| repeat.bounds_period.as_ref());
    let start = period.and_then(|period| period.start.as_ref());
    let end = period.and_then(|period| period.end.as_ref());
    // A day ends with its last moment, a time is itself.
    let last = |end: &fhir::DateTime| match end.precision() {
        Precision::Year | Precision::Month | Precision::Day => end.upper(),
        Precision::Minute | Precision::Second | Precision::Fraction => end.lower(),
    };
    (start.map(fhir::DateTime::lower), end.map(last))
}

/// Several instructions follow one another, each with the time after the one before. Two that are
/// in force together could be one dose or two.
fn follow(all: &[Dosage]) -> Result<(), Inexact> {
    for (pair, number) in all.windows(2).zip(1_usize..) {
        let (ends, starts) = (bounds(&pair[0]).1, bounds(&pair[1]).0);
        if ends.zip(starts).is_none_or(|(ends, starts)| ends > starts) {
            let text = "Several instructions need times that follow one another, each with its \
                        start and end (boundsPeriod): what is given beside it is an order of its \
                        own.";
            let at = At { dosage: &pair[1], number };
            return at.fault("timing.repeat.boundsPeriod", text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The place of the first fault in an order with these instructions, each with the dose 1 g
    /// unless it says its own.
    fn check(dosages: &serde_json::Value, expected: Option<&str>) {
        let mut dosages = dosages.clone();
        for dosage in dosages.as_array_mut().unwrap() {
            let dosage = dosage.as_object_mut().unwrap();
            let dose = json!([{"doseQuantity": {"value": 1, "unit": "g"}}]);
            dosage.entry("doseAndRate").or_insert(dose);
        }
        let order = json!({
            "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "subject": {}, "authoredOn": "2026-11-20T10:15:00Z",
            "dosageInstruction": dosages,
        });
        let order = MedicationRequest::from_slice(order.to_string().as_bytes()).unwrap();
        let found = exact(&order).err().map(|fault| fault.place);
        let expected = expected.map(|place| format!("MedicationRequest.{place}"));
        assert_eq!(found, expected, "{dosages}");
    }

    fn timing(repeat: &serde_json::Value) -> serde_json::Value {
        json!([{ "timing": { "repeat": repeat } }])
    }

    #[test]
    fn how_often_is_read_from_its_elements_alone() {
        let check = |repeat, place: Option<&str>| {
            let place = place.map(|place| format!("dosageInstruction[0].timing.repeat{place}"));
            check(&timing(&repeat), place.as_deref());
        };
        check(json!({"frequency": 4, "period": 1, "periodUnit": "d"}), None);
        check(json!({"period": 6, "periodUnit": "h"}), None);
        check(json!({"count": 1}), None);
        check(json!({"timeOfDay": ["08:00:00", "20:00:00"]}), None);
        let weekly = json!({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"]});
        check(weekly, None);
        check(json!({"when": ["MORN"]}), Some(""));
        check(json!({"frequency": 4}), Some(""));
        check(json!({"frequency": 0, "period": 1, "periodUnit": "d"}), Some(""));
        check(json!({"period": 0, "periodUnit": "h"}), Some(".period"));
        check(json!({"count": 2, "countMax": 3}), Some(".countMax"));
        let days = json!({"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon"]});
        check(days, Some(".dayOfWeek"));
        let times = json!({"frequency": 3, "period": 1, "periodUnit": "d",
            "timeOfDay": ["08:00:00"]});
        check(times, Some(".timeOfDay"));
        let length = |code| {
            let length = json!({"value": 5, "code": code});
            json!({"period": 6, "periodUnit": "h", "boundsDuration": length})
        };
        check(length("d"), None);
        check(length("mo"), Some(".boundsDuration"));
        let over = json!({"period": 6, "periodUnit": "h",
            "boundsPeriod": {"start": "2026-11-21", "end": "2026-11-20"}});
        check(over, Some(".boundsPeriod"));
    }

    #[test]
    fn a_code_says_what_its_pattern_says() {
        let coded = |code: &str, repeat: serde_json::Value, as_needed, place: Option<&str>| {
            let one = json!({ "coding": [{ "code": "1" }, { "code": code }] });
            for code in [one, json!({ "text": code })] {
                let place = place.map(|place| format!("dosageInstruction[0].{place}"));
                let dosage = json!([{ "text": "x", "asNeededBoolean": as_needed,
                    "timing": { "code": code, "repeat": repeat } }]);
                check(&dosage, place.as_deref());
            }
        };
        let wrong = Some("timing.code");
        let every = |period, unit| json!({"period": period, "periodUnit": unit});
        let daily = |n| json!({"frequency": n, "period": 1, "periodUnit": "d"});
        coded("BID", daily(2), false, None);
        coded("BD", json!({"timeOfDay": ["08:00:00", "20:00:00"]}), false, None);
        coded("BID", every(36, "h"), false, wrong);
        coded("BID", every(12, "h"), false, wrong);
        coded("q6h", every(6, "h"), false, None);
        coded("Q6H", daily(4), false, wrong);
        coded("local", every(36, "h"), false, None);
        coded("PRN Q4H", every(4, "h"), true, None);
        coded("Q4H", every(4, "h"), true, None);
        coded("PRN", every(4, "h"), true, None);
        coded("PRN Q4H", every(4, "h"), false, wrong);
        coded("PRN Q4H", every(6, "h"), true, wrong);
        coded("Q4H", json!({}), true, wrong);
        coded("STAT", json!({"count": 1}), false, None);
        coded("STAT", daily(1), false, wrong);
        coded("BD", json!({"count": 1}), false, wrong);
        let weekly =
            |day| json!({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": [day]});
        coded("Q1J5", weekly("fri"), false, None);
        coded("WEEKLY", weekly("fri"), false, None);
        coded("Q1J5", weekly("mon"), false, wrong);
        let range = json!({"period": 4, "periodMax": 6, "periodUnit": "h"});
        coded("Q4H", range.clone(), true, None);
        coded("Q6H", range, true, wrong);
        // What no code says needs words.
        let place = Some("dosageInstruction[0].text");
        check(&timing(&every(36, "h")), None);
        let often = json!({"frequency": 3, "period": 36, "periodUnit": "h"});
        check(&timing(&often), place);
    }

    #[test]
    fn words_are_not_read() {
        check(&json!([]), Some("dosageInstruction"));
        check(&json!([{"text": "1 g QDS"}]), Some("dosageInstruction[0].timing"));
        let code = json!([{"timing": {"code": {"text": "QDS"}}}]);
        check(&code, Some("dosageInstruction[0].timing.repeat"));
        check(&json!([{"asNeededBoolean": true}]), None);
        let code = json!([{"asNeededBoolean": true, "timing": {"code": {"text": "Q4H"}}}]);
        check(&code, Some("dosageInstruction[0].timing.repeat"));
        let at = json!([{"timing": {"event": ["2026-11-20"]}}]);
        check(&at, Some("dosageInstruction[0].timing.event"));
        let range = json!([{"asNeededBoolean": true, "timing": {"repeat":
            {"period": 4, "periodMax": 6, "periodUnit": "h"}}}]);
        check(&range, Some("dosageInstruction[0].text"));
    }

    #[test]
    fn a_dose_is_one_amount_with_its_unit() {
        let check = |doses: serde_json::Value, more: &str, place: Option<&str>| {
            let mut dosage = json!({"asNeededBoolean": true, "doseAndRate": doses});
            if let Some((name, value)) = more.split_once('=') {
                dosage[name] = serde_json::from_str(value).unwrap();
            }
            let place = place.map(|place| format!("dosageInstruction[0].{place}"));
            check(&json!([dosage]), place.as_deref());
        };
        let one = |quantity| json!([{ "doseQuantity": quantity }]);
        let ucum = |unit: &str, code: &str| {
            one(json!({"value": 1, "unit": unit, "code": code,
                "system": "http://unitsofmeasure.org"}))
        };
        let place = Some("doseAndRate[0].doseQuantity");
        check(json!([]), "", Some("doseAndRate"));
        check(json!([{}, {}]), "", Some("doseAndRate"));
        check(json!([{}]), "", Some("doseAndRate[0]"));
        check(one(json!({"value": 1})), "", place);
        check(one(json!({"value": 0, "unit": "g"})), "", place);
        check(one(json!({"value": 1, "unit": "g", "comparator": "<"})), "", place);
        check(ucum("g", "g"), "", None);
        check(ucum("gram", "g"), "", None);
        check(ucum("g", "mg"), "", place);
        check(ucum("tablet", "{tablet}"), "", None);
        check(json!([{"rateQuantity": {"value": 1, "unit": "ml/h"}}]), "", None);
        let range = |low, high| {
            json!([{"doseRange": {"low": {"value": low, "unit": "g"},
                "high": {"value": high, "unit": "g"}}}])
        };
        check(range(1, 2), "", None);
        check(range(2, 1), "", Some("doseAndRate[0].doseRange"));
        let g = ucum("g", "g");
        let most = |unit: &str| {
            format!(
                r#"maxDosePerPeriod={{"numerator":{{"value":4,"unit":"g"}},
                "denominator":{{"value":1,"code":"{unit}"}}}}"#
            )
        };
        check(g.clone(), &most("d"), None);
        check(g.clone(), &most("wk"), Some("maxDosePerPeriod.denominator"));
        let each =
            |value: &str| format!("maxDosePerAdministration={{\"value\":{value},\"unit\":\"mg\"}}");
        check(g.clone(), &each("1000"), None);
        check(g.clone(), &each("999"), Some("maxDosePerAdministration"));
        check(g, "maxDosePerLifetime={\"value\":1,\"unit\":\"g\"}", Some("maxDosePerLifetime"));
    }

    #[test]
    fn instructions_follow_one_another() {
        let step = |start: &str, end: &str| {
            json!({"timing": {"repeat": {"period": 1, "periodUnit": "d",
                "boundsPeriod": {"start": start, "end": end}}}})
        };
        let (one, two) = ("2026-11-20T08:00:00Z", "2026-11-22T08:00:00Z");
        let three = "2026-11-24T08:00:00Z";
        check(&json!([step(one, two), step(two, three)]), None);
        let place = Some("dosageInstruction[1].timing.repeat.boundsPeriod");
        check(&json!([step(one, three), step(two, three)]), place);
        check(&json!([step(one, two), step(one, two)]), place);
        let together = json!([{"asNeededBoolean": true}, {"asNeededBoolean": true}]);
        check(&together, place);
    }
}
