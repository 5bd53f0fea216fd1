//! What one value of a condition asks for, and whether a value of a resource meets it.

use fhir::search::{DateFilter, DatePrefix, TokenFilter, split_commas, unescape};
use fhir::{Id, ResourceType};
use rust_decimal::Decimal;

use crate::condition::Modifier;
use crate::fold::fold;
use crate::value::{Target, UCUM, Value, target, to_microseconds};

/// One value of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// A code or an identifier.
    Token(TokenFilter),
    /// An identifier of a type: system and code of the type, and the number.
    OfType {
        /// The system of the type's code; empty for any.
        system: String,
        /// The type's code.
        code: String,
        /// The number.
        value: String,
    },
    /// Words of a coding or concept, folded: the beginning of its text or display.
    Words(String),
    /// A reference.
    Reference(ReferenceFilter),
    /// The identifier of a reference.
    Logical(TokenFilter),
    /// A date.
    Date(DateFilter),
    /// The beginning of a text, folded.
    Starts(String),
    /// A part of a text, folded.
    Contains(String),
    /// A text to the letter.
    Exact(String),
    /// A number.
    Number(NumberFilter),
    /// A number with a unit.
    Quantity(QuantityFilter),
    /// A URI.
    Uri(UriFilter),
    /// Parts that have to stand together.
    Composite(Vec<Filter>),
}

/// Which reference is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceFilter {
    /// A resource of this server, of one of these types.
    Local(Vec<ResourceType>, Id),
    /// Another address.
    Other(String),
}

/// A number, with its prefix and as much precision as was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberFilter {
    /// How.
    pub prefix: DatePrefix,
    /// The number.
    pub value: Decimal,
    /// The first number that is meant by it.
    pub low: Decimal,
    /// The first number above that is not.
    pub high: Decimal,
}

/// A quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantityFilter {
    /// The number.
    pub number: NumberFilter,
    /// The system of units; empty for any.
    pub system: String,
    /// The unit; empty for any.
    pub unit: String,
    /// The number in base units, and these, where the unit is one of UCUM.
    pub canonical: Option<(NumberFilter, String)>,
}

/// Which URI is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UriFilter {
    /// This one.
    Same(String),
    /// This one, and those below it.
    Below(String),
    /// This one, and those above it.
    Above(String),
}

impl Filter {
    /// Whether a value meets it.
    pub fn matches(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Token(filter), Value::Token { system, code, implied, .. }) => {
                token_matches(filter, *system, code, *implied)
            }
            (
                Self::OfType { system, code, value: number },
                Value::Token { code: found, node, .. },
            ) => {
                let is_type = |coding: fhir::json::Node<'_>| {
                    coding.text("code") == Some(code)
                        && (system.is_empty() || coding.text("system") == Some(system))
                };
                let of = node.get("type").and_then(|of| of.get("coding"));
                *found == number && of.into_iter().flat_map(fhir::json::Node::each).any(is_type)
            }
            (Self::Words(words), Value::Words(text)) => fold(text).starts_with(words.as_str()),
            (Self::Reference(ReferenceFilter::Local(kinds, id)), Value::Reference(found)) => {
                let Target::Local(kind, name) = found else { return false };
                *name == id.as_str() && kinds.contains(kind)
            }
            (Self::Reference(ReferenceFilter::Other(address)), Value::Reference(found)) => {
                *found == Target::Other(address)
            }
            (Self::Logical(filter), Value::Logical { system, value }) => {
                token_matches(filter, *system, value, false)
            }
            (Self::Date(filter), Value::Date(range)) => filter.matches(*range),
            (Self::Starts(start), Value::Text(text)) => fold(text).starts_with(start.as_str()),
            (Self::Contains(part), Value::Text(text)) => fold(text).contains(part.as_str()),
            (Self::Exact(exact), Value::Text(text)) => exact == text,
            (Self::Number(filter), Value::Number(value)) => filter.matches(*value),
            (Self::Quantity(filter), Value::Quantity { value, system, code, unit }) => {
                filter.matches(*value, *system, *code, *unit)
            }
            (Self::Uri(filter), Value::Uri(found)) => filter.matches(found),
            _ => false,
        }
    }
}

/// Whether a code meets a filter. Where the standard fixes the system, any may be asked for.
fn token_matches(filter: &TokenFilter, system: Option<&str>, code: &str, implied: bool) -> bool {
    if implied {
        return match filter {
            TokenFilter::Value(wanted) | TokenFilter::SystemAndValue(_, wanted) => wanted == code,
            TokenFilter::NoSystem(_) | TokenFilter::System(_) => false,
        };
    }
    match filter {
        TokenFilter::Value(wanted) => wanted == code,
        TokenFilter::SystemAndValue(wanted, value) => {
            system == Some(wanted.as_str()) && value == code
        }
        TokenFilter::NoSystem(wanted) => system.is_none() && wanted == code,
        TokenFilter::System(wanted) => system == Some(wanted.as_str()),
    }
}

impl NumberFilter {
    /// Reads `5.40`, `ge1e2`; `None` where it is not a number.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, digits) = prefix(text);
        let value = fhir::Decimal::parse(digits.strip_prefix('+').unwrap_or(digits)).ok()?.value();
        let half = half_of_last_digit(digits)?;
        let (low, high) = match prefix {
            // R4 §3.1.1.5.6 recommends a tenth.
            DatePrefix::Approximately => {
                let tenth = value.abs().checked_div(Decimal::TEN)?;
                (value.checked_sub(tenth)?, value.checked_add(tenth)?)
            }
            _ => (value.checked_sub(half)?, value.checked_add(half)?),
        };
        Some(Self { prefix, value, low, high })
    }

    /// Whether a number meets it (R4 §3.1.1.5.9).
    pub fn matches(&self, found: Decimal) -> bool {
        match self.prefix {
            DatePrefix::Equal => found >= self.low && found < self.high,
            DatePrefix::NotEqual => found < self.low || found >= self.high,
            DatePrefix::Approximately => found >= self.low && found <= self.high,
            DatePrefix::Greater | DatePrefix::StartsAfter => found > self.value,
            DatePrefix::Less | DatePrefix::EndsBefore => found < self.value,
            DatePrefix::GreaterOrEqual => found >= self.value,
            DatePrefix::LessOrEqual => found <= self.value,
        }
    }

    /// The same in another unit, rounded as [`canonical`] rounds what it is compared with.
    fn times(&self, factor: Decimal) -> Option<Self> {
        Some(Self {
            prefix: self.prefix,
            value: in_base(self.value, factor)?,
            low: in_base(self.low, factor)?,
            high: in_base(self.high, factor)?,
        })
    }
}

fn prefix(text: &str) -> (DatePrefix, &str) {
    let prefix = match text.get(..2) {
        Some("eq") => DatePrefix::Equal,
        Some("ne") => DatePrefix::NotEqual,
        Some("gt") => DatePrefix::Greater,
        Some("lt") => DatePrefix::Less,
        Some("ge") => DatePrefix::GreaterOrEqual,
        Some("le") => DatePrefix::LessOrEqual,
        Some("sa") => DatePrefix::StartsAfter,
        Some("eb") => DatePrefix::EndsBefore,
        Some("ap") => DatePrefix::Approximately,
        _ => return (DatePrefix::Equal, text),
    };
    (prefix, &text[2..])
}

/// `0.05` for `5.4`, `5` for `1e1`: what is meant by a number is half of its last digit around.
fn half_of_last_digit(digits: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], digits[at + 1..].parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let decimals = mantissa.split_once('.').map_or(0, |(_, after)| after.len());
    let place = exponent.checked_sub(i32::try_from(decimals).ok()?)?;
    if place > 0 {
        let ten = Decimal::TEN;
        let tens = (1..place).try_fold(ten, |product, _| product.checked_mul(ten))?;
        return tens.checked_div(Decimal::TWO);
    }
    let scale = u32::try_from(1 - place).ok()?;
    Decimal::try_new(5, scale).ok()
}

/// A number in base units of UCUM, and these.
pub(crate) fn canonical(value: Decimal, code: &str) -> Option<(Decimal, String)> {
    let (factor, base) = fhirpath::base_units(code)?;
    Some((in_base(value, factor)?, base))
}

/// A number in base units to 20 digits. A factor such as a sixtieth has no end, so that both sides
/// of a comparison have to end at the same digit.
fn in_base(value: Decimal, factor: Decimal) -> Option<Decimal> {
    Some(value.checked_mul(factor)?.round_sf(20)?.normalize())
}

impl QuantityFilter {
    /// Reads `5.4`, `ge5.4|http://unitsofmeasure.org|mg`, `5.4||mg`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '|');
        let number = NumberFilter::parse(parts.next()?)?;
        let (system, unit) = (parts.next().map(unescape), parts.next().map(unescape));
        // A bar needs the other one.
        if system.is_some() && unit.is_none() {
            return None;
        }
        let (system, unit) = (system.unwrap_or_default(), unit.unwrap_or_default());
        let canonical = (system == UCUM)
            .then(|| fhirpath::base_units(&unit))
            .flatten()
            .and_then(|(factor, base)| Some((number.times(factor)?, base)));
        Some(Self { number, system, unit, canonical })
    }

    fn matches(
        &self,
        value: Decimal,
        system: Option<&str>,
        code: Option<&str>,
        unit: Option<&str>,
    ) -> bool {
        if let Some((number, base)) = &self.canonical
            && system == Some(UCUM)
            && let Some((found, of)) = code.and_then(|code| canonical(value, code))
        {
            return *base == of && number.matches(found);
        }
        let fits = self.unit.is_empty()
            || code == Some(self.unit.as_str())
            || (self.system.is_empty() && unit == Some(self.unit.as_str()));
        let within = self.system.is_empty() || system == Some(self.system.as_str());
        fits && within && self.number.matches(value)
    }
}

impl UriFilter {
    /// Whether a URI is meant. Below is what begins with it and a slash or the like.
    pub fn matches(&self, found: &str) -> bool {
        let is_above = |upper: &str, lower: &str| {
            lower.strip_prefix(upper).is_some_and(|rest| {
                rest.is_empty()
                    || upper.ends_with(['/', ':'])
                    || rest.starts_with(['/', ':', '#', '?'])
            })
        };
        match self {
            Self::Same(wanted) => wanted == found,
            Self::Below(wanted) => is_above(wanted, found),
            Self::Above(wanted) => is_above(found, wanted),
        }
    }
}

/// Why a value cannot be read: what it should have been.
pub(crate) type Expected = &'static str;

const TOKEN: Expected = "\"value\", \"system|value\", \"|value\" or \"system|\"";
const DATE: Expected = "a date such as \"2026-03-09\" or \"ge2026-03-09T14:05:00Z\"";
const WORDS: Expected = "a text with a letter or digit";

/// Reads a value for a kind of parameter.
pub(crate) fn parse(
    param: &crate::Param,
    modifier: Modifier,
    text: &str,
) -> Result<Filter, Expected> {
    use fhir_definitions::SearchKind as Kind;
    if modifier == Modifier::Text {
        return words(text).map(Filter::Words);
    }
    match param.kind {
        Kind::Token => token(param, modifier, text),
        Kind::Reference if modifier == Modifier::Identifier => {
            TokenFilter::parse(text).map(Filter::Logical).ok_or(TOKEN)
        }
        Kind::Reference => reference(text, &param.targets).map(Filter::Reference),
        Kind::Composite => composite(param, text),
        kind => plain(kind, modifier, text),
    }
}

fn token(param: &crate::Param, modifier: Modifier, text: &str) -> Result<Filter, Expected> {
    if modifier == Modifier::OfType {
        let parts: Vec<&str> = text.split('|').collect();
        let [system, code, value] = parts[..] else {
            return Err("\"system|code|value\", of the type and the number");
        };
        if code.is_empty() || value.is_empty() {
            return Err("\"system|code|value\", of the type and the number");
        }
        let [system, code, value] = [system, code, value].map(unescape);
        return Ok(Filter::OfType { system, code, value });
    }
    let filter = TokenFilter::parse(text).ok_or(TOKEN)?;
    // A typing mistake must not look like "there is none".
    if let TokenFilter::Value(code) | TokenFilter::SystemAndValue(_, code) = &filter
        && param.codes().is_some_and(|known| !known.contains(code.as_str()))
    {
        return Err("a code that the element can have");
    }
    Ok(Filter::Token(filter))
}

fn plain(
    kind: fhir_definitions::SearchKind,
    modifier: Modifier,
    text: &str,
) -> Result<Filter, Expected> {
    use fhir_definitions::SearchKind as Kind;
    match kind {
        Kind::Date => {
            let mut filter = DateFilter::parse(text).ok_or(DATE)?;
            filter.range = to_microseconds(filter.range);
            Ok(Filter::Date(filter))
        }
        Kind::String => {
            let plain = unescape(text);
            match modifier {
                Modifier::Exact if plain.is_empty() => Err(WORDS),
                Modifier::Exact => Ok(Filter::Exact(plain)),
                Modifier::Contains => words(text).map(Filter::Contains),
                _ => words(text).map(Filter::Starts),
            }
        }
        Kind::Number => NumberFilter::parse(text).map(Filter::Number).ok_or("a number"),
        Kind::Quantity => QuantityFilter::parse(text)
            .map(Filter::Quantity)
            .ok_or("a number, or \"number|system|unit\""),
        Kind::Uri => {
            let uri = unescape(text);
            if uri.is_empty() {
                return Err("a URI");
            }
            Ok(Filter::Uri(match modifier {
                Modifier::Below => UriFilter::Below(uri),
                Modifier::Above => UriFilter::Above(uri),
                _ => UriFilter::Same(uri),
            }))
        }
        Kind::Token => TokenFilter::parse(text).map(Filter::Token).ok_or(TOKEN),
        Kind::Reference => {
            let all = ResourceType::ALL;
            reference(text, all).map(Filter::Reference)
        }
        Kind::Composite | Kind::Special => Err("a value that can be compared"),
    }
}

fn words(text: &str) -> Result<String, Expected> {
    let folded = fold(&unescape(text));
    if folded.is_empty() { Err(WORDS) } else { Ok(folded) }
}

fn reference(text: &str, targets: &[ResourceType]) -> Result<ReferenceFilter, Expected> {
    const EXPECTED: Expected = "\"Type/id\", \"id\" or an address";
    let text = unescape(text);
    if let Ok(id) = Id::new(&text) {
        return Ok(ReferenceFilter::Local(targets.to_vec(), id));
    }
    match target(&text) {
        Target::Local(kind, id) => {
            Ok(ReferenceFilter::Local(vec![kind], Id::new(id).map_err(|_| EXPECTED)?))
        }
        Target::Other(address) if address.contains(':') => {
            Ok(ReferenceFilter::Other(address.to_owned()))
        }
        Target::Other(_) => Err(EXPECTED),
    }
}

fn composite(param: &crate::Param, text: &str) -> Result<Filter, Expected> {
    const EXPECTED: Expected = "its parts with a dollar sign between them";
    let kinds = param.composites.first().ok_or(EXPECTED)?;
    let values = split_dollars(text);
    if values.len() != kinds.parts.len() {
        return Err(EXPECTED);
    }
    let parts = kinds.parts.iter().zip(values);
    let parts = parts.map(|(part, text)| plain(part.kind, Modifier::None, text));
    parts.collect::<Result<_, _>>().map(Filter::Composite)
}

/// Splits at dollar signs that are not escaped.
fn split_dollars(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'$' && !escaped {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// The values of a parameter, with commas between them.
pub(crate) fn values(text: &str) -> Vec<&str> {
    split_commas(text)
}
