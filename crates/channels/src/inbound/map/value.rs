//! OBX-5 by its type (OBX-2) to `value[x]` of an Observation.

use fhir::resources::{Observation, ObservationComponent, ReferenceRange};
use fhir::types::{CodeableConcept, Comparator, Quantity, Range, Ratio};
use hl7v2::Segment;
use rust_decimal::Decimal;

use super::coded::{self, Local};
use super::quantity::decimal;
use super::{filing, time};
use crate::inbound::source::{Doubt, Source, exact, trimmed};

/// Units that mean one thing however little is said of them, with their UCUM codes. `U` alone is
/// not among them: laboratories write it for several units.
const UCUM_CODES: [(&str, &str); 24] = [
    ("mmol/L", "mmol/L"),
    ("mmol/l", "mmol/L"),
    ("umol/L", "umol/L"),
    ("umol/l", "umol/L"),
    ("nmol/L", "nmol/L"),
    ("pmol/L", "pmol/L"),
    ("g/L", "g/L"),
    ("g/l", "g/L"),
    ("mg/L", "mg/L"),
    ("mg/l", "mg/L"),
    ("g/dL", "g/dL"),
    ("mg/dL", "mg/dL"),
    ("ng/mL", "ng/mL"),
    ("ng/L", "ng/L"),
    ("U/L", "U/L"),
    ("fL", "fL"),
    ("pg", "pg"),
    ("%", "%"),
    ("kg", "kg"),
    ("cm", "cm"),
    ("mmHg", "mm[Hg]"),
    ("mm[Hg]", "mm[Hg]"),
    ("Cel", "Cel"),
    ("/min", "/min"),
];

/// The most repetitions of a value that are read.
const MAX_VALUES: usize = 256;

/// Puts the value of OBX-5 into the observation. A value that is not of its type is kept in
/// words, with a doubt: a result must not be lost for its form.
pub(crate) fn read(source: &Source<'_, '_>, obx: &Segment<'_>, to: &mut Observation) {
    let field = obx.field(5);
    if field.is_absent() || field.is_null() {
        return;
    }
    let kind = trimmed(obx.text(2, 1));
    let taken = match &*kind {
        "NM" => number(obx, to),
        "SN" => structured(obx, to),
        "CE" | "CWE" | "CNE" | "CF" | "IS" | "ID" => coded(source, obx, to),
        "TS" | "DT" | "DTM" => {
            to.value_date_time = filing::date_time(source, obx, 5);
            to.value_date_time.is_some()
        }
        "TM" => {
            to.value_time = time::of_day(&field.text());
            to.value_time.is_some()
        }
        "CQ" => {
            to.value_quantity = composite(obx);
            to.value_quantity.is_some()
        }
        "" | "ST" | "TX" | "FT" => {
            to.value_string = words(obx);
            return;
        }
        _ => false,
    };
    if !taken {
        to.value_string = words(obx);
        if matches!(&*kind, "NM" | "SN" | "TS" | "DT" | "DTM" | "TM") {
            source.doubt(Doubt::LeftOut { location: source.place(obx, 5) });
        }
    }
}

/// All of OBX-5 in words, each repetition a line.
pub(crate) fn words(obx: &Segment<'_>) -> Option<String> {
    let lines = obx.field(5).repetitions().take(MAX_VALUES);
    let text = lines.map(|line| line.free_text().into_owned()).collect::<Vec<_>>().join("\n");
    (!text.trim().is_empty()).then(|| text.trim_end().to_owned())
}

/// The unit of OBX-6: as a UCUM code where it says so, else as it is written.
fn in_unit(obx: &Segment<'_>, value: Decimal) -> Quantity {
    let text = |component: usize| trimmed(obx.text(6, component));
    let (code, words, system) = (text(1), text(2), text(3));
    if system == "UCUM" && !code.is_empty() {
        let shown = if words.is_empty() { &code } else { &words };
        return Quantity::of(decimal(value), shown, fhir::systems::UCUM, &code);
    }
    let unit = if code.is_empty() { words } else { code };
    match UCUM_CODES.iter().find(|(written, _)| *written == unit) {
        Some((_, code)) => Quantity::of(decimal(value), &unit, fhir::systems::UCUM, code),
        None => Quantity {
            value: Some(decimal(value)),
            unit: (!unit.is_empty()).then(|| unit.into_owned()),
            ..Quantity::default()
        },
    }
}

fn number(obx: &Segment<'_>, to: &mut Observation) -> bool {
    if obx.field(5).repetitions().nth(1).is_some() {
        return false;
    }
    let text = obx.text(5, 1);
    let Some(value) = exact(text.trim()) else { return false };
    to.value_quantity = Some(in_unit(obx, value));
    true
}

/// SN (HL7 2.5.1 §2.A.70): comparator, number, separator, number.
fn structured(obx: &Segment<'_>, to: &mut Observation) -> bool {
    let text = |component: usize| trimmed(obx.text(5, component));
    let (comparator, separator) = (text(1), text(3));
    let (first, second) = (exact(&text(2)), exact(&text(4)));
    let comparator = match &*comparator {
        "" | "=" => None,
        "<" => Some(Comparator::Less),
        "<=" => Some(Comparator::LessOrEqual),
        ">" => Some(Comparator::Greater),
        ">=" => Some(Comparator::GreaterOrEqual),
        _ => return false,
    };
    match (first, &*separator, second, comparator) {
        (Some(one), "", None, comparator) => {
            to.value_quantity = Some(Quantity { comparator, ..in_unit(obx, one) });
        }
        (Some(low), "-", Some(high), None) => {
            let (low, high) = (Some(in_unit(obx, low)), Some(in_unit(obx, high)));
            to.value_range = Some(Range { low, high });
        }
        (Some(one), ":" | "/", Some(other), comparator) => {
            let plain = |value| Quantity { value: Some(decimal(value)), ..Quantity::default() };
            let numerator = Some(Quantity { comparator, ..plain(one) });
            to.value_ratio = Some(Ratio { numerator, denominator: Some(plain(other)) });
        }
        _ => return false,
    }
    true
}

/// CQ (HL7 2.5.1 §2.A.14): an amount with its unit.
fn composite(obx: &Segment<'_>) -> Option<Quantity> {
    let value = exact(obx.text(5, 1).trim())?;
    let unit = obx.field(5).component(2).subcomponent(1).text().trim().to_owned();
    let unit = (!unit.is_empty()).then_some(unit);
    Some(Quantity { value: Some(decimal(value)), unit, ..Quantity::default() })
}

/// A coded value. Several of them are several findings, each a component of its own.
fn coded(source: &Source<'_, '_>, obx: &Segment<'_>, to: &mut Observation) -> bool {
    let mut all = coded::all(source, &obx.field(5), Local::Of("result"));
    match all.len() {
        0 => return false,
        1 => to.value_codeable_concept = all.pop(),
        _ => {
            for value in all {
                let mut part = ObservationComponent::new(to.code.clone());
                part.value_codeable_concept = Some(value);
                to.component.push(part);
            }
        }
    }
    true
}

/// OBX-8 (HL7 table 0078). The codes are those of FHIR; what is none of them stays in words.
pub(crate) fn interpretation(obx: &Segment<'_>) -> Vec<CodeableConcept> {
    let flags = obx.field(8).repetitions().take(MAX_VALUES);
    let flags = flags.map(|flag| trimmed(flag.text()).into_owned());
    let concept = |flag: String| {
        let known = matches!(
            &*flag,
            "L" | "H"
                | "LL"
                | "HH"
                | "<"
                | ">"
                | "N"
                | "A"
                | "AA"
                | "U"
                | "D"
                | "B"
                | "W"
                | "S"
                | "R"
                | "I"
                | "MS"
                | "VS"
                | "POS"
                | "NEG"
                | "IND"
                | "NR"
                | "RR"
                | "WR"
                | "DET"
                | "ND"
                | "HU"
                | "LU"
                | "E"
                | "SDD"
                | "SYN-R"
                | "NS"
                | "SYN-S"
                | "EXP"
                | "UNE"
        );
        if known {
            CodeableConcept::of(fhir::systems::INTERPRETATION, &flag, None)
        } else {
            CodeableConcept::from_text(&flag)
        }
    };
    flags.filter(|flag| !flag.is_empty()).map(concept).collect()
}

/// OBX-7: its words, and the numbers in `3.5-5.0`, `<5` and `>5`.
pub(crate) fn reference_range(obx: &Segment<'_>) -> Option<ReferenceRange> {
    let text = obx.field(7).free_text().trim().to_owned();
    if text.is_empty() {
        return None;
    }
    let mut range = ReferenceRange::default();
    let amount = |text: &str| Some(in_unit(obx, exact(text.trim())?));
    if let Some(high) = text.strip_prefix("<=").or_else(|| text.strip_prefix('<')) {
        range.high = amount(high);
    } else if let Some(low) = text.strip_prefix(">=").or_else(|| text.strip_prefix('>')) {
        range.low = amount(low);
    } else if let Some((low, high)) = text.split_once('-')
        && let (Some(low), Some(high)) = (amount(low), amount(high))
    {
        (range.low, range.high) = (Some(low), Some(high));
    }
    range.text = Some(text);
    Some(range)
}
