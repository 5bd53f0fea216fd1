//! One table of all routes, with the role that each needs.

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, patch, post, put};

use crate::client::Role;
use crate::door::{Door, guard};
use crate::fhir::audit_events;
use crate::fhir::export::{file, kickoff, status};
use crate::fhir::interactions::{
    batch, capabilities, create, delete as end, history, patch as json_patch, read, search, update,
    vread,
};
use crate::fhir::operations::{
    document, everything, lastn, matching, meta, meta_change, stream, subscription, validate,
};
use crate::fhir::{Wardrobe, dress};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::tally::count;
use crate::{
    admin, bedside, cabinet, cases, cd, health, messages, observe, openapi, stock, verification,
};

/// An HTTP method that the interface uses. HEAD is answered wherever GET is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Look.
    Get,
    /// Act, or search.
    Post,
    /// Put a resource in the place of what is there.
    Put,
    /// Change a part of a resource.
    Patch,
    /// Delete a resource.
    Delete,
}

impl Verb {
    /// The method as HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }
}

/// How a part of the interface writes its refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `application/problem+json`.
    Json,
    /// `application/fhir+json`, an OperationOutcome.
    Fhir,
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub verb: Verb,
    /// The address, with its parameters in braces.
    pub path: &'static str,
    /// The role that a client needs; none for what anybody may see.
    pub needs: Option<Role>,
    /// How it refuses.
    pub style: Style,
    /// What the journal calls an attempt to use it.
    pub what: &'static str,
    handler: fn() -> MethodRouter<ApiState>,
}

const fn route(
    verb: Verb,
    path: &'static str,
    needs: Option<Role>,
    style: Style,
    what: &'static str,
    handler: fn() -> MethodRouter<ApiState>,
) -> Route {
    Route { verb, path, needs, style, what, handler }
}

/// The address of the FHIR endpoint itself.
const ENDPOINT: &str = "/fhir";

/// Every route of the interface.
pub const ROUTES: &[Route] = {
    use Role::{
        Admin, Audit, Bedside, Cabinet, Cases, ControlledDrugs, FhirExport, FhirRead, FhirWrite,
        Messages, Metrics, Stock, Verification, Witness,
    };
    use Style::{Fhir, Json};
    use Verb::{Delete, Get, Patch, Post, Put};
    &[
        route(Get, "/health", None, Json, "health", || get(health::get)),
        route(Get, "/ready", None, Json, "ready", || get(observe::ready)),
        route(Get, "/metrics", Some(Metrics), Json, "metrics", || get(observe::metrics)),
        route(Get, "/openapi.json", None, Json, "openapi", || get(openapi::get)),
        route(Post, "/cabinet/removals", Some(Cabinet), Json, "remove", || {
            post(cabinet::removals::post)
        }),
        route(
            Post,
            "/cabinet/removals/{permit}/completion",
            Some(Cabinet),
            Json,
            "complete",
            || post(cabinet::completion::post),
        ),
        route(Get, "/cabinet/critical-override", Some(Cabinet), Json, "critical-override", || {
            get(cabinet::critical::get)
        }),
        route(Post, "/cabinet/critical-override", Some(Admin), Json, "critical-override", || {
            post(cabinet::critical::post)
        }),
        route(Post, "/stock/movements", Some(Stock), Json, "stock", || {
            post(stock::movements::post)
        }),
        route(Post, "/stock/consignments/{id}/receipt", Some(Stock), Json, "stock", || {
            post(stock::receipt::post)
        }),
        route(Post, "/stock/counts", Some(Stock), Json, "stock", || post(stock::counts::post)),
        route(Post, "/stock/recalls", Some(Stock), Json, "recall", || post(stock::recalls::post)),
        route(Get, "/stock/recalls/{item}/{batch}", Some(Stock), Json, "recall", || {
            get(stock::traced::get)
        }),
        route(Get, "/stock/items/{item}", Some(Stock), Json, "stock", || get(stock::items::get)),
        route(Get, "/cd/registers", Some(ControlledDrugs), Json, "register", || {
            get(cd::registers::get)
        }),
        route(Post, "/cd/witness", Some(Witness), Json, "witness", || post(cd::witness::post)),
        route(Post, "/cd/counts", Some(ControlledDrugs), Json, "controlled", || {
            post(cd::acts::count)
        }),
        route(Post, "/cd/waste", Some(ControlledDrugs), Json, "controlled", || {
            post(cd::acts::waste)
        }),
        route(Post, "/cd/destructions", Some(ControlledDrugs), Json, "controlled", || {
            post(cd::acts::destroy)
        }),
        route(Post, "/cd/own", Some(ControlledDrugs), Json, "controlled", || post(cd::acts::own)),
        route(Post, "/cd/corrections", Some(ControlledDrugs), Json, "controlled", || {
            post(cd::acts::correct)
        }),
        route(Get, "/cd/requisitions", Some(ControlledDrugs), Json, "requisitions", || {
            get(cd::lists::requisitions)
        }),
        route(Get, "/cd/requisitions/{id}", Some(ControlledDrugs), Json, "requisitions", || {
            get(cd::lists::requisition)
        }),
        route(Post, "/cd/requisitions", Some(ControlledDrugs), Json, "controlled", || {
            post(cd::acts::requisition)
        }),
        route(
            Post,
            "/cd/requisitions/{id}/supply",
            Some(ControlledDrugs),
            Json,
            "controlled",
            || post(cd::acts::supply),
        ),
        route(
            Post,
            "/cd/consignments/{id}/receipt",
            Some(ControlledDrugs),
            Json,
            "controlled",
            || post(cd::acts::receive),
        ),
        route(Get, "/cd/discrepancies", Some(ControlledDrugs), Json, "discrepancies", || {
            get(cd::lists::discrepancies)
        }),
        route(Get, "/cd/discrepancies/{id}", Some(ControlledDrugs), Json, "discrepancies", || {
            get(cd::lists::discrepancy)
        }),
        route(
            Post,
            "/cd/discrepancies/{id}/steps",
            Some(ControlledDrugs),
            Json,
            "controlled",
            || post(cd::step::post),
        ),
        route(Get, "/cd/occurrences", Some(ControlledDrugs), Json, "register", || {
            get(cd::lists::occurrences)
        }),
        route(Get, "/cd/registers/{place}/{item}", Some(ControlledDrugs), Json, "register", || {
            get(cd::page::get)
        }),
        route(Post, "/administrations", Some(Bedside), Json, "administer", || {
            post(bedside::administrations::post)
        }),
        route(Post, "/bedside/scans", Some(Bedside), Json, "bedside", || {
            post(bedside::scans::post)
        }),
        route(Get, "/verification/orders", Some(Verification), Json, "verification", || {
            get(verification::queue::get)
        }),
        route(Post, "/verification/orders/{id}", Some(Verification), Json, "verify", || {
            post(verification::word::post)
        }),
        route(Get, "/cases", Some(Cases), Json, "cases", || get(cases::list::get)),
        route(Post, "/cases/{id}/resolution", Some(Cases), Json, "resolve", || {
            post(cases::resolution::post)
        }),
        route(Post, "/cases/{id}/replay", Some(Admin), Json, "replay", || {
            post(cases::replay::post)
        }),
        route(Post, "/admin/plan", Some(Admin), Json, "plan", || post(admin::plan::post)),
        route(Post, "/admin/apply", Some(Admin), Json, "apply", || post(admin::apply::post)),
        route(Post, "/admin/dictionary", Some(Admin), Json, "dictionary", || {
            post(admin::dictionary::post)
        }),
        route(Post, "/admin/package", Some(Admin), Json, "package", || post(admin::package::post)),
        route(Get, "/admin/configurations", Some(Admin), Json, "configurations", || {
            get(admin::configurations::get)
        }),
        route(Get, "/admin/configurations/{entry}", Some(Admin), Json, "configuration", || {
            get(admin::configuration::get)
        }),
        route(Get, "/messages", Some(Messages), Json, "messages", || get(messages::search::get)),
        route(Get, "/messages/{entry}", Some(Messages), Json, "messages", || {
            get(messages::life::get)
        }),
        route(Post, "/messages/replay", Some(Admin), Json, "resend", || {
            post(messages::replay::post)
        }),
        route(Get, "/fhir/metadata", None, Fhir, "capabilities", || get(capabilities::get)),
        route(Get, "/fhir/AuditEvent", Some(Audit), Fhir, "search", || get(audit_events::search)),
        route(Post, "/fhir/AuditEvent/_search", Some(Audit), Fhir, "search", || {
            post(audit_events::post)
        }),
        route(Get, "/fhir/AuditEvent/{id}", Some(Audit), Fhir, "read", || get(audit_events::read)),
        route(Get, "/fhir/{type}", Some(FhirRead), Fhir, "search", || get(search::get)),
        route(Post, "/fhir/{type}/_search", Some(FhirRead), Fhir, "search", || post(search::post)),
        route(Get, "/fhir/{type}/{id}", Some(FhirRead), Fhir, "read", || get(read::get)),
        route(Get, "/fhir/{type}/{id}/_history/{version}", Some(FhirRead), Fhir, "vread", || {
            get(vread::get)
        }),
        route(Get, "/fhir/{type}/{id}/$meta", Some(FhirRead), Fhir, "read", || get(meta::get)),
        route(Get, "/fhir/{type}/{id}/$everything", Some(FhirRead), Fhir, "everything", || {
            get(everything::of_one)
        }),
        route(Post, "/fhir/{type}/{id}/$everything", Some(FhirRead), Fhir, "everything", || {
            post(everything::of_one)
        }),
        route(Get, "/fhir/$export", Some(FhirExport), Fhir, "export", || get(kickoff::of_all)),
        route(Post, "/fhir/$export", Some(FhirExport), Fhir, "export", || post(kickoff::of_all)),
        route(Get, "/fhir/{type}/$export", Some(FhirExport), Fhir, "export", || {
            get(kickoff::of_type)
        }),
        route(Post, "/fhir/{type}/$export", Some(FhirExport), Fhir, "export", || {
            post(kickoff::of_type)
        }),
        route(Get, "/fhir/{type}/{id}/$export", Some(FhirExport), Fhir, "export", || {
            get(kickoff::of_one)
        }),
        route(Post, "/fhir/{type}/{id}/$export", Some(FhirExport), Fhir, "export", || {
            post(kickoff::of_one)
        }),
        route(Get, "/fhir/_export/{job}", Some(FhirExport), Fhir, "export", || get(status::get)),
        route(Delete, "/fhir/_export/{job}", Some(FhirExport), Fhir, "export", || {
            delete(status::delete)
        }),
        route(Get, "/fhir/_export/{job}/{file}", Some(FhirExport), Fhir, "export", || {
            get(file::get)
        }),
        route(Get, "/fhir/{type}/{id}/$document", Some(FhirRead), Fhir, "read", || {
            get(document::of_one)
        }),
        route(Post, "/fhir/{type}/{id}/$document", Some(FhirRead), Fhir, "read", || {
            post(document::of_one)
        }),
        route(Get, "/fhir/{type}/$lastn", Some(FhirRead), Fhir, "search", || get(lastn::of_type)),
        route(Post, "/fhir/{type}/$lastn", Some(FhirRead), Fhir, "search", || post(lastn::of_type)),
        route(Post, "/fhir/{type}/$match", Some(FhirRead), Fhir, "search", || {
            post(matching::of_type)
        }),
        route(Get, "/fhir/{type}/{id}/$status", Some(FhirRead), Fhir, "read", || {
            get(subscription::status)
        }),
        route(Get, "/fhir/{type}/{id}/$events", Some(FhirRead), Fhir, "subscription", || {
            get(subscription::events)
        }),
        route(Get, "/fhir/{type}/{id}/$sse", Some(FhirRead), Fhir, "subscription", || {
            get(stream::get)
        }),
        route(Post, "/fhir/{type}/$validate", Some(FhirRead), Fhir, "validate", || {
            post(validate::of_type)
        }),
        route(Get, "/fhir/{type}/{id}/$validate", Some(FhirRead), Fhir, "validate", || {
            get(validate::of_one)
        }),
        route(Post, "/fhir/{type}/{id}/$validate", Some(FhirRead), Fhir, "validate", || {
            post(validate::of_one)
        }),
        route(Get, "/fhir/_history", Some(FhirRead), Fhir, "history", || get(history::of_all)),
        route(Get, "/fhir/{type}/_history", Some(FhirRead), Fhir, "history", || {
            get(history::of_type)
        }),
        route(Get, "/fhir/{type}/{id}/_history", Some(FhirRead), Fhir, "history", || {
            get(history::of_one)
        }),
        route(Post, "/fhir/{type}/{id}/$meta-add", Some(FhirWrite), Fhir, "patch", || {
            post(meta_change::add)
        }),
        route(Post, "/fhir/{type}/{id}/$meta-delete", Some(FhirWrite), Fhir, "patch", || {
            post(meta_change::delete)
        }),
        route(Post, "/fhir", Some(FhirWrite), Fhir, "batch", || post(batch::post)),
        route(Post, "/fhir/{type}", Some(FhirWrite), Fhir, "create", || post(create::post)),
        route(Put, "/fhir/{type}/{id}", Some(FhirWrite), Fhir, "update", || put(update::put)),
        route(Put, "/fhir/{type}", Some(FhirWrite), Fhir, "update", || put(update::put_where)),
        route(Patch, "/fhir/{type}/{id}", Some(FhirWrite), Fhir, "patch", || {
            patch(json_patch::patch)
        }),
        route(Patch, "/fhir/{type}", Some(FhirWrite), Fhir, "patch", || {
            patch(json_patch::patch_where)
        }),
        route(Delete, "/fhir/{type}/{id}", Some(FhirWrite), Fhir, "delete", || delete(end::delete)),
        route(Delete, "/fhir/{type}", Some(FhirWrite), Fhir, "delete", || {
            delete(end::delete_where)
        }),
    ]
};

impl Route {
    /// The name of the source from which the engine has what comes this way.
    pub(crate) fn channel(&self) -> &'static str {
        match self.path.split('/').nth(1) {
            Some("cabinet") => cabinet::CHANNEL,
            Some("administrations") => bedside::CHANNEL,
            Some("bedside") => bedside::SCANS,
            Some("stock") => stock::CHANNEL,
            Some("cd") => cd::CHANNEL,
            Some("cases") => cases::CHANNEL,
            Some("verification") => verification::CHANNEL,
            Some("admin") => admin::CHANNEL,
            Some("messages") => messages::CHANNEL,
            Some("metrics") => observe::CHANNEL,
            _ => crate::fhir::CHANNEL,
        }
    }
}

/// The interface as a router. An address that is not of the interface goes to `others`.
pub(crate) fn assemble(state: &ApiState, others: Option<Router>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let door = Door { api: state.clone(), route };
        let handler = (route.handler)().route_layer(from_fn_with_state(door, guard));
        if route.path == ENDPOINT {
            // Some clients write the address of the endpoint with a slash at its end.
            router = router.route("/fhir/", handler.clone());
        }
        router = router.route(route.path, handler);
    }
    let router = router.method_not_allowed_fallback(wrong_method).with_state(state.clone());
    let router = match others {
        Some(others) => router.fallback_service(others.layer(from_fn(not_under_fhir))),
        None => router.fallback(nothing_here),
    };
    let router = router.layer(from_fn_with_state(Wardrobe::default(), dress));
    router.layer(from_fn_with_state(state.tally(), count))
}

pub(crate) fn style_of(uri: &Uri) -> Style {
    let path = uri.path();
    if path == "/fhir" || path.starts_with("/fhir/") { Style::Fhir } else { Style::Json }
}

/// Keeps the addresses under `/fhir` for the interface, also those that mean nothing.
async fn not_under_fhir(request: Request, next: Next) -> Response {
    match style_of(request.uri()) {
        Style::Fhir => nothing_here(request.uri().clone()).await,
        Style::Json => next.run(request).await,
    }
}

async fn nothing_here(uri: Uri) -> Response {
    style_of(&uri).answer(Problem::not_found("There is nothing at this address."))
}

async fn wrong_method(uri: Uri) -> Response {
    style_of(&uri).answer(Problem::method())
}
