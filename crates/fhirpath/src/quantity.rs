//! Quantities, and as much of UCUM as comparing them needs.

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;

/// A unit of the calendar, as FHIRPath writes it without quotes (FHIRPath N1 §2.1.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalendarUnit {
    /// Thousandths of a second.
    Millisecond,
    /// Seconds.
    Second,
    /// Minutes.
    Minute,
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Months of the calendar.
    Month,
    /// Years of the calendar.
    Year,
}

impl CalendarUnit {
    /// The unit of that name, in the singular or plural.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text.strip_suffix('s').unwrap_or(text) {
            "year" => Self::Year,
            "month" => Self::Month,
            "week" => Self::Week,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            "second" => Self::Second,
            "millisecond" => Self::Millisecond,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::Millisecond => "millisecond",
        }
    }

    /// The unit of UCUM that is exactly as long; months and years of the calendar have none.
    fn ucum(self) -> Option<&'static str> {
        Some(match self {
            Self::Year | Self::Month => return None,
            Self::Week => "wk",
            Self::Day => "d",
            Self::Hour => "h",
            Self::Minute => "min",
            Self::Second => "s",
            Self::Millisecond => "ms",
        })
    }

    /// The unit by which a date may be moved that a unit of UCUM is.
    fn from_ucum(code: &str) -> Option<Self> {
        [Self::Week, Self::Day, Self::Hour, Self::Minute, Self::Second, Self::Millisecond]
            .into_iter()
            .find(|unit| unit.ucum() == Some(code))
    }

    pub(crate) fn is_date(self) -> bool {
        self >= Self::Day
    }

    /// A count of this unit in whole units of a coarser one.
    pub(crate) fn coarsen(self, count: i64, coarser: Self) -> i64 {
        let milliseconds = |unit| match unit {
            Self::Millisecond => 1,
            Self::Second => 1000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
            Self::Week => 7 * 86_400_000,
            Self::Month => 30 * 86_400_000,
            Self::Year => 365 * 86_400_000_i64,
        };
        match (self, coarser) {
            (Self::Month, Self::Year) => count / 12,
            (Self::Year, Self::Month) => count.saturating_mul(12),
            _ => count.saturating_mul(milliseconds(self)) / milliseconds(coarser),
        }
    }
}

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A unit of the calendar.
    Calendar(CalendarUnit),
    /// A code of UCUM.
    Ucum(Box<str>),
}

impl Unit {
    /// A unit that was written between quotes; words of the calendar are that.
    pub(crate) fn ucum(code: &str) -> Self {
        CalendarUnit::parse(code).map_or_else(|| Self::Ucum(code.into()), Self::Calendar)
    }

    /// The unit `1`.
    pub(crate) fn one() -> Self {
        Self::Ucum("1".into())
    }

    /// By what a date is moved; `None` for what is no time, and for UCUM's mean months and years.
    pub(crate) fn calendar(&self) -> Option<CalendarUnit> {
        match self {
            Self::Calendar(unit) => Some(*unit),
            Self::Ucum(code) => CalendarUnit::from_ucum(code),
        }
    }

    /// How many of the base units one is, and which.
    fn canonical(&self) -> Option<Canonical> {
        match self {
            Self::Calendar(unit) => {
                if let Some(code) = unit.ucum() {
                    return canonical(code);
                }
                // A month of the calendar is compared with years alone: a dimension of its own.
                let months = if *unit == CalendarUnit::Year { 12 } else { 1 };
                let mut dimensions = [0; DIMENSIONS];
                dimensions[CALENDAR] = 1;
                Some((Decimal::from(months), dimensions))
            }
            Self::Ucum(code) => canonical(code),
        }
    }
}

/// A number with a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// The number.
    pub value: Decimal,
    /// The unit.
    pub unit: Unit,
}

impl Quantity {
    /// Whether both measure the same kind of thing.
    pub(crate) fn comparable(&self, other: &Self) -> bool {
        match (self.unit.canonical(), other.unit.canonical()) {
            (Some((_, left)), Some((_, right))) => left == right,
            _ => self.unit == other.unit,
        }
    }

    /// Which is more; `None` where they do not measure the same.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.unit == other.unit {
            return Some(self.value.cmp(&other.value));
        }
        let (left, from) = self.unit.canonical()?;
        let (right, to) = other.unit.canonical()?;
        if from != to {
            return None;
        }
        // Units such as a minute's reciprocal have no end after the point.
        let left = self.value.checked_mul(left)?.round_sf(EXACT_DIGITS)?;
        Some(left.cmp(&other.value.checked_mul(right)?.round_sf(EXACT_DIGITS)?))
    }

    /// Both numbers in the unit of this one.
    pub(crate) fn aligned(&self, other: &Self) -> Option<(Decimal, Decimal)> {
        if self.unit == other.unit {
            return Some((self.value, other.value));
        }
        let (left, from) = self.unit.canonical()?;
        let (right, to) = other.unit.canonical()?;
        if from != to {
            return None;
        }
        Some((self.value, other.value.checked_mul(right)?.checked_div(left)?))
    }

    /// The product or the quotient, in base units.
    pub(crate) fn combine(&self, other: &Self, divide: bool) -> Option<Self> {
        let (left, mut dimensions) = self.unit.canonical()?;
        let (right, others) = other.unit.canonical()?;
        let left = self.value.checked_mul(left)?;
        let right = other.value.checked_mul(right)?;
        let value = if divide { left.checked_div(right)? } else { left.checked_mul(right)? };
        for (at, exponent) in others.into_iter().enumerate() {
            let exponent = if divide { -exponent } else { exponent };
            dimensions[at] = dimensions[at].checked_add(exponent)?;
        }
        Some(Self { value, unit: Unit::Ucum(base_unit(&dimensions).into()) })
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Unit::Calendar(unit) => {
                let plural = if self.value == Decimal::ONE { "" } else { "s" };
                write!(f, "{} {}{plural}", self.value, unit.name())
            }
            Unit::Ucum(code) => write!(f, "{} '{code}'", self.value),
        }
    }
}

/// The digits to which quantities of different units are compared.
const EXACT_DIGITS: u32 = 20;

const DIMENSIONS: usize = 12;
const CALENDAR: usize = 11;
/// The base units: those of UCUM that medicine uses, and what cannot be turned into them.
const BASE: [&str; DIMENSIONS] =
    ["m", "s", "g", "rad", "K", "C", "cd", "mol", "[iU]", "[arb'U]", "Cel", "month"];
type Dimensions = [i8; DIMENSIONS];
/// How many of the base units, and their exponents.
type Canonical = (Decimal, Dimensions);

/// Units by their code: number, tenth power of it, and the unit that it counts; units that take
/// prefixes come with `true` (UCUM 2.1, tables 1 to 17).
const UNITS: &[(&str, i64, i8, &str, bool)] = &[
    ("m", 1, 0, "", true),
    ("s", 1, 0, "", true),
    ("g", 1, 0, "", true),
    ("rad", 1, 0, "", true),
    ("K", 1, 0, "", true),
    ("C", 1, 0, "", true),
    ("cd", 1, 0, "", true),
    ("mol", 1, 0, "", true),
    ("[iU]", 1, 0, "", true),
    ("[IU]", 1, 0, "[iU]", true),
    ("[arb'U]", 1, 0, "", false),
    ("Cel", 1, 0, "", false),
    ("%", 1, -2, "1", false),
    ("L", 1, -3, "m3", true),
    ("l", 1, -3, "m3", true),
    ("min", 60, 0, "s", false),
    ("h", 3600, 0, "s", false),
    ("d", 86_400, 0, "s", false),
    ("wk", 604_800, 0, "s", false),
    ("mo", 2_629_800, 0, "s", false),
    ("a", 31_557_600, 0, "s", false),
    ("mo_j", 2_629_800, 0, "s", false),
    ("a_j", 31_557_600, 0, "s", false),
    ("t", 1, 6, "g", true),
    ("Hz", 1, 0, "s-1", true),
    ("N", 1, 3, "g.m.s-2", true),
    ("Pa", 1, 3, "g.m-1.s-2", true),
    ("J", 1, 3, "g.m2.s-2", true),
    ("W", 1, 3, "g.m2.s-3", true),
    ("bar", 1, 8, "g.m-1.s-2", true),
    ("m[Hg]", 133_322, 3, "g.m-1.s-2", true),
    ("m[H2O]", 980_665, 1, "g.m-1.s-2", true),
    ("cal", 4184, 0, "g.m2.s-2", true),
    ("osm", 1, 0, "mol", true),
    ("eq", 1, 0, "mol", true),
    ("M", 1, 3, "mol.m-3", true),
    ("kat", 1, 0, "mol.s-1", true),
    ("U", 166_666_666_666_666_667, -25, "mol.s-1", true),
    ("[in_i]", 254, -4, "m", false),
    ("[ft_i]", 3048, -4, "m", false),
    ("[yd_i]", 9144, -4, "m", false),
    ("[mi_i]", 1_609_344, -3, "m", false),
    ("[lb_av]", 45_359_237, -5, "g", false),
    ("[oz_av]", 28_349_523_125, -9, "g", false),
    ("[stone_av]", 635_029_318, -5, "g", false),
    ("[gr]", 6_479_891, -8, "g", false),
    ("[drp]", 5, -8, "m3", false),
    ("[tsp_us]", 492_892_159_375, -17, "m3", false),
];

const PREFIXES: &[(&str, i8)] = &[
    ("da", 1),
    ("k", 3),
    ("h", 2),
    ("d", -1),
    ("c", -2),
    ("m", -3),
    ("u", -6),
    ("n", -9),
    ("p", -12),
    ("f", -15),
    ("M", 6),
    ("G", 9),
    ("T", 12),
];

/// How many of UCUM's base units one of a unit is, and these in words that are the same for all
/// units that can be compared; `None` for a unit that is not known here.
pub fn base_units(code: &str) -> Option<(Decimal, String)> {
    let (factor, dimensions) = canonical(code)?;
    Some((factor, base_unit(&dimensions)))
}

fn power_of_ten(exponent: i8) -> Option<Decimal> {
    let size = u32::from(exponent.unsigned_abs());
    if exponent < 0 {
        return (size <= 28).then(|| Decimal::new(1, size));
    }
    Decimal::from(10).checked_powu_10(size)
}

/// Integer powers that report what does not fit.
trait PowerOf {
    fn checked_powu_10(self, exponent: u32) -> Option<Decimal>;
}

impl PowerOf for Decimal {
    fn checked_powu_10(self, exponent: u32) -> Option<Decimal> {
        (0..exponent).try_fold(Decimal::ONE, |product, _| product.checked_mul(self))
    }
}

/// The longest code that is looked at.
const MAX_UNIT_BYTES: usize = 100;

fn canonical(code: &str) -> Option<Canonical> {
    if code.len() > MAX_UNIT_BYTES {
        return None;
    }
    term(code, 0)
}

/// A term without brackets: units joined by points and slashes.
fn term(code: &str, depth: usize) -> Option<Canonical> {
    if depth > 3 {
        return None;
    }
    let mut total: Canonical = (Decimal::ONE, [0; DIMENSIONS]);
    let mut divide = false;
    let mut rest = code;
    if let Some(after) = rest.strip_prefix('/') {
        divide = true;
        rest = after;
    }
    loop {
        let end = end_of_unit(rest);
        let (factor, dimensions) = component(&rest[..end], depth)?;
        total.0 =
            if divide { total.0.checked_div(factor)? } else { total.0.checked_mul(factor)? };
        for (at, exponent) in dimensions.into_iter().enumerate() {
            let exponent = if divide { -exponent } else { exponent };
            total.1[at] = total.1[at].checked_add(exponent)?;
        }
        match rest[end..].chars().next() {
            None => return Some(total),
            Some(sign) => divide = sign == '/',
        }
        rest = &rest[end + 1..];
    }
}

/// Where the next point or slash outside brackets and braces is.
fn end_of_unit(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            '.' | '/' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// One unit with its prefix, exponent and annotation.
fn component(text: &str, depth: usize) -> Option<Canonical> {
    let text = match text.find('{') {
        Some(0) => return Some((Decimal::ONE, [0; DIMENSIONS])),
        Some(at) => &text[..at],
        None => text,
    };
    if let Some(power) = text.strip_prefix("10*").or_else(|| text.strip_prefix("10^")) {
        let exponent = if power.is_empty() { 1 } else { power.parse().ok()? };
        return Some((power_of_ten(exponent)?, [0; DIMENSIONS]));
    }
    if let Ok(number) = text.parse::<u32>() {
        return (number > 0).then(|| (Decimal::from(number), [0; DIMENSIONS]));
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = digits.strip_suffix(['-', '+']).unwrap_or(digits);
    let exponent: i8 = match &text[name.len()..] {
        "" => 1,
        written => written.parse().ok()?,
    };
    let (factor, dimensions) = atom(name, depth)?;
    let mut raised: Canonical = (Decimal::ONE, [0; DIMENSIONS]);
    for (at, power) in dimensions.into_iter().enumerate() {
        raised.1[at] = power.checked_mul(exponent)?;
    }
    let product = factor.checked_powu_10(u32::from(exponent.unsigned_abs()))?;
    raised.0 = if exponent < 0 { Decimal::ONE.checked_div(product)? } else { product };
    Some(raised)
}

fn atom(name: &str, depth: usize) -> Option<Canonical> {
    if let Some(found) = UNITS.iter().find(|unit| unit.0 == name) {
        return unit(found, depth);
    }
    for (prefix, power) in PREFIXES {
        let Some(rest) = name.strip_prefix(prefix) else {
            continue;
        };
        if let Some(found) = UNITS.iter().find(|unit| unit.0 == rest && unit.4) {
            let (factor, dimensions) = unit(found, depth)?;
            return Some((factor.checked_mul(power_of_ten(*power)?)?, dimensions));
        }
    }
    None
}

fn unit(found: &(&str, i64, i8, &str, bool), depth: usize) -> Option<Canonical> {
    let (code, number, power, counts, _) = *found;
    let factor = Decimal::from(number).checked_mul(power_of_ten(power)?)?;
    if counts.is_empty() {
        let mut dimensions = [0; DIMENSIONS];
        dimensions[BASE.iter().position(|base| *base == code)?] = 1;
        return Some((factor, dimensions));
    }
    let (inner, dimensions) = term(counts, depth + 1)?;
    Some((factor.checked_mul(inner)?, dimensions))
}

fn base_unit(dimensions: &Dimensions) -> String {
    let mut parts = Vec::new();
    for (at, exponent) in dimensions.iter().enumerate() {
        match exponent {
            0 => {}
            1 => parts.push(BASE[at].to_owned()),
            _ => parts.push(format!("{}{exponent}", BASE[at])),
        }
    }
    if parts.is_empty() { "1".to_owned() } else { parts.join(".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(value: &str, unit: &str) -> Quantity {
        Quantity { value: value.parse().unwrap(), unit: Unit::ucum(unit) }
    }

    #[track_caller]
    fn check(left: (&str, &str), right: (&str, &str), expected: Option<Ordering>) {
        let found = quantity(left.0, left.1).compare(&quantity(right.0, right.1));
        assert_eq!(found, expected, "{left:?} {right:?}");
    }

    #[test]
    fn quantities_are_compared_in_base_units() {
        let equal = Some(Ordering::Equal);
        check(("4", "g"), ("4000", "mg"), equal);
        check(("1", "mg/mL"), ("1", "g/L"), equal);
        check(("1", "[lb_av]"), ("453.59237", "g"), equal);
        check(("60", "/min"), ("1", "Hz"), equal);
        check(("7", "days"), ("1", "wk"), equal);
        check(("1", "kg/m2"), ("0.1", "g/cm2"), equal);
        check(("5", "10*9/L"), ("5000", "10*6/L"), equal);
        check(("120", "mm[Hg]"), ("16", "kPa"), Some(Ordering::Less));
        check(("1", "month"), ("1", "mo"), None);
        check(("12", "months"), ("1", "year"), equal);
        check(("1", "g"), ("1", "m"), None);
        check(("1", "{tablet}"), ("1", "1"), equal);
        check(("1", "bogus"), ("2", "bogus"), Some(Ordering::Less));
        check(("1", "bogus"), ("2", "g"), None);
    }

    #[test]
    fn products_have_the_units_of_both() {
        let product = quantity("2.0", "cm").combine(&quantity("2.0", "m"), false).unwrap();
        assert_eq!(product.compare(&quantity("0.040", "m2")), Some(Ordering::Equal));
        let ratio = quantity("1.0", "m").combine(&quantity("1.0", "m"), true).unwrap();
        assert_eq!(ratio.unit, Unit::one());
    }
}
