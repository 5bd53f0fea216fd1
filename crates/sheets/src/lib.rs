//! Tables as PDF, for people who check and file what they checked.
//!
//! Nothing is cut: a long name goes on in the next line, a long row on the next page. What the
//! font cannot show stands as its code point, so that nothing is lost without a trace.

mod font;
mod layout;
mod pdf;

use jiff::Timestamp;

pub use font::{FONT_LICENCE, font};
pub use pdf::pdf;

/// The most rows of one sheet as PDF, some 700 pages. Whoever needs more asks for a shorter time.
pub const MAX_ROWS: usize = 20_000;

/// A table with what stands above it on each page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// What it is: `Controlled drugs register`.
    pub title: String,
    /// Whose it is: the hospital.
    pub owner: String,
    /// What it is about, by name. All of it stands on each page, so it has to be shorter than
    /// half a page.
    pub head: Vec<(String, String)>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for each column.
    pub rows: Vec<Row>,
    /// What stands below the last row.
    pub end: String,
    /// When it was made.
    pub made: Timestamp,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How wide it is beside the others: its part of their sum.
    pub weight: u16,
    /// Whether its cells end at one line, as numbers do.
    pub right: bool,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The cells.
    pub cells: Vec<String>,
    /// Whether it stands out, as a correction does.
    pub strong: bool,
}

/// Why a sheet cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// There are more rows than [`MAX_ROWS`].
    #[error("there are {0} rows; a PDF has at most {MAX_ROWS}")]
    TooLong(usize),
    /// The program was built without its font.
    #[error("this program was built without its font; run `make assets` before it is built")]
    NoFont,
    /// The font cannot be read.
    #[error("the font cannot be read: {0}")]
    Font(String),
}
