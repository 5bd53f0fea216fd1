//! The description of the JSON interface (OpenAPI 3.1). The FHIR interface describes itself.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{Modify, OpenApi, ToSchema};

use crate::problem::{CONTENT_TYPE, ProblemBody};
use crate::submit::MAX_KEY_CHARS;
use crate::{admin, bedside, cabinet, cases, cd, health, messages, observe, stock, verification};

#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Interlock",
        description = "Cabinets that ask before they open, doses at the bedside, and cases. \
                       The FHIR interface is described at /fhir/metadata.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        health::get,
        observe::ready,
        observe::metrics,
        get,
        cabinet::removals::post,
        cabinet::completion::post,
        cabinet::critical::get,
        cabinet::critical::post,
        stock::movements::post,
        stock::receipt::post,
        stock::counts::post,
        stock::recalls::post,
        stock::traced::get,
        stock::items::get,
        cd::registers::get,
        cd::page::get,
        cd::witness::post,
        cd::acts::count,
        cd::acts::waste,
        cd::acts::destroy,
        cd::acts::own,
        cd::acts::correct,
        cd::acts::requisition,
        cd::acts::supply,
        cd::acts::receive,
        cd::lists::requisitions,
        cd::lists::requisition,
        cd::lists::discrepancies,
        cd::lists::discrepancy,
        cd::lists::occurrences,
        cd::step::post,
        bedside::administrations::post,
        bedside::scans::post,
        verification::queue::get,
        verification::word::post,
        cases::list::get,
        cases::resolution::post,
        cases::replay::post,
        admin::plan::post,
        admin::apply::post,
        admin::dictionary::post,
        admin::package::post,
        admin::configurations::get,
        admin::configuration::get,
        messages::search::get,
        messages::life::get,
        messages::replay::post,
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer, &Refusals)
)]
struct Description;

/// How clients say who they are.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("bearer", scheme);
    }
}

/// What is refused everywhere, before a handler sees the request, and how refusals are written.
struct Refusals;

/// Beside what an operation says itself: from everybody, from clients, of bodies.
const FROM_ALL: [(&str, &str); 2] =
    [("400", "Not understood"), ("503", "Nothing was acknowledged, or not in time")];
const FROM_CLIENTS: [(&str, &str); 2] = [("401", "No known token"), ("403", "The client may not")];
const OF_BODIES: [(&str, &str); 3] = [
    ("408", "The body did not come in time"),
    ("413", "The body is too large"),
    ("415", "The body is not application/json"),
];

impl Modify for Refusals {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for operation in openapi.paths.paths.values_mut().flat_map(operations) {
            let mut refusals = FROM_ALL.to_vec();
            if operation.security.is_some() {
                refusals.extend(FROM_CLIENTS);
            }
            if operation.request_body.is_some() {
                refusals.extend(OF_BODIES);
            }
            for (status, why) in refusals {
                let responses = &mut operation.responses.responses;
                responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(refusal(why)));
            }
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    written_as_problem(response);
                }
            }
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    restrict_key(parameter);
                }
            }
        }
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = path;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn refusal(why: &str) -> Described {
    let body = Content::new(Some(Ref::from_schema_name(ProblemBody::name())));
    ResponseBuilder::new().description(why).content(CONTENT_TYPE, body).build()
}

/// A refusal has a media type of its own (RFC 9457 §3).
fn written_as_problem(response: &mut Described) {
    let problem = format!("#/components/schemas/{}", ProblemBody::name());
    let is_problem = |content: &RefOr<Content>| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(to)), .. }) => to.ref_location == problem,
        _ => false,
    };
    if response.content.get("application/json").is_some_and(is_problem)
        && let Some(content) = response.content.shift_remove("application/json")
    {
        response.content.insert(CONTENT_TYPE.to_owned(), content);
    }
}

fn restrict_key(parameter: &mut Parameter) {
    if parameter.name == "Idempotency-Key" {
        let key = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(MAX_KEY_CHARS))
            .pattern(Some("^[!-~]+$"));
        parameter.schema = Some(key.into());
    }
}

static TEXT: LazyLock<String> = LazyLock::new(|| {
    Description::openapi().to_json().expect("a description of texts and numbers is JSON")
});

/// Describe the interface.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "node",
    responses((status = 200, description = "This description")),
)]
pub(crate) async fn get() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::{ROUTES, Style};

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let json: serde_json::Value = serde_json::from_str(&TEXT).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in json["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let bearer = operation.get("security").is_some();
                described.insert((method.to_uppercase(), path.clone(), bearer));
            }
        }
        let routes: BTreeSet<_> = ROUTES
            .iter()
            .filter(|route| route.style == Style::Json)
            .map(|route| {
                (route.verb.as_str().to_owned(), route.path.to_owned(), route.needs.is_some())
            })
            .collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn refusals_are_described_as_they_are_written() {
        let json: serde_json::Value = serde_json::from_str(&TEXT).unwrap();
        let removal = &json["paths"]["/cabinet/removals"]["post"];
        for status in ["400", "401", "403", "408", "413", "415", "422", "503"] {
            let content = removal["responses"][status]["content"].as_object().unwrap();
            let types: Vec<&String> = content.keys().collect();
            assert_eq!(types, ["application/problem+json"], "{status}");
        }
        let permit = &removal["responses"]["201"]["content"]["application/json"];
        assert!(permit.is_object());
        let key = &removal["parameters"][0];
        assert_eq!(
            (&key["name"], &key["schema"]["maxLength"]),
            (&"Idempotency-Key".into(), &128.into())
        );
        let open = &json["paths"]["/health"]["get"]["responses"];
        assert!(open.get("401").is_none() && open.get("415").is_none());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let json: serde_json::Value = serde_json::from_str(&TEXT).unwrap();
        let references: Vec<&str> =
            TEXT.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 10, "{references:?}");
        for reference in references {
            assert!(json.pointer(reference).is_some(), "{reference}");
        }
        assert!(json.pointer("/components/schemas/Permit/properties/permit").is_some());
    }
}
