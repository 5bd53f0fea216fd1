//! What goes wrong on the lines, and the board on which it is switched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The faults of one link. Everything but the downtime is a chance in a thousand messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// The line is cut: in the middle of a frame, or after it and before the acknowledgement.
    pub drop: u16,
    /// The message waits up to [`Faults::delay_ms`] before it is sent or answered.
    pub delay: u16,
    /// The longest delay, in real milliseconds.
    pub delay_ms: u16,
    /// The same message is sent once more after its acknowledgement.
    pub repeat: u16,
    /// A message overtakes the one of another patient that waits before it.
    pub reorder: u16,
    /// Bytes that are no proper message go before it.
    pub malformed: u16,
    /// The receiver keeps silent: half the time it took the message, half the time it did not.
    pub unanswered: u16,
    /// How often an HL7 cabinet goes down, in simulated minutes; zero is never.
    pub downtime_every_min: u16,
    /// How long it stays down, in simulated minutes.
    pub downtime_min: u16,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Faults::default()
    }

    /// Everything goes wrong, seldom enough that the hospital still works.
    pub fn all() -> Self {
        Faults {
            drop: 25,
            delay: 50,
            delay_ms: 200,
            repeat: 30,
            reorder: 30,
            malformed: 10,
            unanswered: 8,
            downtime_every_min: 150,
            downtime_min: 15,
        }
    }
}

#[derive(Debug, Default)]
struct Switches {
    everywhere: Faults,
    links: BTreeMap<String, Faults>,
    cut: BTreeSet<String>,
    down: BTreeSet<String>,
}

/// The switches of all links; a clone is the same board.
///
/// Links are named `pas`, `epma`, `epma-feed`, `http/WARDC`, and for a cabinet
/// `ADCA/WARDA1` (what it tells) and `ADCA/WARDA1/profile` (what it is told).
#[derive(Debug, Clone)]
pub struct FaultBoard {
    switches: Arc<Mutex<Switches>>,
}

impl FaultBoard {
    /// A board on which every link has these faults.
    pub fn new(everywhere: Faults) -> Self {
        let switches = Switches { everywhere, ..Switches::default() };
        FaultBoard { switches: Arc::new(Mutex::new(switches)) }
    }

    fn lock(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts these faults on every link and joins every cut line again.
    pub fn set_all(&self, faults: Faults) {
        *self.lock() = Switches { everywhere: faults, ..Switches::default() };
    }

    /// Puts these faults on one link.
    pub fn set(&self, link: &str, faults: Faults) {
        self.lock().links.insert(link.to_owned(), faults);
    }

    /// Cuts a link, or joins it again. A cut line carries nothing at all; what waits on it waits.
    /// Cutting a cabinet (`ADCA/WARDA1`) cuts its profile too.
    pub fn cut(&self, link: &str, cut: bool) {
        let mut switches = self.lock();
        if cut {
            switches.cut.insert(link.to_owned());
        } else {
            switches.cut.remove(link);
        }
    }

    /// Takes a cabinet down, or up again, by the plan of its downtimes.
    pub(crate) fn set_down(&self, cabinet: &str, down: bool) {
        let mut switches = self.lock();
        if down {
            switches.down.insert(cabinet.to_owned());
        } else {
            switches.down.remove(cabinet);
        }
    }

    /// The faults of a link.
    pub fn of(&self, link: &str) -> Faults {
        let switches = self.lock();
        switches.links.get(link).copied().unwrap_or(switches.everywhere)
    }

    /// Whether a link is cut, or belongs to a cabinet that is.
    pub fn is_cut(&self, link: &str) -> bool {
        let switches = self.lock();
        let cabinet = link.strip_suffix("/profile").unwrap_or(link);
        [link, cabinet]
            .iter()
            .any(|name| switches.cut.contains(*name) || switches.down.contains(*name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_link_is_switched_apart_from_the_others() {
        let board = FaultBoard::new(Faults::none());
        board.set("pas", Faults { drop: 500, ..Faults::none() });
        board.cut("epma", true);
        assert_eq!(board.of("pas").drop, 500);
        assert_eq!(board.of("epma"), Faults::none());
        assert!(board.is_cut("epma") && !board.is_cut("pas"));
        board.cut("ADCA/WARDA1", true);
        assert!(board.is_cut("ADCA/WARDA1/profile") && !board.is_cut("ADCA/WARDD1/profile"));
        board.set_all(Faults::all());
        assert_eq!(board.of("pas"), Faults::all());
        assert!(!board.is_cut("epma"));
    }
}
