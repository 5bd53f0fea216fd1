//! Some hours of a simulated hospital with every fault on, checked against the rules of the loop
//! and the hospital's own book. `cargo xtask trial day` lives through whole days.

use std::path::PathBuf;

use xtask::trial::day::{Settings, Weather, run};

#[test]
fn hours_with_every_fault_keep_the_rules_of_the_loop() {
    let settings = Settings {
        seed: 21,
        speed: 480,
        hours: 3,
        wards: 3,
        beds: 8,
        weather: Weather::Rough,
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        keep: false,
    };
    let report = run(&settings).unwrap();
    assert!(report.is_clean(), "{:#?}", report.words);
    assert!(report.removals > 10 && report.doses > 10 && report.faults > 5, "{report:#?}");
}
