//! What this server can do (R4 §3.1.0.8), made from the tables that the routes are made from.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use fhir::ResourceType;
use fhir::resources::{
    CapabilityKind, CapabilityStatement, ConditionalDelete, ConditionalRead, Implementation,
    Interaction, ParamKind, PublicationStatus, RestMode, RestOperation, RestResource,
    RestSearchParam, RestSecurity, RestServer, Software, VersioningPolicy,
};
use fhir::types::Extension;
use fhir_definitions::SearchKind;
use fhir_search::{DEFAULT_COUNT, MAX_COUNT, On, Param, params_of};

use record::MAX_CANDIDATES;

use super::patch::JSON_PATCH;
use super::search::query;
use crate::fhir::shape::Shape;
use crate::fhir::subscriptions::{GUIDE, Topic};
use crate::fhir::{Failure, acceptable, is_served, resource};
use crate::routes::ROUTES;
use crate::state::ApiState;

/// When the statement last changed. Change it with what the statement says.
const CHANGED: &str = "2026-11-21";
/// The addresses of a type, and of one resource of it.
const OF_A_TYPE: &str = "/fhir/{type}";
/// The Subscriptions R5 Backport (1.1.0).
const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport";
/// The addresses of the whole endpoint.
const SYSTEM: [&str; 2] = ["/fhir", "/fhir/_history"];

pub(crate) async fn get(
    State(api): State<ApiState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let shape = Shape::read(&query(&uri)?)?;
    acceptable(&headers, shape.format.as_deref())?;
    Ok(resource(shape.bundle(statement(&api.fhir_base).to_json())))
}

fn statement(base: &str) -> CapabilityStatement {
    let mut statement = CapabilityStatement::new(
        PublicationStatus::Active,
        CHANGED.parse().expect("a constant that is a date"),
        CapabilityKind::Instance,
        "4.0.1".to_owned(),
        ["application/fhir+json", "json", "application/fhir+xml", "xml"].map(str::to_owned).into(),
    );
    let mut software = Software::new("Interlock".to_owned());
    software.version = Some(env!("CARGO_PKG_VERSION").to_owned());
    statement.software = Some(software);
    let mut implementation = Implementation::new("The medicines record of a site".to_owned());
    implementation.url = Some(base.to_owned());
    statement.implementation = Some(implementation);
    let mut server = RestServer::new(RestMode::Server);
    server.documentation = Some(format!(
        "Every version of every resource is kept as it was sent, to the last digit. Writes are \
         answered once they are durable. Orders, dispenses, administrations and stays of a \
         patient who is in hospital are changed by the loop's own doors alone (HL7, the cabinets, \
         the bedside): such a write is refused with 422, but for doses that are created as a \
         MedicationAdministration, which are accounted for, and for the inpatient orders of a \
         client with the role prescriber, which are in force. About anybody else they are kept \
         as a record that grants nothing. Ids that begin with the code of the site and a dot are \
         given by the server. Conditions of writes name an identifier, a patient or an id. \
         A page holds {DEFAULT_COUNT} resources, or as many as _count asks for, \
         {MAX_COUNT} at the most; pages are followed by their next links, the newest first where \
         _sort does not say otherwise. All standard parameters of R4 are searched, with chains, \
         _has, _include and _revinclude; a search that would have to look at more than \
         {MAX_CANDIDATES} resources is refused. Parameters that a type does not have are left out \
         with a warning, or refused with Prefer: handling=strict."
    ));
    server.security = Some(RestSecurity {
        cors: Some(false),
        description: Some(
            "A bearer token of a client with the role fhir-read to look, fhir-write to write, \
             prescriber beside it for orders that are in force, and audit for AuditEvents alone. \
             Every look and every write is \
             journalled before it is answered."
                .to_owned(),
        ),
        ..RestSecurity::default()
    });
    server.resource =
        ResourceType::ALL.iter().copied().filter(|kind| is_served(*kind)).map(of_type).collect();
    server.resource.push(audit_events());
    server.interaction = codes_of(SYSTEM);
    server.operation = vec![RestOperation::new("export".to_owned(), format!("{EXPORTS}export"))];
    // A FHIRPath Patch is Parameters, and comes as any resource does.
    statement.patch_format =
        [JSON_PATCH, "application/fhir+json", "application/fhir+xml"].map(str::to_owned).into();
    let guide = format!("{BACKPORT}/ImplementationGuide/hl7.fhir.uv.subscriptions-backport");
    statement.implementation_guide.push(guide);
    statement.rest.push(server);
    statement
}

fn of_type(kind: ResourceType) -> RestResource {
    let mut of_type = RestResource::new(kind.as_str().to_owned());
    of_type.supported_profile = fhir::profiles::of(kind).map(str::to_owned).into_iter().collect();
    if kind == ResourceType::Subscription {
        of_type.supported_profile.push(format!("{GUIDE}backport-subscription"));
        of_type.extension = Topic::all()
            .map(|topic| {
                let name = "capabilitystatement-subscriptiontopic-canonical";
                let mut extension = Extension::new(format!("{GUIDE}{name}"));
                extension.value_canonical = Some(topic);
                extension
            })
            .collect();
    }
    of_type.interaction = interactions_of_a_type();
    of_type.versioning = Some(VersioningPolicy::Versioned);
    of_type.read_history = Some(true);
    of_type.update_create = Some(true);
    of_type.conditional_create = Some(true);
    of_type.conditional_update = Some(true);
    of_type.conditional_read = Some(ConditionalRead::FullSupport);
    of_type.conditional_delete = Some(ConditionalDelete::Single);
    of_type.operation = operations(kind);
    of_type.search_param = params_of(kind).iter().map(stated_param).collect();
    of_type.search_include = includes(kind);
    of_type.search_rev_include = referring(kind);
    of_type
}

/// Who looked: made from the record, read and searched, and nothing else.
fn audit_events() -> RestResource {
    let kind = ResourceType::AuditEvent;
    let mut stated = RestResource::new(kind.as_str().to_owned());
    let routes = ROUTES.iter().filter(|route| route.path.starts_with("/fhir/AuditEvent"));
    stated.interaction = each_once(routes.map(|route| match route.what {
        "search" => "search-type",
        what => what,
    }));
    stated.versioning = Some(VersioningPolicy::NoVersion);
    stated.documentation = Some(
        "Who looked at patient data, and who was refused: for clients with the role audit, which \
         no other role includes. They are made of the looks in the journal, the newest come first, \
         and how many there are is not counted. A page may have fewer than _count, or none, while \
         it has a next link. patient finds the looks at all records that were merged into one, and \
         patient.identifier is the one chain; agent takes a staff number or the name of a client."
            .to_owned(),
    );
    let of_event = |param: &&Param| matches!(param.on, On::Id | On::LastUpdated | On::Elements);
    stated.search_param = params_of(kind).iter().filter(of_event).map(stated_param).collect();
    stated
}

/// A search parameter as the statement names it.
fn stated_param(param: &Param) -> RestSearchParam {
    let mut stated = RestSearchParam::new(param.code.to_owned(), kind_of(param));
    let url = || format!("http://hl7.org/fhir/SearchParameter/{}", param.id);
    stated.definition = (!param.id.is_empty()).then(url);
    stated
}

fn kind_of(param: &Param) -> ParamKind {
    match param.kind {
        SearchKind::Composite => ParamKind::Composite,
        SearchKind::Date => ParamKind::Date,
        SearchKind::Number => ParamKind::Number,
        SearchKind::Quantity => ParamKind::Quantity,
        SearchKind::Reference => ParamKind::Reference,
        SearchKind::Special => ParamKind::Special,
        SearchKind::String => ParamKind::String,
        SearchKind::Token => ParamKind::Token,
        SearchKind::Uri => ParamKind::Uri,
    }
}

/// What a type can bring along: what it refers to.
fn includes(kind: ResourceType) -> Vec<String> {
    let references = params_of(kind).iter().filter(|it| it.kind == SearchKind::Reference);
    let named = references.map(|param| format!("{kind}:{}", param.code));
    std::iter::once("*".to_owned()).chain(named).collect()
}

/// What can come along because it refers to the type.
fn referring(kind: ResourceType) -> Vec<String> {
    let kept = ResourceType::ALL.iter().filter(|of| is_served(**of));
    let all = kept.flat_map(|of| params_of(*of).iter().map(move |it| (of, it)));
    let referring = all.filter(|(_, param)| param.targets.contains(&kind));
    referring.map(|(of, param)| format!("{of}:{}", param.code)).collect()
}

/// The interactions of the routes of a type, each once: a search by GET and one by POST are the
/// same.
fn interactions_of_a_type() -> Vec<Interaction> {
    let of_a_type = ROUTES.iter().filter(|route| route.path.starts_with(OF_A_TYPE));
    each_once(of_a_type.filter_map(|route| {
        Some(match route.what {
            // An operation is no interaction.
            _ if route.path.contains('$') => return None,
            "search" => "search-type",
            "history" if route.path.contains("{id}") => "history-instance",
            "history" => "history-type",
            what => what,
        })
    }))
}

/// Where the definitions of exports are (FHIR Bulk Data Access IG).
const EXPORTS: &str = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/";
/// The operations that some types alone have.
const OF_TYPES: [(ResourceType, &str); 7] = [
    (ResourceType::Group, "export"),
    (ResourceType::Patient, "export"),
    (ResourceType::Composition, "document"),
    (ResourceType::Patient, "everything"),
    (ResourceType::Patient, "match"),
    (ResourceType::Encounter, "everything"),
    (ResourceType::Observation, "lastn"),
];

/// The operations of a type.
fn operations(kind: ResourceType) -> Vec<RestOperation> {
    let operation = |name: &str, of: &str| {
        let definition = match name {
            "export" => format!("{EXPORTS}{}-export", of.to_ascii_lowercase()),
            _ => format!("http://hl7.org/fhir/OperationDefinition/{of}-{name}"),
        };
        RestOperation::new(name.to_owned(), definition)
    };
    let of_all = ["meta", "meta-add", "meta-delete", "validate"];
    let of_all = of_all.map(|name| operation(name, "Resource"));
    let own = OF_TYPES.iter().filter(|(of, _)| *of == kind);
    let own = own.map(|(of, name)| operation(name, of.as_str()));
    let guide = |name: &&str| {
        let definition = format!("{BACKPORT}/OperationDefinition/backport-subscription-{name}");
        RestOperation::new((*name).to_owned(), definition)
    };
    let of_guide: &[&str] =
        if kind == ResourceType::Subscription { &["status", "events"] } else { &[] };
    of_all.into_iter().chain(own).chain(of_guide.iter().map(guide)).collect()
}

/// The interactions of these addresses, each once.
fn codes_of(addresses: [&str; 2]) -> Vec<Interaction> {
    let of_all = ROUTES.iter().filter(|route| addresses.contains(&route.path));
    each_once(of_all.flat_map(|route| match route.what {
        "batch" => vec!["transaction", "batch"],
        "history" => vec!["history-system"],
        what => vec![what],
    }))
}

fn each_once(codes: impl Iterator<Item = &'static str>) -> Vec<Interaction> {
    let mut all: Vec<&str> = Vec::new();
    for code in codes {
        if !all.contains(&code) {
            all.push(code);
        }
    }
    all.into_iter().map(|code| Interaction::new(code.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_tables_say() {
        let statement = statement("https://a.example/fhir");
        let server = &statement.rest[0];
        assert_eq!(server.resource.len(), ResourceType::ALL.len() - 1, "all but Parameters");
        let all: Vec<&str> = server.interaction.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(all, ["history-system", "transaction", "batch"]);
        for stated in &server.resource {
            let kind: ResourceType = stated.kind.parse().unwrap();
            let codes: Vec<&str> = stated.interaction.iter().map(|it| it.code.as_str()).collect();
            if kind == ResourceType::AuditEvent {
                assert_eq!(codes, ["search-type", "read"]);
                assert!(stated.operation.is_empty() && stated.conditional_create.is_none());
                continue;
            }
            let expected = [
                "search-type",
                "read",
                "vread",
                "history-type",
                "history-instance",
                "create",
                "update",
                "patch",
                "delete",
            ];
            assert_eq!(codes, expected);
            let names: Vec<&str> = stated.search_param.iter().map(|it| it.name.as_str()).collect();
            let known: Vec<&str> = params_of(kind).iter().map(|param| param.code).collect();
            assert_eq!(names, known);
            for operation in &stated.operation {
                let path = format!("${}", operation.name);
                assert!(ROUTES.iter().any(|route| route.path.ends_with(&path)), "{path}");
            }
            let subscribes = kind == ResourceType::Subscription;
            let profiles = usize::from(fhir::profiles::of(kind).is_some() || subscribes);
            assert_eq!(!stated.extension.is_empty(), subscribes);
            assert!(!names.is_empty() && stated.supported_profile.len() == profiles, "{kind}");
        }
    }
}
