//! The pockets of a cabinet, and the transactions that it tells of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::formulary::FORMULARY;
use crate::messages::Envelope;
use crate::messages::oms::{Transaction, oms};
use crate::site::{CabinetFacts, pharmacist_id, ward_code};
use crate::stage::Stage;
use crate::wire::outbox::{Outbox, Outgoing};
use crate::world::Patient;

/// The pockets of one drawer.
const POCKETS_PER_DRAWER: usize = 8;

#[derive(Debug, Clone)]
struct Pocket {
    count: Decimal,
    par: Decimal,
    least: Decimal,
    batch: String,
}

/// Where an item lies: drawer, sub-drawer, pocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) drawer: String,
    pub(crate) sub_drawer: String,
    pub(crate) pocket: String,
}

/// Who does something at the cabinet, for whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) user: &'a str,
    pub(crate) witness: Option<&'a str>,
    pub(crate) patient: Option<&'a Patient>,
    pub(crate) order: Option<u32>,
}

/// The hardware of a cabinet.
pub(crate) struct Station {
    pub(crate) facts: CabinetFacts,
    pub(crate) id: String,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) stage: Arc<Stage>,
    ward: String,
    pockets: Mutex<Vec<Pocket>>,
    counter: AtomicU64,
}

impl Station {
    pub(crate) fn new(
        ward: usize,
        facts: CabinetFacts,
        stage: Arc<Stage>,
        outbox: Arc<Outbox>,
    ) -> Self {
        let pocket = |item: usize| {
            let dose = FORMULARY[item].dose_units().into_iter().max().unwrap_or(Decimal::ONE);
            Pocket {
                count: Decimal::ZERO,
                par: dose * Decimal::from(40),
                least: dose * Decimal::from(8),
                batch: format!("L{}{item:02}", 20 + ward % 80),
            }
        };
        Station {
            id: facts.id(),
            facts,
            outbox,
            stage,
            ward: ward_code(ward),
            pockets: Mutex::new((0..FORMULARY.len()).map(pocket).collect()),
            counter: AtomicU64::new(0),
        }
    }

    fn pockets(&self) -> MutexGuard<'_, Vec<Pocket>> {
        self.pockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn address(item: usize) -> Address {
        Address {
            drawer: (item / POCKETS_PER_DRAWER + 1).to_string(),
            sub_drawer: format!("C{:02}", item + 1),
            pocket: format!("{:02}", item % POCKETS_PER_DRAWER + 1),
        }
    }

    pub(crate) fn batch(&self, item: usize) -> String {
        self.pockets()[item].batch.clone()
    }

    /// Fills every pocket for the first time (L).
    pub(crate) fn load_all(&self) {
        let user = pharmacist_id(0);
        for item in 0..FORMULARY.len() {
            let par = self.pockets()[item].par;
            self.act('L', item, par, By { user: &user, witness: None, patient: None, order: None });
        }
    }

    /// Does something at a pocket and tells it; what is told is in the order in which it was done.
    pub(crate) fn act(&self, code: char, item: usize, amount: Decimal, by: By<'_>) -> Timestamp {
        let mut pockets = self.pockets();
        if code == 'V' {
            self.restock(&mut pockets, item, amount);
        }
        let at = self.tell(&mut pockets, code, item, amount, by, None);
        if code == 'V' {
            self.restock(&mut pockets, item, Decimal::ZERO);
        }
        at
    }

    /// Does exactly this at a pocket and tells it: no pocket is filled up for it.
    pub(crate) fn act_only(&self, code: char, item: usize, amount: Decimal, by: By<'_>) {
        self.tell(&mut self.pockets(), code, item, amount, by, None);
    }

    /// Tells a count that finds so much less than the device has.
    pub(crate) fn count_short(&self, item: usize, missing: Decimal, by: By<'_>) {
        let mut pockets = self.pockets();
        let found = pockets[item].count - missing;
        self.tell(&mut pockets, 'C', item, Decimal::ZERO, by, Some(found));
    }

    /// The count of a pocket, as the device has it.
    pub(crate) fn count(&self, item: usize) -> Decimal {
        self.pockets()[item].count
    }

    /// From now on the pocket's batch is another one.
    pub(crate) fn set_batch(&self, item: usize, batch: &str) {
        batch.clone_into(&mut self.pockets()[item].batch);
    }

    /// Takes out what a permit allowed; the completion tells it, not a transaction.
    pub(crate) fn take_silently(&self, item: usize, amount: Decimal) {
        let mut pockets = self.pockets();
        pockets[item].count -= amount;
        self.note(item, &pockets);
    }

    /// Fills a pocket that is low, or that has less than `needed`.
    pub(crate) fn restock_for(&self, item: usize, needed: Decimal) {
        self.restock(&mut self.pockets(), item, needed);
    }

    fn restock(&self, pockets: &mut [Pocket], item: usize, needed: Decimal) {
        let Pocket { count, par, least, .. } = pockets[item];
        if count >= needed && count >= least {
            return;
        }
        let user = pharmacist_id(0);
        let by = By { user: &user, witness: None, patient: None, order: None };
        self.tell(pockets, 'F', item, par - count, by, None);
    }

    fn note(&self, item: usize, pockets: &[Pocket]) {
        let mut book = self.stage.book();
        let counts = book.pockets.entry(self.id.clone()).or_default();
        counts.insert(FORMULARY[item].code.to_owned(), pockets[item].count);
    }

    fn tell(
        &self,
        pockets: &mut [Pocket],
        code: char,
        item: usize,
        amount: Decimal,
        by: By<'_>,
        found: Option<Decimal>,
    ) -> Timestamp {
        let at = self.stage.now();
        let before = pockets[item].count;
        let found = found.unwrap_or(before);
        let after = match code {
            'V' | 'E' => before - amount,
            'R' | 'F' => before + amount,
            'L' => amount,
            'C' => found,
            'U' => Decimal::ZERO,
            _ => before,
        };
        pockets[item].count = after;
        self.note(item, pockets);
        let count = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        let control_id = format!("{}-{count:06}", self.facts.station);
        let Address { drawer, sub_drawer, pocket } = Self::address(item);
        let told = Transaction {
            code,
            system: &self.facts.system,
            station: &self.facts.station,
            ward: &self.ward,
            drawer,
            sub_drawer,
            pocket,
            item: &FORMULARY[item],
            before,
            found,
            amount,
            user: by.user,
            witness: by.witness,
            after,
            par: pockets[item].par,
            least: pockets[item].least,
            batch: &pockets[item].batch,
            patient: by.patient,
            order: by.order,
            at,
        };
        let site = &self.stage.config.site_code;
        let dialect = self.facts.dialect;
        let text = oms(&Envelope { dialect, site, control_id: &control_id, at }, &told);
        // Pocket counts follow one another, so that nothing of a cabinet overtakes anything.
        let (bytes, subjects, needs, lane) = (text.into_bytes(), Vec::new(), Vec::new(), None);
        self.outbox.push(Outgoing { control_id, bytes, subjects, needs, lane });
        at
    }
}
