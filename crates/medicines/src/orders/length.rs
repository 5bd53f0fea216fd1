//! A course that is told as a length of time: for five days, from when the order was written.

use fhir::primitives::Precision;
use fhir::resources::MedicationRequest;
use fhir::systems::UCUM;
use fhir::types::Quantity;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The longest course that is taken for one, in days.
const MOST_DAYS: i64 = 3_660;
/// A day in seconds.
const DAY_S: i64 = 86_400;

/// From when to when an order goes whose one instruction has a `boundsDuration`: from
/// `authoredOn`, for as long as UCUM says (a day has 24 hours, a week seven days). `None` where it
/// has none, where `authoredOn` is no time, and where the length is not told in minutes, hours,
/// days or weeks.
pub fn length(order: &MedicationRequest) -> Option<(Timestamp, Timestamp)> {
    let [only] = order.dosage_instruction.as_slice() else { return None };
    let repeat = only.timing.as_ref()?.repeat.as_ref()?;
    let length = repeat.bounds_duration.as_ref().filter(|_| repeat.bounds_period.is_none())?;
    let authored = order.authored_on.as_ref()?;
    let start = match authored.precision() {
        // Twelve hours from a day could be over before the order was written.
        Precision::Year | Precision::Month | Precision::Day => return None,
        Precision::Minute | Precision::Second | Precision::Fraction => authored.lower(),
    };
    let end = start.checked_add(SignedDuration::from_secs(seconds(length)?)).ok()?;
    Some((start, end))
}

fn seconds(length: &Quantity) -> Option<i64> {
    let (words, unit): (&[&str], i64) = match length.code.as_deref()? {
        "min" => (&["min", "mins", "minute", "minutes"], 60),
        "h" => (&["h", "hr", "hrs", "hour", "hours"], 3_600),
        "d" => (&["d", "day", "days"], DAY_S),
        "wk" => (&["wk", "week", "weeks"], 7 * DAY_S),
        _ => return None,
    };
    let says_so = |unit: &String| words.iter().any(|word| word.eq_ignore_ascii_case(unit));
    let plain = length.system.as_deref().is_none_or(|system| system == UCUM)
        && length.unit.as_ref().is_none_or(says_so)
        && length.comparator.is_none();
    let value = length.value.as_ref().filter(|_| plain)?.value();
    let seconds = value.checked_mul(Decimal::from(unit))?.to_i64()?;
    (1..=MOST_DAYS * DAY_S).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(authored: Option<&str>, length: &serde_json::Value, expected: Option<[&str; 2]>) {
        let mut order = json!({
            "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "subject": {},
            "dosageInstruction": [{"timing": {"repeat": {"boundsDuration": length}}}],
        });
        if let Some(authored) = authored {
            order["authoredOn"] = authored.into();
        }
        let order = MedicationRequest::from_slice(order.to_string().as_bytes()).unwrap();
        let expected = expected.map(|both| both.map(|time| time.parse::<Timestamp>().unwrap()));
        assert_eq!(super::length(&order).map(<[_; 2]>::from), expected, "{length}");
    }

    #[test]
    fn a_course_counts_from_when_it_was_ordered() {
        let at = Some("2026-11-20T10:15:00Z");
        let long =
            |value: &str, code| json!({"value": value.parse::<f64>().unwrap(), "code": code});
        check(at, &long("5", "d"), Some(["2026-11-20T10:15:00Z", "2026-11-25T10:15:00Z"]));
        check(at, &long("1", "wk"), Some(["2026-11-20T10:15:00Z", "2026-11-27T10:15:00Z"]));
        check(at, &long("1.5", "h"), Some(["2026-11-20T10:15:00Z", "2026-11-20T11:45:00Z"]));
        check(at, &long("90", "min"), Some(["2026-11-20T10:15:00Z", "2026-11-20T11:45:00Z"]));
        check(at, &json!({"value": 2, "unit": "weeks", "code": "d"}), None);
        check(at, &json!({"value": 2, "code": "d", "system": "urn:own"}), None);
        check(Some("2026-11-20"), &long("5", "d"), None);
        // A month is not as long as the next.
        check(at, &long("1", "mo"), None);
        check(at, &long("0", "d"), None);
        check(at, &long("4000", "d"), None);
        check(at, &json!({"value": 5, "unit": "days"}), None);
        check(at, &json!({"value": 5, "code": "d", "comparator": "<"}), None);
        check(None, &long("5", "d"), None);
    }
}
