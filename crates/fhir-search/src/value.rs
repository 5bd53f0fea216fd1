//! The values that a resource can be found by.

use fhir::json::{Kind, Node};
use fhir::search::DateRange;
use fhir::{DateTime, Id, Instant, ResourceType};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::form::Form;

/// The code of UCUM as a system of units.
pub(crate) const UCUM: &str = "http://unitsofmeasure.org";

/// Where a reference leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'t> {
    /// `Type/id`, a resource of this server; a version is left out.
    Local(ResourceType, &'t str),
    /// Any other address, as it is written.
    Other(&'t str),
}

/// One value of a resource.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'t> {
    /// A code, an identifier, a flag.
    Token {
        /// The system; `None` where the resource gives none.
        system: Option<&'t str>,
        /// The code or the number.
        code: &'t str,
        /// Whether the standard fixes the system, so that the resource does not tell it.
        implied: bool,
        /// The element: a Coding, an Identifier.
        node: Node<'t>,
    },
    /// The text of a CodeableConcept, for `:text` alone.
    Words(&'t str),
    /// A reference.
    Reference(Target<'t>),
    /// A reference by identifier, for `:identifier` alone.
    Logical {
        /// The system; `None` where there is none.
        system: Option<&'t str>,
        /// The number.
        value: &'t str,
    },
    /// A stretch of time, to the microsecond.
    Date(DateRange),
    /// A text as it is written.
    Text(&'t str),
    /// A number.
    Number(Decimal),
    /// A number with its unit.
    Quantity {
        /// The number.
        value: Decimal,
        /// The system of units.
        system: Option<&'t str>,
        /// The code of the unit, or of a currency.
        code: Option<&'t str>,
        /// The unit in words.
        unit: Option<&'t str>,
    },
    /// A URI.
    Uri(&'t str),
}

/// Cuts a stretch of time to microseconds, in which dates are compared.
pub(crate) fn to_microseconds(range: DateRange) -> DateRange {
    let cut = |time: Timestamp| Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time);
    DateRange { lower: cut(range.lower), upper: cut(range.upper) }
}

/// Gives each value of an element.
pub(crate) fn read<'t>(form: Form, node: Node<'t>, emit: &mut dyn FnMut(Value<'t>)) {
    match form {
        Form::Coding => coding(node, emit),
        Form::CodeableConcept => {
            node.get("coding").into_iter().flat_map(Node::each).for_each(|one| coding(one, emit));
            if let Some(text) = node.text("text") {
                emit(Value::Words(text));
            }
        }
        Form::Reference => reference(node, emit),
        Form::Canonical => {
            if let Some(address) = text(node) {
                let (plain, version) = address.split_once('|').unwrap_or((address, ""));
                emit(Value::Reference(target(plain)));
                if !version.is_empty() {
                    emit(Value::Reference(Target::Other(address)));
                }
            }
        }
        Form::HumanName => parts(node, &["family", "given", "prefix", "suffix", "text"], emit),
        Form::Address => {
            let names = ["line", "city", "district", "state", "postalCode", "country", "text"];
            parts(node, &names, emit);
        }
        Form::NumberRange => {
            for end in ["low", "high"] {
                let value = node.get(end).and_then(|end| end.get("value")).and_then(number);
                value.map(Value::Number).into_iter().for_each(&mut *emit);
            }
        }
        Form::QuantityRange => {
            for end in ["low", "high"] {
                node.get(end).and_then(quantity).into_iter().for_each(&mut *emit);
            }
        }
        Form::Uri => {
            if let Some(text) = text(node) {
                emit(Value::Uri(text));
                // A canonical address is also found without its version.
                if let Some((plain, _)) = text.split_once('|') {
                    emit(Value::Uri(plain));
                }
            }
        }
        form => one(form, node).into_iter().for_each(emit),
    }
}

/// The value of an element of a form that has one at the most.
fn one(form: Form, node: Node<'_>) -> Option<Value<'_>> {
    let token = |system, code, implied| Some(Value::Token { system, code, implied, node });
    match form {
        Form::Code => token(None, text(node)?, true),
        Form::Boolean => match node.kind() {
            Kind::Bool(value) => token(None, if *value { "true" } else { "false" }, true),
            _ => None,
        },
        Form::Identifier => token(filled(node, "system"), filled(node, "value")?, false),
        Form::ContactPoint => token(None, filled(node, "value")?, true),
        Form::Inside => {
            let kind = node.text("resourceType")?.parse().ok()?;
            Some(Value::Reference(Target::Local(kind, filled(node, "id")?)))
        }
        Form::Date => Some(Value::Date(to_microseconds(date(text(node)?)?))),
        Form::Period => Some(Value::Date(to_microseconds(period(node)?))),
        Form::Timing => Some(Value::Date(to_microseconds(timing(node)?))),
        Form::Text => text(node).map(Value::Text),
        Form::Number => number(node).map(Value::Number),
        Form::Quantity => quantity(node),
        Form::Money => {
            let value = node.get("value").and_then(number)?;
            let (system, code) = (Some("urn:iso:std:iso:4217"), filled(node, "currency"));
            Some(Value::Quantity { value, system, code, unit: None })
        }
        _ => None,
    }
}

fn text(node: Node<'_>) -> Option<&str> {
    node.as_str().filter(|text| !text.is_empty())
}

fn filled<'t>(node: Node<'t>, name: &str) -> Option<&'t str> {
    node.text(name).filter(|text| !text.is_empty())
}

fn coding<'t>(node: Node<'t>, emit: &mut dyn FnMut(Value<'t>)) {
    if let Some(code) = filled(node, "code") {
        emit(Value::Token { system: filled(node, "system"), code, implied: false, node });
    }
    if let Some(text) = filled(node, "display") {
        emit(Value::Words(text));
    }
}

fn reference<'t>(node: Node<'t>, emit: &mut dyn FnMut(Value<'t>)) {
    if let Some(address) = filled(node, "reference").filter(|text| !text.starts_with('#')) {
        emit(Value::Reference(target(address)));
    }
    if let Some(identifier) = node.get("identifier")
        && let Some(value) = filled(identifier, "value")
    {
        emit(Value::Logical { system: filled(identifier, "system"), value });
    }
}

/// Where an address leads. An absolute one leads to another server.
pub fn target(address: &str) -> Target<'_> {
    let mut parts = address.split('/');
    let (kind, id) = (parts.next().unwrap_or_default(), parts.next());
    let plain = matches!(
        (parts.next(), parts.next(), parts.next()),
        (None, ..) | (Some("_history"), Some(_), None)
    );
    match (kind.parse::<ResourceType>(), id) {
        (Ok(kind), Some(id)) if plain && Id::new(id).is_ok() => Target::Local(kind, id),
        _ => Target::Other(address),
    }
}

fn date(text: &str) -> Option<DateRange> {
    let range = text.parse::<DateTime>().map(|date| DateRange::from(&date));
    // An instant may be finer than a date-time.
    range.ok().or_else(|| text.parse::<Instant>().ok().map(|at| DateRange::from(&at)))
}

fn period(node: Node<'_>) -> Option<DateRange> {
    let end = |name| filled(node, name).and_then(date);
    let (start, end) = (end("start"), end("end"));
    (start.is_some() || end.is_some()).then(|| DateRange {
        lower: start.map_or(Timestamp::MIN, |range| range.lower),
        upper: end.map_or(Timestamp::MAX, |range| range.upper),
    })
}

fn timing(node: Node<'_>) -> Option<DateRange> {
    let events = node.get("event").into_iter().flat_map(Node::each);
    let events = events.filter_map(|event| text(event).and_then(date));
    let bounds = node.get("repeat").and_then(|repeat| repeat.get("boundsPeriod")).and_then(period);
    events
        .chain(bounds)
        .reduce(|a, b| DateRange { lower: a.lower.min(b.lower), upper: a.upper.max(b.upper) })
}

fn parts<'t>(node: Node<'t>, names: &[&str], emit: &mut dyn FnMut(Value<'t>)) {
    for name in names {
        let each = node.get(name).into_iter().flat_map(Node::each).filter_map(text);
        each.for_each(|text| emit(Value::Text(text)));
    }
}

/// A number of JSON, where an exact decimal can hold it.
pub(crate) fn number(node: Node<'_>) -> Option<Decimal> {
    let Kind::Number(digits) = node.kind() else { return None };
    fhir::Decimal::parse(digits).ok().map(|value| value.value())
}

fn quantity(node: Node<'_>) -> Option<Value<'_>> {
    let value = node.get("value").and_then(number)?;
    let (code, unit) = (filled(node, "code"), filled(node, "unit"));
    Some(Value::Quantity { value, system: filled(node, "system"), code, unit })
}
