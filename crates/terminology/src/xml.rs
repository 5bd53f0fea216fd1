//! Goes through an XML file of a release without holding it: leaves and ends of elements.

use std::io::{BufRead, BufReader, Read};

use quick_xml::events::Event;
use thiserror::Error;

/// The deepest nesting of elements; releases have five levels.
const MAX_DEPTH: usize = 16;
/// The longest text of one element, in bytes; the longest field of dm+d has 774 characters.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Why a file cannot be read.
#[derive(Debug, Error)]
pub enum XmlError {
    /// The bytes are not well-formed XML.
    #[error("not well-formed XML: {0}")]
    Malformed(#[from] quick_xml::Error),
    /// The file ends in the middle of an element.
    #[error("the file ends in the middle of <{0}>")]
    CutOff(String),
    /// A document type declaration: releases have none, and entities could be bombs.
    #[error("a document type declaration is not taken")]
    DocumentType,
    /// An entity that is not one of XML's own five.
    #[error("the entity &{0}; is not taken")]
    Entity(String),
    /// Deeper or longer than anything in a release.
    #[error("an element is deeper than 16 levels or its text longer than 16 KiB")]
    Limit,
}

/// What is met on the way.
pub(crate) enum Step<'a> {
    /// An element without elements in it: its name and its text.
    Leaf(&'a str, &'a str),
    /// An element begins, perhaps a leaf: its name and how many elements it lies in.
    Begin(&'a str, usize),
    /// An element with elements in it ends.
    End(&'a str),
}

/// Goes through a file and tells `sink` each step. The first `Begin` is the root.
pub(crate) fn walk<E: From<XmlError>>(
    content: impl Read,
    mut sink: impl FnMut(Step<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = quick_xml::Reader::from_reader(BufReader::with_capacity(64 * 1024, content));
    reader.config_mut().expand_empty_elements = true;
    let mut walker = Walker { open: Vec::new(), text: String::new(), is_leaf: false };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match next(&mut reader, &mut buffer)? {
            Event::Start(start) => {
                let name = start.name().into_inner();
                sink(Step::Begin(name, walker.open.len()))?;
                walker.begin(name)?;
            }
            Event::End(_) => {
                if let Some(name) = walker.open.pop() {
                    let text = walker.text.trim();
                    let is_leaf = std::mem::replace(&mut walker.is_leaf, false);
                    sink(if is_leaf { Step::Leaf(&name, text) } else { Step::End(&name) })?;
                }
            }
            Event::Text(text) => walker.add(&text)?,
            Event::CData(text) => walker.add(&text)?,
            Event::GeneralRef(entity) => walker.add(&resolve(&entity)?)?,
            Event::DocType(_) => return Err(XmlError::DocumentType.into()),
            // Empty elements come as a beginning and an end, by the configuration above.
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::Empty(_) => {}
            Event::Eof => break,
        }
    }
    match walker.open.pop() {
        Some(name) => Err(XmlError::CutOff(name).into()),
        None => Ok(()),
    }
}

fn next<'b, R: BufRead>(
    reader: &mut quick_xml::Reader<R>,
    buffer: &'b mut Vec<u8>,
) -> Result<Event<'b>, XmlError> {
    Ok(reader.read_event_into(buffer)?)
}

struct Walker {
    open: Vec<String>,
    text: String,
    is_leaf: bool,
}

impl Walker {
    fn begin(&mut self, name: &str) -> Result<(), XmlError> {
        if self.open.len() == MAX_DEPTH {
            return Err(XmlError::Limit);
        }
        self.open.push(name.to_owned());
        self.text.clear();
        self.is_leaf = true;
        Ok(())
    }

    fn add(&mut self, text: &str) -> Result<(), XmlError> {
        if self.text.len() + text.len() > MAX_TEXT_BYTES {
            return Err(XmlError::Limit);
        }
        self.text.push_str(text);
        Ok(())
    }
}

fn resolve(entity: &quick_xml::events::BytesRef<'_>) -> Result<String, XmlError> {
    if let Some(character) = entity.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    let name: &str = entity;
    quick_xml::escape::resolve_xml_entity(name)
        .map(str::to_owned)
        .ok_or_else(|| XmlError::Entity(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(xml: &str) -> Result<Vec<String>, XmlError> {
        let mut told = Vec::new();
        walk(xml.as_bytes(), |step| {
            told.push(match step {
                Step::Leaf(name, text) => format!("{name}={text}"),
                Step::Begin(name, depth) => format!("<{name}{depth}"),
                Step::End(name) => format!("{name}>"),
            });
            Ok::<_, XmlError>(())
        })?;
        Ok(told)
    }

    #[test]
    fn leaves_and_ends() {
        let xml = "<?xml version=\"1.0\"?><A>\n <!-- x --><B><C> 1 &amp; 2&#181; </C><D/></B></A>";
        let expected = ["<A0", "<B1", "<C2", "C=1 & 2µ", "<D2", "D=", "B>", "A>"];
        assert_eq!(told(xml).unwrap(), expected);
    }

    #[test]
    fn what_is_not_taken() {
        let deep = "<A>".repeat(20);
        let long = format!("<A>{}</A>", "x".repeat(MAX_TEXT_BYTES + 1));
        for (xml, wrong) in [
            ("<!DOCTYPE A [<!ENTITY b \"c\">]><A>&b;</A>", "document type"),
            ("<A>&b;</A>", "entity"),
            ("<A><B>", "ends in the middle of <B>"),
            ("<A></B>", "not well-formed"),
            (deep.as_str(), "deeper"),
            (long.as_str(), "longer"),
        ] {
            let told = told(xml).map_err(|error| error.to_string());
            assert!(told.as_ref().is_err_and(|error| error.contains(wrong)), "{xml:.60}: {told:?}");
        }
    }
}
