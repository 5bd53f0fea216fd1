//! Crates depend downwards only: formats, domain, core, edges, assembly; development beside them.

use super::{Check, Finding, Tree, manifest};

pub(super) const CHECK: Check = Check {
    name: "layers",
    about: "a crate depends only on the crates below it; edges never on each other",
    run,
};

/// Every crate with its layer and its rank: a crate may depend on crates of a lower rank only, so
/// two crates of one rank never know each other.
const RANKS: &[(&str, &str, u8)] = &[
    ("hl7v2", "formats", FORMATS),
    ("fhir", "formats", FORMATS),
    ("fhir-definitions", "formats", FORMATS),
    ("gs1", "formats", FORMATS),
    ("sheets", "formats", FORMATS),
    ("wwks2", "formats", FORMATS),
    ("fhirpath", "formats", 1),
    ("fhir-xml", "formats", 1),
    ("fhir-search", "formats", 2),
    ("fhir-validate", "formats", 2),
    ("access", "domain", 1),
    ("terminology", "domain", 1),
    ("medicines", "domain", 3),
    ("decision-support", "domain", 4),
    ("journal", "core", 5),
    ("record", "core", 6),
    ("engine", "core", 7),
    ("channels", "edges", 8),
    ("api", "edges", 8),
    ("console", "edges", 8),
    ("watch", "edges", 8),
    ("estate", "development", 9),
    ("interlock", "assembly", 10),
    ("xtask", "development", 11),
];

const FORMATS: u8 = 0;

/// The simulated hospital stands outside the node: were it to know more of us than the formats,
/// simulator and node could agree on the same mistake.
const OUTSIDER: &str = "estate";

fn run(tree: &Tree) -> Vec<Finding> {
    let (manifests, mut findings) = manifest::all(tree);
    let ours: Vec<&str> = manifests.iter().map(|m| m.crate_name.as_str()).collect();
    for manifest in &manifests {
        let Some((layer, rank)) = rank_of(&manifest.crate_name) else {
            findings.push(Finding::at(
                &manifest.path,
                0,
                format!("the crate `{}` has no layer", manifest.crate_name),
                "give it a rank in crates/xtask/src/tidy/layers.rs and a row in ARCHITECTURE.md",
            ));
            continue;
        };
        for dependency in &manifest.dependencies {
            let Some((other_layer, other_rank)) = rank_of(&dependency.name) else {
                continue;
            };
            if !ours.contains(&dependency.name.as_str()) {
                // A package from the registry that happens to carry the name of one of ours.
                continue;
            }
            let highest = if manifest.crate_name == OUTSIDER { FORMATS + 1 } else { rank };
            if other_rank >= highest {
                findings.push(Finding::at(
                    &manifest.path,
                    dependency.line,
                    format!(
                        "`{}` ({layer}) depends on `{}` ({other_layer}), which is not below it",
                        manifest.crate_name, dependency.name
                    ),
                    "move what is shared into a crate below both",
                ));
            }
        }
    }
    findings
}

fn rank_of(crate_name: &str) -> Option<(&'static str, u8)> {
    RANKS.iter().find(|(name, ..)| *name == crate_name).map(|(_, layer, rank)| (*layer, *rank))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    const FHIR: (&str, &str) = ("crates/fhir/Cargo.toml", "[dependencies]\nserde = \"1\"\n");
    const ENGINE: (&str, &str) = ("crates/engine/Cargo.toml", "[dependencies]\n");
    const API: (&str, &str) =
        ("crates/api/Cargo.toml", "[dependencies]\nengine.workspace = true\nfhir = \"1\"\n");

    #[test]
    fn passes_arrows_that_point_down() {
        let estate = ("crates/estate/Cargo.toml", "[dependencies]\nfhir.workspace = true\n");
        let demo = ("crates/interlock/Cargo.toml", "[dependencies]\nestate = \"1\"\napi = \"1\"\n");
        check(CHECK, &[FHIR, ENGINE, API, estate, demo], &[]);
    }

    #[test]
    fn finds_an_arrow_that_points_up_or_sideways() {
        let up = ("crates/fhir/Cargo.toml", "[dependencies]\nengine.workspace = true\n");
        check(CHECK, &[up, ENGINE], &["crates/fhir/Cargo.toml:2"]);
        let sideways = ("crates/console/Cargo.toml", "[dependencies]\napi = { path = \"x\" }\n");
        check(CHECK, &[FHIR, ENGINE, API, sideways], &["crates/console/Cargo.toml:2"]);
        let built = ("crates/fhir/Cargo.toml", "[build-dependencies]\nengine = \"1\"\n");
        check(CHECK, &[built, ENGINE], &["crates/fhir/Cargo.toml:2"]);
    }

    #[test]
    fn finds_an_estate_that_knows_more_than_the_formats() {
        let estate = ("crates/estate/Cargo.toml", "[dependencies]\nengine.workspace = true\n");
        check(CHECK, &[ENGINE, estate], &["crates/estate/Cargo.toml:2"]);
    }

    #[test]
    fn finds_a_crate_without_a_layer() {
        let stranger = ("crates/stranger/Cargo.toml", "[package]\n");
        check(CHECK, &[stranger], &["crates/stranger/Cargo.toml:0"]);
    }
}
