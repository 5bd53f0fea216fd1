//! Tests of search requests, and of what they find.

use fhir::StoredResource;
use proptest::prelude::*;

use super::*;
use crate::Nowhere;
use crate::param::On;

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn parse(kind: ResourceType, query: &str) -> Result<SearchRequest, SearchError> {
    SearchRequest::parse(kind, &pairs(query))
}

#[track_caller]
fn refused(query: &str, message: &str) {
    let error = parse(ResourceType::MedicationRequest, query).unwrap_err();
    assert_eq!(error.to_string(), message, "{query}");
}

#[test]
fn a_search_is_read() {
    let read = parse(
        ResourceType::MedicationRequest,
        "patient=Patient/p1,p2&status=active,on-hold&authoredon=ge2026-01-01&authoredon=lt2026-02\
         &identifier=s|1,2&_id=a&_lastUpdated=gt2026&_count=20&_sort=-authoredon,_id&_cursor=c\
         &colour=red&_format=json&_include=MedicationRequest:requester&_total=accurate\
         &subject:Patient.name=x&_has:Provenance:target:recorded=2026",
    )
    .unwrap();
    assert_eq!(read.patients().iter().map(Id::as_str).collect::<Vec<_>>(), ["p1", "p2"]);
    assert_eq!(read.conditions.len(), 9);
    assert_eq!((read.count, read.cursor.as_deref()), (20, Some("c")));
    let sort: Vec<_> = read.sort.iter().map(|sort| (sort.by.code, sort.descending)).collect();
    assert_eq!(sort, [("authoredon", true), ("_id", false)]);
    assert_eq!(read.unknown, ["colour"]);
    assert_eq!((read.total, read.includes.len()), (Total::Accurate, 1));
    assert!(read.is_narrow() && !read.is_plain());
}

#[test]
fn what_cannot_be_answered_is_refused_by_name() {
    let reference = "is not \"Type/id\", \"id\" or an address";
    refused("patient=", &format!("the value of patient {reference}"));
    refused("patient=a,", &format!("the value of patient {reference}"));
    refused("status=Active", "the value of status is not a code that the element can have");
    refused("status:exact=active", "status:exact does not have that modifier");
    refused("patient:Group=1", "patient:Group does not have that modifier");
    refused("status.identifier=1", "status.identifier cannot be chained");
    refused("patient.colour=1", "patient.colour cannot be chained");
    refused("patient:Device.identifier=1", "patient:Device.identifier cannot be chained");
    refused("_has:Observation=1", "_has:Observation cannot be chained");
    refused("_has:Observation:code:code=1", "_has:Observation:code:code cannot be chained");
    refused("_count=-1", "the value of _count is not a whole number from 0 up");
    refused("_count=1&_count=2", "_count comes more than once");
    refused("_sort=colour", "the value of _sort is not parameters of the type that have an order");
    refused("status:missing=no", "the value of status:missing is not \"true\" or \"false\"");
    refused(&format!("_id={}", "a,".repeat(300)), "_id is longer than 200 values");
    refused(&"x=1&".repeat(65), "the search is longer than 64 parameters");
    let deep = "encounter.".to_owned() + &"part-of.".repeat(9) + "status=planned";
    assert!(parse(ResourceType::MedicationRequest, &deep).is_err());
    assert!(SearchRequest::parse(ResourceType::Parameters, &[]).is_err());
}

#[test]
fn every_type_reads_its_own_parameters() {
    for kind in ResourceType::ALL {
        for param in params_of(*kind) {
            let code = param.codes().and_then(|codes| codes.first()).copied();
            let value = match param.kind {
                _ if param.on == On::List => "a1",
                SearchKind::Date => "2026",
                SearchKind::Number | SearchKind::Quantity => "5.4",
                SearchKind::Composite => {
                    let parts = param.composites[0].parts.iter().map(|part| match part.kind {
                        SearchKind::Date => "2026",
                        SearchKind::Number | SearchKind::Quantity => "5.4",
                        _ => "a1",
                    });
                    &parts.collect::<Vec<_>>().join("$")
                }
                _ => code.unwrap_or("a1"),
            };
            let read = parse(*kind, &format!("{}={value}", param.code)).unwrap();
            assert!(read.unknown.is_empty() && read.conditions.len() == 1);
            if let Condition::Values(on) = &read.conditions[0] {
                let missing = parse(*kind, &format!("{}:missing=true", param.code));
                assert_eq!(missing.is_ok(), param.kind != SearchKind::Composite);
                // Keys help unless a parameter looks at a column and at more.
                assert!(on.lookup(*kind).is_some(), "{kind} {}", param.code);
            }
        }
    }
}

const ORDER: &str = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order",
    "meta":{"tag":[{"system":"t","code":"x"}],"profile":["http://a.example/p|1"]},
    "subject":{"reference":"Patient/p1","identifier":{"system":"n","value":"7"}},
    "authoredOn":"2026-03-09T10:00:00Z","encounter":{"reference":"Encounter/e1/_history/2"},
    "identifier":[{"system":"s","value":"1"},{"system":"t","value":"2",
    "type":{"coding":[{"system":"k","code":"MR"}]}}],
    "medicationCodeableConcept":{"coding":[{"system":"d","code":"9","display":"Amoxicillin"}],
    "text":"Amoxil"},"text":{"status":"generated","div":"<div>Three <b>times</b></div>"}}"#;
const RESULT: &str = r#"{"resourceType":"Observation","status":"final",
    "code":{"coding":[{"system":"l","code":"85354-9"}]},"subject":{"reference":"Group/g"},
    "effectivePeriod":{"start":"2026-01-01","end":"2026-01-31"},
    "valueQuantity":{"value":5.40,"unit":"milligram","system":"http://unitsofmeasure.org",
    "code":"mg"},"component":[{"code":{"coding":[{"code":"a"}]},"valueQuantity":{"value":120}},
    {"code":{"coding":[{"code":"b"}]},"valueQuantity":{"value":80}}]}"#;
const PERSON: &str = r#"{"resourceType":"Patient","active":true,"birthDate":"1950-02",
    "name":[{"family":"Ñúñez-Smith","given":["Zoë","Ann"]}],"deceasedDateTime":"2026-01-01",
    "telecom":[{"system":"phone","value":"0207"},{"system":"email","value":"z@a.example"}],
    "address":[{"line":["1 High Street"],"postalCode":"LS1 4AP"}]}"#;
const SET: &str = r#"{"resourceType":"ValueSet","status":"active",
    "url":"http://a.example/fhir/ValueSet/x"}"#;
const RISK: &str = r#"{"resourceType":"RiskAssessment","status":"final",
    "subject":{"reference":"Patient/p"},"prediction":[{"probabilityDecimal":0.30}]}"#;

#[track_caller]
fn check(json: &str, query: &str, expected: bool) {
    let at = "2026-03-09T10:00:05Z".parse().unwrap();
    let stored = StoredResource::new(json, "m1".parse().unwrap(), 1, at).unwrap();
    let request = parse(stored.resource_type, query).unwrap();
    assert!(request.unknown.is_empty(), "{query}");
    assert_eq!(request.matches(&stored, &Nowhere), expected, "{query}");
    found_by_keys(&stored, &request, expected, query);
}

/// What matches has a key in each list of ranges; where the ranges are exact, nothing else has.
#[track_caller]
fn found_by_keys(stored: &StoredResource, request: &SearchRequest, expected: bool, query: &str) {
    let tree = fhir::json::Tree::parse(stored.json()).unwrap();
    let mut terms = crate::Terms::default();
    terms.add(stored.resource_type, tree.root());
    let lookups = request.conditions.iter().filter_map(|condition| match condition {
        Condition::Values(on) => on.lookup(stored.resource_type),
        _ => None,
    });
    for lookup in lookups {
        let crate::Lookup::Keys { all, exact } = lookup else { continue };
        let within = |span: &crate::Span, key: &[u8]| {
            key >= &span.from[..]
                && span.to.as_ref().is_none_or(|to| key < &to[..])
                && span.check.passes(key)
        };
        let found = all.iter().all(|spans| {
            (0..terms.len()).any(|at| spans.iter().any(|span| within(span, terms.get(at))))
        });
        assert!(found || !expected, "{query} is not found by its keys");
        if exact && request.conditions.len() == 1 {
            assert_eq!(found, expected, "{query} by keys");
        }
    }
}

#[test]
fn tokens() {
    check(ORDER, "status=active", true);
    check(ORDER, "status=http://x|active", true);
    check(ORDER, "status=|active", false);
    check(ORDER, "status=stopped,on-hold", false);
    check(ORDER, "status:not=active", false);
    check(ORDER, "status:not=stopped,on-hold", true);
    check(ORDER, "code=d|9", true);
    check(ORDER, "code=9", true);
    check(ORDER, "code=d|", true);
    check(ORDER, "code=x|9", false);
    check(ORDER, "code=|9", false);
    check(ORDER, "code:text=amoxi", true);
    check(ORDER, "code:text=cillin", false);
    check(ORDER, "code:missing=false", true);
    check(ORDER, "priority:missing=true", true);
    check(ORDER, "identifier=s|1&identifier=t|2", true);
    check(ORDER, "identifier=s|2", false);
    check(ORDER, "identifier:of-type=k|MR|2", true);
    check(ORDER, "identifier:of-type=|MR|2", true);
    check(ORDER, "identifier:of-type=k|MR|1", false);
    check(ORDER, "_tag=t|x", true);
    check(ORDER, "_tag=y", false);
    check(PERSON, "active=true", true);
    check(PERSON, "deceased=true", true);
    check(PERSON, "phone=0207", true);
    check(PERSON, "email=0207", false);
    check(PERSON, "telecom=z@a.example", true);
    check(RESULT, "combo-code=a", true);
    check(RESULT, "code=a", false);
    check(r#"{"resourceType":"Patient"}"#, "deceased=false", true);
    check(r#"{"resourceType":"Patient","deceasedBoolean":false}"#, "deceased=true", false);
}

#[test]
fn references() {
    check(ORDER, "patient=p1", true);
    check(ORDER, "patient=Patient/p1,Patient/p2", true);
    check(ORDER, "patient=Group/p1", false);
    check(ORDER, "subject:Patient=p1", true);
    check(ORDER, "subject:Group=p1", false);
    check(ORDER, "encounter=e1", true);
    check(ORDER, "encounter=https://a.example/Encounter/e1", false);
    check(ORDER, "subject:identifier=n|7", true);
    check(ORDER, "subject:identifier=8", false);
    check(RESULT, "subject=Group/g", true);
    check(RESULT, "patient:missing=true", true);
    check(RESULT, "subject:missing=true", false);
}

#[test]
fn dates() {
    check(ORDER, "authoredon=2026-03-09", true);
    check(ORDER, "authoredon=2026-03-08,2026-03-09", true);
    check(ORDER, "authoredon=gt2026-03-09", false);
    check(ORDER, "authoredon=gt2026-03-08&authoredon=lt2027", true);
    check(ORDER, "authoredon=2026-03-09T10:00:00Z", true);
    check(ORDER, "authoredon=2026-03-09T10:00:01Z", false);
    check(RESULT, "date=2026-01", true);
    check(RESULT, "date=2026-01-05", false);
    check(RESULT, "date=ge2026-01-05", true);
    check(RESULT, "date=sa2025", true);
    check(RESULT, "date=eb2026-02", true);
    check(RESULT, "date=ap2026-02-01", true);
    check(RESULT, "date=ne2026-01", false);
    check(PERSON, "birthdate=1950", true);
    check(PERSON, "birthdate=1950-02-03", false);
    check(ORDER, "_lastUpdated=ge2026-03-09T10:00:05Z", true);
    check(ORDER, "_lastUpdated=sa2026-03-09", false);
}

#[test]
fn texts() {
    check(PERSON, "name=nunez", true);
    check(PERSON, "name=ZOE", true);
    check(PERSON, "name=smith", false);
    check(PERSON, "name:contains=smith", true);
    check(PERSON, "given:exact=Zoë", true);
    check(PERSON, "given:exact=Zoe", false);
    check(PERSON, "family=Ann", false);
    check(PERSON, "address=ls1", true);
    check(PERSON, "address-postalcode=ls1 4ap", true);
    check(ORDER, "_text=times THREE", true);
    check(ORDER, "_text=thre", false);
    check(ORDER, "_text=amoxil", false);
    check(ORDER, "_content=amoxil", true);
}

#[test]
fn numbers_and_quantities() {
    check(RISK, "probability=0.3", true);
    check(RISK, "probability=0.30", true);
    check(RISK, "probability=0.300", true);
    check(RISK, "probability=0.34", false);
    check(RISK, "probability=gt0.2", true);
    check(RISK, "probability=lt0.3", false);
    check(RISK, "probability=le0.3", true);
    check(RISK, "probability=ne0.3", false);
    check(RISK, "probability=ap0.32", true);
    check(RISK, "probability=3e-1", true);
    check(RESULT, "value-quantity=5.4", true);
    check(RESULT, "value-quantity=5.4|http://unitsofmeasure.org|mg", true);
    check(RESULT, "value-quantity=0.0054|http://unitsofmeasure.org|g", true);
    check(RESULT, "value-quantity=5400|http://unitsofmeasure.org|ug", true);
    check(RESULT, "value-quantity=5.4|http://unitsofmeasure.org|g", false);
    check(RESULT, "value-quantity=5.4||milligram", true);
    check(RESULT, "value-quantity=5.4||g", false);
    check(RESULT, "value-quantity=ge5.4|http://unitsofmeasure.org|mg", true);
    check(RESULT, "value-quantity=gt5.4|http://unitsofmeasure.org|mg", false);
    check(RESULT, "value-quantity=lt1|http://unitsofmeasure.org|g", true);
    check(RESULT, "combo-value-quantity=80", true);
    check(RESULT, "value-quantity=80", false);
}

/// A minute is sixty seconds, and a sixtieth has no end as a decimal.
#[test]
fn quantities_in_units_without_an_end_are_compared_exactly() {
    const PULSE: &str = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},
        "valueQuantity":{"value":74,"system":"http://unitsofmeasure.org","code":"/min"}}"#;
    for (prefix, expected) in [
        ("", true),
        ("eq", true),
        ("ne", false),
        ("ge", true),
        ("le", true),
        ("gt", false),
        ("lt", false),
        ("ap", true),
    ] {
        check(
            PULSE,
            &format!("value-quantity={prefix}74|http://unitsofmeasure.org|/min"),
            expected,
        );
    }
    check(PULSE, "value-quantity=ge4440|http://unitsofmeasure.org|/h", true);
    check(PULSE, "value-quantity=gt4440|http://unitsofmeasure.org|/h", false);
}

#[test]
fn uris() {
    check(SET, "url=http://a.example/fhir/ValueSet/x", true);
    check(SET, "url=http://a.example/fhir/ValueSet", false);
    check(SET, "url:below=http://a.example/fhir", true);
    check(SET, "url:below=http://a.example/fh", false);
    check(SET, "url:above=http://a.example/fhir/ValueSet/x/y", true);
    check(SET, "url:above=http://a.example/fhir/ValueSet/xy", false);
    check(ORDER, "_profile=http://a.example/p|1", true);
    check(ORDER, "_profile=http://a.example/p", true);
}

#[test]
fn composites() {
    check(RESULT, "component-code-value-quantity=a$120", true);
    check(RESULT, "component-code-value-quantity=a$80", false);
    check(RESULT, "component-code-value-quantity=a$gt100,b$gt100", true);
    check(RESULT, "code-value-quantity=l|85354-9$5.4", true);
    check(RESULT, "code-value-quantity=a$5.4", false);
    check(RESULT, "combo-code-value-quantity=b$80", true);
    check(RESULT, "combo-code-value-quantity=85354-9$80", false);
}

proptest! {
    #[test]
    fn any_query_is_read_or_refused(
        name in "[a-zA-Z_:.\\-]{0,14}|patient|status|identifier|authoredon|_sort|_count|code\
                 |_has:[A-Z][a-z]{2,8}:[a-z]{3,6}:[a-z]{3,5}|subject\\.[a-z]{3,6}|_include",
        value in "\\PC{0,40}|[a-z0-9|,\\\\$]{0,20}",
    ) {
        if let Ok(read) = SearchRequest::parse(ResourceType::MedicationRequest, &[(name, value)]) {
            let at = "2026-03-09T10:00:05Z".parse().unwrap();
            let stored = StoredResource::new(ORDER, "m1".parse().unwrap(), 1, at).unwrap();
            read.matches(&stored, &Nowhere);
        }
    }
}
