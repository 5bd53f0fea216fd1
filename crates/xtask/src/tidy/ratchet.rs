//! The ratchet: what is over a limit today, with its size, so that it can only shrink.

use std::collections::BTreeMap;

use super::{Finding, Tree};

/// Where the ratchet is kept.
pub(super) const PATH: &str = "crates/xtask/ratchet.toml";

/// The exceptions that one table of the ratchet file names, each with the size it has today.
#[derive(Debug, Default)]
pub(super) struct Ratchet {
    table: &'static str,
    allowed: BTreeMap<String, usize>,
    met: Vec<String>,
}

impl Ratchet {
    /// Reads one table. An absent file or table allows nothing.
    pub(super) fn read(tree: &Tree, table: &'static str) -> Result<Self, Finding> {
        let mut ratchet = Self { table, ..Self::default() };
        let Some(text) = tree.get(PATH).and_then(|file| file.text()) else {
            return Ok(ratchet);
        };
        let whole = text.parse::<toml::Table>().map_err(|error| {
            Finding::at(PATH, 0, format!("this is not TOML ({})", error.message()), "mend it")
        })?;
        let entries = whole.get(table).and_then(toml::Value::as_table);
        for (name, size) in entries.into_iter().flatten() {
            let size = size.as_integer().and_then(|size| usize::try_from(size).ok());
            let size = size.ok_or_else(|| {
                Finding::at(PATH, 0, format!("`{name}` has no whole number"), "write its lines")
            })?;
            ratchet.allowed.insert(name.clone(), size);
        }
        Ok(ratchet)
    }

    /// Judges something that is over the limit: a finding when it is new or has another size than
    /// the ratchet says.
    pub(super) fn over(
        &mut self,
        (path, line): (&str, usize),
        name: &str,
        size: usize,
        limit: usize,
    ) -> Option<Finding> {
        self.met.push(name.to_owned());
        match self.allowed.get(name) {
            None => Some(Finding::at(
                path,
                line,
                format!("`{name}` has {size} lines, {limit} are the most"),
                "split it where a reader would",
            )),
            Some(allowed) if size > *allowed => Some(Finding::at(
                path,
                line,
                format!("`{name}` has grown from {allowed} lines to {size}"),
                "put the new part into a place of its own",
            )),
            Some(allowed) if size < *allowed => Some(Finding::at(
                path,
                line,
                format!("`{name}` has shrunk from {allowed} lines to {size}, well done"),
                format!("write {size} into [{}] of {PATH}", self.table),
            )),
            Some(_) => None,
        }
    }

    /// A finding for each exception that nothing needs any more.
    pub(super) fn stale(&self) -> Vec<Finding> {
        self.allowed
            .keys()
            .filter(|name| !self.met.contains(name))
            .map(|name| {
                Finding::at(
                    PATH,
                    0,
                    format!("`{name}` is within the limit now or gone"),
                    format!("take it out of [{}]", self.table),
                )
            })
            .collect()
    }
}
