//! JSON to XML.

use fhir::json::{Kind, Node, Tree};
use fhir_definitions::{Type, TypeKind, r4};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::document::{ENTITIES, XHTML_NAMESPACE};
use crate::{FHIR_NAMESPACE, MAX_XML_BYTES, MAX_XML_DEPTH, XmlError};

/// Turns a resource in JSON into XML, without white space between its elements.
pub fn to_xml(json: &str) -> Result<String, XmlError> {
    if json.len() > MAX_XML_BYTES {
        return Err(XmlError::TooLarge);
    }
    let tree = Tree::parse(json).map_err(|_| XmlError::Json)?;
    let mut writer = Writer { out: String::with_capacity(json.len() * 2), depth: 0 };
    writer.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    writer.resource(tree.root(), true)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    depth: usize,
}

fn content(path: &str, problem: &'static str) -> XmlError {
    XmlError::Content { path: path.to_owned(), problem }
}

impl Writer {
    fn resource(&mut self, node: Node<'_>, root: bool) -> Result<(), XmlError> {
        let name = node.text("resourceType").unwrap_or_default();
        let Some(ty) = r4().resource(name) else {
            return Err(XmlError::NotAResource(name.chars().take(64).collect()));
        };
        self.out.push('<');
        self.out.push_str(ty.name);
        if root {
            self.out.push_str(" xmlns=\"");
            self.out.push_str(FHIR_NAMESPACE);
            self.out.push('"');
        }
        self.out.push('>');
        self.elements(node, ty, ty.name)?;
        self.end(ty.name);
        Ok(())
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Writes the elements of an object in the order of their definitions, without those that XML
    /// writes as attributes.
    fn elements(&mut self, node: Node<'_>, ty: &Type, path: &str) -> Result<(), XmlError> {
        self.depth += 1;
        if self.depth > MAX_XML_DEPTH {
            return Err(XmlError::TooLarge);
        }
        let mut found: Vec<(usize, &str)> = Vec::new();
        for child in node.children() {
            let key = child.name();
            if key == "resourceType" && ty.kind == TypeKind::Resource {
                continue;
            }
            let plain = key.strip_prefix('_').unwrap_or(key);
            let Some(member) = ty.member(plain) else {
                let name = key.chars().take(64).collect();
                return Err(XmlError::Unknown { path: path.to_owned(), name });
            };
            if !is_attribute(ty, plain) && !found.iter().any(|(_, name)| *name == plain) {
                found.push((member.element, plain));
            }
        }
        found.sort_by_key(|(position, _)| *position);
        for (_, name) in found {
            self.member(node, ty, name, &format!("{path}.{name}"))?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn member(
        &mut self,
        node: Node<'_>,
        ty: &Type,
        name: &str,
        path: &str,
    ) -> Result<(), XmlError> {
        let member = ty.member(name).ok_or(XmlError::Json)?;
        let list = ty.elements[member.element].is_list();
        let kind = r4().get(member.ty);
        let value = node.get(name);
        let beside = node.get(&format!("_{name}"));
        if [value, beside].iter().flatten().any(|node| node.is_array() != list) {
            return Err(content(path, "an array stands where none may, or none where one must"));
        }
        let mut values = value.into_iter().flat_map(Node::each);
        let mut others = beside.into_iter().flat_map(Node::each);
        loop {
            match (values.next(), others.next()) {
                (None, None) => return Ok(()),
                (value, beside) => {
                    let value = value.filter(|node| !node.is_null());
                    let beside = beside.filter(|node| !node.is_null());
                    self.one(name, value, beside, kind, path)?;
                }
            }
        }
    }

    fn one(
        &mut self,
        name: &str,
        value: Option<Node<'_>>,
        beside: Option<Node<'_>>,
        ty: &Type,
        path: &str,
    ) -> Result<(), XmlError> {
        if ty.name == "xhtml" {
            let text = value.and_then(Node::as_str);
            return self.narrative(text.unwrap_or_default(), path);
        }
        if ty.kind == TypeKind::Primitive {
            return self.primitive(name, value, beside, ty, path);
        }
        let Some(object) = value.filter(|node| node.is_object() && beside.is_none()) else {
            return Err(content(path, "an object was expected"));
        };
        self.out.push('<');
        self.out.push_str(name);
        if ty.kind == TypeKind::Resource {
            self.out.push('>');
            self.depth += 1;
            self.resource(object, false)?;
            self.depth -= 1;
            self.end(name);
            return Ok(());
        }
        self.attributes(object, ty, path)?;
        self.out.push('>');
        self.elements(object, ty, path)?;
        self.end(name);
        Ok(())
    }

    fn attributes(&mut self, object: Node<'_>, ty: &Type, path: &str) -> Result<(), XmlError> {
        for name in ["id", "url"] {
            let value = object.get(name).filter(|_| is_attribute(ty, name));
            if object.get(&format!("_{name}")).is_some() && is_attribute(ty, name) {
                return Err(content(path, "an attribute of XML cannot have extensions"));
            }
            if let Some(value) = value {
                let text = value.as_str().ok_or_else(|| content(path, "a string was expected"))?;
                self.attribute(name, text, path)?;
            }
        }
        Ok(())
    }

    fn attribute(&mut self, name: &str, text: &str, path: &str) -> Result<(), XmlError> {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                // As they are, they would be read as spaces (XML 1.0 §3.3.3).
                '\n' => self.out.push_str("&#10;"),
                '\r' => self.out.push_str("&#13;"),
                '\t' => self.out.push_str("&#9;"),
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    return Err(content(path, "a control character has no place in XML"));
                }
                other => self.out.push(other),
            }
        }
        self.out.push('"');
        Ok(())
    }

    fn primitive(
        &mut self,
        name: &str,
        value: Option<Node<'_>>,
        beside: Option<Node<'_>>,
        ty: &Type,
        path: &str,
    ) -> Result<(), XmlError> {
        self.out.push('<');
        self.out.push_str(name);
        if let Some(beside) = beside {
            if !beside.is_object() {
                return Err(content(path, "an object was expected"));
            }
            self.attributes(beside, ty, path)?;
        }
        match value.map(Node::kind) {
            None if beside.is_some() => {}
            Some(Kind::String(text)) => self.attribute("value", text, path)?,
            Some(Kind::Number(digits)) => self.attribute("value", digits, path)?,
            Some(Kind::Bool(value)) => {
                self.attribute("value", if *value { "true" } else { "false" }, path)?;
            }
            _ => return Err(content(path, "a primitive value was expected")),
        }
        match beside.filter(|node| node.children().any(|child| child.name() != "id")) {
            Some(beside) => {
                self.out.push('>');
                self.elements(beside, ty, path)?;
                self.end(name);
            }
            None => self.out.push_str("/>"),
        }
        Ok(())
    }

    /// Writes a narrative letter for letter, once it is sure to be one well-formed element.
    fn narrative(&mut self, text: &str, path: &str) -> Result<(), XmlError> {
        let wrong = || content(path, "the narrative is not one well-formed div of XHTML");
        let trimmed = text.trim();
        let mut reader = Reader::from_str(trimmed);
        reader.config_mut().enable_all_checks(true);
        let mut depth = 0_usize;
        let mut first = true;
        loop {
            let event = reader.read_event().map_err(|_| wrong())?;
            match &event {
                Event::Start(tag) | Event::Empty(tag) => {
                    let namespace = tag.attributes().any(|attribute| {
                        attribute.is_ok_and(|a| a.key.0 == "xmlns" && a.value == XHTML_NAMESPACE)
                    });
                    if (first && (tag.name().0 != "div" || !namespace)) || (!first && depth == 0) {
                        return Err(wrong());
                    }
                    first = false;
                    if matches!(event, Event::Start(_)) {
                        depth += 1;
                    }
                }
                Event::End(_) => depth = depth.checked_sub(1).ok_or_else(wrong)?,
                Event::Text(_) | Event::CData(_) if depth == 0 => return Err(wrong()),
                Event::GeneralRef(name)
                    if depth == 0 || !(name.starts_with('#') || ENTITIES.contains(&&**name)) =>
                {
                    return Err(wrong());
                }
                Event::DocType(_) | Event::PI(_) | Event::Decl(_) => return Err(wrong()),
                Event::Eof => break,
                _ => {}
            }
            if depth > MAX_XML_DEPTH {
                return Err(XmlError::TooLarge);
            }
        }
        if depth > 0 || first {
            return Err(wrong());
        }
        self.out.push_str(trimmed);
        Ok(())
    }
}

/// Whether XML writes a member as an attribute: the id of an element and the URL of an extension.
fn is_attribute(ty: &Type, name: &str) -> bool {
    match name {
        "id" => ty.kind != TypeKind::Resource,
        "url" => ty.name == "Extension",
        _ => false,
    }
}
