//! Files in a folder, in and out.
//!
//! A file comes into being whole or not at all: it is written under a hidden name, brought to the
//! medium, and renamed. What the other side sees under its name is complete.

mod inbox;
mod outbox;

use std::fs::{File, OpenOptions, rename};
use std::io::{self, Write};
use std::path::Path;

pub(crate) use inbox::{Inbox, InboxError};
pub(crate) use outbox::{FileClient, Outbox};

/// How the hidden name of a file that is being written begins.
const HIDDEN: &str = ".interlock-";

/// Why a file was not written, and whether it may be there all the same.
#[derive(Debug)]
enum WriteError {
    /// Nothing is there under its name.
    NotThere(io::Error),
    /// It has its name, and the medium may not know that yet.
    NotSynced,
}

/// Writes a file whole under `name` in `folder`, in the place of one that has that name.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
    let hidden = folder.join(format!("{HIDDEN}{name}"));
    let write = || -> io::Result<()> {
        // What lies there is of an earlier run, or a link that somebody has put there.
        match std::fs::remove_file(&hidden) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(&hidden)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        rename(&hidden, folder.join(name))
    };
    if let Err(error) = write() {
        // What is half written helps nobody, and it may be what filled the disk.
        let _ = std::fs::remove_file(&hidden);
        return Err(WriteError::NotThere(error));
    }
    sync_folder(folder).map_err(|_| WriteError::NotSynced)
}

/// Brings the names in a folder to the medium.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The code under which people see why a file could not be written or moved.
fn code_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk-full",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "not-writable",
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "folder-missing",
        _ => "file-not-written",
    }
}
