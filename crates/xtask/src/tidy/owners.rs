//! What is left to do has an owner, or it is left for ever.

use super::{Check, Finding, Tree, code};

pub(super) const CHECK: Check =
    Check { name: "owners", about: "what is left to do names its owner: `TODO(name): …`", run };

/// Made by `cargo xtask definitions`, so nothing is left to do in them.
const TABLES: &str = "crates/fhir-definitions/data/";

const MARKS: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.texts().filter(|(file, _)| !file.is_tidy_itself()) {
        // `XXX` is a code of HL7, as are most words that have three letters.
        if file.path.starts_with(TABLES) {
            continue;
        }
        for mark in MARKS {
            for offset in code::words(text, mark) {
                if !has_owner(&text[offset + mark.len()..]) {
                    findings.push(Finding::at(
                        &file.path,
                        code::line_of(text.as_bytes(), offset),
                        format!("`{mark}` without an owner"),
                        format!("do it now, or write `{mark}(name): what and why`"),
                    ));
                }
            }
        }
    }
    findings
}

fn has_owner(rest: &str) -> bool {
    rest.strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .is_some_and(|(owner, _)| !owner.is_empty() && !owner.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_a_mark_with_an_owner_and_longer_words() {
        check(CHECK, &[("a.rs", "// TODO(ada): more cases\nMASTODON TODOS HL7_XXX_1\n")], &[]);
        check(CHECK, &[("crates/fhir-definitions/data/codes.txt", "XTS\tXXX\n")], &[]);
    }

    #[test]
    fn finds_a_mark_without_an_owner() {
        for mark in MARKS {
            let text = format!("\n# {mark}: later\n");
            check(CHECK, &[("a.md", &text)], &["a.md:2"]);
        }
        check(CHECK, &[("a.rs", "// TODO()\n// TODO(some day)\n")], &["a.rs:1", "a.rs:2"]);
    }
}
