//! What goes out is put into the form that the caller takes: FHIR in XML, and compressed.
//!
//! Handlers answer in JSON. Here, outside all of them, an answer becomes XML where the caller asks
//! for it, refusals and what the door says among them, and is compressed by gzip where the caller
//! takes that.

use std::io::Write;
use std::sync::Arc;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use fhir::resources::IssueType;
use fhir_xml::XmlError;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Semaphore;

use super::negotiate::{self, weight};
use super::{FHIR_JSON, FHIR_XML, Failure, Format};
use crate::problem::{Problem, code};
use crate::routes::{Style, style_of};

/// The most bytes of an answer that is changed here; a larger one can only be one that streams.
const MAX_BYTES: u64 = 64 << 20;
/// From how many bytes on an answer is compressed: less would save nothing.
const WORTH_BYTES: usize = 1 << 10;
/// From how many bytes on the work is done on a thread of its own.
const LARGE_BYTES: usize = 64 << 10;
/// The most large answers that are worked on at the same time; more wait.
const MAX_WORKERS: usize = 2;

/// The turns for large answers.
#[derive(Debug, Clone)]
pub(crate) struct Wardrobe(Arc<Semaphore>);

impl Default for Wardrobe {
    fn default() -> Self {
        Wardrobe(Arc::new(Semaphore::new(MAX_WORKERS)))
    }
}

/// The format that a body asked for, where the address and the headers do not say it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish(pub(crate) Format);

/// Puts an answer of the FHIR endpoint into the form that the caller takes.
pub(crate) async fn dress(State(turns): State<Wardrobe>, request: Request, next: Next) -> Response {
    if style_of(request.uri()) == Style::Json {
        return next.run(request).await;
    }
    let asked = wish(request.uri(), request.headers());
    let packs = takes_gzip(request.headers());
    let response = next.run(request).await;
    let asked = response.extensions().get::<Wish>().map_or(asked, |wish| wish.0);
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|it| it == FHIR_JSON);
    let as_xml = asked == Format::Xml && is_json;
    let is_known = response.body().size_hint().exact().is_some_and(|bytes| bytes <= MAX_BYTES);
    if !is_known || !(as_xml || packs) {
        return response;
    }
    redone(response, Wants { as_xml, packs }, &turns).await
}

#[derive(Debug, Clone, Copy)]
struct Wants {
    as_xml: bool,
    packs: bool,
}

async fn redone(response: Response, wants: Wants, turns: &Wardrobe) -> Response {
    let (mut parts, body) = response.into_parts();
    // It is in memory already, so that nothing but its own end can end it.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Style::Fhir.answer(Problem::internal());
    };
    if wants.as_xml {
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR_XML));
    }
    if bytes.is_empty() {
        return Response::from_parts(parts, Body::from(bytes));
    }
    let is_packed = parts.headers.contains_key(header::CONTENT_ENCODING);
    let wants = Wants { packs: wants.packs && !is_packed, ..wants };
    let worked = if bytes.len() <= LARGE_BYTES {
        work(bytes.to_vec(), wants)
    } else {
        // The semaphore is never closed, so the only outcome is a turn.
        let turn = Arc::clone(&turns.0).acquire_owned().await.ok();
        let worked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(bytes.to_vec(), wants)
        });
        let Ok(worked) = worked.await else { return Style::Fhir.answer(Problem::internal()) };
        worked
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let Worked { bytes, failed, packed } = worked;
    if failed {
        parts.status = StatusCode::NOT_ACCEPTABLE;
        for name in [header::ETAG, header::LAST_MODIFIED, header::LOCATION] {
            parts.headers.remove(name);
        }
    }
    if packed {
        parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    parts.headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    Response::from_parts(parts, Body::from(bytes))
}

struct Worked {
    bytes: Vec<u8>,
    /// Whether the answer cannot be written in XML: the bytes say so.
    failed: bool,
    packed: bool,
}

fn work(json: Vec<u8>, wants: Wants) -> Worked {
    let (bytes, failed) = match wants.as_xml.then(|| xml(&json)) {
        None => (json, false),
        Some(Ok(xml)) => (xml, false),
        Some(Err(refusal)) => (refusal, true),
    };
    if !wants.packs || bytes.len() < WORTH_BYTES {
        return Worked { bytes, failed, packed: false };
    }
    match pack(&bytes) {
        Some(packed) => Worked { bytes: packed, failed, packed: true },
        None => Worked { bytes, failed, packed: false },
    }
}

/// The answer in XML, or in its place a refusal in XML.
fn xml(json: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let text = std::str::from_utf8(json).unwrap_or_default();
    fhir_xml::to_xml(text).map(String::into_bytes).map_err(|error| {
        let refusal = refusal(&error).outcome().to_json();
        fhir_xml::to_xml(&refusal).unwrap_or(refusal).into_bytes()
    })
}

/// 406: what R4 does not define has no place in XML, and is not dropped.
fn refusal(error: &XmlError) -> Failure {
    let detail = "What was found has something that XML cannot hold, or is too large for it: ask \
                  for application/fhir+json.";
    let problem = Problem::new(StatusCode::NOT_ACCEPTABLE, code::NOT_ACCEPTABLE, detail);
    let failure = Failure::new(problem, IssueType::NotSupported);
    match error {
        XmlError::Unknown { path, .. } | XmlError::Content { path, .. } => failure.at(path.clone()),
        _ => failure,
    }
}

fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    packer.write_all(bytes).ok()?;
    packer.finish().ok()
}

/// What the address and the headers ask for; JSON where they ask for what there is not, which the
/// handler refuses.
fn wish(uri: &Uri, headers: &HeaderMap) -> Format {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs);
    let asked = pairs.unwrap_or_default().into_iter().rfind(|(name, _)| name == "_format");
    let asked = asked.as_ref().map(|(_, value)| value.as_str());
    negotiate::format(headers, asked).unwrap_or(Format::Json)
}

/// Whether the caller takes gzip (RFC 9110 §12.5.3).
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut wishes = values.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(','));
    wishes.any(|wish| {
        let name = wish.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("gzip") && weight(wish) > 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_wished() {
        let check = |value: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(takes_gzip(&headers), expected, "{value}");
        };
        check("gzip, deflate, br", true);
        check("br, GZIP;q=0.1", true);
        check("gzip;q=0", false);
        check("deflate", false);
        check("", false);
    }

    #[test]
    fn the_address_comes_before_the_header() {
        let check = |query: &str, expected: Format| {
            let uri: Uri = format!("/fhir/Patient?{query}").parse().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/fhir+xml"));
            assert_eq!(wish(&uri, &headers), expected, "{query}");
        };
        check("", Format::Xml);
        check("_format=json", Format::Json);
        check("_format=application/fhir%2Bxml", Format::Xml);
        check("_format=ttl", Format::Json);
    }
}
