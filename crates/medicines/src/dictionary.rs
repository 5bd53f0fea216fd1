//! A release of dm+d is taken over: which one, and who did it.
//!
//! The release itself is a file beside the journal, named by its digest. The entry says which
//! file is the one in use from then on, so the journal alone decides it: there is no moment at
//! which half of a release is in use.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::command::{Context, Decision};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::state::State;

/// A release of dm+d that somebody takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dictionary {
    /// The SHA-256 of the index that was made of it, in hexadecimal.
    pub digest: String,
    /// The day of the release, as far as its files name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Date>,
    /// Whether its products are made up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
    /// What it has and what it changes, a line each, without single products.
    #[serde(default)]
    pub changes: Vec<String>,
    /// The person, as a staff number or a name; the client where nobody was named.
    pub by: String,
    /// When it was asked for.
    pub at: Timestamp,
}

/// The release in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DictionaryInUse {
    /// The entry that took it over.
    pub entry: u64,
    /// Which one, and who did it.
    pub dictionary: Dictionary,
}

/// Takes a release over. The one that is in use already changes nothing.
pub(crate) fn take_over(state: &State, ctx: &Context, dictionary: &Dictionary) -> Decision {
    let mut facts = Facts::new(ctx, state.site());
    let in_use = state.dictionary().map(|in_use| in_use.dictionary.digest.as_str());
    if in_use != Some(&dictionary.digest) {
        facts.push(Fact::Dictionary(Box::new(dictionary.clone())));
    }
    facts.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;
    use crate::state::{NoCold, Row, RowKind};

    fn ctx(seq: u64) -> Context {
        Context {
            now: Timestamp::UNIX_EPOCH,
            seq,
            source: "dictionary".to_owned(),
            dictionary: None,
        }
    }

    fn dictionary(digest: &str) -> Dictionary {
        Dictionary {
            digest: digest.to_owned(),
            day: Some(jiff::civil::date(2019, 4, 1)),
            synthetic: false,
            changes: vec!["7 VMP".to_owned()],
            by: "N1001".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_last_one_is_in_use_and_a_repeat_changes_nothing() {
        let mut state = State::new(Box::new(NoCold));
        for (seq, digest, facts) in [(1, "aa", 1), (2, "aa", 0), (3, "bb", 1)] {
            let request = Request::TakeOver(Box::new(dictionary(digest)));
            let decision = crate::decide(&mut state, &ctx(seq), &request);
            assert_eq!(decision.facts.len(), facts, "{digest}");
            state.fold(seq, &decision.facts);
        }
        let in_use = state.dictionary().expect("one was taken over").clone();
        assert_eq!((in_use.entry, in_use.dictionary.digest.as_str()), (3, "bb"));
        // It is there after a restart as well.
        let rows: Vec<Row> = state.take_changed();
        let row = rows.iter().find(|row| row.kind == RowKind::Dictionary).expect("a row of it");
        let mut loaded = State::new(Box::new(NoCold));
        loaded.load(row).expect("what was written can be read");
        assert_eq!(loaded.dictionary(), Some(&in_use));
    }
}
