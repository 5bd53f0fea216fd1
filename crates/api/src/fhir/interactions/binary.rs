//! Binary: content that is not FHIR, as a resource and as it is (R4 §2.40.1).
//!
//! Whoever asks for FHIR, by `Accept` or `_format`, gets the resource, everybody else the content
//! with its own type. What comes with any other type than FHIR's becomes a Binary of that type.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use fhir::base64;
use fhir::json::members;
use fhir::resources::IssueType;
use fhir::{Draft, ResourceType};

use crate::fhir::intake::{self, Content, MAX_RESOURCE_BYTES, content_type};
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{Failure, Format};
use crate::problem::{Problem, code};

/// The most bytes of content that is not FHIR: in base64 it has to fit into a resource.
pub(crate) const MAX_CONTENT_BYTES: usize = MAX_RESOURCE_BYTES / 4 * 3 - (64 << 10);
/// The most bytes of a media type.
const MAX_TYPE_BYTES: usize = 256;
/// Whose rights are those of the content (R4 §2.40.1).
const SECURITY_CONTEXT: HeaderName = HeaderName::from_static("x-security-context");
/// Types of FHIR: a body that has one of these is the resource itself.
const FHIR: [&str; 2] = ["application/fhir+json", "application/fhir+xml"];

/// Whether the caller wants the content rather than the resource.
pub(crate) fn wants_content(headers: &HeaderMap, shape: &Shape) -> bool {
    if shape.format.is_some() {
        return false;
    }
    let wishes = headers.get_all(header::ACCEPT).iter().filter_map(|wish| wish.to_str().ok());
    let mut names = wishes
        .flat_map(|all| all.split(','))
        .map(|wish| wish.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    !names.any(|name| FHIR.contains(&name.as_str()))
}

/// The content of a Binary with its own type, with the version and the time of the reply.
pub(crate) fn respond(reply: Reply, headers: &HeaderMap) -> Result<Response, Failure> {
    let Some(json) = reply.body.as_deref() else { return Ok(reply.respond(&Shape::default())) };
    let all = members(json).map_err(|_| Problem::internal())?;
    let text = |name: &str| all.get(name).and_then(|it| serde_json::from_str::<String>(it).ok());
    let kind = text("contentType").unwrap_or_default();
    // An XML or JSON type is FHIR's as well as anybody's: who asks for it and not for this content
    // wants the resource.
    if !takes(headers, &kind) {
        if crate::fhir::negotiate::format(headers, None).is_some() {
            return Ok(reply.respond(&Shape::default()));
        }
        let detail = "The content is of another type than Accept has: ask for */*, for its own \
                      type, or for application/fhir+json.";
        let problem = Problem::new(StatusCode::NOT_ACCEPTABLE, code::NOT_ACCEPTABLE, detail);
        return Err(Failure::new(problem, IssueType::NotSupported));
    }
    let data = text("data").unwrap_or_default();
    let Some(bytes) = base64::decode(&data) else {
        let detail = "The content is not base64: ask for application/fhir+json to see it.";
        let problem = Problem::new(StatusCode::NOT_ACCEPTABLE, code::NOT_ACCEPTABLE, detail);
        return Err(Failure::new(problem, IssueType::Invalid).at("Binary.data"));
    };
    let mut response = Reply { body: None, ..reply }.respond(&Shape::default());
    *response.body_mut() = Body::from(bytes);
    let unnamed = HeaderValue::from_static("application/octet-stream");
    let kind = HeaderValue::from_str(&kind).ok().filter(|kind| !kind.is_empty()).unwrap_or(unnamed);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    // Whoever wrote it could have written a page: nothing in it may act under this address.
    let nothing = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    Ok(response)
}

/// Whether `Accept` takes the type; where it says nothing, it takes all.
fn takes(headers: &HeaderMap, kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let whole = kind.split('/').next().unwrap_or_default();
    let mut wishes = headers.get_all(header::ACCEPT).iter().peekable();
    if wishes.peek().is_none() {
        return true;
    }
    wishes.filter_map(|wish| wish.to_str().ok()).flat_map(|all| all.split(',')).any(|wish| {
        let name = wish.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let fits = name == "*/*" || name == kind || name.strip_suffix("/*") == Some(whole);
        fits && crate::fhir::negotiate::weight(wish) > 0
    })
}

/// The body of a write to Binary: the resource itself, or content that becomes one.
pub(crate) async fn content(headers: &HeaderMap, body: Body) -> Result<Content, Failure> {
    let Some(kind) = content_type(headers).filter(|kind| !kind.is_empty()) else {
        return Err(intake::unsupported(
            "Send the header Content-Type with the type of the content.",
        ));
    };
    if FHIR.iter().any(|fhir| fhir.eq_ignore_ascii_case(&kind)) {
        return intake::content(headers, body, MAX_RESOURCE_BYTES).await;
    }
    // JSON and XML may be either: a Binary says that it is one.
    let bytes = intake::unpacked(headers, body, MAX_RESOURCE_BYTES).await?;
    if Format::named(&kind) == Some(Format::Json) && is_binary(&bytes) {
        return Ok(Content::of_json(bytes, MAX_RESOURCE_BYTES));
    }
    made(headers, bytes)
}

fn is_binary(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).ok();
    let draft = text.and_then(|text| Draft::read(text).ok());
    draft.is_some_and(|draft| draft.resource_type == ResourceType::Binary)
}

/// A Binary of the content.
fn made(headers: &HeaderMap, bytes: Bytes) -> Result<Content, Failure> {
    if bytes.len() > MAX_CONTENT_BYTES {
        return Err(crate::body::too_large(MAX_CONTENT_BYTES).into());
    }
    // With its parameters: the character set is one of them.
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind =
        kind.map(str::trim).filter(|kind| kind.len() <= MAX_TYPE_BYTES && kind.contains('/'));
    let Some(kind) = kind else {
        return Err(intake::unsupported("The header Content-Type names no media type."));
    };
    let mut binary = serde_json::Map::new();
    binary.insert("resourceType".to_owned(), "Binary".into());
    binary.insert("contentType".to_owned(), kind.into());
    if let Some(context) = headers.get(SECURITY_CONTEXT) {
        let context = context.to_str().ok().filter(|it| is_reference(it));
        let Some(context) = context else {
            let detail = "X-Security-Context names a resource: Patient/1.";
            let problem = Problem::bad(code::BAD_VALUE, detail);
            return Err(Failure::new(problem, IssueType::Value).at("Binary.securityContext"));
        };
        binary.insert("securityContext".to_owned(), serde_json::json!({ "reference": context }));
    }
    if !bytes.is_empty() {
        binary.insert("data".to_owned(), base64::encode(&bytes).into());
    }
    let json = serde_json::Value::Object(binary).to_string();
    Ok(Content::made(bytes, json.into(), MAX_RESOURCE_BYTES))
}

/// Whether the text is a reference to a resource.
fn is_reference(text: &str) -> bool {
    let mut parts = text.rsplit('/');
    let (id, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    fhir::Id::new(id).is_ok() && kind.parse::<ResourceType>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !value.is_empty() {
            headers.insert(header::ACCEPT, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn who_asks_for_fhir_gets_the_resource() {
        let check = |value: &str, content: bool, takes_pdf: bool| {
            let headers = accept(value);
            assert_eq!(wants_content(&headers, &Shape::default()), content, "{value}");
            assert_eq!(takes(&headers, "application/pdf"), takes_pdf, "{value}");
        };
        check("", true, true);
        check("*/*", true, true);
        check("application/pdf", true, true);
        check("application/*;q=0.5", true, true);
        check("image/png, application/pdf;q=0", true, false);
        check("application/json", true, false);
        check("application/fhir+json", false, false);
        check("text/html, Application/FHIR+xml;q=0.1, */*", false, true);
    }
}
