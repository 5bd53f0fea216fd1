//! Validation of FHIR resources against R4 itself and against profiles.
//!
//! ```
//! use fhir_validate::{Packages, Severity, Validator};
//!
//! let validator = Validator::new(Packages::r4());
//! let issues = validator.validate(r#"{"resourceType":"Patient","gender":"x"}"#, &[]);
//! assert_eq!(issues[0].severity, Severity::Error);
//! assert_eq!(issues[0].expression, "Patient.gender");
//! ```
//!
//! Checked are the form of the JSON, elements, cardinalities, types and the formats of primitives,
//! bindings to value sets, targets of references, extensions and where they stand, and invariants;
//! with profiles also slices, fixed and pattern values and their narrower cardinalities, types and
//! bindings. Profiles come by name and from `meta.profile`. What lies in no package (SNOMED CT, for
//! one) is not judged. `docs/fhir.md` says how it compares with the published validator.

mod bindings;
mod bundle;
mod extensions;
mod invariants;
mod issue;
mod matching;
mod packages;
mod primitives;
mod profile;
mod references;
mod slicing;
mod terminology;
mod validator;
mod walk;

pub use issue::{Issue, IssueCode, Severity, outcome};
pub use packages::{MAX_PACKAGE_BYTES, PackageError, Packages, each_file};
pub use terminology::{Codes, Membership, Terminology};
pub use validator::{MAX_ISSUES, Validator};

#[cfg(test)]
mod tests;
