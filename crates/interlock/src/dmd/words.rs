//! Releases in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use terminology::{Change, Difference, Imported, Kind, Release};

/// The most products of one kind of change that are written out.
const MAX_PRODUCTS: usize = 50;
/// The most problems that are written out.
const MAX_PROBLEMS: usize = 20;

/// What a release has and what it changes, a line each, without single products.
pub(super) fn summary(release: &Release, differences: Option<&[Difference]>) -> Vec<String> {
    let counts: Vec<String> =
        release.counts.each().iter().map(|(name, count)| format!("{count} {name}")).collect();
    let mut lines = vec![counts.join(", ")];
    let Some(differences) = differences else { return lines };
    let mut by_kind: BTreeMap<Kind, [usize; 4]> = BTreeMap::new();
    for difference in differences {
        by_kind.entry(difference.kind).or_default()[place(&difference.change)] += 1;
    }
    for (kind, [new, changed, withdrawn, recoded]) in by_kind {
        lines.push(format!(
            "{kind}: {new} new, {changed} changed, {withdrawn} withdrawn, {recoded} re-coded"
        ));
    }
    lines
}

fn place(change: &Change) -> usize {
    match change {
        Change::New => 0,
        Change::Changed { .. } => 1,
        Change::Withdrawn => 2,
        Change::Recoded { .. } => 3,
    }
}

/// What a release has and what it changes, for the person who is about to take it over.
pub(crate) fn render(release: &Release, differences: Option<&[Difference]>, all: bool) -> String {
    let mut out = String::new();
    let day = release.day.map_or("of an unknown day".to_owned(), |day| format!("of {day}"));
    let synthetic = if release.synthetic { ", all products made up" } else { "" };
    let _ = writeln!(out, "dm+d {day}{synthetic}");
    for line in summary(release, differences) {
        let _ = writeln!(out, "  {line}");
    }
    let Some(differences) = differences else {
        out.push_str("no release to compare with is in use\n");
        return out;
    };
    // What is gone or means something else comes first.
    for wanted in [2, 3, 1, 0] {
        let most = if all { usize::MAX } else { MAX_PRODUCTS };
        let mut products =
            differences.iter().filter(|difference| place(&difference.change) == wanted);
        for difference in products.by_ref().take(most) {
            let _ = one(&mut out, difference);
        }
        let more = products.count();
        if more > 0 {
            let _ = writeln!(out, "  and {more} more (--all shows them)");
        }
    }
    if differences.is_empty() {
        out.push_str("nothing would change\n");
    }
    out
}

fn one(out: &mut String, difference: &Difference) -> std::fmt::Result {
    let Difference { kind, id, name, change } = difference;
    match change {
        Change::New => writeln!(out, "+ {kind} {id} {name}"),
        Change::Withdrawn => writeln!(out, "- {kind} {id} {name}"),
        Change::Recoded { to } => writeln!(out, "> {kind} {id} {name}: now {to}"),
        Change::Changed { fields } => {
            writeln!(out, "~ {kind} {id} {name}")?;
            for (field, old, new) in fields {
                writeln!(out, "    {field}: {old} -> {new}")?;
            }
            Ok(())
        }
    }
}

/// What could not be taken of a release; empty where all was.
pub(crate) fn problems(imported: &Imported) -> String {
    let mut out = String::new();
    for problem in imported.problems.iter().take(MAX_PROBLEMS) {
        let _ = writeln!(out, "! {} {}: {}", problem.row, problem.id, problem.what);
    }
    let more = imported.problem_count.saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        let _ = writeln!(out, "! and {more} more");
    }
    out
}
