//! The folder of an outbound channel: each delivery becomes a file.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hl7v2::batch;
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::{HIDDEN, WriteError, code_of, sync_folder, write_whole};
use crate::config::FilesConfig;
use crate::health::Meter;
use crate::transport::client::{LinkError, Outgoing};

/// Where the files go, and how they are called.
#[derive(Debug)]
pub(crate) struct Outbox {
    folder: PathBuf,
    ending: String,
    envelope: bool,
}

/// A folder that is there.
#[derive(Debug)]
pub(crate) struct FileClient {
    outbox: Arc<Outbox>,
    meter: Meter,
}

impl Outbox {
    pub(crate) fn new(config: &FilesConfig) -> Self {
        let FilesConfig { folder, ending, envelope, batch, .. } = config.clone();
        // A batch comes in its envelope.
        let envelope = envelope && batch.is_none();
        Outbox { folder, ending, envelope }
    }

    /// The name of a delivery's file: names sort as the deliveries were queued, and a repeat has
    /// the name of the first, so that one that was not taken yet is replaced by the same bytes. A
    /// batch that holds something else has another name: it takes nobody's place.
    fn name(&self, id: &str, at: Timestamp, content: Option<u64>) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let id: String = id.chars().map(plain).collect();
        // The last number counts the deliveries of one entry, which were queued at one time.
        let id = match id.rsplit_once('.') {
            Some((entry, count)) => format!("{entry}.{count:0>5}"),
            None => id,
        };
        let content = content.map(|hash| format!("-{hash:016x}")).unwrap_or_default();
        format!("{}-{id}{content}{}", at.strftime("%Y%m%dT%H%M%S%.9fZ"), self.ending)
    }

    fn contents(&self, message: &[u8]) -> Vec<u8> {
        if self.envelope { batch::enclose(message) } else { message.to_vec() }
    }

    /// Whether the folder can be used; takes away what an earlier run left half written.
    fn look(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(HIDDEN) {
                std::fs::remove_file(entry.path())?;
            }
        }
        sync_folder(&self.folder)
    }

    fn write(&self, name: &str, contents: &[u8]) -> Result<(), LinkError> {
        write_whole(&self.folder, name, contents).map_err(|error| match error {
            WriteError::NotThere(error) => LinkError::NotSent(code_of(&error)),
            WriteError::NotSynced => LinkError::Unclear("file-not-synced"),
        })
    }
}

impl FileClient {
    pub(in crate::transport) async fn open(
        outbox: &Arc<Outbox>,
        meter: &Meter,
    ) -> Result<Self, LinkError> {
        let looking = Arc::clone(outbox);
        match spawn_blocking(move || looking.look()).await {
            Ok(Ok(())) => {
                meter.opened();
                Ok(FileClient { outbox: Arc::clone(outbox), meter: meter.clone() })
            }
            Ok(Err(error)) => Err(LinkError::NotSent(code_of(&error))),
            Err(_) => Err(LinkError::Connect),
        }
    }

    /// Writes the file of a message. It has its name, on the medium too, when this is done.
    pub(in crate::transport) async fn send(
        &mut self,
        message: Outgoing<'_>,
    ) -> Result<(), LinkError> {
        let outbox = Arc::clone(&self.outbox);
        let name = outbox.name(message.id, message.at, message.content);
        let contents = outbox.contents(message.bytes);
        let written = spawn_blocking(move || outbox.write(&name, &contents)).await;
        written.unwrap_or(Err(LinkError::Unclear("file-not-synced")))?;
        self.meter.sent();
        Ok(())
    }
}

impl Drop for FileClient {
    fn drop(&mut self) {
        self.meter.closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_the_deliveries_were_queued() {
        let outbox = Outbox::new(&FilesConfig { ending: ".hl7".to_owned(), ..Default::default() });
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let earlier = at("2026-11-20T10:15:00.9Z");
        let names = [
            outbox.name("rxx.9.2", earlier, None),
            outbox.name("rxx.9.10", earlier, None),
            outbox.name("rxx.10.1", at("2026-11-20T10:15:01Z"), None),
        ];
        assert_eq!(names[0], "20261120T101500.900000000Z-rxx.9.00002.hl7");
        assert!(names.is_sorted(), "{names:?}");
        let now = at("2026-11-20T10:15:00Z");
        assert!(!outbox.name("../x", now, None).contains('/'));
        assert_ne!(outbox.name("rxx.9.2", now, Some(1)), outbox.name("rxx.9.2", now, Some(2)));
    }
}
