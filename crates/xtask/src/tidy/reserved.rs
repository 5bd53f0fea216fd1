//! Technology with one home: SQL belongs to the journal and the record, the web framework to the
//! two edges that serve HTTP.

use super::{Check, Finding, Tree, code, manifest};

pub(super) const CHECK: Check = Check {
    name: "reserved",
    about: "only journal and record name SQL; only journal PostgreSQL; only api and console axum",
    run,
};

/// Something that only some crates may name.
struct Reserved {
    what: &'static str,
    homes: &'static [&'static str],
    packages: &'static [&'static str],
    /// Names in code, outside comments and literals.
    words: &'static [&'static str],
    /// Beginnings of statements, which stand in string literals.
    statements: &'static [&'static str],
    remedy: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        what: "SQL",
        homes: &["journal", "record"],
        packages: &["rusqlite", "libsqlite3-sys", "sqlx"],
        words: &["rusqlite", "libsqlite3_sys", "sqlx"],
        statements: &[
            "INSERT INTO ",
            "INSERT OR ",
            "CREATE TABLE ",
            "CREATE INDEX ",
            "DELETE FROM ",
            "DROP TABLE ",
            "SELECT COUNT(",
            "PRAGMA ",
        ],
        remedy: "ask for what you need by a query of `record`",
    },
    Reserved {
        what: "PostgreSQL",
        homes: &["journal"],
        packages: &["tokio-postgres", "postgres", "deadpool-postgres"],
        words: &["tokio_postgres", "deadpool_postgres"],
        statements: &[],
        remedy: "reach the shared journal through `journal`",
    },
    Reserved {
        what: "the web framework",
        homes: &["api", "console"],
        packages: &["axum", "axum-core", "axum-extra", "tower-http"],
        words: &["axum", "tower_http"],
        statements: &[],
        remedy: "serve it from `api` or `console` behind a function that names no web type",
    },
];

/// Development tasks measure all of it, so they may name all of it.
const EXEMPT: &str = "xtask";

fn run(tree: &Tree) -> Vec<Finding> {
    let (manifests, _) = manifest::all(tree);
    let mut findings = Vec::new();
    for reserved in RESERVED {
        let barred = |name: &str| name != EXEMPT && !reserved.homes.contains(&name);
        for manifest in manifests.iter().filter(|m| barred(&m.crate_name)) {
            for dependency in &manifest.dependencies {
                if reserved.packages.contains(&dependency.name.as_str()) {
                    let what = named(reserved, &manifest.crate_name, &dependency.name);
                    let at = dependency.line;
                    findings.push(Finding::at(&manifest.path, at, what, reserved.remedy));
                }
            }
        }
        for (file, text) in tree.rust() {
            let Some(name) = file.crate_name().filter(|name| barred(name)) else {
                continue;
            };
            if !file.is_for_tests() {
                findings.extend(scan(reserved, name, &file.path, text));
            }
        }
    }
    findings
}

fn scan(reserved: &Reserved, crate_name: &str, path: &str, text: &str) -> Vec<Finding> {
    let code = code::code_outside_tests(text);
    let in_code = reserved
        .words
        .iter()
        .flat_map(|word| code::words(&code, word).into_iter().map(move |offset| (*word, offset)));
    // A statement stands in a literal, so it is looked for in the text itself; a line whose code
    // is blank is a comment or belongs to the tests.
    let in_literals = reserved
        .statements
        .iter()
        .flat_map(|start| text.match_indices(start).map(move |(offset, _)| (*start, offset)))
        .filter(|(_, offset)| opens_a_literal(&code, text, *offset));
    in_code
        .chain(in_literals)
        .map(|(word, offset)| {
            let line = code::line_of(text.as_bytes(), offset);
            Finding::at(path, line, named(reserved, crate_name, word.trim()), reserved.remedy)
        })
        .collect()
}

/// Whether the text at `offset` is the beginning of a string literal outside tests, white space
/// aside: prose that mentions a statement in the middle of a sentence is not SQL.
fn opens_a_literal(code: &str, text: &str, offset: usize) -> bool {
    let before = text[..offset].trim_end();
    before.ends_with('"') && code.as_bytes().get(before.len() - 1) == Some(&b'"')
}

fn named(reserved: &Reserved, crate_name: &str, word: &str) -> String {
    format!("`{crate_name}` names {} (`{word}`)", reserved.what)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_the_homes_the_tests_and_prose() {
        check(
            CHECK,
            &[
                ("crates/record/src/a.rs", "use rusqlite::Row;\nlet q = \"DELETE FROM x\";"),
                ("crates/api/src/a.rs", "use axum::Router;"),
                ("crates/api/Cargo.toml", "[dependencies]\naxum = \"1\"\n"),
                ("crates/engine/tests/a.rs", "use rusqlite::Row;"),
                ("crates/engine/src/a.rs", "// INSERT INTO x\nlet s = \"never PRAGMA x\";"),
                ("crates/engine/src/b.rs", "#[cfg(test)]\nmod t { let q = \"PRAGMA x\"; }"),
                ("crates/xtask/src/bench/a.rs", "use rusqlite::Row;"),
            ],
            &[],
        );
    }

    #[test]
    fn finds_every_reserved_name_and_statement() {
        for reserved in RESERVED {
            for word in reserved.words {
                let source = format!("\nuse {word}::X;");
                let file = ("crates/engine/src/a.rs", source.as_str());
                check(CHECK, &[file], &["crates/engine/src/a.rs:2"]);
            }
            for start in reserved.statements {
                let source = format!("let q =\n\"\n   {start}x\";");
                let file = ("crates/channels/src/a.rs", source.as_str());
                check(CHECK, &[file], &["crates/channels/src/a.rs:3"]);
            }
            for package in reserved.packages {
                let text = format!("[dependencies]\n{package} = \"1\"\n");
                let file = ("crates/engine/Cargo.toml", text.as_str());
                check(CHECK, &[file], &["crates/engine/Cargo.toml:2"]);
            }
        }
    }
}
