//! The staff of a ward: go to the cabinet, take, give, put back, waste, forget.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio::time::sleep;

use super::asking::{AskingCabinet, Question};
use super::bedside::{Bedside, Told};
use super::cabinet::Cabinet;
use super::station::{By, Station};
use crate::book::{Finding, Given, Removal, RemovalState};
use crate::formulary::{FORMULARY, Timing};
use crate::plan::{Ending, Plan, Visit, VisitKind, half};
use crate::stage::Stage;
use crate::wire::outbox::Subject;
use crate::world::{Order, Patient};

/// How much before its time the staff takes a dose on a fixed interval, in minutes. The node
/// allows 60; latency eats some of it.
const EARLY_MIN: i64 = 50;

/// The cabinet of a ward, of either kind.
#[derive(Clone)]
pub(crate) enum AnyCabinet {
    Profiled(Arc<Cabinet>),
    Asking(Arc<AskingCabinet>),
}

impl AnyCabinet {
    pub(crate) fn station(&self) -> &Station {
        match self {
            AnyCabinet::Profiled(cabinet) => &cabinet.station,
            AnyCabinet::Asking(cabinet) => &cabinet.station,
        }
    }
}

/// The staff of one ward.
pub(crate) struct Staff {
    pub(crate) stage: Arc<Stage>,
    pub(crate) cabinet: AnyCabinet,
    pub(crate) bedside: Bedside,
}

/// Something in somebody's hands.
struct InHand {
    /// Its place among the removals of the book; none where nothing was taken.
    removal: Option<usize>,
    permit: Option<String>,
}

const NOTHING: InHand = InHand { removal: None, permit: None };

/// A visit that can go on, with the patient as they are now.
struct Ready {
    visit: Visit,
    patient: Patient,
    reason: Option<&'static str>,
}

const LEFT: &str = "the patient has left the ward";
const UNDER_WAY: &str = "what the ePMA or the PAS tells is still under way";

/// How long a profile may take to follow, in real time.
pub(super) const PROFILE_PATIENCE: Duration = Duration::from_secs(3);
/// How often the staff looks again.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// When the next dose may be taken at the earliest by the order's own interval.
pub(crate) fn earliest(order: &Order, last: Option<Timestamp>) -> Option<Timestamp> {
    let hours = order.timing.least_hours()?;
    Some(last? + SignedDuration::from_hours(i64::from(hours)))
}

/// The least time that the staff leaves between two doses: the interval of the order, shortened a
/// little where it is fixed; half the mean interval for doses at the ward's times.
fn least_gap(timing: Timing) -> SignedDuration {
    match timing {
        Timing::Q6h => SignedDuration::from_mins(6 * 60 - EARLY_MIN),
        Timing::Prn(hours) => SignedDuration::from_hours(i64::from(hours)),
        Timing::Od => SignedDuration::from_hours(12),
        Timing::Bd => SignedDuration::from_hours(6),
        Timing::Tds => SignedDuration::from_hours(4),
        Timing::Qds => SignedDuration::from_hours(3),
    }
}

impl Staff {
    /// Acts out one visit to its end.
    pub(crate) async fn go(&self, visit: &Visit) {
        match visit.kind {
            VisitKind::Dose(plan) => self.dose(visit, plan).await,
            VisitKind::Override { reason, plan } => self.on_override(visit, reason, plan).await,
            VisitKind::Attempt(attempt) => self.attempt(visit, attempt).await,
            VisitKind::Count => self.count(visit).await,
        }
    }

    /// The patient and the order, as they are now.
    pub(crate) fn now_of(&self, visit: &Visit) -> (Option<Patient>, Option<Order>) {
        let book = self.stage.book();
        let patient = visit.patient.and_then(|index| book.patients.get(&index).cloned());
        let order = visit.order.and_then(|number| book.orders.get(&number).cloned());
        (patient, order)
    }

    /// Waits until the node knows what the ward knows, where no list of a cabinet shows that it
    /// does.
    pub(crate) async fn until_told(&self, visit: &Visit) {
        let subjects = [visit.patient.map(Subject::Patient), visit.order.map(Subject::Order)];
        for subject in subjects.into_iter().flatten() {
            let count = self.stage.told.so_far(subject);
            self.stage.told.reaches(subject, count).await;
        }
    }

    /// How often the patient and the order were to be told: what changes makes it grow. `None`
    /// while the node does not know all of it.
    pub(crate) fn told_so_far(&self, visit: &Visit) -> Option<[u32; 2]> {
        let told = &self.stage.told;
        let subjects = [visit.patient.map(Subject::Patient), visit.order.map(Subject::Order)];
        let counts = subjects.map(|subject| subject.map_or(0, |subject| told.so_far(subject)));
        let settled = |subject: &Subject| told.is_settled(*subject);
        subjects.iter().flatten().all(settled).then_some(counts)
    }

    /// Whether something else was told since, or the node did not know everything even then.
    pub(crate) fn has_changed(&self, visit: &Visit, before: Option<[u32; 2]>) -> bool {
        before.is_none() || self.told_so_far(visit) != before
    }

    async fn count(&self, visit: &Visit) {
        let witness = FORMULARY[visit.item].witness.then_some(visit.witness.as_str());
        let by = By { user: &visit.user, witness, patient: None, order: None };
        self.at_door(|station| {
            station.act('C', visit.item, Decimal::ZERO, by);
        })
        .await;
    }

    /// Does something at the pockets while nobody else stands at the cabinet.
    async fn at_door(&self, act: impl FnOnce(&Station)) {
        match &self.cabinet {
            AnyCabinet::Profiled(cabinet) => act(&cabinet.station),
            AnyCabinet::Asking(cabinet) => {
                let _guard = cabinet.enter().await;
                act(&cabinet.station);
            }
        }
    }

    /// Why the staff itself would not take this dose now.
    fn not_now(&self, visit: &Visit, order: &Order, patient: &Patient) -> Option<&'static str> {
        if !order.is_open() {
            return Some("the order is no longer open");
        }
        if patient.place().is_none_or(|place| place.ward != visit.ward) {
            return Some(LEFT);
        }
        let now = self.stage.now();
        let book = self.stage.book();
        let last = book.last_taken(order.number);
        if last.is_some_and(|last| now < last + least_gap(order.timing)) {
            return Some("too soon after the last dose");
        }
        if book.has_days_doses(order, now) {
            return Some("the doses of a day were taken");
        }
        book.is_full(order, now).then_some("the most for a day was taken")
    }

    async fn dose(&self, visit: &Visit, plan: Plan) {
        if matches!(plan.ending, Ending::Omit | Ending::Null) {
            // No list and no permit shows that the node knows whom this is about.
            self.until_told(visit).await;
        }
        let in_hand = match (plan.ending, &self.cabinet) {
            (Ending::Omit, _) => self.ready(visit, None).map(|ready| (ready, NOTHING)),
            (Ending::Null, _) => {
                let Some(ready) = self.ready(visit, None) else {
                    return;
                };
                let by = by(&ready.visit, &ready.patient);
                self.at_door(|station| {
                    station.act('N', visit.item, Decimal::ZERO, by);
                })
                .await;
                return;
            }
            (_, AnyCabinet::Profiled(cabinet)) => self.take_by_profile(cabinet, visit, None).await,
            (_, AnyCabinet::Asking(cabinet)) => self.take_by_permit(cabinet, visit, None).await,
        };
        if let Some((ready, in_hand)) = in_hand {
            self.end(&ready, plan, in_hand).await;
        }
    }

    async fn on_override(&self, visit: &Visit, reason: &'static str, plan: Plan) {
        let reason = Some(reason);
        let in_hand = match &self.cabinet {
            AnyCabinet::Profiled(cabinet) => self.take_by_profile(cabinet, visit, reason).await,
            AnyCabinet::Asking(cabinet) => self.take_by_permit(cabinet, visit, reason).await,
        };
        if let Some((ready, in_hand)) = in_hand {
            self.end(&ready, plan, in_hand).await;
        }
    }

    /// The visit as things are now, unless the staff itself would not go on with it.
    fn ready(&self, visit: &Visit, reason: Option<&'static str>) -> Option<Ready> {
        let (patient, order) = self.now_of(visit);
        let patient = patient?;
        let mut visit = visit.clone();
        let not_now = match &order {
            Some(order) => {
                visit.units = order.units;
                self.not_now(&visit, order, &patient)
            }
            None if patient.place().is_none_or(|place| place.ward != visit.ward) => Some(LEFT),
            None => None,
        };
        if let Some(why) = not_now {
            self.stage.pass_over(why);
            return None;
        }
        Some(Ready { visit, patient, reason })
    }

    /// Takes by the list of the cabinet, which may follow an order or a transfer a moment later.
    async fn take_by_profile(
        &self,
        cabinet: &Cabinet,
        visit: &Visit,
        reason: Option<&'static str>,
    ) -> Option<(Ready, InHand)> {
        let mut waited = Duration::ZERO;
        loop {
            let ready = self.ready(visit, reason)?;
            let obstacle = if self.told_so_far(visit).is_none() {
                Some(UNDER_WAY)
            } else if reason.is_some() {
                (!cabinet.lists(&ready.patient)).then_some("patient-not-listed")
            } else {
                cabinet.obstacle(&ready.patient, visit.order, visit.item)
            };
            let Some(why) = obstacle else {
                let by = by(&ready.visit, &ready.patient);
                let at = cabinet.station.act('V', visit.item, ready.visit.units, by);
                let removal = self.note(&ready, at, None);
                return Some((ready, InHand { removal: Some(removal), permit: None }));
            };
            if why != UNDER_WAY && self.stage.is_disturbed(&cabinet.station.id) {
                self.stage.pass_over("the profile lags behind on a disturbed line");
                return None;
            }
            if waited >= PROFILE_PATIENCE && why == UNDER_WAY {
                self.stage.pass_over(UNDER_WAY);
                return None;
            }
            if waited >= PROFILE_PATIENCE {
                let (cabinet, order) = (cabinet.station.id.clone(), visit.order);
                self.stage.finding(Finding::NotShown { cabinet, order, why });
                return None;
            }
            sleep(LOOK).await;
            waited += LOOK;
        }
    }

    async fn take_by_permit(
        &self,
        cabinet: &AskingCabinet,
        visit: &Visit,
        reason: Option<&'static str>,
    ) -> Option<(Ready, InHand)> {
        let _guard = cabinet.enter().await;
        self.until_told(visit).await;
        let before = self.told_so_far(visit);
        let ready = self.ready(visit, reason)?;
        let item = &FORMULARY[visit.item];
        let question = Question {
            patient: &ready.patient,
            order: visit.order,
            code: item.code,
            units: ready.visit.units,
            user: &visit.user,
            witness: item.witness.then_some(&visit.witness),
            reason,
        };
        match cabinet.ask(&question).await {
            Ok(opened) if reason.is_some() && opened.by_order => {
                // The prescriber was faster than the nurse who meant to do without an order.
                cabinet.complete(&opened.permit, visit.item, Decimal::ZERO).await;
                self.stage.pass_over("an order came before the override");
                None
            }
            Ok(opened) => {
                let at = self.stage.now();
                let by = by(&ready.visit, &ready.patient);
                cabinet.take(&opened.permit, visit.item, ready.visit.units, by).await;
                let permit = Some(opened.permit);
                let removal = self.note(&ready, at, permit.clone());
                Some((ready, InHand { removal: Some(removal), permit }))
            }
            // A refusal is only wrong while nothing else was told.
            Err(_) if self.has_changed(visit, before) => {
                self.stage.pass_over("things changed while the cabinet asked");
                None
            }
            Err(answer) => {
                self.stage.finding(Finding::WronglyRefused {
                    cabinet: cabinet.station.id.clone(),
                    order: visit.order,
                    code: answer.summary(),
                });
                None
            }
        }
    }

    fn note(&self, ready: &Ready, at: Timestamp, permit: Option<String>) -> usize {
        let Ready { visit, patient, reason } = ready;
        self.stage.book().note(Removal {
            cabinet: self.cabinet.station().id.clone(),
            patient: patient.index,
            order: visit.order,
            item: FORMULARY[visit.item].code,
            taken: visit.units,
            user: visit.user.clone(),
            at,
            permit,
            override_reason: *reason,
            given: Decimal::ZERO,
            wasted: Decimal::ZERO,
            returned: Decimal::ZERO,
            state: RemovalState::Open,
        })
    }

    /// What becomes of it, after a while.
    async fn end(&self, ready: &Ready, plan: Plan, in_hand: InHand) {
        let Ready { visit, patient, .. } = ready;
        self.stage.pause(plan.wait).await;
        let units = visit.units;
        let (mut given, mut wasted, mut returned) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        let mut told = None;
        match plan.ending {
            Ending::Give => (given, told) = (units, Some(Given::Whole)),
            Ending::Refused => (returned, told) = (units, Some(Given::Refused)),
            Ending::Return => returned = units,
            Ending::Part => {
                (given, told) = (half(units), Some(Given::Part));
                wasted = units - given;
            }
            Ending::Waste => wasted = units,
            Ending::Omit => told = Some(Given::Not),
            Ending::Forget | Ending::Null => {}
        }
        if let Some(index) = in_hand.removal {
            let mut book = self.stage.book();
            let removal = &mut book.removals[index];
            (removal.given, removal.wasted, removal.returned) = (given, wasted, returned);
            removal.state = if removal.in_hand().is_zero() {
                RemovalState::Ended
            } else {
                RemovalState::Forgotten
            };
        }
        for (code, amount) in [('R', returned), ('W', wasted)] {
            if amount > Decimal::ZERO {
                let witness = Some(visit.witness.as_str());
                let by = By { witness, ..by(visit, patient) };
                self.at_door(|station| {
                    station.act(code, visit.item, amount, by);
                })
                .await;
            }
        }
        if let Some(how) = told {
            if self.stage.config.bedside_waits {
                self.cabinet.station().outbox.drained().await;
            }
            let item = &FORMULARY[visit.item];
            self.bedside
                .tell(&Told {
                    patient,
                    order: visit.order,
                    item,
                    quantity: given,
                    given: how,
                    performer: &visit.user,
                    witness: item.witness.then_some(&visit.witness),
                    permit: in_hand.permit.as_deref(),
                    by_epma: plan.by_epma,
                })
                .await;
        }
    }
}

/// Who acts; a second person is named where the item needs one.
fn by<'a>(visit: &'a Visit, patient: &'a Patient) -> By<'a> {
    let witness = FORMULARY[visit.item].witness.then_some(visit.witness.as_str());
    By { user: &visit.user, witness, patient: Some(patient), order: visit.order }
}
