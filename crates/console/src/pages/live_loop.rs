//! The live loop and its event stream.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Console, NotNow, Peer, sign_in};
use crate::door::Refusal;
use crate::render::{LivePage, html};
use crate::stream;
use crate::view::Place;

/// How long a viewer who finds no seat should wait, in seconds.
const RETRY_S: &str = "30";

/// What may stand in the page's address.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// A key for one use.
    key: Option<String>,
}

/// `GET /`.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    method: Method,
    peer: Peer,
    request: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    match (console.visitor(&request).await, asked.key) {
        // Nothing of the key may stay in the address line.
        (Ok(_), Some(_)) => Redirect::to("/").into_response(),
        (Ok((token, visitor)), None) => {
            let Some(frame) = console.live.frame().await else {
                return console.notice(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The record cannot be read",
                    "The node runs, but its record cannot be read now. Its log says why.",
                );
            };
            let rights = console.door.rights(&visitor.name);
            let desk = console.desk.as_ref();
            let here = Place::LiveLoop;
            let shell = match console.shell_of(&visitor.name, rights, desk, &token, here).await {
                Ok(shell) => shell,
                Err(instead) => return *instead,
            };
            let page = LivePage { shell: &shell, frame: &frame };
            Html(html(&page)).into_response()
        }
        // Only a page that is really asked for uses the key up.
        (Err(NotNow::NoSession), Some(key)) if method == Method::GET => {
            sign_in::unlock(&console, &key, true, &peer, &request).await
        }
        (Err(NotNow::NoSession), _) => {
            console.turn_away(Refusal::NoSession, "live-loop", &peer).await;
            Redirect::to("/sign-in").into_response()
        }
        (Err(NotNow::Stopped), _) => console.stopped_notice(),
    }
}

/// `GET /live`: server-sent events (HTML standard, §9.2).
pub(super) async fn stream(
    State(console): State<Arc<Console>>,
    method: Method,
    peer: Peer,
    request: HeaderMap,
) -> Response {
    let (token, visitor) = match console.visitor(&request).await {
        Ok(known) => known,
        Err(NotNow::NoSession) => {
            console.turn_away(Refusal::NoSession, "live", &peer).await;
            return StatusCode::UNAUTHORIZED.into_response();
        }
        Err(NotNow::Stopped) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    let kind = [(CONTENT_TYPE, "text/event-stream")];
    if method == Method::HEAD {
        return kind.into_response();
    }
    let Some(watching) = console.live.watch() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, RETRY_S)]).into_response();
    };
    (kind, stream::body(console, watching, token, visitor)).into_response()
}
