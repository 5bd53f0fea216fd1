//! Strict JSON for everything from outside, and edits that keep what they do not know.

mod canonical;
mod check;
mod compact;
mod empty;
mod members;
mod patch;
mod raw;
mod scan;
mod tree;
mod value;

pub use canonical::canonical;
pub use check::{JsonError, JsonProblem, Limits, check, path_at};
pub(crate) use compact::{compact, end_of_string};
pub use empty::empty_part;
pub use members::{Members, members};
pub use patch::{Patch, PatchError};
pub(crate) use raw::write_name;
pub use raw::{Raw, RawError};
pub use tree::{Children, Kind, MAX_TREE_DEPTH, Node, Tree, TreeError, write_string};
pub use value::Json;
