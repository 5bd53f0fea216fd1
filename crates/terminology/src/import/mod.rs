//! Reads a release of dm+d: the eight XML files of format 2.3 and the GTIN file of format 2.0.
//!
//! The caller opens the files and hands over their bytes; the importer never looks at a disk.
//! A row that cannot be taken is a [`Problem`], so that a person sees what is missing before the
//! index is used; XML that cannot be read ends the import.

mod fields;
mod link;
mod raw;

use std::io::Read;

use jiff::civil::Date;
use thiserror::Error;

use crate::index::Index;
use crate::xml::{self, Step, XmlError};
use fields::Fields;
use raw::Raw;

/// The most rows of one release; a full one has less than a million.
pub const MAX_ROWS: usize = 8_000_000;
/// How many problems are kept; the rest is counted.
pub const MAX_PROBLEMS: usize = 1_000;

/// Why a release cannot be imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A file is not XML, or is more than a release can be.
    #[error("{file}: {error}")]
    Xml {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        error: XmlError,
    },
    /// More rows than [`MAX_ROWS`].
    #[error("the release has more than {MAX_ROWS} rows")]
    TooMany,
    /// A file that every release has is not there.
    #[error("the release has no {0} file")]
    Missing(&'static str),
    /// The same kind of file came twice.
    #[error("{0}: there is another file of this kind")]
    Twice(String),
    /// The names of the files tell different days.
    #[error("the files are of different releases: {0} and {1}")]
    Mixed(Date, Date),
}

impl From<XmlError> for ImportError {
    fn from(error: XmlError) -> Self {
        Self::Xml { file: String::new(), error }
    }
}

/// A row that was not taken, or not as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The XML element of the row.
    pub row: &'static str,
    /// The row's id, as far as it has one.
    pub id: String,
    /// What is wrong.
    pub what: String,
}

/// The files of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `f_vtm2`
    Vtm,
    /// `f_vmp2`
    Vmp,
    /// `f_amp2`
    Amp,
    /// `f_vmpp2`
    Vmpp,
    /// `f_ampp2`
    Ampp,
    /// `f_ingredient2`
    Ingredient,
    /// `f_lookup2`
    Lookup,
    /// `f_gtin2`, which comes in the bonus pack and may be missing.
    Gtin,
}

const FILES: [(&str, FileKind); 8] = [
    ("f_vtm2_", FileKind::Vtm),
    ("f_vmp2_", FileKind::Vmp),
    ("f_amp2_", FileKind::Amp),
    ("f_vmpp2_", FileKind::Vmpp),
    ("f_ampp2_", FileKind::Ampp),
    ("f_ingredient2_", FileKind::Ingredient),
    ("f_lookup2_", FileKind::Lookup),
    ("f_gtin2_", FileKind::Gtin),
];

impl FileKind {
    /// The kind of file by its name, without folders; `None` for schemas and whatever else lies
    /// in a release.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let is_xml = name.strip_suffix(".xml").is_some();
        FILES.iter().find(|(prefix, _)| is_xml && name.starts_with(prefix)).map(|(_, kind)| *kind)
    }
}

/// The day in a file's name: the last six digits are day, month and year.
fn day_of(name: &str) -> Option<Date> {
    let digits = name.get(..name.len().checked_sub(4)?)?;
    let digits = digits.get(digits.len().checked_sub(6)?..)?;
    let part = |at: usize| digits.get(at..at + 2)?.parse::<i8>().ok();
    Date::new(2000 + i16::from(part(4)?), part(2)?, part(0)?).ok()
}

/// What came of an import.
#[derive(Debug)]
pub struct Imported {
    /// The index.
    pub index: Index,
    /// What could not be taken, at most [`MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many problems there were.
    pub problem_count: usize,
}

/// Takes the files of a release one after the other, in any order.
#[derive(Debug, Default)]
pub struct Importer {
    raw: Raw,
    seen: Vec<FileKind>,
    day: Option<Date>,
}

impl Importer {
    /// An importer that has seen no file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one file. `name` is its name in the release, without folders; the caller limits how
    /// long `content` may be. `false` when the file is none that is read.
    pub fn file(&mut self, name: &str, content: impl Read) -> Result<bool, ImportError> {
        let Some(kind) = FileKind::of(name) else { return Ok(false) };
        if self.seen.contains(&kind) {
            return Err(ImportError::Twice(name.to_owned()));
        }
        self.seen.push(kind);
        if let Some(day) = day_of(name) {
            let known = *self.day.get_or_insert(day);
            if known != day {
                return Err(ImportError::Mixed(known, day));
            }
        }
        self.read(kind, content).map_err(|error| match error {
            ImportError::Xml { error, .. } => ImportError::Xml { file: name.to_owned(), error },
            other => other,
        })?;
        Ok(true)
    }

    fn read(&mut self, kind: FileKind, content: impl Read) -> Result<(), ImportError> {
        let mut fields = Fields::default();
        let mut section = String::new();
        xml::walk(content, |step| {
            match step {
                Step::Leaf(name, text) => fields.add(name, text),
                // The tables of the lookup file lie in its root.
                Step::Begin(name, 1) => name.clone_into(&mut section),
                Step::Begin(..) => {}
                Step::End(row) => {
                    self.raw.take(kind, &section, row, &fields);
                    // The numbers of a pack lie inside the pack's own element.
                    let inside = kind == FileKind::Gtin && row == "GTINDATA";
                    fields.clear(inside.then_some("AMPPID"));
                }
            }
            if self.raw.rows > MAX_ROWS { Err(ImportError::TooMany) } else { Ok(()) }
        })
    }

    /// Joins what was read into an index.
    pub fn finish(self) -> Result<Imported, ImportError> {
        for (prefix, kind) in FILES {
            if kind != FileKind::Gtin && !self.seen.contains(&kind) {
                return Err(ImportError::Missing(prefix.trim_end_matches('_')));
            }
        }
        let (data, problems) = link::link(self.raw, self.day);
        let index = Index::new(data);
        Ok(Imported { index, problem_count: problems.count, problems: problems.list })
    }
}

/// Problems with their number, of which only so many are kept.
#[derive(Debug, Default)]
struct Problems {
    list: Vec<Problem>,
    count: usize,
}

impl Problems {
    fn add(&mut self, row: &'static str, id: &impl ToString, what: impl Into<String>) {
        self.count += 1;
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(Problem { row, id: id.to_string(), what: what.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        assert_eq!(FileKind::of("f_ampp2_3010419.xml"), Some(FileKind::Ampp));
        assert_eq!(FileKind::of("F_AMP2_3010419.XML"), Some(FileKind::Amp));
        assert_eq!(FileKind::of("ampp_v2_3.xsd"), None);
        assert_eq!(FileKind::of("f_bnf1_0010419.xml"), None);
        assert_eq!(day_of("f_vmp2_3010419.xml"), Some(jiff::civil::date(2019, 4, 1)));
        assert_eq!(day_of("f_vmp2_3.xml"), None);
        assert_eq!(day_of("x"), None);
    }
}
