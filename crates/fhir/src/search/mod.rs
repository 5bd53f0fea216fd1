//! What the platform itself looks up in a resource ([`index`]), and the forms of dates and tokens
//! in a search. What a client can search by is in the crate `fhir-search`.

mod date;
mod index;
mod token;

pub use date::{DateFilter, DatePrefix, DateRange};
pub use index::{SearchValues, index};
pub use token::{Token, TokenFilter, split_commas, unescape};
