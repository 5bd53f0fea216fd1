//! Access keys, known only by their digests.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Rights;

/// The longest key that is looked at, in bytes.
const MAX_KEY_BYTES: usize = 256;

/// A key that opens the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whose it is: a staff number or the name of a screen. It stands in the journal.
    pub name: String,
    /// The SHA-256 of the key. The key itself is random and long, so that a plain hash is enough.
    pub sha256: [u8; 32],
    /// Whether it opens once only; such a key may come in the address of a page (`/?key=…`).
    pub one_time: bool,
    /// What its holder may do beside looking at the live loop.
    pub rights: Rights,
}

#[derive(Debug)]
pub(super) struct Keys(Vec<(Key, bool)>);

impl Keys {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        Keys(keys.into_iter().map(|key| (key, false)).collect())
    }

    /// The name of whoever has this key, which is used up if it is for one use.
    ///
    /// Every key is compared, each in constant time, so that the time tells neither which key nor
    /// how much of it was right.
    pub(super) fn unlock(&mut self, presented: &str, by_address: bool) -> Option<String> {
        let fits = self.fitting(presented, |key, used| !used && (key.one_time || !by_address))?;
        let (key, used) = self.0.get_mut(fits)?;
        *used = key.one_time;
        Some(key.name.clone())
    }

    /// The name of whoever has this key, for signing what somebody else does. One for one use
    /// signs nothing: a form that is sent twice has to find the same key both times.
    pub(super) fn vouch(&self, presented: &str) -> Option<String> {
        let fits = self.fitting(presented, |key, _| !key.one_time)?;
        self.0.get(fits).map(|(key, _)| key.name.clone())
    }

    fn fitting(&self, presented: &str, usable: impl Fn(&Key, bool) -> bool) -> Option<usize> {
        let presented = presented.trim();
        if presented.is_empty() || presented.len() > MAX_KEY_BYTES {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let mut fits = None;
        for (index, (key, used)) in self.0.iter().enumerate() {
            let usable = Choice::from(u8::from(usable(key, *used)));
            if bool::from(key.sha256.ct_eq(&digest) & usable) {
                fits = Some(index);
            }
        }
        fits
    }

    /// The rights of a name: those that all of its keys have.
    pub(super) fn rights(&self, name: &str) -> Rights {
        let own = self.0.iter().filter(|(key, _)| key.name == name).map(|(key, _)| key.rights);
        own.reduce(Rights::both).unwrap_or_default()
    }
}
