//! A ward asks the pharmacy for controlled drugs, the pharmacy sends, and the ward receives.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use fhir::Id;
use jiff::Timestamp;
use medicines::controlled::{Act, Deed, Place as Held, ReceiveDeed, RequisitionDeed, SupplyDeed};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::inside::{Insider, Shown, either, page};
use super::second::{self, MAX_TEXT_CHARS, SecondForm, Told};
use super::{Console, Peer};
use crate::door::Right;
use crate::gather::counts;
use crate::gather::requisitions::{self as gathered, Stage};
use crate::render::{HandOverPage, RequisitionsPage};
use crate::view::{Entered, FieldError, HandOver, Place, SecondView, Wrong};

const RIGHT: Right = Right::Registers;
/// Where what was asked for, sent and received is seen.
const LIST: &str = "/requisitions";

/// What may stand in the address of the list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// What was done just before.
    #[serde(default)]
    done: String,
}

/// `GET /requisitions`.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let done = match asked.done.as_str() {
        "asked" => Some("The requisition is signed. The pharmacy sees it now."),
        "sent" => Some("It is on its way. The ward receives it here."),
        "received" => Some("The receipt is entered in the register."),
        _ => None,
    };
    match console.insider(Some(RIGHT), "requisitions", &peer, &request).await {
        Ok(insider) => either(show_list(&console, &insider, done, &Entered::default()).await),
        Err(instead) => *instead,
    }
}

async fn show_list(
    console: &Console,
    insider: &Insider,
    done: Option<&'static str>,
    entered: &Entered,
) -> Shown {
    let (now, who) = (insider.desk.now(), insider.who.clone());
    let found = insider.desk.read(move |reader| gathered::list(reader, &who, now)).await;
    let list = found.map_err(|why| console.trouble(&why))?;
    let shell = console.shell(insider, Place::Requisitions).await?;
    let shown = RequisitionsPage { shell: &shell, list: &list, entered, done };
    Ok(page(&shown, entered.wrong.is_some()))
}

/// The form of any of the three steps; each reads the fields that it has.
#[derive(Deserialize)]
pub(super) struct Sent {
    form: String,
    /// When the page was shown.
    begun: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    item: String,
    #[serde(default)]
    quantity: String,
    /// What was to be sent, or to arrive, when the page was shown.
    #[serde(default)]
    left: String,
    #[serde(default)]
    batch: String,
    #[serde(default)]
    expiry: String,
    #[serde(default)]
    messenger: String,
    #[serde(default)]
    complete: String,
    #[serde(flatten)]
    second: SecondForm,
}

impl Sent {
    /// The same, to be shown again.
    fn again(&self, wrong: FieldError) -> Entered {
        Entered {
            wrong: Wrong(Some(wrong)),
            place: self.place.clone(),
            item: self.item.clone(),
            quantity: self.quantity.clone(),
            batch: self.batch.clone(),
            expiry: self.expiry.clone(),
            messenger: self.messenger.clone(),
            complete: self.is_complete(),
        }
    }

    fn is_complete(&self) -> bool {
        self.complete == "yes"
    }

    /// When the page was shown, and the quantity.
    fn amount(&self, now: Timestamp, none_too: bool) -> Result<(Timestamp, Decimal), FieldError> {
        let wrong = |text: &str| FieldError::new("quantity", text);
        let begun = second::begun(&self.begun, now)
            .ok_or_else(|| wrong("This page was open for too long: look at it once more"))?;
        let quantity = second::quantity(&self.quantity).filter(|one| none_too || !one.is_zero());
        let quantity =
            quantity.ok_or_else(|| wrong("Enter how much it is as a number, like 10 or 2.5"))?;
        Ok((begun, quantity))
    }
}

/// Whoever asks, where their role takes the step; else what they are shown instead.
async fn allowed(console: &Console, insider: &Insider, stage: Stage) -> Result<(), Box<Response>> {
    let who = insider.who.clone();
    let found = insider.desk.read(move |reader| gathered::is_allowed(reader, &who, stage)).await;
    if found.map_err(|why| console.trouble(&why))? {
        return Ok(());
    }
    let text = match stage {
        Stage::Ask => "Nurses and prescribers of the ward ask for controlled drugs.",
        Stage::Supply => "Pharmacists and technicians send what was asked for.",
        Stage::Receive => "Nurses and prescribers of the ward receive what was sent.",
    };
    let title = "Your role does not take this step";
    Err(Box::new(console.notice(StatusCode::FORBIDDEN, title, text)))
}

/// `POST /requisitions`: a ward asks.
pub(super) async fn ask(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Form(sent): Form<Sent>,
) -> Response {
    match console.insider(Some(RIGHT), "requisitions/ask", &peer, &request).await {
        Ok(insider) => either(tell_asked(&console, &insider, &peer, &sent).await),
        Err(instead) => *instead,
    }
}

async fn tell_asked(console: &Console, insider: &Insider, peer: &Peer, sent: &Sent) -> Shown {
    let form = console.form(insider, &sent.form)?;
    allowed(console, insider, Stage::Ask).await?;
    let read = || {
        let place = sent
            .place
            .parse::<Held>()
            .map_err(|_| FieldError::new("place", "Choose for whom it is"))?;
        if sent.item.is_empty() {
            return Err(FieldError::new("item", "Choose the item"));
        }
        let (begun, quantity) = sent.amount(insider.desk.now(), false)?;
        Ok((begun, RequisitionDeed { place, item: sent.item.clone(), quantity }))
    };
    let (begun, deed) = match read() {
        Ok(read) => read,
        Err(wrong) => return show_list(console, insider, None, &sent.again(wrong)).await,
    };
    let words = json!({
        "verb": "requisitions", "place": sent.place, "item": sent.item,
        "quantity": deed.quantity.to_string(), "person": insider.who, "activity": begun,
    });
    console.is_sent(insider, (&form, LIST), &words).await?;
    let told = told(insider, form, (Deed::Requisition(deed), words), begun, None);
    match second::enter(console, insider, peer, told).await? {
        Ok(_) => Ok(Redirect::to("/requisitions?done=asked").into_response()),
        Err(wrong) => show_list(console, insider, None, &sent.again(wrong)).await,
    }
}

fn told<'a>(
    insider: &Insider,
    form: String,
    (deed, words): (Deed, Value),
    begun: Timestamp,
    second: Option<&'a SecondForm>,
) -> Told<'a> {
    let act = Act { deed, person: insider.who.clone(), activity: begun };
    Told { form, act, words, second, field: "quantity", entered: LIST.to_owned() }
}

/// `GET /requisitions/{id}/{step}`: the form by which it is sent (`supply`) or received
/// (`receipt`).
pub(super) async fn one(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(of): Path<(String, String)>,
) -> Response {
    match console.insider(Some(RIGHT), "requisitions/one", &peer, &request).await {
        Ok(insider) => {
            let fresh = (Entered::default(), SecondView::default());
            either(show_one(&console, &insider, &of, &fresh, false).await)
        }
        Err(instead) => *instead,
    }
}

fn stage(step: &str) -> Option<Stage> {
    match step {
        "supply" => Some(Stage::Supply),
        "receipt" => Some(Stage::Receive),
        _ => None,
    }
}

/// What is sent or received, for somebody whose role does it.
async fn hand_over(
    console: &Console,
    insider: &Insider,
    (id, step): &(String, String),
) -> Result<(Id, Stage, HandOver), Box<Response>> {
    let nothing = || {
        let text = "Somebody may have sent or received all of it. What goes to a cabinet is \
                    received by filling its pockets.";
        Box::new(console.notice(StatusCode::NOT_FOUND, "There is nothing to hand over", text))
    };
    let stage = stage(step).ok_or_else(nothing)?;
    let of = Id::new(id).map_err(|_| nothing())?;
    allowed(console, insider, stage).await?;
    let (now, sought) = (insider.desk.now(), of.clone());
    let found = insider.desk.read(move |reader| match stage {
        Stage::Supply => gathered::to_supply(reader, &sought, now),
        Stage::Receive | Stage::Ask => gathered::to_receive(reader, &sought, now),
    });
    let view = found.await.map_err(|why| console.trouble(&why))?.ok_or_else(nothing)?;
    Ok((of, stage, view))
}

async fn show_one(
    console: &Console,
    insider: &Insider,
    of: &(String, String),
    (entered, second): &(Entered, SecondView),
    conflict: bool,
) -> Shown {
    let (_, stage, over) = hand_over(console, insider, of).await?;
    let shell = console.shell(insider, Place::Requisitions).await?;
    let supply = stage == Stage::Supply;
    let wrong = &entered.wrong;
    let shown =
        HandOverPage { shell: &shell, over: &over, supply, conflict, entered, wrong, second };
    let mut response = page(&shown, wrong.is_some());
    if conflict {
        *response.status_mut() = StatusCode::CONFLICT;
    }
    Ok(response)
}

/// `POST /requisitions/{id}/{step}`.
pub(super) async fn enter(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(of): Path<(String, String)>,
    Form(sent): Form<Sent>,
) -> Response {
    match console.insider(Some(RIGHT), "requisitions/enter", &peer, &request).await {
        Ok(insider) => either(tell(&console, &insider, &peer, &of, &sent).await),
        Err(instead) => *instead,
    }
}

async fn tell(
    console: &Console,
    insider: &Insider,
    peer: &Peer,
    of: &(String, String),
    sent: &Sent,
) -> Shown {
    let form = console.form(insider, &sent.form)?;
    let (id, stage, over) = hand_over(console, insider, of).await?;
    let now = insider.desk.now();
    let read = match stage {
        Stage::Supply => supply(sent, &id, insider, now),
        Stage::Receive | Stage::Ask => receipt(sent, &id, insider, now),
    };
    let again = |wrong| (sent.again(wrong), sent.second.view());
    let (begun, deed, words) = match read {
        Ok(read) => read,
        Err(wrong) => return show_one(console, insider, of, &again(wrong), false).await,
    };
    let is_sent = console.is_sent(insider, (&form, LIST), &words).await?;
    if over.number != sent.left && !is_sent {
        let fresh = (Entered::default(), SecondView::default());
        return show_one(console, insider, of, &fresh, true).await;
    }
    let second = over.second.then_some(&sent.second);
    let told = told(insider, form, (deed, words), begun, second);
    match second::enter(console, insider, peer, told).await? {
        Ok(_) if stage == Stage::Supply => {
            Ok(Redirect::to("/requisitions?done=sent").into_response())
        }
        Ok(made) => received(console, insider, id, made).await,
        Err(wrong) => show_one(console, insider, of, &again(wrong), false).await,
    }
}

fn supply(
    sent: &Sent,
    id: &Id,
    insider: &Insider,
    now: Timestamp,
) -> Result<(Timestamp, Deed, Value), FieldError> {
    let (begun, quantity) = sent.amount(now, false)?;
    let from: Held = sent
        .place
        .parse()
        .ok()
        .filter(|from| matches!(from, Held::Pharmacy | Held::Robot(_)))
        .ok_or_else(|| FieldError::new("place", "Choose from where it is sent"))?;
    let short = |field, text: &str| match text.trim() {
        text if text.chars().count() > MAX_TEXT_CHARS => {
            Err(FieldError::new(field, "This has at most 256 characters"))
        }
        text => Ok((!text.is_empty()).then(|| text.to_owned())),
    };
    let batch = short("batch", &sent.batch)?;
    let messenger = short("messenger", &sent.messenger)?
        .ok_or_else(|| FieldError::new("messenger", "Say who carries it"))?;
    let expiry = match sent.expiry.trim() {
        "" => None,
        day => match day.parse() {
            Ok(day) => Some(day),
            Err(_) => return Err(FieldError::new("expiry", "Enter the last day as a date")),
        },
    };
    if expiry.is_some() && batch.is_none() {
        return Err(FieldError::new("batch", "Enter the batch whose last day it is"));
    }
    let words = json!({
        "verb": "supply", "of": id, "from": sent.place, "quantity": quantity.to_string(),
        "batch": batch, "expiry": expiry, "messenger": messenger, "person": insider.who,
        "activity": begun,
    });
    let requisition = id.clone();
    let deed = Deed::Supply(SupplyDeed { requisition, from, quantity, batch, expiry, messenger });
    Ok((begun, deed, words))
}

fn receipt(
    sent: &Sent,
    id: &Id,
    insider: &Insider,
    now: Timestamp,
) -> Result<(Timestamp, Deed, Value), FieldError> {
    let (begun, quantity) = sent.amount(now, sent.is_complete())?;
    let complete = sent.is_complete();
    let words = json!({
        "verb": "receipt", "of": id, "quantity": quantity.to_string(), "complete": complete,
        "person": insider.who, "activity": begun,
    });
    let deed = Deed::Receive(ReceiveDeed { consignment: id.clone(), quantity, complete });
    Ok((begun, deed, words))
}

/// On to the discrepancy, where less came than was sent.
async fn received(console: &Console, insider: &Insider, id: Id, made: Vec<Id>) -> Shown {
    let opened = insider.desk.read(move |reader| match made.first() {
        Some(made) => counts::opened_with(reader, made),
        None => gathered::missing(reader, &id),
    });
    let to = match opened.await.map_err(|why| console.trouble(&why))? {
        Some(discrepancy) => format!("/registers/discrepancies/{discrepancy}?done=receipt"),
        None => "/requisitions?done=received".to_owned(),
    };
    Ok(Redirect::to(&to).into_response())
}
