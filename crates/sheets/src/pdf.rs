//! The sheet as PDF 1.7 (ISO 32000-1), with the font in it.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, TextRenderingMode, UnicodeCmap};
use pdf_writer::{Content, Date, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use crate::font::Type;
use crate::layout::{FOOT, Layout, Line, MARGIN, PAPER, Page, SIZE};
use crate::{MAX_ROWS, Sheet, SheetError, font};

/// How thick the strokes are that make a text bold, in points.
const BOLD: f32 = 0.25;
/// How thick and how dark the lines between rows are: points, and 0 for black.
const RULE: (f32, f32) = (0.4, 0.6);
/// The name of the font in the document: six letters say that it is a part of one
/// (ISO 32000-1 §9.6.4).
const FONT_NAME: &[u8] = b"ILSHTA+DejaVuSansCondensed";
const SYSTEM: SystemInfo<'_> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// The objects of the document that there is one of each.
struct Refs {
    catalog: Ref,
    pages: Ref,
    info: Ref,
    metadata: Ref,
    font: Ref,
    cid: Ref,
    descriptor: Ref,
    file: Ref,
    cmap: Ref,
    next: i32,
}

/// The sheet on A4 paper, each page with the whole head and its number.
pub fn pdf(sheet: &Sheet) -> Result<Vec<u8>, SheetError> {
    if sheet.rows.len() > MAX_ROWS {
        return Err(SheetError::TooLong(sheet.rows.len()));
    }
    let data = font().ok_or(SheetError::NoFont)?;
    let mut font = Type::new(&data)?;
    let mut pages = Layout::of(sheet, &font);
    feet(&mut pages, sheet, &font);
    let mut refs = refs();
    let mut pdf = Pdf::new();
    pdf.set_version(1, 7);
    let mut catalog = pdf.catalog(refs.catalog);
    catalog.pages(refs.pages).lang(TextStr("en-GB")).metadata(refs.metadata);
    catalog.viewer_preferences().display_doc_title(true);
    catalog.finish();
    let mut kids = Vec::with_capacity(pages.len());
    for page in &pages {
        let (of, content) = (refs.another(), refs.another());
        kids.push(of);
        let mut object = pdf.page(of);
        object.parent(refs.pages).contents(content);
        object.media_box(Rect::new(0.0, 0.0, PAPER.0, PAPER.1));
        object.resources().fonts().pair(Name(b"F"), refs.font);
        object.finish();
        let drawn = packed(&draw(page, &mut font));
        pdf.stream(content, &drawn).filter(Filter::FlateDecode);
    }
    let count = i32::try_from(kids.len()).unwrap_or(i32::MAX);
    pdf.pages(refs.pages).kids(kids).count(count);
    embed(&mut pdf, &refs, &font)?;
    describe(&mut pdf, &refs, sheet);
    Ok(pdf.finish())
}

fn refs() -> Refs {
    Refs {
        catalog: Ref::new(1),
        pages: Ref::new(2),
        info: Ref::new(3),
        metadata: Ref::new(4),
        font: Ref::new(5),
        cid: Ref::new(6),
        descriptor: Ref::new(7),
        file: Ref::new(8),
        cmap: Ref::new(9),
        next: 10,
    }
}

impl Refs {
    fn another(&mut self) -> Ref {
        self.next += 1;
        Ref::new(self.next - 1)
    }
}

/// What stands at the foot of each page: whose it is, and which page of how many.
fn feet(pages: &mut [Page], sheet: &Sheet, font: &Type<'_>) {
    let all = pages.len();
    for (at, page) in pages.iter_mut().enumerate() {
        let number = format!("Page {} of {all}", at + 1);
        let right = PAPER.0 - MARGIN - font.width(&number, SIZE);
        let owner = font.showable(&format!("{}, {}", sheet.owner, sheet.title));
        for (x, text) in [(MARGIN, owner), (right, number)] {
            page.lines.push(Line { at: (x, FOOT), size: SIZE, strong: false, text });
        }
    }
}

fn draw(page: &Page, font: &mut Type<'_>) -> Vec<u8> {
    let mut content = Content::new();
    content.set_line_width(RULE.0).set_stroke_gray(RULE.1);
    for height in &page.rules {
        content.move_to(MARGIN, *height).line_to(PAPER.0 - MARGIN, *height).stroke();
    }
    content.set_line_width(BOLD).set_stroke_gray(0.0);
    content.begin_text();
    for line in &page.lines {
        let mode =
            if line.strong { TextRenderingMode::FillStroke } else { TextRenderingMode::Fill };
        content.set_font(Name(b"F"), line.size).set_text_rendering_mode(mode);
        content.set_text_matrix([1.0, 0.0, 0.0, 1.0, line.at.0, line.at.1]);
        content.show(Str(&font.encode(&line.text)));
    }
    content.end_text();
    content.finish().to_vec()
}

/// Puts the used part of the font in, with the letters that its glyphs stand for, so that text
/// can be searched and copied.
fn embed(pdf: &mut Pdf, refs: &Refs, font: &Type<'_>) -> Result<(), SheetError> {
    let [left, bottom, right, top, ascent, descent, capitals] = font.reach();
    pdf.type0_font(refs.font)
        .base_font(Name(FONT_NAME))
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(refs.cid)
        .to_unicode(refs.cmap);
    let mut cid = pdf.cid_font(refs.cid);
    cid.subtype(CidFontType::Type2).base_font(Name(FONT_NAME)).system_info(SYSTEM);
    cid.font_descriptor(refs.descriptor).default_width(0.0);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    cid.widths().consecutive(0, font.widths());
    cid.finish();
    pdf.font_descriptor(refs.descriptor)
        .name(Name(FONT_NAME))
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(0.0)
        .ascent(ascent)
        .descent(descent)
        .cap_height(capitals)
        .stem_v(90.0)
        .font_file2(refs.file);
    let subset = font.subset()?;
    let length = i32::try_from(subset.len()).unwrap_or(i32::MAX);
    pdf.stream(refs.file, &packed(&subset))
        .filter(Filter::FlateDecode)
        .pair(Name(b"Length1"), length);
    let mut cmap = UnicodeCmap::new(Name(b"Custom"), SYSTEM);
    for (number, letter) in font.letters() {
        cmap.pair(number, letter);
    }
    let cmap = cmap.finish().to_vec();
    pdf.cmap(refs.cmap, &cmap);
    Ok(())
}

/// What the document says of itself, in both of the ways that readers look for.
fn describe(pdf: &mut Pdf, refs: &Refs, sheet: &Sheet) {
    let about: Vec<String> =
        sheet.head.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let about = about.join("; ");
    let made = sheet.made.to_zoned(TimeZone::UTC).datetime();
    let mut info = pdf.document_info(refs.info);
    info.title(TextStr(&sheet.title)).author(TextStr(&sheet.owner)).subject(TextStr(&about));
    info.creator(TextStr("Interlock")).producer(TextStr("Interlock")).creation_date(date(made));
    info.finish();
    let metadata = xmp(sheet, &about, sheet.made);
    pdf.stream(refs.metadata, metadata.as_bytes())
        .pair(Name(b"Type"), Name(b"Metadata"))
        .pair(Name(b"Subtype"), Name(b"XML"));
}

fn date(at: DateTime) -> Date {
    let part = |part: i8| u8::try_from(part).unwrap_or_default();
    Date::new(u16::try_from(at.year()).unwrap_or_default())
        .month(part(at.month()))
        .day(part(at.day()))
        .hour(part(at.hour()))
        .minute(part(at.minute()))
        .second(part(at.second()))
        .utc_offset_hour(0)
}

/// Metadata as XMP (ISO 16684-1).
fn xmp(sheet: &Sheet, about: &str, made: Timestamp) -> String {
    let (title, owner, about) = (escaped(&sheet.title), escaped(&sheet.owner), escaped(about));
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\">\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{title}</rdf:li></rdf:Alt></dc:title>\
         <dc:creator><rdf:Seq><rdf:li>{owner}</rdf:li></rdf:Seq></dc:creator>\
         <dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{about}</rdf:li></rdf:Alt>\
         </dc:description><xmp:CreatorTool>Interlock</xmp:CreatorTool>\
         <xmp:CreateDate>{made}</xmp:CreateDate></rdf:Description></rdf:RDF></x:xmpmeta>\n\
         <?xpacket end=\"r\"?>"
    )
}

fn escaped(text: &str) -> String {
    let clean: String = text.chars().filter(|letter| !letter.is_control()).collect();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail")
}
