//! Writing bodies, and making the dictionaries.
//!
//! A type gets its first dictionary from the first resources of it, so that a small record is small
//! too, and a better one each time that it has many more. Bodies that are there keep theirs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use rusqlite::{Connection, OptionalExtension};
use zstd_safe::{CCtx, CDict};

use super::{ALONE, Bodies, MAGIC, PLAIN, put};
use crate::Error;

/// How many resources of a type there are when it gets a dictionary. Made from the rows that are
/// there, so that it does not depend on how entries are cut into batches.
const MADE_AT: [u64; 3] = [32, 512, 8_192];
/// The bytes of a dictionary: with 16 KiB bodies are a tenth larger than with 32, which take twice
/// the memory.
const DICTIONARY_BYTES: usize = 16 * 1024;
/// The most resources from which a dictionary is made, and the most bytes of them: making it takes
/// some 15 ms, within a transaction.
const SAMPLES: usize = 256;
const SAMPLE_BYTES: usize = 512 * 1024;
/// The most bytes of a sample, in the record and as a text: a dictionary of 16 KiB learns nothing
/// more from a larger one, which would take memory.
const MAX_SAMPLE_BYTES: usize = 64 * 1024;
/// The samples are chosen evenly from so many times as many, since neighbours are often alike.
const SPREAD: usize = 8;
/// How hard zstd tries. Beside a dictionary more saves nothing: level 3 takes a quarter longer for
/// the same bytes.
const LEVEL: i32 = 1;
/// Where a dictionary has its number (RFC 8878 §5). It stands in each body; which dictionary it is
/// follows from what stands before the frame, so that a small one serves.
const NUMBER: std::ops::Range<usize> = 4..8;
/// Bodies below this are left as they are where there is no dictionary.
const WORTH_IT: usize = 256;

/// What writes bodies.
pub(crate) struct Packer {
    context: CCtx<'static>,
    types: HashMap<i64, OfType>,
    bodies: Bodies,
    out: Vec<u8>,
}

struct OfType {
    /// How many resources of it there are.
    count: u64,
    /// How many dictionaries were made.
    made: usize,
    newest: Option<(u64, CDict<'static>)>,
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Default for Packer {
    fn default() -> Self {
        let (types, out) = (HashMap::new(), Vec::new());
        Self { context: CCtx::create(), types, bodies: Bodies::default(), out }
    }
}

impl Packer {
    /// The body of a resource that is about to get its row; `new` where it had none.
    pub(crate) fn pack(
        &mut self,
        connection: &Connection,
        kind: i64,
        raw: &str,
        new: bool,
    ) -> Result<&[u8], Error> {
        let of = match self.types.entry(kind) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(OfType::load(connection, kind)?),
        };
        if MADE_AT.get(of.made).is_some_and(|at| of.count >= *at) {
            of.made += 1;
            if let Some(dictionary) = make(connection, kind, &self.bodies)? {
                connection
                    .prepare_cached("INSERT INTO dictionary (type, body) VALUES (?1, ?2)")?
                    .execute((kind, &dictionary))?;
                of.newest = prepared(connection.last_insert_rowid(), &dictionary);
            }
        }
        of.count += u64::from(new);
        self.out.clear();
        compress(&mut self.context, of.newest.as_ref(), raw.as_bytes(), &mut self.out);
        Ok(&self.out)
    }

    /// What reads bodies for the writer.
    pub(crate) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// Forgets everything that may not be in the record because a transaction failed.
    pub(crate) fn forget(&mut self) {
        self.types.clear();
        self.bodies.forget();
    }
}

impl OfType {
    fn load(connection: &Connection, kind: i64) -> Result<Self, Error> {
        let most = MADE_AT.last().expect("there are some");
        let count = connection
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM resource INDEXED BY resource_changed \
                 WHERE type = ?1 LIMIT ?2)",
            )?
            .query_row((kind, i64::try_from(*most).unwrap_or(i64::MAX)), |row| {
                row.get::<_, i64>(0)
            })?;
        let mut select = connection
            .prepare_cached("SELECT n, body FROM dictionary WHERE type = ?1 ORDER BY n")?;
        let mut rows = select.query([kind])?;
        let (mut made, mut newest) = (0, None);
        while let Some(row) = rows.next()? {
            made += 1;
            newest = Some((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
        }
        let newest = newest.and_then(|(number, body)| prepared(number, &body));
        Ok(Self { count: count.unsigned_abs(), made, newest })
    }
}

fn prepared(number: i64, dictionary: &[u8]) -> Option<(u64, CDict<'static>)> {
    let number = u64::try_from(number).ok()?.checked_add(1)?;
    Some((number, CDict::try_create(dictionary, LEVEL)?))
}

/// A dictionary from the resources of a type; `None` where they have nothing in common.
fn make(connection: &Connection, kind: i64, bodies: &Bodies) -> Result<Option<Vec<u8>>, Error> {
    let mut select = connection.prepare_cached(
        "SELECT p FROM resource INDEXED BY resource_posting \
         WHERE type = ?1 AND p IS NOT NULL ORDER BY p DESC LIMIT ?2",
    )?;
    let most = i64::try_from(SAMPLES * SPREAD).unwrap_or(i64::MAX);
    let rows = select.query_map((kind, most), |row| row.get::<_, i64>(0))?;
    let all = rows.collect::<Result<Vec<_>, _>>()?;
    let (samples, sizes) = samples(connection, kind, bodies, &all)?;
    let mut dictionary = Vec::with_capacity(DICTIONARY_BYTES);
    if zstd_safe::train_from_buffer(&mut dictionary, &samples, &sizes).is_err() {
        return Ok(None);
    }
    if let Some(number) = dictionary.get_mut(NUMBER) {
        number.copy_from_slice(&1_u32.to_le_bytes());
    }
    Ok(Some(dictionary))
}

/// Texts of every so many-th of these resources, and the bytes of each. One body at a time is in
/// memory, and none that is large.
fn samples(
    connection: &Connection,
    kind: i64,
    bodies: &Bodies,
    all: &[i64],
) -> Result<(Vec<u8>, Vec<usize>), Error> {
    let mut select = connection.prepare_cached(
        "SELECT body FROM resource INDEXED BY resource_posting \
         WHERE type = ?1 AND p = ?2 AND p IS NOT NULL AND length(body) <= ?3",
    )?;
    let most = i64::try_from(MAX_SAMPLE_BYTES).unwrap_or(i64::MAX);
    let (mut samples, mut sizes) = (Vec::new(), Vec::new());
    for p in all.iter().step_by(all.len().div_ceil(SAMPLES).max(1)) {
        let body = select.query_row((kind, p, most), |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let Some(body) = body else { continue };
        let text = bodies.text(connection, &body)?;
        if text.len() > MAX_SAMPLE_BYTES {
            continue;
        }
        if samples.len() + text.len() > SAMPLE_BYTES {
            break;
        }
        samples.extend_from_slice(text.as_bytes());
        sizes.push(text.len());
    }
    Ok((samples, sizes))
}

/// Writes a body; as a text where compressing does not make it smaller.
fn compress(
    context: &mut CCtx<'static>,
    dictionary: Option<&(u64, CDict<'static>)>,
    raw: &[u8],
    out: &mut Vec<u8>,
) {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(raw.len()));
    let (number, done) = match dictionary {
        Some((number, dictionary)) => {
            (*number, context.compress_using_cdict(&mut frame, raw, dictionary))
        }
        None if raw.len() < WORTH_IT => (PLAIN, Ok(0)),
        None => (ALONE, context.compress(&mut frame, raw, LEVEL)),
    };
    match frame.strip_prefix(&MAGIC) {
        Some(rest) if done.is_ok() && rest.len() < raw.len() => {
            put(number, out);
            out.extend_from_slice(rest);
        }
        _ => {
            put(PLAIN, out);
            out.extend_from_slice(raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;

    fn tables() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::schema::TABLES).unwrap();
        connection
    }

    fn text(n: u64) -> String {
        format!(
            concat!(
                r#"{{"resourceType":"Observation","status":"final","code":{{"text":"Pulse {}"}},"#,
                r#""subject":{{"reference":"Patient/p{}"}},"effectiveDateTime":"2026-11-{:02}","#,
                r#""note":[{{"text":"{}"}}],"valueQuantity":{{"value":{},"unit":"/min"}}}}"#
            ),
            n % 7,
            n % 31,
            1 + n % 28,
            "resting, regular ".repeat(4),
            n
        )
    }

    fn store(connection: &Connection, packer: &mut Packer, n: u64) -> usize {
        let body = packer.pack(connection, 5, &text(n), true).unwrap().to_vec();
        let sql = "INSERT INTO resource (type, id, version, last_updated, seq, ordinal, p, body) \
                   VALUES (5, ?1, 1, 0, 1, 0, ?2, ?3)";
        let number = i64::try_from(n).unwrap();
        connection.execute(sql, (format!("o{n}"), number, &body)).unwrap();
        body.len()
    }

    fn bodies(connection: &Connection) -> Vec<String> {
        let reader = Bodies::default();
        let mut select = connection.prepare("SELECT body FROM resource ORDER BY p").unwrap();
        let rows = select.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        rows.map(|body| reader.text(connection, &body.unwrap()).unwrap()).collect()
    }

    #[test]
    fn bodies_come_back_and_take_less_with_every_dictionary() {
        let connection = tables();
        let mut packer = Packer::default();
        let sizes: Vec<usize> = (0..600).map(|n| store(&connection, &mut packer, n)).collect();
        let texts: Vec<String> = (0..600).map(text).collect();
        assert_eq!(bodies(&connection), texts);
        let numbers: i64 =
            connection.query_row("SELECT count(*) FROM dictionary", [], |row| row.get(0)).unwrap();
        assert_eq!(numbers, 2, "one after 32, one after 512");
        let mean = |sizes: &[usize]| sizes.iter().sum::<usize>() / sizes.len();
        let (first, second, third) =
            (mean(&sizes[..32]), mean(&sizes[32..512]), mean(&sizes[512..]));
        assert!(second * 2 < first && third <= second, "{first} {second} {third}");
    }

    #[test]
    fn large_bodies_are_no_samples() {
        let connection = tables();
        let mut packer = Packer::default();
        for n in 0..10 {
            store(&connection, &mut packer, n);
        }
        // One is large in the record as well, the other as a text alone.
        let mut seed = 1_u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b' ' + u8::try_from((seed >> 33) % 90).unwrap())
        };
        let noise: String = (0..200_000).map(|_| noise()).collect();
        for (p, text) in [(0, noise), (5, "x".repeat(200_000))] {
            let body = packer.pack(&connection, 5, &text, false).unwrap();
            let changed = connection
                .execute("UPDATE resource SET body = ?1 WHERE type = 5 AND p = ?2", (body, p))
                .unwrap();
            assert_eq!(changed, 1);
        }
        let all: Vec<i64> = (0..10).collect();
        let (_, sizes) = samples(&connection, 5, &Bodies::default(), &all).unwrap();
        assert_eq!(sizes.len(), 8);
    }

    /// Another writer goes on where the first one ended, with the same dictionary.
    #[test]
    fn a_writer_that_starts_again_makes_no_other_dictionary() {
        let connection = tables();
        let mut packer = Packer::default();
        for n in 0..40 {
            store(&connection, &mut packer, n);
        }
        let expected = packer.pack(&connection, 5, &text(41), false).unwrap().to_vec();
        let mut again = Packer::default();
        assert_eq!(again.pack(&connection, 5, &text(41), false).unwrap(), expected);
        packer.forget();
        assert_eq!(packer.pack(&connection, 5, &text(41), false).unwrap(), expected);
    }

    #[test]
    fn short_and_odd_texts_stay_as_they_are() {
        let connection = tables();
        let mut packer = Packer::default();
        for text in ["", "{}", "{\"a\":1}", &"ä".repeat(5_000), &"x".repeat(200_000)] {
            let body = packer.pack(&connection, 9, text, true).unwrap().to_vec();
            assert!(body.len() <= text.len() + 1, "{}", text.len());
            assert_eq!(Bodies::default().text(&connection, &body).unwrap(), text);
        }
    }

    #[test]
    fn damaged_bodies_are_errors() {
        let connection = tables();
        let mut packer = Packer::default();
        for n in 0..40 {
            store(&connection, &mut packer, n);
        }
        let whole = packer.pack(&connection, 5, &text(41), false).unwrap().to_vec();
        let reader = Bodies::default();
        let wrong: [&[u8]; 6] = [
            &[0xFF; 12],
            &[1],
            &[1, 2, 3],
            &[9, 0x20, 1, 1],
            &whole[..whole.len() / 2],
            &[0, 0xFF],
        ];
        for body in wrong {
            let error = reader.text(&connection, body).unwrap_err();
            assert_eq!(error.code(), "REC-05", "{body:?}");
        }
        for at in 1..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 0x55;
            // It may be another text, but nothing worse.
            let _ = reader.text(&connection, &bent);
        }
    }

    #[test]
    fn numbers_read_back() {
        for number in [0, 1, 127, 128, 300, 1 << 40] {
            let mut out = Vec::new();
            put(number, &mut out);
            out.push(7);
            assert_eq!(split(&out), Some((number, &[7][..])));
        }
        assert_eq!(split(&[0x80]), None);
    }
}
