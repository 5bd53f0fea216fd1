//! Taking a release over: the journal says which index is in use.

use std::path::{Path, PathBuf};

use engine::{Command, Engine};
use medicines::{Dictionary, DictionaryInUse, Fact, Head, Request, RowKind};
use terminology::{Difference, Index, diff};

use super::store;
use super::words;
use crate::node::Plan;

/// The source from which the engine has releases.
const CHANNEL: &str = "dictionary";

/// How many entries are read at a time where the record does not tell.
const ENTRIES: usize = 500;

/// The release in use: what the record tells, and of the entries that it does not hold yet the
/// journal.
pub(crate) fn in_use(
    record: Option<&record::Reader>,
    journal: &journal::Reader,
) -> Result<Option<DictionaryInUse>, String> {
    let recorded = match record {
        None => None,
        Some(reader) => {
            // The position first: what is recorded meanwhile is then read twice, never passed over.
            let position = reader.position().map_err(|error| error.to_string())?;
            let row = reader.row(RowKind::Dictionary, "").map_err(|error| error.to_string())?;
            let read = row.map(|row| serde_json::from_slice(&row)).transpose();
            Some((read.map_err(|error| error.to_string())?.flatten(), position.seq))
        }
    };
    let (mut found, upto) = recorded.unwrap_or_default();
    let mut next = upto + 1;
    loop {
        let entries = journal.read_from(next, ENTRIES).map_err(|error| error.to_string())?;
        let Some(last) = entries.last() else { return Ok(found) };
        next = last.seq + 1;
        for entry in entries.iter().filter(|entry| tells_of_one(&entry.head)) {
            let head = Head::from_json(&entry.head).map_err(|error| error.to_string())?;
            for fact in head.facts.iter() {
                if let Fact::Dictionary(dictionary) = fact {
                    let dictionary = dictionary.as_ref().clone();
                    found = Some(DictionaryInUse { entry: entry.seq, dictionary });
                }
            }
        }
    }
}

/// The index of the release that is in use on a node, which may run; none before the first release,
/// or where its file is gone.
pub(crate) fn in_use_of(plan: &Plan) -> Result<Option<Index>, String> {
    if !plan.journal().exists() {
        return Ok(None);
    }
    let journal = journal::Reader::open(&plan.journal()).map_err(|error| error.to_string())?;
    let record = record::Reader::open(&plan.record(), &plan.journal()).ok();
    let Some(in_use) = in_use(record.as_ref(), &journal)? else { return Ok(None) };
    Ok(store::load(&plan.data, &in_use.dictionary.digest).ok())
}

/// Whether a head may hold the fact, seen without reading all of it.
fn tells_of_one(head: &[u8]) -> bool {
    const WORD: &[u8] = b"\"dictionary\":";
    head.windows(WORD.len()).any(|window| window == WORD)
}

/// Has the engine take over the release whose index lies in the data folder under this digest.
/// The release that is in use already is not taken over again.
pub(crate) async fn take_over(
    engine: &Engine,
    data: PathBuf,
    digest: String,
    by: Option<String>,
    client: &str,
) -> Result<DictionaryInUse, String> {
    let (reading, folder) = (engine.clone(), data.clone());
    let compared = tokio::task::spawn_blocking(move || {
        let readers = reading.readers();
        let reader = readers.get().map_err(|error| error.to_string())?;
        let journal = reading.journal().map_err(|error| error.to_string())?;
        let before = in_use(Some(&reader), &journal)?;
        let index = store::shared(&data, &digest).map_err(|error| error.to_string())?;
        let changes = compare(&data, before.as_ref(), &index);
        Ok::<_, String>((before, digest, index.release().clone(), changes))
    });
    let compared = compared.await.unwrap_or_else(|error| Err(error.to_string()));
    let (before, digest, release, differences) = compared?;
    if let Some(before) = before.as_ref().filter(|before| before.dictionary.digest == digest) {
        return Ok(before.clone());
    }
    let at = engine.clock().now();
    let dictionary = Dictionary {
        digest,
        day: release.day,
        synthetic: release.synthetic,
        changes: words::summary(&release, differences.as_deref()),
        by: by.unwrap_or_else(|| client.to_owned()),
        at,
    };
    let request = Request::TakeOver(Box::new(dictionary.clone()));
    let mut command = Command::internal(client, at, request);
    command.channel = CHANNEL.into();
    let receipt = engine.submit(command).await.map_err(|error| error.to_string())?;
    // The release of before stays, so that somebody can go back to it without its archive.
    let kept = before.map(|before| before.dictionary.digest).unwrap_or_default();
    if let Err(error) = store::prune(&folder, &[&dictionary.digest, &kept]) {
        tracing::warn!(%error, "old index files of dm+d could not be removed");
    }
    Ok(DictionaryInUse { entry: receipt.seq, dictionary })
}

/// What a release changes, none where there is nothing to compare with: no release was in use, or
/// its file is gone.
fn compare(
    data: &Path,
    before: Option<&DictionaryInUse>,
    index: &Index,
) -> Option<Vec<Difference>> {
    let before = store::load(data, &before?.dictionary.digest).ok()?;
    Some(diff(&before, index))
}
