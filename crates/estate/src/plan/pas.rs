//! The PAS: who comes, who moves, who goes.

use jiff::SignedDuration;
use rand::RngExt;

use super::{Due, Event, Planner, Trigger};
use crate::chance::Chance;
use crate::identity::invent;
use crate::world::{Patient, Place, Presence};

/// The share of beds that are filled, in a thousand.
const OCCUPANCY: u16 = 850;

impl Planner {
    /// Fills the wards, and sets the flow that keeps them filled.
    pub(super) fn open_pas(&mut self) {
        let fill = i64::from(self.config.fill_min.max(1));
        let beds = self.config.wards * usize::from(self.config.beds_per_ward);
        for _ in 0..beds {
            if self.pas.per_mille(OCCUPANCY) {
                let wait = self.pas.minutes(0..fill);
                self.after(wait, Due::Arrive { again: false });
            }
        }
        let wait = SignedDuration::from_mins(fill) + self.until_next_arrival();
        self.after(wait, Due::Arrive { again: true });
    }

    /// The beds times their occupancy, each emptied once in a mean stay, give the rate.
    fn until_next_arrival(&mut self) -> SignedDuration {
        let beds = i64::try_from(self.config.wards).unwrap_or(1)
            * i64::from(self.config.beds_per_ward)
            * i64::from(OCCUPANCY);
        let mean_s = i64::from(self.config.mean_stay_h) * 3_600 * 1_000 / beds.max(1);
        let low = mean_s / 2;
        SignedDuration::from_secs(self.pas.random_range(low..=low + mean_s.max(1)))
    }

    fn tell(&mut self, trigger: Trigger, patient: usize) {
        let patient = Box::new(self.patients[patient].clone());
        self.out.push(Event::Patient { trigger, patient, merged: None });
    }

    fn new_patient(&mut self, nhs: Option<String>) -> usize {
        let index = self.patients.len();
        let person = invent(&mut self.pas);
        self.patients.push(Patient {
            index,
            nhs,
            mrn: format!("H{:06}", 100_001 + index),
            family: person.family,
            given: person.given,
            born: person.born,
            sex: person.sex,
            house: self.pas.random_range(1..200),
            penicillin_allergy: self.pas.per_mille(100),
            visit: 0,
            presence: Presence::Away,
            previous: None,
            admitted: None,
        });
        index
    }

    pub(super) fn arrive(&mut self, again: bool) {
        if again {
            let wait = self.until_next_arrival();
            self.after(wait, Due::Arrive { again: true });
        }
        if let Some(nhs) = self.numbers.next() {
            let patient = self.new_patient(Some(nhs));
            if self.pas.per_mille(250) {
                self.tell(Trigger::A28, patient);
            }
            let emergency = again && self.pas.per_mille(300);
            if emergency {
                self.patients[patient].presence = Presence::Outpatient;
                self.patients[patient].visit += 1;
                self.tell(Trigger::A04, patient);
            }
            let wait = self.pas.minutes(if emergency { 20..90 } else { 0..1 });
            self.after(wait, Due::Admit { patient });
        }
    }

    fn occupy(&mut self, patient: usize, place: Place) {
        if let Some(left) = self.patients[patient].place() {
            self.taken_beds.remove(&left);
            self.patients[patient].previous = Some(left);
        }
        self.taken_beds.insert(place, patient);
        self.patients[patient].presence = Presence::InBed(place);
    }

    pub(super) fn admit(&mut self, index: usize) {
        let free = self.free_beds();
        if free.is_empty() {
            let wait = self.pas.minutes(30..60);
            self.after(wait, Due::Admit { patient: index });
            return;
        }
        let place = *self.pas.pick(&free);
        let patient = &mut self.patients[index];
        if patient.presence != Presence::Outpatient {
            patient.visit += 1;
        }
        patient.previous = None;
        patient.admitted = Some(self.now);
        let visit = patient.visit;
        self.occupy(index, place);
        self.tell(Trigger::A01, index);
        self.foresee(index, visit);
    }

    /// What will become of an admission.
    fn foresee(&mut self, patient: usize, visit: u32) {
        if self.pas.per_mille(30) {
            let wait = self.pas.minutes(3..6);
            self.after(wait, Due::CancelAdmission { patient, visit });
            return;
        }
        let stay = i64::from(self.config.mean_stay_h) * 60;
        let minutes = self.pas.random_range(stay / 3..=stay * 5 / 3);
        self.after(SignedDuration::from_mins(minutes), Due::Discharge { patient, visit });
        if self.pas.per_mille(300) {
            let wait = self.pas.minutes(40..minutes.max(41));
            self.after(wait, Due::Transfer { patient, visit });
        }
        if self.pas.per_mille(150) {
            let wait = self.pas.minutes(10..120);
            let person = self.pas.per_mille(300);
            self.after(wait, Due::Update { patient, visit, person });
        }
        if self.pas.per_mille(30) {
            let wait = self.pas.minutes(10..60);
            self.after(wait, Due::Duplicate { patient, visit });
        }
        self.foresee_orders(patient, visit);
    }

    pub(super) fn transfer(&mut self, patient: usize, visit: u32) {
        let Some(from) = self.in_bed(patient, visit) else {
            return;
        };
        let free = self.free_beds();
        if free.is_empty() {
            return;
        }
        let to = *self.pas.pick(&free);
        self.occupy(patient, to);
        self.tell(Trigger::A02, patient);
        if self.pas.per_mille(120) {
            let wait = self.pas.minutes(10..30);
            self.after(wait, Due::UndoTransfer { patient, visit, back: from });
        }
    }

    pub(super) fn undo_transfer(&mut self, patient: usize, visit: u32, back: Place) {
        if self.in_bed(patient, visit).is_none() || self.taken_beds.contains_key(&back) {
            return;
        }
        self.occupy(patient, back);
        self.tell(Trigger::A12, patient);
    }

    /// Most orders are stopped before the patient leaves, some only afterwards.
    pub(super) fn discharge(&mut self, patient: usize, visit: u32) {
        let Some(from) = self.in_bed(patient, visit) else {
            return;
        };
        if self.pas.per_mille(700) {
            self.stop_running(patient);
        } else {
            let wait = self.pas.minutes(20..50);
            self.after(wait, Due::StopAll { patient, visit });
        }
        self.taken_beds.remove(&from);
        self.patients[patient].presence = Presence::Discharged { at: self.now, from };
        self.tell(Trigger::A03, patient);
        if self.pas.per_mille(80) {
            let wait = self.pas.minutes(5..40);
            self.after(wait, Due::UndoDischarge { patient, visit });
        }
    }

    pub(super) fn undo_discharge(&mut self, patient: usize, visit: u32) {
        let Presence::Discharged { from, .. } = self.patients[patient].presence else {
            return;
        };
        if self.patients[patient].visit != visit || self.taken_beds.contains_key(&from) {
            return;
        }
        self.occupy(patient, from);
        self.tell(Trigger::A13, patient);
        let wait = self.pas.minutes(120..600);
        self.after(wait, Due::Discharge { patient, visit });
        if self.running(patient).is_empty() {
            self.foresee_orders(patient, visit);
        }
    }

    pub(super) fn cancel_admission(&mut self, patient: usize, visit: u32) {
        let Some(place) = self.in_bed(patient, visit) else {
            return;
        };
        self.taken_beds.remove(&place);
        self.patients[patient].presence = Presence::Cancelled;
        self.patients[patient].previous = Some(place);
        self.tell(Trigger::A11, patient);
    }

    pub(super) fn update(&mut self, patient: usize, visit: u32, person: bool) {
        if self.in_bed(patient, visit).is_none() {
            return;
        }
        self.patients[patient].house += 200;
        self.tell(if person { Trigger::A31 } else { Trigger::A08 }, patient);
    }

    /// Somebody opens a second record for the same person, without an NHS number.
    pub(super) fn duplicate(&mut self, survivor: usize, visit: u32) {
        if self.in_bed(survivor, visit).is_none() {
            return;
        }
        let duplicate = self.new_patient(None);
        let known = self.patients[survivor].clone();
        let record = &mut self.patients[duplicate];
        record.family = known.family;
        record.given = known.given;
        record.born = known.born;
        record.sex = known.sex;
        record.penicillin_allergy = known.penicillin_allergy;
        self.tell(Trigger::A28, duplicate);
        let wait = self.pas.minutes(20..90);
        self.after(wait, Due::Merge { survivor, duplicate });
    }

    pub(super) fn merge(&mut self, survivor: usize, duplicate: usize) {
        self.patients[duplicate].presence = Presence::Merged { into: survivor };
        self.out.push(Event::Patient {
            trigger: Trigger::A40,
            patient: Box::new(self.patients[survivor].clone()),
            merged: Some(Box::new(self.patients[duplicate].clone())),
        });
    }
}
