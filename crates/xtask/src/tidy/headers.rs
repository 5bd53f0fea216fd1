//! Every crate root says in its first line what it is.

use super::{Check, Finding, Tree};

pub(super) const CHECK: Check = Check {
    name: "headers",
    about: "every lib.rs and main.rs begins with `//!` and says what the crate is",
    run,
};

fn run(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|(file, _)| is_crate_root(&file.path))
        .filter(|(_, text)| !says_something(text))
        .map(|(file, _)| {
            let remedy = "begin with `//!` and one sentence that says what the crate is for";
            Finding::at(&file.path, 1, "the crate does not say what it is", remedy)
        })
        .collect()
}

fn is_crate_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts.as_slice(), ["crates", _, "src", "lib.rs" | "main.rs"])
}

fn says_something(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("//!").is_some_and(|rest| !rest.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_a_root_with_a_header_and_other_files() {
        check(
            CHECK,
            &[("crates/a/src/lib.rs", "//! Says it.\n"), ("crates/a/src/b.rs", "fn f() {}\n")],
            &[],
        );
    }

    #[test]
    fn finds_a_root_without_a_header() {
        check(
            CHECK,
            &[
                ("crates/a/src/lib.rs", "\n//! Too late.\n"),
                ("crates/b/src/main.rs", "//!\nfn main() {}\n"),
                ("crates/c/src/lib.rs", ""),
            ],
            &["crates/a/src/lib.rs:1", "crates/b/src/main.rs:1", "crates/c/src/lib.rs:1"],
        );
    }
}
