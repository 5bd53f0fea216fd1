//! Bodies of writes: which content they have, and that they are resources.

use std::io::Read;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use fhir::json::{Limits, check, empty_part};
use fhir::resources::IssueType;
use fhir::{Draft, Id, ResourceType};
use fhir_xml::XmlError;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;

use super::interactions::binary;
use super::{Failure, Format};
use crate::body;
use crate::problem::{Problem, code};

/// The most bytes of one resource.
pub(crate) const MAX_RESOURCE_BYTES: usize = 4 << 20;
/// The most bytes of a batch or a transaction.
pub(crate) const MAX_BUNDLE_BYTES: usize = 16 << 20;
/// The most objects and arrays inside one another: questionnaires and plans go deep.
pub(crate) const MAX_DEPTH: usize = 64;
/// From how many bytes on a body is unpacked or read as XML on a thread of its own.
const LARGE_BYTES: usize = 64 << 10;

/// A body that is FHIR, in JSON or XML.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    /// As it came: for the journal, which also knows a repeat by it. What was compressed for the
    /// way is unpacked.
    pub(crate) raw: Bytes,
    /// The same in JSON.
    json: Bytes,
    /// The most bytes that it may have.
    most: usize,
    /// Whether the resource was made here of what came.
    pub(crate) is_made: bool,
}

impl Content {
    /// A body that is JSON.
    pub(crate) fn of_json(raw: Bytes, most: usize) -> Self {
        Content { json: raw.clone(), raw, most, is_made: false }
    }

    /// A resource that was made of a body.
    pub(crate) fn made(raw: Bytes, json: Bytes, most: usize) -> Self {
        Content { raw, json, most, is_made: true }
    }

    /// The JSON, once it is strict and within the limits.
    pub(crate) fn text(&self) -> Result<&str, Failure> {
        text(&self.json, self.most)
    }
}

/// Takes the body of a write to a type: a resource, or of Binary any content.
pub(crate) async fn of_type(
    kind: ResourceType,
    headers: &HeaderMap,
    body: Body,
) -> Result<Content, Failure> {
    match kind {
        ResourceType::Binary => binary::content(headers, body).await,
        // A document holds many resources.
        ResourceType::Bundle => content(headers, body, MAX_BUNDLE_BYTES).await,
        _ => content(headers, body, MAX_RESOURCE_BYTES).await,
    }
}

/// Takes a body that the headers say is FHIR, and turns XML into JSON.
pub(crate) async fn content(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Content, Failure> {
    let Some(format) = content_type(headers).as_deref().and_then(format) else {
        let detail = "Send the header Content-Type: application/fhir+json, or \
                      application/fhir+xml.";
        return Err(unsupported(detail));
    };
    let raw = unpacked(headers, body, most).await?;
    let json = match format {
        Format::Json => raw.clone(),
        Format::Xml => {
            let xml = raw.clone();
            let json = aside(raw.len(), move || fhir_xml::to_json(&xml)).await?;
            Bytes::from(json?)
        }
    };
    Ok(Content { raw, json, most, is_made: false })
}

/// A wildcard is no content.
fn format(content: &str) -> Option<Format> {
    if content.contains('*') || !content.contains('/') { None } else { Format::named(content) }
}

/// The body, unpacked where it was compressed for the way (RFC 9110 §8.4).
pub(crate) async fn unpacked(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Bytes, Failure> {
    let coding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    let is = |name: &str| coding.is_some_and(|coding| coding.trim().eq_ignore_ascii_case(name));
    let packed = is("gzip") || is("x-gzip");
    if !packed && coding.is_some() && !is("identity") {
        return Err(unsupported("A body may be compressed by gzip and by nothing else."));
    }
    let bytes = body::bytes_within(body, most).await?;
    if !packed {
        return Ok(bytes);
    }
    // What is small may become large.
    aside(usize::MAX, move || unpack(&bytes, most)).await?
}

fn unpack(bytes: &[u8], most: usize) -> Result<Bytes, Failure> {
    let mut unpacked = Vec::new();
    // One byte more tells a body that is too long from one that just fits.
    let reader = MultiGzDecoder::new(bytes);
    let mut reader = reader.take(u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1));
    reader.read_to_end(&mut unpacked).map_err(|_| {
        Failure::from(Problem::bad(code::BODY_LOST, "The body is not compressed by gzip."))
    })?;
    if unpacked.len() > most {
        return Err(body::too_large(most).into());
    }
    Ok(Bytes::from(unpacked))
}

/// Does something that may take long where it keeps nobody waiting.
async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    if bytes <= LARGE_BYTES {
        return Ok(work());
    }
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())?)
}

/// What is quoted is what the caller sent.
impl From<XmlError> for Failure {
    fn from(error: XmlError) -> Self {
        let (status, issue) = match &error {
            XmlError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, IssueType::TooLong),
            _ => (StatusCode::BAD_REQUEST, IssueType::Structure),
        };
        let detail = format!("The body cannot be read: {error}.");
        let failure = Failure::new(Problem::new(status, code::NOT_XML, detail), issue);
        match error {
            XmlError::Unknown { path, .. } | XmlError::Content { path, .. } => failure.at(path),
            _ => failure,
        }
    }
}

/// The content that the headers name, without its parameters.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_owned())
}

pub(crate) fn unsupported(detail: &str) -> Failure {
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Problem::new(status, code::CONTENT_TYPE, detail).into()
}

/// The text of a body, once it is strict JSON within the limits.
pub(crate) fn text(bytes: &[u8], most: usize) -> Result<&str, Failure> {
    Ok(check(bytes, Limits { bytes: most, depth: MAX_DEPTH })?)
}

/// Reads a resource of the type that the address names. The text is strict JSON.
pub(crate) fn draft(json: &str, kind: ResourceType) -> Result<Draft, Failure> {
    let draft = Draft::read(json)?;
    if draft.resource_type != kind {
        let detail = format!("The address names the type {kind}, and the body is of another.");
        return Err(Failure::invalid(detail).at("Resource.resourceType"));
    }
    if let Some(path) = empty_part(json) {
        let detail = "An element has no value: FHIR has neither nulls nor empty parts.";
        return Err(Failure::invalid(detail).at(format!("{kind}.{path}")));
    }
    let trial = Id::new("x").expect("a letter is an id");
    let links: [String; 0] = [];
    match fhir::search::index(&draft.store(trial, 1, Timestamp::UNIX_EPOCH, &links)) {
        // It is kept to the last digit all the same; it is found by its id alone.
        Err(error) if error.is_beyond() && !is_acted_on(kind) => Ok(draft),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(draft),
    }
}

/// Whether the loop reads resources of the type.
fn is_acted_on(kind: ResourceType) -> bool {
    use ResourceType as K;
    matches!(
        kind,
        K::Patient
            | K::Encounter
            | K::AllergyIntolerance
            | K::MedicationRequest
            | K::MedicationDispense
            | K::MedicationAdministration
    )
}
