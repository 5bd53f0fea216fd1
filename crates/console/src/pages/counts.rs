//! What has to be counted of controlled drugs, and a count of one of them, before two people.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use medicines::controlled::{Act, CountDeed, Deed, Place as Held};
use serde::Deserialize;
use serde_json::json;

use super::inside::{Insider, Shown, either, page};
use super::second::{self, SecondForm, Told};
use super::{Console, Peer};
use crate::door::Right;
use crate::gather::counts;
use crate::render::{CountPage, CountsPage};
use crate::view::{FieldError, Place, SecondView, Wrong};
use crate::words::encoded;

const RIGHT: Right = Right::Registers;

/// What is said where somebody or something came between the page and the count.
const MEANWHILE: &str = "Something was entered here after you began to count, by a colleague or by \
                         a movement.";

/// What may stand in the address of the list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The place whose counts are shown.
    #[serde(default)]
    place: String,
    /// What was done just before.
    #[serde(default)]
    done: String,
}

/// `GET /counts`.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    match console.insider(Some(RIGHT), "counts", &peer, &request).await {
        Ok(insider) => either(show_list(&console, &insider, &asked).await),
        Err(instead) => *instead,
    }
}

async fn show_list(console: &Console, insider: &Insider, asked: &Asked) -> Shown {
    let now = insider.desk.now();
    let place = match asked.place.as_str() {
        "" => None,
        text => Some(text.parse::<Held>().map_err(|_| nothing(console))?),
    };
    let found = insider.desk.read(move |reader| counts::list(reader, place.as_ref(), now)).await;
    let (view, patients) = found.map_err(|why| console.trouble(&why))?;
    let detail = format!("counts {}", view.place);
    console.journal_looks(&insider.who, (RIGHT, detail.trim_end()), patients).await?;
    let shell = console.shell(insider, Place::Counts).await?;
    let done = match asked.done.as_str() {
        "agrees" => Some("The count is entered. It agrees with the register."),
        _ => None,
    };
    Ok(page(&CountsPage { shell: &shell, counts: &view, done }, false))
}

#[expect(clippy::unnecessary_box_returns, reason = "it stands where other refusals do")]
fn nothing(console: &Console) -> Box<Response> {
    let text = "No register of this is kept at this place. The pockets of a cabinet are counted at \
                the cabinet.";
    Box::new(console.notice(StatusCode::NOT_FOUND, "There is nothing to count here", text))
}

/// `GET /counts/{place}/{item}`.
pub(super) async fn one(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(of): Path<(String, String)>,
) -> Response {
    match console.insider(Some(RIGHT), "counts/one", &peer, &request).await {
        Ok(insider) => either(show_one(&console, &insider, &of, Tried::default()).await),
        Err(instead) => *instead,
    }
}

/// What stands on a page that is shown again.
#[derive(Default)]
struct Tried {
    wrong: Wrong,
    conflict: Option<&'static str>,
    found: String,
    second: SecondView,
}

async fn show_one(
    console: &Console,
    insider: &Insider,
    (place, item): &(String, String),
    tried: Tried,
) -> Shown {
    let now = insider.desk.now();
    let held: Held = place.parse().map_err(|_| nothing(console))?;
    let code = item.clone();
    let found = insider.desk.read(move |reader| counts::one(reader, &held, &code, now)).await;
    let found = found.map_err(|why| console.trouble(&why))?;
    let (count, patients) = found.ok_or_else(|| nothing(console))?;
    let detail = format!("count {place} {item}");
    console.journal_looks(&insider.who, (RIGHT, &detail), patients).await?;
    let shell = console.shell(insider, Place::Counts).await?;
    let shown = CountPage {
        shell: &shell,
        count: &count,
        conflict: tried.conflict,
        wrong: &tried.wrong,
        found: &tried.found,
        second: &tried.second,
    };
    let mut response = page(&shown, tried.wrong.is_some());
    if tried.conflict.is_some() {
        *response.status_mut() = StatusCode::CONFLICT;
    }
    Ok(response)
}

/// A count as the form sends it.
#[derive(Deserialize)]
pub(super) struct Counted {
    form: String,
    /// When the page was shown, and how many entries the register had there.
    begun: String,
    entries: String,
    #[serde(default)]
    found: String,
    #[serde(flatten)]
    second: SecondForm,
}

/// `POST /counts/{place}/{item}`.
pub(super) async fn enter(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(of): Path<(String, String)>,
    Form(counted): Form<Counted>,
) -> Response {
    match console.insider(Some(RIGHT), "counts/enter", &peer, &request).await {
        Ok(insider) => either(tell(&console, &insider, &peer, of, counted).await),
        Err(instead) => *instead,
    }
}

async fn tell(
    console: &Console,
    insider: &Insider,
    peer: &Peer,
    of: (String, String),
    counted: Counted,
) -> Shown {
    let form = console.form(insider, &counted.form)?;
    let place: Held = of.0.parse().map_err(|_| nothing(console))?;
    let again = |wrong| Tried {
        wrong: Wrong(Some(wrong)),
        found: counted.found.clone(),
        second: counted.second.view(),
        ..Tried::default()
    };
    let begun = second::begun(&counted.begun, insider.desk.now());
    let (Some(begun), Ok(entries)) = (begun, counted.entries.parse::<u64>()) else {
        let wrong = FieldError::new("found", "This page was open for too long: count again");
        let tried = Tried { found: String::new(), ..again(wrong) };
        return show_one(console, insider, &of, tried).await;
    };
    let Some(found) = second::quantity(&counted.found) else {
        let wrong = FieldError::new("found", "Enter how much there is as a number, like 12 or 2.5");
        return show_one(console, insider, &of, again(wrong)).await;
    };
    let words = json!({
        "verb": "counts", "place": of.0, "item": of.1, "found": found.to_string(),
        "person": insider.who, "activity": begun,
    });
    let register = format!("/registers/{}/{}", encoded(&of.0), encoded(&of.1));
    let sent = console.is_sent(insider, (&form, &register), &words).await?;
    let (at, item) = (place.clone(), of.1.clone());
    let meanwhile =
        insider.desk.read(move |reader| counts::meanwhile(reader, (&at, &item), entries));
    if !sent && meanwhile.await.map_err(|why| console.trouble(&why))? {
        // What was counted is not what is there now, so that the number is not kept either.
        let tried = Tried { conflict: Some(MEANWHILE), ..Tried::default() };
        return show_one(console, insider, &of, tried).await;
    }
    let who = insider.who.clone();
    let deed = Deed::Count(CountDeed { place: place.clone(), item: of.1.clone(), found });
    let act = Act { deed, person: who, activity: begun };
    let second = Some(&counted.second);
    let told = Told { form, act, words, second, field: "found", entered: register };
    match second::enter(console, insider, peer, told).await? {
        Ok(made) => entered(console, insider, &place, made).await,
        Err(wrong) => show_one(console, insider, &of, again(wrong)).await,
    }
}

/// On to what follows from the count: the discrepancy that it opened, or the next count.
async fn entered(console: &Console, insider: &Insider, place: &Held, made: Vec<fhir::Id>) -> Shown {
    let opened = insider.desk.read(move |reader| match made.first() {
        Some(made) => counts::opened_with(reader, made),
        None => Ok(None),
    });
    let to = match opened.await.map_err(|why| console.trouble(&why))? {
        Some(discrepancy) => format!("/registers/discrepancies/{discrepancy}?done=count"),
        None if place.patient().is_some() => "/counts?done=agrees".to_owned(),
        None => format!("/counts?place={}&done=agrees", encoded(&place.to_string())),
    };
    Ok(Redirect::to(&to).into_response())
}
