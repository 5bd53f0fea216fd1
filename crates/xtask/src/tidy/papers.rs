//! The papers that a stranger looks for exist, and the architecture page stays readable.

use super::{Check, Finding, Tree};

pub(super) const CHECK: Check = Check {
    name: "papers",
    about: "README, CHANGELOG, LICENSE and ARCHITECTURE exist; ARCHITECTURE has at most 500 lines",
    run,
};

const PAPERS: &[&str] = &["README.md", "CHANGELOG.md", "ARCHITECTURE.md", "LICENSE"];

/// The most lines of the architecture page: it is read in one sitting.
const ARCHITECTURE_LIMIT: usize = 500;

fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for paper in PAPERS {
        let text = tree.get(paper).and_then(|file| file.text()).unwrap_or_default();
        if text.trim().is_empty() {
            let remedy = "write it: a stranger looks for it first";
            findings.push(Finding::at(paper, 0, "the file is missing or empty", remedy));
        }
    }
    let architecture = tree.get("ARCHITECTURE.md").and_then(|file| file.text());
    let lines = architecture.unwrap_or_default().lines().count();
    if lines > ARCHITECTURE_LIMIT {
        findings.push(Finding::at(
            "ARCHITECTURE.md",
            0,
            format!("the page has {lines} lines, {ARCHITECTURE_LIMIT} are the most"),
            "move detail into the crate's own documentation",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn passes_a_tree_with_its_papers() {
        let page = "x\n".repeat(ARCHITECTURE_LIMIT);
        let files = all(&page);
        check(CHECK, &files, &[]);
    }

    #[test]
    fn finds_what_is_missing_empty_or_too_long() {
        check(CHECK, &[], &["ARCHITECTURE.md:0", "CHANGELOG.md:0", "LICENSE:0", "README.md:0"]);
        let mut files = all("x");
        files[0].1 = " \n";
        let long = "x\n".repeat(ARCHITECTURE_LIMIT + 1);
        files[2].1 = &long;
        check(CHECK, &files, &["ARCHITECTURE.md:0", "README.md:0"]);
    }

    fn all(text: &str) -> Vec<(&'static str, &str)> {
        PAPERS.iter().map(|paper| (*paper, text)).collect()
    }
}
