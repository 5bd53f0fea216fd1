//! Keys: the values of a resource as short bytes whose order is the order of the values.
//!
//! A key begins with the number of its path (two bytes, high first). What follows depends on the
//! kind of the parameter:
//!
//! | kind | after the path |
//! |---|---|
//! | token | hash of the code (6), of the system (4) |
//! | reference, local | 1, hash of the id (6), number of the type (1) |
//! | reference, other | 2, hash of the address (8) |
//! | reference, identifier | 3, hash of the value (6), of the system (4) |
//! | date | 0 or 1 for up to two days or more, microseconds of the start (8), of the length (8) |
//! | string | the folded text, cut |
//! | number | the number (9) |
//! | quantity | 0, the number (9); 1, hash of the base unit (4), the number in it (9) |
//! | uri | the text, cut |
//!
//! Codes are hashed to 48 bits: among a million different ones a search meets another one's number
//! about once in three hundred million. Numbers are kept to 18 digits and texts to
//! [`MAX_KEY_BYTES`]; a lookup says whether it may bring more than is meant.

use fhir::ResourceType;
use fhir::json::Node;
use fhir::search::{DateFilter, DatePrefix, DateRange, TokenFilter};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::condition::{Modifier, ValueCondition};
use crate::filter::{Filter, NumberFilter, ReferenceFilter, UriFilter, canonical};
use crate::fold::fold;
use crate::param::{Param, of_type};
use crate::value::{Target, UCUM, Value};
use crate::walk::values;

/// The most bytes of a key.
pub const MAX_KEY_BYTES: usize = 66;
/// The most bytes of a text in a key.
const MAX_TEXT: usize = 64;
/// Up to this length a date is found by its start alone: two days, in microseconds.
const SHORT: i64 = 2 * 24 * 3_600 * 1_000_000;
/// Stands for the hash of a system that the standard implies.
const IMPLIED: [u8; 4] = [0xFF; 4];
/// Stands for the hash of no system.
const NO_SYSTEM: [u8; 4] = [0; 4];

/// A key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    bytes: [u8; MAX_KEY_BYTES],
    len: u8,
}

impl Key {
    fn new(path: u16) -> Self {
        let mut key = Self { bytes: [0; MAX_KEY_BYTES], len: 0 };
        key.push(&path.to_be_bytes());
        key
    }

    fn push(&mut self, more: &[u8]) {
        let start = usize::from(self.len);
        let end = (start + more.len()).min(MAX_KEY_BYTES);
        self.bytes[start..end].copy_from_slice(&more[..end - start]);
        self.len = u8::try_from(end).expect("a key is shorter than 256 bytes");
    }

    fn with(mut self, more: &[u8]) -> Self {
        self.push(more);
        self
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The keys of a resource, each once or more.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Terms {
    /// Adds the keys of a resource to those that are there.
    ///
    /// Its own identifiers and the patient whom it is about are left out: a store has these in
    /// columns ([`Lookup::Identifiers`], [`Lookup::Patients`]).
    pub fn add(&mut self, kind: ResourceType, root: Node<'_>) {
        let of_type = of_type(kind);
        values(kind, root, &mut |path, value| {
            let in_column = match value {
                Value::Token { .. } => Some(path) == of_type.identifier,
                Value::Reference(Target::Local(ResourceType::Patient, _)) => {
                    Some(path) == of_type.subject
                }
                _ => false,
            };
            if !in_column {
                keys(path, &value, &mut |key| self.push(key.as_bytes()));
            }
        });
    }

    fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key at a place.
    pub fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[start..self.ends[at] as usize]
    }

    /// Takes all keys out.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

fn keys(path: u16, value: &Value<'_>, emit: &mut dyn FnMut(Key)) {
    let key = Key::new(path);
    match value {
        Value::Token { system, code, implied, .. } => {
            let system = if *implied { IMPLIED } else { hash_system(*system) };
            emit(key.with(&hash6(code)).with(&system));
        }
        Value::Words(_) => {}
        Value::Reference(Target::Local(kind, id)) => emit(local(key, *kind, id)),
        Value::Reference(Target::Other(address)) => {
            emit(key.with(&[2]).with(&hash(address).to_be_bytes()));
        }
        Value::Logical { system, value } => {
            emit(key.with(&[3]).with(&hash6(value)).with(&hash_system(*system)));
        }
        Value::Date(range) => emit(date_key(key, *range)),
        Value::Text(text) => {
            let folded = fold(text);
            if !folded.is_empty() {
                emit(key.with(cut(folded.as_bytes())));
            }
        }
        Value::Number(value) => emit(key.with(&number_bytes(*value))),
        Value::Quantity { value, system, code, .. } => {
            emit(key.with(&[0]).with(&number_bytes(*value)));
            let base = code.filter(|_| *system == Some(UCUM));
            if let Some((value, base)) = base.and_then(|code| canonical(*value, code)) {
                emit(key.with(&[1]).with(&hash4(&base)).with(&number_bytes(value)));
            }
        }
        Value::Uri(text) => emit(key.with(cut(text.as_bytes()))),
    }
}

fn local(key: Key, kind: ResourceType, id: &str) -> Key {
    let number = u8::try_from(kind as usize).expect("R4 has fewer than 256 resource types");
    key.with(&[1]).with(&hash6(id)).with(&[number])
}

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_TEXT)]
}

/// FNV-1a, then mixed (the finalizer of SplitMix64). It is part of the store's form.
fn hash(text: &str) -> u64 {
    let mut mixed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn hash6(text: &str) -> [u8; 6] {
    let [_, _, six @ ..] = hash(text).to_be_bytes();
    six
}

fn hash4(text: &str) -> [u8; 4] {
    let [_, _, _, _, four @ ..] = hash(text).to_be_bytes();
    four
}

fn hash_system(system: Option<&str>) -> [u8; 4] {
    match system.map(hash4) {
        None => NO_SYSTEM,
        Some(NO_SYSTEM | IMPLIED) => [1; 4],
        Some(hash) => hash,
    }
}

/// A number in nine bytes whose order is that of the numbers, to 18 digits: sign and exponent,
/// then the digits.
fn number_bytes(value: Decimal) -> [u8; 9] {
    let mantissa = value.mantissa().unsigned_abs();
    if mantissa == 0 {
        return [0x80, 0, 0, 0, 0, 0, 0, 0, 0];
    }
    let digits = mantissa.ilog10() + 1;
    let eighteen = if digits > 18 {
        mantissa / 10_u128.pow(digits - 18)
    } else {
        mantissa * 10_u128.pow(18 - digits)
    };
    // From 0 for 28 places after the point to 57 for 29 before it.
    let exponent = u8::try_from(digits + 28 - value.scale()).unwrap_or(57);
    let mut bytes = [0; 9];
    bytes[0] = 0x81 + exponent.min(57);
    bytes[1..].copy_from_slice(&u64::try_from(eighteen).unwrap_or(u64::MAX).to_be_bytes());
    if value.is_sign_negative() {
        bytes = bytes.map(|byte| !byte);
    }
    bytes
}

fn date_key(key: Key, range: DateRange) -> Key {
    let (start, end) = (range.lower.as_microsecond(), range.upper.as_microsecond());
    let length = end.saturating_sub(start).max(0);
    let long = u8::from(length > SHORT);
    key.with(&[long]).with(&ordered(start)).with(&ordered(end))
}

/// A signed number as bytes in its order.
fn ordered(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// A range of keys.
#[derive(Debug, Clone)]
pub struct Span {
    /// The first key in it.
    pub from: Vec<u8>,
    /// The first key after it; none where it goes on to the end.
    pub to: Option<Vec<u8>>,
    /// What of the keys in it is meant.
    pub check: KeyCheck,
}

/// What of the keys of a range is meant.
#[derive(Debug, Clone)]
pub enum KeyCheck {
    /// All.
    All,
    /// Those whose dates meet this.
    Date(DateFilter),
    /// Those that end so.
    Ends(Vec<u8>),
    /// Those that have these bytes in them, and those that were cut.
    Contains(Vec<u8>),
}

impl KeyCheck {
    /// Whether a key is meant.
    pub fn passes(&self, key: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Date(filter) => date_of(key).is_some_and(|range| filter.matches(range)),
            Self::Ends(end) => key.ends_with(end),
            Self::Contains(part) => {
                key.len() >= 2 + MAX_TEXT || key[2..].windows(part.len()).any(|at| at == part)
            }
        }
    }
}

fn date_of(key: &[u8]) -> Option<DateRange> {
    let time = |bytes: &[u8]| {
        let number = u64::from_be_bytes(bytes.try_into().ok()?) ^ (1 << 63);
        Timestamp::from_microsecond(number.cast_signed()).ok()
    };
    Some(DateRange { lower: time(key.get(3..11)?)?, upper: time(key.get(11..19)?)? })
}

/// How a condition is looked up.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// In keys: all lists, of each any range.
    Keys {
        /// The ranges.
        all: Vec<Vec<Span>>,
        /// Whether they bring nothing but what is meant.
        exact: bool,
    },
    /// By its own identifiers.
    Identifiers(Vec<TokenFilter>),
    /// By the patients whom it is about, and by keys for whoever else it may be about.
    Patients(Vec<fhir::Id>, Vec<Span>),
}

impl ValueCondition {
    /// How it is looked up; `None` where only the resource itself can tell.
    pub fn lookup(&self, kind: ResourceType) -> Option<Lookup> {
        if self.modifier.negates() || matches!(self.modifier, Modifier::Missing(_) | Modifier::Text)
        {
            return None;
        }
        let of_type = of_type(kind);
        if self.param.paths.len() == 1 && self.param.paths.first() == of_type.identifier.as_ref() {
            let each = self.any_of.iter().map(|filter| match filter {
                Filter::Token(token) if token.has_value() => Some(token.clone()),
                _ => None,
            });
            return each.collect::<Option<_>>().map(Lookup::Identifiers);
        }
        let is_subject = of_type.subject.is_some_and(|path| self.param.paths == [path]);
        if is_subject && self.modifier == Modifier::None {
            return Some(patients(self.param, &self.any_of));
        }
        if of_type.identifier.is_some_and(|path| self.param.paths.contains(&path)) {
            return None;
        }
        if of_type.subject.is_some_and(|path| self.param.paths.contains(&path)) && !is_subject {
            return None;
        }
        if !self.param.composites.is_empty() {
            return composite(self);
        }
        let mut spans = Vec::new();
        let mut exact = true;
        for filter in &self.any_of {
            for path in &self.param.paths {
                exact &= filter_spans(*path, filter, &mut spans)?;
            }
        }
        Some(Lookup::Keys { all: vec![spans], exact })
    }
}

fn patients(param: &Param, any_of: &[Filter]) -> Lookup {
    let (mut ids, mut spans) = (Vec::new(), Vec::new());
    for filter in any_of {
        let Filter::Reference(reference) = filter else { continue };
        match reference {
            ReferenceFilter::Local(kinds, id) => {
                if kinds.contains(&ResourceType::Patient) {
                    ids.push(id.clone());
                }
                let others = kinds.iter().filter(|kind| {
                    **kind != ResourceType::Patient && param.only.is_none_or(|only| only == **kind)
                });
                for kind in others {
                    let of = |path: &u16| exactly(local(Key::new(*path), *kind, id.as_str()));
                    spans.extend(param.paths.iter().map(of));
                }
            }
            ReferenceFilter::Other(_) => {
                for path in &param.paths {
                    let _ = filter_spans(*path, filter, &mut spans);
                }
            }
        }
    }
    Lookup::Patients(ids, spans)
}

fn composite(condition: &ValueCondition) -> Option<Lookup> {
    let places = &condition.param.composites;
    let count = places.first()?.parts.len();
    let mut all = Vec::new();
    for part in 0..count {
        let mut spans = Vec::new();
        let mut known = true;
        for place in places {
            let component = &place.parts[part];
            known &= !component.paths.is_empty();
            for filter in &condition.any_of {
                let Filter::Composite(filters) = filter else { return None };
                for path in &component.paths {
                    known &= filter_spans(*path, &filters[part], &mut spans).is_some();
                }
            }
        }
        if known {
            all.push(spans);
        }
    }
    // One value of each part may come from another alternative; the resource itself tells.
    (!all.is_empty()).then_some(Lookup::Keys { all, exact: false })
}

/// The keys that refer to a resource of this server.
pub fn reference_spans(param: &Param, kind: ResourceType, id: &str) -> Vec<Span> {
    param.paths.iter().map(|path| exactly(local(Key::new(*path), kind, id))).collect()
}

/// All keys that begin so.
fn prefixed(key: Key, check: KeyCheck) -> Span {
    let from = key.as_bytes().to_vec();
    Span { to: after(&from), from, check }
}

/// The first bytes after all that begin so.
fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xFF {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

fn exactly(key: Key) -> Span {
    let from = key.as_bytes().to_vec();
    let mut to = from.clone();
    to.push(0);
    Span { from, to: Some(to), check: KeyCheck::All }
}

/// Adds the ranges of a filter; tells whether they bring nothing else. `None` where keys cannot
/// help.
fn filter_spans(path: u16, filter: &Filter, spans: &mut Vec<Span>) -> Option<bool> {
    let key = Key::new(path);
    match filter {
        Filter::Token(filter) => token_spans(key, filter, spans),
        Filter::OfType { value, .. } => {
            spans.push(prefixed(key.with(&hash6(value)), KeyCheck::All));
            return Some(false);
        }
        Filter::Reference(ReferenceFilter::Local(kinds, id)) => {
            spans.extend(kinds.iter().map(|kind| exactly(local(key, *kind, id.as_str()))));
        }
        Filter::Reference(ReferenceFilter::Other(address)) => {
            spans.push(exactly(key.with(&[2]).with(&hash(address).to_be_bytes())));
        }
        Filter::Logical(filter) => token_spans(key.with(&[3]), filter, spans),
        Filter::Date(filter) => date_spans(key, filter, spans),
        Filter::Starts(text) => {
            spans.push(prefixed(key.with(cut(text.as_bytes())), KeyCheck::All));
            return Some(text.len() <= MAX_TEXT);
        }
        Filter::Contains(text) => {
            spans.push(prefixed(key, KeyCheck::Contains(text.clone().into_bytes())));
            return Some(false);
        }
        Filter::Exact(text) => {
            let folded = fold(text);
            if folded.is_empty() {
                return None;
            }
            spans.push(exactly(key.with(cut(folded.as_bytes()))));
            return Some(false);
        }
        Filter::Number(filter) => {
            number_spans(key, filter, spans);
            return Some(false);
        }
        Filter::Quantity(filter) => {
            if let Some((number, base)) = &filter.canonical {
                number_spans(key.with(&[1]).with(&hash4(base)), number, spans);
            }
            // A unit that is not of UCUM is compared as it is written.
            number_spans(key.with(&[0]), &filter.number, spans);
            return Some(false);
        }
        Filter::Uri(UriFilter::Same(text)) => {
            spans.push(exactly(key.with(cut(text.as_bytes()))));
            return Some(text.len() < MAX_TEXT);
        }
        Filter::Uri(UriFilter::Below(text)) => {
            spans.push(prefixed(key.with(cut(text.as_bytes())), KeyCheck::All));
            return Some(false);
        }
        Filter::Uri(UriFilter::Above(text)) => {
            let ends = text.char_indices().filter(|(_, c)| ['/', ':', '#', '?'].contains(c));
            let ends = ends.flat_map(|(at, _)| [at, at + 1]).chain([text.len()]);
            for end in ends.filter(|end| *end > 0) {
                spans.push(exactly(key.with(cut(&text.as_bytes()[..end]))));
            }
            return Some(false);
        }
        Filter::Words(_) | Filter::Composite(_) => return None,
    }
    Some(true)
}

fn token_spans(key: Key, filter: &TokenFilter, spans: &mut Vec<Span>) {
    match filter {
        TokenFilter::Value(code) => spans.push(prefixed(key.with(&hash6(code)), KeyCheck::All)),
        TokenFilter::SystemAndValue(system, code) => {
            let code = key.with(&hash6(code));
            spans.push(exactly(code.with(&hash_system(Some(system)))));
            spans.push(exactly(code.with(&IMPLIED)));
        }
        TokenFilter::NoSystem(code) => {
            spans.push(exactly(key.with(&hash6(code)).with(&NO_SYSTEM)));
        }
        TokenFilter::System(system) => {
            let end = hash_system(Some(system)).to_vec();
            spans.push(prefixed(key, KeyCheck::Ends(end)));
        }
    }
}

/// Short stretches lie near their start; long ones are all looked at.
fn date_spans(key: Key, filter: &DateFilter, spans: &mut Vec<Span>) {
    let check = || KeyCheck::Date(*filter);
    let (lower, upper) = (filter.range.lower.as_microsecond(), filter.range.upper.as_microsecond());
    let (first, last) = match filter.prefix {
        DatePrefix::NotEqual => (i64::MIN, i64::MAX),
        DatePrefix::Equal => (lower, upper),
        DatePrefix::Approximately => (lower.saturating_sub(SHORT), upper),
        DatePrefix::Greater => (upper.saturating_sub(SHORT), i64::MAX),
        DatePrefix::GreaterOrEqual => (lower.min(upper.saturating_sub(SHORT)), i64::MAX),
        DatePrefix::StartsAfter => (upper, i64::MAX),
        DatePrefix::Less | DatePrefix::LessOrEqual => (i64::MIN, upper),
        DatePrefix::EndsBefore => (i64::MIN, lower),
    };
    let short = key.with(&[0]);
    let from = short.with(&ordered(first)).as_bytes().to_vec();
    let to = after(short.with(&ordered(last)).as_bytes());
    spans.push(Span { from, to, check: check() });
    spans.push(prefixed(key.with(&[1]), check()));
}

fn number_spans(key: Key, filter: &NumberFilter, spans: &mut Vec<Span>) {
    let start = || key.as_bytes().to_vec();
    let at = |value| key.with(&number_bytes(value)).as_bytes().to_vec();
    let beyond = |value| after(&at(value));
    let (from, to) = match filter.prefix {
        DatePrefix::NotEqual => (start(), after(&start())),
        DatePrefix::Equal | DatePrefix::Approximately => (at(filter.low), beyond(filter.high)),
        DatePrefix::Greater | DatePrefix::StartsAfter | DatePrefix::GreaterOrEqual => {
            (at(filter.value), after(&start()))
        }
        DatePrefix::Less | DatePrefix::EndsBefore | DatePrefix::LessOrEqual => {
            (start(), beyond(filter.value))
        }
    };
    spans.push(Span { from, to, check: KeyCheck::All });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_of_numbers_have_their_order(
            (a, s) in (any::<i64>(), 0_u32..20),
            (b, t) in (any::<i64>(), 0_u32..20),
        ) {
            let (a, b) = (Decimal::new(a, s), Decimal::new(b, t));
            let (x, y) = (number_bytes(a), number_bytes(b));
            prop_assert!(if a <= b { x <= y } else { x >= y }, "{} {}", a, b);
        }
    }

    #[test]
    fn different_numbers_have_different_bytes() {
        let all = ["-100", "-1.5", "-0.001", "0", "0.001", "0.4", "0.41", "5", "70", "1000000"];
        let all: Vec<_> = all.iter().map(|n| number_bytes(n.parse().unwrap())).collect();
        assert!(all.is_sorted_by(|a, b| a < b));
        assert_eq!(number_bytes("0.40".parse().unwrap()), number_bytes("0.4".parse().unwrap()));
    }

    #[test]
    fn what_follows_a_prefix() {
        assert_eq!(after(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(after(&[1, 0xFF]), Some(vec![2]));
        assert_eq!(after(&[0xFF, 0xFF]), None);
    }
}
