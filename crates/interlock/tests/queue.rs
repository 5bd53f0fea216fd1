//! A small queue trial: a destination is down, much is queued for it, the node is killed, and the
//! destination gets everything in order. `cargo xtask trial queue` is the long one.

use std::path::PathBuf;

use xtask::trial::queue::{Settings, run};

#[test]
fn a_destination_that_was_down_gets_everything_in_order() {
    let settings = Settings {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        messages: 1500,
        patients: 30,
        connections: 4,
    };
    let report = run(&settings).unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.delivered, 1500);
}
