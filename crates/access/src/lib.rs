//! Identities, roles and the grants that policy gives.
//!
//! Authority is a type: a [`Grant`] can be made only by the policy in this crate, and the parts
//! of the domain that act on somebody's authority take one by value.

mod grant;
mod person;

pub use grant::{Denial, Grant, Right, allow};
pub use person::{Person, Role};
