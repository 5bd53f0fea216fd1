//! The day is acted out: deed after deed, each when the node has what came before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::drugs::{EXPIRED, EXPIRED_BATCH, RECALLED, RECALLED_BATCH, index};
use super::plan::{HOURS, Plan};
use super::{Deed, Give, Manner, PocketDeed, Sent, Take, Teller, WardDay, What};
use crate::actors::asking::{Question, order_json, patient_json};
use crate::actors::bedside::Told;
use crate::actors::epma::Epma;
use crate::actors::pas::Pas;
use crate::actors::staff::{AnyCabinet, Staff};
use crate::actors::station::By;
use crate::book::{Finding, Given};
use crate::formulary::FORMULARY;
use crate::messages::ras::reason;
use crate::plan::{Ask, Trigger};
use crate::site::{pharmacist_id, ward_code};
use crate::stage::Stage;
use crate::wire::http::HttpClient;
use crate::wire::outbox::Outbox;
use crate::world::{OrderState, Patient, Presence};

/// How long the node may take to tell a cabinet of an order, in real time.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(2);
/// How long the node has to be silent at the end, in real time.
const QUIET: Duration = Duration::from_millis(500);
/// How long after the day's end the last thing is told: everything that is due is noticed then.
const AFTERWARDS: SignedDuration = SignedDuration::from_mins(90);
/// The warnings that a device at the bedside shows, and that somebody confirms.
const CONFIRMED: [&str; 2] = ["late", "partial-dose"];

/// Everybody whom the day needs.
pub(crate) struct Life {
    pub(crate) stage: Arc<Stage>,
    pub(crate) pas: Pas,
    pub(crate) epma: Arc<Epma>,
    pub(crate) wards: Vec<Arc<Staff>>,
    pub(crate) outboxes: BTreeMap<String, Arc<Outbox>>,
    pub(crate) http: HttpClient,
}

/// What happens while it is acted out.
struct Acting {
    life: Life,
    /// What the bedside of a ward did while it was cut off.
    offline: BTreeMap<usize, Vec<Value>>,
    requests: u64,
}

/// Acts a plan out to its end.
pub(crate) async fn live(life: Life, plan: Plan) -> WardDay {
    let start = life.stage.clock().start();
    {
        let mut book = life.stage.book();
        let people = plan.patients.into_iter().map(|patient| (patient.index, patient));
        book.patients.extend(people);
        book.orders.extend(plan.orders.into_iter().map(|order| (order.number, order)));
    }
    for ward in [0, 1] {
        life.wards[ward].cabinet.station().set_batch(index(RECALLED), RECALLED_BATCH);
    }
    life.wards[1].cabinet.station().set_batch(index(EXPIRED), EXPIRED_BATCH);
    let deeds = plan.deeds.len();
    let mut acting = Acting { life, offline: BTreeMap::new(), requests: 0 };
    for deed in plan.deeds {
        acting.act(deed).await;
    }
    acting.end(start + SignedDuration::from_hours(HOURS) + AFTERWARDS).await;
    WardDay { planted: plan.planted, deeds }
}

impl Acting {
    fn stage(&self) -> &Stage {
        &self.life.stage
    }

    fn patient(&self, index: usize) -> Patient {
        self.stage().book().patients[&index].clone()
    }

    fn is_cut_off(&self, ward: usize) -> bool {
        self.offline.contains_key(&ward)
    }

    fn rejected(&self, message: &str, code: String) {
        let link = "ward".to_owned();
        self.stage().finding(Finding::Rejected { link, message: message.to_owned(), code });
    }

    /// Waits until the node has everything that can be told it.
    async fn told(&self) {
        for (link, outbox) in &self.life.outboxes {
            if !self.stage().board.is_cut(link) {
                outbox.drained().await;
            }
        }
    }

    async fn act(&mut self, deed: Deed) {
        self.life.stage.clock().put_forward(deed.at);
        match deed.what {
            What::Admit(patient) => {
                let patient = self.patient(patient);
                self.life.pas.tell(Trigger::A01, &patient, None, deed.at);
            }
            What::Discharge(patient) => self.discharge(patient, deed.at),
            What::Order(ask, number) => self.order(ask, number, deed.at),
            What::LoadAll => self.life.wards[deed.ward].cabinet.station().load_all(),
            What::Take(take) => self.take(deed.ward, &take).await,
            What::Give(give) => self.give(deed.ward, &give).await,
            What::Pocket(pocket) => self.pocket(deed.ward, &pocket),
            What::Send(sent) => self.send(deed.ward, &sent).await,
            What::Recall { item, batch, user } => {
                let reason = "a trial of a recall";
                let code = FORMULARY[item].code;
                let body = json!({"item": code, "batch": batch, "reason": reason, "person": user});
                self.post("/stock/recalls", &body, 201).await;
            }
            What::CutOff(cut) => self.cut_off(deed.ward, cut).await,
        }
        self.told().await;
    }

    fn discharge(&self, index: usize, at: Timestamp) {
        let patient = {
            let mut book = self.stage().book();
            let patient = book.patients.get_mut(&index).expect("the plan knows its patients");
            if let Presence::InBed(from) = patient.presence {
                patient.presence = Presence::Discharged { at, from };
            }
            patient.clone()
        };
        self.life.pas.tell(Trigger::A03, &patient, None, at);
    }

    fn order(&self, ask: Ask, number: u32, at: Timestamp) {
        let order = {
            let mut book = self.stage().book();
            let order = book.orders.get_mut(&number).expect("the plan knows its orders");
            if ask == Ask::Stop {
                order.state = OrderState::Stopped;
            }
            order.clone()
        };
        let patient = self.patient(order.patient);
        self.life.epma.tell_orders(&patient, &[(ask, order)], at);
    }

    /// Posts to the node; what it answers otherwise than expected is a finding.
    async fn post(&mut self, path: &str, body: &Value, expected: u16) -> Value {
        self.requests += 1;
        let key = format!("ward-{:06}", self.requests);
        let answer = self.life.http.post(path, &key, body).await;
        if answer.status != expected {
            self.rejected(path, answer.summary());
        }
        answer.body
    }

    async fn take(&mut self, ward: usize, take: &Take) {
        let staff = Arc::clone(&self.life.wards[ward]);
        let patient = self.patient(take.patient);
        let witness = take.witness.as_deref();
        let by = By { user: &take.user, witness, patient: Some(&patient), order: take.order };
        match &staff.cabinet {
            AnyCabinet::Profiled(cabinet) => {
                if take.manner == Manner::Regular {
                    self.shown(ward, take, &patient).await;
                }
                cabinet.station.act('V', take.item, take.units, by);
            }
            AnyCabinet::Asking(cabinet) => {
                let question = Question {
                    patient: &patient,
                    order: take.order,
                    code: FORMULARY[take.item].code,
                    units: take.units,
                    user: &take.user,
                    witness,
                    reason: take.reason,
                };
                let (cabinet_id, order) = (cabinet.station.id.clone(), take.order);
                match cabinet.ask(&question).await {
                    Ok(_) if take.manner == Manner::Refused => {
                        self.rejected("/cabinet/removals", "permitted".to_owned());
                    }
                    Ok(opened) => cabinet.take(&opened.permit, take.item, take.units, by).await,
                    Err(_) if take.manner == Manner::Refused => {}
                    Err(answer) => {
                        let (cabinet, code) = (cabinet_id, answer.summary());
                        self.stage().finding(Finding::WronglyRefused { cabinet, order, code });
                    }
                }
            }
        }
    }

    /// Waits until the cabinet's list shows what is taken; one that is cut off has its last list.
    async fn shown(&self, ward: usize, take: &Take, patient: &Patient) {
        let AnyCabinet::Profiled(cabinet) = &self.life.wards[ward].cabinet else { return };
        let mut waited = Duration::ZERO;
        while let Some(why) = cabinet.obstacle(patient, take.order, take.item) {
            if waited >= PATIENCE || self.is_cut_off(ward) {
                let (cabinet, order) = (cabinet.station.id.clone(), take.order);
                self.stage().finding(Finding::NotShown { cabinet, order, why });
                return;
            }
            sleep(LOOK).await;
            waited += LOOK;
        }
    }

    fn pocket(&self, ward: usize, deed: &PocketDeed) {
        let station = self.life.wards[ward].cabinet.station();
        let patient = deed.patient.map(|patient| self.patient(patient));
        let by = By {
            user: &deed.user,
            witness: deed.witness.as_deref(),
            patient: patient.as_ref(),
            order: deed.order,
        };
        if deed.code == 'C' {
            station.count_short(deed.item, deed.missing, by);
        } else {
            let amount = deed.amount.unwrap_or_else(|| station.count(deed.item));
            station.act_only(deed.code, deed.item, amount, by);
        }
    }

    async fn give(&mut self, ward: usize, give: &Give) {
        let patient = self.patient(give.patient);
        if give.by == Teller::Scans || self.is_cut_off(ward) {
            return self.scan(ward, give, &patient).await;
        }
        let told = Told {
            patient: &patient,
            order: give.order,
            item: &FORMULARY[give.item],
            quantity: give.given,
            given: give.how,
            performer: &give.user,
            witness: give.witness.as_deref(),
            permit: None,
            by_epma: give.by == Teller::Epma,
        };
        self.life.wards[ward].bedside.tell(&told).await;
    }

    /// Scans wristband and pack and tells it, now or when the ward is back.
    async fn scan(&mut self, ward: usize, give: &Give, patient: &Patient) {
        let cut_off = self.is_cut_off(ward);
        let site = &self.stage().config.site_code;
        let item = &FORMULARY[give.item];
        let mut act = json!({
            "act": if give.how == Given::Refused { "omit" } else { "give" },
            "band": patient.nhs,
            "patient": patient_json(patient, site),
            "packs": [{
                "code": item.barcode(),
                "units": (give.given + give.wasted).normalize().to_string(),
            }],
            "given": give.given.normalize().to_string(),
            "wasted": give.wasted.normalize().to_string(),
            "confirmed": CONFIRMED,
            "performer": give.user,
            "witness": give.witness,
            "activity": self.stage().now().to_string(),
            "offline": cut_off,
        });
        if let Some(order) = give.order {
            act["order"] = order_json(order, site);
        }
        if let Some((code, text)) = reason(give.how) {
            act["reason"] = json!({"system": "http://snomed.info/sct", "code": code, "text": text});
        }
        if cut_off {
            self.offline.entry(ward).or_default().push(act);
        } else {
            self.scans(vec![act]).await;
        }
    }

    /// Tells acts of the bedside: all that is not offline has to pass.
    async fn scans(&mut self, acts: Vec<Value>) {
        let offline = acts.first().is_some_and(|act| act["offline"] == true);
        let answer = self.post("/bedside/scans", &json!({ "acts": acts }), 201).await;
        for act in answer["acts"].as_array().into_iter().flatten() {
            if !offline && act["kept"].is_null() {
                self.rejected("/bedside/scans", act["findings"].to_string());
            }
        }
    }

    async fn send(&mut self, ward: usize, sent: &Sent) {
        let station = self.life.wards[ward].cabinet.station();
        let batch = sent.batch.map_or_else(|| station.batch(sent.item), str::to_owned);
        let body = json!({
            "from": "pharmacy",
            "to": format!("cabinet:{}", station.id),
            "item": FORMULARY[sent.item].code,
            "quantity": sent.units.normalize().to_string(),
            "batch": batch,
            "expiry": sent.expiry.map(|expiry| expiry.to_string()),
            "person": sent.user,
            "witness": sent.witness,
            "activity": self.stage().now().to_string(),
        });
        self.post("/stock/movements", &body, 201).await;
    }

    /// The ward is cut off, or comes back: then its cabinet tells what happened, in its order, and
    /// after it the bedside.
    async fn cut_off(&mut self, ward: usize, cut: bool) {
        let cabinet = self.life.wards[ward].cabinet.station().id.clone();
        self.stage().board.cut(&cabinet, cut);
        if cut {
            self.offline.entry(ward).or_default();
            return;
        }
        let acts = self.offline.remove(&ward).unwrap_or_default();
        self.told().await;
        if !acts.is_empty() {
            self.scans(acts).await;
        }
    }

    /// Long after the day each cabinet is opened once more, so that the node looks at its timers;
    /// then it has told everything when it is silent.
    async fn end(&mut self, at: Timestamp) {
        self.life.stage.clock().put_forward(at);
        for ward in 0..self.life.wards.len() {
            let user = pharmacist_id(ward);
            let nothing = PocketDeed {
                amount: Some(Decimal::ZERO),
                ..PocketDeed::new('N', index("PARA500"), &user, None)
            };
            self.pocket(ward, &nothing);
            self.told().await;
        }
        let begun = std::time::Instant::now();
        while self.stage().heard_at().elapsed() < QUIET && begun.elapsed() < PATIENCE {
            sleep(LOOK).await;
        }
    }
}

/// The name of the link on which the day's own requests go.
pub(crate) fn link() -> String {
    format!("http/{}", ward_code(0))
}
