//! What a collection holds, and what a FHIR primitive is to FHIRPath.

use std::borrow::Cow;

use fhir::json::Kind;
use fhir_definitions::{TypeKind, r4};
use rust_decimal::Decimal;

use crate::ast::TypeName;
use crate::element::Element;
use crate::quantity::{Quantity, Unit};
use crate::temporal::{Temporal, TemporalKind};

/// One thing in a collection.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'t> {
    /// An element of a resource.
    Element(Element<'t>),
    /// A Boolean.
    Boolean(bool),
    /// An Integer.
    Integer(i64),
    /// A Decimal.
    Decimal(Decimal),
    /// A String.
    String(Cow<'t, str>),
    /// A Date, DateTime or Time.
    Temporal(Temporal),
    /// A Quantity.
    Quantity(Box<Quantity>),
    /// What `type()` answers.
    Type(&'static str, Box<str>),
}

impl<'t> Item<'t> {
    /// A quantity.
    pub fn quantity(quantity: Quantity) -> Self {
        Self::Quantity(Box::new(quantity))
    }

    /// The element, when it is one.
    pub fn element(&self) -> Option<Element<'t>> {
        match self {
            Self::Element(element) => Some(*element),
            _ => None,
        }
    }

    /// What a primitive or a Quantity of FHIR is to FHIRPath (FHIR R4 §2.9.1.1); anything else is
    /// itself. `None` for an element that has no value.
    pub fn system(&self) -> Option<Self> {
        match self {
            Self::Element(element) => from_element(*element),
            other => Some(other.clone()),
        }
    }

    /// The text of a string or of a primitive that is one.
    pub fn text(&self) -> Option<Cow<'t, str>> {
        match self.system()? {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The namespace and name of its type.
    pub(crate) fn type_name(&self) -> (&'static str, &'t str) {
        match self {
            Self::Element(element) => {
                let name = match element.definition() {
                    Some(ty) if ty.kind == TypeKind::Backbone => {
                        ty.base.map_or("BackboneElement", |base| r4().get(base).name)
                    }
                    Some(ty) => ty.name,
                    None => element
                        .value
                        .and_then(|node| node.text("resourceType"))
                        .unwrap_or("Element"),
                };
                ("FHIR", name)
            }
            Self::Boolean(_) => ("System", "Boolean"),
            Self::Integer(_) => ("System", "Integer"),
            Self::Decimal(_) => ("System", "Decimal"),
            Self::String(_) => ("System", "String"),
            Self::Temporal(temporal) => match temporal.kind {
                TemporalKind::Date => ("System", "Date"),
                TemporalKind::DateTime => ("System", "DateTime"),
                TemporalKind::Time => ("System", "Time"),
            },
            Self::Quantity(_) => ("System", "Quantity"),
            Self::Type(..) => ("System", "TypeInfo"),
        }
    }

    /// Whether it has a type; with `exactly`, none that specialises it.
    pub(crate) fn is_of(&self, wanted: &TypeName, exactly: bool) -> bool {
        let (namespace, name) = self.type_name();
        match wanted.namespace.as_deref() {
            Some(asked) if asked != namespace => return false,
            // An element is a System type only when that is asked for by its namespace.
            _ => {}
        }
        if name == &*wanted.name {
            return true;
        }
        let Self::Element(element) = self else {
            return false;
        };
        let (Some(ty), Some(ancestor)) = (element.ty, r4().find(&wanted.name)) else {
            return false;
        };
        // Primitives that specialise another are not of its type for `as` and `ofType`.
        let primitive = r4().get(ty).kind == TypeKind::Primitive;
        !(exactly && primitive) && r4().is_a(ty, ancestor)
    }
}

fn from_element(element: Element<'_>) -> Option<Item<'_>> {
    let node = element.value?;
    let name = element.type_name().unwrap_or_default();
    Some(match node.kind() {
        Kind::Bool(value) => Item::Boolean(*value),
        Kind::Number(digits) => number(digits, name)?,
        Kind::String(text) => string(text, name),
        Kind::Object => quantity(element).map_or(Item::Element(element), Item::quantity),
        Kind::Array | Kind::Null => return None,
    })
}

fn number<'t>(digits: &'t str, name: &str) -> Option<Item<'t>> {
    let whole = digits.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if whole && name != "decimal" {
        return digits.parse().ok().map(Item::Integer);
    }
    let read = digits.parse().or_else(|_| Decimal::from_scientific(digits));
    read.ok().map(Item::Decimal)
}

fn string<'t>(text: &'t str, name: &str) -> Item<'t> {
    let temporal = match name {
        "date" => Temporal::parse_date(text),
        "dateTime" | "instant" => Temporal::parse_date_time(text),
        "time" => Temporal::parse_time(text),
        _ => None,
    };
    temporal.map_or(Item::String(Cow::Borrowed(text)), Item::Temporal)
}

/// A FHIR Quantity as one of FHIRPath; one with a comparator is none (FHIR R4 §2.9.1.2).
fn quantity(element: Element<'_>) -> Option<Quantity> {
    let ty = element.ty?;
    let node = element.value?;
    if !r4().find("Quantity").is_some_and(|quantity| r4().is_a(ty, quantity)) {
        return None;
    }
    if node.get("comparator").is_some() {
        return None;
    }
    let Kind::Number(digits) = node.get("value")?.kind() else {
        return None;
    };
    let Item::Decimal(value) = number(digits, "decimal")? else {
        return None;
    };
    let unit = match (node.text("system"), node.text("code"), node.text("unit")) {
        (Some("http://unitsofmeasure.org"), Some(code), _) => Unit::Ucum(code.into()),
        (_, Some(unit), _) | (_, None, Some(unit)) => Unit::Ucum(unit.into()),
        _ => Unit::one(),
    };
    Some(Quantity { value, unit })
}
