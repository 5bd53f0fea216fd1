//! What must be refused: tried, and the refusal noted.

use std::time::Duration;

use jiff::SignedDuration;
use rust_decimal::Decimal;
use tokio::time::sleep;

use super::asking::{AskingCabinet, Question};
use super::cabinet::Cabinet;
use super::staff::{AnyCabinet, LOOK, PROFILE_PATIENCE, Staff, earliest};
use crate::book::{Finding, RemovalState, Tried, Verdict};
use crate::formulary::{FORMULARY, Timing};
use crate::plan::{Attempt, Visit};
use crate::world::{OrderState, Patient};

/// How far from the edge of its window a dose must be to count as too early, in minutes.
const MARGIN_MIN: i64 = 5;
/// The early window of the node for a fixed interval, in minutes.
const EARLY_WINDOW_MIN: i64 = 60;

/// The codes of a refusal that fits. Where more than one thing is wrong the node may say either.
fn fitting(attempt: Attempt) -> &'static [&'static str] {
    match attempt {
        Attempt::Held => &["on-hold"],
        Attempt::Stopped => &["stopped", "no-live-order"],
        Attempt::TooEarly => &["too-early", "maximum-reached"],
        Attempt::WrongWard => &["wrong-location"],
        Attempt::UnknownItem => &["unknown-item"],
        Attempt::NotOfOrder => &["item-not-of-order", "too-early", "maximum-reached"],
        Attempt::NoWitness => &["witness-needed", "too-early", "maximum-reached"],
        Attempt::NotAllowed => &["user-not-allowed"],
        Attempt::TooMuch => &["quantity-exceeds-dose", "too-early", "maximum-reached"],
        Attempt::NoOrder => &["no-live-order"],
        Attempt::OverrideForbidden => &["override-not-allowed"],
    }
}

impl Staff {
    pub(super) async fn attempt(&self, visit: &Visit, attempt: Attempt) {
        let verdict = match &self.cabinet {
            AnyCabinet::Profiled(cabinet) => self.try_profile(cabinet, visit, attempt).await,
            AnyCabinet::Asking(cabinet) => self.try_asking(cabinet, visit, attempt).await,
        };
        let cabinet = self.cabinet.station().id.clone();
        if verdict == Verdict::Permitted {
            let (cabinet, order) = (cabinet.clone(), visit.order);
            self.stage.finding(Finding::WronglyPermitted { cabinet, attempt, order });
        }
        let (order, at) = (visit.order, self.stage.now());
        self.stage.book().attempts.push(Tried { cabinet, attempt, order, at, verdict });
    }

    /// Whether it still has to be refused.
    fn stands(&self, visit: &Visit, attempt: Attempt) -> bool {
        let (Some(patient), order) = self.now_of(visit) else {
            return false;
        };
        let here = patient.place().is_some_and(|place| place.ward == visit.ward);
        if attempt == Attempt::WrongWard {
            return patient.place().is_some() && !here;
        }
        let Some(order) = order else { return here };
        let fits = match attempt {
            Attempt::Held => order.state == OrderState::Held,
            Attempt::Stopped => order.state == OrderState::Stopped,
            Attempt::TooEarly => self.is_too_early(visit),
            _ => order.is_open(),
        };
        here && fits
    }

    /// Whether a dose was taken and used so shortly ago that the next is plainly too early.
    fn is_too_early(&self, visit: &Visit) -> bool {
        let (_, Some(order)) = self.now_of(visit) else {
            return false;
        };
        let book = self.stage.book();
        let last = book.removals_of(order.number).max_by_key(|removal| removal.at);
        let used =
            last.filter(|last| last.state == RemovalState::Ended && last.given > Decimal::ZERO);
        let window = if order.timing == Timing::Q6h { EARLY_WINDOW_MIN } else { 0 };
        let edge = SignedDuration::from_mins(window + MARGIN_MIN);
        let earliest = earliest(&order, used.map(|removal| removal.at));
        earliest.is_some_and(|at| self.stage.now() < at - edge)
    }

    /// A profile follows the order a moment later: the cabinet permits wrongly only when it still
    /// does after some patience, on a line that nothing disturbs.
    async fn try_profile(&self, cabinet: &Cabinet, visit: &Visit, attempt: Attempt) -> Verdict {
        self.until_told(visit).await;
        let mut waited = Duration::ZERO;
        loop {
            let (Some(patient), _) = self.now_of(visit) else {
                return Verdict::Moot;
            };
            let before = self.told_so_far(visit);
            if !self.stands(visit, attempt) {
                return Verdict::Moot;
            }
            if let Some(why) = cabinet.obstacle(&patient, visit.order, visit.item) {
                return Verdict::Refused(why.to_owned());
            }
            let disturbed = self.stage.is_disturbed(&cabinet.station.id);
            if disturbed || self.has_changed(visit, before) {
                return Verdict::Moot;
            }
            if waited >= PROFILE_PATIENCE {
                return Verdict::Permitted;
            }
            sleep(LOOK).await;
            waited += LOOK;
        }
    }

    async fn try_asking(
        &self,
        cabinet: &AskingCabinet,
        visit: &Visit,
        attempt: Attempt,
    ) -> Verdict {
        let _guard = cabinet.enter().await;
        self.until_told(visit).await;
        let (Some(patient), _) = self.now_of(visit) else {
            return Verdict::Moot;
        };
        let before = self.told_so_far(visit);
        if !self.stands(visit, attempt) {
            return Verdict::Moot;
        }
        let asked = self.ask_wrongly(cabinet, visit, attempt, &patient).await;
        let changed = self.has_changed(visit, before) || !self.stands(visit, attempt);
        match asked {
            // Nothing is taken, and the permit is given back at once.
            Ok(permit) => {
                cabinet.complete(&permit, visit.item, Decimal::ZERO).await;
                if changed { Verdict::Moot } else { Verdict::Permitted }
            }
            Err(code) if fitting(attempt).contains(&code.as_str()) => Verdict::Refused(code),
            Err(_) if changed => Verdict::Moot,
            Err(code) => Verdict::OtherCode(code),
        }
    }

    async fn ask_wrongly(
        &self,
        cabinet: &AskingCabinet,
        visit: &Visit,
        attempt: Attempt,
        patient: &Patient,
    ) -> Result<String, String> {
        let item = &FORMULARY[visit.item];
        let unknown = AskingCabinet::no_such_item(&visit.user);
        let other = FORMULARY.iter().find(|other| other.code != item.code && !other.witness);
        let code = match attempt {
            Attempt::UnknownItem => &unknown,
            Attempt::NotOfOrder => other.map_or(item.code, |other| other.code),
            _ => item.code,
        };
        let witnessed = item.witness && attempt != Attempt::NoWitness;
        let question = Question {
            patient,
            order: visit.order,
            code,
            units: visit.units,
            user: &visit.user,
            witness: witnessed.then_some(&visit.witness),
            reason: (attempt == Attempt::OverrideForbidden).then_some("Wanted at once"),
        };
        let asked = cabinet.ask(&question).await;
        asked.map(|opened| opened.permit).map_err(|answer| answer.code().to_owned())
    }
}
