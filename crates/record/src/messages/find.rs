//! A search as people ask it, and its answer.

use std::collections::{BTreeSet, VecDeque};

use fhir::{Id, ResourceType};
use jiff::Timestamp;
use rusqlite::OptionalExtension;
use serde::Deserialize;

use super::entry::MESSAGE;
use super::index::{MessageIndex, Wanted};
use super::terms::{Field, Term, term, words};
use crate::code::{integer, nanoseconds, natural};
use crate::read::{MessageView, Reader, limited};
use crate::{Error, code};

/// The most messages in one answer.
pub const MAX_FOUND: usize = 1_000;
/// The most patients that one number leads to, with those merged into them.
const MAX_PATIENTS: usize = 32;
/// The most words of one search.
const MAX_WORDS: usize = 32;

/// What is looked for. A message has to have all that is given; what is empty is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageSearch {
    /// Any number of a patient, as in PID-3, or the id of a Patient. Messages under all numbers of
    /// that patient are found, also those of patients merged into one.
    pub patient: String,
    /// The placer's order number.
    pub placer: String,
    /// The filler's order number.
    pub filler: String,
    /// The control id (MSH-10).
    pub control_id: String,
    /// The type, `RDE^O11` or `RDE`.
    pub message_type: String,
    /// The channel or client.
    pub channel: String,
    /// The answer (`done`, `parked`, `permitted`, `refused`), the coded reason of a parked or
    /// refused message, or `duplicate`: a control id that was used before for other bytes.
    pub outcome: String,
    /// Words, all of which the message has.
    pub words: String,
    /// Recorded at this time or later.
    pub from: Option<Timestamp>,
    /// Recorded before this time.
    pub to: Option<Timestamp>,
    /// Only entries before this one: the `next` of the page before.
    pub before: Option<u64>,
    /// Also entries that came as no message: looks, outcomes, timers.
    pub everything: bool,
}

/// A page of messages, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    /// The messages.
    pub messages: Vec<MessageView>,
    /// What [`MessageSearch::before`] is on the next page; none on the last one.
    pub next: Option<u64>,
}

impl MessageIndex {
    /// The entries that have a text in a field, newest first.
    pub(super) fn with_term(
        &self,
        field: Field,
        text: &str,
        limit: usize,
    ) -> Result<Vec<u64>, Error> {
        let Some(term) = term(field, text) else { return Ok(Vec::new()) };
        self.newest(&Wanted { groups: vec![vec![term]], from: 0, before: u64::MAX }, limit)
    }
}

impl Reader {
    /// Finds messages, newest first, at most `limit` and [`MAX_FOUND`]. A message is found within
    /// about a second of its acknowledgement.
    pub fn find_messages(
        &self,
        index: &MessageIndex,
        search: &MessageSearch,
        limit: usize,
    ) -> Result<Messages, Error> {
        let limit = limit.min(MAX_FOUND);
        let mut found = self.find_entries(index, search, limit + 1)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().copied().filter(|_| more);
        let mut messages = Vec::with_capacity(found.len());
        for seq in found {
            // The index may have come further than the record.
            messages.extend(self.message(seq)?);
        }
        Ok(Messages { messages, next })
    }

    /// The numbers of what [`Reader::find_messages`] finds, at most `limit`.
    pub fn find_entries(
        &self,
        index: &MessageIndex,
        search: &MessageSearch,
        limit: usize,
    ) -> Result<Vec<u64>, Error> {
        match self.wanted(search)? {
            Some(wanted) => index.newest(&wanted, limit),
            None => Ok(Vec::new()),
        }
    }

    /// What a search looks for; none where nothing can have it.
    fn wanted(&self, search: &MessageSearch) -> Result<Option<Wanted>, Error> {
        let mut groups: Vec<Vec<Term>> = Vec::new();
        for (field, text) in [
            (Field::Control, &search.control_id),
            (Field::Placer, &search.placer),
            (Field::Filler, &search.filler),
        ] {
            groups.extend(term(field, text).map(|term| vec![term]));
        }
        if !search.patient.trim().is_empty() {
            groups.push(self.patient_terms(&search.patient)?);
        }
        let asked = words(&search.words);
        if asked.is_empty() && !search.words.trim().is_empty() {
            return Ok(None);
        }
        groups.extend(asked.into_iter().take(MAX_WORDS).map(|term| vec![term]));
        let outcome = match search.outcome.trim() {
            "duplicate" => "control-id-reused",
            other => other,
        };
        for (field, text) in [
            (Field::Outcome, outcome),
            (Field::Type, &*search.message_type),
            (Field::Channel, &*search.channel),
            (Field::Kind, if search.everything { "" } else { MESSAGE }),
        ] {
            groups.extend(term(field, text).map(|term| vec![term]));
        }
        let before = search.before.unwrap_or(u64::MAX);
        let (from, to) = (self.bound(search.from)?, self.bound(search.to)?);
        let (from, to) = (from.unwrap_or(0), to.unwrap_or(u64::MAX));
        Ok(Some(Wanted { groups, from, before: before.min(to) }))
    }

    /// The first entry at that time or later; entries are recorded in the order of their times.
    fn bound(&self, at: Option<Timestamp>) -> Result<Option<u64>, Error> {
        let Some(at) = at else { return Ok(None) };
        let at = nanoseconds(at);
        let mut last = self.connection.prepare_cached("SELECT max(seq) FROM message")?;
        let last: Option<i64> = last.query_row([], |row| row.get(0))?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, at FROM message WHERE seq >= ?1 LIMIT 1")?;
        let (mut low, mut high) = (1, last.map_or(1, natural) + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let row = statement.query_row([integer(middle)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            });
            match row.optional()? {
                Some((seq, then)) if then < at => low = natural(seq) + 1,
                _ => high = middle,
            }
        }
        Ok(Some(low))
    }

    /// Every number and id of the patient who has this number or id.
    fn patient_terms(&self, number: &str) -> Result<Vec<Term>, Error> {
        let number = number.trim();
        let mut terms: BTreeSet<Term> = term(Field::Identifier, number).into_iter().collect();
        let mut waiting: VecDeque<Id> = self.patients_with(number)?.into();
        waiting.extend(Id::new(number));
        let mut known = BTreeSet::new();
        while let Some(id) = waiting.pop_front() {
            if known.len() >= MAX_PATIENTS || !known.insert(id.clone()) {
                continue;
            }
            terms.extend(term(Field::Patient, &id));
            let Some(stored) = self.read(ResourceType::Patient, &id)? else { continue };
            let person: Person = code::from_json("patient", stored.json()).unwrap_or_default();
            for identifier in &person.identifier {
                terms.extend(identifier.value.as_deref().and_then(|v| term(Field::Identifier, v)));
            }
            let others = person.link.iter().filter_map(|link| link.other.reference.as_deref());
            let ids = others.filter_map(|other| other.strip_prefix("Patient/"));
            waiting.extend(ids.filter_map(|id| Id::new(id).ok()));
        }
        Ok(terms.into_iter().collect())
    }

    /// The ids of the patients who have a number, of whichever system; 32 at the most.
    pub fn patients_with(&self, number: &str) -> Result<Vec<Id>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT r.id FROM identifier i JOIN resource r ON r.n = i.n \
             WHERE i.type = ?1 AND i.value = ?2 LIMIT ?3",
        )?;
        let kind = code::type_number(ResourceType::Patient);
        let rows = statement
            .query_map((kind, number, limited(MAX_PATIENTS, MAX_PATIENTS)), |row| {
                row.get::<_, String>(0)
            })?;
        let ids: Vec<String> = rows.collect::<Result<_, _>>()?;
        Ok(ids.iter().filter_map(|id| Id::new(id).ok()).collect())
    }
}

/// A Patient, as far as its numbers and links go.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Person {
    identifier: Vec<Number>,
    link: Vec<Link>,
}

#[derive(Deserialize)]
struct Number {
    #[serde(default)]
    value: Option<String>,
}

#[derive(Deserialize)]
struct Link {
    other: Other,
}

#[derive(Deserialize)]
struct Other {
    #[serde(default)]
    reference: Option<String>,
}
