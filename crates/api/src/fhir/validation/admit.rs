//! Whether what a client writes is stored, by the policy of the client.

use fhir::Draft;
use fhir::json::{Json, Raw};
use fhir_validate::{Issue, Severity};
use medicines::store::{Act, Doubt, Step};
use serde_json::value::RawValue;

use crate::client::Validation;
use crate::door::Caller;
use crate::fhir::Failure;
use crate::state::ApiState;

/// The system of the tag that a resource has which was stored although it is not valid.
const SYSTEM: &str = "urn:interlock:validation";
/// The tag.
const NOT_VALID: &str = concat!(
    r#"{"system":"urn:interlock:validation","code":"not-valid","#,
    r#""display":"Stored although it is not valid"}"#,
);
/// The most findings that a case tells; the others are counted.
const MAX_TOLD: usize = 3;
/// The longest place that a case tells, in bytes.
const MAX_PLACE_BYTES: usize = 120;

/// The draft as it may be written, with what is wrong with it where it is stored all the same; or
/// the refusal, with every finding and its place. `json` is the resource as it came.
pub(crate) async fn admit(
    api: &ApiState,
    caller: &Caller,
    draft: Draft,
    json: &str,
) -> Result<(Draft, Option<String>), Failure> {
    if caller.validation() == Validation::Off {
        return Ok((draft, None));
    }
    let found = api.judge.validate(vec![json.to_owned()], Vec::new()).await?;
    let issues = found.into_iter().next().unwrap_or_default();
    let wrong: Vec<&Issue> =
        issues.iter().filter(|issue| issue.severity == Severity::Error).collect();
    if wrong.is_empty() {
        // It may have been mended since it was stored with the tag.
        let draft = if json.contains(SYSTEM) { tagged(json, None)? } else { draft };
        return Ok((draft, None));
    }
    if caller.validation() == Validation::Strict {
        return Err(Failure::not_valid(&issues));
    }
    Ok((tagged(json, Some(NOT_VALID))?, Some(words(&wrong))))
}

/// The same for a step of a write whose resource came as `json`.
pub(crate) async fn admit_step(
    api: &ApiState,
    caller: &Caller,
    (n, step): (usize, &mut Step),
    json: Option<&str>,
) -> Result<Option<Doubt>, Failure> {
    let (Act::Create { draft, .. } | Act::Update { draft, .. }) = &mut step.act else {
        return Ok(None);
    };
    let Some(json) = json else { return Ok(None) };
    let (admitted, doubt) = admit(api, caller, draft.clone(), json).await?;
    *draft = admitted;
    Ok(doubt.map(|text| Doubt { step: n, text }))
}

/// The resource with the tag, or without it.
fn tagged(json: &str, tag: Option<&str>) -> Result<Draft, Failure> {
    let wrong = || Failure::invalid("The tags of the resource cannot be read.").at("Resource.meta");
    let mut raw = Raw::parse(json).map_err(|_| wrong())?;
    let mut meta = raw.meta().map_err(|_| wrong())?;
    let tags: Vec<Box<RawValue>> = match meta.get("tag") {
        Some(tags) => serde_json::from_str(tags.get()).map_err(|_| wrong())?,
        None => Vec::new(),
    };
    let others = tags.iter().map(|tag| tag.get()).filter(|tag| !tag.contains(SYSTEM));
    let tags: Vec<&str> = others.chain(tag).collect();
    if tags.is_empty() {
        meta.remove("tag");
    } else {
        let tags = Json::parse(format!("[{}]", tags.join(","))).map_err(|_| wrong())?;
        meta.set("tag", tags);
    }
    if meta.members().next().is_some() {
        raw.set("meta", meta.to_json());
    } else {
        raw.remove("meta");
    }
    Ok(Draft::read(&raw.write())?)
}

/// What is wrong, in words without any value of the resource.
fn words(wrong: &[&Issue]) -> String {
    let place = |issue: &&Issue| {
        let plain = |c: &char| c.is_ascii_alphanumeric() || ".[]".contains(*c);
        let place: String = issue.expression.chars().filter(plain).take(MAX_PLACE_BYTES).collect();
        format!("{place} ({})", issue.code.as_str())
    };
    let told: Vec<String> = wrong.iter().take(MAX_TOLD).map(place).collect();
    match wrong.len().saturating_sub(MAX_TOLD) {
        0 => format!("{}.", told.join(", ")),
        more => format!("{}, and {more} more.", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_comes_and_goes_and_the_rest_stays() {
        let check = |json: &str, tag: Option<&str>, expected: &str| {
            let found = tagged(json, tag).unwrap();
            let at = jiff::Timestamp::UNIX_EPOCH;
            let stored = found.store("x".parse().unwrap(), 1, at, &[]);
            assert!(stored.json().contains(expected), "{}", stored.json());
            stored.json().to_owned()
        };
        let plain = r#"{"resourceType":"Basic","meta":{"tag":[{"code":"x"}]},"y":0.40}"#;
        let with = check(plain, Some(NOT_VALID), r#""tag":[{"code":"x"},{"system":"urn:interlock"#);
        let twice = check(&with, Some(NOT_VALID), "not-valid");
        assert_eq!(twice.matches("not-valid").count(), 1);
        let without = check(&twice, None, r#""tag":[{"code":"x"}]"#);
        assert!(!without.contains("not-valid") && without.contains(r#""y":0.40"#));
        let alone = check(r#"{"resourceType":"Basic"}"#, Some(NOT_VALID), "not-valid");
        assert!(!check(&alone, None, "Basic").contains("\"tag\""));
    }

    #[test]
    fn a_case_tells_places_and_no_values() {
        let issue = |expression: &str| Issue {
            severity: Severity::Error,
            code: fhir_validate::IssueCode::Value,
            expression: expression.to_owned(),
            text: "secret".to_owned(),
            profile: None,
        };
        let all = ["Patient.name[0]", "Patient.a b|c", "Patient.x", "Patient.y"].map(issue);
        let all: Vec<&Issue> = all.iter().collect();
        assert_eq!(
            words(&all),
            "Patient.name[0] (value), Patient.abc (value), Patient.x (value), and 1 more."
        );
        assert_eq!(words(&all[..1]), "Patient.name[0] (value).");
    }
}
