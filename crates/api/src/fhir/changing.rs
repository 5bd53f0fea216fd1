//! Changes that are worked out here, from the version that is current now, and are written only if
//! it still is: a FHIRPath Patch, a change of `meta`, and every patch of a client whose writes are
//! validated. What the engine does with each command is then the least that there is to do.

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use engine::Receipt;
use fhir::{Id, ResourceType, StoredResource};
use fhir_search::SearchRequest;
use medicines::store::{Act, Done, Doubt, Fault, FaultCode, Only, Step, Target, changed};
use record::Reader;

use super::shape::Shape;
use super::validation::admit;
use super::writing::{Asked, reply, submit, write_of};
use super::{Failure, Return, acceptable, intake, returning};
use crate::client::Role;
use crate::door::Caller;
use crate::problem::Problem;
use crate::state::{ApiState, unreadable};
use crate::submit::optional_key;

/// How often a change is worked out anew because somebody else was faster.
const MAX_ATTEMPTS: usize = 8;

/// What is done to the JSON of a resource. It tells in words why it does not fit.
type Work = dyn Fn(&str) -> Result<String, String> + Send + Sync;

/// A change to one resource.
#[derive(Clone)]
pub(crate) struct Changing {
    pub(crate) kind: ResourceType,
    pub(crate) target: Target,
    pub(crate) only: Only,
    pub(crate) work: Arc<Work>,
}

impl std::fmt::Debug for Changing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changing").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What came of working a change out.
enum Prepared {
    /// The version that it was made from, and what it makes of it.
    Changed(StoredResource, String),
    Refused(Target, Fault),
}

impl Changing {
    /// A JSON Patch.
    pub(crate) fn json(
        kind: ResourceType,
        target: Target,
        only: Only,
        patch: fhir::json::Patch,
    ) -> Self {
        let work = move |json: &str| {
            let read = serde_json::from_str(json);
            let mut value: serde_json::Value = read.map_err(|error| error.to_string())?;
            let applied = patch.apply(&mut value);
            applied.map_err(|error| format!("The patch does not fit: {error}."))?;
            Ok(value.to_string())
        };
        Changing { kind, target, only, work: Arc::new(work) }
    }

    /// A FHIRPath Patch.
    pub(crate) fn path(
        kind: ResourceType,
        target: Target,
        only: Only,
        patch: fhirpath::patch::Patch,
    ) -> Self {
        let work = move |json: &str| {
            patch.apply(json).map_err(|error| format!("The patch does not fit: {error}."))
        };
        Changing { kind, target, only, work: Arc::new(work) }
    }

    /// The step that writes the change, or refuses it, with what is wrong with the resource where
    /// it is stored all the same.
    pub(crate) async fn step(
        &self,
        api: &ApiState,
        caller: &Caller,
    ) -> Result<(Step, Option<String>), Failure> {
        let this = self.clone();
        let prepared = api.query(move |record| this.prepare(record)).await;
        let prepared = prepared.map_err(|error| Failure::from(unreadable(&error)))?;
        let resource_type = self.kind;
        let (before, json) = match prepared {
            Prepared::Changed(before, json) => (before, json),
            Prepared::Refused(target, fault) => {
                return Ok((Step { resource_type, act: Act::Refuse { target, fault } }, None));
            }
        };
        let target = Target::Id(before.id.clone());
        let draft = match intake::draft(&json, self.kind) {
            Ok(draft) => draft,
            Err(wrong) => {
                let fault = wrong.into_fault(FaultCode::PatchFailed);
                return Ok((Step { resource_type, act: Act::Refuse { target, fault } }, None));
            }
        };
        // The findings tell what is stored, which not everybody who writes may read.
        let admitted = admit(api, caller, draft, &json).await;
        let (draft, doubt) = if caller.has(Role::FhirRead) {
            admitted?
        } else {
            admitted.map_err(Failure::without_findings)?
        };
        let only = Only::Versions(vec![before.version]);
        Ok((Step { resource_type, act: Act::Update { target, draft, only } }, doubt))
    }

    fn prepare(&self, record: &Reader) -> Result<Prepared, record::Error> {
        let refused = |target: &Target, fault| Ok(Prepared::Refused(target.clone(), fault));
        let id = match &self.target {
            Target::Id(id) => id.clone(),
            Target::Where(search) => match one(record, search)? {
                Ok(id) => id,
                Err(fault) => return refused(&self.target, fault),
            },
        };
        let target = Target::Id(id.clone());
        let Some(before) = record.read(self.kind, &id)? else {
            let deleted = record.deleted(self.kind, &id)?.is_some();
            let fault = match (&self.only, deleted) {
                (Only::Versions(_) | Only::Present, _) => {
                    let text = "If-Match names a version of a resource that is not there.";
                    Fault::new(FaultCode::Precondition, text)
                }
                (_, true) => Fault::new(FaultCode::Gone, "The resource was deleted."),
                (_, false) => Fault::new(FaultCode::NotFound, "There is no such resource."),
            };
            return refused(&target, fault);
        };
        let unmet = match &self.only {
            Only::Always | Only::Present => None,
            Only::Versions(versions) if versions.contains(&before.version) => None,
            Only::Versions(_) => Some(
                "Somebody else changed the resource: its version is not the one of If-Match. \
                 Read it again.",
            ),
            Only::Missing => Some("The resource is there already."),
        };
        if let Some(text) = unmet {
            return refused(&target, Fault::new(FaultCode::Precondition, text));
        }
        match changed(&before, |json| (self.work)(json)) {
            Ok(json) => Ok(Prepared::Changed(before, json)),
            Err(fault) => refused(&target, fault),
        }
    }

    /// Has the change decided. Where somebody else was faster it is worked out anew, unless the
    /// client said which version it means.
    pub(crate) async fn decide(
        &self,
        (api, caller): (&ApiState, &Caller),
        key: Option<String>,
        about: &str,
        raw: &Bytes,
    ) -> Result<(Receipt, Done), Failure> {
        let mut attempt = 0;
        loop {
            // Each attempt is a command of its own. A repeat goes through the same ones again, and
            // finds what became of them.
            let key = match attempt {
                0 => key.clone(),
                n => key.as_ref().map(|key| format!("{key}~{n}")),
            };
            let (step, doubt) = self.step(api, caller).await?;
            let mut write = write_of(caller, vec![step], Vec::new());
            write.doubts.extend(doubt.map(|text| Doubt { step: 0, text }));
            attempt += 1;
            let decided = submit(api, caller, key, about, write, raw.clone()).await;
            let again = attempt < MAX_ATTEMPTS && matches!(self.only, Only::Always | Only::Present);
            match decided {
                Err(failure) if failure.is_precondition() && again => {}
                Err(failure) => return Err(failure),
                Ok((receipt, done)) => {
                    let done = done.into_iter().next().ok_or_else(Problem::internal)?;
                    return Ok((receipt, done));
                }
            }
        }
    }
}

/// What a search finds, where that is one.
fn one(record: &Reader, search: &SearchRequest) -> Result<Result<Id, Fault>, record::Error> {
    let two = search.for_condition();
    let many = |text: &str| Ok(Err(Fault::new(FaultCode::MultipleMatches, text)));
    let too_many = "Too many resources would have to be looked through: say more exactly which one \
                    is meant.";
    let found = match record.search(&two) {
        Err(record::Error::TooCostly { .. }) => return many(too_many),
        found => found?,
    };
    // A page that ended before it was full does not say that there are no more.
    if found.resources.len() < 2 && found.next.is_some() {
        return many(too_many);
    }
    let mut ids = found.resources.into_iter().map(|found| found.id);
    match (ids.next(), ids.next()) {
        (Some(_), Some(_)) => {
            many("More than one resource meets the condition: say more exactly which one is meant.")
        }
        (Some(id), None) => Ok(Ok(id)),
        (None, _) => Ok(Err(Fault::new(FaultCode::NotFound, "There is no such resource."))),
    }
}

/// Does a change and answers it as its own response.
pub(crate) async fn change(
    api: &ApiState,
    caller: &Caller,
    asked: Asked<'_>,
    changing: &Changing,
) -> Result<Response, Failure> {
    acceptable(asked.headers, asked.shape.format.as_deref())?;
    let key = optional_key(asked.headers)?;
    let about = asked.about();
    let decided = changing.decide((api, caller), key, &about, &asked.raw).await;
    let (receipt, done) = decided?;
    let wanted = returning(asked.headers).unwrap_or(Return::Representation);
    let shape: &Shape = &asked.shape;
    Ok(reply((api, caller), &done, &receipt, None, wanted).await?.respond(shape))
}
