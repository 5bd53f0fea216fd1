//! `[journal]`: how the journal is cut into segments, and how long messages stay readable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{CONTROLLED_DAYS_MIN, CONTROLLED_DAYS_USUAL, Keeping};
use journal::{Sealing, SigningKey};
use serde::Deserialize;

/// The fewest and the most entries of a segment.
const SEGMENT_ENTRIES: std::ops::RangeInclusive<u64> = 1_000..=1_000_000;
/// The most entries that may be kept in the main file.
const KEEP_ENTRIES_MAX: u64 = 10_000_000;

/// `[journal]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalEntry {
    /// How many entries a segment holds, from 1,000 to 1,000,000; 32,768 unless given.
    pub segment_entries: Option<u64>,
    /// How many of the newest entries stay uncompressed at least; 4,096 unless given.
    pub keep_entries: Option<u64>,
    /// The Ed25519 key that signs the seals, PKCS#8 in DER.
    pub signing_key: Option<PathBuf>,
    /// For how many days messages about controlled drugs, and parked ones, stay readable at
    /// least, from 731; 2,557 unless given.
    pub controlled_days: Option<u32>,
}

impl JournalEntry {
    /// What it means. The error says what is wrong and what to do.
    pub(super) fn read(&self, folder: &Path) -> Result<Keeping, (String, String)> {
        let usual = Sealing::default();
        let segment_entries = self.segment_entries.unwrap_or(usual.segment_entries);
        let keep_entries = self.keep_entries.unwrap_or(usual.keep_entries);
        let controlled_days = self.controlled_days.unwrap_or(CONTROLLED_DAYS_USUAL);
        let wrong = |why: &str, remedy: &str| Err((why.to_owned(), remedy.to_owned()));
        if !SEGMENT_ENTRIES.contains(&segment_entries) {
            return wrong(
                "segment_entries is from 1000 to 1000000",
                "write such a number, or leave it out",
            );
        }
        if keep_entries > KEEP_ENTRIES_MAX {
            return wrong("keep_entries is at most 10000000", "write less, or leave it out");
        }
        if controlled_days < CONTROLLED_DAYS_MIN {
            return wrong(
                "records of controlled drugs are kept for two years at least",
                "write controlled_days = 731 or more, or leave it out for seven years",
            );
        }
        let key = self.signing_key.as_ref().map(|path| SigningKey::read(&folder.join(path)));
        let key = match key.transpose() {
            Ok(key) => key.map(Arc::new),
            Err(error) => {
                let text = error.to_string();
                let (why, remedy) = text.split_once("; ").unwrap_or((&text, "mend it"));
                return wrong(why, remedy);
            }
        };
        Ok(Keeping {
            sealing: Sealing { segment_entries, keep_entries, key },
            controlled_days,
            ..Keeping::default()
        })
    }
}
