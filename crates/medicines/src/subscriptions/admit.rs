//! A client writes a subscription, or ends it: whose it is, and with what its endpoint is called.
//!
//! What it asks for was judged at the edge, which knows the topics and the endpoints that are
//! allowed; without the edge's [`Wish`] nothing is written, so that no other way leads here.

use fhir::{Id, StoredResource};

use super::{Change, Header, MASK, MAX_OF_CLIENT, MAX_OF_SITE, Place, Status};
use crate::fact::Fact;
use crate::store::{Fault, FaultCode};
use crate::{facts::Facts, state::State};

/// What a client asks beside the resource, which has [`MASK`] for the values of its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// With what the endpoint is called. A value of [`MASK`] is the one that is known already.
    pub headers: Vec<Header>,
    /// Whether the client looks after those of others too: it may end them.
    pub manages: bool,
}

/// Who writes what, over which version.
pub(crate) struct Written<'a> {
    pub(crate) client: &'a str,
    pub(crate) wish: Option<&'a Wish>,
    pub(crate) before: Option<&'a StoredResource>,
    pub(crate) after: &'a StoredResource,
}

fn by_itself() -> Fault {
    let text = "A subscription is written by itself: by POST, or by PUT or DELETE of its id, and \
                not in a bundle, by a patch or under a condition.";
    Fault::new(FaultCode::LoopRule, text)
}

fn anothers() -> Fault {
    let text = "This subscription is another client's: only that client changes it.";
    Fault::new(FaultCode::LoopRule, text)
}

/// Takes a version in that a client writes.
pub(crate) fn admit(
    state: &State,
    facts: &mut Facts<'_>,
    written: &Written<'_>,
) -> Result<(), Fault> {
    let wish = written.wish.ok_or_else(by_itself)?;
    let after = written.after;
    let known = state.subscription(&after.id);
    if known.is_some_and(|known| known.owner != written.client) {
        return Err(anothers());
    }
    if known.is_none() {
        let of_client = state.subscriptions().filter(|one| one.owner == written.client).count();
        if of_client >= MAX_OF_CLIENT || state.subscriptions().count() >= MAX_OF_SITE {
            let text = format!(
                "A client has at most {MAX_OF_CLIENT} subscriptions, a site {MAX_OF_SITE}: delete \
                 those that are not needed."
            );
            return Err(Fault::new(FaultCode::LoopRule, text));
        }
    }
    let status = after.member("status").and_then(|status| serde_json::from_str(status).ok());
    let status =
        status.and_then(|status: String| Status::read(&status)?.of_client()).ok_or_else(|| {
            let text = "A client asks for a subscription (requested) or ends it (off); the server \
                    says how it stands otherwise.";
            Fault::new(FaultCode::LoopRule, text).at("Subscription.status")
        })?;
    let mut headers = Vec::with_capacity(wish.headers.len());
    for (n, header) in wish.headers.iter().enumerate() {
        let before = || known?.headers.iter().find(|one| one.name == header.name);
        headers.push(match (header.value == MASK, before()) {
            (false, _) => header.clone(),
            (true, Some(before)) => before.clone(),
            (true, None) => {
                let text = "The value of this header is not known: send it once.";
                let at = format!("Subscription.channel.header[{n}]");
                return Err(Fault::new(FaultCode::LoopRule, text).at(at));
            }
        });
    }
    // What happened while it was off is not told; what happened in spite of an error is.
    let begins = known.is_none_or(|known| known.status == Status::Off) || written.before.is_none();
    facts.push(Fact::Subscription(Change::Written {
        id: after.id.clone(),
        version: after.version,
        owner: written.client.to_owned(),
        headers,
        status,
        looked: begins.then(|| Place::end_of(facts.ctx.seq)),
    }));
    Ok(())
}

/// Whether the client may end a subscription.
pub(crate) fn end(state: &State, client: &str, wish: Option<&Wish>, id: &Id) -> Result<(), Fault> {
    let wish = wish.ok_or_else(by_itself)?;
    match state.subscription(id) {
        Some(known) if known.owner != client && !wish.manages => Err(anothers()),
        _ => Ok(()),
    }
}
