//! A checkout stays light: no large files, and no binaries but the few kinds that a page shows.

use super::{Check, Finding, Tree};

pub(super) const CHECK: Check = Check {
    name: "weight",
    about: "no file over 1 MiB, and no binary but pictures under docs/images",
    run,
};

/// The most bytes of a file.
const LIMIT: usize = 1024 * 1024;

/// Larger files that the project needs, each with its reason in a comment.
const LISTED: &[&str] = &[];

/// Where binaries may lie, and how their names end.
const PICTURES: (&str, &[&str]) = ("docs/images/", &[".png", ".webp", ".gif"]);

fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files().iter().filter(|file| !LISTED.contains(&file.path.as_str())) {
        if file.bytes.len() > LIMIT {
            findings.push(Finding::at(
                &file.path,
                0,
                format!("the file has {} bytes, {LIMIT} are the most", file.bytes.len()),
                "let a tool make it, shrink it, or list it in crates/xtask/src/tidy/weight.rs",
            ));
        }
        if file.bytes.contains(&0) && !is_picture(&file.path) {
            findings.push(Finding::at(
                &file.path,
                0,
                "the file is a binary",
                "let the build or the test make it; pictures belong in docs/images",
            ));
        }
    }
    findings
}

fn is_picture(path: &str) -> bool {
    let (folder, endings) = PICTURES;
    path.starts_with(folder) && endings.iter().any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_light_files_and_pictures() {
        let light = "x".repeat(LIMIT);
        check(CHECK, &[("a.txt", &light), ("docs/images/a.png", "\0PNG")], &[]);
    }

    #[test]
    fn finds_large_files_and_binaries() {
        let heavy = "x".repeat(LIMIT + 1);
        check(CHECK, &[("a.txt", &heavy)], &["a.txt:0"]);
        check(CHECK, &[("docs/images/a.png", &heavy)], &["docs/images/a.png:0"]);
        check(CHECK, &[("crates/a/b.bin", "a\0")], &["crates/a/b.bin:0"]);
        check(CHECK, &[("docs/images/a.exe", "a\0")], &["docs/images/a.exe:0"]);
    }
}
