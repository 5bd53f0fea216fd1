//! What was journaled and answered, and what memory holds of it until the record has it.

use std::collections::VecDeque;

/// The most that may be ahead of the record, in bytes of heads: facts take some times as much in
/// memory. Messages of a hospital come to it only where the record stands still; a bulk import of
/// large transactions would else be held in memory as fast as the journal takes it.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The batches that the record may not hold yet.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// The last entry of each, and how many bytes its heads have.
    batches: VecDeque<(u64, usize)>,
    bytes: usize,
}

impl Ahead {
    /// A batch was journaled.
    pub(crate) fn add(&mut self, seq: u64, bytes: usize) {
        self.batches.push_back((seq, bytes));
        self.bytes += bytes;
    }

    /// The record holds everything up to this entry.
    pub(crate) fn reached(&mut self, recorded: u64) {
        while let Some((seq, bytes)) = self.batches.front().copied()
            && seq <= recorded
        {
            self.batches.pop_front();
            self.bytes -= bytes;
        }
    }

    /// Whether the engine has to wait for the record.
    pub(crate) fn is_too_much(&self) -> bool {
        self.bytes > MOST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_record_holds_is_no_longer_ahead() {
        let mut ahead = Ahead::default();
        ahead.add(3, MOST_BYTES);
        assert!(!ahead.is_too_much());
        ahead.add(5, 1);
        assert!(ahead.is_too_much());
        ahead.reached(2);
        assert!(ahead.is_too_much());
        ahead.reached(4);
        assert!(!ahead.is_too_much());
        ahead.reached(5);
        assert_eq!((ahead.batches.len(), ahead.bytes), (0, 0));
    }
}
