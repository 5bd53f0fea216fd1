//! Plans and configurations in words.

use std::fmt::Write as _;

use api::{ChangeKind, InForce, PackageTaken, Plan, Release};
use medicines::{Applied, DictionaryInUse, PackageInUse};

use super::compare::line;

/// The most fields of a part that are written out.
const MAX_FIELDS: usize = 200;

/// A plan as the command line shows it.
pub(crate) fn render(plan: &Plan) -> String {
    let mut out = String::new();
    // Writing to a string never fails.
    let _ = write(&mut out, plan);
    out
}

fn write(out: &mut String, plan: &Plan) -> std::fmt::Result {
    if plan.changes.is_empty() {
        out.push_str("nothing would change\n");
    }
    for change in &plan.changes {
        out.push_str(&line(change));
        if let Some(effect) = &change.effect {
            write!(out, " ({effect})")?;
        }
        out.push('\n');
        for field in change.fields.iter().take(MAX_FIELDS) {
            let set = |value: &Option<String>| value.clone().unwrap_or("(not set)".to_owned());
            let (name, old, new) = (&field.field, set(&field.old), set(&field.new));
            match change.kind {
                ChangeKind::Changed => writeln!(out, "    {name}: {old} -> {new}")?,
                _ => writeln!(out, "    {name} = {new}")?,
            }
        }
        if let Some(more) = change.fields.len().checked_sub(MAX_FIELDS).filter(|more| *more > 0) {
            writeln!(out, "    and {more} more")?;
        }
    }
    for note in &plan.notes {
        writeln!(out, "  {note}")?;
    }
    for obstacle in &plan.obstacles {
        writeln!(out, "! {obstacle}")?;
    }
    let count = |kind| plan.changes.iter().filter(|change| change.kind == kind).count();
    let (added, changed) = (count(ChangeKind::Added), count(ChangeKind::Changed));
    let removed = count(ChangeKind::Removed);
    let against = match plan.base {
        0 => "against nothing: no configuration was in force yet".to_owned(),
        base => format!("against entry {base}"),
    };
    writeln!(
        out,
        "plan {} {against}: {added} added, {changed} changed, {removed} removed",
        plan.plan
    )
}

/// A configuration that was in force, as the interface gives it.
pub(crate) fn in_force(applied: &Applied) -> InForce {
    let about = &applied.about;
    InForce {
        entry: applied.entry,
        at: about.at.to_string(),
        by: about.by.clone(),
        digest: about.digest.clone(),
        changes: about.changes.clone(),
        back_to: about.back_to,
    }
}

/// A release of dm+d as the interface tells it.
pub(crate) fn release(in_use: &DictionaryInUse) -> Release {
    let dictionary = &in_use.dictionary;
    Release {
        entry: in_use.entry,
        at: dictionary.at.to_string(),
        by: dictionary.by.clone(),
        digest: dictionary.digest.clone(),
        changes: dictionary.changes.clone(),
    }
}

/// A package of definitions as the interface tells it.
pub(crate) fn package(in_use: &PackageInUse) -> PackageTaken {
    let package = &in_use.package;
    PackageTaken {
        entry: in_use.entry,
        at: package.at.to_string(),
        by: package.by.clone(),
        name: package.name.clone(),
        digest: package.digest.clone(),
    }
}
