//! FHIR primitive types that need more than a `String`: each keeps the text as it was written.

mod code;
mod dates;
mod decimal;
mod id;
mod resource_type;

pub use code::UnknownCode;
pub(crate) use code::parse_string;
pub(crate) use dates::Parts;
pub use dates::{Date, DateError, DateTime, Instant, Precision, Time, uk_time_zone};
pub(crate) use decimal::BEYOND;
pub use decimal::{Decimal, DecimalError};
pub use id::{Id, IdError, MAX_ID_BYTES};
pub use resource_type::ResourceType;
