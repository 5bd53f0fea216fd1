//! Development tasks: `cargo xtask tidy`, `bench`, `trial`, `definitions` and `synthetic`.
//!
//! The tasks live in a library so that the test suite runs the very checks that the command runs.

pub mod bench;
pub mod definitions;
pub mod synthetic;
pub mod tidy;
pub mod trial;

use std::path::{Path, PathBuf};

/// The folder that holds the workspace's own `Cargo.toml`.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate lies two folders below the workspace root")
        .to_path_buf()
}
