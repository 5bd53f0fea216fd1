//! What a delivery names as FHIR: a Bundle of type `collection` that holds exactly the versions
//! that the delivery names, what it is about first (FHIR R4 §2.36).

use jiff::Timestamp;
use medicines::deliveries::Delivery;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{RenderError, Versions, named};

/// The system of the identifier by which a receiver knows a repeat.
const DELIVERY: &str = "urn:interlock:delivery";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    resource_type: &'static str,
    identifier: Identifier<'a>,
    r#type: &'static str,
    timestamp: Timestamp,
    entry: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Identifier<'a> {
    system: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
struct Entry<'a> {
    resource: &'a RawValue,
}

/// The bundle as JSON. The same delivery and versions give the same bytes.
pub(super) fn write(delivery: &Delivery, versions: &Versions) -> Result<Vec<u8>, RenderError> {
    let mut entry = Vec::new();
    for named in named(&delivery.notice).into_iter().flatten() {
        let stored = versions.find(named)?;
        let resource = serde_json::from_str(stored.json());
        entry.push(Entry { resource: resource.map_err(|_| RenderError::Incomplete("JSON"))? });
    }
    if entry.is_empty() {
        return Err(RenderError::Incomplete("a resource"));
    }
    let identifier = Identifier { system: DELIVERY, value: &delivery.id };
    let (resource_type, r#type) = ("Bundle", "collection");
    let bundle = Bundle { resource_type, identifier, r#type, timestamp: delivery.at, entry };
    serde_json::to_vec(&bundle).map_err(|_| RenderError::Incomplete("JSON"))
}
