//! The configurations that were put in force: the record lists them, the journal has their texts.

use std::path::Path;

use medicines::{Applied, Fact, Head, MAX_CONFIGURATIONS, RowKind};

use crate::config::Bundle;
use crate::node::{JOURNAL_FILE, RECORD_FILE};

/// How many entries are read at a time where the record does not tell.
const ENTRIES: usize = 500;

/// The configurations that were put in force, the newest last.
pub(crate) fn configurations(reader: &record::Reader) -> Result<Vec<Applied>, String> {
    let row = reader.row(RowKind::Configurations, "").map_err(|error| error.to_string())?;
    match row {
        None => Ok(Vec::new()),
        Some(row) => serde_json::from_slice(&row).map_err(|error| error.to_string()),
    }
}

/// The text of the configuration that an entry put in force.
pub(crate) fn text_of(journal: &journal::Reader, entry: u64) -> Result<Option<Bundle>, String> {
    let Some(entry) = journal.get(entry).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let head = Head::from_json(&entry.head).map_err(|error| error.to_string())?;
    if !head.facts.iter().any(|fact| matches!(fact, Fact::Applied(_))) {
        return Ok(None);
    }
    Bundle::from_json(&entry.raw).map(Some).map_err(|error| error.to_string())
}

/// The same list of a data folder on which no node runs. Where the record is missing or behind,
/// the journal tells the rest.
pub(crate) fn of_folder(data: &Path) -> Result<Vec<Applied>, String> {
    let path = data.join(JOURNAL_FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let journal = journal::Reader::open(&path).map_err(|error| error.to_string())?;
    let recorded = record::Reader::open(&data.join(RECORD_FILE), &path).ok().and_then(|reader| {
        let position = reader.position().ok()?;
        Some((configurations(&reader).ok()?, position.seq))
    });
    let (mut found, upto) = recorded.unwrap_or_default();
    let mut next = upto + 1;
    loop {
        let entries = journal.read_from(next, ENTRIES).map_err(|error| error.to_string())?;
        let Some(last) = entries.last() else { break };
        next = last.seq + 1;
        for entry in entries.iter().filter(|entry| tells_of_one(&entry.head)) {
            let head = Head::from_json(&entry.head).map_err(|error| error.to_string())?;
            found.extend(head.facts.iter().filter_map(|fact| match fact {
                Fact::Applied(about) => Some(Applied { entry: entry.seq, about: about.clone() }),
                _ => None,
            }));
        }
    }
    let old = found.len().saturating_sub(MAX_CONFIGURATIONS);
    Ok(found.split_off(old))
}

/// Whether a head may hold the fact, seen without reading all of it.
fn tells_of_one(head: &[u8]) -> bool {
    const WORD: &[u8] = b"\"applied\":";
    head.windows(WORD.len()).any(|window| window == WORD)
}
