//! A lint is silenced by `#[expect(…, reason = …)]`, which reports when it is no longer needed.

use super::{Check, Finding, Tree, code};

pub(super) const CHECK: Check = Check {
    name: "attributes",
    about: "no `#[allow(…)]`: `#[expect(…, reason = …)]` says why and reports when it is stale",
    run,
};

fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.rust() {
        let code = code::code_only(text);
        for offset in code::words(&code, "allow") {
            if is_attribute(&code, offset) {
                findings.push(Finding::at(
                    &file.path,
                    code::line_of(code.as_bytes(), offset),
                    "`allow` silences a lint for good and without a reason",
                    "mend the cause, or write `#[expect(lint, reason = \"…\")]`",
                ));
            }
        }
    }
    findings
}

/// Whether the word opens an attribute (`#[allow(`, `#![allow(`) or stands in a `cfg_attr`.
fn is_attribute(code: &str, offset: usize) -> bool {
    let followed = code[offset + "allow".len()..].trim_start().starts_with('(');
    let before = code[..offset].trim_end();
    let line = &code[..offset];
    let line = &line[line.rfind('\n').map_or(0, |at| at + 1)..];
    let opens = before.ends_with("#[") || before.ends_with("#![") || line.contains("cfg_attr(");
    followed && opens
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_expect_names_and_prose() {
        let source =
            "#[expect(dead_code, reason = \"x\")]\nfn allow() { allow(1); }\n// #[allow(x)]";
        check(CHECK, &[("a.rs", source)], &[]);
    }

    #[test]
    fn finds_every_form_of_allow() {
        let source = "#![allow(x)]\n#[allow(dead_code)]\n#[ allow (x)]\n#[cfg_attr(a, allow(b))]\n";
        check(CHECK, &[("a.rs", source)], &["a.rs:1", "a.rs:2", "a.rs:3", "a.rs:4"]);
    }
}
