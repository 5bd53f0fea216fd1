//! How long what the journal holds stays where, and stays readable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use jiff::Timestamp;
use journal::{Entry, Sealing};
use medicines::deliveries::{Delivery, Notice};
use medicines::{Answer, Fact, Head, Item, Site};
use record::Reader;

use crate::clock::Clock;

/// The least time, in days, for which messages about controlled drugs stay readable: two years,
/// the legal minimum for registers, requisitions and orders (Misuse of Drugs Regulations 2001,
/// regulation 23).
pub const CONTROLLED_DAYS_MIN: u32 = 731;
/// The usual time for them: seven years, which NHS guidance names for electronic records.
pub const CONTROLLED_DAYS_USUAL: u32 = 2_557;
/// The microseconds of a day.
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// How a node keeps its journal.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// How it is cut into sealed segments.
    pub sealing: Sealing,
    /// For how many days the messages of a channel stay readable; for ever where it is not named.
    /// What was understood of a message, and what followed, always stays.
    pub retention_days: BTreeMap<String, u32>,
    /// For how many days at least those stay that concern a controlled drug or were parked; never
    /// less than [`CONTROLLED_DAYS_MIN`].
    pub controlled_days: u32,
}

impl Default for Keeping {
    fn default() -> Self {
        Keeping {
            sealing: Sealing::default(),
            retention_days: BTreeMap::new(),
            controlled_days: CONTROLLED_DAYS_USUAL,
        }
    }
}

impl Keeping {
    /// Which messages of the journal must stay now and later.
    pub fn keep(&self, site: &Site, clock: Clock) -> Keep {
        let policy = Kept(Arc::new(RwLock::new(self.policy(site))));
        Keep { policy, clock, seen: 0, known: None }
    }

    fn policy(&self, site: &Site) -> Policy {
        let registers = |schedule| site.controlled.registers(schedule);
        let controlled =
            site.items.iter().filter(|item| item.witness || item.controlled.is_some_and(registers));
        Policy {
            days: self.retention_days.clone(),
            controlled_days: self.controlled_days.max(CONTROLLED_DAYS_MIN),
            controlled: controlled.flat_map(|item| codes(&item.code, Some(item))).collect(),
            changes: 0,
        }
    }
}

/// The codes by which a message may name an item, each as a JSON string, so that none is found in
/// the middle of another.
fn codes<'a>(code: &'a str, item: Option<&'a Item>) -> impl Iterator<Item = Vec<u8>> + use<'a> {
    let codings = item.into_iter().flat_map(|item| &item.codings);
    let product = item.and_then(|item| item.dmd.as_deref());
    let codes = std::iter::once(code).chain(codings.map(|(_, code)| code.as_str())).chain(product);
    codes.map(|code| format!("\"{code}\"").into_bytes())
}

/// Whether what was understood of a message has one of these codes.
fn tells(entry: &Entry, codes: &[Vec<u8>]) -> bool {
    let told = |code: &Vec<u8>| entry.head.windows(code.len()).any(|part| part == code.as_slice());
    codes.iter().any(told)
}

/// What is kept for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    days: BTreeMap<String, u32>,
    controlled_days: u32,
    controlled: Vec<Vec<u8>>,
    /// How often it was decided anew.
    changes: u64,
}

/// What is kept for how long, to be decided anew while the node runs.
#[derive(Debug, Clone)]
pub(crate) struct Kept(Arc<RwLock<Policy>>);

impl Kept {
    /// Keeps by this from now on. False where it is what was kept by before.
    pub(crate) fn replace(&self, keeping: &Keeping, site: &Site) -> bool {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let policy = Policy { changes: kept.changes, ..keeping.policy(site) };
        if *kept == policy {
            return false;
        }
        *kept = Policy { changes: kept.changes + 1, ..policy };
        true
    }

    fn now(&self) -> RwLockReadGuard<'_, Policy> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells which messages must stay readable; see [`Keeping::keep`].
#[derive(Debug, Clone)]
pub struct Keep {
    policy: Kept,
    clock: Clock,
    /// Which of its changes were looked at.
    seen: u64,
    known: Option<Known>,
}

/// What the record knows of it: since when messages wait to go on as they came, and which items
/// are controlled drugs, by dm+d as well.
#[derive(Debug, Clone)]
struct Known {
    record: PathBuf,
    journal: PathBuf,
    /// When the oldest delivery that waits was queued, in microseconds since
    /// 1970-01-01T00:00:00Z, as it was last seen; the greatest number where none waits.
    since: i64,
    /// The codes of what registers are kept of, as they were last seen; none before that.
    controlled: Option<Vec<Vec<u8>>>,
}

impl Known {
    /// Looks again. False where the record cannot be read.
    fn look(&mut self) -> bool {
        self.read().is_ok()
    }

    fn read(&mut self) -> Result<(), record::Error> {
        let reader = Reader::open(&self.record, &self.journal)?;
        let oldest = reader.queues()?.iter().map(|queue| queue.oldest.as_microsecond()).min();
        let (site, items) = (reader.site()?, reader.registered_items()?);
        let codes = items.iter().flat_map(|item| codes(item, site.item(item)));
        self.controlled = Some(codes.collect());
        self.since = oldest.unwrap_or(i64::MAX);
        Ok(())
    }

    /// Whether the entry names something of which a register is kept, or may name it.
    fn concerns(&self, entry: &Entry) -> bool {
        self.controlled.as_ref().is_none_or(|codes| tells(entry, codes))
    }

    /// Whether the bytes of this entry may still have to be sent. What was queued before the
    /// oldest delivery that waits has ended.
    fn need(&self, entry: &Entry, head: &Head) -> bool {
        let forwarded = |fact: &Fact| {
            matches!(fact, Fact::Queued(Delivery { notice: Notice::Forwarded { .. }, .. }))
        };
        entry.at >= self.since && head.facts.iter().any(forwarded)
    }
}

impl Keep {
    /// Keeps besides what may still have to be sent as it came, by the queues of this record:
    /// what was acknowledged and waits is not lost because its time is over. What the record keeps
    /// or kept a register of is a controlled drug, whether the configuration or dm+d made it one.
    #[must_use]
    pub fn sparing(self, record: &Path, journal: &Path) -> Keep {
        let (record, journal) = (record.to_owned(), journal.to_owned());
        // Until it is looked at, everything may wait, and everything be a controlled drug.
        Keep { known: Some(Known { record, journal, since: i64::MIN, controlled: None }), ..self }
    }

    /// By what it is decided anew.
    pub(crate) fn kept(&self) -> Kept {
        self.policy.clone()
    }

    /// Whether the entry is younger than so many days.
    fn is_younger(&self, entry: &Entry, days: u32) -> bool {
        self.before(days) < entry.at
    }

    /// The time so many days ago, in microseconds since 1970-01-01T00:00:00Z.
    fn before(&self, days: u32) -> i64 {
        let now = self.clock.now().as_microsecond();
        now.saturating_sub(DAY_US.saturating_mul(days.into()))
    }

    fn is_held(&self, policy: &Policy, entry: &Entry, head: &Head) -> bool {
        matches!(head.answer.as_ref(), Answer::Parked(_))
            || tells(entry, &policy.controlled)
            || self.known.as_ref().is_some_and(|known| known.concerns(entry))
    }
}

impl journal::Keep for Keep {
    fn keeps(&mut self, entry: &Entry) -> bool {
        // What this program cannot read it must not thin out.
        let Ok(head) = Head::from_json(&entry.head) else { return true };
        if self.known.as_ref().is_some_and(|known| known.need(entry, &head)) {
            return true;
        }
        let policy = self.policy.now();
        match policy.days.get(head.channel.as_ref()) {
            None => true,
            Some(days) if self.is_younger(entry, *days) => true,
            Some(_) => {
                self.is_younger(entry, policy.controlled_days)
                    && self.is_held(&policy, entry, &head)
            }
        }
    }

    fn latest(&mut self) -> Option<i64> {
        let latest = self.policy.now().days.values().min().map(|days| self.before(*days))?;
        // Where it cannot be seen what waits and what is controlled, nothing goes.
        let seen = self.known.as_mut().is_none_or(Known::look);
        seen.then_some(latest)
    }

    fn has_changed(&mut self) -> bool {
        let changes = self.policy.now().changes;
        std::mem::replace(&mut self.seen, changes) != changes
    }
}

/// A time that a segment tells, in words.
pub fn time_of(at: i64) -> String {
    Timestamp::from_microsecond(at)
        .map_or_else(|_| "an unknown time".to_owned(), |at| at.to_string())
}
