//! What people did lately with medicines that need a second person, as far as patterns need it.

use std::collections::BTreeMap;

use fhir::Id;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::{RowKind, State};
use crate::cases::{Case, CaseKind};
use crate::stock::{Account, Movement, Transfer};
use crate::vigilance::{REPEATED, WASTES, is_irregular, is_watched};

/// The most irregularities of one person that are remembered.
const MAX_IRREGULAR: usize = 100;

/// How many removals there were, and of how many a part was wasted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acts {
    /// Removals.
    pub taken: u32,
    /// Wastes of what was removed.
    pub wasted: u32,
}

impl Acts {
    /// The sum of both.
    pub(crate) fn with(self, other: Acts) -> Acts {
        Acts {
            taken: self.taken.saturating_add(other.taken),
            wasted: self.wasted.saturating_add(other.wasted),
        }
    }
}

/// What one person did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Cases about units that are not accounted for, and when they opened, since a pattern of them
    /// was last looked at. What was explained later is not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    irregular: Vec<(Id, Timestamp)>,
    /// By day of the site and by `cabinet|item`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    days: BTreeMap<Date, BTreeMap<String, Acts>>,
    /// When a case about the wastes was last opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reviewed: Option<Timestamp>,
}

impl State {
    /// How many irregularities a person has within the time that the site looks at.
    pub(crate) fn irregular_of(&self, person: &str, now: Timestamp) -> usize {
        let hours = i64::from(self.site.policies.review_window_days) * 24;
        let since = now.saturating_sub(SignedDuration::from_hours(hours));
        let since = since.unwrap_or(Timestamp::MIN);
        let tally = self.tallies.get(person);
        let irregular = tally.map(|tally| tally.irregular.as_slice()).unwrap_or_default();
        irregular.iter().filter(|(_, at)| *at >= since).count()
    }

    /// What a person took and wasted, by `cabinet|item`, each day on its own.
    pub(crate) fn acts_of(&self, person: &str) -> impl Iterator<Item = (&str, Acts)> {
        self.tallies.get(person).into_iter().flat_map(Tally::acts)
    }

    /// The same of everybody.
    pub(crate) fn acts_of_all(&self) -> impl Iterator<Item = (&str, Acts)> {
        self.tallies.values().flat_map(Tally::acts)
    }

    /// Whether the wastes of a person were a case within the days that are remembered.
    pub(crate) fn is_reviewed(&self, person: &str) -> bool {
        let Some(tally) = self.tallies.get(person) else { return false };
        let first = tally.days.keys().next();
        tally
            .reviewed
            .is_some_and(|at| first.is_some_and(|first| *first <= self.site.time_zone.day_of(at)))
    }

    /// A unit was taken or wasted that a second person has to see.
    pub(super) fn fold_tally(&mut self, moved: &Transfer) {
        if !matches!(moved.movement, Movement::Removal | Movement::Waste) {
            return;
        }
        if !is_watched(self, &moved.item) {
            return;
        }
        let wasted = moved.movement == Movement::Waste;
        let removal = match (&moved.from, wasted) {
            (Account::Hands(id), true) => self.removals.get(id).map(|held| held.transfer.clone()),
            (_, false) => Some(moved.clone()),
            _ => None,
        };
        let Some(Transfer { person, cabinet: Some(cabinet), item, .. }) = removal else { return };
        let one = Acts { taken: u32::from(!wasted), wasted: u32::from(wasted) };
        let days = i64::from(self.site.policies.review_window_days);
        let on = self.site.time_zone.day_of(moved.activity);
        let tally = self.tallies.entry(person.as_str().into()).or_default();
        let acts =
            tally.days.entry(on).or_default().entry(format!("{cabinet}|{item}")).or_default();
        *acts = acts.with(one);
        let newest = tally.days.keys().next_back().copied().unwrap_or(on);
        let oldest = newest.checked_sub(days.days()).unwrap_or(Date::MIN);
        tally.days.retain(|day, _| *day > oldest);
        self.changed.insert((RowKind::Tally, person));
    }

    /// A case opened about something that somebody did.
    pub(super) fn fold_pattern(&mut self, case: &Case) {
        let Some(person) = case.person.clone() else { return };
        let pattern = case.kind == CaseKind::PersonPattern;
        if !pattern && !is_irregular(self, case) {
            return;
        }
        let tally = self.tallies.entry(person.as_str().into()).or_default();
        match case.reason.as_str() {
            REPEATED if pattern => tally.irregular.clear(),
            WASTES if pattern => tally.reviewed = Some(case.opened),
            _ => tally.irregular.push((case.id.clone(), case.opened)),
        }
        if tally.irregular.len() > MAX_IRREGULAR {
            tally.irregular.remove(0);
        }
        self.changed.insert((RowKind::Tally, person));
    }

    /// What somebody did is explained after all.
    pub(super) fn fold_explained(&mut self, case: &Case) {
        let Some(person) = case.person.as_deref() else { return };
        let Some(tally) = self.tallies.get_mut(person) else { return };
        let before = tally.irregular.len();
        tally.irregular.retain(|(id, _)| *id != case.id);
        if tally.irregular.len() < before {
            self.changed.insert((RowKind::Tally, person.to_owned()));
        }
    }
}

impl Tally {
    fn acts(&self) -> impl Iterator<Item = (&str, Acts)> {
        self.days.values().flatten().map(|(stratum, acts)| (stratum.as_str(), *acts))
    }
}
