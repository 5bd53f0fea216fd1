//! FHIR R4 resources in use, as typed readings of the raw JSON, and strict JSON.
//!
//! The raw JSON of a resource is the truth: [`StoredResource`] keeps it to the last digit. The
//! structs in [`types`] and [`resources`] are readings of it that leave out what the platform does
//! not use, so a resource that came from outside is changed through [`json::Raw`] and never by
//! reading it into a struct and writing the struct back. Structs are written only for resources
//! that the platform makes itself.
//!
//! Everything here is pure: no I/O, no clock, no randomness.
//!
//! Numbers go through `serde_json`'s `arbitrary_precision`, which cannot pass through buffered
//! forms. For that reason nothing in this crate uses `#[serde(flatten)]`, `untagged` or internally
//! tagged enums, and whoever embeds [`StoredResource`] in an enum must leave it externally tagged.

pub mod base64;
mod draft;
mod element;
pub mod elements;

pub mod json;
pub mod nhs_number;
pub mod outcome;
pub mod primitives;
pub mod profiles;
pub mod resources;
pub mod search;
mod stored;
pub mod systems;
pub mod types;
pub mod xhtml;

pub use draft::Draft;
pub use primitives::{Date, DateTime, Decimal, Id, Instant, ResourceType, Time};
pub use resources::{ReadError, Resource};
pub use stored::{StoreError, StoredResource};
