//! What the caller would like: the format, and what to do with unknown parameters.

use axum::http::{HeaderMap, StatusCode, header};

use crate::problem::{Problem, code};

/// Names under which FHIR JSON is asked for (R4 §3.1.0.1.11).
const JSON: [&str; 4] = ["application/fhir+json", "application/json", "text/json", "json"];
/// Names under which FHIR XML is asked for.
const XML: [&str; 4] = ["application/fhir+xml", "application/xml", "text/xml", "xml"];
/// Ranges that contain both.
const ANY: [&str; 3] = ["*/*", "application/*", "*"];

/// How a resource is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/fhir+json`.
    Json,
    /// `application/fhir+xml`.
    Xml,
}

impl Format {
    /// The format that has this name, which may have parameters.
    pub(crate) fn named(text: &str) -> Option<Format> {
        let name = text.split(';').next().unwrap_or_default().trim();
        let is = |known: &&str| known.eq_ignore_ascii_case(name);
        if JSON.iter().any(&is) || ANY.contains(&name) {
            return Some(Format::Json);
        }
        XML.iter().any(is).then_some(Format::Xml)
    }
}

/// What becomes of parameters that the type does not have (R4 §3.1.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handling {
    /// The search is refused.
    Strict,
    /// They are left out, and the answer says so.
    Lenient,
}

/// The format that the caller takes. `_format` comes before the header Accept.
pub(crate) fn format(headers: &HeaderMap, format: Option<&str>) -> Option<Format> {
    if let Some(format) = format {
        // A plus sign that was not escaped has become a blank.
        return Format::named(&format.trim().replace(' ', "+"));
    }
    let mut wishes = headers.get_all(header::ACCEPT).iter().peekable();
    if wishes.peek().is_none() {
        return Some(Format::Json);
    }
    let mut best: Option<(u16, Format)> = None;
    for wish in wishes.filter_map(|wish| wish.to_str().ok()).flat_map(|all| all.split(',')) {
        let (Some(format), weight) = (Format::named(wish), weight(wish)) else { continue };
        // The first of those that are wished alike is taken.
        if weight > best.map_or(0, |(most, _)| most) {
            best = Some((weight, format));
        }
    }
    best.map(|(_, format)| format)
}

/// How much something is wished, in thousandths (RFC 9110 §12.4.2).
pub(crate) fn weight(wish: &str) -> u16 {
    const WHOLE: u16 = 1_000;
    let value = wish.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(value) = value else { return WHOLE };
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let digits = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, digits) {
        ("1", _) => WHOLE,
        ("0", true) => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// Checks that the caller takes JSON or XML.
pub(crate) fn acceptable(headers: &HeaderMap, asked: Option<&str>) -> Result<(), Problem> {
    if format(headers, asked).is_some() {
        return Ok(());
    }
    let detail = "This server answers in application/fhir+json and application/fhir+xml only.";
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

    #[test]
    fn the_format_is_the_one_that_is_wished_most() {
        use Format::{Json, Xml};
        let check = |accept: Option<&str>, asked: Option<&str>, expected: Option<Format>| {
            let found = format(&headers("accept", accept), asked);
            assert_eq!(found, expected, "{accept:?} {asked:?}");
        };
        check(None, None, Some(Json));
        check(Some("*/*"), None, Some(Json));
        check(Some("application/fhir+json; fhirVersion=4.0"), None, Some(Json));
        check(Some("application/fhir+xml, application/json;q=0.5"), None, Some(Xml));
        check(Some("application/fhir+xml;q=0.4, application/json;q=0.5"), None, Some(Json));
        check(Some("application/fhir+xml;q=0.25, text/html"), None, Some(Xml));
        check(Some("application/json;q=0, text/html"), None, None);
        check(Some("application/fhir+json, application/fhir+xml"), None, Some(Json));
        check(Some("Application/FHIR+XML"), None, Some(Xml));
        check(Some("application/fhir+turtle"), None, None);
        check(Some("application/fhir+turtle"), Some("json"), Some(Json));
        check(Some("application/json"), Some("xml"), Some(Xml));
        check(Some("application/json"), Some("ttl"), None);
        check(None, Some("application/fhir xml"), Some(Xml));
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
