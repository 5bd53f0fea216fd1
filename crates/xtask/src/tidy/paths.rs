//! No path of one particular machine: what is written down must work in any checkout.

use super::{Check, Finding, Tree, code};

pub(super) const CHECK: Check = Check {
    name: "paths",
    about: "no absolute path of a particular machine, such as a home folder",
    run,
};

const PREFIXES: &[&str] = &["/work/", "/home/", "/root/", "/Users/"];

fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.texts().filter(|(file, _)| !file.is_tidy_itself()) {
        for prefix in PREFIXES {
            for (offset, _) in text.match_indices(prefix) {
                if begins_a_path(text, offset) {
                    findings.push(Finding::at(
                        &file.path,
                        code::line_of(text.as_bytes(), offset),
                        format!("`{prefix}…` is a path of one machine"),
                        "write it from the workspace root, or take it from the environment",
                    ));
                }
            }
        }
    }
    findings
}

/// Whether the slash stands at the beginning of a path, not in the middle of a longer one.
fn begins_a_path(text: &str, offset: usize) -> bool {
    !text[..offset]
        .chars()
        .next_back()
        .is_some_and(|before| before.is_alphanumeric() || "._-~}])*$%".contains(before))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_paths_inside_longer_ones() {
        let text = "https://example.org/work/x crates/home/y {base}/root/z a work/ b ./home/q\n";
        check(CHECK, &[("a.md", text)], &[]);
    }

    #[test]
    fn finds_the_path_of_a_machine() {
        for prefix in PREFIXES {
            let text = format!("a\n\"{prefix}x\"\n");
            check(CHECK, &[("a.toml", &text)], &["a.toml:2"]);
        }
        check(CHECK, &[("a.md", "file:///home/x")], &["a.md:1"]);
    }
}
