//! The facts of FHIR R4 (4.0.1): types with their elements, cardinalities, bindings and
//! invariants; code systems and value sets of HL7; search parameters; R4's own profiles.
//!
//! The tables in `data/` are made by `cargo xtask definitions` from HL7's definitions, which are
//! CC0. They are text, read on first use (some milliseconds), and never change while it runs.

mod search;
mod terms;
mod types;

pub use search::{
    Component, SearchKind, SearchParameter, compartment, patient_compartment, search_parameters,
};
pub use terms::{CodeSystem, Content, Part, ValueSet, code_systems, value_sets};
pub use types::{
    Binding, Definitions, Element, ElementType, Invariant, Member, Strength, Type, TypeId,
    TypeKind, r4,
};

/// R4's own profiles and extensions: one StructureDefinition with a differential on each line, with
/// nothing in it but what an instance is checked for.
pub const PROFILES: &str = include_str!("../data/profiles.ndjson");
