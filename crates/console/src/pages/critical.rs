//! The critical override: who started it, when and why; and starting and ending it.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use medicines::Request;
use medicines::cabinet::CriticalSwitch;
use serde::Deserialize;
use serde_json::json;

use super::inside::{Insider, Shown, either, page};
use super::{Console, Peer};
use crate::desk::NotDone;
use crate::door::Right;
use crate::gather::critical;
use crate::render::CriticalPage;
use crate::view::Place;

/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 300;

/// `GET /critical-override`.
pub(super) async fn page_of(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
) -> Response {
    let right = Some(Right::CriticalOverride);
    match console.insider(right, "critical-override", &peer, &request).await {
        Ok(insider) => either(show(&console, &insider, None, "").await),
        Err(instead) => *instead,
    }
}

async fn show(console: &Console, insider: &Insider, error: Option<&str>, reason: &str) -> Shown {
    let spans = insider.desk.read(critical::spans).await;
    let spans = spans.map_err(|why| console.trouble(&why))?;
    let shell = console.shell(insider, Place::Critical).await?;
    Ok(page(&CriticalPage { shell: &shell, spans: &spans, error, reason }, error.is_some()))
}

/// The form.
#[derive(Debug, Deserialize)]
pub(super) struct Switched {
    form: String,
    /// `start` or `end`.
    act: String,
    #[serde(default)]
    reason: String,
}

/// `POST /critical-override`.
pub(super) async fn switch(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Form(asked): Form<Switched>,
) -> Response {
    let right = Some(Right::CriticalOverride);
    match console.insider(right, "critical-override/switch", &peer, &request).await {
        Ok(insider) => either(tell(&console, &insider, &asked).await),
        Err(instead) => *instead,
    }
}

async fn tell(console: &Console, insider: &Insider, asked: &Switched) -> Shown {
    let form = console.form(insider, &asked.form)?;
    let (on, reason) = (asked.act == "start", asked.reason.trim());
    if on && reason.is_empty() {
        let why = "Enter why orders are not checked";
        return show(console, insider, Some(why), reason).await;
    }
    if reason.chars().count() > MAX_REASON_CHARS {
        let why = format!("The reason has at most {MAX_REASON_CHARS} characters");
        return show(console, insider, Some(&why), reason).await;
    }
    let raw = json!({ "on": on, "person": insider.who, "reason": reason });
    let switch = CriticalSwitch { on, person: insider.who.clone(), reason: reason.to_owned() };
    let request = Request::CriticalOverride(switch);
    match console.act(insider, form, request, &raw).await? {
        Ok(_) => Ok(Redirect::to("/critical-override").into_response()),
        Err(NotDone::Conflict(why) | NotDone::Refused(why)) => {
            show(console, insider, Some(&why), reason).await
        }
    }
}
