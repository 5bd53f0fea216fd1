//! What a search for AuditEvents asks for.

use std::collections::BTreeSet;

use fhir::resources::IssueType;
use fhir::search::{DateFilter, DatePrefix as P};
use fhir::{Id, ResourceType, StoredResource};
use fhir_search::{Condition, Filter, MAX_COUNT, Modifier, Nowhere, SearchRequest};
use jiff::Timestamp;
use record::{AccessPlace, AccessSearch, MAX_SAME_PERSON, Reader};

use super::KIND;
use crate::fhir::Failure;
use crate::fhir::interactions::search::MAX_UNKNOWN_NAME_BYTES;
use crate::problem::{Problem, code};

/// What is said where more patients are named than one question may be about.
pub(super) const TOO_MANY: &str = "patient: name fewer of them.";
/// In which order the answer is anyway.
const ORDERS: [&str; 2] = ["-date", "-_lastUpdated"];

/// A search for AuditEvents, understood.
#[derive(Debug)]
pub(super) struct Asked {
    /// Of each group one; all groups have to hold.
    patients: Vec<Vec<Whose>>,
    /// What is asked of each event itself.
    of_event: SearchRequest,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    before: Option<AccessPlace>,
}

/// Whose data somebody looked at.
#[derive(Debug)]
enum Whose {
    /// The patient of that id, whatever was merged into it or it into.
    Record(Id),
    /// Whoever has the number: with commas between them, as `identifier` takes them.
    Number(SearchRequest),
}

impl Asked {
    /// Reads the decoded names and values of a query. `base` is the address of the endpoint.
    pub(super) fn read(pairs: &[(String, String)], base: &str) -> Result<Self, Failure> {
        let mut patients = Vec::new();
        let mut rest = Vec::new();
        for (name, value) in pairs {
            match name.as_str() {
                "patient" | "patient:Patient" => patients.push(records(value, base)?),
                "patient.identifier" | "patient:Patient.identifier" => {
                    let pair = [("identifier".to_owned(), value.clone())];
                    let search = SearchRequest::parse(ResourceType::Patient, &pair)?;
                    if !search.is_narrow() {
                        return Err(unsupported("patient.identifier: name the number."));
                    }
                    let search = SearchRequest { count: MAX_COUNT, ..search };
                    patients.push(vec![Whose::Number(search)]);
                }
                // Whom the journal names is no resource: a name alone is what it holds.
                "agent" if !value.contains('/') => rest.push(("altid".to_owned(), value.clone())),
                "_sort" if ORDERS.contains(&value.as_str()) => {}
                "_sort" => return Err(unsupported("_sort: the newest come first, -date.")),
                "_total" if value == "none" => {}
                "_total" => return Err(unsupported("_total: how many there are is not counted.")),
                _ => rest.push((name.clone(), value.clone())),
            }
        }
        if patients.iter().map(Vec::len).sum::<usize>() > MAX_SAME_PERSON {
            return Err(unsupported(TOO_MANY));
        }
        let of_event = SearchRequest::parse(KIND, &rest)?;
        if !of_event.is_plain() || !of_event.includes.is_empty() {
            let detail = "AuditEvents are searched by their own elements, and by \
                          patient.identifier: without other chains, _has, _include and words.";
            return Err(unsupported(detail));
        }
        if of_event.count == 0 {
            return Err(unsupported("_count=0: how many there are is not counted."));
        }
        let before = of_event.cursor.as_deref().map(place).transpose()?;
        let (from, to) = window(&of_event);
        Ok(Asked { patients, of_event, from, to, before })
    }

    /// The names that are not parameters.
    pub(super) fn unknown(&self) -> &[String] {
        &self.of_event.unknown
    }

    pub(super) fn unknown_words(&self) -> String {
        format!("{KIND} has no search parameter {}.", self.unknown().join(", "))
    }

    /// The names of the parameters that were understood, each once: the journal and the addresses
    /// of pages hold no others, which could be any text.
    pub(super) fn names<'p>(&self, pairs: &'p [(String, String)]) -> Vec<&'p str> {
        let known = |name: &&str| {
            let beginning = &name[..name.floor_char_boundary(MAX_UNKNOWN_NAME_BYTES)];
            !self.unknown().iter().any(|unknown| unknown == name || unknown == beginning)
        };
        let names: BTreeSet<&str> = pairs.iter().map(|(name, _)| &**name).filter(known).collect();
        names.into_iter().collect()
    }

    /// The records of those whose data is asked about; none where it is about everybody's.
    pub(super) fn patients(&self, record: &Reader) -> Result<Option<Vec<Id>>, record::Error> {
        let mut all: Option<BTreeSet<Id>> = None;
        for group in &self.patients {
            let mut of_group = BTreeSet::new();
            for whose in group {
                let named = match whose {
                    Whose::Record(id) => vec![id.clone()],
                    Whose::Number(search) => {
                        let found = record.search(search)?.resources;
                        found.into_iter().map(|patient| patient.id).collect()
                    }
                };
                for id in named {
                    // More than enough to say that they are too many.
                    if of_group.len() <= MAX_SAME_PERSON && !of_group.contains(&id) {
                        of_group.extend(record.same_person(&id)?);
                    }
                }
            }
            all = Some(match all {
                Some(all) => all.intersection(&of_group).cloned().collect(),
                None => of_group,
            });
        }
        Ok(all.map(|all| all.into_iter().collect()))
    }

    /// The page that is asked for, of these patients.
    pub(super) fn search(&self, patients: Option<Vec<Id>>) -> AccessSearch {
        let count = usize::try_from(self.of_event.count).unwrap_or(usize::MAX);
        AccessSearch { patients, from: self.from, to: self.to, before: self.before, count }
    }

    /// Whether an event is asked for, which is written only where that has to be known.
    pub(super) fn is_met(&self, event: impl FnOnce() -> StoredResource) -> bool {
        self.of_event.conditions.is_empty() || self.of_event.matches(&event(), &Nowhere)
    }
}

/// 400: this is not searched so.
pub(super) fn unsupported(detail: &str) -> Failure {
    Failure::new(Problem::bad(code::BAD_QUERY, detail), IssueType::NotSupported)
}

/// The patients of `patient`: their ids, as references to them or alone.
fn records(value: &str, base: &str) -> Result<Vec<Whose>, Failure> {
    let wrong = || {
        let detail = "The value of patient is not the id of a Patient.";
        Failure::new(Problem::bad(code::BAD_QUERY, detail), IssueType::Value)
    };
    let own = format!("{base}/");
    let id = |text: &str| {
        let text = text.strip_prefix(&own).unwrap_or(text);
        let id = Id::new(text.strip_prefix("Patient/").unwrap_or(text));
        id.map(Whose::Record).map_err(|_| wrong())
    };
    value.split(',').map(id).collect()
}

/// The stretch of time in which everything lies that meets the conditions on `date` and
/// `_lastUpdated`; each event is held against them as well.
fn window(search: &SearchRequest) -> (Option<Timestamp>, Option<Timestamp>) {
    let (mut from, mut to) = (None::<Timestamp>, None::<Timestamp>);
    for condition in &search.conditions {
        let filter = match condition {
            Condition::Updated(any_of) => match any_of.as_slice() {
                [one] => Some(*one),
                _ => None,
            },
            Condition::Values(on) if on.param.code == "date" && on.modifier == Modifier::None => {
                match on.any_of.as_slice() {
                    [Filter::Date(one)] => Some(*one),
                    _ => None,
                }
            }
            _ => None,
        };
        let Some(DateFilter { prefix, range }) = filter else { continue };
        if matches!(
            prefix,
            P::Equal | P::Greater | P::GreaterOrEqual | P::StartsAfter | P::Approximately
        ) {
            from = Some(from.map_or(range.lower, |from| from.max(range.lower)));
        }
        if matches!(prefix, P::Equal | P::Less | P::LessOrEqual | P::EndsBefore | P::Approximately)
        {
            to = Some(to.map_or(range.upper, |to| to.min(range.upper)));
        }
    }
    (from, to)
}

/// A cursor is the time of the last look of a page, in nanoseconds, and its number.
pub(super) fn cursor(place: AccessPlace) -> String {
    format!("{}.{}", place.at.as_nanosecond(), place.n)
}

fn place(cursor: &str) -> Result<AccessPlace, Failure> {
    let read = cursor.split_once('.').and_then(|(at, n)| {
        let at = Timestamp::from_nanosecond(at.parse().ok()?).ok()?;
        Some(AccessPlace { at, n: n.parse().ok()? })
    });
    read.ok_or_else(|| {
        let detail = "_cursor is not one that this server gave.";
        Failure::new(Problem::bad(code::BAD_QUERY, detail), IssueType::Value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Asked, Failure> {
        let pairs =
            crate::fhir::interactions::search::query(&format!("/?{query}").parse().unwrap());
        Asked::read(&pairs?, "https://a.example/fhir")
    }

    #[test]
    fn a_search_reads_a_stretch_of_time() {
        let check = |query: &str, from: Option<&str>, to: Option<&str>| {
            let asked = read(query).unwrap();
            let time = |text: Option<&str>| text.map(|text| text.parse::<Timestamp>().unwrap());
            assert_eq!((asked.from, asked.to), (time(from), time(to)), "{query}");
        };
        let (first, second) = ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z");
        check("", None, None);
        check("date=2026-03-01", Some(first), Some(second));
        check("date=ge2026-03-01&date=lt2026-03-02", Some(first), Some("2026-03-03T00:00:00Z"));
        check("_lastUpdated=sa2026-03-01", Some(first), None);
        check("date=ne2026-03-01", None, None);
        check("date=2026-03-01,2026-03-05", None, None);
        check("date:missing=false", None, None);
    }

    #[test]
    fn what_is_not_searched_is_refused() {
        for query in [
            "_sort=agent",
            "_total=accurate",
            "_count=0",
            "patient=",
            "patient=Encounter/1",
            "patient=https://b.example/fhir/Patient/1",
            "patient.name=x",
            "patient.identifier=",
            "patient.identifier=urn:s%7C",
            "agent.name=x",
            "_include=AuditEvent:patient",
            "_has:Patient:_id:name=x",
            "_text=x",
            "_cursor=x",
            "_cursor=1.x",
            "date=soon",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
        for query in [
            "_sort=-date&_total=none",
            "patient=Patient/1,2",
            "patient=https://a.example/fhir/Patient/1",
            "patient.identifier=9990000018",
            "agent=N1001&action=R&outcome=4&subtype=read&entity=Patient/1",
            "agent:identifier=N1001",
        ] {
            assert!(read(query).is_ok(), "{query} {:?}", read(query));
        }
    }

    #[test]
    fn a_cursor_is_read_back() {
        let given = AccessPlace { at: "2026-11-20T10:00:00.123456789Z".parse().unwrap(), n: 9 };
        assert_eq!(place(&cursor(given)).ok(), Some(given));
    }

    #[test]
    fn unknown_names_are_left_out() {
        let asked = read("date=2026&9990000018=x&outcome=0").unwrap();
        let pairs = ["date", "9990000018", "outcome"].map(|name| (name.to_owned(), String::new()));
        assert_eq!(asked.names(&pairs), ["date", "outcome"]);
    }
}
