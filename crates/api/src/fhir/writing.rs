//! Having a write decided, and what is answered to it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use engine::{Command, Receipt};
use fhir::resources::{IssueType, OperationOutcome};
use fhir::{Draft, ResourceType};
use medicines::store::{Done, Doubt, Effect, Link, Step, Write};
use medicines::subscriptions::Wish;
use medicines::{Answer, ProblemCode, Request};

use super::conditions::IF_NONE_EXIST;
use super::reply::Reply;
use super::shape::Shape;
use super::{CHANNEL, Failure, Return, acceptable, returning};
use crate::audit::{Look, look};
use crate::client::Role;
use crate::door::Caller;
use crate::problem::{Problem, code};
use crate::state::ApiState;
use crate::submit::{optional_key, refusal};
use record::patient_of;

/// One write as it came.
pub(crate) struct Asked<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) shape: Shape,
    /// The method and the address, which are a part of the idempotency key.
    pub(crate) about: String,
    pub(crate) raw: Bytes,
    /// What is wrong with the resource, where it is stored all the same.
    pub(crate) doubt: Option<String>,
    /// What is asked beside a resource that is a subscription.
    pub(crate) subscription: Option<Wish>,
}

/// The headers that are a part of what is asked, and so of the idempotency key.
const CONDITIONS: [&str; 3] = ["if-match", "if-none-match", IF_NONE_EXIST];

impl Asked<'_> {
    /// What the request says beside its body: the same key and body under another condition are
    /// another command.
    pub(crate) fn about(&self) -> String {
        let mut about = self.about.clone();
        for name in CONDITIONS {
            for value in self.headers.get_all(name) {
                let value = String::from_utf8_lossy(value.as_bytes());
                about.extend([" ", name, ": ", value.trim()]);
            }
        }
        about
    }
}

/// Does one thing and answers it as its own response.
pub(crate) async fn single(
    api: &ApiState,
    caller: &Caller,
    asked: Asked<'_>,
    step: Step,
    draft: Option<Draft>,
) -> Result<Response, Failure> {
    acceptable(asked.headers, asked.shape.format.as_deref())?;
    let key = optional_key(asked.headers)?;
    let about = asked.about();
    let mut write = write_of(caller, vec![step], Vec::new());
    write.doubts.extend(asked.doubt.map(|text| Doubt { step: 0, text }));
    let subscribes = asked.subscription.is_some();
    write.subscription = asked.subscription;
    let (receipt, done) = submit(api, caller, key, &about, write, asked.raw).await?;
    if subscribes {
        api.subscriptions.changed();
    }
    let Some(done) = done.into_iter().next() else { return Err(Problem::internal().into()) };
    let wanted = returning(asked.headers).unwrap_or(Return::Representation);
    let reply = reply((api, caller), &done, &receipt, draft.as_ref(), wanted).await?;
    Ok(reply.respond(&asked.shape))
}

/// What a client asks to be written.
pub(crate) fn write_of(caller: &Caller, steps: Vec<Step>, links: Vec<Link>) -> Write {
    Write {
        by: caller.name().to_owned(),
        gives: caller.has(Role::Bedside),
        prescribes: caller.has(Role::Prescriber),
        steps,
        links,
        doubts: Vec::new(),
        subscription: None,
    }
}

/// Has a write decided.
pub(crate) async fn submit(
    api: &ApiState,
    caller: &Caller,
    key: Option<String>,
    about: &str,
    write: Write,
    raw: Bytes,
) -> Result<(Receipt, Vec<Done>), Failure> {
    let name = caller.name();
    let command = Command {
        channel: Arc::from(CHANNEL),
        key: key.as_ref().map(|key| format!("{name}|{about}|{key}")),
        by: name.to_owned(),
        message_type: None,
        control_id: key,
        received: api.engine.clock().now(),
        request: Request::Write(Box::new(write)),
        raw: raw.into(),
    };
    let receipt = api.submit(command).await.map_err(Problem::from)?;
    match &receipt.answer {
        Answer::Written(done) => {
            let done = done.clone();
            Ok((receipt, done))
        }
        Answer::Unwritten(fault) => Err(fault.clone().into()),
        Answer::Parked(problem) if problem.code == ProblemCode::Internal => {
            let problem = Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                code::BODY_TOO_LARGE,
                problem.text.clone(),
            );
            Err(Failure::new(problem, IssueType::TooCostly))
        }
        _ => Err(refusal(&receipt).into()),
    }
}

/// The answer to one step. Where the draft of what was stored is at hand, nothing is read again.
pub(crate) async fn reply(
    (api, caller): (&ApiState, &Caller),
    done: &Done,
    receipt: &Receipt,
    draft: Option<&Draft>,
    wanted: Return,
) -> Result<Reply, Failure> {
    let status = match done.effect {
        Effect::Created => StatusCode::CREATED,
        Effect::Updated | Effect::Unchanged | Effect::Found => StatusCode::OK,
        Effect::Deleted | Effect::Absent if wanted == Return::Outcome => StatusCode::OK,
        Effect::Deleted | Effect::Absent => StatusCode::NO_CONTENT,
    };
    let mut reply = Reply { is_repeat: receipt.duplicate, ..Reply::new(status) };
    if done.version > 0 {
        reply.version = Some(done.version);
    }
    let stored = matches!(done.effect, Effect::Created | Effect::Updated);
    if stored || done.effect == Effect::Deleted {
        reply.changed = Some(receipt.at);
    }
    if !matches!(done.effect, Effect::Deleted | Effect::Absent) {
        reply.location = Some(location(api, done));
    }
    match wanted {
        Return::Minimal => {}
        Return::Outcome => {
            let words = format!("{}: {}", words(done.effect), reference(done));
            reply.body = Some(OperationOutcome::information(&words).to_json());
            reply.is_outcome = true;
        }
        Return::Representation => match (done.effect, draft) {
            (Effect::Deleted | Effect::Absent, _) => {}
            // What the loop made of it is read as it was stored.
            (Effect::Created | Effect::Updated, Some(draft)) if !is_resolved(caller, done) => {
                let made = draft.store(done.id.clone(), done.version, receipt.at, &[]);
                reply.body = Some(made.json().to_owned());
            }
            _ => {
                // It may hold what others wrote. Created, it is the client's own.
                let is_own = done.effect == Effect::Created;
                if !is_own && !caller.has(Role::FhirRead) {
                    return Ok(reply);
                }
                let (kind, id, version) = (done.resource_type, done.id.clone(), done.version);
                let found = api.ask(move |record| record.version(kind, &id, version)).await;
                // It is written, whether or not it can be shown now.
                let Ok(Some(found)) = found else { return Ok(reply) };
                if !is_own {
                    let seen = Look {
                        channel: CHANNEL,
                        what: "read",
                        resource_type: Some(kind),
                        detail: reference(done),
                        patients: patient_of(&found).into_iter().collect(),
                    };
                    look(api, caller, seen).await?;
                }
                reply.changed = Some(found.last_updated);
                reply.body = Some(found.json().to_owned());
            }
        },
    }
    Ok(reply)
}

/// Whether the loop may have found out more about what was written.
fn is_resolved(caller: &Caller, done: &Done) -> bool {
    match done.resource_type {
        ResourceType::MedicationAdministration => true,
        ResourceType::MedicationRequest => caller.has(Role::Prescriber),
        _ => false,
    }
}

pub(crate) fn location(api: &ApiState, done: &Done) -> String {
    format!("{}/{}/_history/{}", api.fhir_base, reference(done), done.version)
}

fn reference(done: &Done) -> String {
    format!("{}/{}", done.resource_type, done.id)
}

fn words(effect: Effect) -> &'static str {
    match effect {
        Effect::Created => "created",
        Effect::Updated => "updated",
        Effect::Unchanged => "already as it was sent",
        Effect::Found => "already there",
        Effect::Deleted => "deleted",
        Effect::Absent => "not there",
    }
}

/// The method and the address of a write, for its idempotency key.
pub(crate) fn about(method: &str, kind: ResourceType, rest: &str) -> String {
    format!("{method} {kind}{rest}")
}
