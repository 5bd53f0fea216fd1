//! Values of resources, and whether they meet a value of a query (R4 §3.1.1.5), in plain rules.

use fhir_definitions::SearchKind;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use serde_json::Value;

const UCUM: &str = "http://unitsofmeasure.org";

/// What a resource can be found by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Val {
    /// System and code; of a plain code the system is not known to the resource.
    Token {
        system: Option<String>,
        code: String,
        plain: bool,
    },
    /// Words of a code.
    Words(String),
    Text(String),
    /// From the first instant to the first after.
    Date(Timestamp, Timestamp),
    Quantity {
        value: Decimal,
        system: String,
        code: String,
        unit: String,
    },
    /// `Type/id`, or another address.
    Reference(String),
    Uri(String),
    Number(Decimal),
    /// The values of each part of a composite, at one place.
    Together(Vec<Vec<Val>>),
}

pub(super) fn values_of(kind: SearchKind, ty: &str, value: &Value) -> Vec<Val> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let member = |name: &str| text(&value[name]);
    match (kind, ty) {
        (SearchKind::Token, "CodeableConcept") => {
            let codings = value["coding"].as_array().into_iter().flatten();
            let codings = codings.flat_map(|one| values_of(kind, "Coding", one));
            codings.chain(member("text").map(Val::Words)).collect()
        }
        (SearchKind::Token, "Coding") => {
            let code = member("code").map(|code| token(member("system"), code));
            code.into_iter().chain(member("display").map(Val::Words)).collect()
        }
        (SearchKind::Token, "Identifier") => {
            member("value").map(|code| token(member("system"), code)).into_iter().collect()
        }
        (SearchKind::Token, "ContactPoint") => member("value").map(plain).into_iter().collect(),
        (SearchKind::Token, "boolean") => vec![plain(value.to_string())],
        (SearchKind::Token, _) => text(value).map(plain).into_iter().collect(),
        (SearchKind::Reference, "Reference") => {
            // What is contained is no resource of the server, and nothing is found by it.
            let address = member("reference").filter(|it| !it.starts_with('#'));
            address.map(Val::Reference).into_iter().collect()
        }
        (SearchKind::String, "HumanName" | "Address") => {
            const PARTS: [&str; 12] = [
                "family",
                "given",
                "prefix",
                "suffix",
                "text",
                "line",
                "city",
                "district",
                "state",
                "postalCode",
                "country",
                "",
            ];
            let items = |part: &&str| match &value[*part] {
                Value::Array(items) => items.clone(),
                other => vec![other.clone()],
            };
            PARTS.iter().flat_map(items).filter_map(|one| text(&one)).map(Val::Text).collect()
        }
        (SearchKind::String, _) => text(value).map(Val::Text).into_iter().collect(),
        (SearchKind::Date, _) => date(ty, value).into_iter().collect(),
        (SearchKind::Quantity, _) => quantity(ty, value).into_iter().collect(),
        (SearchKind::Number, _) => match value {
            Value::Number(number) => vec![Val::Number(decimal(&number.to_string()))],
            _ => Vec::new(),
        },
        (SearchKind::Uri, _) => text(value).map(Val::Uri).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn date(ty: &str, value: &Value) -> Option<Val> {
    if ty != "Period" {
        return value.as_str().map(range).map(|(lower, upper)| Val::Date(lower, upper));
    }
    let (start, end) = (value["start"].as_str(), value["end"].as_str());
    if start.is_none() && end.is_none() {
        return None;
    }
    let lower = start.map_or(Timestamp::MIN, |start| range(start).0);
    Some(Val::Date(lower, end.map_or(Timestamp::MAX, |end| range(end).1)))
}

fn quantity(ty: &str, value: &Value) -> Option<Val> {
    let Value::Number(number) = &value["value"] else { return None };
    let member = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let (system, code) = match ty {
        "Money" => ("urn:iso:std:iso:4217".to_owned(), member("currency")),
        _ => (member("system"), member("code")),
    };
    Some(Val::Quantity { value: decimal(&number.to_string()), system, code, unit: member("unit") })
}

fn token(system: Option<String>, code: String) -> Val {
    Val::Token { system, code, plain: false }
}

fn plain(code: String) -> Val {
    Val::Token { system: None, code, plain: true }
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|_| Decimal::from_scientific(text).unwrap())
}

/// Whether the values of a resource meet what stands behind the equals sign.
pub(super) fn meets(modifier: &str, wanted: &str, values: &[Val]) -> bool {
    let counts = |value: &&Val| !matches!(value, Val::Words(_));
    if modifier == "missing" {
        return values.iter().any(|value| counts(&value)) == (wanted == "false");
    }
    let one = |wanted: &str| values.iter().any(|value| matches(modifier, wanted, value));
    wanted.split(',').any(one) != (modifier == "not")
}

fn matches(modifier: &str, wanted: &str, value: &Val) -> bool {
    match value {
        Val::Token { system, code, plain } => match (modifier, wanted.split_once('|')) {
            ("text", _) => false,
            (_, None) => code == wanted,
            (_, Some(("", code_only))) => !*plain && system.is_none() && code == code_only,
            (_, Some((of, ""))) => system.as_deref() == Some(of),
            (_, Some((of, wanted))) => (*plain || system.as_deref() == Some(of)) && code == wanted,
        },
        Val::Words(words) => modifier == "text" && letters(words).starts_with(&letters(wanted)),
        Val::Text(text) => match modifier {
            "exact" => text == wanted,
            "contains" => letters(text).contains(&letters(wanted)),
            _ => letters(text).starts_with(&letters(wanted)),
        },
        Val::Date(lower, upper) => date_meets(wanted, *lower, *upper),
        Val::Quantity { value, system, code, unit } => {
            let mut parts = wanted.split('|');
            let number = parts.next().unwrap();
            let (of, in_unit) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            if of == UCUM && system == UCUM {
                // The units of Synthea that measure the same, and how many of the first one is.
                let (factor, base) = base_of(code);
                let (wanted_factor, wanted_base) = base_of(in_unit);
                return base == wanted_base
                    && number_meets(number, *value * factor / wanted_factor);
            }
            let fits = in_unit.is_empty() || code == in_unit || of.is_empty() && unit == in_unit;
            fits && (of.is_empty() || of == system) && number_meets(number, *value)
        }
        Val::Number(value) => number_meets(wanted, *value),
        Val::Reference(reference) if wanted.contains('/') => reference == wanted,
        Val::Reference(reference) => {
            let (of, id) = reference.split_once('/').unwrap_or(("", reference));
            id == wanted && (modifier.is_empty() || modifier == of)
        }
        Val::Uri(uri) => match modifier {
            "below" => uri == wanted || uri.starts_with(&format!("{wanted}/")),
            "above" => uri == wanted || wanted.starts_with(&format!("{uri}/")),
            _ => uri == wanted,
        },
        Val::Together(parts) => {
            let wanted: Vec<&str> = wanted.split('$').collect();
            let part = |(values, wanted): (&Vec<Val>, &&str)| {
                values.iter().any(|value| matches("", wanted, value))
            };
            parts.len() == wanted.len() && parts.iter().zip(&wanted).all(part)
        }
    }
}

fn base_of(unit: &str) -> (Decimal, &str) {
    let thousandth = Decimal::new(1, 3);
    match unit {
        "mg/dL" => (thousandth * Decimal::TEN, "g/L"),
        "g/dL" => (Decimal::TEN, "g/L"),
        "10*3/uL" => (thousandth, "10*6/uL"),
        "pg" => (Decimal::new(1, 15), "kg"),
        "kU/L" => (Decimal::ONE_THOUSAND, "U/L"),
        // A year of 365.25 days.
        "/a" => (Decimal::ONE / Decimal::from(525_960), "/min"),
        // Counts and scores are numbers without a unit.
        "{score}" | "{#}" | "{count}" | "{T-score}" => (Decimal::ONE, "1"),
        "%" => (Decimal::new(1, 2), "1"),
        other => (Decimal::ONE, other),
    }
}

/// Small letters without accents.
pub(super) fn letters(text: &str) -> String {
    let plain = |letter: char| match letter {
        'á' | 'à' | 'ã' => 'a',
        'é' | 'è' => 'e',
        'í' => 'i',
        'ó' | 'ö' => 'o',
        'ú' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        other => other,
    };
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
        .chars()
        .map(plain)
        .collect()
}

fn split_prefix(text: &str) -> (&str, &str) {
    let known = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
    match known.iter().find(|prefix| text.starts_with(**prefix)) {
        Some(prefix) => (prefix, &text[2..]),
        None => ("eq", text),
    }
}

/// Whether a number meets `ge5.4` and the like (R4 §3.1.1.5.9).
fn number_meets(wanted: &str, value: Decimal) -> bool {
    let (prefix, digits) = split_prefix(wanted);
    let number = decimal(digits);
    let decimals = digits.split_once('.').map_or(0, |(_, after)| after.len());
    let half = Decimal::new(5, u32::try_from(decimals + 1).unwrap());
    let within = value >= number - half && value < number + half;
    match prefix {
        "eq" => within,
        "ne" => !within,
        "gt" | "sa" => value > number,
        "lt" | "eb" => value < number,
        "ge" => value >= number,
        "le" => value <= number,
        _ => (value - number).abs() <= number.abs() / Decimal::TEN,
    }
}

/// Whether a stretch of time meets `ge2020-01` and the like (R4 §3.1.1.5.8).
fn date_meets(wanted: &str, lower: Timestamp, upper: Timestamp) -> bool {
    let (prefix, date) = split_prefix(wanted);
    let (first, last) = range(date);
    let inside = first <= lower && upper <= last;
    match prefix {
        "eq" => inside,
        "ne" => !inside,
        "gt" => upper > last,
        "lt" => lower < first,
        "ge" => upper > last || inside,
        "le" => lower < first || inside,
        "sa" => lower >= last,
        "eb" => upper <= first,
        // A day on both sides, as the documentation of the server says.
        _ => lower < last + 24.hours() && upper > first - 24.hours(),
    }
}

/// From the first instant that a date means to the first that it does not.
pub(super) fn range(text: &str) -> (Timestamp, Timestamp) {
    if text.contains('T') {
        let lower: Timestamp = text.parse().unwrap();
        let fraction = text
            .split_once('.')
            .map_or(0, |(_, after)| after.bytes().take_while(u8::is_ascii_digit).count());
        let unit = 10_i64.pow(9 - u32::try_from(fraction).unwrap());
        return (lower, lower + unit.nanoseconds());
    }
    let number = |at: usize, or: i16| text.split('-').nth(at).map_or(or, |it| it.parse().unwrap());
    let small = |at| i8::try_from(number(at, 1)).unwrap();
    let first = Date::new(number(0, 1), small(1), small(2)).unwrap();
    let after = match text.len() {
        4 => first + 1.year(),
        7 => first + 1.month(),
        _ => first + 1.day(),
    };
    let london = TimeZone::get("Europe/London").unwrap();
    let at = |date: Date| date.to_zoned(london.clone()).unwrap().timestamp();
    (at(first), at(after))
}
