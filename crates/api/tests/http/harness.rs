//! One node with one patient and one order, and a small client that says what it sends.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use access::{Person, Role as StaffRole};
use api::{
    ApiState, Client, Clients, Export, Exports, FreeBytes, Replayer, Role, Server, TokenHash,
    Validation,
};
use engine::{Clock, Command, Engine, Options, Receipt};
use fhir::ResourceType;
use fhir::resources::{
    Encounter, EncounterLocation, EncounterStatus, MedicationRequest, MedicationRequestIntent,
    MedicationRequestStatus, Patient,
};
use fhir::types::{
    CodeableConcept, Coding, Dosage, DoseAndRate, Identifier, Quantity as FhirQuantity, Reference,
};
use jiff::Timestamp;
use journal::Durability;
use medicines::orders::{Control, OrderMessage};
use medicines::patients::{MergeMessage, PatientEvent, PatientMessage};
use medicines::{Access, Answer, Cabinet, Fact, Head, Item, Quantity, Request, Site};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

pub(crate) const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";
pub(crate) const ORDER: &str = "https://rxx.nhs.uk/Id/order/epma";
pub(crate) const ITEM: &str = "https://rxx.nhs.uk/Id/item";
pub(crate) const ANNA: &str = "9990000018";

/// The token of the client that has all roles, but for that of a prescriber's system.
pub(crate) const ALL: &str = "token-of-all";
/// The token of the client whose cabinets are ASK/WARDC2 and those of ADC.
pub(crate) const OWN: &str = "token-of-own";
/// The token and the name of a prescriber's system that speaks FHIR.
pub(crate) const EPMA: &str = "epma-by-fhir";
/// The same of another one.
pub(crate) const OTHER_EPMA: &str = "other-epma";
/// What links in answers begin with.
pub(crate) const PUBLIC: &str = "https://interlock.example";

/// A running node.
pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) address: String,
    pub(crate) state: ApiState,
    /// Keeps the files while the node runs.
    folder: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) running: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a refusal, whichever part of the interface wrote it.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let code = match self.headers["content-type"].as_str() {
            "application/problem+json" => {
                let code = json["code"].as_str().unwrap();
                assert_eq!(json["status"], self.status, "{json}");
                assert_eq!(json["type"], format!("urn:interlock:problem:{code}"));
                assert!(json["title"].is_string() && json["detail"].is_string(), "{json}");
                &json["code"]
            }
            "application/fhir+json; charset=utf-8" => {
                assert_eq!(json["resourceType"], "OperationOutcome", "{json}");
                assert!(json["issue"][0]["diagnostics"].is_string(), "{json}");
                &json["issue"][0]["details"]["coding"][0]["code"]
            }
            other => panic!("{other}: {self:?}"),
        };
        code.as_str().unwrap_or_else(|| panic!("no code: {json}")).to_owned()
    }
}

fn site() -> Site {
    let item = |code: &str, witness, override_allowed| Item {
        code: code.into(),
        name: format!("{code} tablets"),
        unit: "tablet".into(),
        strength: Some(Quantity::new(500.into(), "mg")),
        witness,
        override_allowed,
        ..Item::default()
    };
    let cabinet = |system: &str, station: &str| Cabinet {
        system: system.into(),
        station: station.into(),
        wards: vec!["WARDC".into()],
        channel: None,
    };
    let person = |id: &str, role| Person {
        id: id.into(),
        name: "Test, Anna".into(),
        role,
        training: vec![],
    };
    Site {
        code: "RXX".into(),
        cabinets: vec![cabinet("ASK", "WARDC1"), cabinet("ASK", "WARDC2")],
        items: vec![item("PARA500", false, false), item("IBU200", false, true)],
        people: vec![
            person("N1001", StaffRole::Nurse),
            person("N1002", StaffRole::Nurse),
            person("E1", StaffRole::Engineer),
            person("P1", StaffRole::Pharmacist),
        ],
        ..Site::default()
    }
}

/// A client for each role, named after it, and one that has all.
pub(crate) fn clients() -> Clients {
    Clients::new(all_clients()).unwrap()
}

pub(crate) fn all_clients() -> Vec<Client> {
    let client = |name: &str, token: &str, roles: Vec<Role>| Client {
        name: name.to_owned(),
        token_sha256: TokenHash::of(token),
        roles,
        cabinets: vec![],
        validation: Validation::Off,
        export: Export::default(),
        person: None,
    };
    let mut clients: Vec<Client> = Role::ALL
        .into_iter()
        .map(|role| client(role.as_str(), &token_of(role), vec![role]))
        .collect();
    let all = Role::ALL.into_iter().filter(|role| *role != Role::Prescriber).collect();
    clients.push(client("all", ALL, all));
    for name in [EPMA, OTHER_EPMA] {
        let roles = vec![Role::FhirRead, Role::FhirWrite, Role::Prescriber];
        clients.push(client(name, name, roles));
    }
    let own = client("own", OWN, vec![Role::Cabinet]);
    clients.push(Client { cabinets: vec!["ASK/WARDC2".to_owned(), "ADC/*".to_owned()], ..own });
    for (name, validation) in [("warn", Validation::Warn), ("strict", Validation::Strict)] {
        let roles = vec![Role::FhirRead, Role::FhirWrite];
        clients.push(Client { validation, ..client(name, name, roles) });
    }
    let exporter = |name: &str, types: &[&str], groups: &[&str]| {
        let all = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let export = Export { types: all(types), groups: all(groups) };
        let roles = vec![Role::FhirRead, Role::FhirExport];
        Client { export, ..client(name, name, roles) }
    };
    clients.push(exporter("of-types", &["Patient", "Observation"], &[]));
    clients.push(exporter("of-group", &[], &["ward"]));
    let tablets = vec![Role::ControlledDrugs, Role::Witness, Role::Stock];
    clients.push(client("tablet", "tablet", tablets));
    let own = client("of-n1002", "of-n1002", vec![Role::Witness, Role::ControlledDrugs]);
    clients.push(Client { person: Some("N1002".to_owned()), ..own });
    let own = client(
        "desk-of-n1002",
        "desk-of-n1002",
        vec![Role::Cases, Role::Verification, Role::Stock],
    );
    clients.push(Client { person: Some("N1002".to_owned()), ..own });
    clients
}

pub(crate) fn token_of(role: Role) -> String {
    format!("token-of-{}", role.as_str())
}

pub(crate) fn options(folder: &Path) -> Options {
    Options {
        journal: folder.join("journal.sqlite3"),
        record: folder.join("record.sqlite3"),
        site: site(),
        clock: Clock::scaled("2026-11-20T10:00:00Z".parse().unwrap(), 1),
        durability: Durability::Full,
    }
}

impl Node {
    /// A node with Anna on ward C and her order 7001 for paracetamol, once every six hours.
    pub(crate) async fn start() -> Node {
        let node = Node::start_with(|server| server, None).await;
        node.admit(ANNA).await;
        node.order("7001", ANNA).await;
        node
    }

    pub(crate) async fn start_with(
        more: impl FnOnce(Server) -> Server,
        replayer: Option<Arc<dyn Replayer>>,
    ) -> Node {
        Node::start_in(tempfile::tempdir().unwrap(), more, replayer).await
    }

    /// The same on files that may be there already.
    pub(crate) async fn start_in(
        folder: tempfile::TempDir,
        more: impl FnOnce(Server) -> Server,
        replayer: Option<Arc<dyn Replayer>>,
    ) -> Node {
        let clock = options(folder.path()).clock;
        Node::start_at(folder, (clock, |_| None), more, replayer).await
    }

    /// The same with a clock, and with what is told to be free on the disk.
    pub(crate) async fn start_at(
        folder: tempfile::TempDir,
        (clock, free): (Clock, FreeBytes),
        more: impl FnOnce(Server) -> Server,
        replayer: Option<Arc<dyn Replayer>>,
    ) -> Node {
        let engine = loop {
            let options = Options { clock, ..options(folder.path()) };
            match tokio::task::spawn_blocking(|| Engine::start(options)).await.unwrap() {
                // The one before has not let go of its files yet.
                Err(engine::Error::Journal(why)) if why.starts_with("JRN-01") => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                started => break started.unwrap(),
            }
        };
        let mut state = ApiState::new(engine.clone(), clients(), &format!("{PUBLIC}/"));
        let exports = Exports::open(&engine, &folder.path().join("exports"), free).unwrap();
        state = state.with_exports(exports);
        if let Some(replayer) = replayer {
            state = state.with_replayer(replayer);
        }
        let server = more(Server::new(state.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.serve(listener, async {
            let _ = stopped.await;
        }));
        Node { engine, address, state, folder, stop: Some(stop), running }
    }

    /// Stops serving, and gives the engine and the folder with its files.
    pub(crate) async fn end(mut self) -> (Engine, tempfile::TempDir) {
        self.stop();
        self.running.await.unwrap().unwrap();
        (self.engine, self.folder)
    }

    /// Ends at once, whatever is under way, and gives the files.
    pub(crate) async fn kill(self) -> tempfile::TempDir {
        self.running.abort();
        let _ = self.running.await;
        self.folder
    }

    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// The number of the last entry, once the record holds it.
    pub(crate) async fn settled(&self) -> u64 {
        let readers = self.engine.readers();
        let last = readers.get().unwrap().position().unwrap().seq;
        let mut progress = self.engine.progress();
        progress.wait_for(|seq| *seq >= last).await.unwrap();
        last
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    pub(crate) async fn submit(&self, channel: &str, request: Request) -> Receipt {
        let mut command = Command::internal(channel, self.now(), request);
        command.channel = Arc::from(channel);
        self.engine.submit(command).await.unwrap()
    }

    pub(crate) async fn admit(&self, number: &str) {
        let mut patient = Patient::new();
        patient.identifier = vec![Identifier::of(NHS, number)];
        let class = Coding::of(fhir::systems::ACT_CODE, "IMP", None);
        let mut encounter = Encounter::new(EncounterStatus::InProgress, class);
        encounter.identifier = vec![Identifier::of("https://rxx.nhs.uk/Id/visit", number)];
        let ward = Identifier::of("https://rxx.nhs.uk/Id/ward", "WARDC");
        let ward = Reference::by_identifier(ResourceType::Location, ward);
        encounter.location = vec![EncounterLocation::new(ward)];
        let message = PatientMessage {
            event: PatientEvent::A01,
            patient,
            deleted: vec![],
            encounter: Some(encounter),
            ward: Some("WARDC".into()),
            allergies: None,
            activity: self.now(),
        };
        let receipt = self.submit("pas", Request::Patient(Box::new(message))).await;
        assert_eq!(receipt.answer, Answer::Done);
    }

    /// The PAS tells that the patient with the number `gone` is the one with the number `stays`.
    pub(crate) async fn merge(&self, gone: &str, stays: &str) {
        let mut survivor = Patient::new();
        survivor.identifier = vec![Identifier::of(NHS, stays)];
        let merged = vec![Identifier::of(NHS, gone)];
        let message = MergeMessage { survivor, merged, activity: self.now() };
        let receipt = self.submit("pas", Request::Merge(Box::new(message))).await;
        assert_eq!(receipt.answer, Answer::Done);
    }

    pub(crate) async fn order(&self, number: &str, patient: &str) {
        let receipt = self.submit("epma", self.order_request(number, patient)).await;
        assert_eq!(receipt.answer, Answer::Done);
    }

    pub(crate) fn order_request(&self, number: &str, patient: &str) -> Request {
        let mut order = MedicationRequest::new(
            MedicationRequestStatus::Active,
            MedicationRequestIntent::Order,
            Reference::default(),
        );
        order.medication_codeable_concept = Some(CodeableConcept::of(ITEM, "PARA500", None));
        let dose = FhirQuantity {
            value: Some(fhir::Decimal::parse("1000").unwrap()),
            unit: Some("mg".into()),
            ..FhirQuantity::default()
        };
        let dose = DoseAndRate { dose_quantity: Some(dose), ..DoseAndRate::default() };
        let timing =
            serde_json::from_str(r#"{"repeat":{"frequency":1,"period":6,"periodUnit":"h"}}"#);
        order.dosage_instruction = vec![Dosage {
            timing: Some(timing.unwrap()),
            dose_and_rate: vec![dose],
            ..Dosage::default()
        }];
        Request::Orders(vec![OrderMessage {
            control: Control::New,
            placer: Identifier::of(ORDER, number),
            replaces: None,
            patient: vec![Identifier::of(NHS, patient)],
            order,
            verified_by: Some("P1".into()),
            activity: self.now(),
            index: 1,
        }])
    }

    /// Sends a request of lines and a body, and reads the answer to the end of its connection.
    pub(crate) async fn send(&self, head: &str, body: &str) -> Reply {
        read_reply(&String::from_utf8(self.exchange(head, body.as_bytes()).await).unwrap())
    }

    /// The same with any bytes; gives the answer as it came.
    pub(crate) async fn exchange(&self, head: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let head = head.trim_end().replace('\n', "\r\n");
        let length = body.len();
        let head =
            format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\nAuthorization: Bearer {token}"), "").await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, key: &str, body: &str) -> Reply {
        let head = format!(
            "POST {path} HTTP/1.1\nAuthorization: Bearer {token}\nIdempotency-Key: {key}\n\
             Content-Type: application/json"
        );
        self.send(&head, body).await
    }

    /// Writes with FHIR content; `more` are further lines of the head.
    pub(crate) async fn fhir(&self, method: &str, path: &str, more: &str, body: &str) -> Reply {
        self.fhir_as(ALL, method, path, more, body).await
    }

    /// The same as the client with that token.
    pub(crate) async fn fhir_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        more: &str,
        body: &str,
    ) -> Reply {
        let head = format!(
            "{method} {path} HTTP/1.1\nAuthorization: Bearer {token}\n\
             Content-Type: application/fhir+json\n{more}"
        );
        self.send(&head, body).await
    }

    /// Asks for two tablets for Anna.
    pub(crate) async fn remove(&self, key: &str) -> Reply {
        self.post(ALL, "/cabinet/removals", key, &removal()).await
    }

    /// What the journal holds of looks (`true`) and refusals (`false`), oldest first.
    pub(crate) fn accesses(&self) -> Vec<(bool, Access)> {
        let mut accesses = Vec::new();
        for fact in self.facts() {
            match fact {
                Fact::Seen(access) => accesses.push((true, access)),
                Fact::Refused(access) => accesses.push((false, access)),
                _ => {}
            }
        }
        accesses
    }

    pub(crate) fn facts(&self) -> Vec<Fact> {
        let journal = self.engine.journal().unwrap();
        let mut facts = Vec::new();
        let mut next = 1;
        loop {
            let entries = journal.read_from(next, 1000).unwrap();
            let Some(last) = entries.last() else {
                return facts;
            };
            next = last.seq + 1;
            for entry in &entries {
                facts.extend(Head::from_json(&entry.head).unwrap().facts.into_owned());
            }
        }
    }

    /// The id of Anna, or of whoever has the number.
    pub(crate) async fn patient(&self, number: &str) -> String {
        let found = self.get(ALL, &format!("/fhir/Patient?identifier={number}")).await.json();
        found["entry"][0]["resource"]["id"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn removal() -> String {
    format!(
        r#"{{"cabinet":"ASK/WARDC1","patient":{{"system":"{NHS}","value":"{ANNA}"}},
        "order":{{"system":"{ORDER}","value":"7001"}},"item":"PARA500","quantity":"2",
        "user":"N1001"}}"#
    )
}

pub(crate) fn completion(cabinet: &str, taken: &str) -> String {
    format!(
        r#"{{"cabinet":"{cabinet}","taken":{taken},"pocket":{{"drawer":"1","pocket":"3"}},
        "batch":"L2231","activity":"2026-11-20T10:00:30Z"}}"#
    )
}

pub(crate) fn administration() -> String {
    format!(
        r#"{{"patient":{{"system":"{NHS}","value":"{ANNA}"}},
        "order":{{"system":"{ORDER}","value":"7001"}},
        "item":{{"system":"{ITEM}","code":"PARA500"}},"quantity":2,"status":"completed",
        "performer":"N1001","activity":"2026-11-20T10:01:00Z"}}"#
    )
}

/// A look at the bedside.
pub(crate) fn scans() -> String {
    format!(
        r#"{{"acts":[{{"act":"check","band":"{ANNA}","item":"PARA500","performer":"N1001",
        "activity":"2026-11-20T10:01:00Z","packs":[{{"code":"01\u001dAB"}}]}}]}}"#
    )
}

/// Reads an answer whose connection has ended.
pub(crate) fn read_reply(text: &str) -> Reply {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Reply { status, headers, body: body.to_owned() }
}
