//! Units that doses and strengths are told in, by their UCUM codes and their names in dm+d.

use rust_decimal::Decimal;

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    /// In micrograms.
    Mass,
    /// In millilitres.
    Volume,
    /// In international units, whatever of: never to be told as a mass.
    Activity,
    /// In millimoles.
    Substance,
    /// In hours.
    Time,
}

/// Each unit: its names, what it measures, and how many of the smallest unit of that kind it is,
/// as a mantissa and the decimals behind the point.
const UNITS: &[(&[&str], Dimension, (i64, u32))] = &[
    (&["ng", "nanogram", "nanograms"], Dimension::Mass, (1, 3)),
    (&["ug", "mcg", "microgram", "micrograms"], Dimension::Mass, (1, 0)),
    (&["mg", "milligram", "milligrams"], Dimension::Mass, (1_000, 0)),
    (&["g", "gram", "grams"], Dimension::Mass, (1_000_000, 0)),
    (&["kg", "kilogram"], Dimension::Mass, (1_000_000_000, 0)),
    (&["ul", "microlitre", "microlitres"], Dimension::Volume, (1, 3)),
    (&["ml", "millilitre", "millilitres"], Dimension::Volume, (1, 0)),
    (&["l", "litre", "litres"], Dimension::Volume, (1_000, 0)),
    (&["[iu]", "[usp'u]", "iu", "unit", "units"], Dimension::Activity, (1, 0)),
    (&["k[iu]", "kunit", "kunits"], Dimension::Activity, (1_000, 0)),
    (&["mega u", "megaunit", "m[iu]"], Dimension::Activity, (1_000_000, 0)),
    (&["mmol", "millimole", "millimoles"], Dimension::Substance, (1, 0)),
    (&["h", "hr", "hour", "hours"], Dimension::Time, (1, 0)),
    (&["d", "day", "days"], Dimension::Time, (24, 0)),
];

/// What a unit measures and how much of the smallest unit it is; `None` for pieces and whatever
/// else has no measure.
pub(super) fn read(unit: &str) -> Option<(Dimension, Decimal)> {
    // UCUM's mega is a capital letter: `m[iU]` is a thousandth, which is not resolved.
    if unit.strip_prefix('m').is_some_and(|rest| rest.eq_ignore_ascii_case("[iu]")) {
        return None;
    }
    let wanted = unit.to_ascii_lowercase();
    let (_, dimension, (mantissa, decimals)) =
        UNITS.iter().find(|(names, ..)| names.contains(&wanted.as_str()))?;
    Some((*dimension, Decimal::new(*mantissa, *decimals)))
}

/// How much of `to` an amount of `from` is; `None` where they measure different things, or the
/// number is not exact.
pub(super) fn convert(amount: Decimal, from: &str, to: &str) -> Option<Decimal> {
    if from.eq_ignore_ascii_case(to) {
        return Some(amount);
    }
    let ((measured, factor), (wanted, per)) = (read(from)?, read(to)?);
    if measured != wanted {
        return None;
    }
    divide(amount.checked_mul(factor)?, per)
}

/// The most decimals of an exact result. Strengths have three; a quotient with more than twelve
/// has no end, and its product could be rounded back to the number that was divided.
const MAX_DECIMALS: u32 = 12;

/// Divides exactly: `None` where the result has no end.
pub(super) fn divide(number: Decimal, by: Decimal) -> Option<Decimal> {
    let result = number.checked_div(by)?.normalize();
    let ends = result.scale() <= MAX_DECIMALS && result.checked_mul(by)? == number;
    ends.then_some(result)
}

/// Whether a dose's unit is the name of a piece, such as `tablet`: with or without UCUM's braces,
/// one or more, and a puff of an inhaler is a dose.
pub(super) fn is_piece(unit: &str, piece: &str) -> bool {
    let unit = unit.trim_start_matches('{').trim_end_matches('}').to_ascii_lowercase();
    let piece = piece.to_ascii_lowercase();
    let one = |word: &str| unit == word || unit.strip_suffix('s') == Some(word);
    one(&piece)
        || (piece == "dose" && (one("puff") || one("actuation") || one("spray")))
        || unit.strip_suffix("es") == Some(piece.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions() {
        let number = |text: &str| Decimal::from_str_exact(text).unwrap();
        for (amount, from, to, expected) in [
            ("1", "g", "mg", Some("1000")),
            ("62.5", "ug", "mg", Some("0.0625")),
            ("0.5", "mg", "microgram", Some("500")),
            ("5", "[iU]", "unit", Some("5")),
            ("1", "L", "ml", Some("1000")),
            ("1", "mg", "ml", None),
            ("1", "unit", "mg", None),
            ("1", "m[iU]", "unit", None),
            ("1", "m[IU]", "unit", None),
            ("1", "m[iu]", "unit", None),
            ("1", "tablet", "mg", None),
            ("7", "h", "day", None),
        ] {
            let converted = convert(number(amount), from, to);
            assert_eq!(converted, expected.map(number), "{amount} {from} in {to}");
        }
        assert_eq!(divide(number("1"), number("3")), None);
        assert_eq!(divide(number("1000"), number("24")), None);
        assert_eq!(divide(number("1"), number("8")), Some(number("0.125")));
        assert!(is_piece("{tablet}", "tablet") && is_piece("Tablets", "tablet"));
        assert!(is_piece("patches", "patch") && is_piece("puffs", "dose"));
        assert!(!is_piece("capsule", "tablet"));
    }
}
