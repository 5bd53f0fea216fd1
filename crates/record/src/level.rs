//! How far the record is, and how far it has to be for somebody who was answered.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Error;

/// The longest that a reader waits for the record.
pub const MAX_WAIT: Duration = Duration::from_secs(10);

/// What the journal holds is answered before the record holds it. Whoever reads afterwards must
/// find it all the same: the writer says here what it has promised and what it has reached, and a
/// reader waits in between.
#[derive(Debug, Default)]
pub struct Level {
    marks: Mutex<Marks>,
    risen: Condvar,
}

#[derive(Debug, Default)]
struct Marks {
    /// The last entry that was told to somebody and changed what can be read.
    promised: u64,
    /// The last entry that was told to somebody: it may tell of a look alone.
    told: u64,
    reached: u64,
    ended: bool,
}

impl Level {
    /// Somebody is about to be told that entry `seq` is kept. Where it and those before it since
    /// the last call tell of nothing but looks, only those who ask for looks wait for it.
    pub fn promise(&self, seq: u64, looks_alone: bool) {
        let mut marks = self.marks();
        marks.told = marks.told.max(seq);
        if !looks_alone {
            marks.promised = marks.told;
        }
    }

    /// The record holds entry `seq`.
    pub fn reach(&self, seq: u64) {
        self.marks().reached = seq;
        self.risen.notify_all();
    }

    /// Nothing more will be recorded.
    pub fn end(&self) {
        self.marks().ended = true;
        self.risen.notify_all();
    }

    /// Waits until the record holds everything that was promised before the call; with `looks`,
    /// every look that was journaled as well.
    pub(crate) fn wait(&self, looks: bool) -> Result<(), Error> {
        let marks = self.marks();
        let promised = if looks { marks.told } else { marks.promised };
        let behind = |marks: &mut Marks| marks.reached < promised && !marks.ended;
        let waited = self.risen.wait_timeout_while(marks, MAX_WAIT, behind);
        let (marks, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if marks.reached < promised {
            return Err(Error::Behind { position: marks.reached, promised });
        }
        Ok(())
    }

    /// Whether somebody who reads now has to wait.
    pub(crate) fn is_behind(&self) -> bool {
        let marks = self.marks();
        marks.reached < marks.promised
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn a_reader_waits_for_what_was_promised_before_it_came() {
        let level = Arc::new(Level::default());
        level.wait(false).unwrap();
        level.promise(7, false);
        let waiting = thread::spawn({
            let level = Arc::clone(&level);
            move || level.wait(false)
        });
        level.reach(6);
        thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished());
        level.reach(7);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn a_look_keeps_only_those_waiting_who_ask_for_looks() {
        let level = Level::default();
        level.promise(7, false);
        assert!(level.is_behind());
        level.reach(7);
        level.promise(9, true);
        assert!(!level.is_behind());
        level.wait(false).unwrap();
        level.end();
        assert!(matches!(level.wait(true), Err(Error::Behind { position: 7, promised: 9 })));
    }

    #[test]
    fn nobody_waits_for_a_writer_that_has_ended() {
        let level = Level::default();
        level.promise(7, false);
        level.reach(3);
        level.end();
        let answer = level.wait(false);
        assert!(matches!(answer, Err(Error::Behind { position: 3, promised: 7 })));
    }
}
