//! The font: its glyphs, how wide they are, and the part of it that a document carries.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use rust_embed::Embed;
use subsetter::GlyphRemapper;
use ttf_parser::Face;

use crate::SheetError;

/// `DejaVu` Sans Condensed with its licence, which `make assets` puts there: Latin with all its
/// marks, Greek, Cyrillic, Armenian, Georgian, Arabic and Hebrew letters.
#[derive(Embed)]
#[folder = "../../assets/print"]
#[allow_missing = true]
struct Print;

const FILE: &str = "DejaVuSansCondensed.ttf";
/// The name of the font's licence among what is embedded.
pub const FONT_LICENCE: &str = "DejaVu-LICENSE.txt";

/// The bytes of the font; none in a program that was built without.
pub fn font() -> Option<Cow<'static, [u8]>> {
    // The licence asks that its text go wherever the font goes.
    Print::get(FONT_LICENCE)?;
    Some(Print::get(FILE)?.data)
}

/// The font of one document, and what of it is used.
pub(crate) struct Type<'f> {
    data: &'f [u8],
    face: Face<'f>,
    glyphs: GlyphRemapper,
    /// The letters by their number in the document.
    letters: BTreeMap<u16, char>,
}

impl<'f> Type<'f> {
    pub(crate) fn new(data: &'f [u8]) -> Result<Self, SheetError> {
        let face = Face::parse(data, 0).map_err(|why| SheetError::Font(why.to_string()))?;
        Ok(Type { data, face, glyphs: GlyphRemapper::new(), letters: BTreeMap::new() })
    }

    /// The text as it can be shown: what the font lacks by its code point, and no line breaks.
    pub(crate) fn showable(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for letter in text.chars() {
            if letter.is_control() {
                out.push(' ');
            } else if self.face.glyph_index(letter).is_some() {
                out.push(letter);
            } else {
                // Writing to a string never fails.
                let _ = write!(out, "[U+{:04X}]", u32::from(letter));
            }
        }
        out
    }

    /// How wide a text is, in points, at a size in points.
    pub(crate) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|letter| self.advance(letter)).sum::<f32>() * size / 1000.0
    }

    /// How wide a letter is, in thousandths of the size.
    fn advance(&self, letter: char) -> f32 {
        let glyph = self.face.glyph_index(letter).unwrap_or_default();
        let advance = self.face.glyph_hor_advance(glyph).unwrap_or_default();
        f32::from(advance) * self.scale()
    }

    /// Thousandths of the size for one unit of the font.
    fn scale(&self) -> f32 {
        1000.0 / f32::from(self.face.units_per_em())
    }

    /// The numbers of a text's glyphs in the document, two bytes each.
    pub(crate) fn encode(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len() * 2);
        for letter in text.chars() {
            let glyph = self.face.glyph_index(letter).unwrap_or_default();
            let number = self.glyphs.remap(glyph.0);
            self.letters.entry(number).or_insert(letter);
            bytes.extend(number.to_be_bytes());
        }
        bytes
    }

    /// The part of the font that is used.
    pub(crate) fn subset(&self) -> Result<Vec<u8>, SheetError> {
        subsetter::subset(self.data, 0, &self.glyphs)
            .map_err(|why| SheetError::Font(why.to_string()))
    }

    /// The widths of the used glyphs in the order of their numbers, in thousandths.
    pub(crate) fn widths(&self) -> Vec<f32> {
        let width = |glyph: u16| {
            let advance = self.face.glyph_hor_advance(ttf_parser::GlyphId(glyph));
            f32::from(advance.unwrap_or_default()) * self.scale()
        };
        self.glyphs.remapped_gids().map(width).collect()
    }

    /// The used letters by their numbers.
    pub(crate) fn letters(&self) -> impl Iterator<Item = (u16, char)> {
        self.letters.iter().map(|(number, letter)| (*number, *letter))
    }

    /// How far the font reaches: left, bottom, right, top, ascender, descender, capitals; in
    /// thousandths.
    pub(crate) fn reach(&self) -> [f32; 7] {
        let bounds = self.face.global_bounding_box();
        let capitals = self.face.capital_height().unwrap_or_else(|| self.face.ascender());
        [
            bounds.x_min,
            bounds.y_min,
            bounds.x_max,
            bounds.y_max,
            self.face.ascender(),
            self.face.descender(),
            capitals,
        ]
        .map(|units| f32::from(units) * self.scale())
    }
}
