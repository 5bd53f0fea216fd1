//! A copy of the record at one position, made while the record may be in use.

use std::path::Path;

use crate::{Error, file};

/// Writes the record at `from`, as it is at this moment, into the new file `to`, without its
/// unused space. Whoever made it syncs it.
pub fn snapshot(from: &Path, to: &Path) -> Result<(), Error> {
    let target = to.to_str().ok_or_else(|| Error::Open {
        path: to.to_owned(),
        why: "its name is no UTF-8".to_owned(),
    })?;
    let connection = file::open_reader(from, false)?;
    // Only the copy is written, which is another database.
    connection.pragma_update(None, "query_only", "OFF")?;
    connection.execute("VACUUM INTO ?1", [target]).map_err(|error| Error::at(to, error))?;
    Ok(())
}
