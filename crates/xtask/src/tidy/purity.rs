//! Formats and domain are pure: no I/O, no async, no clock and no randomness in them.

use super::{Check, Finding, Tree, code, manifest};

pub(super) const CHECK: Check = Check {
    name: "purity",
    about: "formats and domain name no runtime, web, database, file, clock or randomness",
    run,
};

/// The crates that must be pure. One that does not exist yet is simply not met.
const PURE: &[&str] = &[
    "hl7v2",
    "fhir",
    "fhir-definitions",
    "fhir-xml",
    "fhirpath",
    "fhir-validate",
    "gs1",
    "wwks2",
    "access",
    "terminology",
    "medicines",
    "decision-support",
];

/// Packages that bring a runtime, a network, a store, a clock or randomness.
const IMPURE_PACKAGES: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "futures",
    "axum",
    "hyper",
    "reqwest",
    "rusqlite",
    "sqlx",
    "tokio-postgres",
    "rand",
    "getrandom",
    "fastrand",
    "uuid",
    "chrono",
    "time",
];

/// Paths that reach out of a pure function, and what each of them reaches.
const IMPURE_WORDS: &[(&str, &str)] = &[
    ("tokio", "a runtime"),
    ("axum", "the web"),
    ("rusqlite", "a database"),
    ("SystemTime", "the clock"),
    ("Instant::now", "the clock"),
    ("time::Instant", "the clock"),
    ("Timestamp::now", "the clock"),
    ("Zoned::now", "the clock"),
    ("TimeZone::system", "the machine's time zone"),
    ("rand::", "randomness"),
    ("getrandom", "randomness"),
    ("RandomState", "randomness"),
    ("std::fs", "the file system"),
    ("std::net", "the network"),
    ("std::env", "the environment"),
    ("std::process", "other processes"),
    ("std::thread", "threads"),
    ("async fn", "a runtime"),
];

fn run(tree: &Tree) -> Vec<Finding> {
    let (manifests, _) = manifest::all(tree);
    let mut findings = Vec::new();
    for manifest in manifests.iter().filter(|m| PURE.contains(&m.crate_name.as_str())) {
        for dependency in &manifest.dependencies {
            if IMPURE_PACKAGES.contains(&dependency.name.as_str()) {
                findings.push(Finding::at(
                    &manifest.path,
                    dependency.line,
                    format!("`{}` is pure and names `{}`", manifest.crate_name, dependency.name),
                    "leave the effect to a crate above and take its result as an argument",
                ));
            }
        }
    }
    for (file, text) in tree.rust() {
        let pure = file.crate_name().is_some_and(|name| PURE.contains(&name));
        if pure && !file.is_for_tests() {
            findings.extend(scan(&file.path, text));
        }
    }
    findings
}

fn scan(path: &str, text: &str) -> Vec<Finding> {
    let code = code::code_outside_tests(text);
    let mut findings = Vec::new();
    for (word, reaches) in IMPURE_WORDS {
        for offset in code::words(&code, word) {
            findings.push(Finding::at(
                path,
                code::line_of(code.as_bytes(), offset),
                format!("`{word}` reaches for {reaches} in a pure crate"),
                "let it come in with the command",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    const LIB: &str = "crates/medicines/src/lib.rs";

    #[test]
    fn passes_pure_code_tests_and_other_crates() {
        let clock = "fn f() { let t = std::time::SystemTime::now(); }";
        let in_tests = format!("#[cfg(test)]\nmod tests {{ {clock} }}\n");
        check(
            CHECK,
            &[
                (LIB, "/// Not `SystemTime::now`.\nstruct Instant; // rand::x\nlet s = \"tokio\";"),
                ("crates/fhir/src/a.rs", &in_tests),
                ("crates/fhir/tests/a.rs", clock),
                ("crates/fhir/examples/a.rs", clock),
                ("crates/engine/src/lib.rs", clock),
                ("crates/engine/Cargo.toml", "[dependencies]\ntokio = \"1\"\n"),
                ("crates/fhir/Cargo.toml", "[dev-dependencies]\nrand = \"1\"\n"),
            ],
            &[],
        );
    }

    #[test]
    fn finds_every_impure_word_and_package() {
        for (word, _) in IMPURE_WORDS {
            let source = format!("\nfn f() {{ {word} }}");
            let tree = Tree::in_memory(&[(LIB, &source)]);
            assert!(!run(&tree).is_empty(), "`{word}` is not found");
        }
        for package in IMPURE_PACKAGES {
            let text = format!("[dependencies]\n{package} = \"1\"\n");
            check(CHECK, &[("crates/fhir/Cargo.toml", &text)], &["crates/fhir/Cargo.toml:2"]);
        }
    }
}
