//! What is done wrong on purpose, each with the cases that it has to end as.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rust_decimal::Decimal;

use super::drugs::{EXPIRED, EXPIRED_BATCH, RECALLED, RECALLED_BATCH, half, index};
use super::plan::{Dose, PATIENTS, Writer};
use super::{Give, Manner, Planted, PocketDeed, Sent, Take, Teller, Wanted, What};
use crate::book::Given;
use crate::chance::Chance;
use crate::formulary::{FORMULARY, Timing};
use crate::plan::Ask;
use crate::site::{assistant_id, nurse_id, pharmacist_id};

/// The ward on which somebody diverts, and that is cut off for two hours.
const FIRST: usize = 0;
/// The ward on which most of the rest is planted.
const SECOND: usize = 1;
/// The ward whose cabinet asks.
const ASKING: usize = 2;
/// When the first ward is cut off, and when it is back, in minutes after the start.
const CUT_OFF: [i64; 2] = [330, 450];
/// How many capsules the diverter keeps, one at a time.
const KEPT: usize = 3;

/// A case that has to open.
fn wanted(
    kind: &'static str,
    reason: &'static str,
    person: &str,
    item: &'static str,
    ward: usize,
) -> Wanted {
    let (person, place) = (Some(person.to_owned()), Some(Writer::cabinet_of(ward)));
    Wanted { kind, reason, person, item: Some(item), place }
}

/// The patient in a bed of a ward.
fn patient_in(ward: usize, bed: usize) -> usize {
    ward * PATIENTS + bed - 1
}

impl Writer {
    fn planted(&mut self, name: &'static str, cases: Vec<Wanted>) {
        self.plan.planted.push(Planted { name, cases });
    }

    /// Everything that is done wrong, apart from what the diverter does with the doses of others.
    pub(super) fn plant(&mut self) {
        self.cut_off();
        self.unauthorised();
        self.by_an_assistant();
        self.by_an_override();
        self.after_discharge();
        self.ghost();
        self.ghost_without_removal();
        self.wastes();
        self.count_error();
        self.recalled();
        self.expired();
        self.missing();
    }

    /// Somebody in a bed whose number has that remainder by four: that tells what was ordered.
    fn any(&mut self, ward: usize, rest: usize) -> usize {
        let beds: Vec<usize> = (1..=PATIENTS).filter(|bed| bed % 4 == rest).collect();
        let bed = *self.rng.pick(&beds);
        patient_in(ward, bed)
    }

    /// An order for what is planted, placed an hour before.
    fn order_for(&mut self, patient: usize, code: &str, units: Decimal, minute: i64) -> usize {
        let at = self.at(minute - 60);
        self.order(at, patient, index(code), units, Timing::Prn(4))
    }

    /// The diverter of the first ward, who has two shifts, takes most of the strong pain killers:
    /// of the morphine a half is wasted nearly each time that a whole one was ordered, of the
    /// oxycodone one capsule of two is never told of again.
    pub(super) fn diverts(&mut self, ward: usize, dose: Dose) -> bool {
        let order = &self.plan.orders[dose.order];
        let (item, units) = (FORMULARY[order.item].code, order.units);
        let diverter = nurse_id(FIRST, 1);
        let [one, other] = self.on_shift(ward, dose.at);
        if ward != FIRST || ![&one, &other].contains(&&diverter) {
            return false;
        }
        let witness = if one == diverter { other } else { one };
        let minute = dose.at.duration_since(self.start).as_mins();
        let cut_off = (CUT_OFF[0]..CUT_OFF[1]).contains(&minute);
        match item {
            "MORPH10" if self.rng.per_mille(600) => self.wastes_half(dose, &diverter, &witness),
            // The other nurse of the shift gives what the diverter does not.
            "MORPH10" => {
                self.dose_by(dose, &witness, &diverter);
                true
            }
            "OXYC5" if units == Decimal::TWO && !cut_off => {
                self.keeps_one(dose, &diverter, &witness)
            }
            _ => false,
        }
    }

    fn wastes_half(&mut self, dose: Dose, diverter: &str, witness: &str) -> bool {
        let (take, give) = self.parts(dose, diverter, witness);
        let give = Give { given: half(), how: Given::Part, by: Teller::Epma, ..give };
        let waste = PocketDeed::of('W', &take, half());
        let after = |seconds| dose.at + SignedDuration::from_secs(seconds);
        self.deed(dose.at, FIRST, What::Take(take));
        self.deed(after(70), FIRST, What::Pocket(waste));
        self.deed(after(240), FIRST, What::Give(give));
        let name = "wastes a half of most doses, properly witnessed";
        if !self.plan.planted.iter().any(|planted| planted.name == name) {
            let case = Wanted {
                item: Some("MORPH10"),
                ..wanted("person-pattern", "waste-above-others", diverter, "MORPH10", FIRST)
            };
            self.planted(name, vec![case]);
        }
        true
    }

    fn keeps_one(&mut self, dose: Dose, diverter: &str, witness: &str) -> bool {
        let name = "gives one of two capsules and never tells of the other";
        let kept = self.plan.planted.iter().filter(|planted| planted.name == name).count();
        if kept == KEPT {
            return false;
        }
        let (take, give) = self.parts(dose, diverter, witness);
        let give = Give { given: Decimal::ONE, how: Given::Part, by: Teller::Epma, ..give };
        self.deed(dose.at, FIRST, What::Take(take));
        self.deed(dose.at + SignedDuration::from_secs(240), FIRST, What::Give(give));
        let mut cases =
            vec![wanted("unaccounted-dose", "not-accounted-for", diverter, "OXYC5", FIRST)];
        if kept + 1 == KEPT {
            cases.push(wanted("person-pattern", "repeated", diverter, "OXYC5", FIRST));
        }
        self.planted(name, cases);
        true
    }

    /// For two hours the first ward is cut off. An order that is stopped meanwhile is still on the
    /// cabinet's list, and its dose is given.
    fn cut_off(&mut self) {
        for (minute, cut) in CUT_OFF.into_iter().zip([true, false]) {
            let at = self.start + SignedDuration::from_mins(minute);
            self.deed(at, FIRST, What::CutOff(cut));
        }
        let patient = self.any(FIRST, 3);
        let order = self.order_for(patient, "ONDA4", Decimal::ONE, 120);
        let number = self.plan.orders[order].number;
        let stopped = self.at(345);
        self.deed(stopped, FIRST, What::Order(Ask::Stop, number));
        let minute = self.rng.random_range(365..400);
        let at = self.at(minute);
        let person = self.gives(FIRST, order, at, Manner::Regular);
        let taken = wanted("dispensed-without-order", "stopped", &person, "ONDA4", FIRST);
        let given = Wanted { kind: "bedside-deviation", place: None, ..taken.clone() };
        self.planted(
            "takes and gives on an order that was stopped while cut off",
            vec![taken, given],
        );
    }

    /// An ordinary dose of a planted order; the person who takes and gives it.
    fn gives(&mut self, ward: usize, order: usize, at: Timestamp, manner: Manner) -> String {
        let (user, witness) = self.pair(ward, at);
        let (take, give) = self.parts(Dose { order, at }, &user, &witness);
        self.deed(at, ward, What::Take(Take { manner, ..take }));
        self.deed(
            at + SignedDuration::from_secs(200),
            ward,
            What::Give(Give { by: Teller::Epma, ..give }),
        );
        user
    }

    /// Taken without any order at a cabinet that was opened by hand, and given.
    fn unauthorised(&mut self) {
        let patient = self.any(SECOND, 2);
        let minute = self.rng.random_range(120..700);
        let at = self.at(minute);
        let person = self.without_order(SECOND, (patient, "MIDA10"), at, Manner::ByHand, None);
        let case = wanted("dispensed-without-order", "no-order", &person, "MIDA10", SECOND);
        self.planted("takes a controlled drug without an order", vec![case]);
    }

    fn without_order(
        &mut self,
        ward: usize,
        (patient, code): (usize, &str),
        at: Timestamp,
        manner: Manner,
        reason: Option<&'static str>,
    ) -> String {
        let (user, witness) = self.pair(ward, at);
        let item = index(code);
        let witness = FORMULARY[item].witness.then_some(witness);
        let (order, units) = (None, Decimal::ONE);
        let take = Take {
            patient,
            order,
            item,
            units,
            user: user.clone(),
            witness: witness.clone(),
            reason,
            manner,
        };
        self.deed(at, ward, What::Take(take));
        if manner != Manner::Refused {
            let give = Give {
                patient,
                order,
                item,
                given: units,
                wasted: Decimal::ZERO,
                how: Given::Whole,
                by: Teller::ByHand,
                user: user.clone(),
                witness,
            };
            self.deed(at + SignedDuration::from_secs(180), ward, What::Give(give));
        }
        user
    }

    /// An assistant takes what a nurse then gives.
    fn by_an_assistant(&mut self) {
        let patient = self.any(FIRST, 1);
        let order = self.order_for(patient, "CYCL50", Decimal::ONE, 180);
        let minute = self.rng.random_range(190..320);
        let at = self.at(minute);
        let (user, witness) = self.pair(FIRST, at);
        let (take, give) = self.parts(Dose { order, at }, &user, &witness);
        let person = assistant_id(FIRST);
        self.deed(at, FIRST, What::Take(Take { user: person.clone(), ..take }));
        let later = at + SignedDuration::from_secs(200);
        self.deed(later, FIRST, What::Give(Give { by: Teller::Epma, ..give }));
        let case = wanted("dispensed-without-order", "user-not-allowed", &person, "CYCL50", FIRST);
        self.planted("an assistant takes a dose", vec![case]);
    }

    /// At the cabinet that asks: an override that is allowed, and two that are refused.
    fn by_an_override(&mut self) {
        let (patient, minute) = (self.any(ASKING, 0), self.rng.random_range(100..700));
        let at = self.at(minute);
        let why = Some("patient in pain, prescriber called");
        let person = self.without_order(ASKING, (patient, "IBUP400"), at, Manner::Regular, why);
        let case = wanted("override", "override", &person, "IBUP400", ASKING);
        self.planted("an override to be reviewed", vec![case]);
        let at = self.at(minute + 3);
        self.without_order(ASKING, (patient, "OXYC5"), at, Manner::Refused, why);
        self.planted("an override that is not allowed, and refused", Vec::new());
    }

    /// The patient goes home; what was planned for later is not done.
    fn goes_home(&mut self, ward: usize, patient: usize, minute: i64) {
        let at = self.at(minute);
        let till = at - SignedDuration::from_mins(30);
        self.plan.deeds.retain(|deed| {
            let about = match &deed.what {
                What::Take(take) => Some(take.patient),
                What::Give(give) => Some(give.patient),
                What::Pocket(pocket) => pocket.patient,
                _ => None,
            };
            about != Some(patient) || deed.at < till
        });
        self.deed(at, ward, What::Discharge(patient));
    }

    /// Something is taken for a patient who went home three hours before, and put back.
    fn after_discharge(&mut self) {
        let patient = patient_in(SECOND, 3);
        self.goes_home(SECOND, patient, 500);
        let order = self.order_for(patient, "CYCL50", Decimal::ONE, 180);
        let minute = self.rng.random_range(690..760);
        let at = self.at(minute);
        let (user, witness) = self.pair(SECOND, at);
        let (take, _) = self.parts(Dose { order, at }, &user, &witness);
        let back = PocketDeed::of('R', &take, take.units);
        self.deed(at, SECOND, What::Take(Take { manner: Manner::ByHand, ..take }));
        self.deed(at + SignedDuration::from_secs(150), SECOND, What::Pocket(back));
        let case = wanted("dispensed-without-order", "stopped", &user, "CYCL50", SECOND);
        self.planted("takes something for a patient who went home", vec![case]);
    }

    /// Something is taken within the time of grace for a patient who went home, and told as given
    /// after it, when nobody was there any more.
    fn ghost(&mut self) {
        let patient = patient_in(SECOND, 7);
        self.goes_home(SECOND, patient, 500);
        let order = self.order_for(patient, "OXYC5", Decimal::ONE, 180);
        let (taken, given) = (self.at(580), self.at(626));
        let (user, witness) = self.pair(SECOND, taken);
        let (take, give) = self.parts(Dose { order, at: taken }, &user, &witness);
        self.deed(taken, SECOND, What::Take(Take { manner: Manner::ByHand, ..take }));
        self.deed(given, SECOND, What::Give(Give { by: Teller::ByHand, ..give }));
        let case = Wanted {
            place: None,
            ..wanted("bedside-deviation", "not-in-hospital", &user, "OXYC5", SECOND)
        };
        self.planted("tells of a dose for a patient who is not there", vec![case]);
    }

    /// A dose is told that nobody took out of a cabinet.
    fn ghost_without_removal(&mut self) {
        let (patient, minute) = (self.any(SECOND, 1), self.rng.random_range(120..700));
        let at = self.at(minute);
        let (user, witness) = self.pair(SECOND, at);
        let give = Give {
            patient,
            order: None,
            item: index("OXYC5"),
            given: Decimal::ONE,
            wasted: Decimal::ZERO,
            how: Given::Whole,
            by: Teller::ByHand,
            user: user.clone(),
            witness: Some(witness),
        };
        self.deed(at, SECOND, What::Give(give));
        let (kind, reason) = ("unmatched-transaction", "administration-without-removal");
        let case = Wanted { place: None, ..wanted(kind, reason, &user, "OXYC5", SECOND) };
        self.planted("tells of a dose that was never taken", vec![case]);
    }

    /// A waste that nobody saw, and one of more than was there.
    fn wastes(&mut self) {
        let patient = self.any(SECOND, 2);
        let order = self.order_for(patient, "MIDA10", half(), 130);
        let minute = self.rng.random_range(140..400);
        let at = self.at(minute);
        let (user, witness) = self.pair(SECOND, at);
        let (take, give) = self.parts(Dose { order, at }, &user, &witness);
        let waste = PocketDeed { witness: None, ..PocketDeed::of('W', &take, half()) };
        let after = |seconds| at + SignedDuration::from_secs(seconds);
        self.deed(at, SECOND, What::Take(take));
        self.deed(after(60), SECOND, What::Pocket(waste));
        self.deed(after(240), SECOND, What::Give(Give { by: Teller::Epma, ..give }));
        let kind = "unmatched-transaction";
        let case = wanted(kind, "waste-not-witnessed", &user, "MIDA10", SECOND);
        self.planted("wastes without a witness", vec![case]);

        let (patient, minute) = (self.any(SECOND, 0), self.rng.random_range(120..700));
        let at = self.at(minute);
        let (user, witness) = self.pair(SECOND, at);
        let waste = PocketDeed {
            amount: Some(Decimal::ONE),
            patient: Some(patient),
            ..PocketDeed::new('W', index("OXYC5"), &user, Some(&witness))
        };
        self.deed(at, SECOND, What::Pocket(waste));
        let case = wanted(kind, "waste-without-removal", &user, "OXYC5", SECOND);
        self.planted("wastes what was never taken", vec![case]);
    }

    /// A count finds one less than there ought to be.
    fn count_error(&mut self) {
        let ward = if self.rng.per_mille(500) { SECOND } else { ASKING };
        let minute = self.rng.random_range(460..600);
        let at = self.at(minute);
        let (user, witness) = self.pair(ward, at);
        let count = PocketDeed {
            missing: Decimal::ONE,
            ..PocketDeed::new('C', index("OXYC5"), &user, Some(&witness))
        };
        self.deed(at, ward, What::Pocket(count));
        let case = wanted("discrepancy", "count-differs", &user, "OXYC5", ward);
        self.planted("a count that finds one less", vec![case]);
    }

    /// A batch is recalled; on one ward it is taken out, on the other it is given before that.
    fn recalled(&mut self) {
        let (at, user) = (self.at(600), pharmacist_id(2));
        let item = index(RECALLED);
        let recall = What::Recall { item, batch: RECALLED_BATCH, user: user.clone() };
        self.deed(at, FIRST, recall);
        let stock = |ward| wanted("recall", "recalled-stock", &user, RECALLED, ward);
        let mut cases = vec![stock(FIRST), stock(SECOND)];
        let patient = self.any(FIRST, 2);
        let order = self.order_for(patient, RECALLED, Decimal::ONE, 560);
        let taken = self.at(620);
        let person = self.gives(FIRST, order, taken, Manner::Regular);
        let taken = wanted("recall", "recalled-batch-taken", &person, RECALLED, FIRST);
        let given = Wanted { reason: "recalled-batch-given", place: None, ..taken.clone() };
        cases.extend([taken, given]);
        for (ward, minute) in [(SECOND, 625), (FIRST, 640)] {
            let at = self.at(minute);
            let (user, _) = self.pair(ward, at);
            self.deed(at, ward, What::Pocket(PocketDeed::new('U', item, &user, None)));
        }
        self.planted("a recalled batch, given once more", cases);
    }

    /// A batch is put into a pocket whose last day is over, and a dose of it is given.
    fn expired(&mut self) {
        let item = index(EXPIRED);
        let at = self.start + SignedDuration::from_mins(3);
        let today = self.start.to_zoned(jiff::tz::TimeZone::UTC).date();
        let sent = Sent {
            item,
            units: Decimal::from(80),
            batch: Some(EXPIRED_BATCH),
            expiry: today.yesterday().ok(),
            user: pharmacist_id(0),
            witness: Some(pharmacist_id(1)),
        };
        self.deed(at, SECOND, What::Send(sent));
        let patient = self.any(SECOND, 0);
        let order = self.order_for(patient, EXPIRED, Decimal::ONE, 80);
        let taken = self.at(100);
        let person = self.gives(SECOND, order, taken, Manner::Regular);
        let at = self.at(150);
        let (user, _) = self.pair(SECOND, at);
        self.deed(at, SECOND, What::Pocket(PocketDeed::new('E', item, &user, None)));
        let case = wanted("recall", "expired-batch-taken", &person, EXPIRED, SECOND);
        self.planted("a batch that is out of date", vec![case]);
    }

    /// What the pharmacy sent never arrives.
    fn missing(&mut self) {
        let user = pharmacist_id(3);
        let minute = self.rng.random_range(120..300);
        let at = self.at(minute);
        let sent = Sent {
            item: index("IBUP400"),
            units: Decimal::TEN,
            batch: None,
            expiry: None,
            user: user.clone(),
            witness: None,
        };
        self.deed(at, SECOND, What::Send(sent));
        let case = wanted("consignment", "not-arrived", &user, "IBUP400", SECOND);
        self.planted("a consignment that never arrives", vec![case]);
    }
}
