//! A small crash trial: the real program is killed under load, and nothing that it acknowledged
//! is lost, doubled or out of order. `cargo xtask trial crash` is the long one, with power cuts.

use std::path::PathBuf;
use std::time::Duration;

use xtask::trial::crash::{Settings, run};

#[test]
fn a_killed_node_loses_doubles_and_reorders_nothing() {
    let settings = Settings {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        kills: 5,
        cuts: 0,
        connections: 8,
        pause: Duration::from_millis(8),
        between_ms: (150, 500),
        seed: 3,
        segment_entries: None,
    };
    let report = run(&settings).unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.outcome.sent, report.outcome.acknowledged);
    assert!(report.resent > 0, "a kill under load leaves somebody without an answer");
    assert!(!report.outcome.dispenses.is_empty());
}

/// Sealing moves what was acknowledged from one file to another: a kill at any moment of it must
/// leave every entry in one of them at least, and the next start goes on from there.
#[test]
fn a_node_that_is_killed_while_it_seals_loses_nothing() {
    let settings = Settings {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        kills: 6,
        cuts: 0,
        connections: 16,
        pause: Duration::from_millis(2),
        between_ms: (0, 0),
        seed: 5,
        segment_entries: Some(1_000),
    };
    let report = run(&settings).unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.outcome.sent, report.outcome.acknowledged);
    assert!(report.while_sealing > 1, "too few kills came while a segment was half written");
    assert!(report.sealed > 0, "what was interrupted was sealed in the end");
}
