//! Tests of search requests, and of what they find.

use proptest::prelude::*;

use super::*;
use crate::search::index;
use crate::stored::StoredResource;

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn parse(query: &str) -> Result<SearchRequest, SearchError> {
    SearchRequest::parse(ResourceType::MedicationRequest, &pairs(query))
}

#[track_caller]
fn refused(query: &str, message: &str) {
    let error = parse(query).unwrap_err();
    assert_eq!(error.to_string(), message, "{query}");
}

#[test]
fn a_search_is_read() {
    let read = parse(
        "patient=Patient/p1,p2&status=active,on-hold&authoredon=ge2026-01-01&authoredon=lt2026-02\
         &identifier=s|1,2&code=d|9&_id=a&_lastUpdated=gt2026&_count=20&_sort=authoredon&_cursor=c\
         &colour=red&_format=json",
    )
    .unwrap();
    assert_eq!(read.patients.unwrap().iter().map(Id::as_str).collect::<Vec<_>>(), ["p1", "p2"]);
    assert_eq!(read.statuses.unwrap(), ["active", "on-hold"]);
    assert_eq!(read.dates.len(), 2);
    assert_eq!(
        read.identifiers,
        [
            vec![
                TokenFilter::SystemAndValue("s".into(), "1".into()),
                TokenFilter::Value("2".into()),
            ]
        ]
    );
    assert_eq!(read.codes.len(), 1);
    assert_eq!(read.ids.unwrap().len(), 1);
    assert_eq!(read.last_updated.len(), 1);
    assert_eq!((read.count, read.cursor.as_deref()), (20, Some("c")));
    assert_eq!(read.sort, Sort { by: SortKey::Date, descending: false });
    assert_eq!(read.unknown, ["colour"]);
}

#[test]
fn nothing_asked_is_everything_newest_first() {
    assert_eq!(parse("").unwrap(), SearchRequest::all(ResourceType::MedicationRequest));
    assert_eq!(parse("_count=99999999999").unwrap().count, MAX_COUNT);
    assert_eq!(parse("_count=0").unwrap().count, 0);
}

#[test]
fn a_parameter_that_comes_twice_must_be_met_twice() {
    let read = parse("patient=a,b&patient:Patient=b,c").unwrap();
    assert_eq!(read.patients.unwrap(), ["b".parse::<Id>().unwrap()]);
    assert_eq!(parse("status=active&status=stopped").unwrap().statuses.unwrap().len(), 0);
}

#[test]
fn what_cannot_be_answered_is_refused_by_name() {
    let patient = "the value of patient is not a patient of this server, \"Patient/id\" or \"id\"";
    refused("patient=", patient);
    refused("patient=a,", patient);
    refused("patient=Group/1", patient);
    refused("patient=https://elsewhere.example/Patient/1", patient);
    refused("status=Active", "the value of status is not a status of the type");
    refused("status:not=active", "status:not does not have that modifier");
    refused("patient:Group=1", "patient:Group does not have that modifier");
    refused("patient.identifier=1", "patient.identifier cannot be chained");
    refused("patient:Patient.identifier=1", "patient:Patient.identifier cannot be chained");
    refused("_count=-1", "the value of _count is not a whole number from 0 up");
    refused("_count=1&_count=2", "_count comes more than once");
    refused("_sort=status", "the value of _sort is not \"_lastUpdated\" or the date of the type");
    refused("identifier=|", &format!("the value of identifier is not {TOKEN}"));
    refused(
        "authoredon=2026,2027",
        "the value of authoredon is not one date such as \"2026-03-09\" \
         or \"ge2026-03-09T14:05:00Z\"",
    );
    refused(&format!("_id={}", "a,".repeat(300)), "_id is longer than 200 values");
    refused(&"x=1&".repeat(65), "the search is longer than 64 parameters");
    assert!(SearchRequest::parse(ResourceType::Parameters, &[]).is_err());
}

#[test]
fn every_type_reads_its_own_parameters() {
    for kind in ResourceType::ALL {
        for param in params_of(*kind) {
            let value = match param.of {
                ParamUse::Date | ParamUse::LastUpdated => "2026",
                ParamUse::Status if *kind == ResourceType::AllergyIntolerance => "active",
                ParamUse::Status if *kind == ResourceType::Encounter => "x|in-progress",
                ParamUse::Status => "entered-in-error",
                _ => "a1",
            };
            let pair = [(param.name.to_owned(), value.to_owned())];
            let read = SearchRequest::parse(*kind, &pair).unwrap();
            assert!(read.unknown.is_empty());
            assert_ne!(read, SearchRequest::all(*kind), "{kind} {}", param.name);
        }
    }
}

#[track_caller]
fn finds(query: &str, expected: bool) {
    let json = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order",
        "subject":{"reference":"Patient/p1"},"authoredOn":"2026-03-09T10:00:00Z",
        "identifier":[{"system":"s","value":"1"},{"system":"t","value":"2"}],
        "medicationCodeableConcept":{"coding":[{"system":"d","code":"9"}]}}"#;
    let at = "2026-03-09T10:00:05Z".parse().unwrap();
    let stored = StoredResource::new(json, "m1".parse().unwrap(), 1, at).unwrap();
    let values = index(&stored).unwrap();
    assert_eq!(parse(query).unwrap().matches(&stored, &values), expected, "{query}");
}

#[test]
fn a_search_finds_what_it_asks_for() {
    finds("", true);
    finds("patient=p1&status=active&authoredon=2026-03-09", true);
    finds("patient=p2", false);
    finds("subject=Patient/p1&patient=p1,p2", true);
    finds("status=on-hold,stopped", false);
    finds("authoredon=gt2026-03-09", false);
    finds("identifier=s|1&identifier=t|2", true);
    finds("identifier=s|1&identifier=t|3", false);
    finds("identifier=s|2,t|2", true);
    finds("identifier=s|", true);
    finds("code=d|9", true);
    finds("code=9&_id=m1&_lastUpdated=ge2026-03-09T10:00:05Z", true);
    finds("_id=m2", false);
    finds("_lastUpdated=sa2026-03-09", false);
}

proptest! {
    #[test]
    fn any_query_is_read_or_refused(
        name in "[a-zA-Z_:.\\-]{0,14}|patient|status|identifier|authoredon|_sort|_count|code",
        value in "\\PC{0,40}|[a-z0-9|,\\\\]{0,20}",
    ) {
        let _ = SearchRequest::parse(ResourceType::MedicationRequest, &[(name, value)]);
    }
}
