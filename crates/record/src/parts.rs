//! Where the bytes of a record are.

use rusqlite::Connection;

use crate::{Error, Reader};

/// A table or an index of the record, or its free pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name; `free` for pages that nothing is on.
    pub name: String,
    /// The bytes of its pages.
    pub bytes: u64,
    /// How many of these hold nothing.
    pub unused: u64,
}

impl Reader {
    /// The parts of the file, the largest first. It reads every page, so that it is nothing for a
    /// node that serves.
    pub fn parts(&self) -> Result<Vec<Part>, Error> {
        parts(&self.connection)
    }
}

fn parts(connection: &Connection) -> Result<Vec<Part>, Error> {
    let sql = "SELECT name, sum(pgsize), sum(unused) FROM dbstat GROUP BY name";
    let mut select = connection.prepare(sql)?;
    let rows = select.query_map([], |row| {
        let (bytes, unused): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(Part { name: row.get(0)?, bytes: bytes.unsigned_abs(), unused: unused.unsigned_abs() })
    })?;
    let mut parts = rows.collect::<Result<Vec<_>, _>>()?;
    let pragma = |name: &str| -> Result<u64, Error> {
        let number: i64 = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?;
        Ok(number.unsigned_abs())
    };
    let bytes = pragma("freelist_count")? * pragma("page_size")?;
    parts.push(Part { name: "free".to_owned(), bytes, unused: bytes });
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_of_a_file_are_in_its_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let record = crate::Record::open(&path, "RXX").unwrap();
        record.checkpoint().unwrap();
        let parts = parts(record.connection()).unwrap();
        let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
        assert_eq!(bytes, path.metadata().unwrap().len());
        assert!(parts.iter().any(|part| part.name == "resource_id" && part.unused > 0));
    }
}
