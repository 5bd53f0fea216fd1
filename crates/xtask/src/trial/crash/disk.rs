//! A disk that can lose its power: an xfs file system in an image, mounted through a loop device.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::trial::child::run;

/// The size of the image, in bytes; it is sparse.
const IMAGE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Why there is no disk.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskError {
    /// The tools are missing, or this user may not mount.
    #[error("no file system can be mounted here: {0}")]
    NotPermitted(String),
    /// Something else.
    #[error("the disk: {0}")]
    Failed(String),
}

/// A mounted disk; it is unmounted when it is dropped.
#[derive(Debug)]
pub(super) struct Disk {
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Makes an image in the folder and mounts it.
    pub(super) fn make(folder: &Path) -> Result<Disk, DiskError> {
        let failed = |error: std::io::Error| DiskError::Failed(error.to_string());
        let (image, mount) = (folder.join("disk.img"), folder.join("disk"));
        File::create(&image).and_then(|file| file.set_len(IMAGE_BYTES)).map_err(failed)?;
        std::fs::create_dir_all(&mount).map_err(failed)?;
        if let Err(missing) = run("mkfs.xfs", &["-V"]) {
            run("apt-get", &["install", "-y", "xfsprogs"])
                .map_err(|error| DiskError::NotPermitted(format!("{missing}; {error}")))?;
        }
        let disk = Disk { image, mount };
        run("mkfs.xfs", &["-q", "-f", &disk.image.to_string_lossy()]).map_err(DiskError::Failed)?;
        disk.mount().map_err(DiskError::NotPermitted)?;
        Ok(disk)
    }

    /// The folder of the mounted file system.
    pub(super) fn path(&self) -> &Path {
        &self.mount
    }

    fn mount(&self) -> Result<(), String> {
        let (image, mount) = (self.image.to_string_lossy(), self.mount.to_string_lossy());
        run("mount", &["-o", "loop", &image, &mount]).map(drop)
    }

    /// Cuts the power: from now on nothing reaches the medium, and what the file system's log
    /// holds in memory is not flushed (`XFS_IOC_GOINGDOWN` with `NOLOGFLUSH`).
    pub(super) fn cut(&self) -> Result<(), String> {
        run("xfs_io", &["-x", "-c", "shutdown", &self.mount.to_string_lossy()]).map(drop)
    }

    /// Takes the disk out and puts it in again, after nobody uses it any more: what the medium
    /// holds is all there is.
    pub(super) fn remount(&self) -> Result<(), String> {
        run("umount", &[&self.mount.to_string_lossy()])?;
        self.mount()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A disk that is still in use goes once its user has gone.
        let _ = run("umount", &["-l", &self.mount.to_string_lossy()]);
    }
}
