//! A small hospital for tests: one site, its state, and short ways to ask it things.

#![expect(dead_code, reason = "each test file uses its own part of the harness")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use access::{Person, Role};
use fhir::resources::{
    Encounter, EncounterLocation, EncounterStatus, MedicationAdministrationStatus,
    MedicationRequest, MedicationRequestIntent, MedicationRequestStatus, Patient,
};
use fhir::types::{
    CodeableConcept, Coding, Dosage, DoseAndRate, Identifier, Quantity as FhirQuantity, Reference,
    Repeat, Timing, UnitOfTime,
};
use fhir::{Id, ResourceType, StoredResource};
use fhir_search::{Nowhere, SearchRequest};
use jiff::Timestamp;
use medicines::bedside::Administration;
use medicines::cabinet::TransactionCode;
use medicines::cabinet::{Asked, Bin, Coded, Permit, Refusal, RefusalCode, Staff, Transaction};
use medicines::cases::CaseKind;
use medicines::controlled::{ControlledFact, Note, Schedule};
use medicines::orders::{Control, OrderMessage};
use medicines::patients::{PatientEvent, PatientMessage};
use medicines::stock::{
    Account, Destination, Move, PocketAddress, StockAct, Transfer, TransferState,
};
use medicines::{
    Answer, Cabinet, Cold, Context, Decision, Fact, Item, Quantity, Recorder, Request, Row,
    RowKind, Site, State, decide,
};
use rust_decimal::Decimal;

pub(crate) const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";
pub(crate) const MRN: &str = "https://rxx.nhs.uk/Id/mrn";
pub(crate) const VISIT: &str = "https://rxx.nhs.uk/Id/visit";
pub(crate) const ORDER: &str = "https://rxx.nhs.uk/Id/order/epma";
pub(crate) const ITEM: &str = "https://rxx.nhs.uk/Id/item";
pub(crate) const ANNA: &str = "9990000018";
pub(crate) const BELA: &str = "9990000026";

/// The newest rows and resources, as a record would keep them.
#[derive(Debug, Default)]
struct Kept {
    rows: BTreeMap<(RowKind, String), Row>,
    resources: BTreeMap<(String, Id), (u64, StoredResource)>,
    deleted: BTreeMap<(String, Id), u64>,
    transfers: BTreeMap<Id, Transfer>,
    /// The items of counts and notes.
    entered: BTreeMap<Id, String>,
    /// What corrects an entry.
    corrections: BTreeMap<Id, Vec<Id>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Kept>>);

impl Cold for Shelf {
    fn row(&self, kind: RowKind, key: &str) -> Option<Vec<u8>> {
        let kept = self.0.lock().unwrap();
        kept.rows.get(&(kind, key.to_owned())).map(|row| row.body.json().into_owned())
    }

    fn resource(&self, kind: ResourceType, id: &Id) -> Option<StoredResource> {
        let kept = self.0.lock().unwrap();
        kept.resources.get(&(kind.to_string(), id.clone())).map(|(_, r)| r.clone())
    }

    fn deleted(&self, kind: ResourceType, id: &Id) -> Option<u64> {
        let (kept, key) = (self.0.lock().unwrap(), (kind.to_string(), id.clone()));
        if kept.resources.contains_key(&key) { None } else { kept.deleted.get(&key).copied() }
    }

    fn matching(&self, search: &SearchRequest) -> Option<Vec<Id>> {
        let kept = self.0.lock().unwrap();
        let all = kept.resources.values().map(|(_, it)| it);
        let found = all.filter(|it| search.matches(it, &Nowhere));
        Some(found.map(|it| it.id.clone()).take(2).collect())
    }

    fn transfer(&self, id: &Id) -> Option<Transfer> {
        self.0.lock().unwrap().transfers.get(id).cloned()
    }

    fn entered(&self, source: &Id) -> Option<String> {
        let kept = self.0.lock().unwrap();
        let moved = kept.transfers.get(source).map(|moved| moved.item.clone());
        moved.or_else(|| kept.entered.get(source).cloned())
    }

    fn corrections(&self, of: &Id) -> Vec<Id> {
        self.0.lock().unwrap().corrections.get(of).cloned().unwrap_or_default()
    }

    fn resources_of(&self, patient: &Id) -> Vec<StoredResource> {
        let reference = format!("\"Patient/{patient}\"");
        let kept = self.0.lock().unwrap();
        let mut found: Vec<_> =
            kept.resources.values().filter(|(_, r)| r.json().contains(&reference)).collect();
        found.sort_by_key(|(first, _)| *first);
        found.into_iter().map(|(_, r)| r.clone()).collect()
    }
}

pub(crate) struct Hospital {
    pub(crate) state: State,
    pub(crate) shelf: Shelf,
    pub(crate) facts: Vec<Fact>,
    pub(crate) now: Timestamp,
    seq: u64,
    source: String,
    pub(crate) dictionary: Option<Arc<terminology::Index>>,
}

pub(crate) fn time(text: &str) -> Timestamp {
    format!("2026-11-20T{text}Z").parse().unwrap()
}

pub(crate) fn site() -> Site {
    let item = |code: &str, unit: &str, strength: &str, witness, override_allowed| Item {
        code: code.into(),
        name: format!("{code} {unit}s"),
        codings: vec![("https://dmd.nhs.uk".into(), format!("99{}", code.len()))],
        unit: unit.into(),
        strength: strength
            .split_once(' ')
            .map(|(value, unit)| Quantity::new(value.parse().unwrap(), unit)),
        witness,
        override_allowed,
        ..Item::default()
    };
    let cabinet = |system: &str, station: &str, ward: &str, channel: Option<&str>| Cabinet {
        system: system.into(),
        station: station.into(),
        wards: vec![ward.into()],
        channel: channel.map(str::to_owned),
    };
    let person = |id: &str, role| Person {
        id: id.into(),
        name: format!("Test, {id}"),
        role,
        training: vec![],
    };
    Site {
        code: "RXX".into(),
        cabinets: vec![
            cabinet("ADC", "WARDA1", "WARDA", Some("to-a")),
            cabinet("ADC", "WARDB1", "WARDB", Some("to-b")),
        ],
        recorders: vec![Recorder { channel: "to-epma".into(), hears_from: Some("epma".into()) }],
        items: vec![
            item("PARA500", "tablet", "500 mg", false, true),
            item("MORPH10", "ampoule", "10 mg", true, true),
            item("POTCHL", "ampoule", "20 mg", false, false),
        ],
        people: vec![
            person("N1", Role::Nurse),
            person("N2", Role::Nurse),
            person("HCA", Role::Assistant),
            person("P1", Role::Pharmacist),
        ],
        ..Site::default()
    }
}

impl Hospital {
    /// A hospital with Anna on ward A, at 08:00.
    pub(crate) fn new() -> Self {
        let mut hospital = Hospital::empty();
        hospital.admit(ANNA, "V1", "WARDA");
        hospital
    }

    pub(crate) fn empty() -> Self {
        let shelf = Shelf::default();
        let mut hospital = Hospital {
            state: State::new(Box::new(shelf.clone())),
            shelf,
            facts: Vec::new(),
            now: time("08:00:00"),
            seq: 0,
            source: "pas".into(),
            dictionary: None,
        };
        hospital.ask(Request::Configure(Box::new(site())));
        hospital
    }

    /// Puts the site in force with something changed in it.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Site)) {
        let mut site = Site::clone(self.state.site());
        change(&mut site);
        self.ask(Request::Configure(Box::new(site)));
    }

    /// Makes an item a controlled drug of Schedule 2.
    pub(crate) fn control(&mut self, code: &str) {
        self.configure(|site| {
            let item = site.items.iter_mut().find(|item| item.code == code).unwrap();
            item.controlled = Some(Schedule::Two);
        });
    }

    pub(crate) fn at(&mut self, text: &str) -> &mut Self {
        self.now = time(text);
        self
    }

    pub(crate) fn from(&mut self, source: &str) -> &mut Self {
        self.source = source.into();
        self
    }

    /// Decides and folds; the shelf keeps what changed, and memory lets go of what ended.
    #[expect(clippy::needless_pass_by_value, reason = "requests are made where they are asked")]
    pub(crate) fn ask(&mut self, request: Request) -> Answer {
        self.decide(&request).answer
    }

    pub(crate) fn decide(&mut self, request: &Request) -> Decision {
        self.seq += 1;
        let (source, dictionary) = (self.source.clone(), self.dictionary.clone());
        let ctx = Context { seq: self.seq, now: self.now, source, dictionary };
        let decision = decide(&mut self.state, &ctx, request);
        self.fold(&decision.facts);
        Decision { facts: decision.facts, answer: decision.answer }
    }

    fn fold(&mut self, facts: &[Fact]) {
        self.state.fold(self.seq, facts);
        self.facts.extend_from_slice(facts);
        let mut kept = self.shelf.0.lock().unwrap();
        for fact in facts {
            if let Fact::Deleted(deleted) = fact {
                let key = (deleted.resource_type.to_string(), deleted.id.clone());
                kept.resources.remove(&key);
                kept.deleted.insert(key, deleted.version);
            }
            match fact {
                Fact::Moved(moved) if moved.state == TransferState::Posted => {
                    kept.transfers.insert(moved.id.clone(), Transfer::clone(moved));
                }
                Fact::Controlled(fact) => match &**fact {
                    ControlledFact::Counted(count) => {
                        kept.entered.insert(count.id.clone(), count.item.clone());
                    }
                    ControlledFact::Corrected(told) => {
                        kept.entered.insert(told.id.clone(), told.item.clone());
                    }
                    ControlledFact::Noted(Note { corrects: Some(of), transfer, .. }) => {
                        kept.corrections.entry(of.clone()).or_default().extend(transfer.clone());
                    }
                    _ => {}
                },
                _ => {}
            }
            if let Fact::Stored(resource) | Fact::Recorded(resource) = fact {
                let key = (resource.resource_type.to_string(), resource.id.clone());
                let first = kept.resources.get(&key).map_or(self.seq, |(first, _)| *first);
                kept.resources.insert(key, (first, resource.clone()));
            }
        }
        for row in self.state.take_changed() {
            kept.rows.insert((row.kind, row.key.clone()), row);
        }
        drop(kept);
        self.state.settled(self.seq);
    }

    /// The same hospital after a restart: from the live rows alone.
    pub(crate) fn restarted(self) -> Self {
        let mut state = State::new(Box::new(self.shelf.clone()));
        for row in self.shelf.0.lock().unwrap().rows.values().filter(|row| row.live) {
            state.load(row).unwrap();
        }
        state.loaded(self.seq);
        Hospital { state, ..self }
    }

    /// Every row that was written, as text.
    pub(crate) fn rows(&self) -> Vec<String> {
        let kept = self.shelf.0.lock().unwrap();
        let line = |row: &Row| {
            let body = String::from_utf8(row.body.json().into_owned()).unwrap();
            format!("{:?} {} {} {body}", row.kind, row.key, row.live)
        };
        kept.rows.values().map(line).collect()
    }

    pub(crate) fn admit(&mut self, nhs: &str, visit: &str, ward: &str) -> Answer {
        self.adt(PatientEvent::A01, nhs, visit, Some(ward))
    }

    pub(crate) fn adt(
        &mut self,
        event: PatientEvent,
        nhs: &str,
        visit: &str,
        ward: Option<&str>,
    ) -> Answer {
        self.ask(told(self.now, event, (nhs, visit), ward))
    }

    pub(crate) fn order(&mut self, control: Control, number: &str) -> Answer {
        self.order_for(ANNA, control, number, "PARA500", Some("P1"))
    }

    /// A verified order of Anna's that was placed at a time of the day.
    pub(crate) fn order_at(&mut self, at: &str, control: Control, number: &str, item: &str) {
        let message = order_message(time(at), ANNA, control, number, item, Some("P1"));
        assert_eq!(self.ask(Request::Orders(vec![message])), Answer::Done);
    }

    /// Units are sent from the pharmacy to the cabinet of ward A.
    pub(crate) fn send_to_cabinet(&mut self, item: &str, units: i64) -> Id {
        let to = Destination::Cabinet("ADC/WARDA1".into());
        let mut sent = movement(self.now, Account::Pharmacy, to, item, units);
        sent.sent = true;
        self.stock(StockAct::Move(sent)).unwrap()
    }

    /// An act with stock; the id of what came of it, or the code of the problem.
    pub(crate) fn stock(&mut self, act: StockAct) -> Result<Id, String> {
        match self.ask(Request::Stock(Box::new(act))) {
            Answer::Created(ids) => Ok(ids[0].clone()),
            Answer::Done => Ok(Id::new("done").unwrap()),
            Answer::Parked(problem) => Err(problem.code.as_str().to_owned()),
            other => panic!("not an answer to an act with stock: {other:?}"),
        }
    }

    pub(crate) fn order_for(
        &mut self,
        nhs: &str,
        control: Control,
        number: &str,
        item: &str,
        verified_by: Option<&str>,
    ) -> Answer {
        let message = order_message(self.now, nhs, control, number, item, verified_by);
        self.ask(Request::Orders(vec![message]))
    }

    pub(crate) fn remove(&mut self, quantity: i64) -> Result<Permit, RefusalCode> {
        self.remove_with(asked("PARA500", quantity))
    }

    pub(crate) fn remove_with(&mut self, asked: Asked) -> Result<Permit, RefusalCode> {
        match self.ask(Request::Remove(Box::new(asked))) {
            Answer::Permitted(permit) => Ok(*permit),
            Answer::Refused(refusal) => Err(refusal.code),
            other => panic!("neither a permit nor a refusal: {other:?}"),
        }
    }

    /// The refusal as it is told, with its reason and its choices.
    pub(crate) fn refusal_of(&mut self, asked: Asked) -> Result<(), Refusal> {
        match self.ask(Request::Remove(Box::new(asked))) {
            Answer::Permitted(_) => Ok(()),
            Answer::Refused(refusal) => Err(refusal),
            other => panic!("neither a permit nor a refusal: {other:?}"),
        }
    }

    /// A transaction; a pocket that was never told of holds 100, unless the transaction says more.
    pub(crate) fn transact(&mut self, mut transaction: Transaction) -> Answer {
        let known = self.state.pocket(&transaction.place(), &transaction.item.code).is_some();
        if !known && transaction.code != TransactionCode::Load && transaction.actual.is_none() {
            transaction.expected = transaction.expected.or(Some(100.into()));
        }
        self.ask(Request::Transaction(Box::new(transaction)))
    }

    /// The id of Anna's record.
    pub(crate) fn anna_id(&self) -> Id {
        let anna = |fact: &Fact| match fact {
            Fact::Stored(it) if it.resource_type == ResourceType::Patient => Some(it.id.clone()),
            _ => None,
        };
        self.facts.iter().find_map(anna).unwrap()
    }

    pub(crate) fn vend(&mut self, number: Option<&str>, units: i64) -> Answer {
        let mut vend = transaction(TransactionCode::Vend, self.now, units);
        vend.order = number.map(|number| Identifier::of(ORDER, number));
        self.transact(vend)
    }

    pub(crate) fn give(&mut self, number: &str, units: i64) -> Answer {
        let given = administration(self.now, number, units);
        self.ask(Request::Administer(vec![given]))
    }

    pub(crate) fn tick(&mut self) {
        self.ask(Request::Tick);
    }

    pub(crate) fn open_cases(&self) -> Vec<(CaseKind, String)> {
        let mut cases: Vec<_> =
            self.state.open_cases().map(|case| (case.kind, case.reason.clone())).collect();
        cases.sort();
        cases
    }

    /// What was queued for a channel, as short words.
    pub(crate) fn queued(&self, channel: &str) -> Vec<String> {
        let queued = self.facts.iter().filter_map(|fact| match fact {
            Fact::Queued(delivery) if &*delivery.channel == channel => Some(&delivery.notice),
            _ => None,
        });
        queued.map(word).collect()
    }

    /// The sum over all accounts, from the facts alone.
    pub(crate) fn ledger(&self) -> BTreeMap<(String, String), Decimal> {
        let mut balances: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        for fact in &self.facts {
            if let Fact::Moved(transfer) = fact
                && transfer.state == TransferState::Posted
            {
                let item = transfer.item.clone();
                *balances.entry((item.clone(), kind(&transfer.from))).or_default() -=
                    transfer.quantity;
                *balances.entry((item, kind(&transfer.to))).or_default() += transfer.quantity;
            }
        }
        balances.retain(|_, balance| !balance.is_zero());
        balances
    }

    pub(crate) fn balance(&self, account: &str) -> Decimal {
        let key = ("PARA500".to_owned(), account.to_owned());
        self.ledger().get(&key).copied().unwrap_or_default()
    }

    pub(crate) fn stored(&self, kind: ResourceType) -> Vec<StoredResource> {
        let stored = self.facts.iter().filter_map(|fact| match fact {
            Fact::Stored(resource) if resource.resource_type == kind => Some(resource.clone()),
            _ => None,
        });
        stored.collect()
    }
}

/// What the PAS tells of a patient and a visit.
fn told(
    now: Timestamp,
    event: PatientEvent,
    (nhs, visit): (&str, &str),
    ward: Option<&str>,
) -> Request {
    let mut patient = Patient::new();
    patient.identifier = vec![Identifier::of(NHS, nhs)];
    let class = Coding::of("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP", None);
    let mut encounter = Encounter::new(EncounterStatus::InProgress, class);
    encounter.identifier = vec![Identifier::of(VISIT, visit)];
    if let Some(ward) = ward {
        let ward = Identifier::of("https://rxx.nhs.uk/Id/ward", ward);
        let location = Reference::by_identifier(ResourceType::Location, ward);
        encounter.location = vec![EncounterLocation::new(location)];
    }
    Request::Patient(Box::new(PatientMessage {
        event,
        patient,
        deleted: vec![],
        encounter: Some(encounter),
        ward: ward.map(str::to_owned),
        allergies: None,
        activity: now,
    }))
}

/// An admission, as a request.
pub(crate) fn admission(now: Timestamp, nhs: &str, visit: &str, ward: &str) -> Request {
    told(now, PatientEvent::A01, (nhs, visit), Some(ward))
}

/// The account without what differs from run to run: `hands`, `pocket`, `patient`.
fn kind(account: &Account) -> String {
    let text = account.to_string();
    text.split(':').next().unwrap_or_default().to_owned()
}

fn word(notice: &medicines::deliveries::Notice) -> String {
    use medicines::deliveries::Notice;
    match notice {
        Notice::Patient { event, .. } => format!("{event:?}"),
        Notice::Order { control, order, .. } => format!("{control:?} v{}", order.version),
        Notice::Dispense { .. } => "dispense".into(),
        Notice::Administration { .. } => "administration".into(),
        Notice::Forwarded { entry } => format!("forwarded {entry}"),
    }
}

pub(crate) fn order_message(
    at: Timestamp,
    nhs: &str,
    control: Control,
    number: &str,
    item: &str,
    verified_by: Option<&str>,
) -> OrderMessage {
    let subject = Reference::default();
    let mut order = MedicationRequest::new(
        MedicationRequestStatus::Active,
        MedicationRequestIntent::Order,
        subject,
    );
    order.medication_codeable_concept = Some(CodeableConcept::of(ITEM, item, Some(item)));
    let repeat = Repeat {
        frequency: Some(1),
        period: Some(fhir::Decimal::parse("6").unwrap()),
        period_unit: Some(UnitOfTime::Hour),
        ..Repeat::default()
    };
    let dose = match item {
        "PARA500" => "1000",
        _ => "10",
    };
    let dose = FhirQuantity {
        value: Some(fhir::Decimal::parse(dose).unwrap()),
        unit: Some("mg".into()),
        ..FhirQuantity::default()
    };
    order.dosage_instruction = vec![Dosage {
        timing: Some(Timing { repeat: Some(repeat), ..Timing::default() }),
        dose_and_rate: vec![DoseAndRate { dose_quantity: Some(dose), ..DoseAndRate::default() }],
        ..Dosage::default()
    }];
    OrderMessage {
        control,
        placer: Identifier::of(ORDER, number),
        replaces: None,
        patient: vec![Identifier::of(NHS, nhs)],
        order,
        verified_by: verified_by.map(str::to_owned),
        activity: at,
        index: 1,
    }
}

pub(crate) fn asked(item: &str, quantity: i64) -> Asked {
    Asked {
        cabinet: "ADC/WARDA1".into(),
        patient: vec![Identifier::of(NHS, ANNA)],
        order: None,
        item: item.into(),
        quantity: quantity.into(),
        user: "N1".into(),
        witness: None,
        override_reason: None,
        expiry: None,
    }
}

pub(crate) fn transaction(code: TransactionCode, at: Timestamp, units: i64) -> Transaction {
    Transaction {
        code,
        system: "ADC".into(),
        station: "WARDA1".into(),
        address: PocketAddress {
            drawer: "3".into(),
            sub_drawer: String::new(),
            pocket: "5".into(),
        },
        bin: Bin::Pocket,
        item: Coded { code: "PARA500".into(), text: "Paracetamol 500 mg tablets".into() },
        expected: None,
        actual: None,
        amount: Some(units.into()),
        user: Staff { id: "N1".into(), name: String::new() },
        witness: None,
        total: None,
        activity: at,
        batch: None,
        expiry: None,
        unit: Some("tablet".into()),
        patient: vec![Identifier::of(NHS, ANNA)],
        order: None,
        cancelled: false,
    }
}

/// A movement by a pharmacist, with a nurse as the second person.
pub(crate) fn movement(
    at: Timestamp,
    from: Account,
    to: Destination,
    item: &str,
    units: i64,
) -> Move {
    Move {
        from,
        to,
        sent: false,
        item: item.into(),
        quantity: units.into(),
        batch: None,
        expiry: None,
        cost: None,
        person: "N1".into(),
        witness: Some("N2".into()),
        activity: at,
    }
}

pub(crate) fn administration(at: Timestamp, number: &str, units: i64) -> Administration {
    Administration {
        patient: vec![Identifier::of(NHS, ANNA)],
        order: Some(Identifier::of(ORDER, number)),
        removal: None,
        item: CodeableConcept::of(ITEM, "PARA500", None),
        quantity: Quantity::new(units.into(), ""),
        status: MedicationAdministrationStatus::Completed,
        reason: None,
        performer: "N1".into(),
        witness: None,
        activity: at,
    }
}
