//! Where everything goes on A4 paper, the long side across.

use crate::font::Type;
use crate::{Column, Sheet};

/// The paper, in points: A4 (ISO 216), 297 × 210 mm.
pub(crate) const PAPER: (f32, f32) = (841.89, 595.28);
/// What stays white at each side, in points.
pub(crate) const MARGIN: f32 = 36.0;
/// The sizes of the title, and of all else, in points.
pub(crate) const TITLE_SIZE: f32 = 14.0;
pub(crate) const SIZE: f32 = 8.0;
/// From one line to the next, in points.
pub(crate) const LEADING: f32 = 10.0;
/// What is between the lines of two rows, and between two columns, in points.
const ROW_GAP: f32 = 4.0;
const COLUMN_GAP: f32 = 6.0;
/// The place of the line at the foot of the page, in points from below.
pub(crate) const FOOT: f32 = 24.0;
/// More lines than any page has.
const MAX_LINES: u16 = 200;
/// The least lines of the table on a page, whatever stands above it.
const LEAST_LINES: usize = 4;

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// From the left and from below, in points.
    pub(crate) at: (f32, f32),
    pub(crate) size: f32,
    pub(crate) strong: bool,
    pub(crate) text: String,
}

/// A page: its lines of text, and the heights at which a line goes across.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    pub(crate) rules: Vec<f32>,
}

/// A column on paper.
struct Slot {
    left: f32,
    width: f32,
    right: bool,
}

/// Lays a sheet out.
pub(crate) struct Layout<'s, 'f> {
    sheet: &'s Sheet,
    font: &'s Type<'f>,
    slots: Vec<Slot>,
    pages: Vec<Page>,
    /// Where the next line goes, in points from below.
    y: f32,
    /// Where the table begins on each page.
    top: f32,
}

impl<'s, 'f> Layout<'s, 'f> {
    /// The pages of a sheet, without what stands at their foot.
    pub(crate) fn of(sheet: &'s Sheet, font: &'s Type<'f>) -> Vec<Page> {
        let slots = slots(&sheet.columns);
        let mut layout = Layout { sheet, font, slots, pages: Vec::new(), y: 0.0, top: 0.0 };
        layout.begin_page();
        for row in &sheet.rows {
            layout.row(&row.cells, row.strong);
        }
        layout.end();
        layout.pages
    }

    fn begin_page(&mut self) {
        self.pages.push(Page::default());
        self.y = PAPER.1 - MARGIN - TITLE_SIZE;
        for line in wrap(self.font, &self.sheet.title, wide(), TITLE_SIZE) {
            self.put(MARGIN, TITLE_SIZE, true, line);
            self.y -= TITLE_SIZE * 1.3;
        }
        self.head();
        self.rule();
        let names: Vec<String> = self.sheet.columns.iter().map(|one| one.name.clone()).collect();
        self.top = 0.0;
        self.row(&names, true);
        self.top = self.y;
    }

    /// What the sheet is about, in two columns of names and values.
    fn head(&mut self) {
        let half = wide() / 2.0;
        let begins = self.y;
        let split = self.sheet.head.len().div_ceil(2);
        let mut lowest = begins;
        for (side, lines) in [(0.0, &self.sheet.head[..split]), (half, &self.sheet.head[split..])] {
            self.y = begins;
            for (name, value) in lines {
                let label = format!("{name}: ");
                let indent = self.font.width(&label, SIZE).min(half / 2.0);
                self.put(MARGIN + side, SIZE, true, self.font.showable(&label));
                let width = half - indent - COLUMN_GAP;
                for line in wrap(self.font, value, width, SIZE) {
                    self.put(MARGIN + side + indent, SIZE, false, line);
                    self.y -= LEADING;
                }
            }
            lowest = lowest.min(self.y);
        }
        self.y = lowest;
    }

    /// A row: all of its lines on one page if a page can hold them, else as many as fit on each.
    fn row(&mut self, cells: &[String], strong: bool) {
        let font = self.font;
        let wrapped: Vec<Vec<String>> = cells
            .iter()
            .zip(&self.slots)
            .map(|(cell, slot)| wrap(font, cell, slot.width, SIZE))
            .collect();
        let lines = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        let naming = self.top == 0.0;
        let fits = self.room(self.y) >= lines;
        if !naming && !fits && self.room(self.top) >= lines {
            self.begin_page();
        }
        for line in 0..lines {
            if !naming && self.room(self.y) == 0 {
                self.begin_page();
            }
            for (cell, slot) in wrapped.iter().zip(0..) {
                let Some(text) = cell.get(line).filter(|text| !text.is_empty()) else { continue };
                let slot = &self.slots[slot];
                let gap = if slot.right { slot.width - font.width(text, SIZE) } else { 0.0 };
                self.put(slot.left + gap.max(0.0), SIZE, strong, text.clone());
            }
            self.y -= LEADING;
        }
        self.rule();
    }

    /// How many lines of the table fit from a height down. A page holds some, however much stands
    /// above the table, so that the layout comes to an end.
    fn room(&self, from: f32) -> usize {
        let least = self.top - LEADING * 4.0;
        let bottom = (FOOT + LEADING * 2.0).min(least);
        let lines = ((from - bottom) / LEADING).max(0.0);
        let room = (1..=MAX_LINES).take_while(|line| f32::from(*line) <= lines).count();
        if from >= self.top { room.max(LEAST_LINES) } else { room }
    }

    fn end(&mut self) {
        for line in wrap(self.font, &self.sheet.end, wide(), SIZE) {
            if self.room(self.y) == 0 {
                self.begin_page();
            }
            self.put(MARGIN, SIZE, true, line);
            self.y -= LEADING;
        }
    }

    fn put(&mut self, x: f32, size: f32, strong: bool, text: String) {
        let at = (x, self.y);
        if let Some(page) = self.pages.last_mut() {
            page.lines.push(Line { at, size, strong, text });
        }
    }

    fn rule(&mut self) {
        let height = self.y + LEADING - ROW_GAP / 2.0 - 1.0;
        if let Some(page) = self.pages.last_mut() {
            page.rules.push(height);
        }
        self.y -= ROW_GAP;
    }
}

/// The width between the margins.
pub(crate) fn wide() -> f32 {
    PAPER.0 - 2.0 * MARGIN
}

fn slots(columns: &[Column]) -> Vec<Slot> {
    let sum: f32 = columns.iter().map(|column| f32::from(column.weight.max(1))).sum();
    let mut left = MARGIN;
    let mut slots = Vec::with_capacity(columns.len());
    for column in columns {
        let all = wide() * f32::from(column.weight.max(1)) / sum;
        slots.push(Slot { left, width: all - COLUMN_GAP, right: column.right });
        left += all;
    }
    slots
}

/// A text in lines that are no wider than `width`: broken between words, and inside a word that
/// is too wide. An empty text is one empty line.
pub(crate) fn wrap(font: &Type<'_>, text: &str, width: f32, size: f32) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let shown = font.showable(paragraph);
        let mut line = String::new();
        for word in shown.split(' ').filter(|word| !word.is_empty()) {
            let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if font.width(&joined, size) <= width {
                line = joined;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for letter in word.chars() {
                let longer = format!("{line}{letter}");
                if !line.is_empty() && font.width(&longer, size) > width {
                    lines.push(std::mem::replace(&mut line, letter.to_string()));
                } else {
                    line = longer;
                }
            }
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}
