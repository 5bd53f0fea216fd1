//! A node that is asked to end as soon as it says that it is ready ends in order.

use std::path::PathBuf;

use xtask::trial::child::Launch;

/// How often it is tried: the moment between the word and the end is short.
const TRIES: usize = 20;

#[test]
fn a_node_that_is_asked_to_end_at_once_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("interlock.toml");
    let text = "[node]\ndata = \"data\"\nhttp = \"127.0.0.1:0\"\n[site]\ncode = \"RXX\"\n";
    std::fs::write(&config, text).unwrap();
    let launch = Launch {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        config,
        arguments: Vec::new(),
        log: folder.path().join("node.log"),
    };
    for _ in 0..TRIES {
        launch.start().unwrap().end().unwrap();
    }
}
