//! Every message of `tests/golden` against what it was last understood to be.

use std::fs;
use std::path::Path;

use super::{channel, show, understand};

/// The dialect of a cabinet that speaks HL7 2.3.
pub(crate) const CABINET: &str = r#"
    version = "2.3"
    charset = "WINDOWS-1252"
    timing_style = "rxe-1"
    zpm_layout = "2.3"
    order_control = { change = "XX", hold = "OH", resume = "OE", stop = "OD", cancel = "OC" }
    coding_systems.99XYZ = "https://cabinet.example/item"
    units.EA = "tablet"
    timing_codes.QID5 = { frequency = 5, period = 1, unit = "d" }
"#;

fn check(folder: &str, dialect: &str) {
    let channel = channel(dialect);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut seen = 0;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        let mut paths: Vec<_> = fs::read_dir(&folder)
            .expect("the folder of messages")
            .map(|e| e.expect("a file").path())
            .collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "hl7")) {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let understood = understand(&fs::read_to_string(path).expect("a message"), &channel);
            insta::assert_snapshot!(&*name, show::show(&understood));
            seen += 1;
        }
    });
    assert!(seen > 0, "no message in {}", folder.display());
}

#[test]
fn standard_dialect() {
    check("standard", "");
}

#[test]
fn cabinet_dialect() {
    check("cabinet", CABINET);
}
