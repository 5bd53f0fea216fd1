//! The corpus through the socket of the real program; each message is answered or parked, and
//! the journal keeps what was sent.

use std::path::PathBuf;

use xtask::trial::corpus::{Settings, folder, run};

#[test]
fn every_message_of_the_corpus_is_answered_or_parked() {
    let Some(folder) = folder() else {
        println!("skipped: no corpus");
        return;
    };
    let settings =
        Settings { binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")), seed: 7, every: 1 };
    let report = run(&settings, &folder).unwrap();
    assert!(report.wrong.is_empty(), "{:#?}", report.wrong);
    let total = report.total();
    assert!(total.sent > 1_000 && total.aa > 40, "{total:?}");
    assert_eq!(total.sent, total.aa + total.ae + total.ar + total.silent);
}
