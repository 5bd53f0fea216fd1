//! What the live loop shows, as values: gathered from the record, rendered by the templates.

mod controlled;
mod looks;
mod messages;
mod orders;
mod recalls;
mod registers;
mod requisitions;
mod shell;

use std::fmt;

use fhir::resources::MedicationAdministrationStatus;
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::words::Words;

pub(crate) use controlled::{
    CountRow, CountView, CountsView, FieldError, HandRow, HandsView, OpenDiscrepancy, SecondView,
    WasteView, Wrong,
};
pub(crate) use looks::{LookRow, LooksAsked, LooksView};
pub(crate) use messages::{
    AgainView, Asked, BytesView, CaseView, FoundRow, LifeView, PartView, SegmentView, SentView,
};
pub(crate) use orders::{
    AllergyView, Change, CompareRow, OrderView, OtherView, PersonView, QuestionView, QueueView,
    Standing, WaitingRow,
};
pub(crate) use recalls::{
    ActRow, BatchView, CabinetRow, HeldRow, InForce, ItemChoice, RecallRow, RecallsView,
};
pub(crate) use registers::{
    DiscrepancyRow, DiscrepancyView, RegisterRow, RegisterView, RegistersView, StepRow,
};
pub(crate) use requisitions::{AskedRow, Entered, HandOver, OnItsWay, RequisitionsView, place_of};
pub(crate) use shell::{CriticalView, Place, Shell, SpanView};

/// Which way messages flow on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The peer connects and sends.
    Inbound,
    /// We connect and send.
    Outbound,
}

/// Whether the peer of a channel can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// A connection is open.
    Up,
    /// The last attempt failed, or the listener is gone.
    Down,
    /// No connection is open and none is missing.
    Idle,
}

/// One channel as it is now, as the assembly tells it. It holds no patient data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelView {
    /// The channel.
    pub name: String,
    /// Which way messages flow.
    pub direction: Direction,
    /// Whether the peer can be reached.
    pub state: LinkState,
    /// When the peer last sent a whole message or acknowledgement.
    pub last_seen: Option<Timestamp>,
    /// How many messages wait to be sent, or have an outcome that nobody knows.
    pub queue: u64,
    /// When the oldest of these was queued.
    pub oldest: Option<Timestamp>,
    /// After how many seconds of silence, or with a message that waits so long, the channel is
    /// shown as stale; 0 for a channel that may be silent.
    pub stale_after_s: u32,
}

impl ChannelView {
    /// Whether what the channel says or carries is too old to be relied on.
    pub(crate) fn is_stale(&self, now: &Timestamp) -> bool {
        let limit = i64::from(self.stale_after_s);
        let too_old = |at: Timestamp| now.duration_since(at).as_secs() > limit;
        limit > 0 && (self.last_seen.is_none_or(too_old) || self.oldest.is_some_and(too_old))
    }
}

/// An alarm that goes on, as the assembly tells it. It holds no patient data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmView {
    /// The code of what it is about: `silence`, `queue-age`.
    pub kind: String,
    /// The channel; empty for the node.
    pub subject: String,
    /// In words, with what to do.
    pub text: String,
    /// When it began.
    pub since: Timestamp,
}

/// Everything on the page, at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LiveLoop {
    pub(crate) now: Timestamp,
    /// How many times faster than the world the clock runs.
    pub(crate) speed: u32,
    /// The critical override, while it runs.
    pub(crate) critical: Option<CriticalView>,
    /// The last entry that the record held.
    pub(crate) seq: u64,
    pub(crate) alarms: Vec<AlarmView>,
    pub(crate) totals: Totals,
    pub(crate) wards: Vec<WardRow>,
    pub(crate) order_counts: Vec<OrderCount>,
    pub(crate) orders: Vec<OrderRow>,
    pub(crate) removals: Vec<RemovalRow>,
    pub(crate) doses: Vec<DoseRow>,
    pub(crate) case_counts: Vec<CaseCount>,
    pub(crate) cases: Vec<CaseRow>,
    pub(crate) channels: Vec<ChannelView>,
    pub(crate) journal: Vec<EntryRow>,
}

impl LiveLoop {
    /// Times and ages as this page shows them.
    pub(crate) fn words(&self) -> Words {
        Words::at(self.now)
    }
}

/// The big numbers. Removals and doses are those recorded since midnight, UK time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) patients: u64,
    pub(crate) live_orders: u64,
    pub(crate) removals: u64,
    pub(crate) doses_given: u64,
    /// Removals of which units are still in somebody's hands.
    pub(crate) in_hands: u64,
    pub(crate) open_cases: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WardRow {
    pub(crate) ward: String,
    pub(crate) patients: u64,
    pub(crate) orders: u64,
    pub(crate) in_hands: u64,
    pub(crate) open_cases: u64,
}

/// A patient as a page on a wall may name one: by place, and the end of the NHS number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PatientRef {
    pub(crate) ward: Option<String>,
    pub(crate) bed: Option<String>,
    /// The last three digits of the NHS number, never more.
    pub(crate) nhs_tail: Option<String>,
}

/// As on the page, where a line breaks between place and number and nowhere else: the spaces do
/// not break, and a word joiner holds the ellipsis to the digits.
impl fmt::Display for PatientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.ward, &self.bed) {
            (Some(ward), Some(bed)) => write!(f, "{ward}\u{a0}bed\u{a0}{bed}, ")?,
            (Some(ward), None) => write!(f, "{ward}, ")?,
            (None, _) => {}
        }
        match &self.nhs_tail {
            Some(tail) => write!(f, "NHS\u{a0}…\u{2060}{tail}"),
            None => f.write_str("no\u{a0}NHS\u{a0}number"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderCount {
    pub(crate) status: String,
    pub(crate) orders: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderRow {
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    pub(crate) patient: PatientRef,
    pub(crate) medicine: String,
    pub(crate) status: String,
}

/// By what right something was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    Order,
    Override,
    /// A live, verified order did not cover it.
    NoOrder,
}

/// Where the units of a removal are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// Permitted, and not told as taken yet.
    Permitted,
    /// Permitted, and never taken.
    NotTaken,
    InHands(Decimal),
    /// Still in hands after the time in which it had to be accounted for.
    Unaccounted(Decimal),
    Given,
    Wasted,
    Returned,
    /// Accounted for in more than one way, or longer ago than the page looks back.
    AccountedFor,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RemovalRow {
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    pub(crate) cabinet: String,
    pub(crate) patient: PatientRef,
    pub(crate) item: String,
    pub(crate) quantity: Decimal,
    pub(crate) unit: String,
    pub(crate) ground: Ground,
    pub(crate) whereabouts: Whereabouts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DoseRow {
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    pub(crate) patient: PatientRef,
    pub(crate) medicine: String,
    pub(crate) dose: Option<String>,
    pub(crate) status: MedicationAdministrationStatus,
    /// Why not, or why only in part.
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseCount {
    pub(crate) kind: String,
    pub(crate) open: u64,
    pub(crate) oldest: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseRow {
    pub(crate) key: String,
    pub(crate) opened: Timestamp,
    pub(crate) kind: String,
    pub(crate) reason: String,
    /// The cabinet, the channel or the ward that it is about.
    pub(crate) place: Option<String>,
    pub(crate) item: Option<String>,
    /// The journal entry that it is about.
    pub(crate) entry: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryRow {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) channel: String,
    pub(crate) message_type: String,
    pub(crate) outcome: String,
    /// The first digits of the entry's hash.
    pub(crate) hash: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_a_long_wait_are_stale() {
        let now: Timestamp = "2026-11-20T10:15:00Z".parse().unwrap();
        let ago = |seconds: i64| Some(Timestamp::from_second(now.as_second() - seconds).unwrap());
        let check = |last_seen, oldest, stale_after_s, expected| {
            let channel = ChannelView {
                name: "epma".to_owned(),
                direction: Direction::Outbound,
                state: LinkState::Up,
                last_seen,
                queue: 0,
                oldest,
                stale_after_s,
            };
            assert_eq!(channel.is_stale(&now), expected, "{last_seen:?} {oldest:?}");
        };
        check(ago(60), None, 60, false);
        check(ago(61), None, 60, true);
        check(ago(1), ago(61), 60, true);
        check(None, None, 60, true);
        check(None, ago(9999), 0, false);
    }

    #[test]
    fn a_patient_is_named_by_place_and_three_digits() {
        let check = |ward: Option<&str>, bed: Option<&str>, tail: Option<&str>, expected| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let patient = PatientRef { ward: owned(ward), bed: owned(bed), nhs_tail: owned(tail) };
            assert_eq!(
                patient.to_string().replace('\u{a0}', " ").replace('\u{2060}', ""),
                expected
            );
        };
        check(Some("A1"), Some("05"), Some("018"), "A1 bed 05, NHS …018");
        check(Some("A1"), None, None, "A1, no NHS number");
        check(None, Some("05"), Some("018"), "NHS …018");
    }
}
