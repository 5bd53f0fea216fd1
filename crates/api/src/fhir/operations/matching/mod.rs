//! `$match`: who a patient may be (R4 Patient-operation-match). The rules are in [`score`].

mod candidates;
mod score;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::resources::{
    Bundle, BundleEntry, BundleKind, BundleSearch, IssueType, Patient, SearchMode,
};
use fhir::types::Extension;
use fhir::{Decimal, Instant, ResourceType, StoredResource};

use self::candidates::Candidates;
use self::score::{Features, Grade};
use super::parameters::Parameters;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::intake::{self, MAX_RESOURCE_BYTES};
use crate::fhir::interactions::search::{query, warning};
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{CHANNEL, Failure, acceptable, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// The most patients of an answer where the request does not say.
const DEFAULT_COUNT: usize = 10;
/// The most patients of an answer.
const MAX_COUNT: usize = 50;
/// Where an answer says how good a match is.
const MATCH_GRADE: &str = "http://hl7.org/fhir/StructureDefinition/match-grade";

/// What is asked.
#[derive(Debug)]
struct Asked {
    features: Features,
    only_certain: bool,
    count: usize,
}

/// A patient who was found.
#[derive(Debug)]
struct Found {
    patient: StoredResource,
    points: i32,
    grade: Grade,
}

/// `POST /fhir/Patient/$match`.
pub(crate) async fn of_type(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    if served(&kind)? != ResourceType::Patient {
        return Err(Problem::not_found("$match is an operation of Patient.").into());
    }
    let (parts, body) = request.into_parts();
    let shape = Shape::read(&query(&parts.uri)?)?;
    acceptable(&parts.headers, shape.format.as_deref())?;
    let content = intake::content(&parts.headers, body, MAX_RESOURCE_BYTES).await?;
    let asked = asked(content.text()?)?;
    let features = asked.features.clone();
    let candidates = api.ask(move |record| candidates::find(record, &features)).await?;
    let Candidates { of_survivors, cut } = candidates;
    let mut found: Vec<Found> = of_survivors
        .into_iter()
        .filter_map(|(patient, records)| {
            let best = records.iter().map(|it| score::compare(&asked.features, it)).max()?;
            Some(Found { patient, points: best.points, grade: best.grade })
        })
        .filter(|found| found.grade.is_shown())
        .collect();
    // The best first; those that are alike in the order of their ids.
    found.sort_by(|a, b| (b.grade, b.points).cmp(&(a.grade, a.points)).then(a.by_id(b)));
    if asked.only_certain {
        found.retain(|found| found.grade == Grade::Certain);
        // Two who are certain are not certain: nobody is named.
        if found.len() > 1 {
            found.clear();
        }
    }
    found.truncate(asked.count);
    let seen = Look {
        channel: CHANNEL,
        what: "search",
        resource_type: Some(ResourceType::Patient),
        detail: "Patient/$match".to_owned(),
        patients: found.iter().map(|found| found.patient.id.clone()).collect(),
    };
    look(&api, &caller, seen).await?;
    let mut bundle = Bundle::new(BundleKind::Searchset);
    bundle.timestamp = Some(Instant::at(api.engine.clock().now()));
    bundle.total = u32::try_from(found.len()).ok();
    bundle.entry = found.iter().map(|found| found.entry(&api.fhir_base, &shape)).collect();
    if cut {
        let words = "Not all who could be meant were looked at: tell a number, or the date of \
                     birth.";
        bundle.entry.push(warning(IssueType::Incomplete, words));
    }
    Ok(Reply::body(shape.bundle(bundle.to_json())).respond(&shape.format_alone()))
}

impl Found {
    fn by_id(&self, other: &Self) -> std::cmp::Ordering {
        self.patient.id.as_str().cmp(other.patient.id.as_str())
    }

    fn entry(&self, base: &str, shape: &Shape) -> BundleEntry {
        let mut grade = Extension::new(MATCH_GRADE.to_owned());
        grade.value_code = Some(self.grade.as_str().to_owned());
        let search = BundleSearch {
            mode: Some(SearchMode::Match),
            score: Decimal::parse(&score::share(self.points)).ok(),
            extension: vec![grade],
        };
        BundleEntry {
            full_url: Some(format!("{base}/{}", self.patient.reference())),
            resource: Some(shape.within(self.patient.to_json())),
            search: Some(search),
            ..BundleEntry::default()
        }
    }
}

fn asked(json: &str) -> Result<Asked, Failure> {
    let parameters = Parameters::read(json)?.ok_or_else(|| {
        Failure::invalid("Send Parameters with the patient in resource.")
            .at("Resource.resourceType")
    })?;
    let place = "Parameters.parameter.where(name = 'resource').resource";
    let patient = parameters.resource("resource").ok_or_else(|| {
        Failure::invalid("Send the patient who is looked for in the parameter resource.")
            .at("Parameters.parameter")
    })?;
    // The draft says what is wrong with the resource, and where.
    intake::draft(patient, ResourceType::Patient).map_err(|wrong| wrong.at(place))?;
    let patient: Patient = serde_json::from_str(patient)
        .map_err(|_| Failure::invalid("The patient cannot be read.").at(place))?;
    let features = Features::of(&patient);
    if !features.say_enough() {
        let detail = "Tell at least a number, or two of these: a name, the date of birth, the \
                      postcode.";
        let problem = Problem::bad(code::BAD_VALUE, detail);
        return Err(Failure::new(problem, IssueType::Required).at(place));
    }
    let count = match parameters.number("count") {
        None => DEFAULT_COUNT,
        Some(text) => {
            let count = text.parse().ok().filter(|count| *count > 0);
            let count: usize = count.ok_or_else(|| {
                let problem = Problem::bad(code::BAD_VALUE, "count is a whole number from 1 up.");
                Failure::new(problem, IssueType::Value)
                    .at("Parameters.parameter.where(name = 'count')")
            })?;
            count.min(MAX_COUNT)
        }
    };
    let only_certain = parameters.flag("onlyCertainMatches").unwrap_or(false);
    Ok(Asked { features, only_certain, count })
}
