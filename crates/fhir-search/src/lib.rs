//! FHIR search (R4 §3.1.1) over the standard parameters of all types.
//!
//! [`params_of`] is the table of the parameters, made from the official definitions. The
//! expressions of R4's parameters are plain paths; they are compiled into one walk over a
//! resource ([`walk`]) that meets every value that the resource can be found by.
//!
//! A store keeps the values as [`Terms`]: short keys whose order is the order of the values, so
//! that each condition is a few ranges of keys ([`ValueCondition::lookup`]). Where keys cannot tell
//! exactly, [`ValueCondition::matches`] does, from the resource itself.
//!
//! Everything here is pure: no I/O, no clock, no randomness.

mod codes;
mod condition;
mod filter;
mod fold;
mod form;
mod key;
mod matching;
mod param;
mod path;
mod request;
mod sort;
mod value;
pub mod walk;
mod words;

pub use codes::expand;
pub use condition::{Condition, Modifier, ValueCondition};
pub use filter::{Filter, NumberFilter, QuantityFilter, ReferenceFilter, UriFilter};
pub use fold::fold;
pub use key::{Key, KeyCheck, Lookup, MAX_KEY_BYTES, Span, Terms, reference_spans};
pub use matching::{Nowhere, World, entries, targets};
pub use param::{Composite, On, Param, find_param, params_of, path_count};
pub use request::{
    DEFAULT_COUNT, Include, MAX_CHAIN, MAX_COUNT, MAX_CURSOR_BYTES, MAX_INCLUDES, MAX_PARAMS,
    MAX_SORTS, MAX_VALUE_BYTES, MAX_VALUES, SearchError, SearchRequest, Sort, Total,
};
pub use sort::SortKey;
pub use value::{Target, Value, target};
