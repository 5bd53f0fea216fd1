//! May this person take this much of this item for this patient, now?

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use fhir::Id;
use fhir::types::Identifier;
use jiff::Timestamp;
use medicines::Answer;
use medicines::cabinet::{Asked, Permit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body;
use crate::cabinet::CHANNEL;
use crate::door::Caller;
use crate::fields::{Exact, IdentifierBody, Text};
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// What a cabinet asks before it opens a pocket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Removal)]
pub(crate) struct RemovalBody {
    /// The cabinet, `system/station`, as the node's configuration names it.
    #[schema(value_type = String, example = "ASK/WARDC1")]
    cabinet: Text,
    /// The patient, by the NHS number or any other number that the PAS tells.
    patient: IdentifierBody,
    /// The prescribing system's number of the order. Where it is absent, the only order that
    /// fits is taken.
    order: Option<IdentifierBody>,
    /// The local formulary code. Where it is absent, the only item of the cabinet that fits the
    /// order is taken; several are shown in `choices`.
    #[schema(value_type = Option<String>, example = "PARA500")]
    item: Option<Text>,
    /// How much, in the item's unit: a plain decimal with at most three decimals.
    #[schema(value_type = String, example = "2")]
    quantity: Exact,
    /// The staff number of the person at the cabinet.
    #[schema(value_type = String, example = "N1001")]
    user: Text,
    /// The staff number of a second person who has signed in too.
    #[schema(value_type = Option<String>)]
    witness: Option<Text>,
    /// Why it is needed without an order. It opens a case, and only some items allow it.
    #[schema(value_type = Option<String>)]
    override_reason: Option<Text>,
    /// The last day on which the pack may be used, where the cabinet scans it.
    #[schema(value_type = Option<String>, format = Date)]
    expiry: Option<jiff::civil::Date>,
}

/// The cabinet may open the pocket, until the permit lapses.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Permit)]
pub(crate) struct PermitBody {
    /// The permit's number, for the completion.
    #[schema(value_type = String, example = "rxx.1042.1")]
    permit: Id,
    /// When it lapses.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
    /// The local formulary code.
    item: String,
    /// How much may be taken.
    #[schema(example = "2")]
    quantity: String,
    /// The item's unit.
    #[schema(example = "tablet")]
    unit: String,
    /// The MedicationRequest that permits it; none for an override.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    order: Option<Id>,
    /// The case that reviews an override.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    case: Option<Id>,
}

impl From<RemovalBody> for Asked {
    fn from(body: RemovalBody) -> Self {
        Asked {
            cabinet: body.cabinet.into_string(),
            patient: vec![body.patient.into()],
            order: body.order.map(Identifier::from),
            item: body.item.map(Text::into_string).unwrap_or_default(),
            quantity: body.quantity.0,
            user: body.user.into_string(),
            witness: body.witness.map(Text::into_string),
            override_reason: body.override_reason.map(Text::into_string),
            expiry: body.expiry,
        }
    }
}

impl From<&Permit> for PermitBody {
    fn from(permit: &Permit) -> Self {
        PermitBody {
            permit: permit.id.clone(),
            expires: permit.expires,
            item: permit.item.clone(),
            quantity: permit.quantity.normalize().to_string(),
            unit: permit.unit.clone(),
            order: permit.order.clone(),
            case: permit.case.clone(),
        }
    }
}

/// Ask for a removal. 201 permits it; 403 refuses it and says why in `code`.
#[utoipa::path(
    post,
    path = "/cabinet/removals",
    tag = "cabinet",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new question")),
    request_body = RemovalBody,
    responses(
        (status = 201, description = "It may be taken", body = PermitBody),
        (status = 403, description = "It may not be taken, or not by you", body = ProblemBody),
        (status = 422, description = "The key was used for another question", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: RemovalBody = body::read(&asked.raw)?;
    caller.acts_for(&api, &body.cabinet).await?;
    let request = medicines::Request::Remove(Box::new(body.into()));
    let receipt = submit::act(&api, &caller, CHANNEL, None, asked, request).await?;
    match &receipt.answer {
        Answer::Permitted(permit) => {
            let body = PermitBody::from(&**permit);
            Ok(submit::answer(StatusCode::CREATED, &receipt, &body))
        }
        _ => Err(submit::refusal(&receipt)),
    }
}
