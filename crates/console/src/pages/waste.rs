//! What somebody has in hands, and the waste of it before a second person.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use fhir::Id;
use jiff::Timestamp;
use medicines::controlled::{Act, Deed, WasteDeed};
use serde::Deserialize;
use serde_json::json;

use super::inside::{Insider, Shown, either, page};
use super::second::{self, MAX_TEXT_CHARS, SecondForm, Told};
use super::{Console, Peer};
use crate::door::Right;
use crate::gather::waste;
use crate::render::{HandsPage, WastePage};
use crate::view::{FieldError, Place, SecondView, WasteView, Wrong};

const RIGHT: Right = Right::Registers;

/// What may stand in the address of the list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// What was done just before.
    #[serde(default)]
    done: String,
}

/// `GET /waste`: what the person who asks has in hands.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    match console.insider(Some(RIGHT), "waste", &peer, &request).await {
        Ok(insider) => either(show_list(&console, &insider, &asked).await),
        Err(instead) => *instead,
    }
}

async fn show_list(console: &Console, insider: &Insider, asked: &Asked) -> Shown {
    let (now, who) = (insider.desk.now(), insider.who.clone());
    let found = insider.desk.read(move |reader| waste::in_hands(reader, &who, now)).await;
    let (hands, patients) = found.map_err(|why| console.trouble(&why))?;
    console.journal_looks(&insider.who, (RIGHT, "in hands"), patients).await?;
    let shell = console.shell(insider, Place::Waste).await?;
    let done = (asked.done == "waste").then_some("The waste is entered in the register.");
    Ok(page(&HandsPage { shell: &shell, hands: &hands, done }, false))
}

/// `GET /waste/{removal}`.
pub(super) async fn one(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    match console.insider(Some(RIGHT), "waste/one", &peer, &request).await {
        Ok(insider) => either(show_one(&console, &insider, &id, Tried::default()).await),
        Err(instead) => *instead,
    }
}

/// What stands on a page that is shown again.
#[derive(Default)]
struct Tried {
    wrong: Wrong,
    quantity: String,
    given: String,
    reason: String,
    denatured: String,
    second: SecondView,
}

/// A removal of the person who asks, with the code of its item.
async fn removal(
    console: &Console,
    insider: &Insider,
    id: &str,
) -> Result<(Id, WasteView, String), Box<Response>> {
    let nothing = || {
        let text = "It may have been taken by somebody else, who enters what becomes of it. \
                    What is no controlled drug is not entered here.";
        Box::new(console.notice(StatusCode::NOT_FOUND, "This is not in your hands", text))
    };
    let of = Id::new(id).map_err(|_| nothing())?;
    let (now, who, sought) = (insider.desk.now(), insider.who.clone(), of.clone());
    let found = insider.desk.read(move |reader| waste::one(reader, &sought, &who, now)).await;
    let (view, item, patient) = found.map_err(|why| console.trouble(&why))?.ok_or_else(nothing)?;
    let patients: BTreeSet<Id> = patient.into_iter().collect();
    console.journal_looks(&insider.who, (RIGHT, &format!("waste {id}")), patients).await?;
    Ok((of, view, item))
}

async fn show_one(console: &Console, insider: &Insider, id: &str, tried: Tried) -> Shown {
    let (_, waste, _) = removal(console, insider, id).await?;
    let shell = console.shell(insider, Place::Waste).await?;
    let shown = WastePage {
        shell: &shell,
        waste: &waste,
        wrong: &tried.wrong,
        quantity: &tried.quantity,
        given: &tried.given,
        reason: &tried.reason,
        denatured: &tried.denatured,
        second: &tried.second,
    };
    Ok(page(&shown, tried.wrong.is_some()))
}

/// Waste as the form sends it.
#[derive(Deserialize)]
pub(super) struct Wasted {
    form: String,
    /// When the page was shown.
    begun: String,
    #[serde(default)]
    quantity: String,
    #[serde(default)]
    given: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    denatured: String,
    #[serde(flatten)]
    second: SecondForm,
}

/// `POST /waste/{removal}`.
pub(super) async fn enter(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(id): Path<String>,
    Form(wasted): Form<Wasted>,
) -> Response {
    match console.insider(Some(RIGHT), "waste/enter", &peer, &request).await {
        Ok(insider) => either(tell(&console, &insider, &peer, &id, wasted).await),
        Err(instead) => *instead,
    }
}

async fn tell(
    console: &Console,
    insider: &Insider,
    peer: &Peer,
    id: &str,
    wasted: Wasted,
) -> Shown {
    let form = console.form(insider, &wasted.form)?;
    let (removal, known, item) = removal(console, insider, id).await?;
    let again = |wrong| Tried {
        wrong: Wrong(Some(wrong)),
        quantity: wasted.quantity.clone(),
        given: wasted.given.clone(),
        reason: wasted.reason.clone(),
        denatured: wasted.denatured.clone(),
        second: wasted.second.view(),
    };
    let (begun, deed) = match read(&wasted, &known, insider.desk.now()) {
        Ok((begun, deed)) => (begun, WasteDeed { removal: Some(removal), item, ..deed }),
        Err(wrong) => return show_one(console, insider, id, again(wrong)).await,
    };
    let who = insider.who.clone();
    let words = json!({
        "verb": "waste", "removal": id, "item": deed.item, "quantity": deed.quantity.to_string(),
        "given": deed.given.map(|given| given.to_string()), "reason": deed.reason,
        "denatured": deed.denatured, "person": who, "activity": begun,
    });
    console.is_sent(insider, (&form, &known.href), &words).await?;
    let act = Act { deed: Deed::Waste(deed), person: who, activity: begun };
    let second = known.second.then_some(&wasted.second);
    let told = Told { form, act, words, second, field: "quantity", entered: known.href.clone() };
    match second::enter(console, insider, peer, told).await? {
        Ok(_) => Ok(Redirect::to("/waste?done=waste").into_response()),
        Err(wrong) => show_one(console, insider, id, again(wrong)).await,
    }
}

/// What is wasted, as far as the form says it, and when; or what is wrong with the form.
fn read(
    wasted: &Wasted,
    known: &WasteView,
    now: Timestamp,
) -> Result<(Timestamp, WasteDeed), FieldError> {
    let wrong = |field, text: &str| Err(FieldError::new(field, text));
    let Some(begun) = second::begun(&wasted.begun, now) else {
        return wrong("quantity", "This page was open for too long: look at it once more");
    };
    let Some(quantity) = second::quantity(&wasted.quantity).filter(|one| !one.is_zero()) else {
        return wrong("quantity", "Enter how much is wasted as a number, like 1 or 0.5");
    };
    let given = match wasted.given.trim() {
        "" => None,
        text => match second::quantity(text) {
            Some(given) => Some(given),
            None => {
                return wrong("given", "Enter how much was given as a number, or leave it empty");
            }
        },
    };
    let (reason, denatured) = (wasted.reason.trim(), wasted.denatured.trim());
    if reason.is_empty() {
        return wrong("reason", "Say why it is wasted");
    }
    if reason.chars().count() > MAX_TEXT_CHARS {
        return wrong("reason", "The reason has at most 256 characters");
    }
    if known.denature && denatured.is_empty() {
        return wrong("denatured", "Say how it was made irretrievable");
    }
    if denatured.chars().count() > MAX_TEXT_CHARS {
        return wrong("denatured", "This has at most 256 characters");
    }
    let deed = WasteDeed {
        removal: None,
        place: None,
        item: String::new(),
        quantity,
        given,
        reason: reason.to_owned(),
        denatured: (!denatured.is_empty()).then(|| denatured.to_owned()),
    };
    Ok((begun, deed))
}
