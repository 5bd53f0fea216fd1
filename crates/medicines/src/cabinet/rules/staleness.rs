//! `prescriber-silent`: where a site says so, nothing is taken on orders of a prescribing system
//! that has said nothing for too long; an override with its reason is the way out.

use jiff::{SignedDuration, Timestamp};

use crate::cabinet::refusal::{Refusal, RefusalCode};
use crate::site::Site;

/// Whether the prescribing system said anything lately. It is a rule about orders: what is taken
/// without one does not ask for it.
pub(in crate::cabinet) fn check(
    site: &Site,
    heard: Option<Timestamp>,
    at: Timestamp,
) -> Result<(), Refusal> {
    let minutes = site.policies.prescriber_silent_min;
    if minutes == 0 {
        return Ok(());
    }
    let most = SignedDuration::from_mins(i64::from(minutes));
    let is_fresh = heard.is_some_and(|heard| at.duration_since(heard) <= most);
    if is_fresh {
        return Ok(());
    }
    let text = "The prescribing system has said nothing for too long: what it ordered may have \
                changed. Ask the prescriber.";
    Err(Refusal::new(RefusalCode::PrescriberSilent, text))
}
