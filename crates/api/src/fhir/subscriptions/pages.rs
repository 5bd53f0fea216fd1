//! Pages of the journal that have been read and understood, kept for whoever asks for them next.
//!
//! Most subscribers wait for the same newest entries: whoever asks first reads the page, the
//! others wait for it. Whoever asks for another page reads it meanwhile: nothing that takes long
//! is done while the pages are locked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Event, Unread};

/// The most entries of a page.
pub(super) const PAGE_ENTRIES: usize = 128;
/// The most pages that are kept.
const MAX_PAGES: usize = 128;
/// The most bytes of resources that are kept.
const MAX_KEPT_BYTES: usize = 32 << 20;

/// What entries of the journal say, one after the other.
#[derive(Debug)]
pub(super) struct Page {
    /// The first entry.
    pub(super) first: u64,
    /// The last entry.
    pub(super) last: u64,
    pub(super) events: Vec<Event>,
    pub(super) bytes: usize,
}

impl Page {
    /// Whether the entry is in it.
    pub(super) fn has(&self, seq: u64) -> bool {
        (self.first..=self.last).contains(&seq)
    }
}

#[derive(Debug, Default)]
struct Kept {
    /// By their first entries.
    pages: BTreeMap<u64, Arc<Page>>,
    bytes: usize,
    /// The first entries of those that are being read.
    reading: BTreeSet<u64>,
}

impl Kept {
    fn page(&self, seq: u64) -> Option<Arc<Page>> {
        let (_, page) = self.pages.range(..=seq).next_back()?;
        page.has(seq).then(|| Arc::clone(page))
    }

    /// Whether somebody reads what may have the entry in it.
    fn is_read(&self, seq: u64) -> bool {
        let most = u64::try_from(PAGE_ENTRIES).unwrap_or(u64::MAX);
        self.reading.range(seq.saturating_sub(most - 1)..=seq).next().is_some()
    }

    fn keep(&mut self, page: &Arc<Page>) {
        self.bytes += page.bytes;
        if let Some(old) = self.pages.insert(page.first, Arc::clone(page)) {
            self.bytes -= old.bytes;
        }
        // The oldest entries are those that the fewest wait for.
        while self.pages.len() > MAX_PAGES || self.bytes > MAX_KEPT_BYTES {
            let Some((_, oldest)) = self.pages.pop_first() else { break };
            self.bytes -= oldest.bytes;
        }
    }
}

/// The pages.
#[derive(Debug, Default)]
pub(super) struct Pages {
    kept: Mutex<Kept>,
    read: Condvar,
}

impl Pages {
    /// The page that has the entry in it, where it is kept.
    pub(super) fn known(&self, seq: u64) -> Option<Arc<Page>> {
        self.lock().page(seq)
    }

    /// The page that has the entry in it, read where it is not kept.
    pub(super) fn get(
        &self,
        seq: u64,
        read: impl FnOnce() -> Result<Page, Unread>,
    ) -> Result<Arc<Page>, Unread> {
        let mut kept = self.lock();
        loop {
            if let Some(page) = kept.page(seq) {
                return Ok(page);
            }
            if !kept.is_read(seq) {
                break;
            }
            kept = self.read.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
        kept.reading.insert(seq);
        drop(kept);
        let _reading = Reading { pages: self, seq };
        let page = Arc::new(read()?);
        self.lock().keep(&page);
        Ok(page)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a page is being read. Whoever waits for it looks again when it was, or could not be.
struct Reading<'p> {
    pages: &'p Pages,
    seq: u64,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.pages.lock().reading.remove(&self.seq);
        self.pages.read.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// How long anything may take before a test fails.
    const PATIENCE: Duration = Duration::from_mins(1);

    fn page(first: u64) -> Page {
        Page { first, last: first + 127, events: Vec::new(), bytes: 1 }
    }

    #[test]
    fn who_reads_one_page_keeps_nobody_from_another() {
        let pages = Arc::new(Pages::default());
        let (go, goes) = mpsc::channel::<()>();
        let (came, comes) = mpsc::channel();
        let slow = {
            let (pages, came) = (Arc::clone(&pages), came.clone());
            std::thread::spawn(move || {
                let read = || {
                    came.send(0).unwrap();
                    goes.recv().unwrap();
                    Ok(page(1))
                };
                pages.get(1, read).unwrap().last
            })
        };
        assert_eq!(comes.recv_timeout(PATIENCE).unwrap(), 0, "the slow page is being read");
        let other = Arc::clone(&pages);
        std::thread::spawn(move || {
            let last = other.get(1_000, || Ok(page(1_000))).unwrap().last;
            // Where the test is over already, nobody listens.
            let _ = came.send(last);
        });
        assert_eq!(comes.recv_timeout(PATIENCE).unwrap(), 1_127, "another page comes meanwhile");
        assert!(pages.known(1_100).is_some() && pages.known(5).is_none());
        go.send(()).unwrap();
        assert_eq!(slow.join().unwrap(), 128);
    }

    #[test]
    fn a_page_that_many_wait_for_is_read_once() {
        let (pages, reads) = (Arc::new(Pages::default()), Arc::new(AtomicUsize::new(0)));
        let waiting: Vec<_> = (0..8)
            .map(|n| {
                let (pages, reads) = (Arc::clone(&pages), Arc::clone(&reads));
                let seq = 100 + n % 2;
                std::thread::spawn(move || {
                    let read = || {
                        reads.fetch_add(1, Ordering::SeqCst);
                        Ok(page(seq))
                    };
                    pages.get(seq, read).unwrap().has(101)
                })
            })
            .collect();
        for one in waiting {
            assert!(one.join().unwrap());
        }
        // The second entry of the page may be asked for before its first one.
        assert!(reads.load(Ordering::SeqCst) <= 2);
    }

    #[test]
    fn what_could_not_be_read_is_read_anew() {
        let pages = Pages::default();
        let failed = pages.get(7, || Err(Unread::Failed("torn".to_owned())));
        assert!(matches!(failed, Err(Unread::Failed(_))));
        assert_eq!(pages.get(7, || Ok(page(7))).unwrap().last, 134);
        // The oldest pages go first.
        for n in 0..200 {
            pages.get(1_000 + n * 128, || Ok(page(1_000 + n * 128))).unwrap();
        }
        assert!(pages.known(7).is_none() && pages.known(1_000 + 199 * 128).is_some());
        assert_eq!(pages.lock().pages.len(), MAX_PAGES);
    }
}
