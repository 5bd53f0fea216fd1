//! How an element of a type is read as a value of a kind of parameter (R4 §3.1.1.5).

use fhir_definitions::SearchKind;

/// What to read of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A code or another text whose system the standard knows and the resource does not say.
    Code,
    /// `true` or `false`.
    Boolean,
    /// A code with its system.
    Coding,
    /// All its codings, and its text.
    CodeableConcept,
    /// Its value and system.
    Identifier,
    /// Its value.
    ContactPoint,
    /// A reference, literal or by identifier.
    Reference,
    /// An address of a definition, with or without a version.
    Canonical,
    /// A resource inside, which is referred to by its type and id.
    Inside,
    /// A date or date-time.
    Date,
    /// From its start to its end.
    Period,
    /// From its first event to its last, or its bounds.
    Timing,
    /// A text.
    Text,
    /// Each part of a name.
    HumanName,
    /// Each part of an address.
    Address,
    /// A number.
    Number,
    /// A number with its unit.
    Quantity,
    /// An amount with its currency.
    Money,
    /// Both ends of a range, as numbers.
    NumberRange,
    /// Both ends of a range, with their units.
    QuantityRange,
    /// A URI.
    Uri,
}

impl Form {
    /// The form of a type for a kind of parameter; none where there is nothing to compare.
    pub(crate) fn of(kind: SearchKind, ty: &str) -> Option<Self> {
        Some(match (kind, ty) {
            (SearchKind::Token, "boolean") => Self::Boolean,
            (SearchKind::Token, "Coding") => Self::Coding,
            (SearchKind::Token, "CodeableConcept") => Self::CodeableConcept,
            (SearchKind::Token, "Identifier") => Self::Identifier,
            (SearchKind::Token, "ContactPoint") => Self::ContactPoint,
            (
                SearchKind::Token,
                "code" | "id" | "string" | "uri" | "url" | "canonical" | "oid" | "uuid",
            ) => Self::Code,
            (SearchKind::Reference, "Reference") => Self::Reference,
            (SearchKind::Reference, "canonical" | "uri" | "url" | "oid" | "uuid") => {
                Self::Canonical
            }
            (SearchKind::Reference, "Resource") => Self::Inside,
            (SearchKind::Date, "date" | "dateTime" | "instant") => Self::Date,
            (SearchKind::Date, "Period") => Self::Period,
            (SearchKind::Date, "Timing") => Self::Timing,
            (SearchKind::String, "HumanName") => Self::HumanName,
            (SearchKind::String, "Address") => Self::Address,
            (SearchKind::String, "string" | "markdown" | "code" | "id") => Self::Text,
            (SearchKind::Number, "decimal" | "integer" | "positiveInt" | "unsignedInt") => {
                Self::Number
            }
            (SearchKind::Number, "Range") => Self::NumberRange,
            (
                SearchKind::Quantity,
                "Quantity" | "Age" | "Distance" | "Duration" | "Count" | "SimpleQuantity",
            ) => Self::Quantity,
            (SearchKind::Quantity, "Money") => Self::Money,
            (SearchKind::Quantity, "Range") => Self::QuantityRange,
            (SearchKind::Uri, "uri" | "url" | "canonical" | "oid" | "uuid") => Self::Uri,
            _ => return None,
        })
    }
}
