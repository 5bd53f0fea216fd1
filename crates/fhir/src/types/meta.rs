//! What every resource carries beside its content.

use crate::element::{codes, element};
use crate::json::Json;
use crate::primitives::{DateTime, Decimal, Instant};

use super::{CodeableConcept, Coding, Identifier, Period, Quantity, Reference};

element! {
    /// Facts about the resource itself (R4 Meta).
    pub struct Meta {
        /// The version, which the server counts.
        version_id: Option<String>,
        /// When the server last changed it.
        last_updated: Option<Instant>,
        /// Where it came from, as a URI.
        source: Option<String>,
        /// The profiles that it claims to follow; see [`crate::profiles`].
        profile: Vec<String>,
        /// Labels that restrict who may see it.
        security: Vec<Coding>,
        /// Other labels.
        tag: Vec<Coding>,
    }
}

codes! {
    /// Where the words of a narrative come from (R4 narrative-status).
    pub enum NarrativeStatus {
        /// From the resource alone.
        Generated = "generated",
        /// From the resource and extensions.
        Extensions = "extensions",
        /// May say more than the resource does.
        Additional = "additional",
        /// There is nothing to say.
        Empty = "empty",
    }
}

element! {
    /// The resource in words (R4 Narrative).
    pub struct Narrative {
        required {
            /// Where the words come from.
            status: NarrativeStatus,
            /// XHTML, as it was written; never shown without being cleaned.
            div: String,
        }
        optional {}
    }
}

element! {
    /// What may stand beside a primitive value, under the name with `_` before it (R4 Element).
    pub struct Element {
        /// An id for references from within the resource.
        id: Option<String>,
        /// What is said about the value.
        extension: Vec<Extension>,
    }
}

element! {
    /// A value that the standard has no place for (R4 Extension). Values of the types in use are
    /// read; the others are ignored here and kept in the raw JSON.
    pub struct Extension {
        required {
            /// What it means.
            url: String,
        }
        optional {
            /// Parts, when it has no value of its own.
            extension: Vec<Extension>,
            /// `value[x]` as words.
            value_string: Option<String>,
            /// `value[x]` as a code.
            value_code: Option<String>,
            /// `value[x]` as yes or no.
            value_boolean: Option<bool>,
            /// `value[x]` as a whole number.
            value_integer: Option<i32>,
            /// `value[x]` as a number from 0 up.
            value_unsigned_int: Option<u32>,
            /// `value[x]` as an exact number.
            value_decimal: Option<Decimal>,
            /// `value[x]` as a date or time.
            value_date_time: Option<DateTime>,
            /// `value[x]` as a URI.
            value_uri: Option<String>,
            /// `value[x]` as the address of a definition.
            value_canonical: Option<String>,
            /// `value[x]` as an identifier.
            value_identifier: Option<Box<Identifier>>,
            /// `value[x]` as a concept.
            value_codeable_concept: Option<Box<CodeableConcept>>,
            /// `value[x]` as a code with its system.
            value_coding: Option<Box<Coding>>,
            /// `value[x]` as an amount.
            value_quantity: Option<Box<Quantity>>,
            /// `value[x]` as a reference.
            value_reference: Option<Box<Reference>>,
            /// `value[x]` as a stretch of time.
            value_period: Option<Box<Period>>,
        }
    }
}

element! {
    /// A remark, with who made it and when (R4 Annotation).
    pub struct Annotation {
        required {
            /// The remark, in markdown.
            text: String,
        }
        optional {
            /// Who made it, as a reference.
            author_reference: Option<Reference>,
            /// Who made it, in words.
            author_string: Option<String>,
            /// When it was made.
            time: Option<DateTime>,
        }
    }
}

/// The first contained resource with this id, as it was written.
pub(crate) fn contained<'a>(all: &'a [Json], id: &str) -> Option<&'a Json> {
    #[derive(serde::Deserialize)]
    struct Head {
        id: Option<String>,
    }
    all.iter().find(|json| {
        serde_json::from_str::<Head>(json.get()).is_ok_and(|head| head.id.as_deref() == Some(id))
    })
}
