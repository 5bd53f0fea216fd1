//! Synthea's patients as transactions into a real record; then every search finds what a plain
//! reading of the same resources finds.
//!
//! The folder is `$INTERLOCK_CORPUS`. `$INTERLOCK_SEARCHES` may ask for more searches than the
//! suite makes, `$INTERLOCK_SEARCH_BUNDLES` for more bundles (`all` for all of them).

mod compare;
mod load;
mod menu;
mod world;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use fhir_search::SearchRequest;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use record::{Page, Reader};

use crate::corpus::{corpus, say};
use compare::{Val, letters};
use menu::{Query, searches};
use world::{Set, World, parameter};

/// Searches that the suite makes.
const SEARCHES: u32 = 600;

fn asked_for(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

/// What was seen, so that a test in which nothing is found fails.
#[derive(Debug, Default)]
struct Seen {
    searches: usize,
    with_answer: usize,
    refused: usize,
    included: usize,
    sorted: usize,
}

#[test]
fn searches_find_what_a_plain_reading_finds() {
    let Some(folder) = corpus("synthea") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (node, world) = runtime.block_on(load::load(&folder));
    say(&format!("{} resources, {}", world.all.len(), menu::write(&world)));
    let readers = node.engine.readers();
    let reader = readers.get().unwrap();
    let tally = RefCell::new(Seen::default());
    let cases = asked_for("INTERLOCK_SEARCHES").unwrap_or(SEARCHES);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let beginning = asked_for("INTERLOCK_SEED").map_or(7, |seed| seed.to_le_bytes()[0]);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[beginning; 32]);
    let checked = TestRunner::new_with_rng(config, rng).run(&searches(), |spec| {
        check(&world, &reader, &spec.query(), &mut tally.borrow_mut()).map_err(TestCaseError::fail)
    });
    if let Err(TestError::Fail(why, spec)) = checked {
        panic!("{spec:?}: {why}");
    }
    let seen = tally.into_inner();
    say(&format!("{seen:?}"));
    let half = seen.searches / 2;
    assert!(seen.with_answer > half && seen.refused * 10 < seen.searches, "{seen:?}");
    assert!(seen.included > 0 && seen.sorted > 0, "{seen:?}");
}

/// Asks for all pages of a search and compares them with the plain reading.
fn check(world: &World, reader: &Reader, query: &Query, seen: &mut Seen) -> Result<(), String> {
    let kind = query.kind.as_str();
    let mut expected: Set = world.of_kind(kind).collect();
    for (name, value) in &query.conditions {
        let met = world.find(kind, name, value);
        expected.retain(|at| met.contains(at));
    }
    let mut request = SearchRequest::parse(kind.parse().unwrap(), &query.pairs())
        .map_err(|error| format!("not understood: {error}"))?;
    if !request.unknown.is_empty() {
        return Err(format!("unknown: {:?}", request.unknown));
    }
    seen.searches += 1;
    let mut found = Vec::new();
    loop {
        let page = match reader.search(&request) {
            Err(record::Error::TooCostly { .. }) => {
                seen.refused += 1;
                return Ok(());
            }
            page => page.map_err(|error| error.to_string())?,
        };
        let own = places(world, page.resources.iter().map(fhir::StoredResource::reference))?;
        check_included(world, query, &own, &page, seen)?;
        if page.total.is_some_and(|total| total != expected.len() as u64) {
            return Err(format!("a total of {:?} of {}", page.total, expected.len()));
        }
        if own.len() > query.count {
            return Err(format!("{} on a page of {}", own.len(), query.count));
        }
        found.extend(own);
        let Some(next) = page.next else { break };
        request.cursor = Some(next);
    }
    seen.with_answer += usize::from(!found.is_empty());
    let set: Set = found.iter().copied().collect();
    if set.len() != found.len() {
        return Err("something is found twice".to_owned());
    }
    differences(world, "found", &set, &expected)?;
    check_order(world, query, &found, seen)
}

fn places(world: &World, all: impl Iterator<Item = String>) -> Result<Vec<usize>, String> {
    all.map(|one| world.at(&one).ok_or_else(|| format!("{one} was never stored"))).collect()
}

fn differences(world: &World, what: &str, found: &Set, expected: &Set) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let names = |set: &mut dyn Iterator<Item = &usize>| {
        set.take(3).map(|at| world.all[*at].json.clone()).collect::<Vec<_>>().join("\n")
    };
    Err(format!(
        "{what} {} instead of {}; missing:\n{}\ntoo much:\n{}",
        found.len(),
        expected.len(),
        names(&mut expected.difference(found)),
        names(&mut found.difference(expected))
    ))
}

/// What comes along with a page.
fn check_included(
    world: &World,
    query: &Query,
    own: &[usize],
    page: &Page,
    seen: &mut Seen,
) -> Result<(), String> {
    let mut expected = Set::new();
    for (name, value) in &query.includes {
        let mut parts = value.split(':');
        let (of, code) = (parts.next().unwrap(), parts.next().unwrap());
        let by = parameter(of, code).unwrap();
        if name == "_include" {
            let target = parts.next();
            let all = own.iter().flat_map(|at| world.targets(*at, by));
            expected.extend(all.filter(|at| target.is_none_or(|it| world.all[*at].kind == it)));
        } else {
            let column = world.column(of, by);
            let refers = |values: &[Val]| {
                values.iter().filter_map(|it| world.target(it)).any(|at| own.contains(&at))
            };
            expected.extend(column.iter().filter(|(_, all)| refers(all)).map(|(at, _)| *at));
        }
    }
    expected.retain(|at| !own.contains(at));
    let found = places(world, page.included.iter().map(fhir::StoredResource::reference))?;
    seen.included += found.len();
    let found: BTreeSet<usize> = found.into_iter().collect();
    if page.cut {
        let is_part = found.is_subset(&expected) && found.len() == record::MAX_INCLUDED;
        return if is_part { Ok(()) } else { Err("cut in the wrong place".to_owned()) };
    }
    differences(world, "included", &found, &expected)
}

/// A value by which resources are put in order.
#[derive(Debug, PartialEq, PartialOrd)]
enum Key {
    Time(jiff::Timestamp),
    Number(rust_decimal::Decimal),
    Text(String),
}

/// The values go up or down, of several the first in that order, and what has none comes last.
/// Quantities are compared with those in the same unit.
fn check_order(
    world: &World,
    query: &Query,
    found: &[usize],
    seen: &mut Seen,
) -> Result<(), String> {
    let Some(sort) = &query.sort else { return Ok(()) };
    let (code, down) = sort.strip_prefix('-').map_or((sort.as_str(), false), |code| (code, true));
    let by = parameter(&query.kind, code).unwrap();
    let column = world.column(&query.kind, by);
    seen.sorted += usize::from(found.len() > 1);
    let mut last: BTreeMap<String, Key> = BTreeMap::new();
    let mut missing = None;
    for at in found {
        let values = column.iter().find(|(own, _)| own == at).map(|(_, values)| &values[..]);
        let keys: Vec<(String, Key)> = values.unwrap_or_default().iter().filter_map(key).collect();
        let Some((unit, _)) = keys.first() else {
            missing = Some(*at);
            continue;
        };
        if let Some(missing) = missing {
            return Err(format!("{missing} without a value comes before {at}"));
        }
        let unit = unit.clone();
        if keys.iter().any(|(other, _)| *other != unit) {
            continue;
        }
        let before = |a: &Key, b: &Key| if down { a > b } else { a < b };
        let all = keys.into_iter().map(|(_, key)| key);
        let key = all.reduce(|a, b| if before(&b, &a) { b } else { a }).expect("one at least");
        if let Some(last) = last.get(&unit)
            && before(&key, last)
        {
            return Err(format!("{last:?} comes before {key:?}"));
        }
        last.insert(unit, key);
    }
    Ok(())
}

/// By what a value is put in order, and in which unit.
fn key(value: &Val) -> Option<(String, Key)> {
    let plain = |key| Some((String::new(), key));
    match value {
        Val::Token { code, .. } => plain(Key::Text(code.clone())),
        Val::Words(_) | Val::Together(_) => None,
        Val::Text(text) => plain(Key::Text(letters(text))),
        Val::Reference(text) | Val::Uri(text) => plain(Key::Text(text.clone())),
        Val::Date(lower, _) => plain(Key::Time(*lower)),
        Val::Number(value) => plain(Key::Number(*value)),
        Val::Quantity { value, system, code, unit } => {
            Some((format!("{system}|{code}|{unit}"), Key::Number(*value)))
        }
    }
}
