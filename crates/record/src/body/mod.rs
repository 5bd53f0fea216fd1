//! The bodies of resources as they lie in the table: compressed with what their type has in common.
//!
//! A resource of 1.5 kB says little that others of its type do not say. Each is compressed on its
//! own, so that reading one reads no other, with a dictionary that the record has made from those
//! that it held ([`Packer`]). A body begins with a number, seven bits to a byte:
//!
//! | number | what follows |
//! |---|---|
//! | 0 | the text |
//! | 1 | a frame of zstd (RFC 8878) without its magic number |
//! | above | the same with dictionary number less one of the table `dictionary` |

mod pack;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use zstd_safe::{DCtx, DDict};

use crate::Error;

pub(crate) use pack::Packer;

/// The most bytes of a body, which is more than the journal takes in one entry.
const MAX_BODY_BYTES: u64 = 128 * 1024 * 1024;
/// What every frame of zstd begins with.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Stands before a text.
const PLAIN: u64 = 0;
/// Stands before a frame without a dictionary.
const ALONE: u64 = 1;

/// The dictionaries that were used, shared by all readers of a record. A dictionary is never
/// changed, so that none is ever forgotten.
#[derive(Default)]
pub(crate) struct Dictionaries(Mutex<HashMap<i64, Arc<DDict<'static>>>>);

impl fmt::Debug for Dictionaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionaries").finish_non_exhaustive()
    }
}

impl Dictionaries {
    fn get(&self, connection: &Connection, number: i64) -> Result<Arc<DDict<'static>>, Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let body: Option<Vec<u8>> = connection
            .prepare_cached("SELECT body FROM dictionary WHERE n = ?1")?
            .query_row([number], |row| row.get(0))
            .optional()?;
        let body = body.ok_or_else(|| Error::Corrupt("a dictionary is missing".into()))?;
        let made = DDict::try_create(&body).ok_or_else(|| damaged("a dictionary"))?;
        let made = Arc::new(made);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(number, Arc::clone(&made));
        Ok(made)
    }

    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What reads bodies, for one thread.
pub(crate) struct Bodies {
    dictionaries: Arc<Dictionaries>,
    /// Made with the first body: many readers never read one, and this takes 160 KiB.
    work: RefCell<Option<Work>>,
}

struct Work {
    context: DCtx<'static>,
    /// The frame with its magic number.
    frame: Vec<u8>,
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bodies").finish_non_exhaustive()
    }
}

impl Default for Bodies {
    fn default() -> Self {
        Self::sharing(Arc::default())
    }
}

impl Bodies {
    /// One that shares what others have read.
    pub(crate) fn sharing(dictionaries: Arc<Dictionaries>) -> Self {
        Self { dictionaries, work: RefCell::default() }
    }

    /// The text of a body, where the connection is that of its row.
    pub(crate) fn text(&self, connection: &Connection, body: &[u8]) -> Result<String, Error> {
        // The body of a resource that was deleted.
        if body.is_empty() {
            return Ok(String::new());
        }
        let (number, rest) = split(body).ok_or_else(|| damaged("the start of a body"))?;
        let bytes =
            if number == PLAIN { rest.to_vec() } else { self.expand(connection, number, rest)? };
        String::from_utf8(bytes).map_err(|_| damaged("a body"))
    }

    fn expand(&self, connection: &Connection, number: u64, rest: &[u8]) -> Result<Vec<u8>, Error> {
        let mut work = self.work.borrow_mut();
        let Work { context, frame } =
            work.get_or_insert_with(|| Work { context: DCtx::create(), frame: Vec::new() });
        frame.clear();
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(rest);
        let size = zstd_safe::get_frame_content_size(frame).ok().flatten();
        let size =
            size.filter(|size| *size <= MAX_BODY_BYTES).and_then(|it| usize::try_from(it).ok());
        let mut out = Vec::with_capacity(size.ok_or_else(|| damaged("the size of a body"))?);
        let done = if number == ALONE {
            context.decompress(&mut out, frame)
        } else {
            let number = i64::try_from(number - 1).map_err(|_| damaged("a dictionary's number"))?;
            let dictionary = self.dictionaries.get(connection, number)?;
            context.decompress_using_ddict(&mut out, frame, &dictionary)
        };
        done.map_err(|_| damaged("a body"))?;
        Ok(out)
    }

    /// Forgets what was read within a transaction that is not there any more.
    fn forget(&self) {
        self.dictionaries.forget();
    }
}

fn damaged(what: &str) -> Error {
    Error::Corrupt(what.to_owned())
}

/// The number at the start of a body, and what follows.
fn split(body: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in body.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7F) << (7 * at);
        if *byte < 0x80 {
            return Some((number, &body[at + 1..]));
        }
    }
    None
}

/// A number as [`split`] reads it.
fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}
