//! Slices, types and limits on a small profile, and any resource at all.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::{Packages, Severity, Validator};

const PROFILE: &str = r#"{"resourceType":"StructureDefinition","url":"urn:p","type":"Observation",
  "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Observation","derivation":"constraint",
  "differential":{"element":[
   {"id":"Observation.category","path":"Observation.category","slicing":{"rules":"closed",
     "discriminator":[{"type":"pattern","path":"$this"}]},"min":1},
   {"id":"Observation.category:lab","path":"Observation.category","sliceName":"lab",
     "min":1,"max":"1",
     "patternCodeableConcept":{"coding":[{"system":"urn:s","code":"lab"}]}},
   {"id":"Observation.category:other","path":"Observation.category","sliceName":"other",
     "patternCodeableConcept":{"coding":[{"system":"urn:s","code":"other"}]}},
   {"id":"Observation.value[x]","path":"Observation.value[x]","min":1,
     "type":[{"code":"Quantity"},{"code":"string"}]},
   {"id":"Observation.value[x]:valueQuantity","path":"Observation.value[x]",
     "sliceName":"valueQuantity","type":[{"code":"Quantity"}],"minValueQuantity":{"value":1,
     "system":"http://unitsofmeasure.org","code":"g"}},
   {"id":"Observation.value[x]:valueQuantity.unit","path":"Observation.value[x].unit","min":1},
   {"id":"Observation.note","path":"Observation.note","max":"0"},
   {"id":"Observation.issued","path":"Observation.issued","constraint":[{"key":"x-1",
     "severity":"error","human":"in this century","expression":"$this >= @2000-01-01T00:00:00Z"}]}
  ]}}"#;

fn validator() -> Validator {
    let mut packages = Packages::r4();
    assert_eq!(packages.add(PROFILE.as_bytes()), Ok(true));
    Validator::new(packages)
}

#[track_caller]
fn check(validator: &Validator, members: &str, expected: &[&str]) {
    let json = format!(
        "{{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{{\"text\":\"x\"}},\
         {members}}}"
    );
    let issues = validator.validate(&json, &["urn:p"]);
    let errors = issues.iter().filter(|issue| issue.severity == Severity::Error);
    let found: Vec<String> =
        errors.map(|issue| format!("{}: {}", issue.expression, issue.text)).collect();
    assert_eq!(found, expected, "{members}");
}

#[test]
fn a_profile_is_kept_to() {
    let validator = validator();
    let category = |code: &str| {
        format!("{{\"coding\":[{{\"system\":\"urn:s\",\"code\":\"{code}\",\"display\":\"x\"}}]}}")
    };
    let lab = format!("\"category\":[{}]", category("lab"));
    check(&validator, &format!("{lab},\"valueString\":\"x\""), &[]);
    check(
        &validator,
        &format!("\"category\":[{}],\"valueString\":\"x\"", category("other")),
        &["Observation.category: category:lab has to come at least 1 times and comes 0 times"],
    );
    check(
        &validator,
        &format!("\"category\":[{},{}],\"valueString\":\"x\"", category("lab"), category("no")),
        &["Observation.category[1]: the profile has no slice of category for this"],
    );
    check(
        &validator,
        &format!("{lab},\"valueBoolean\":true"),
        &["Observation.value: the profile does not allow the type boolean here"],
    );
    let quantity = |value: &str| {
        format!(
            "{lab},\"valueQuantity\":{{\"value\":{value},\"unit\":\"mg\",\
             \"system\":\"http://unitsofmeasure.org\",\"code\":\"mg\"}}"
        )
    };
    check(&validator, &quantity("1000.0"), &[]);
    check(
        &validator,
        &quantity("999.9"),
        &["Observation.value: the value is less than the profile allows"],
    );
    check(
        &validator,
        &format!("{lab},\"valueQuantity\":{{\"value\":1}}"),
        &["Observation.value.unit: unit has to come at least 1 times and comes 0 times"],
    );
    check(
        &validator,
        &format!("{lab},\"valueString\":\"x\",\"note\":[{{\"text\":\"y\"}}]"),
        &["Observation.note: note may come 0 times and comes 1 times"],
    );
    check(
        &validator,
        &format!("{lab},\"valueString\":\"x\",\"issued\":\"1999-01-01T00:00:00Z\""),
        &["Observation.issued: x-1: in this century"],
    );
}

#[test]
fn a_profile_that_is_asked_for_has_to_be_known() {
    let validator = Validator::new(Packages::r4());
    let json = r#"{"resourceType":"Patient","meta":{"profile":["urn:b"]}}"#;
    let found: Vec<_> = validator.validate(json, &["urn:a"]);
    let found: Vec<_> = found.iter().map(|issue| (issue.severity, issue.text.as_str())).collect();
    assert_eq!(
        found[0],
        (Severity::Error, "the profile urn:a is not known, so it was not checked")
    );
    assert!(
        found.contains(&(
            Severity::Warning,
            "the profile urn:b is not known, so it was not checked"
        ))
    );
    assert!(!validator.knows("urn:a"));
}

#[test]
fn the_deepest_resource_is_walked() {
    let validator = validator();
    let nested = |open: &str, close: &str, depth: usize| {
        let inside = format!("{}{}", open.repeat(depth), close.repeat(depth));
        format!("{{\"resourceType\":\"Questionnaire\",\"status\":\"draft\",\"x\":1{inside}}}")
    };
    let item = ",\"item\":[{\"linkId\":\"a\",\"type\":\"group\"";
    assert!(validator.validate(&nested(item, "}]", 59), &[]).len() > 1);
    let extension = ",\"extension\":[{\"url\":\"http://x\"";
    assert!(validator.validate(&nested(extension, "}]", 59), &[]).len() > 1);
    let deeper = validator.validate(&nested(item, "}]", 300), &[]);
    assert_eq!(deeper.len(), 1);
}

/// Values that may stand anywhere, right or wrong.
const VALUES: &[&str] = &[
    "null",
    "1",
    "true",
    "\"final\"",
    "\"\"",
    "[]",
    "{}",
    "[null]",
    "[{}]",
    "\"2026-01-01\"",
    r#"{"coding":[{"system":"urn:s","code":"lab"}]}"#,
    r#"[{"coding":[{"code":"x"}]}]"#,
    r#"{"value":1e400,"code":"mg","system":"http://unitsofmeasure.org"}"#,
    r##"{"reference":"#"}"##,
    r#"{"reference":"Patient/1","type":"Group"}"#,
    r##"[{"reference":"#a"}]"##,
    r#"[{"url":"http://x","valueString":"y"}]"#,
    r#"[{"resourceType":"Patient","id":"a"}]"#,
    r#"[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]"#,
    r#"[{"extension":[{"url":"a"}]}]"#,
    r#"{"profile":["urn:p"]}"#,
    "[[1]]",
    r#"{"resourceType":"Bundle","type":"document","entry":[{"resource":{"resourceType":"List"}}]}"#,
];

const NAMES: &[&str] = &[
    "id",
    "meta",
    "status",
    "_status",
    "code",
    "category",
    "valueQuantity",
    "valueString",
    "subject",
    "extension",
    "modifierExtension",
    "contained",
    "component",
    "issued",
    "effectiveDateTime",
    "_effectiveDateTime",
    "hasMember",
    "note",
    "text",
    "resourceType",
    "value",
    "entry",
];

proptest! {
    #[test]
    fn any_resource_has_a_verdict(
        members in prop::collection::vec(
            (prop::sample::select(NAMES), prop::sample::select(VALUES)), 0..8
        )
    ) {
        thread_local! {
            static VALIDATOR: Validator = validator();
        }
        let mut text = "{\"resourceType\":\"Observation\"".to_owned();
        for (name, value) in members {
            let _ = write!(text, ",\"{name}\":{value}");
        }
        text.push('}');
        let issues = VALIDATOR.with(|validator| validator.validate(&text, &["urn:p"]));
        prop_assert!(!issues.is_empty());
    }
}
