//! `prescriber-silent`: where a site says so, nothing is taken on orders of a prescribing system
//! that has said nothing for too long; an override with its reason is the way out.

use jiff::SignedDuration;

use super::Question;
use crate::cabinet::refusal::{Refusal, RefusalCode};

pub(super) fn check(question: &Question<'_>) -> Result<(), Refusal> {
    let minutes = question.site.policies.prescriber_silent_min;
    if minutes == 0 {
        return Ok(());
    }
    let most = SignedDuration::from_mins(i64::from(minutes));
    let is_fresh = question.heard.is_some_and(|heard| question.at.duration_since(heard) <= most);
    if is_fresh {
        return Ok(());
    }
    let text = "The prescribing system has said nothing for too long: what it ordered may have \
                changed. Ask the prescriber.";
    Err(Refusal::new(RefusalCode::PrescriberSilent, text))
}
