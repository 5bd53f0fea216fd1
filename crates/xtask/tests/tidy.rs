//! Runs every tidy check on this tree: a finding fails the suite as it fails `cargo xtask tidy`.

use xtask::tidy::{Tree, report};

#[test]
fn the_tree_is_tidy() {
    let tree = Tree::of_workspace(&xtask::workspace_root()).expect("git lists the tree");
    let lines = report(&tree);
    assert!(lines.is_empty(), "\n{}\n{} findings", lines.join("\n"), lines.len());
}
