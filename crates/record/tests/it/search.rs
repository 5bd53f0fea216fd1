//! FHIR search: the same as the plain reading of it, in stable pages.

use std::collections::BTreeSet;

use fhir::search::index;
use fhir::{ResourceType, StoredResource};
use fhir_search::SearchRequest;
use medicines::Fact;

use crate::hand::{Hand, at, id, order, patient, stored};

const ORDER: ResourceType = ResourceType::MedicationRequest;

fn parse(kind: ResourceType, query: &str) -> SearchRequest {
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    SearchRequest::parse(kind, &pairs).unwrap()
}

fn names(resources: &[StoredResource]) -> Vec<String> {
    resources.iter().map(|resource| resource.id.to_string()).collect()
}

/// All pages of a search.
fn walk(hand: &Hand, kind: ResourceType, query: &str) -> Vec<String> {
    let mut request = parse(kind, query);
    let mut found = Vec::new();
    loop {
        let page = hand.reader().search(&request).unwrap();
        assert!(page.resources.len() <= request.count as usize);
        found.extend(names(&page.resources));
        let Some(next) = page.next else { return found };
        assert!(!page.resources.is_empty());
        request.cursor = Some(next);
    }
}

/// Forty orders of four patients, some changed; two patients; an allergy.
fn filled() -> (Hand, Vec<StoredResource>) {
    let mut hand = Hand::new();
    let mut all = Vec::new();
    let mut entry = |fact: Fact| {
        hand.entry(std::slice::from_ref(&fact));
        let Fact::Stored(resource) = fact else { unreachable!() };
        all.retain(|known: &StoredResource| known.reference() != resource.reference());
        all.push(resource);
    };
    for seq in 1..=40 {
        let status = ["active", "stopped", "on-hold"][usize::try_from(seq % 3).unwrap()];
        let of = format!("p{}", seq % 4);
        // Three orders each are stored in the same second.
        entry(order(&format!("o{seq}"), 1, seq / 3, (&of, status, &format!("{}", seq % 7))));
    }
    for seq in 41..=45 {
        entry(order(&format!("o{}", seq - 40), 2, seq, ("p1", "completed", "99")));
    }
    entry(patient("p1", 1, 46, "1"));
    entry(patient("p2", 1, 47, "2"));
    let allergy = concat!(
        r#""patient":{"reference":"Patient/p1"},"#,
        r#""clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"code":"9"}]}"#,
    );
    entry(Fact::Stored(stored(ResourceType::AllergyIntolerance, "a1", 1, at(48), allergy)));
    (hand, all)
}

/// Searches over what [`filled`] makes, each with some answer or with none for its own reason.
const QUERIES: &[(ResourceType, &str)] = &[
    (ORDER, ""),
    (ORDER, "patient=p1"),
    (ORDER, "patient=p1,p2&status=active"),
    (ORDER, "patient=Patient/p1&status=completed,on-hold"),
    (ORDER, "patient=p1&patient=p2"),
    (ORDER, "patient=nobody"),
    (ORDER, "status=active"),
    (ORDER, "identifier=s|3"),
    (ORDER, "identifier=3,4"),
    (ORDER, "identifier=|3"),
    (ORDER, "identifier=s|"),
    (ORDER, "identifier=99&patient=p1"),
    (ORDER, "identifier=99&status=active"),
    (ORDER, "_id=o1,o7,nothing"),
    (ORDER, "_id=o7&patient=p1"),
    (ORDER, "code=42&patient=p2"),
    (ORDER, "code=43"),
    (ORDER, "status:not=active"),
    (ORDER, "status:not=active&patient=p2"),
    (ORDER, "status:missing=false"),
    (ORDER, "intent=order&status=active"),
    (ORDER, "subject:Patient.identifier=mrn|1"),
    (ORDER, "patient.identifier=1&status=active"),
    (ORDER, "patient:Patient._id=p1,p3"),
    (ORDER, "patient._lastUpdated=ge2026-11-20T10:00:47Z"),
    (ResourceType::Patient, "_has:MedicationRequest:patient:status=completed"),
    (ResourceType::Patient, "_has:MedicationRequest:patient:status=entered-in-error"),
    (ResourceType::Patient, "_has:AllergyIntolerance:patient:code=9&identifier=1"),
    (ORDER, "authoredon=ge2026-11-08"),
    (ORDER, "authoredon=lt2026-11-08&patient=p3"),
    (ORDER, "_lastUpdated=gt2026-11-20T10:00:10Z"),
    (ORDER, "_lastUpdated=le2026-11-20T10:00:10Z&status=active"),
    (ORDER, "_lastUpdated=2026-11-20T10:00:05Z"),
    (ORDER, "_lastUpdated=ne2026-11-20T10:00:05Z"),
    (ORDER, "_lastUpdated=sa2026-11-20&patient=p1"),
    (ORDER, "_lastUpdated=ap2026-11-20"),
    (ORDER, "_lastUpdated=lt2026-11-20T10:00:10Z"),
    (ORDER, "_lastUpdated=eb2026-11-20T10:00:10Z"),
    (ORDER, "_lastUpdated=ge2026-11-20T10:00:10Z"),
    (ORDER, "_lastUpdated=sa2026-11-20T10:00:10Z&_lastUpdated=lt2026-11-20T10:00:44Z"),
    (ResourceType::Patient, "identifier=mrn|1"),
    (ResourceType::Patient, "_id=p2"),
    (ResourceType::AllergyIntolerance, "patient=p1&clinical-status=active"),
    (ResourceType::AllergyIntolerance, "patient=p1&clinical-status=inactive"),
    (ResourceType::AllergyIntolerance, "clinical-status=active"),
    (ResourceType::Encounter, ""),
];

#[test]
fn a_search_finds_what_the_plain_reading_finds() {
    let (hand, all) = filled();
    for (kind, query) in QUERIES {
        let plain = parse(*kind, query);
        let expected: BTreeSet<String> = all
            .iter()
            .filter(|resource| plain.matches(resource, &all[..]))
            .map(|resource| resource.id.to_string())
            .collect();
        for form in ["", "&_count=3", "&_sort=_lastUpdated&_count=4", "&_sort=-_lastUpdated"] {
            let found = walk(&hand, *kind, &format!("{query}{form}"));
            assert_eq!(found.len(), expected.len(), "{query}{form}");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{query}{form}");
        }
        let count = hand.reader().search(&parse(*kind, &format!("{query}&_count=0"))).unwrap();
        assert_eq!(count.total, Some(expected.len() as u64), "{query}");
        assert_eq!((count.resources.len(), count.next), (0, None), "{query}");
    }
}

#[test]
fn the_order_is_the_one_asked_for() {
    let (hand, mut all) = filled();
    all.retain(|resource| resource.resource_type == ORDER);
    let newest_first: Vec<String> = all.iter().rev().map(|r| r.id.to_string()).collect();
    assert_eq!(walk(&hand, ORDER, "_count=7"), newest_first);
    for (form, descending) in [("_sort=-_lastUpdated&", true), ("_sort=_lastUpdated&", false)] {
        all.sort_by(|a, b| {
            let by_time = a.last_updated.cmp(&b.last_updated);
            let by_time = if descending { by_time.reverse() } else { by_time };
            by_time.then_with(|| a.id.cmp(&b.id))
        });
        let of_patient: Vec<StoredResource> =
            all.iter().filter(|r| r.json().contains("Patient/p1")).cloned().collect();
        assert_eq!(walk(&hand, ORDER, &format!("{form}_count=7")), names(&all));
        let query = format!("{form}_count=4&patient=p1");
        assert_eq!(walk(&hand, ORDER, &query), names(&of_patient));
    }
    for (form, descending) in [("authoredon", false), ("-authoredon", true)] {
        let date = |resource: &StoredResource| index(resource).unwrap().date.unwrap().lower;
        all.sort_by(|a, b| {
            let by_time = date(a).cmp(&date(b));
            let by_time = if descending { by_time.reverse() } else { by_time };
            by_time.then_with(|| a.id.cmp(&b.id))
        });
        assert_eq!(walk(&hand, ORDER, &format!("_sort={form}&_count=7")), names(&all));
    }
}

#[test]
fn totals_are_told_where_they_are_known() {
    let (hand, _) = filled();
    let total = |query: &str| hand.reader().search(&parse(ORDER, query)).unwrap().total;
    assert_eq!(total("_count=7"), Some(40), "everything of a type is counted by the index");
    assert_eq!(total("patient=p0&_count=2"), Some(9));
    assert_eq!(total("status=active&_count=2"), Some(12));
    assert_eq!(total("status=active&_count=2&_total=none"), None);
    assert_eq!(total("status:not=active&_count=2"), None);
    assert_eq!(total("status:not=active&_count=2&_total=accurate"), Some(28));
    assert_eq!(total("status=completed"), Some(5));
}

#[test]
fn what_is_stored_between_two_pages_moves_no_other() {
    let (mut hand, _) = filled();
    let expected = walk(&hand, ORDER, "");
    for query in ["_count=10", "_count=10&patient=p0,p1,p2,p3"] {
        let mut request = parse(ORDER, query);
        let mut found = Vec::new();
        loop {
            let page = hand.reader().search(&request).unwrap();
            found.extend(names(&page.resources));
            let Some(next) = page.next else { break };
            request.cursor = Some(next);
            let seq = hand.reader().position().unwrap().seq + 1;
            hand.entry(&[order(&format!("new{seq}"), 1, seq + 1_000, ("p1", "active", "5"))]);
        }
        found.retain(|name| !name.starts_with("new"));
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn a_cursor_of_nobody_is_refused() {
    let (hand, _) = filled();
    for cursor in ["x", "1", "p.", "t.7.o1", "v.1.nobody", "v.9.o1", "1.o 1"] {
        let mut request = parse(ORDER, "");
        request.cursor = Some(cursor.into());
        assert_eq!(hand.reader().search(&request).unwrap_err().code(), "REC-12", "{cursor}");
    }
}

#[test]
fn a_new_version_is_found_by_its_new_values_alone() {
    let mut hand = Hand::new();
    hand.entry(&[order("o1", 1, 1, ("p1", "active", "7"))]);
    hand.entry(&[order("o1", 2, 2, ("p2", "stopped", "8"))]);
    for (query, expected) in [
        ("identifier=s|7", false),
        ("identifier=s|8", true),
        ("patient=p1", false),
        ("patient=p2", true),
        ("status=active", false),
        ("status=stopped", true),
        ("_lastUpdated=lt2026-11-20T10:00:02Z", false),
        ("_id=o1", true),
    ] {
        assert_eq!(walk(&hand, ORDER, query) == ["o1"], expected, "{query}");
    }
    assert_eq!(hand.reader().read(ORDER, &id("o1")).unwrap().unwrap().version, 2);
}

#[test]
fn everything_of_a_patient_is_the_compartment_but_for_what_is_about_others() {
    let mut hand = Hand::new();
    let fact =
        |kind, name: &str, seq, text: &str| Fact::Stored(stored(kind, name, 1, at(seq), text));
    hand.entry(&[patient("p1", 1, 1, "1"), patient("p2", 1, 2, "2")]);
    hand.entry(&[
        order("o1", 1, 3, ("p1", "active", "7")),
        fact(
            ResourceType::Provenance,
            "done",
            4,
            r#""target":[{"reference":"Patient/p1"},{"reference":"MedicationRequest/o1"}]"#,
        ),
        // A relative measures the pulse of another patient.
        fact(
            ResourceType::Observation,
            "pulse",
            5,
            r#""subject":{"reference":"Patient/p2"},"performer":[{"reference":"Patient/p1"}]"#,
        ),
        order("o2", 1, 6, ("p1", "active", "8")),
    ]);
    let everything = |name: &str, types: &[ResourceType], after, count| {
        let (patient, types) = (id(name), types.to_vec());
        let search = record::Everything { patient, types, since: None, after, count };
        let (found, next) = hand.reader().everything(&search).unwrap();
        (names(&found), next)
    };
    assert_eq!(everything("p1", &[], None, 9).0, ["p1", "o1", "done", "o2"]);
    assert_eq!(everything("p2", &[], None, 9).0, ["p2", "pulse"]);
    assert_eq!(everything("p1", &[ResourceType::Provenance], None, 9).0, ["done"]);
    let (first, next) = everything("p1", &[], None, 3);
    assert_eq!(first, ["p1", "o1", "done"]);
    assert_eq!(everything("p1", &[], next, 3), (vec!["o2".to_owned()], None));
}
