//! The pages and who may see them.

mod counts;
mod critical;
mod find;
mod inside;
mod live_loop;
mod looks;
mod recalls;
mod registers;
mod requisitions;
mod second;
mod sign_in;
mod trace;
mod verification;
mod waste;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use engine::ReplayError;
use medicines::{Access, Request};

use crate::desk::Desk;
use crate::door::{Door, Key, Refusal, Token, Visitor, session_of};
use crate::live::Live;
use crate::node::Node;
use crate::render::{NoticePage, html};
use crate::stream::look;
use crate::{Random, assets, headers};

/// The most bytes of a form.
const MAX_FORM_BYTES: usize = 4 * 1024;
/// The most bytes of a form with a mended message: a message of 1 MiB, each byte of which a form
/// may write as three.
const MAX_MENDED_BYTES: usize = 3 * 1024 * 1024;

/// Everything that the pages share.
pub(crate) struct Console {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) door: Door,
    live: Arc<Live>,
    site_name: String,
    random: Random,
    desk: Option<Desk>,
}

impl Console {
    pub(crate) fn new(
        node: Arc<dyn Node>,
        keys: Vec<Key>,
        site_name: String,
        random: Random,
    ) -> Self {
        let live = Live::new(Arc::clone(&node));
        Console { node, door: Door::new(keys), live, site_name, random, desk: None }
    }

    /// Lets messages be read by whoever may.
    pub(crate) fn with_desk(mut self, desk: Desk) -> Self {
        self.desk = Some(desk);
        self
    }

    /// Why messages were not acted on again, for the page; or the notice that stands instead.
    fn replay_failed(&self, error: &ReplayError) -> Result<String, Box<Response>> {
        match error {
            ReplayError::Stopped => Err(Box::new(self.stopped_notice())),
            ReplayError::Unreadable(why) => {
                tracing::error!(why, "messages could not be read");
                Err(Box::new(self.unreadable()))
            }
            ReplayError::UnknownCase => Ok("The case is not open any more".to_owned()),
            ReplayError::NotReplayable(why) | ReplayError::NotMended(why) => Ok(why.clone()),
        }
    }

    fn unreadable(&self) -> Response {
        self.notice(
            StatusCode::SERVICE_UNAVAILABLE,
            "The record cannot be read",
            "The node runs, but its record cannot be read now. Its log says why.",
        )
    }

    /// Whoever asks, if they have a session, once their look is in the journal.
    async fn visitor(&self, request: &HeaderMap) -> Result<(Token, Visitor), NotNow> {
        let token = session_of(request).ok_or(NotNow::NoSession)?;
        let visitor = self.door.visitor(&token, Instant::now()).ok_or(NotNow::NoSession)?;
        if visitor.look_is_due && self.journal_look(&visitor.name).await.is_err() {
            self.door.look_again(&token);
            return Err(NotNow::Stopped);
        }
        if self.node.has_stopped() { Err(NotNow::Stopped) } else { Ok((token, visitor)) }
    }

    async fn journal_look(&self, who: &str) -> Result<(), engine::Stopped> {
        self.node.note(Request::See(vec![look(who, self.node.now())]), who).await
    }

    /// Has a refusal journalled of somebody without a session, unless there were too many of late.
    async fn turn_away(&self, refusal: Refusal, page: &str, peer: &Peer) {
        self.turn_away_from(NOBODY, refusal, page, peer).await;
    }

    /// The same of somebody who may be signed in.
    async fn turn_away_from(&self, who: &str, refusal: Refusal, page: &str, peer: &Peer) {
        let Some(untold) = self.door.tells_refusal(Instant::now()) else {
            return;
        };
        let from = peer.0.map(|address| format!(" from {address}")).unwrap_or_default();
        let more = match untold {
            0 => String::new(),
            untold => format!("; {untold} before it were not recorded"),
        };
        let access = Access {
            who: who.to_owned(),
            what: "console".to_owned(),
            patient: None,
            resource_type: None,
            detail: Some(format!("{page}{from}{more}")),
            reason: Some(refusal.code().to_owned()),
            at: self.node.now(),
        };
        // Whoever is refused stays refused whether or not the node still writes.
        let _ = self.node.note(Request::TurnAway(access), who).await;
    }

    /// A page that says one thing.
    fn notice(&self, status: StatusCode, title: &str, text: &str) -> Response {
        (status, Html(html(&NoticePage { site: &self.site_name, title, text }))).into_response()
    }

    fn stopped_notice(&self) -> Response {
        self.notice(
            StatusCode::SERVICE_UNAVAILABLE,
            "This node has stopped",
            "It takes no messages and shows nothing now. Use the paper process, and call the \
             people who run it.",
        )
    }
}

/// Who stands at the door without a session.
const NOBODY: &str = "unknown";

/// Why a page is not shown.
enum NotNow {
    /// Nobody has signed in.
    NoSession,
    /// A look cannot be journalled, so there is none.
    Stopped,
}

/// The address of whoever asks, where the server tells it.
pub(crate) struct Peer(Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Peer(address.map(|ConnectInfo(address)| address.ip())))
    }
}

/// The routes.
pub(crate) fn router(console: Arc<Console>) -> Router {
    Router::new()
        .route("/", get(live_loop::page))
        .route("/live", get(live_loop::stream))
        .route("/find", get(find::page))
        .route("/find/resend", post(find::send_again))
        .route(
            "/trace/{entry}",
            get(trace::page).post(trace::replay).layer(DefaultBodyLimit::max(MAX_MENDED_BYTES)),
        )
        .route("/verification", get(verification::queue))
        .route("/verification/{id}", get(verification::order).post(verification::word))
        .route("/recalls", get(recalls::list))
        .route("/recalls/{item}/{batch}", get(recalls::batch).post(recalls::act))
        .route("/registers", get(registers::list))
        .route("/registers/{place}/{item}", get(registers::one))
        .route("/registers/discrepancies/{id}", get(registers::discrepancy).post(registers::step))
        .route("/counts", get(counts::list))
        .route("/counts/{place}/{item}", get(counts::one).post(counts::enter))
        .route("/waste", get(waste::list))
        .route("/waste/{removal}", get(waste::one).post(waste::enter))
        .route("/requisitions", get(requisitions::list).post(requisitions::ask))
        .route("/requisitions/{id}/{step}", get(requisitions::one).post(requisitions::enter))
        .route("/looks", get(looks::list))
        .route("/critical-override", get(critical::page_of).post(critical::switch))
        .route("/sign-in", get(sign_in::form).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/assets/{*path}", get(assets::serve))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(from_fn(headers::protect))
        .with_state(console)
}

#[cfg(test)]
mod tests;
