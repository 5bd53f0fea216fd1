//! What this server can do (R4 §3.1.0.8), made from the tables that the routes are made from.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use fhir::ResourceType;
use fhir::resources::{
    CapabilityKind, CapabilityStatement, Implementation, Interaction, PublicationStatus, RestMode,
    RestResource, RestSearchParam, RestSecurity, RestServer, Software, VersioningPolicy,
};
use fhir::search::{DEFAULT_COUNT, MAX_COUNT, params_of};

use super::read::format;
use crate::fhir::{Failure, SERVED, acceptable, resource};
use crate::routes::{ROUTES, Route};
use crate::state::ApiState;

/// When the statement last changed. Change it with what the statement says.
const CHANGED: &str = "2026-11-21";
/// Where the routes of types begin.
const OF_A_TYPE: &str = "/fhir/{type}";

pub(crate) async fn get(
    State(api): State<ApiState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    acceptable(&headers, format(&uri).as_deref())?;
    Ok(resource(statement(&api.fhir_base).to_json()))
}

fn statement(base: &str) -> CapabilityStatement {
    let mut statement = CapabilityStatement::new(
        PublicationStatus::Active,
        CHANGED.parse().expect("a constant that is a date"),
        CapabilityKind::Instance,
        "4.0.1".to_owned(),
        vec!["application/fhir+json".to_owned(), "json".to_owned()],
    );
    let mut software = Software::new("Interlock".to_owned());
    software.version = Some(env!("CARGO_PKG_VERSION").to_owned());
    statement.software = Some(software);
    let mut implementation = Implementation::new("The medicines record of a site".to_owned());
    implementation.url = Some(base.to_owned());
    statement.implementation = Some(implementation);
    let mut server = RestServer::new(RestMode::Server);
    server.documentation = Some(format!(
        "Read and search. A page holds {DEFAULT_COUNT} resources, or as many as _count asks for, \
         {MAX_COUNT} at the most; pages are followed by their next links. _sort takes \
         _lastUpdated or the date of the type. Parameters that a type does not have are left out \
         with a warning, or refused with Prefer: handling=strict."
    ));
    server.security = Some(RestSecurity {
        cors: Some(false),
        description: Some(
            "A bearer token of a client with the role fhir-read. Every read and search is \
             journalled before it is answered."
                .to_owned(),
        ),
        ..RestSecurity::default()
    });
    server.resource = SERVED.into_iter().map(of_type).collect();
    statement.rest.push(server);
    statement
}

fn of_type(kind: ResourceType) -> RestResource {
    let mut of_type = RestResource::new(kind.as_str().to_owned());
    of_type.supported_profile = fhir::profiles::of(kind).map(str::to_owned).into_iter().collect();
    of_type.interaction = interactions();
    of_type.versioning = Some(VersioningPolicy::Versioned);
    of_type.read_history = Some(false);
    of_type.update_create = Some(false);
    of_type.search_param = params_of(kind)
        .iter()
        .map(|param| {
            let mut stated = RestSearchParam::new(param.name.to_owned(), param.kind());
            stated.documentation = Some(param.documentation.to_owned());
            stated
        })
        .collect();
    of_type
}

/// The interactions of the routes, each once: a search by GET and one by POST are the same.
fn interactions() -> Vec<Interaction> {
    let mut codes: Vec<&str> = Vec::new();
    for code in ROUTES.iter().filter(|route| route.path.starts_with(OF_A_TYPE)).map(code_of) {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.into_iter().map(|code| Interaction::new(code.to_owned())).collect()
}

/// The code of an interaction (R4 type-restful-interaction).
fn code_of(route: &Route) -> &'static str {
    match route.what {
        "search" => "search-type",
        what => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_tables_say() {
        let statement = statement("https://a.example/fhir");
        let server = &statement.rest[0];
        assert_eq!(server.resource.len(), SERVED.len());
        for stated in &server.resource {
            let kind: ResourceType = stated.kind.parse().unwrap();
            let codes: Vec<&str> = stated.interaction.iter().map(|it| it.code.as_str()).collect();
            assert_eq!(codes, ["search-type", "read", "vread"]);
            let names: Vec<&str> = stated.search_param.iter().map(|it| it.name.as_str()).collect();
            let known: Vec<&str> = params_of(kind).iter().map(|param| param.name).collect();
            assert_eq!(names, known);
            // UK Core has no profile for content that is not FHIR.
            let profiles = usize::from(kind != ResourceType::Binary);
            assert!(!names.is_empty() && stated.supported_profile.len() == profiles, "{kind}");
        }
    }
}
