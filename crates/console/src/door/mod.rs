//! Who may look: access keys, sessions, and what the door does about guessing.

mod allowance;
mod cookie;
mod form;
mod keys;
mod rights;
mod sessions;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use keys::Key;
pub use rights::{Right, Rights};

use allowance::Allowance;
pub(crate) use cookie::{cookie, session_of, without_session};
pub(crate) use form::{form_key, read_form_key};
use keys::Keys;
pub(crate) use sessions::{SESSION_LIFETIME, Token};
use sessions::{Seen, Sessions};

/// The most wrong keys from one address in one [`GUESS_WINDOW`]; the next are refused as too many.
/// A right key is let in whatever came before it: behind a proxy everybody has one address, and
/// nobody may lock the others out. Keys are long and random, so that guesses find none.
const MAX_GUESSES: u32 = 10;
/// The time over which wrong keys are counted.
const GUESS_WINDOW: Duration = Duration::from_mins(1);
/// The most addresses that are counted apart; the others share one count.
const MAX_ADDRESSES: usize = 1_024;
/// The most refusals that are journalled in one [`REFUSAL_WINDOW`], so that knocking at the door
/// cannot fill the disk; the next one that is journalled says how many were not.
const MAX_REFUSALS: u32 = 30;
/// The time over which journalled refusals are counted.
const REFUSAL_WINDOW: Duration = Duration::from_mins(1);

/// Why somebody is not let in. Its code stands in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No session came with the request, or one that has ended.
    NoSession,
    /// Nobody has this key, or it was one for one use and has been used.
    WrongKey,
    /// Too many wrong keys came from this address.
    TooManyGuesses,
}

impl Refusal {
    /// The coded reason.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Refusal::NoSession => "no-session",
            Refusal::WrongKey => "wrong-key",
            Refusal::TooManyGuesses => "too-many-attempts",
        }
    }
}

/// Somebody with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// The name of the key with which they signed in.
    pub(crate) name: String,
    /// Whether the look that they take now has to be journalled.
    pub(crate) look_is_due: bool,
    /// When the session ends.
    pub(crate) until: Instant,
}

/// Everything that decides who comes in.
#[derive(Debug)]
pub(crate) struct Door(Mutex<Inside>);

#[derive(Debug)]
struct Inside {
    keys: Keys,
    sessions: Sessions,
    guesses: HashMap<Option<IpAddr>, Allowance>,
    refusals: Allowance,
    /// Refusals that were not journalled since the last one that was.
    untold: u64,
}

impl Door {
    /// A door to which these keys fit.
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        Door(Mutex::new(Inside {
            keys: Keys::new(keys),
            sessions: Sessions::default(),
            guesses: HashMap::new(),
            refusals: Allowance::default(),
            untold: 0,
        }))
    }

    /// The name of whoever has this key. One for one use is used up. `by_address` is for a key
    /// that came in the address of a page, where only one for one use is safe.
    pub(crate) fn unlock(
        &self,
        key: &str,
        by_address: bool,
        from: Option<IpAddr>,
        now: Instant,
    ) -> Result<String, Refusal> {
        let mut inside = self.inside();
        if let Some(name) = inside.keys.unlock(key, by_address) {
            return Ok(name);
        }
        let counted = inside.guesses_of(from, now).take(now, GUESS_WINDOW, MAX_GUESSES);
        Err(if counted { Refusal::WrongKey } else { Refusal::TooManyGuesses })
    }

    /// The name of whoever signs with this key, on a page that somebody else has opened. Wrong keys
    /// are counted as those at the door are.
    pub(crate) fn vouch(
        &self,
        key: &str,
        from: Option<IpAddr>,
        now: Instant,
    ) -> Result<String, Refusal> {
        let mut inside = self.inside();
        if let Some(name) = inside.keys.vouch(key) {
            return Ok(name);
        }
        let counted = inside.guesses_of(from, now).take(now, GUESS_WINDOW, MAX_GUESSES);
        Err(if counted { Refusal::WrongKey } else { Refusal::TooManyGuesses })
    }

    /// What the holder of a name's keys may do beside looking at the live loop.
    pub(crate) fn rights(&self, name: &str) -> Rights {
        self.inside().keys.rights(name)
    }

    /// Opens a session for somebody whose look was journalled just now.
    pub(crate) fn admit(&self, token: &Token, name: String, now: Instant) {
        self.inside().sessions.open(token, name, now);
    }

    /// Whoever has this session. The look is then taken as journalled: [`Door::look_again`] takes
    /// that back.
    pub(crate) fn visitor(&self, token: &Token, now: Instant) -> Option<Visitor> {
        let Seen { name, due, until } = self.inside().sessions.see(token, now)?;
        Some(Visitor { name, look_is_due: due, until })
    }

    /// A look could not be journalled, so the next one has to be.
    pub(crate) fn look_again(&self, token: &Token) {
        self.inside().sessions.unsee(token);
    }

    /// Ends a session.
    pub(crate) fn leave(&self, token: &Token) {
        self.inside().sessions.close(token);
    }

    /// Whether a refusal is to be journalled now, and how many before it were not.
    pub(crate) fn tells_refusal(&self, now: Instant) -> Option<u64> {
        let mut inside = self.inside();
        if inside.refusals.take(now, REFUSAL_WINDOW, MAX_REFUSALS) {
            return Some(std::mem::take(&mut inside.untold));
        }
        inside.untold += 1;
        None
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing under the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn guesses_of(&mut self, from: Option<IpAddr>, now: Instant) -> &mut Allowance {
        if self.guesses.len() >= MAX_ADDRESSES && !self.guesses.contains_key(&from) {
            self.guesses.retain(|_, guesses| guesses.is_used(now, GUESS_WINDOW));
        }
        let crowded = self.guesses.len() >= MAX_ADDRESSES && !self.guesses.contains_key(&from);
        self.guesses.entry(if crowded { None } else { from }).or_default()
    }
}

#[cfg(test)]
mod tests;
