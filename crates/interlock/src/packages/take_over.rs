//! Taking a package over: the journal says which ones are in use.

use std::path::PathBuf;

use engine::{Command, Engine};
use medicines::{Answer, Package, PackageInUse, Request, RowKind};

use super::store;

/// The source from which the engine has packages.
const CHANNEL: &str = "package";

/// The packages in use, of a record that holds all that was journaled.
pub(crate) fn in_use(record: &record::Reader) -> Result<Vec<PackageInUse>, String> {
    let row = record.row(RowKind::Packages, "").map_err(|error| error.to_string())?;
    let read = row.map(|row| serde_json::from_slice(&row)).transpose();
    Ok(read.map_err(|error| error.to_string())?.unwrap_or_default())
}

/// What somebody wants to be in use.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    /// The digest of its file in the data folder.
    pub(crate) digest: String,
    pub(crate) holds: Vec<String>,
    pub(crate) by: Option<String>,
}

/// Has the engine take a package over whose file lies in the data folder.
pub(crate) async fn take_over(
    engine: &Engine,
    data: PathBuf,
    wish: Wish,
    client: &str,
) -> Result<PackageInUse, String> {
    let (folder, digest) = (data.clone(), wish.digest.clone());
    let whole = move || store::load(&folder, &digest, |_| {}).map_err(|error| error.to_string());
    tokio::task::spawn_blocking(whole).await.unwrap_or_else(|error| Err(error.to_string()))?;
    let at = engine.clock().now();
    let package = Package {
        name: wish.name,
        version: wish.version,
        digest: wish.digest,
        holds: wish.holds,
        by: wish.by.unwrap_or_else(|| client.to_owned()),
        at,
    };
    let name = package.name.clone();
    let mut command = Command::internal(client, at, Request::TakePackage(Box::new(package)));
    command.channel = CHANNEL.into();
    let receipt = engine.submit_recorded(command).await.map_err(|error| error.to_string())?;
    if let Answer::Parked(problem) = receipt.answer {
        return Err(problem.text);
    }
    let engine = engine.clone();
    let after = tokio::task::spawn_blocking(move || {
        let readers = engine.readers();
        let packages = in_use(&*readers.get().map_err(|error| error.to_string())?)?;
        let keep: Vec<String> = packages.iter().map(|it| it.package.digest.clone()).collect();
        if let Err(error) = store::prune(&data, &keep) {
            tracing::warn!(%error, "files of packages that are not in use could not be removed");
        }
        Ok(packages)
    });
    let packages = after.await.unwrap_or_else(|error| Err(error.to_string()))?;
    let taken = packages.into_iter().find(|it| it.package.name == name);
    taken.ok_or_else(|| "the record does not tell of it".to_owned())
}
