//! XML to JSON.

use fhir::json::write_string;
use fhir_definitions::{Type, TypeKind, r4};

use crate::XmlError;
use crate::document::{Element, decode, parse};

/// Turns a resource in XML into JSON.
///
/// A value that its type cannot have (a letter in a number) becomes a string: it is for validation
/// to refuse it, with its place.
pub fn to_json(xml: &[u8]) -> Result<String, XmlError> {
    let root = parse(&decode(xml)?)?;
    let mut out = String::with_capacity(xml.len());
    resource(&root, &root.name, &mut out)?;
    Ok(out)
}

/// Where an element is, for errors.
type Path<'p> = &'p str;

fn resource(element: &Element, path: Path<'_>, out: &mut String) -> Result<(), XmlError> {
    let Some(ty) = r4().resource(&element.name) else {
        return Err(XmlError::NotAResource(element.name.chars().take(64).collect()));
    };
    out.push_str("{\"resourceType\":");
    write_string(&element.name, out);
    // Attributes have no place on a resource but `id`, which some writers put there.
    members(element, ty, path, true, out)?;
    out.push('}');
    Ok(())
}

/// Writes the members of an object, without its braces.
fn members(
    element: &Element,
    ty: &Type,
    path: Path<'_>,
    mut comma: bool,
    out: &mut String,
) -> Result<(), XmlError> {
    for (name, text) in [("id", &element.id), ("url", &element.url)] {
        if let Some(text) = text {
            if ty.member(name).is_none() || ty.kind == TypeKind::Resource {
                return Err(unknown(path, name));
            }
            separate(&mut comma, name, out);
            write_string(text, out);
        }
    }
    let mut done: Vec<&str> = Vec::new();
    for child in &element.children {
        let name = child.name.as_str();
        if done.contains(&name) {
            continue;
        }
        done.push(name);
        let Some(member) = ty.member(name) else {
            return Err(unknown(path, name));
        };
        let all: Vec<&Element> = element.children.iter().filter(|c| c.name == name).collect();
        let list = ty.elements[member.element].is_list();
        if !list && all.len() > 1 {
            return Err(content(&inside(path, name), "the element may come only once"));
        }
        let kind = r4().get(member.ty);
        let path = inside(path, name);
        if kind.kind == TypeKind::Primitive {
            primitives(name, &all, kind, list, (&path, &mut comma), out)?;
        } else {
            separate(&mut comma, name, out);
            list_of(&all, list, out, |child, out| complex(child, kind, &path, out))?;
        }
    }
    Ok(())
}

fn inside(path: &str, name: &str) -> String {
    format!("{path}.{name}")
}

fn unknown(path: &str, name: &str) -> XmlError {
    XmlError::Unknown { path: path.to_owned(), name: name.chars().take(64).collect() }
}

fn content(path: &str, problem: &'static str) -> XmlError {
    XmlError::Content { path: path.to_owned(), problem }
}

fn separate(comma: &mut bool, name: &str, out: &mut String) {
    if *comma {
        out.push(',');
    }
    *comma = true;
    write_string(name, out);
    out.push(':');
}

fn list_of(
    all: &[&Element],
    list: bool,
    out: &mut String,
    mut write: impl FnMut(&Element, &mut String) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    if list {
        out.push('[');
    }
    for (index, child) in all.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(child, out)?;
    }
    if list {
        out.push(']');
    }
    Ok(())
}

fn complex(element: &Element, ty: &Type, path: &str, out: &mut String) -> Result<(), XmlError> {
    if element.value.is_some() {
        return Err(content(path, "the element may have no value"));
    }
    if ty.kind == TypeKind::Resource {
        let [inner] = &element.children[..] else {
            return Err(content(path, "the element holds one resource"));
        };
        return resource(inner, path, out);
    }
    out.push('{');
    members(element, ty, path, false, out)?;
    out.push('}');
    Ok(())
}

/// Writes a primitive's values, and its ids and extensions in the member with the underscore.
fn primitives(
    name: &str,
    all: &[&Element],
    ty: &Type,
    list: bool,
    (path, comma): (&str, &mut bool),
    out: &mut String,
) -> Result<(), XmlError> {
    if ty.name == "xhtml" {
        let Some(text) = all.iter().find_map(|element| element.narrative.as_ref()) else {
            return Err(content(path, "the narrative is no XHTML"));
        };
        separate(comma, name, out);
        write_string(text, out);
        return Ok(());
    }
    let has_value = |element: &&&Element| element.value.is_some();
    let has_more = |element: &&&Element| element.id.is_some() || !element.children.is_empty();
    if all.iter().any(|element| !has_value(&element) && !has_more(&element)) {
        return Err(content(path, "the element is empty"));
    }
    if all.iter().any(|element| has_value(&element)) {
        separate(comma, name, out);
        list_of(all, list, out, |element, out| {
            match &element.value {
                Some(text) => value(text, ty.name, out),
                None => out.push_str("null"),
            }
            Ok(())
        })?;
    }
    if all.iter().any(|element| has_more(&element)) {
        separate(comma, &format!("_{name}"), out);
        list_of(all, list, out, |element, out| {
            if !has_more(&&element) {
                out.push_str("null");
                return Ok(());
            }
            out.push('{');
            members(element, ty, path, false, out)?;
            out.push('}');
            Ok(())
        })?;
    }
    Ok(())
}

fn value(text: &str, ty: &str, out: &mut String) {
    let plain = match ty {
        "boolean" => text == "true" || text == "false",
        "decimal" | "integer" | "positiveInt" | "unsignedInt" => is_number(text),
        _ => false,
    };
    if plain { out.push_str(text) } else { write_string(text, out) }
}

/// Whether a text is a number of JSON.
fn is_number(text: &str) -> bool {
    fhir::json::Tree::parse(text).is_ok_and(
        |tree| matches!(tree.root().kind(), fhir::json::Kind::Number(digits) if *digits == text),
    )
}
