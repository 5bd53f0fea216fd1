//! The conditions under which something is written or shown.

use axum::http::{HeaderMap, StatusCode, header};
use fhir::ResourceType;
use fhir::resources::IssueType;
use fhir_search::SearchRequest;
use jiff::Timestamp;
use medicines::store::Only;

use super::Failure;
use crate::problem::{Problem, code};

/// The header of a conditional create (R4 §3.1.0.8.1).
pub(crate) const IF_NONE_EXIST: &str = "if-none-exist";
/// The most versions that one header may name.
const MAX_TAGS: usize = 32;

/// The condition that the headers of an update, a patch or a delete have.
pub(crate) fn only(headers: &HeaderMap) -> Result<Only, Failure> {
    let text = |name: header::HeaderName| {
        let value = headers.get(name)?;
        Some(value.to_str().unwrap_or_default().to_owned())
    };
    if let Some(tags) = text(header::IF_MATCH) {
        return if_match(&tags);
    }
    match text(header::IF_NONE_MATCH).as_deref().map(str::trim) {
        None => Ok(Only::Always),
        Some("*") => Ok(Only::Missing),
        Some(_) => {
            let detail = "A write takes If-None-Match: * and no other.";
            Err(Problem::bad(code::BAD_VALUE, detail).into())
        }
    }
}

/// The condition of If-Match: `W/"3"`, several of these, or `*`.
pub(crate) fn if_match(tags: &str) -> Result<Only, Failure> {
    if tags.trim() == "*" {
        return Ok(Only::Present);
    }
    let versions: Option<Vec<u64>> = tags.split(',').take(MAX_TAGS).map(version).collect();
    versions.map(Only::Versions).ok_or_else(|| {
        let detail = "If-Match names a version, as W/\"3\".";
        Problem::bad(code::BAD_VALUE, detail).into()
    })
}

fn version(tag: &str) -> Option<u64> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

/// The condition of a write, as a search. It has to say exactly what is meant: a parameter that is
/// not known is never left out, and one that could find the whole type is not tried.
pub(crate) fn criteria(
    kind: ResourceType,
    pairs: &[(String, String)],
) -> Result<Box<SearchRequest>, Failure> {
    let search = SearchRequest::parse(kind, pairs)?;
    if let Some(unknown) = search.unknown.first() {
        let detail = format!("{kind} has no search parameter {unknown}.");
        let problem = Problem::bad(code::BAD_QUERY, detail);
        return Err(Failure::new(problem, IssueType::NotSupported));
    }
    if !search.is_narrow() || !search.is_plain() {
        let detail = "The condition has to name an identifier, a patient or an id, and nothing of \
                      other resources.";
        let problem = Problem::new(StatusCode::PRECONDITION_FAILED, code::TOO_WIDE, detail);
        return Err(Failure::new(problem, IssueType::TooCostly));
    }
    Ok(Box::new(search))
}

/// The names and values of a query that stands alone, as in If-None-Exist.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, Failure> {
    let query = query.trim().trim_start_matches('?');
    // What stands in a header or a body may hold blanks and bars as they are.
    let escaped: String = query
        .chars()
        .map(|c| match c {
            ' ' => "%20".to_owned(),
            '|' => "%7C".to_owned(),
            '"' => "%22".to_owned(),
            '<' => "%3C".to_owned(),
            '>' => "%3E".to_owned(),
            c => c.to_string(),
        })
        .collect();
    let wrong = || {
        Failure::from(Problem::bad(code::BAD_QUERY, "The search of the condition cannot be read."))
    };
    let uri: axum::http::Uri = format!("/?{escaped}").parse().map_err(|_| wrong())?;
    super::interactions::search::query(&uri).map_err(|_| wrong())
}

/// The condition of a conditional create, where the headers have one.
pub(crate) fn unless(
    kind: ResourceType,
    headers: &HeaderMap,
) -> Result<Option<Box<SearchRequest>>, Failure> {
    let Some(value) = headers.get(IF_NONE_EXIST) else { return Ok(None) };
    let query = value.to_str().map_err(|_| {
        Failure::from(Problem::bad(code::BAD_QUERY, "If-None-Exist is a query in ASCII."))
    })?;
    criteria(kind, &pairs(query)?).map(Some)
}

/// Whether the caller has this version already (RFC 9110 §13.2.2): If-None-Match counts, and only
/// where it is not there If-Modified-Since.
pub(crate) fn is_known(headers: &HeaderMap, number: u64, changed: Timestamp) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let values = headers.get_all(header::IF_NONE_MATCH).iter();
        let mut tags = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        return tags.any(|tag| tag.trim() == "*" || version(tag) == Some(number));
    }
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = since
        .and_then(|since| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(since).ok());
    // The header has whole seconds.
    since.is_some_and(|since| changed.as_second() <= since.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_version() {
        let at: Timestamp = "2026-11-20T10:15:00.900Z".parse().unwrap();
        let check = |name: header::HeaderName, value: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(is_known(&headers, 12, at), expected, "{value}");
        };
        let tags = |value, expected| check(header::IF_NONE_MATCH, value, expected);
        tags("W/\"12\"", true);
        tags("\"12\"", true);
        tags("W/\"1\", W/\"12\"", true);
        tags("*", true);
        tags("W/\"1\"", false);
        tags("12", false);
        tags("w/\"12\"", false);
        let since = |value, expected| check(header::IF_MODIFIED_SINCE, value, expected);
        since("Fri, 20 Nov 2026 10:15:00 GMT", true);
        since("Fri, 20 Nov 2026 10:14:59 GMT", false);
        since("yesterday", false);
        assert!(!is_known(&HeaderMap::new(), 12, at));
    }

    #[test]
    fn if_match_names_versions() {
        assert_eq!(if_match("W/\"3\"").ok(), Some(Only::Versions(vec![3])));
        assert_eq!(if_match("\"3\", W/\"4\"").ok(), Some(Only::Versions(vec![3, 4])));
        assert_eq!(if_match("*").ok(), Some(Only::Present));
        for wrong in ["3", "W/3", "", "W/\"x\""] {
            assert!(if_match(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_condition_says_exactly_what_is_meant() {
        let kind = ResourceType::Patient;
        let check = |query: &str| pairs(query).and_then(|pairs| criteria(kind, &pairs)).is_ok();
        assert!(check("identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018"));
        assert!(check("?identifier=a%7Cb&birthdate=1950-01-01"));
        assert!(check("_id=a"));
        assert!(!check("birthdate=1950-01-01"), "it could be many");
        assert!(!check("identifier=a&colour=red"), "nothing is left out");
        assert!(!check(""));
        assert!(!check("identifier="));
    }
}
