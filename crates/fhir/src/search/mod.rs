//! Searching: what a resource can be found by, and what a request asks for.
//!
//! The store keeps [`SearchValues`] beside each resource and turns a [`SearchRequest`] into its own
//! queries. [`SearchRequest::matches`] says the same in plain Rust: stores are tested against it.

mod date;
mod index;
mod matching;
mod params;
mod request;
mod token;

pub use date::{DateFilter, DatePrefix, DateRange};
pub use index::{SearchValues, index};
pub use params::{Param, ParamUse, params_of};
pub use request::{
    DEFAULT_COUNT, MAX_COUNT, MAX_CURSOR_BYTES, MAX_PARAMS, MAX_VALUE_BYTES, MAX_VALUES,
    SearchError, SearchRequest, Sort, SortKey,
};
pub use token::{Token, TokenFilter};
