//! One budget for all parts of a search.

use fhir::ResourceType;
use fhir_search::SearchRequest;
use medicines::Fact;
use record::{Budget, Error, MAX_SEARCH_TIME, Page, Reader, Road};

use crate::hand::{Hand, at, order, patient, stored};

/// How many orders there are.
const ORDERS: u64 = 600;
/// Reads that are enough for every search on its own, but not for reading all orders twice.
const FEW: usize = 700;

/// Six hundred orders of one patient and one of another, who has an allergy; all was changed once,
/// so that as many postings lead nowhere.
fn filled() -> Hand {
    let mut hand = Hand::new();
    let name = |seq: u64| format!("o{seq}");
    for version in 1..=2 {
        let facts: Vec<Fact> = (1..=ORDERS)
            .map(|seq| order(&name(seq), version, seq, ("p1", "active", &format!("{seq}"))))
            .collect();
        hand.entry(&facts);
    }
    let allergy = concat!(
        r#""patient":{"reference":"Patient/p2"},"#,
        r#""clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"code":"9"}]}"#,
    );
    let allergy = stored(ResourceType::AllergyIntolerance, "a1", 1, at(48), allergy);
    hand.entry(&[
        order("other", 1, 7, ("p2", "stopped", "x")),
        patient("p1", 1, 46, "1"),
        patient("p2", 1, 47, "2"),
        Fact::Stored(allergy),
    ]);
    hand
}

fn search(reader: &Reader, query: &str, reads: usize) -> Result<Page, Error> {
    let (kind, query) = query.split_once('?').unwrap();
    let pairs: Vec<(String, String)> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let request = SearchRequest::parse(kind.parse().unwrap(), &pairs).unwrap();
    reader.search_within(&request, Budget::new(reads, MAX_SEARCH_TIME))
}

/// What costs more than a few reads, and where it says that it spent them.
#[test]
fn every_road_is_counted_and_named() {
    let hand = filled();
    let reader = hand.reader();
    for (query, reads, road) in [
        // What conditions leave: the whole type is looked at for a word.
        ("MedicationRequest?_content=nothing&_total=accurate", 100, Some(Road::Count)),
        ("MedicationRequest?_content=nothing&_total=accurate", 1_300, None),
        // Old postings lead nowhere and are looked up all the same.
        ("MedicationRequest?status=active&_count=0", FEW, Some(Road::Count)),
        ("MedicationRequest?status=active&_count=0", 1_500, None),
        ("MedicationRequest?_sort=authoredon&_count=1", 100, Some(Road::Sort)),
        ("MedicationRequest?_sort=authoredon&_count=1", FEW, None),
        ("MedicationRequest?_count=1", 2, None),
        ("Patient?_has:MedicationRequest:patient:status=active", FEW, Some(Road::Has)),
        ("Patient?_has:MedicationRequest:patient:status=active", 1_500, None),
        // Of a few patients each is asked for what refers to it.
        ("Patient?_id=p1&_has:MedicationRequest:patient:status=completed", 100, Some(Road::Has)),
        ("Patient?_id=p1&_has:MedicationRequest:patient:status=completed", FEW, None),
        (
            "AllergyIntolerance?patient._has:MedicationRequest:patient:status=active",
            FEW,
            Some(Road::Has),
        ),
        ("MedicationRequest?patient.identifier=1&_count=1", 2, Some(Road::Chain)),
        ("MedicationRequest?patient.identifier=1&_count=1", 200, None),
        ("Patient?_id=p1&_revinclude=MedicationRequest:patient", 100, Some(Road::Include)),
        ("Patient?_id=p1&_revinclude=MedicationRequest:patient", FEW, None),
        ("MedicationRequest?_count=500&_include=MedicationRequest:patient", 550, None),
        (
            "AllergyIntolerance?_include=AllergyIntolerance:patient&\
          _revinclude:iterate=MedicationRequest:patient",
            2,
            Some(Road::Include),
        ),
        (
            "AllergyIntolerance?_include=AllergyIntolerance:patient&\
          _revinclude:iterate=MedicationRequest:patient",
            100,
            None,
        ),
    ] {
        let found = match search(&reader, query, reads) {
            Err(Error::TooCostly { road }) => Some(road),
            found => found.map(|_| None).unwrap(),
        };
        assert_eq!(found, road, "{query} with {reads}");
    }
}

/// A page that costs too much ends where the budget did, and goes on with a new one.
#[test]
fn a_walk_goes_on_with_the_next_budget() {
    let hand = filled();
    let reader = hand.reader();
    for order in ["", "&_sort=_lastUpdated", "&_sort=-_lastUpdated"] {
        let (mut found, mut pages, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let query = format!("MedicationRequest?status:not=stopped&_total=none{order}{cursor}");
            let page = search(&reader, &query, 60).unwrap();
            found.extend(page.resources.iter().map(|one| one.id.to_string()));
            pages += 1;
            let Some(next) = page.next else { break };
            cursor = format!("&_cursor={next}");
        }
        found.sort();
        found.dedup();
        assert_eq!((found.len() as u64, pages > 10), (ORDERS, true), "{order:?}: {pages} pages");
    }
}
