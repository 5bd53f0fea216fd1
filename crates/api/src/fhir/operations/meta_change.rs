//! `$meta-add` and `$meta-delete`: profiles, tags and labels of a resource (R4
//! Resource-operation-meta-add, -meta-delete). Each makes a version.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use fhir::json::{Json, Raw};
use medicines::store::Target;
use serde_json::Value;

use super::meta;
use super::parameters::Parameters;
use crate::client::Role;
use crate::door::Caller;
use crate::fhir::changing::Changing;
use crate::fhir::intake::{self, MAX_RESOURCE_BYTES};
use crate::fhir::interactions::search::query;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::writing::Asked;
use crate::fhir::{Failure, acceptable, conditions, id, served};
use crate::state::ApiState;
use crate::submit::optional_key;

/// The lists of Meta that the operations change.
const LISTS: [&str; 3] = ["profile", "tag", "security"];

/// What is done with what the request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Add,
    Delete,
}

/// `POST /fhir/{type}/{id}/$meta-add`.
pub(crate) async fn add(
    State(api): State<ApiState>,
    caller: Caller,
    Path(of): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    answer(&api, &caller, Kind::Add, of, request).await
}

/// `POST /fhir/{type}/{id}/$meta-delete`.
pub(crate) async fn delete(
    State(api): State<ApiState>,
    caller: Caller,
    Path(of): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    answer(&api, &caller, Kind::Delete, of, request).await
}

async fn answer(
    api: &ApiState,
    caller: &Caller,
    act: Kind,
    (kind, name): (String, String),
    request: Request,
) -> Result<Response, Failure> {
    let (kind, id) = (served(&kind)?, id(&name)?);
    let (parts, body) = request.into_parts();
    let shape = Shape::read(&query(&parts.uri)?)?;
    acceptable(&parts.headers, shape.format.as_deref())?;
    let content = intake::content(&parts.headers, body, MAX_RESOURCE_BYTES).await?;
    let parameters = Parameters::read(content.text()?)?;
    let told = parameters.as_ref().and_then(|parameters| parameters.meta("meta"));
    let told: Value = told.and_then(|meta| serde_json::from_str(meta).ok()).ok_or_else(|| {
        Failure::invalid("Send Parameters with a parameter meta.").at("Parameters.parameter")
    })?;
    let changing = Changing {
        kind,
        target: Target::Id(id.clone()),
        only: conditions::only(&parts.headers)?,
        work: Arc::new(move |json| changed(json, &told, act)),
    };
    let about = format!("{act:?} meta of {kind}/{id}");
    let headers = &parts.headers;
    let (shape_of, raw, subscription) = (shape.clone(), content.raw, None);
    let asked = Asked { headers, shape: shape_of, about, raw, doubt: None, subscription };
    let key = optional_key(headers)?;
    changing.decide((api, caller), key, &asked.about(), &asked.raw).await?;
    if !caller.has(Role::FhirRead) {
        return Ok(Reply::new(axum::http::StatusCode::OK).respond(&shape));
    }
    meta::reply(api, caller, (kind, &id), &HeaderMap::new(), &shape).await
}

/// The resource with its Meta changed.
fn changed(json: &str, told: &Value, act: Kind) -> Result<String, String> {
    let wrong = || "The Meta of the resource cannot be changed.".to_owned();
    let mut raw = Raw::parse(json).map_err(|_| wrong())?;
    let mut meta = raw.meta().map_err(|_| wrong())?;
    for list in LISTS {
        let Some(named) = told.get(list).and_then(Value::as_array) else { continue };
        let known = meta.get(list).map(|list| serde_json::from_str::<Vec<Value>>(list.get()));
        let mut items = known.transpose().map_err(|_| wrong())?.unwrap_or_default();
        match act {
            Kind::Add => {
                for item in named {
                    if !items.iter().any(|known| same(known, item)) {
                        items.push(item.clone());
                    }
                }
            }
            Kind::Delete => items.retain(|known| !named.iter().any(|item| same(known, item))),
        }
        if items.is_empty() {
            meta.remove(list);
        } else {
            let items = Value::Array(items).to_string();
            meta.set(list, Json::parse(items).map_err(|_| wrong())?);
        }
    }
    raw.set("meta", meta.to_json());
    Ok(raw.write())
}

/// A profile is its address; a tag is its system and its code.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            ["system", "code"].iter().all(|member| one.get(*member) == other.get(*member))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_profiles_come_and_go_once() {
        let told: Value = serde_json::from_str(
            r#"{"profile":["urn:p"],"tag":[{"system":"s","code":"a","display":"A"}]}"#,
        )
        .unwrap();
        let before = r#"{"resourceType":"Basic","meta":{"versionId":"1"},"x":0.40}"#;
        let added = changed(before, &told, Kind::Add).unwrap();
        let expected = concat!(
            r#"{"resourceType":"Basic","meta":{"versionId":"1","profile":["urn:p"],"#,
            r#""tag":[{"system":"s","code":"a","display":"A"}]},"x":0.40}"#,
        );
        assert_eq!(added, expected);
        assert_eq!(changed(&added, &told, Kind::Add).unwrap(), added);
        let bare: Value = serde_json::from_str(r#"{"tag":[{"system":"s","code":"a"}]}"#).unwrap();
        let without = changed(&added, &bare, Kind::Delete).unwrap();
        assert!(!without.contains("tag") && without.contains("urn:p"), "{without}");
        assert_eq!(changed(&added, &told, Kind::Delete).unwrap(), before);
    }
}
