//! What the pages for signed-in people share: who may, what their looks leave in the journal, the
//! frame around each page, and proof that a form is one of ours.

use std::collections::BTreeSet;
use std::time::Instant;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fhir::Id;
use medicines::{Access, Request};

use super::{Console, NotNow, Peer};
use crate::desk::{Act, Desk, Earlier, NotDone, done, is_reused};
use crate::door::{Refusal, Right, Rights, Token, form_key, read_form_key};
use crate::gather::{Trouble, critical, looks};
use crate::render::{SentAlreadyPage, html};
use crate::view::{Place, Shell};

/// Where the words of an act say who stood by.
pub(super) const WITNESS: &str = "witness";

/// Somebody who may see a page.
pub(crate) struct Insider {
    pub(crate) who: String,
    pub(crate) rights: Rights,
    pub(crate) desk: Desk,
    token: Token,
}

/// What a page answers: the page, or what stands in its place.
pub(super) type Shown = Result<Response, Box<Response>>;

/// The page, or what stands in its place.
pub(super) fn either(shown: Shown) -> Response {
    shown.unwrap_or_else(|instead| *instead)
}

impl Console {
    /// Whoever asks, if their key has the right; else what they are shown instead.
    pub(super) async fn insider(
        &self,
        right: Option<Right>,
        page: &str,
        peer: &Peer,
        request: &HeaderMap,
    ) -> Result<Insider, Box<Response>> {
        let (token, who) = match self.visitor(request).await {
            Ok((token, visitor)) => (token, visitor.name),
            Err(NotNow::NoSession) => {
                self.turn_away(Refusal::NoSession, page, peer).await;
                return Err(Box::new(Redirect::to("/sign-in").into_response()));
            }
            Err(NotNow::Stopped) => return Err(Box::new(self.stopped_notice())),
        };
        let rights = self.door.rights(&who);
        match &self.desk {
            Some(desk) if right.is_none_or(|right| rights.has(right)) => {
                Ok(Insider { who, rights, desk: desk.clone(), token })
            }
            _ => {
                self.refuse_right(&who, right, page).await;
                Err(Box::new(self.not_yours()))
            }
        }
    }

    /// The frame around a page for somebody.
    pub(super) async fn shell(
        &self,
        insider: &Insider,
        here: Place,
    ) -> Result<Shell, Box<Response>> {
        let Insider { who, rights, desk, token } = insider;
        self.shell_of(who, *rights, Some(desk), token, here).await
    }

    /// The same where the node may have no desk.
    pub(super) async fn shell_of(
        &self,
        who: &str,
        rights: Rights,
        desk: Option<&Desk>,
        token: &Token,
        here: Place,
    ) -> Result<Shell, Box<Response>> {
        let rights = if desk.is_some() { rights } else { Rights::default() };
        let mut pages = Place::those_of(rights);
        let critical = match desk {
            Some(desk) => {
                // No way leads to a page that the role of this person does not open.
                let asks = rights.has(Right::Audit).then(|| who.to_owned());
                let read = desk.read(move |record| {
                    let may = asks.map_or(Ok(false), |who| looks::may(record, &who))?;
                    Ok((critical::running(record)?, may))
                });
                let (critical, may) = read.await.map_err(|why| self.trouble(&why))?;
                pages.retain(|place| may || *place != Place::Looks);
                critical
            }
            None => None,
        };
        Ok(Shell {
            site: self.site_name.clone(),
            who: who.to_owned(),
            pages,
            here,
            critical,
            form: form_key(token, |bytes| (self.random)(bytes)),
        })
    }

    /// The key of a form that came from one of our pages in this session.
    pub(super) fn form(&self, insider: &Insider, key: &str) -> Result<String, Box<Response>> {
        let known = read_form_key(&insider.token, key).map(str::to_owned);
        known.ok_or_else(|| {
            Box::new(self.notice(
                StatusCode::FORBIDDEN,
                "This form is out of date",
                "It was shown in another session. Nothing was done. Open the page again, and \
                 enter it once more.",
            ))
        })
    }

    /// Has something done in somebody's name; `raw` is what was asked, as the journal keeps it, and
    /// `form` the key of the form. Gives the numbers of what was made, or why it was not done, for
    /// the page with the form.
    pub(super) async fn act(
        &self,
        insider: &Insider,
        form: String,
        request: Request,
        raw: &serde_json::Value,
    ) -> Result<Result<Vec<Id>, NotDone>, Box<Response>> {
        let (raw, by) = (raw.to_string().into_bytes(), insider.who.clone());
        let receipt = insider.desk.act(Act { request, raw, form, by, once: false }).await;
        receipt.map(|receipt| done(&receipt)).map_err(|_| Box::new(self.stopped_notice()))
    }

    /// The same by a form that acts once, in the name of whoever is signed in or of somebody who
    /// showed a key of their own on the page. Sent again with other words it does nothing, and
    /// leads to `entered`.
    pub(super) async fn act_once(
        &self,
        insider: &Insider,
        (by, form, entered): (String, String, &str),
        request: Request,
        raw: &serde_json::Value,
    ) -> Result<Result<Vec<Id>, NotDone>, Box<Response>> {
        let raw = raw.to_string().into_bytes();
        let receipt = insider.desk.act(Act { request, raw, form, by, once: true }).await;
        let receipt = receipt.map_err(|_| Box::new(self.stopped_notice()))?;
        if is_reused(&receipt) {
            return Err(self.sent_already(entered));
        }
        Ok(done(&receipt))
    }

    /// Whether a form that acts once was sent before with these words, which say nothing of the
    /// second person. One that was sent with others leads to `entered`.
    pub(super) async fn is_sent(
        &self,
        insider: &Insider,
        (form, entered): (&str, &str),
        words: &serde_json::Value,
    ) -> Result<bool, Box<Response>> {
        match insider.desk.earlier(&insider.who, form).await.map_err(|why| self.trouble(&why))? {
            Earlier::Never => Ok(false),
            Earlier::Words(mut known) => {
                if let Some(known) = known.as_object_mut() {
                    known.remove(WITNESS);
                }
                if known == *words { Ok(true) } else { Err(self.sent_already(entered)) }
            }
            Earlier::Away => Err(self.sent_already(entered)),
        }
    }

    /// What is shown to whoever went back and sent a form once more with other words.
    #[expect(clippy::unnecessary_box_returns, reason = "it stands where other refusals do")]
    fn sent_already(&self, entered: &str) -> Box<Response> {
        let shown = html(&SentAlreadyPage { site: &self.site_name, entered });
        Box::new((StatusCode::CONFLICT, Html(shown)).into_response())
    }

    /// What is shown when the record cannot be read.
    #[expect(clippy::unnecessary_box_returns, reason = "it stands where other refusals do")]
    pub(super) fn trouble(&self, why: &Trouble) -> Box<Response> {
        tracing::error!(%why, "the record cannot be read");
        Box::new(self.unreadable())
    }

    /// Has a look journalled, once for each patient whose data it shows.
    pub(super) async fn journal_looks(
        &self,
        who: &str,
        (what, detail): (Right, &str),
        patients: BTreeSet<Id>,
    ) -> Result<(), Box<Response>> {
        let look = Access {
            who: who.to_owned(),
            what: what.code().to_owned(),
            patient: None,
            resource_type: None,
            detail: Some(detail.to_owned()),
            reason: None,
            at: self.node.now(),
        };
        let journalled = self.node.note(Request::See(look.at_each(patients)), who).await;
        journalled.map_err(|_| Box::new(self.stopped_notice()))
    }

    /// Has it journalled that somebody asked for more than their key allows.
    pub(super) async fn refuse_right(&self, who: &str, right: Option<Right>, page: &str) {
        if self.door.tells_refusal(Instant::now()).is_none() {
            return;
        }
        let access = Access {
            who: who.to_owned(),
            what: right.map_or("console", Right::code).to_owned(),
            patient: None,
            resource_type: None,
            detail: Some(page.to_owned()),
            reason: Some("right-missing".to_owned()),
            at: self.node.now(),
        };
        // Whoever is refused stays refused whether or not the node still writes.
        let _ = self.node.note(Request::TurnAway(access), who).await;
    }

    pub(super) fn not_yours(&self) -> Response {
        self.notice(
            StatusCode::FORBIDDEN,
            "Your key does not open this page",
            "It needs a right that your key lacks. Ask the administrator of this node for a key \
             with it. That you asked is recorded.",
        )
    }
}

/// A page, with the status of one that says what went wrong.
pub(super) fn page(template: &impl askama::Template, error: bool) -> Response {
    let status = if error { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    (status, Html(html(template))).into_response()
}
