//! Writing the files of a job from one state of the record.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fhir::json::{Node, Tree};
use fhir::{Id, ResourceType};
use fhir_search::{SearchRequest, Target, target};
use flate2::Compression;
use flate2::write::GzEncoder;
use record::{Portion, Readers, Snapshot, Whose};

use super::Entry;
use super::job::{Job, Output, Scope};
use super::kickoff::searched;

/// The longest that a job is written: its state of the record keeps the written-ahead file long.
const MAX_TIME: Duration = Duration::from_mins(30);
/// The most resources of one file.
const MAX_OF_A_FILE: u64 = 100_000;
/// The most bytes of one file before it is compressed.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// The most bytes of all files of a job before they are compressed.
const MAX_BYTES: u64 = 64 << 30;
/// After how many resources, written or not, it is looked whether the job has been ended and the
/// disk has room.
const LOOK_EVERY: u64 = 1_000;
/// The most members of a Group and of those in it.
const MAX_MEMBERS: usize = 100_000;
/// The deepest that Groups are in Groups.
const MAX_GROUPS: usize = 8;

/// Why a job failed. What is displayed tells its client what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("It was deleted.")]
    Ended,
    #[error("The disk of the node has too little room: ask for less, or free some.")]
    Disk,
    #[error("It would have more than {} GiB: ask for fewer types, or since when.", MAX_BYTES >> 30)]
    Bytes,
    #[error("The Group is not there, or has more than {MAX_MEMBERS} members.")]
    Group,
    #[error("It took too long, or a filter is too costly: ask for less.")]
    Costly,
    #[error("The node could not write or read it: look at its log.")]
    Fault,
}

impl Failed {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Disk => "disk",
            Self::Bytes => "bytes",
            Self::Group => "group",
            Self::Costly => "costly",
            Self::Fault => "fault",
        }
    }
}

impl From<record::Error> for Failed {
    fn from(error: record::Error) -> Self {
        match error {
            record::Error::TooCostly { .. } | record::Error::ValueSet => Self::Costly,
            error => {
                tracing::error!(code = error.code(), %error, "an export could not read the record");
                Self::Fault
            }
        }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        if super::is_full(&error) {
            return Self::Disk;
        }
        tracing::error!(%error, "an export could not be written");
        Self::Fault
    }
}

/// Writes the files of a job into its folder, and into the job which they are.
pub(super) fn write(
    readers: &Readers,
    folder: &Path,
    job: &mut Job,
    entry: &Entry,
    has_room: &dyn Fn() -> bool,
) -> Result<(), Failed> {
    // All that was answered before the job began is in the state that it holds.
    let reader = readers.get()?;
    let snapshot = reader.hold(MAX_TIME)?;
    job.at = Some(snapshot.at()?.unwrap_or(job.began));
    let members = match &job.asked.scope {
        Scope::Group(id) => Some(members(&snapshot, id)?),
        _ => None,
    };
    let whose = match (&job.asked.scope, &members) {
        (Scope::System, _) => Whose::Everybodys,
        (_, Some(members)) => Whose::These(members),
        _ => Whose::AnyPatients,
    };
    let asked = job.asked.clone();
    let (mut files, mut bytes) = (Vec::new(), 0);
    let mut watch = Watch { entry, has_room, rows: 0 };
    for name in &asked.types {
        let kind: ResourceType = name.parse().map_err(|_| Failed::Fault)?;
        let of_kind = asked.filters.iter().filter(|(of, _)| of == name);
        let filters: Vec<SearchRequest> =
            of_kind.filter_map(|(_, text)| searched(kind, text).ok()).collect();
        let mut out = Out {
            folder,
            kind,
            deleted: false,
            files: &mut files,
            bytes: &mut bytes,
            open: None,
            part: 0,
        };
        let portion = Portion { kind, whose, since: asked.since, filters: &filters };
        let mut failed = None;
        snapshot.each(&portion, &mut |resource| {
            let written = resource.is_some();
            let line = resource.map_or(Ok(()), |resource| out.line(resource.json()));
            failed = line.and_then(|()| watch.looked(written)).err();
            failed.is_none()
        })?;
        failed.map_or(Ok(()), Err)?;
        out.end()?;
        if let (Some(since), Scope::System) = (asked.since, &asked.scope) {
            out = Out { deleted: true, part: 0, ..out };
            let mut failed = None;
            snapshot.deleted(kind, since, &mut |id, at| {
                let line = out.line(&deletion(kind, id, at));
                failed = line.and_then(|()| watch.looked(true)).err();
                failed.is_none()
            })?;
            failed.map_or(Ok(()), Err)?;
            out.end()?;
        }
        entry.progress.types.fetch_add(1, Ordering::Relaxed);
    }
    if entry.ended.load(Ordering::Relaxed) {
        return Err(Failed::Ended);
    }
    // A job that is told as done has its files, also after a power cut.
    File::open(folder)?.sync_all()?;
    job.files = files;
    Ok(())
}

/// Looks now and then whether to go on.
struct Watch<'a> {
    entry: &'a Entry,
    has_room: &'a dyn Fn() -> bool,
    /// What was looked at, of all types.
    rows: u64,
}

impl Watch<'_> {
    /// Counts a resource that was looked at, and whether it was written.
    fn looked(&mut self, written: bool) -> Result<(), Failed> {
        self.entry.progress.resources.fetch_add(u64::from(written), Ordering::Relaxed);
        let before = self.rows;
        self.rows += 1;
        if !before.is_multiple_of(LOOK_EVERY) {
            return Ok(());
        }
        if self.entry.ended.load(Ordering::Relaxed) {
            return Err(Failed::Ended);
        }
        if (self.has_room)() { Ok(()) } else { Err(Failed::Disk) }
    }
}

/// That a resource was deleted, as the guide has it: a transaction that deletes it.
fn deletion(kind: ResourceType, id: &str, at: jiff::Timestamp) -> String {
    let url = format!("{kind}/{id}");
    let request = serde_json::json!({ "method": "DELETE", "url": url });
    let changed = fhir::Instant::at(at).to_string();
    let bundle = serde_json::json!({ "resourceType": "Bundle", "type": "transaction",
        "meta": { "lastUpdated": changed }, "entry": [{ "request": request }] });
    bundle.to_string()
}

/// The patients who are members of a Group, or of Groups in it, and have not left it.
fn members(snapshot: &Snapshot<'_>, id: &str) -> Result<BTreeSet<Id>, Failed> {
    let first = Id::new(id).map_err(|_| Failed::Group)?;
    let (mut all, mut known) = (BTreeSet::new(), BTreeSet::from([first.clone()]));
    let mut groups = vec![first];
    for depth in 0..=MAX_GROUPS {
        let mut inner = Vec::new();
        for id in std::mem::take(&mut groups) {
            let Some(group) = snapshot.read(ResourceType::Group, &id)? else {
                if depth == 0 {
                    return Err(Failed::Group);
                }
                continue;
            };
            let tree = Tree::parse(group.json()).map_err(|_| Failed::Group)?;
            let members = tree.root().get("member").into_iter().flat_map(Node::each);
            let left = |member: &Node<'_>| {
                let flag = member.get("inactive").map(|it| it.kind().clone());
                flag == Some(fhir::json::Kind::Bool(true))
            };
            for member in members.filter(|member| !left(member)) {
                let entity = member.get("entity").and_then(|it| it.text("reference"));
                // An absolute address is of somebody on another server, whatever its id.
                let Target::Local(kind, id) = target(entity.unwrap_or_default()) else { continue };
                let Ok(id) = Id::new(id) else { continue };
                match kind {
                    ResourceType::Patient => drop(all.insert(id)),
                    ResourceType::Group if known.insert(id.clone()) => inner.push(id),
                    _ => {}
                }
                if all.len() > MAX_MEMBERS || known.len() > MAX_MEMBERS {
                    return Err(Failed::Group);
                }
            }
        }
        groups = inner;
    }
    Ok(all)
}

/// The files of a type.
struct Out<'a> {
    folder: &'a Path,
    kind: ResourceType,
    deleted: bool,
    files: &'a mut Vec<Output>,
    /// Of all files of the job.
    bytes: &'a mut u64,
    open: Option<Open>,
    part: usize,
}

/// The file that is written.
struct Open {
    file: GzEncoder<BufWriter<File>>,
    output: Output,
    bytes: u64,
}

impl Out<'_> {
    fn line(&mut self, json: &str) -> Result<(), Failed> {
        let is_full =
            |open: &Open| open.output.count >= MAX_OF_A_FILE || open.bytes >= MAX_FILE_BYTES;
        if self.open.as_ref().is_some_and(is_full) {
            self.end()?;
        }
        if self.open.is_none() {
            self.open = Some(self.next()?);
        }
        let Some(open) = &mut self.open else { return Err(Failed::Fault) };
        open.file.write_all(json.as_bytes())?;
        open.file.write_all(b"\n")?;
        let bytes = u64::try_from(json.len()).unwrap_or(u64::MAX).saturating_add(1);
        open.output.count += 1;
        open.bytes = open.bytes.saturating_add(bytes);
        *self.bytes = self.bytes.saturating_add(bytes);
        if *self.bytes > MAX_BYTES { Err(Failed::Bytes) } else { Ok(()) }
    }

    fn next(&mut self) -> Result<Open, Failed> {
        self.part += 1;
        let deleted = if self.deleted { "deleted-" } else { "" };
        let name = format!("{deleted}{}-{}.ndjson", self.kind, self.part);
        let file = File::create(self.folder.join(format!("{name}.gz")))?;
        let file = GzEncoder::new(BufWriter::new(file), Compression::fast());
        let kind = if self.deleted { "Bundle".to_owned() } else { self.kind.to_string() };
        let output = Output { kind, name, count: 0, deleted: self.deleted };
        Ok(Open { file, output, bytes: 0 })
    }

    fn end(&mut self) -> Result<(), Failed> {
        if let Some(open) = self.open.take() {
            let file = open.file.finish()?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            self.files.push(open.output);
        }
        Ok(())
    }
}
