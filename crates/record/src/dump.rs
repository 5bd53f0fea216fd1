//! The record as text, to compare two folds of one journal.

use std::io::{self, Write};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};
use serde_json::{Map, Value};

use crate::body::Bodies;
use crate::{Error, Record};

/// Why a dump stopped.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The record could not be read.
    #[error(transparent)]
    Record(#[from] Error),
    /// The output could not be written.
    #[error("the dump could not be written: {0}")]
    Write(#[from] io::Error),
}

/// Tables that hold nothing of their own: the postings follow from the bodies of the resources, and
/// how they lie in runs depends on how the entries were cut into batches. Bodies are written out
/// without their dictionaries.
#[cfg(test)]
const DERIVED: [&str; 4] = ["block", "dead", "dictionary", "run"];

/// Every other table with its rows in primary-key order. The numbers `n` are left out: what they
/// stand for, the order of the facts, is the order of the rows wherever it matters.
const TABLES: [(&str, &str); 21] = [
    ("meta", "SELECT key, value FROM meta ORDER BY key"),
    ("position", "SELECT seq, lower(hex(hash)) AS hash FROM position"),
    (
        "message",
        "SELECT m.seq, m.at, k.channel, k.type, k.outcome, k.prefix, m.control_id, m.key, \
         m.patient FROM message m JOIN message_kind k ON k.n = m.kind ORDER BY m.seq",
    ),
    (
        "message_kind",
        "SELECT channel, type, outcome, prefix FROM message_kind \
         ORDER BY channel, type, outcome, prefix",
    ),
    ("message_key", "SELECT hash, seq FROM message_key ORDER BY hash, seq"),
    (
        "resource",
        "SELECT type, id, version, last_updated, seq, ordinal, subject, status, body \
         FROM resource ORDER BY type, id",
    ),
    (
        "version",
        "SELECT r.type, r.id, v.version, v.seq, v.ordinal FROM resource r \
         JOIN version v ON v.n = r.n ORDER BY r.type, r.id, v.version",
    ),
    (
        "identifier",
        "SELECT i.type, i.value, i.system, r.id FROM identifier i JOIN resource r ON r.n = i.n \
         ORDER BY i.type, i.value, i.system, r.id",
    ),
    ("state", "SELECT kind, key, live, body FROM state ORDER BY kind, key"),
    (
        "delivery",
        "SELECT id, seq, channel, key, at, state, profile, blocks, behind, attempts, changed_at, \
         detail, body FROM delivery ORDER BY n",
    ),
    ("queue", "SELECT channel, depth FROM queue ORDER BY channel"),
    ("case_", "SELECT id, kind, opened, patient, closed, body, closing FROM case_ ORDER BY n"),
    ("transfer", "SELECT id, seq, state, movement, told, body FROM transfer ORDER BY n"),
    ("pocket_activity", "SELECT seq, cabinet, body FROM pocket_activity ORDER BY n"),
    ("register_item", "SELECT item, seq FROM register_item ORDER BY item"),
    ("register_page", "SELECT place, item FROM register_page ORDER BY place, item"),
    (
        "register",
        "SELECT p.place, p.item, r.k, r.seq, r.at, r.entered, r.what, r.source, r.received, \
         r.issued, r.handled, r.balance FROM register r JOIN register_page p ON p.page = r.page \
         ORDER BY p.place, p.item, r.k",
    ),
    ("register_note", "SELECT id, seq, body FROM register_note ORDER BY id"),
    ("register_correction", "SELECT of, id, seq FROM register_correction ORDER BY of, id"),
    ("register_step", "SELECT of, body FROM register_step ORDER BY n"),
    ("access", "SELECT seq, refused, at, patient, body FROM access ORDER BY n"),
];

impl Record {
    /// Writes every table, one JSON object a line: the table's name, then the columns.
    ///
    /// Two records to which the same entries were applied give the same bytes, however the
    /// entries were cut into batches and whatever the files look like inside. Memory stays that
    /// of one row.
    pub fn dump(&self, out: &mut impl Write) -> Result<(), DumpError> {
        let snapshot = self.connection().unchecked_transaction().map_err(Error::from)?;
        for (table, sql) in TABLES {
            dump_table(&snapshot, self.bodies(), table, sql, out)?;
        }
        out.flush()?;
        Ok(())
    }
}

fn dump_table(
    connection: &Connection,
    bodies: &Bodies,
    table: &str,
    sql: &str,
    out: &mut impl Write,
) -> Result<(), DumpError> {
    let mut statement = connection.prepare(sql).map_err(Error::from)?;
    let names = names(&statement);
    let mut rows = statement.query([]).map_err(Error::from)?;
    while let Some(row) = rows.next().map_err(Error::from)? {
        let mut line = Map::new();
        line.insert("table".into(), table.into());
        for (column, name) in names.iter().enumerate() {
            let value = row.get_ref(column).map_err(Error::from)?;
            let value = match value {
                ValueRef::Blob(body) if table == "resource" => {
                    bodies.text(connection, body)?.into()
                }
                value => json(value),
            };
            line.insert(name.clone(), value);
        }
        serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn names(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.to_string().into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_is_left_out() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(crate::schema::TABLES).unwrap();
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap();
        let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let dumped = TABLES.iter().map(|(table, _)| *table).chain(DERIVED);
        let mut dumped: Vec<String> = dumped.map(str::to_owned).collect();
        dumped.sort_unstable();
        assert_eq!(names.collect::<Result<Vec<_>, _>>().unwrap(), dumped);
    }
}
