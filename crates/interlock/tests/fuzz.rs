//! Nonsense at every route: a small fuzz trial.

use std::path::PathBuf;
use std::time::Duration;

use xtask::trial::fuzz::{Settings, run};

#[test]
fn nonsense_is_refused_and_changes_nothing_else() {
    let settings = Settings {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        seed: 7,
        connections: 3,
        time: Duration::from_secs(4),
    };
    let report = run(&settings).unwrap();
    assert_eq!(report.wrong, Vec::<String>::new());
    let answers = |status| report.answers.get(&status).copied().unwrap_or_default();
    for status in [200, 201, 400, 404] {
        assert!(answers(status) > 0, "nothing was answered {status}: {:?}", report.answers);
    }
}
