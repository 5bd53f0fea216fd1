//! The rules of the house that the compiler and clippy cannot check: one check, one file.
//!
//! A check is a pure function from the [`Tree`] to its findings, so that its own tests plant an
//! offence in a tree made in memory. To add one: write `tidy/<check>.rs` with a `CHECK` constant
//! and a planted offence, and put a row into [`CHECKS`].

mod attributes;
mod code;
mod columns;
mod dead;
mod fixtures;
mod headers;
mod hosts;
mod layers;
mod manifest;
mod owners;
mod papers;
mod paths;
mod purity;
mod ratchet;
mod reserved;
mod size;
mod tree;
mod weight;

use std::fmt;
use std::process::ExitCode;

pub use tree::{SourceFile, Tree};

/// One offence: where it is, what it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the workspace root, with `/` between its parts.
    pub path: String,
    /// Line, counted from 1; 0 when the finding is about the whole file.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// How to put it right.
    pub remedy: String,
}

impl Finding {
    /// A finding at a line of a file; line 0 stands for the whole file.
    fn at(path: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}; {}", self.what, self.remedy)
    }
}

/// A rule with a name.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The name shown before each finding; also the name of the check's file.
    pub name: &'static str,
    /// What the rule asks, in one line.
    pub about: &'static str,
    /// Finds every offence in the tree.
    pub run: fn(&Tree) -> Vec<Finding>,
}

/// Every check, in the order in which they report.
pub const CHECKS: &[Check] = &[
    layers::CHECK,
    purity::CHECK,
    reserved::CHECK,
    size::CHECK,
    columns::CHECK,
    dead::CHECK,
    headers::CHECK,
    attributes::CHECK,
    owners::CHECK,
    paths::CHECK,
    hosts::CHECK,
    fixtures::CHECK,
    weight::CHECK,
    papers::CHECK,
];

/// Runs every check and answers one line per finding, sorted within each check.
pub fn report(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for check in CHECKS {
        let mut findings = (check.run)(tree);
        findings.sort();
        lines.extend(findings.iter().map(|finding| format!("[{}] {finding}", check.name)));
    }
    lines
}

/// The `tidy` task: exit code 0 when the tree is tidy, 1 with findings, 2 when it cannot be read.
pub fn command(arguments: &[String]) -> ExitCode {
    if arguments.iter().any(|argument| argument == "--list") {
        for check in CHECKS {
            eprintln!("{:<11} {}", check.name, check.about);
        }
        return ExitCode::SUCCESS;
    }
    let tree = match Tree::of_workspace(&crate::workspace_root()) {
        Ok(tree) => tree,
        Err(reason) => {
            eprintln!("tidy cannot read the tree: {reason}");
            return ExitCode::from(2);
        }
    };
    let lines = report(&tree);
    for line in &lines {
        eprintln!("{line}");
    }
    if lines.is_empty() {
        eprintln!("tidy: {} checks, {} files, nothing found", CHECKS.len(), tree.files().len());
        return ExitCode::SUCCESS;
    }
    eprintln!("tidy: {} findings", lines.len());
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs one check over files made in memory and compares what it finds, as `path:line`.
    #[track_caller]
    pub(super) fn check(rule: Check, files: &[(&str, &str)], expected: &[&str]) {
        let tree = Tree::in_memory(files);
        let mut findings = (rule.run)(&tree);
        findings.sort();
        let places: Vec<String> =
            findings.iter().map(|f| format!("{}:{}", f.path, f.line)).collect();
        assert_eq!(places, expected, "{} found: {findings:#?}", rule.name);
    }

    #[test]
    fn every_check_is_named_after_its_file_and_carries_its_own_tests() {
        let folder = crate::workspace_root().join("crates/xtask/src/tidy");
        for rule in CHECKS {
            let text = std::fs::read_to_string(folder.join(format!("{}.rs", rule.name)))
                .unwrap_or_else(|error| panic!("{}.rs: {error}", rule.name));
            assert!(
                text.contains("fn finds_") && text.contains("fn passes_"),
                "{}.rs needs a test `finds_…` with a planted offence and a test `passes_…`",
                rule.name
            );
        }
    }

    #[test]
    fn a_finding_says_where_what_and_what_to_do() {
        let finding = Finding::at("a.rs", 3, "the line is too long", "break it");
        assert_eq!(finding.to_string(), "a.rs:3: the line is too long; break it");
        let finding = Finding::at("a.rs", 0, "the file is dead", "delete it");
        assert_eq!(finding.to_string(), "a.rs: the file is dead; delete it");
    }
}
