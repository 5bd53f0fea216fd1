//! Coming and going.

use std::sync::Arc;
use std::time::Instant;

use axum::Form;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Console, NotNow, Peer};
use crate::door::{Refusal, Token, cookie, session_of, without_session};
use crate::render::{SignInPage, html};

/// The form as it is sent.
#[derive(Deserialize)]
pub(super) struct Presented {
    key: String,
}

/// `GET /sign-in`.
pub(super) async fn form(State(console): State<Arc<Console>>, request: HeaderMap) -> Response {
    match console.visitor(&request).await {
        Ok(_) => Redirect::to("/").into_response(),
        Err(NotNow::NoSession) => page(&console, StatusCode::OK, None),
        Err(NotNow::Stopped) => console.stopped_notice(),
    }
}

/// `POST /sign-in`.
pub(super) async fn enter(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Form(presented): Form<Presented>,
) -> Response {
    unlock(&console, &presented.key, false, &peer, &request).await
}

/// `POST /sign-out`.
pub(super) async fn leave(State(console): State<Arc<Console>>, request: HeaderMap) -> Response {
    if let Some(token) = session_of(&request) {
        console.door.leave(&token);
    }
    ([(SET_COOKIE, without_session(&request))], Redirect::to("/sign-in")).into_response()
}

/// Opens a session for whoever has this key, once the look is in the journal.
pub(super) async fn unlock(
    console: &Console,
    key: &str,
    by_address: bool,
    peer: &Peer,
    request: &HeaderMap,
) -> Response {
    let name = match console.door.unlock(key, by_address, peer.0, Instant::now()) {
        Ok(name) => name,
        Err(refusal) => return refuse(console, refusal, by_address, peer).await,
    };
    if console.journal_look(&name).await.is_err() {
        return console.stopped_notice();
    }
    let token = Token::random(&*console.random);
    console.door.admit(&token, name, Instant::now());
    ([(SET_COOKIE, cookie(&token, request))], Redirect::to("/")).into_response()
}

async fn refuse(console: &Console, refusal: Refusal, by_address: bool, peer: &Peer) -> Response {
    console.turn_away(refusal, "sign-in", peer).await;
    let (status, text) = match refusal {
        Refusal::TooManyGuesses => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many wrong keys came from here. Wait a minute, then try again.",
        ),
        Refusal::WrongKey | Refusal::NoSession if by_address => (
            StatusCode::UNAUTHORIZED,
            "An address with a key opens once, in one browser, and this one opens nothing: enter \
             an access key",
        ),
        Refusal::WrongKey | Refusal::NoSession => {
            (StatusCode::UNAUTHORIZED, "Enter an access key that is in force")
        }
    };
    page(console, status, Some(text))
}

fn page(console: &Console, status: StatusCode, error: Option<&str>) -> Response {
    let page = SignInPage { site: &console.site_name, error };
    (status, Html(html(&page))).into_response()
}
