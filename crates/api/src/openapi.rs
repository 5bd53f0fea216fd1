//! The description of the JSON interface (OpenAPI 3.1). The FHIR interface describes itself.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::{admin, bedside, cabinet, cases, health, messages, observe};

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
        bedside::administrations::post,
        cases::list::get,
        cases::resolution::post,
        cases::replay::post,
        admin::plan::post,
        admin::apply::post,
        admin::dictionary::post,
        admin::configurations::get,
        admin::configuration::get,
        messages::search::get,
        messages::life::get,
        messages::replay::post,
    ),
    modifiers(&Bearer)
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
