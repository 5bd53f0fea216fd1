//! Searches that name ids, identifiers or patients.

use fhir::search::{SearchRequest, TokenFilter};
use rusqlite::{Connection, OptionalExtension, Params};

use super::filter::{COLUMNS, Filter};
use super::{Found, MAX_CANDIDATES};
use crate::Error;
use crate::code::type_number;

/// The numbers of all resources that may be found, each once, or `None` when the search names
/// nothing that leads to few.
pub(super) fn candidates(
    connection: &Connection,
    request: &SearchRequest,
) -> Result<Option<Vec<i64>>, Error> {
    let mut numbers = if let Some(ids) = &request.ids {
        by_ids(connection, request, ids)?
    } else if let Some(tokens) =
        request.identifiers.iter().find(|any| any.iter().all(TokenFilter::has_value))
    {
        by_tokens(connection, request, tokens)?
    } else if let Some(patients) = &request.patients {
        by_patients(connection, request, patients)?
    } else {
        return Ok(None);
    };
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Some(numbers))
}

/// Which of the candidates are found.
pub(super) fn found(
    connection: &Connection,
    filter: &Filter<'_>,
    candidates: &[i64],
) -> Result<Vec<Found>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM resource WHERE n = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for n in candidates {
        let mut rows = statement.query([n])?;
        if let Some(row) = rows.next()? {
            found.extend(filter.check(row)?);
        }
    }
    Ok(found)
}

fn by_ids(
    connection: &Connection,
    request: &SearchRequest,
    ids: &[fhir::Id],
) -> Result<Vec<i64>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT n FROM resource WHERE type = ?1 AND id = ?2")?;
    let kind = type_number(request.resource_type);
    let mut numbers = Vec::new();
    for id in ids {
        let n: Option<i64> =
            statement.query_row((kind, id.as_str()), |row| row.get(0)).optional()?;
        numbers.extend(n);
    }
    Ok(numbers)
}

fn by_tokens(
    connection: &Connection,
    request: &SearchRequest,
    tokens: &[TokenFilter],
) -> Result<Vec<i64>, Error> {
    let kind = type_number(request.resource_type);
    let any_system = "SELECT n FROM identifier WHERE type = ?1 AND value = ?2";
    let one_system = "SELECT n FROM identifier WHERE type = ?1 AND value = ?2 AND system = ?3";
    let mut numbers = Vec::new();
    for token in tokens {
        match token {
            TokenFilter::Value(value) => {
                add(connection, any_system, (kind, value), &mut numbers)?;
            }
            TokenFilter::SystemAndValue(system, value) => {
                add(connection, one_system, (kind, value, system), &mut numbers)?;
            }
            TokenFilter::NoSystem(value) => {
                add(connection, one_system, (kind, value, ""), &mut numbers)?;
            }
            TokenFilter::System(_) => {}
        }
    }
    Ok(numbers)
}

fn by_patients(
    connection: &Connection,
    request: &SearchRequest,
    patients: &[fhir::Id],
) -> Result<Vec<i64>, Error> {
    let kind = type_number(request.resource_type);
    let sql = "SELECT n FROM resource WHERE subject = ?1 AND type = ?2";
    let mut numbers = Vec::new();
    for patient in patients {
        add(connection, sql, (patient.as_str(), kind), &mut numbers)?;
    }
    Ok(numbers)
}

/// Adds the numbers of a query, or says that they are too many.
fn add(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    numbers: &mut Vec<i64>,
) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        if numbers.len() == MAX_CANDIDATES {
            return Err(Error::TooWide { limit: MAX_CANDIDATES });
        }
        numbers.push(row.get(0)?);
    }
    Ok(())
}
