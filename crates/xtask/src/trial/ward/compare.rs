//! What was planted beside what was raised.

use std::collections::BTreeMap;

use estate::ward::WardDay;
use medicines::cases::Case;

use super::Found;
use crate::trial::day::facts::Told;

/// Kind, reason, person, item, place.
type Key = (String, String, Option<String>, Option<String>, Option<String>);

fn of(case: &Case) -> Key {
    let (person, item, place) = (case.person.clone(), case.item.clone(), case.cabinet.clone());
    (case.kind.as_str().to_owned(), case.reason.clone(), person, item, place)
}

/// Each wanted case takes one of the cases that were opened; what is left on either side is told.
pub(super) fn cases(day: &WardDay, told: &Told) -> Found {
    let mut opened: BTreeMap<Key, Vec<&Case>> = BTreeMap::new();
    for (case, _) in told.cases.values() {
        opened.entry(of(case)).or_default().push(case);
    }
    let mut found = Found { planted: day.planted.len(), ..Found::default() };
    for planted in &day.planted {
        for wanted in &planted.cases {
            found.wanted += 1;
            let key: Key = (
                wanted.kind.to_owned(),
                wanted.reason.to_owned(),
                wanted.person.clone(),
                wanted.item.map(str::to_owned),
                wanted.place.clone(),
            );
            if opened.get_mut(&key).and_then(Vec::pop).is_some() {
                found.found += 1;
            } else {
                found.missed.push(format!("{}: {wanted:?}", planted.name));
            }
        }
    }
    let left = opened.into_iter().flat_map(|(key, cases)| {
        cases.into_iter().map(move |case| format!("{key:?} {:?} {}", case.quantity, case.opened))
    });
    found.unwanted = left.collect();
    found
}
