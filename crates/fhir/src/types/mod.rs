//! FHIR R4 data types in use (<https://hl7.org/fhir/R4/datatypes.html>).

mod attachment;
mod coded;
mod dosage;
mod identity;
mod meta;
mod quantity;
mod reference;
mod timing;

pub use attachment::Attachment;
pub use coded::{CodeableConcept, Coding};
pub use dosage::{Dosage, DoseAndRate};
pub use identity::{
    Address, AddressType, AddressUse, ContactPoint, ContactPointSystem, ContactPointUse, HumanName,
    Identifier, IdentifierUse, NameUse,
};
pub(crate) use meta::contained;
pub use meta::{Annotation, Element, Extension, Meta, Narrative, NarrativeStatus};
pub use quantity::{Comparator, Period, Quantity, Range, Ratio};
pub use reference::Reference;
pub use timing::{DayOfWeek, EventTiming, Repeat, Timing, UnitOfTime};
