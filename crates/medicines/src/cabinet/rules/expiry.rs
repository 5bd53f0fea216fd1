//! `expired`: what was scanned may still be used today. The day in AI 17 is the last day of use
//! (GS1 General Specifications, §3.4.7), by the clocks of the site.

use super::Question;
use crate::cabinet::refusal::{Refusal, RefusalCode};

pub(super) fn check(question: &Question<'_>) -> Result<(), Refusal> {
    let today = question.site.time_zone.day_of(question.at);
    if question.expiry.is_none_or(|last| today <= last) {
        return Ok(());
    }
    let text = "The pack has expired: put it aside for the pharmacy and take another one.";
    Err(Refusal::new(RefusalCode::Expired, text))
}
