//! `[subscriptions]`: which endpoints of subscribers may be called.

use std::path::{Path, PathBuf};

use api::{AllowEntry, AllowList, Policy, Trust};
use serde::Deserialize;
use toml::Spanned;

/// The attempts after which a subscription may be an error.
const ATTEMPTS: std::ops::RangeInclusive<u32> = 1..=1_000;

/// `[subscriptions]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionsEntry {
    /// The authorities whose certificates are taken from endpoints; those that browsers take
    /// unless given.
    pub ca: Option<PathBuf>,
    /// After how many attempts in a row a subscription is an error, from 1 to 1000; 20 unless
    /// given.
    pub attempts: Option<u32>,
    /// `[[subscriptions.allow]]`: the endpoints that may be called. There are none unless given.
    #[serde(default)]
    pub allow: Vec<Spanned<AllowEntry>>,
}

/// What is wrong: the entry of the list, where it is one, and the words with a remedy.
pub(super) type Wrong = (Option<usize>, String);

impl SubscriptionsEntry {
    /// What it means; `folder` is where relative paths start.
    pub(super) fn read(&self, folder: &Path) -> Result<Policy, Wrong> {
        let whole = |text: String| (None, text);
        let attempts = self.attempts.unwrap_or(api::USUAL_ATTEMPTS);
        if !ATTEMPTS.contains(&attempts) {
            return Err(whole("`attempts` is from 1 to 1000; write such a number".to_owned()));
        }
        let entries: Vec<AllowEntry> =
            self.allow.iter().map(|entry| entry.as_ref().clone()).collect();
        let allow = AllowList::read(&entries).map_err(|(n, error)| (Some(n), error.to_string()))?;
        let ca = self.ca.as_ref().map(|ca| folder.join(ca));
        let trust = Trust::read(ca.as_deref()).map_err(|error| whole(error.to_string()))?;
        Ok(Policy { attempts, ..Policy::new(allow, trust) })
    }
}
