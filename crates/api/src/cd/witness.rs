//! A second person signs for an act, with a client of their own.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use fhir::Id;
use jiff::Timestamp;
use medicines::Answer;
use medicines::controlled::{ControlledAct, Signing};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::CHANNEL;
use super::deeds::{
    Body, CorrectBody, CountBody, DestroyBody, OwnBody, ReceiptBody, SupplyBody, WasteBody,
};
use crate::body;
use crate::door::Caller;
use crate::fields::Text;
use crate::problem::{Problem, ProblemBody, code};
use crate::state::ApiState;
use crate::submit;

/// A signature for one act.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WitnessSignature)]
pub(crate) struct WitnessBody {
    /// Which act: `counts`, `waste`, `destructions`, `own`, `corrections`, `supply`, `receipt`.
    #[schema(value_type = String, example = "waste")]
    verb: Text,
    /// The requisition of a supply, or the consignment of a receipt.
    #[schema(value_type = Option<String>)]
    of: Option<Text>,
    /// The act as it will be told, without `witness`.
    #[schema(value_type = Object)]
    act: Box<RawValue>,
    /// The staff number of the witness. A client that belongs to one person signs for that person
    /// alone.
    #[schema(value_type = Option<String>, example = "N1002")]
    person: Option<Text>,
}

/// A signature.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WitnessSigned)]
pub(crate) struct SignedBody {
    /// Its number, for `witness.signature` of the act.
    #[schema(value_type = String, example = "rxx.1042.1")]
    signature: Id,
    /// Until when it can be used.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
}

/// Sign as the second person for an act that somebody else is about to tell from another client.
/// The signature is good for that act alone, once, and for a short time.
#[utoipa::path(
    post,
    path = "/cd/witness",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new signature")),
    request_body = WitnessBody,
    responses(
        (status = 201, description = "It is signed", body = SignedBody),
        (status = 422, description = "It is not signed", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let read: WitnessBody = body::read(&asked.raw)?;
    let of = read.of.as_deref();
    let raw = read.act.get().as_bytes();
    let told = match &*read.verb {
        "counts" => body::read::<CountBody>(raw)?.told(of)?,
        "waste" => body::read::<WasteBody>(raw)?.told(of)?,
        "destructions" => body::read::<DestroyBody>(raw)?.told(of)?,
        "own" => body::read::<OwnBody>(raw)?.told(of)?,
        "corrections" => body::read::<CorrectBody>(raw)?.told(of)?,
        "supply" => body::read::<SupplyBody>(raw)?.told(of)?,
        "receipt" => body::read::<ReceiptBody>(raw)?.told(of)?,
        _ => {
            let detail = "verb: counts, waste, destructions, own, corrections, supply or receipt.";
            return Err(Problem::bad(code::BAD_VALUE, detail));
        }
    };
    let (act, second) = told.understood()?;
    if second.is_some() {
        let detail = "act.witness: a signature is for the act without it.";
        return Err(Problem::bad(code::BAD_VALUE, detail));
    }
    let witness = witness(&caller, read.person)?;
    let client = caller.name().to_owned();
    let told = ControlledAct::Sign(Signing { act, witness, client });
    let request = medicines::Request::Controlled(Box::new(told));
    let receipt = submit::act(&api, &caller, CHANNEL, Some("witness"), asked, request).await?;
    match &receipt.answer {
        Answer::Created(ids) if !ids.is_empty() => {
            let valid_s = api.ask(|record| Ok(record.site()?.controlled.witness_valid_s)).await?;
            let valid = jiff::SignedDuration::from_secs(i64::from(valid_s));
            let expires = receipt.at.saturating_add(valid).unwrap_or(Timestamp::MAX);
            let body = SignedBody { signature: ids[0].clone(), expires };
            Ok(submit::answer(StatusCode::CREATED, &receipt, &body))
        }
        _ => Err(submit::refusal(&receipt)),
    }
}

/// Who signs: the person to whom the client belongs, or whom a client that serves several has
/// signed in.
fn witness(caller: &Caller, named: Option<Text>) -> Result<String, Problem> {
    let bad = |detail: &str| Err(Problem::bad(code::BAD_VALUE, detail));
    if let Some(named) = &named {
        caller.speaks_for("person", named)?;
    }
    match (caller.person(), named) {
        (Some(own), _) => Ok(own.to_owned()),
        (None, Some(named)) => Ok(named.into_string()),
        (None, None) => bad("person: the staff number of the witness."),
    }
}
