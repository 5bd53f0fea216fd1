//! The elements of an XML document.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::{FHIR_NAMESPACE, MAX_XML_BYTES, MAX_XML_DEPTH, MAX_XML_ELEMENTS, XmlError};

/// The namespace of the narrative.
pub(crate) const XHTML_NAMESPACE: &str = "http://www.w3.org/1999/xhtml";

/// An element.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) children: Vec<Element>,
    /// A narrative, letter for letter.
    pub(crate) narrative: Option<String>,
}

/// Reads bytes in UTF-8 or UTF-16, with or without a byte order mark, into text.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, XmlError> {
    if bytes.len() > MAX_XML_BYTES {
        return Err(XmlError::TooLarge);
    }
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| XmlError::Syntax("not UTF-16".to_owned()))
    };
    match bytes {
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => std::str::from_utf8(rest)
            .map(str::to_owned)
            .map_err(|_| XmlError::Syntax("not UTF-8".to_owned())),
    }
}

fn syntax(error: impl std::fmt::Display) -> XmlError {
    XmlError::Syntax(error.to_string())
}

/// Parses a document into its root element.
pub(crate) fn parse(text: &str) -> Result<Element, XmlError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut open: Vec<Element> = Vec::new();
    let mut count = 0;
    let mut root = None;
    loop {
        let start = reader.buffer_position();
        match reader.read_event().map_err(syntax)? {
            Event::Start(tag) if is_narrative(&tag, &open)? => {
                let end = tag.to_end().into_owned();
                let inside = reader.read_to_end(end.name()).map_err(syntax)?;
                let from = usize::try_from(start).unwrap_or(usize::MAX);
                let upto = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                let text = text.get(from..upto).ok_or(XmlError::TooLarge)?;
                debug_assert!(inside.end <= reader.buffer_position());
                entities(text)?;
                narrative(text, &mut open);
            }
            Event::Empty(tag) if is_narrative(&tag, &open)? => {
                let from = usize::try_from(start).unwrap_or(usize::MAX);
                let upto = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                narrative(text.get(from..upto).ok_or(XmlError::TooLarge)?, &mut open);
            }
            Event::Start(tag) => {
                count += 1;
                if root.is_some() || open.len() >= MAX_XML_DEPTH || count > MAX_XML_ELEMENTS {
                    return Err(XmlError::TooLarge);
                }
                open.push(element(&tag, &open)?);
            }
            Event::Empty(tag) => {
                count += 1;
                if root.is_some() || count > MAX_XML_ELEMENTS {
                    return Err(XmlError::TooLarge);
                }
                let element = element(&tag, &open)?;
                close(element, &mut open, &mut root);
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(|| syntax("an end without a start"))?;
                close(element, &mut open, &mut root);
            }
            Event::Text(text) => {
                if !text.trim().is_empty() {
                    return Err(content(&open, "text stands between elements"));
                }
            }
            Event::CData(_) | Event::GeneralRef(_) => {
                return Err(content(&open, "text stands between elements"));
            }
            Event::DocType(_) => return Err(XmlError::Doctype),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(syntax("the document ends inside an element"));
    }
    root.ok_or_else(|| syntax("there is no element"))
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

/// The entities that XML itself has (XML 1.0 §4.6).
pub(crate) const ENTITIES: &[&str] = &["amp", "lt", "gt", "quot", "apos"];

/// A narrative has XML's own five entities and characters by number, and no others.
fn entities(text: &str) -> Result<(), XmlError> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(syntax)? {
            Event::GeneralRef(name) if !name.starts_with('#') && !ENTITIES.contains(&&*name) => {
                return Err(syntax("an entity is not known"));
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn narrative(text: &str, open: &mut [Element]) {
    let narrative = Some(text.to_owned());
    let name = "div".to_owned();
    if let Some(parent) = open.last_mut() {
        parent.children.push(Element { name, narrative, ..Element::default() });
    }
}

fn content(open: &[Element], problem: &'static str) -> XmlError {
    let path: Vec<&str> = open.iter().map(|element| element.name.as_str()).collect();
    XmlError::Content { path: path.join("."), problem }
}

/// Whether a tag begins a narrative: a `div` in the namespace of XHTML.
fn is_narrative(tag: &BytesStart<'_>, open: &[Element]) -> Result<bool, XmlError> {
    if tag.name().0 != "div" || open.is_empty() {
        return Ok(false);
    }
    let namespace = tag
        .attributes()
        .find_map(|attribute| attribute.ok().filter(|attribute| attribute.key.0 == "xmlns"));
    match namespace {
        Some(namespace) if namespace.value == XHTML_NAMESPACE => Ok(true),
        _ => Err(content(open, "the narrative is not in the namespace of XHTML")),
    }
}

fn element(tag: &BytesStart<'_>, open: &[Element]) -> Result<Element, XmlError> {
    let name = tag.name().0.to_owned();
    let mut found = Element { name, ..Element::default() };
    let mut namespace = None;
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(syntax)?;
        let value = attribute.normalized_value(quick_xml::XmlVersion::default()).map_err(syntax)?;
        let value = value.into_owned();
        match attribute.key.0 {
            "xmlns" => namespace = Some(value),
            "value" => found.value = Some(value),
            "id" => found.id = Some(value),
            "url" => found.url = Some(value),
            // Where schemas lie is said for tools and is no content (R4 §2.6.1).
            other if other.starts_with("xmlns:") || other.ends_with(":schemaLocation") => {}
            _ => return Err(content(open, "an attribute has no meaning")),
        }
    }
    let is_root = open.is_empty();
    let in_fhir = namespace.as_deref().map_or(!is_root, |namespace| namespace == FHIR_NAMESPACE);
    if in_fhir {
        Ok(found)
    } else {
        Err(content(open, "an element is not in the namespace of FHIR"))
    }
}
