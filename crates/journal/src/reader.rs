//! Reading the journal, also while it is written, and verifying it.

use std::{ops::ControlFlow, path::Path};

use rusqlite::Connection;

use crate::{
    Broken, Entry, Error, Position, Verified, Why,
    chain::{self, Chain},
    file, genesis,
};

/// The most bytes of heads and raw messages that one [`Reader::read_from`] returns, unless its
/// first entry alone is longer: 64 MiB.
pub const MAX_READ_BYTES: usize = 64 * 1024 * 1024;

/// How many entries are read in one transaction. While one is open the write-ahead file cannot
/// start anew, so that a long read must come up for air.
const CHUNK: usize = 256;

/// Reads a journal, of a running node or of a stopped one. Open one for each thread.
///
/// Every entry that is returned was checked against its own hash and the hash of the entry before
/// it, so that a damaged entry is an error ([`Error::Broken`]) and never data.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    site: String,
    genesis: Position,
}

impl Reader {
    /// Opens the journal at `path` for reading. It never changes the journal, and need not be the
    /// process that writes it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let (connection, site) = file::open_reader(path)?;
        let genesis = Position { seq: 0, hash: genesis(&site) };
        Ok(Self { connection, site, genesis })
    }

    /// The site that the journal belongs to, as the file says.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The position of the last entry that is committed now, by whatever process.
    pub fn position(&self) -> Result<Position, Error> {
        chain::last(&self.connection, self.genesis)
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
        let mut entries = Vec::new();
        if limit == 0 {
            return Ok(entries);
        }
        let Some(mut chain) = Chain::from_seq(&self.connection, self.genesis, seq)? else {
            return Ok(entries);
        };
        let mut bytes = 0;
        chain.walk(&self.connection, limit, |link| {
            bytes += link.head.len() + link.raw.len();
            if bytes > MAX_READ_BYTES && !entries.is_empty() {
                return Ok::<_, Error>(ControlFlow::Break(()));
            }
            entries.push(link.to_entry());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(entries)
    }

    /// Visits every entry from number `seq` on, one at a time, until the end of the journal or
    /// the first error of the visitor, which is passed on. Entries that are appended meanwhile
    /// are visited too. Memory stays that of one entry. Returns the position of the last entry
    /// visited, or that before `seq` when there was none.
    pub fn for_each_from<E: From<Error>>(
        &self,
        seq: u64,
        mut visit: impl FnMut(Entry) -> Result<(), E>,
    ) -> Result<Position, E> {
        let Some(mut chain) = Chain::from_seq(&self.connection, self.genesis, seq)? else {
            return Ok(self.position()?);
        };
        loop {
            let count = chain.walk(&self.connection, CHUNK, |link| {
                visit(link.to_entry()).map(ControlFlow::Continue)
            })?;
            if count == 0 {
                return Ok(chain.tip);
            }
        }
    }

    /// Recomputes the whole chain. Memory stays that of one entry.
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
        let mut verified =
            Verified { entries: 0, bytes: 0, first_at: None, last_at: None, tip: self.genesis };
        if expected.seq == 0 && *expected != self.genesis {
            return Err(Broken { seq: 0, why: Why::Differs { expected: *expected } });
        }
        match self.recompute(expected, &mut verified) {
            Ok(()) if verified.tip.seq < expected.seq => {
                let seq = verified.tip.seq + 1;
                Err(Broken { seq, why: Why::Short { expected: *expected } })
            }
            Ok(()) => Ok(verified),
            Err(Error::Broken(broken)) => Err(*broken),
            Err(error) => {
                let seq = verified.tip.seq + 1;
                Err(Broken { seq, why: Why::Unreadable(error.to_string()) })
            }
        }
    }

    fn recompute(&self, expected: &Position, verified: &mut Verified) -> Result<(), Error> {
        let mut chain = Chain::from_start(&self.connection, self.genesis)?;
        loop {
            let count = chain.walk(&self.connection, CHUNK, |link| {
                if link.position.seq == expected.seq && link.position != *expected {
                    let why = Why::Differs { expected: *expected };
                    return Err(Error::from(Broken { seq: expected.seq, why }));
                }
                verified.entries += 1;
                verified.bytes += (link.head.len() + link.raw.len()) as u64;
                verified.first_at.get_or_insert(link.at);
                verified.last_at = Some(link.at);
                verified.tip = link.position;
                Ok(ControlFlow::Continue(()))
            })?;
            if count == 0 {
                return Ok(());
            }
        }
    }
}
