//! The property test of the ledger on the real engine: the same random steps as in the domain's
//! own test, on real files, with messages that come again, and with crashes in between.
//!
//! `LEDGER_RUNS=500 cargo nextest run -p engine --test ledger` runs more of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "../../medicines/tests/hospital/mod.rs"]
mod hospital;
#[path = "../../medicines/tests/hospital/steps.rs"]
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::{Clock, Command, Engine, Options, Receipt};
use fhir::{Id, ResourceType};
use hospital::ANNA;
use jiff::{SignedDuration, Timestamp};
use journal::Durability;
use medicines::cases::CaseKind;
use medicines::controlled::Place;
use medicines::stock::{Account, Lines, TransferState};
use medicines::{Fact, Head, NoCold, Request, Site, State};
use proptest::prelude::*;
use record::{Record, RegisterWindow};
use rust_decimal::Decimal;
use steps::{
    ITEM, Step, View, books, check_balances, check_pending, check_shortages, request, step,
};

/// How many random days the suite lives through; `LEDGER_RUNS` in the environment says otherwise.
const RUNS: u32 = 16;
/// How often it is looked whether an engine has ended, every five milliseconds.
const MOST_WAITS: u32 = 4_000;
const FILES: [&str; 2] = ["record.sqlite3", "journal.sqlite3"];

/// An engine on a folder, with what was told it.
struct World {
    scratch: tempfile::TempDir,
    folders: u32,
    folder: PathBuf,
    engine: Option<Engine>,
    site: Site,
    /// How far its clock was put forward, in seconds.
    ahead: &'static AtomicI64,
    sent: Vec<Request>,
    /// The facts of the journal, and how many entries they are of.
    facts: Vec<Fact>,
    entries: u64,
    /// The record as it was at some earlier time.
    earlier: Option<PathBuf>,
}

impl World {
    fn new() -> World {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("0");
        std::fs::create_dir(&folder).unwrap();
        let mut world = World {
            scratch,
            folders: 0,
            folder,
            engine: None,
            site: hospital::site(),
            ahead: Box::leak(Box::default()),
            sent: Vec::new(),
            facts: Vec::new(),
            entries: 0,
            earlier: None,
        };
        world.start();
        world.submit(hospital::admission(world.now(), ANNA, "V1", "WARDA"));
        world
    }

    fn start(&mut self) {
        // A clock that starts again begins where the last one was.
        self.ahead.fetch_add(2, Ordering::Relaxed);
        let [record, journal] = FILES.map(|file| self.folder.join(file));
        let options = Options {
            journal,
            record,
            site: self.site.clone(),
            clock: Clock::steered("2026-11-20T08:00:00Z".parse().unwrap(), self.ahead),
            durability: Durability::Full,
        };
        self.engine = Some(Engine::start(options).unwrap());
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// Sends a request under a key of its own.
    fn submit(&mut self, request: Request) -> Receipt {
        self.sent.push(request);
        self.send(self.sent.len() - 1)
    }

    fn send(&mut self, n: usize) -> Receipt {
        let command = Command {
            channel: Arc::from("pas"),
            key: Some(format!("k{n}")),
            by: "pas".into(),
            message_type: None,
            control_id: Some(format!("k{n}")),
            received: self.now(),
            request: self.sent[n].clone(),
            raw: format!("message {n}").into_bytes(),
        };
        let receipt = self.engine().submit_blocking(command).unwrap();
        self.read();
        receipt
    }

    /// Reads what the journal has more than before.
    fn read(&mut self) {
        let journal = self.engine().journal().unwrap();
        for entry in journal.read_from(self.entries + 1, 10_000).unwrap() {
            self.entries = entry.seq;
            self.facts.extend(Head::from_json(&entry.head).unwrap().facts.into_owned());
        }
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Wait(minutes) => {
                self.ahead.fetch_add(i64::from(*minutes) * 60, Ordering::Relaxed);
            }
            Step::Restart(how) => self.crash(*how),
            // The same configuration once more makes nothing true, and has no entry.
            Step::Control if self.is_registered() => {}
            Step::Again(n) => {
                let n = usize::from(*n) % self.sent.len();
                let receipt = self.send(n);
                assert!(receipt.duplicate, "message {n} was acted on twice");
            }
            step => {
                if let Some(request) = request(step, self) {
                    if let Request::Configure(site) = &request {
                        self.site = Site::clone(site);
                    }
                    self.submit(request);
                }
            }
        }
    }

    fn crash(&mut self, how: u8) {
        match how {
            // The process ends and begins again.
            0 => {
                self.settle();
                let copy = self.next_folder().join(FILES[0]);
                copy_with_wal(&self.folder.join(FILES[0]), &copy);
                self.earlier = Some(copy);
                self.end();
            }
            // A power cut: the record lost its last transactions.
            1 => self.go_on_with(self.earlier.clone()),
            // The record is lost altogether.
            2 => self.go_on_with(None),
            // The process is killed: the files are as they are at this moment.
            _ => self.go_on_with(Some(self.folder.join(FILES[0]))),
        }
        self.start();
    }

    fn next_folder(&mut self) -> PathBuf {
        self.folders += 1;
        let folder = self.scratch.path().join(self.folders.to_string());
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    /// The journal as it is and this record go on in another folder: whoever still closes the files
    /// of the old one does not take the new ones away.
    fn go_on_with(&mut self, record: Option<PathBuf>) {
        let folder = self.next_folder();
        // The record first: it is never ahead of its journal.
        if let Some(record) = record {
            copy_with_wal(&record, &folder.join(FILES[0]));
        }
        copy_with_wal(&self.folder.join(FILES[1]), &folder.join(FILES[1]));
        self.engine = None;
        self.folder = folder;
    }

    /// Waits until the record holds all that was answered.
    fn settle(&self) {
        let progress = self.engine().progress();
        let behind = |_: &u32| *progress.borrow() < self.entries;
        (0..MOST_WAITS).take_while(behind).for_each(|_| patience());
        assert!(*progress.borrow() >= self.entries, "the record does not follow");
    }

    /// Ends the engine and waits until another one may write.
    fn end(&mut self) {
        self.engine = None;
        let journal = self.folder.join(FILES[1]);
        for _ in 0..MOST_WAITS {
            if journal::Journal::open(&journal, "RXX", journal::Options::default()).is_ok() {
                return;
            }
            patience();
        }
        panic!("the engine did not end");
    }

    fn dump(&self) -> String {
        let record = Record::open(&self.folder.join(FILES[0]), "RXX").unwrap();
        let mut out = Vec::new();
        record.dump(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn patience() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Copies a file with what was written ahead of it.
fn copy_with_wal(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let named = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if named(from).exists() {
            std::fs::copy(named(from), named(to)).unwrap();
        }
    }
}

impl View for World {
    fn now(&self) -> Timestamp {
        self.engine().clock().now()
    }

    fn anna(&self) -> Id {
        let anna = |fact: &Fact| match fact {
            Fact::Stored(it) if it.resource_type == ResourceType::Patient => Some(it.id.clone()),
            _ => None,
        };
        self.facts.iter().find_map(anna).unwrap()
    }

    fn consignment(&self) -> Option<Id> {
        let mut left = BTreeMap::new();
        for fact in &self.facts {
            let Fact::Moved(moved) = fact else { continue };
            for (account, units) in [(&moved.to, moved.quantity), (&moved.from, -moved.quantity)] {
                if let Account::Transit(id) = account {
                    *left.entry(id).or_insert(Decimal::ZERO) += units;
                }
            }
        }
        let sent = left.into_iter().find(|(_, units)| !units.is_zero());
        sent.map(|(id, _)| id.clone())
    }

    fn is_registered(&self) -> bool {
        self.site.items.iter().any(|item| item.code == ITEM && item.controlled.is_some())
    }

    fn is_known(&self, place: &Account) -> bool {
        self.facts.iter().any(|fact| match fact {
            Fact::PocketActivity(transaction) => transaction.place() == *place,
            _ => false,
        })
    }
}

/// Runs the steps, lets the time of everything that is due pass, and ends the engine.
fn run(steps: &[Step]) -> World {
    let mut world = World::new();
    for step in steps {
        world.act(step);
    }
    let hours = SignedDuration::from_hours(48).as_secs();
    world.ahead.fetch_add(hours, Ordering::Relaxed);
    world.submit(request(&Step::Counted(0), &world).unwrap());
    world
}

/// What the record holds of the item, by place.
fn held(world: &World) -> Vec<(Account, Lines)> {
    world.engine().readers().get().unwrap().holdings(ITEM).unwrap()
}

fn check(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = run(steps);
    world.act(&Step::Control);
    // The balances of a state that folds the facts anew are their sums, and so are those of the
    // record, which does not show what was given.
    let mut state = State::new(Box::new(NoCold));
    state.fold(1, &world.facts);
    check_balances(&world.facts, |account| state.lines(account, ITEM))?;
    let kept = held(&world);
    let of = |account: &Account| {
        if matches!(account, Account::Patient(_)) {
            return state.lines(account, ITEM);
        }
        let found = kept.iter().find(|(place, _)| place == account);
        found.map(|(_, lines)| lines.clone()).unwrap_or_default()
    };
    check_balances(&world.facts, of)?;
    check_shortages(&world.facts)?;
    check_pending(&world.facts)?;
    check_hands(&world.facts, &state)?;
    check_keys(&world)?;
    check_registers(&world)?;
    world.settle();
    world.go_on_with(Some(world.folder.join(FILES[0])));
    let before = world.dump();
    let [record, journal] = FILES.map(|file| world.folder.join(file));
    engine::rebuild(&journal, &record).unwrap();
    same(&before, &world.dump())
}

/// Whatever is still in somebody's hands, or on its way, has an open case.
fn check_hands(facts: &[Fact], state: &State) -> Result<(), TestCaseError> {
    let watched: BTreeSet<_> = state
        .open_cases()
        .filter(|case| matches!(case.kind, CaseKind::UnaccountedDose | CaseKind::Consignment))
        .filter_map(|case| case.removal.clone())
        .collect();
    for fact in facts {
        let Fact::Moved(moved) = fact else { continue };
        let (Account::Hands(id) | Account::Transit(id)) = &moved.to else { continue };
        if moved.state == TransferState::Posted && !state.lines(&moved.to, ITEM).is_empty() {
            prop_assert!(watched.contains(id), "nobody looks for {}", moved.to);
        }
    }
    Ok(())
}

/// Every page of the register adds up to what the ledger holds in its place.
fn check_registers(world: &World) -> Result<(), TestCaseError> {
    let mut ledger: BTreeMap<Place, Decimal> = BTreeMap::new();
    for ((account, _), quantity) in books(&world.facts) {
        if let Some(place) = Place::of(&account) {
            *ledger.entry(place).or_default() += quantity;
        }
    }
    world.settle();
    let readers = world.engine().readers();
    let reader = readers.get().unwrap();
    let everything = RegisterWindow { limit: record::MAX_ENTRIES, ..RegisterWindow::default() };
    for (place, held) in ledger {
        let found = reader.register(&place, ITEM, &everything).unwrap();
        let entries = found.map(|found| found.entries).unwrap_or_default();
        let mut balance = Decimal::ZERO;
        for (entry, number) in entries.iter().zip(1..) {
            balance += entry.received - entry.issued;
            prop_assert_eq!((entry.number, entry.balance), (number, balance), "{}", place);
        }
        prop_assert_eq!(balance, held, "{}", place);
    }
    Ok(())
}

/// Every message is in the journal once.
fn check_keys(world: &World) -> Result<(), TestCaseError> {
    let journal = world.engine().journal().unwrap();
    let entries = journal.read_from(1, 100_000).unwrap();
    let mut keys = BTreeSet::new();
    for entry in &entries {
        if let Some(key) = Head::from_json(&entry.head).unwrap().key {
            prop_assert!(keys.insert(key.to_string()), "{} is there twice", key);
        }
    }
    prop_assert_eq!(keys.len(), world.sent.len());
    Ok(())
}

/// Two dumps are the same; the first line in which they differ is the error.
fn same(one: &str, other: &str) -> Result<(), TestCaseError> {
    let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    prop_assert!(differs.is_none(), "a rebuilt record differs: {:?}", differs);
    prop_assert_eq!(one.len(), other.len());
    Ok(())
}

fn runs() -> u32 {
    std::env::var("LEDGER_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: runs(),
        max_shrink_iters: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ledger_holds_through_crashes(steps in proptest::collection::vec(step(), 1..60)) {
        check(&steps)?;
    }
}
