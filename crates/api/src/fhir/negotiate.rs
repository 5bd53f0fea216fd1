//! What the caller would like: the format, and what to do with unknown parameters.

use axum::http::{HeaderMap, StatusCode, header};

use crate::problem::{Problem, code};

/// Formats under which FHIR JSON is asked for (R4 §3.1.0.1.11).
const JSON: [&str; 4] = ["application/fhir+json", "application/json", "text/json", "json"];
/// Ranges that contain it.
const ANY: [&str; 3] = ["*/*", "application/*", "*"];

/// What becomes of parameters that the type does not have (R4 §3.1.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    /// The search is refused.
    Strict,
    /// They are left out, and the answer says so.
    Lenient,
}

/// Checks that the caller takes JSON. `_format` comes before the header Accept.
pub(crate) fn acceptable(headers: &HeaderMap, format: Option<&str>) -> Result<(), Problem> {
    let named = |text: &str| {
        let name = text.split(';').next().unwrap_or_default().trim();
        JSON.iter().chain(&ANY).any(|known| known.eq_ignore_ascii_case(name))
    };
    let accepted = if let Some(format) = format {
        // A plus sign that was not escaped has become a blank.
        named(&format.replace(' ', "+"))
    } else {
        let mut wishes = headers.get_all(header::ACCEPT).iter().peekable();
        wishes.peek().is_none()
            || wishes.filter_map(|wish| wish.to_str().ok()).flat_map(|w| w.split(',')).any(named)
    };
    if accepted {
        return Ok(());
    }
    let detail = "This server answers in application/fhir+json only.";
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, code::NOT_ACCEPTABLE, detail))
}

/// What a write is answered with (R4 §3.1.0.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    /// No body.
    Minimal,
    /// The resource.
    Representation,
    /// An OperationOutcome.
    Outcome,
}

/// What the header `Prefer: return=…` asks for.
pub(crate) fn returning(headers: &HeaderMap) -> Option<Return> {
    preferences(headers).find_map(|wish| {
        let (name, value) = wish.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("return") {
            return None;
        }
        match value.trim().to_ascii_lowercase().as_str() {
            "minimal" => Some(Return::Minimal),
            "representation" => Some(Return::Representation),
            "operationoutcome" => Some(Return::Outcome),
            _ => None,
        }
    })
}

fn preferences(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split([',', ';'])).map(str::trim)
}

/// What the header `Prefer: handling=…` asks for; lenient where it says nothing.
pub(crate) fn handling(headers: &HeaderMap) -> Handling {
    if preferences(headers).any(|wish| wish.eq_ignore_ascii_case("handling=strict")) {
        Handling::Strict
    } else {
        Handling::Lenient
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    #[track_caller]
    fn check(accept: Option<&str>, format: Option<&str>, expected: bool) {
        let found = acceptable(&headers("accept", accept), format);
        assert_eq!(found.is_ok(), expected, "{accept:?} {format:?}");
    }

    #[test]
    fn json_is_the_only_format() {
        check(None, None, true);
        check(Some("*/*"), None, true);
        check(Some("application/fhir+json; fhirVersion=4.0"), None, true);
        check(Some("application/fhir+xml, application/json;q=0.5"), None, true);
        check(Some("application/fhir+xml"), None, false);
        check(Some("application/fhir+xml"), Some("json"), true);
        check(Some("application/json"), Some("xml"), false);
        check(None, Some("application/fhir json"), true);
    }

    #[test]
    fn handling_is_lenient_unless_strict() {
        let check = |value, expected| assert_eq!(handling(&headers("prefer", value)), expected);
        check(None, Handling::Lenient);
        check(Some("handling=lenient"), Handling::Lenient);
        check(Some("return=minimal, handling=strict"), Handling::Strict);
        check(Some("Handling=Strict"), Handling::Strict);
    }
}
