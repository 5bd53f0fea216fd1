//! Several interactions in one request: each on its own (batch), or all or none (transaction)
//! (R4 §3.1.0.11).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fhir::json::Json;
use fhir::resources::{Bundle, BundleEntry, BundleKind, IssueType};
use medicines::store::{Doubt, Step};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::search::query;
use super::{history, read, search, transaction, vread};
use crate::client::{Role, Validation};
use crate::door::Caller;
use crate::fhir::changing::Changing;
use crate::fhir::entries::{self, Asks, Get};
use crate::fhir::intake::{self, MAX_BUNDLE_BYTES};
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::validation::admit_step;
use crate::fhir::writing::{reply, submit, write_of};
use crate::fhir::{Failure, Return, acceptable, id, returning, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;
use crate::submit::optional_key;

/// The most entries of one batch that are under way at a time: enough to share the writes to the
/// disk, few enough that channels and other clients get their turns.
const MAX_UNDER_WAY: usize = 64;
/// The most entries of one batch that read: what they find is held until the last is done.
const MAX_READS: usize = 100;

pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let shape = Shape::read(&query(&parts.uri)?)?;
    acceptable(&parts.headers, shape.format.as_deref())?;
    let content = intake::content(&parts.headers, body, MAX_BUNDLE_BYTES).await?;
    let bundle = Bundle::from_slice(content.text()?.as_bytes())?;
    entries::count(&bundle)?;
    let replies = match bundle.kind {
        BundleKind::Batch => each(&api, &caller, &parts.headers, &bundle).await?,
        BundleKind::Transaction => {
            transaction::all(&api, &caller, &parts.headers, &bundle, content.raw).await?
        }
        _ => {
            let detail = "Only a batch or a transaction can be posted here; post a bundle that \
                          is to be kept to /fhir/Bundle.";
            return Err(Failure::invalid(detail).at("Bundle.type"));
        }
    };
    let kind = match bundle.kind {
        BundleKind::Batch => BundleKind::BatchResponse,
        _ => BundleKind::TransactionResponse,
    };
    let mut answer = Bundle::new(kind);
    answer.entry = replies.into_iter().map(entry).collect();
    let body = shape.bundle(answer.to_json());
    Ok(Reply { body: Some(body), ..Reply::new(StatusCode::OK) }.respond(&Shape::default()))
}

fn entry(reply: Reply) -> BundleEntry {
    let (resource, response) = reply.entry();
    BundleEntry { resource, response: Some(response), ..BundleEntry::default() }
}

/// Does each entry on its own, all at the same time: writes that are submitted together share one
/// write to the disk.
async fn each(
    api: &ApiState,
    caller: &Caller,
    headers: &HeaderMap,
    bundle: &Bundle,
) -> Result<Vec<Reply>, Failure> {
    let key = optional_key(headers)?;
    let wanted = returning(headers).unwrap_or(Return::Minimal);
    let mut replies: Vec<Option<Reply>> = Vec::with_capacity(bundle.entry.len());
    let (mut under_way, mut reads) = (JoinSet::new(), 0);
    let turns = Arc::new(Semaphore::new(MAX_UNDER_WAY));
    let looked_at = caller.validation() != Validation::Off;
    for (n, entry) in bundle.entry.iter().enumerate() {
        match entries::read(&api.fhir_base, looked_at, n, entry) {
            Err(failure) => replies.push(Some(failure.into())),
            Ok(asks) => {
                replies.push(None);
                // The whole entry: the same key with another address is another command.
                let raw = serde_json::to_vec(entry).map_err(|_| Problem::internal())?;
                let is_read = matches!(asks, Asks::Read(_));
                reads += usize::from(is_read);
                if is_read && reads > MAX_READS {
                    let detail = format!("A batch has at most {MAX_READS} reads.");
                    let status = StatusCode::PAYLOAD_TOO_LARGE;
                    let problem = Problem::new(status, code::BODY_TOO_LARGE, detail);
                    replies[n] = Some(Failure::new(problem, IssueType::TooCostly).into());
                    continue;
                }
                let turns = Arc::clone(&turns);
                let (api, caller) = (api.clone(), caller.clone());
                let key = key.as_ref().map(|key| format!("{key}#{n}"));
                let json = entry.resource.clone().filter(|_| looked_at);
                under_way.spawn(async move {
                    // The semaphore is never closed, so the only outcome is a turn.
                    let _turn = turns.acquire_owned().await.ok();
                    let done = match asks {
                        Asks::Read(asked) => look(&api, &caller, *asked).await,
                        Asks::Change(changing) => {
                            let raw = Bytes::from(raw);
                            changed(&api, &caller, (key, &changing), raw, wanted).await
                        }
                        Asks::Write(mut step) => {
                            let raw = Bytes::from(raw);
                            let json = json.as_ref().map(Json::get);
                            match admit_step(&api, &caller, (0, &mut step), json).await {
                                Ok(doubt) => {
                                    one(&api, &caller, (key, *step), (raw, doubt), wanted).await
                                }
                                Err(wrong) => Err(wrong.within(&format!("Bundle.entry[{n}]"))),
                            }
                        }
                    };
                    (n, done.unwrap_or_else(Reply::from))
                });
            }
        }
    }
    while let Some(done) = under_way.join_next().await {
        let (n, reply) = done.map_err(|_| Problem::internal())?;
        replies[n] = Some(reply);
    }
    let lost = || Reply::from(Failure::from(Problem::internal()));
    Ok(replies.into_iter().map(|reply| reply.unwrap_or_else(lost)).collect())
}

async fn one(
    api: &ApiState,
    caller: &Caller,
    (key, step): (Option<String>, Step),
    (raw, doubt): (Bytes, Option<Doubt>),
    wanted: Return,
) -> Result<Reply, Failure> {
    let mut write = write_of(caller, vec![step], Vec::new());
    write.doubts.extend(doubt);
    let (receipt, done) = submit(api, caller, key, "batch", write, raw).await?;
    let done = done.first().ok_or_else(Problem::internal)?;
    reply((api, caller), done, &receipt, None, wanted).await
}

async fn changed(
    api: &ApiState,
    caller: &Caller,
    (key, changing): (Option<String>, &Changing),
    raw: Bytes,
    wanted: Return,
) -> Result<Reply, Failure> {
    let (receipt, done) = changing.decide((api, caller), key, "batch", &raw).await?;
    reply((api, caller), &done, &receipt, None, wanted).await
}

/// A look that an entry asks for. The caller needs the role of a reader for it.
pub(super) async fn look(api: &ApiState, caller: &Caller, asked: Get) -> Result<Reply, Failure> {
    if !caller.has(Role::FhirRead) {
        let detail = format!("This client does not have the role {}.", Role::FhirRead.as_str());
        return Err(Problem::new(StatusCode::FORBIDDEN, code::ROLE_MISSING, detail).into());
    }
    let Get { path, pairs, headers } = asked;
    let shape = Shape::read(&pairs)?;
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match parts[..] {
        ["_history"] => history::reply(api, caller, (None, None), &pairs, &shape).await,
        [kind] => {
            let kind = served(kind)?;
            let asked = search::Asked { kind, pairs, posted: false };
            search::reply(api, caller, &headers, asked, &shape).await
        }
        [kind, "_history"] => {
            history::reply(api, caller, (Some(served(kind)?), None), &pairs, &shape).await
        }
        [kind, name] => {
            let mut found = read::reply(api, caller, (served(kind)?, &id(name)?), &headers).await?;
            found.body = found.body.map(|json| shape.of(json));
            Ok(found)
        }
        [kind, name, "_history"] => {
            let of = (Some(served(kind)?), Some(id(name)?));
            history::reply(api, caller, of, &pairs, &shape).await
        }
        [kind, name, "_history", version] => {
            let of = (served(kind)?, &id(name)?);
            vread::reply(api, caller, of, version, &headers).await
        }
        _ => Err(entries::no_interaction()),
    }
}
