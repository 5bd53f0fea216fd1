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
    promised: u64,
    reached: u64,
    ended: bool,
}

impl Level {
    /// Somebody is about to be told that entry `seq` is kept.
    pub fn promise(&self, seq: u64) {
        let mut marks = self.marks();
        marks.promised = marks.promised.max(seq);
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

    /// Waits until the record holds everything that was promised before the call.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        let marks = self.marks();
        let promised = marks.promised;
        let behind = |marks: &mut Marks| marks.reached < promised && !marks.ended;
        let waited = self.risen.wait_timeout_while(marks, MAX_WAIT, behind);
        let (marks, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if marks.reached < promised {
            return Err(Error::Behind { position: marks.reached, promised });
        }
        Ok(())
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
        level.wait().unwrap();
        level.promise(7);
        let waiting = thread::spawn({
            let level = Arc::clone(&level);
            move || level.wait()
        });
        level.reach(6);
        thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished());
        level.reach(7);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn nobody_waits_for_a_writer_that_has_ended() {
        let level = Level::default();
        level.promise(7);
        level.reach(3);
        level.end();
        let answer = level.wait();
        assert!(matches!(answer, Err(Error::Behind { position: 3, promised: 7 })));
    }
}
