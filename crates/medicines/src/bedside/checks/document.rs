//! Right document: the order is live and verified, and its stay goes on.

use super::super::scan::{Finding, Outcome};
use super::{Bedside, found};
use crate::cabinet::refusal::not_live;
use crate::orders::{LiveOrder, NotLive};

pub(super) fn check(bedside: &Bedside<'_>) -> Vec<Finding> {
    let Bedside { scan, site, order, patient, .. } = bedside;
    let stays = patient.stays_for(order, scan.activity, &site.policies);
    let live = if stays {
        LiveOrder::check(order, scan.activity, &site.policies).map(|live| live.is_verified())
    } else {
        Err(NotLive::Stopped)
    };
    match live {
        Ok(true) => Vec::new(),
        Ok(false) => {
            let text = "No pharmacist has verified the order.";
            found("document", "not-verified", Outcome::Warn, text)
        }
        Err(why) => {
            let refusal = not_live(why);
            found("document", refusal.code.as_str(), Outcome::Block, &refusal.text)
        }
    }
}
