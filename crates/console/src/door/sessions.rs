//! Sessions in memory: they end with the node, after a working day, or when somebody leaves.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::words::hex;

/// How long a session lasts: 8 hours, a working day.
pub(crate) const SESSION_LIFETIME: Duration = Duration::from_hours(8);
/// How long a look at the page stands in the journal for the looks after it: 15 minutes.
const LOOK_LASTS: Duration = Duration::from_mins(15);
/// The most sessions at a time; the oldest ends when one more begins.
const MAX_SESSIONS: usize = 1_000;
/// The bytes of randomness in a session's id.
const TOKEN_BYTES: usize = 32;

/// The id of a session, which only its browser knows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// A new one from the caller's randomness.
    pub(crate) fn random(fill: impl Fn(&mut [u8])) -> Self {
        let mut bytes = [0; TOKEN_BYTES];
        fill(&mut bytes);
        Token(hex(&bytes))
    }

    /// One that a browser sent back; `None` when it does not have the form of ours.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let hex = text.len() == 2 * TOKEN_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| Token(text.to_owned()))
    }

    /// The text for the cookie.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is looked up: finding it takes the same time whichever part of a guess is right.
    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[derive(Debug)]
struct Session {
    name: String,
    begun: Instant,
    /// When a look was journalled last; none when that failed.
    looked: Option<Instant>,
}

/// A session that somebody uses now.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) name: String,
    pub(super) due: bool,
    pub(super) until: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<[u8; 32], Session>);

impl Sessions {
    pub(super) fn open(&mut self, token: &Token, name: String, now: Instant) {
        self.0.retain(|_, session| session.is_alive(now));
        if self.0.len() >= MAX_SESSIONS {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.begun);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(token.digest(), Session { name, begun: now, looked: Some(now) });
    }

    pub(super) fn see(&mut self, token: &Token, now: Instant) -> Option<Seen> {
        let session = self.0.get_mut(&token.digest())?;
        if !session.is_alive(now) {
            return None;
        }
        let due =
            session.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LOOK_LASTS);
        if due {
            session.looked = Some(now);
        }
        Some(Seen { name: session.name.clone(), due, until: session.begun + SESSION_LIFETIME })
    }

    pub(super) fn unsee(&mut self, token: &Token) {
        if let Some(session) = self.0.get_mut(&token.digest()) {
            session.looked = None;
        }
    }

    pub(super) fn close(&mut self, token: &Token) {
        self.0.remove(&token.digest());
    }
}

impl Session {
    fn is_alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) < SESSION_LIFETIME
    }
}
