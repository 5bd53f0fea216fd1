//! Reading the journal, also while it is written, and verifying it.

use std::{ops::ControlFlow, path::Path};

use rusqlite::{Connection, Transaction};

use crate::{
    Broken, Entry, Error, Position, Verified, Why,
    chain::{self, Chain, Link},
    file, genesis,
    segment::{folder::Shelf, store::Store},
};

/// The most bytes of heads and raw messages that one [`Reader::read_from`] returns, unless its
/// first entry alone is longer: 64 MiB.
pub const MAX_READ_BYTES: usize = 64 * 1024 * 1024;

/// How many entries are read in one transaction. While one is open the write-ahead file cannot
/// start anew, so that a long read must come up for air.
const CHUNK: usize = 256;

/// Reads a journal, of a running node or of a stopped one: its main file and its segments. Open
/// one for each thread.
///
/// Every entry that is returned was checked against its own hash and the hash of the entry before
/// it, so that a damaged entry is an error ([`Error::Broken`]) and never data. An entry whose
/// segment was moved away is an error of its own ([`Error::Moved`]).
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    site: String,
    genesis: Position,
    shelf: Shelf,
}

impl Reader {
    /// Opens the journal at `path` for reading. It never changes the journal, and need not be the
    /// process that writes it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (connection, site) = file::open_reader(path)?;
        let genesis = Position { seq: 0, hash: genesis(&site) };
        // By its real name, because the segments lie beside that.
        let shelf = Shelf::new(&file::resolve(path)?, &site);
        Ok(Self { connection, site, genesis, shelf })
    }

    /// The site that the journal belongs to, as the file says.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The position of the last entry that is committed now, by whatever process.
    pub fn position(&self) -> Result<Position, Error> {
        let _snapshot = self.snapshot()?;
        chain::last(&self.connection, self.base()?)
    }

    /// The position before the first entry of the main file: what lies before is in segments.
    pub fn base(&self) -> Result<Position, Error> {
        chain::base(&self.connection, self.genesis)
    }

    /// The position of entry `seq`, as it is stored, also where the main file begins after it;
    /// `None` when the journal has not come to it.
    pub fn position_at(&self, seq: u64) -> Result<Option<Position>, Error> {
        self.before(seq.saturating_add(1))
    }

    /// The entry with this number, or `None` when the journal has not come to it.
    pub fn get(&self, seq: u64) -> Result<Option<Entry>, Error> {
        if seq == 0 {
            return Ok(None);
        }
        Ok(self.read_from(seq, 1)?.pop())
    }

    /// At most `limit` entries, the first of them number `seq` (0 means 1). Fewer may be returned
    /// although there are more, to keep within [`MAX_READ_BYTES`]: only an empty answer means that
    /// the journal has not come to `seq`. Calling it again with the number after the last one
    /// sees what any process has committed meanwhile.
    pub fn read_from(&self, seq: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        let mut entries: Vec<Entry> = Vec::new();
        if limit == 0 {
            return Ok(entries);
        }
        let Some(mut tip) = self.before(seq)? else {
            return Ok(entries);
        };
        let (mut bytes, mut full) = (0, false);
        while !full && entries.len() < limit {
            let left = limit - entries.len();
            let count = self.walk(&mut tip, left, Source::Any, |link| {
                bytes += link.head.len() + link.raw.len();
                if bytes > MAX_READ_BYTES && !entries.is_empty() {
                    full = true;
                    return Ok::<_, Error>(ControlFlow::Break(()));
                }
                entries.push(link.to_entry());
                Ok(ControlFlow::Continue(()))
            })?;
            if count == 0 {
                break;
            }
        }
        Ok(entries)
    }

    /// Visits every entry from number `seq` on, one at a time, until the end of the journal or
    /// the first error of the visitor, which is passed on. Entries that are appended meanwhile
    /// are visited too. Memory stays that of one block of entries. Returns the position of the
    /// last entry visited, or that before `seq` when there was none.
    pub fn for_each_from<E: From<Error>>(
        &self,
        seq: u64,
        mut visit: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<Position, E> {
        let Some(mut tip) = self.before(seq)? else {
            return Ok(self.position()?);
        };
        loop {
            let count = self.walk(&mut tip, CHUNK, Source::Any, |link| {
                visit(link.to_entry()).map(ControlFlow::Continue)
            })?;
            if count == 0 {
                return Ok(tip);
            }
        }
    }

    /// Recomputes the whole chain: all segments that are here, then the main file. Memory stays
    /// that of one block of entries. Over a segment that was moved away the chain is followed by
    /// its seal, and [`Verified::away`] says so.
    ///
    /// It finds any changed bit, any missing entry and any changed order. It cannot find that
    /// entries were cut off the end, or that the whole chain was written anew; for that compare
    /// with a position from elsewhere: [`Reader::verify_expecting`].
    pub fn verify(&self) -> Result<Verified, Broken> {
        self.verify_expecting(&self.genesis)
    }

    /// Like [`Reader::verify`], and the journal must hold the position `expected`, which the
    /// caller remembers from elsewhere: a backup, a follower, a printed report.
    pub fn verify_expecting(&self, expected: &Position) -> Result<Verified, Broken> {
        let mut verified = Verified::nothing(self.genesis);
        if expected.seq == 0 && *expected != self.genesis {
            return Err(Broken { seq: 0, why: Why::Differs { expected: *expected } });
        }
        self.shelf.refresh();
        let done = self.recompute(expected, &mut verified);
        told(done, verified.tip.seq)?;
        if verified.tip.seq < expected.seq {
            let seq = verified.tip.seq + 1;
            return Err(Broken { seq, why: Why::Short { expected: *expected } });
        }
        Ok(verified)
    }

    /// Recomputes the chain of one segment's file, wherever it lies, and compares it with the seal
    /// if that lies beside it.
    pub fn verify_segment(path: &Path) -> Result<Verified, Error> {
        let store = Store::open(path)?;
        let missing = || Broken { seq: 1, why: Why::Unreadable("it holds no block".into()) };
        let first = store.block(1)?.ok_or_else(missing)?;
        let mut verified = Verified::nothing(first.before);
        while let Some(block) = store.block(verified.tip.seq + 1)? {
            let seq = verified.tip.seq + 1;
            if block.before != verified.tip {
                return Err(Broken { seq, why: Why::Altered }.into());
            }
            block.unpack()?.iter().for_each(|entry| verified.count(&Link::of(entry)));
        }
        let seal = path.with_extension(crate::segment::folder::SEAL);
        if seal.exists() {
            let seal = crate::Seal::read(&seal)?;
            if (seal.from, seal.to, &seal.site) != (first.before, verified.tip, &store.site) {
                let why = Why::Differs { expected: seal.to };
                return Err(Broken { seq: verified.tip.seq, why }.into());
            }
            verified.seals = 1;
            verified.signed.extend(seal.signature.map(|signature| signature.key));
        }
        Ok(verified)
    }

    fn recompute(&self, expected: &Position, verified: &mut Verified) -> Result<(), Error> {
        let mut tip = self.genesis;
        loop {
            self.follow_seals(&mut tip, expected, verified)?;
            let count = self.walk(&mut tip, CHUNK, Source::Segments, |link| {
                if link.position.seq == expected.seq && link.position != *expected {
                    return Err(differs(*expected));
                }
                verified.count(link);
                Ok(ControlFlow::Continue(()))
            })?;
            verified.tip = tip;
            if count == 0 {
                return Ok(());
            }
        }
    }

    /// Compares with the seals of the segments that begin here, and follows the chain over those
    /// that are away. Their last positions are checked against the chain when it comes there:
    /// the next seal, the next block or the main file's base must begin with the same.
    fn follow_seals(
        &self,
        tip: &mut Position,
        expected: &Position,
        verified: &mut Verified,
    ) -> Result<(), Error> {
        while let Some(segment) = self.shelf.segment_of(tip.seq + 1)? {
            if segment.first != tip.seq + 1 {
                return Ok(());
            }
            let seal = segment.seal()?;
            if seal.from != *tip || seal.site != self.site {
                return Err(Broken { seq: segment.first, why: Why::Altered }.into());
            }
            verified.seals += 1;
            verified.signed.extend(seal.signature.map(|signature| signature.key));
            if segment.is_here {
                return self.compare(&seal.to);
            }
            if self.base()?.seq < segment.last {
                // The main file still has it all or a part; only a whole segment can be skipped.
                return Ok(());
            }
            if seal.to.seq == expected.seq && seal.to != *expected {
                return Err(differs(*expected));
            }
            verified.away.push((segment.first, segment.last));
            *tip = seal.to;
        }
        Ok(())
    }

    /// The segment that is here must end as its seal says.
    fn compare(&self, end: &Position) -> Result<(), Error> {
        let block = self.shelf.block(end.seq)?;
        let same = block.entries.last().is_some_and(|last| last.position() == *end);
        let broken = Broken { seq: end.seq, why: Why::Differs { expected: *end } };
        if same { Ok(()) } else { Err(broken.into()) }
    }

    /// The position before entry `seq` (0 means 1), as it is stored; `None` when the journal ends
    /// before that.
    fn before(&self, seq: u64) -> Result<Option<Position>, Error> {
        if seq <= 1 {
            return Ok(Some(self.genesis));
        }
        let snapshot = self.snapshot()?;
        let base = self.base()?;
        if seq > base.seq {
            let chain = Chain::from_seq(&self.connection, base, seq)?;
            return Ok(chain.map(|chain| chain.tip));
        }
        drop(snapshot);
        let block = self.shelf.block(seq)?;
        let earlier = block.entries.iter().take_while(|entry| entry.seq < seq).last();
        Ok(Some(earlier.map_or(block.before, Entry::position)))
    }

    /// Visits at most `limit` entries after `tip`, from a segment or from the main file, and
    /// returns how many there were; none only at the end of the journal. The visitor can stop
    /// early.
    fn walk<E: From<Error>>(
        &self,
        tip: &mut Position,
        limit: usize,
        source: Source,
        visit: impl FnMut(&Link<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<usize, E> {
        let snapshot = self.snapshot()?;
        let base = self.base()?;
        let in_segment = || {
            let segment = self.shelf.segment_of(tip.seq + 1)?;
            Ok::<_, Error>(segment.is_some_and(|segment| segment.is_here))
        };
        if tip.seq < base.seq || (source == Source::Segments && in_segment()?) {
            drop(snapshot);
            return self.walk_block(tip, limit, visit);
        }
        if tip.seq == base.seq {
            if tip.hash != base.hash {
                return Err(Error::from(Broken { seq: base.seq, why: Why::Altered }).into());
            }
            Chain::from_base(&self.connection, base)?;
        }
        let mut chain = Chain { tip: *tip };
        let count = chain.walk(&self.connection, limit, visit)?;
        *tip = chain.tip;
        Ok(count)
    }

    fn walk_block<E: From<Error>>(
        &self,
        tip: &mut Position,
        limit: usize,
        mut visit: impl FnMut(&Link<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<usize, E> {
        let block = self.shelf.block(tip.seq + 1)?;
        let earlier = block.entries.iter().take_while(|entry| entry.seq <= tip.seq);
        let stored = earlier.last().map_or(block.before, Entry::position);
        if stored != *tip {
            return Err(Error::from(Broken { seq: tip.seq + 1, why: Why::Altered }).into());
        }
        let mut count = 0;
        for entry in block.entries.iter().filter(|entry| entry.seq > stored.seq).take(limit) {
            count += 1;
            let flow = visit(&Link::of(entry))?;
            *tip = entry.position();
            if flow.is_break() {
                break;
            }
        }
        Ok(count)
    }

    /// One state of the main file for several statements; none within another.
    fn snapshot(&self) -> Result<Option<Transaction<'_>>, Error> {
        if !self.connection.is_autocommit() {
            return Ok(None);
        }
        Ok(Some(self.connection.unchecked_transaction()?))
    }
}

/// Where entries are read that are both in a segment and still in the main file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// In the main file, which is faster.
    Any,
    /// In the segment, which will soon be the only one.
    Segments,
}

fn differs(expected: Position) -> Error {
    Broken { seq: expected.seq, why: Why::Differs { expected } }.into()
}

/// Any error as a finding about the entry after `last`.
fn told(done: Result<(), Error>, last: u64) -> Result<(), Broken> {
    done.map_err(|error| match error {
        Error::Broken(broken) => *broken,
        error => Broken { seq: last + 1, why: Why::Unreadable(error.to_string()) },
    })
}
