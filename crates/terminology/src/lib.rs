//! dm+d, the NHS dictionary of medicines and devices: a release read into one immutable index.
//!
//! [`Importer`] takes the files of a release and makes an [`Index`]; [`Index::to_bytes`] writes
//! it to one file, the same bytes for the same release. The crate opens no files and reads no
//! clock. Quantities are exact decimals; ids are numbers of at most 18 digits.
//!
//! The five kinds of products (dm+d Technical Specification, §2): a VTM is a substance, a VMP a
//! strength and form of it, an AMP the product of a supplier, a VMPP and an AMPP a pack of either.

mod codec;
mod data;
mod diff;
mod fuzzy;
mod import;
mod index;
mod kinds;
mod release;
mod resolve;
mod rows;
mod search;
pub mod synthetic;
mod views;
mod words;
mod xml;

pub use codec::Unreadable;
pub use diff::{Change, Difference, diff};
pub use import::{FileKind, ImportError, Imported, Importer, MAX_PROBLEMS, MAX_ROWS, Problem};
pub use index::{Found, Index, Product, Scanned};
pub use kinds::{
    Availability, ControlledDrug, DoseForm, Kind, LegalCategory, PrescribingStatus, is_synthetic,
    synthetic_id,
};
pub use release::{Counts, Release};
pub use resolve::{Content, Fit, Order, Refusal};
pub use search::{Hit, MAX_HITS, MAX_QUERY_BYTES};
pub use views::{Amp, Ampp, Ingredient, Strength, Term, Vmp, Vmpp, Vtm};
pub use xml::XmlError;
