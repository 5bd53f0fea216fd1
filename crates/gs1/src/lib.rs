//! GS1 barcodes as a scanner reports them: medicine packs, wristbands, staff badges.
//!
//! The crate does no I/O and reads no clock: what is scanned and the day come in, a verdict goes
//! out. Nothing panics, whatever the bytes are. A scan that has lost a group separator is never
//! taken as if nothing were missing: it is an error, or its details are [`Details::Doubtful`].
//!
//! ```
//! use gs1::{Details, read};
//!
//! let today = jiff::civil::date(2026, 11, 21);
//! let scan = read(b"]d201099900000000121728110010B81645\x1d21812845946938").unwrap();
//! let pack = scan.pack(today).unwrap();
//! assert_eq!(pack.gtin.to_string(), "09990000000012");
//! let Details::Certain(details) = pack.details else { panic!("nothing is doubtful here") };
//! assert_eq!(details.batch.as_deref(), Some("B81645"));
//! assert_eq!(details.expiry, Some(jiff::civil::date(2028, 11, 30)));
//! ```

mod character;
pub mod check;
mod date;
mod dictionary;
mod doubt;
mod elements;
mod gtin;
mod lint;
mod pack;
mod printed;
mod scan;
mod wristband;

pub use date::{DateError, full_date, short_date};
pub use dictionary::{Definition, find};
pub use doubt::Doubt;
pub use elements::{Element, ElementError, Elements, MAX_SCAN_BYTES, parse};
pub use gtin::{Gtin, GtinError};
pub use lint::{LintError, check as lint};
pub use pack::{Details, Pack, PackDetails, PackError};
pub use printed::from_printed;
pub use scan::{Content, Scan, ScanError, Symbology, read};
pub use wristband::{Wristband, WristbandError};
