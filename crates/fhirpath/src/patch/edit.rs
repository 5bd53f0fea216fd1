//! Changing a document: a member and what lies beside it go together.

use fhir::json::Node;
use fhir_definitions::{Element as Definition, Type, TypeId, TypeKind, r4};
use serde_json::{Map, Value};

use super::place::{Place, Step};
use super::{New, PatchError};
use crate::Element;

/// A document that one operation changes.
pub(super) struct Editing<'d> {
    pub(super) document: &'d mut Value,
    /// The number of the operation.
    pub(super) n: usize,
}

/// A value with what lies beside it.
struct Written {
    value: Option<Value>,
    beside: Option<Value>,
}

impl Editing<'_> {
    /// Adds an element to the one at a place.
    pub(super) fn add(
        &mut self,
        (ty, at): (Option<TypeId>, &Place),
        name: &str,
        value: &New,
    ) -> Result<(), PatchError> {
        let n = self.n;
        let holder = r4().get(ty.ok_or(PatchError::Type(n))?);
        let (member, definition, inner) = member(holder, name, value).ok_or(PatchError::Type(n))?;
        let written = write(value, inner).ok_or(PatchError::Type(n))?;
        let object = walk(self.document, at).and_then(Value::as_object_mut);
        let object = object.ok_or(PatchError::NoElement(n))?;
        if repeats(definition) {
            let length = list_length(object, &member);
            put_item(object, &member, length, written);
            return Ok(());
        }
        let beside = format!("_{member}");
        let is_there = |key: &String| {
            let key = key.strip_prefix('_').unwrap_or(key);
            holder.member(key).is_some_and(|found| {
                std::ptr::eq(&raw const holder.elements[found.element], definition)
            })
        };
        if object.keys().any(is_there) {
            return Err(PatchError::Exists(n));
        }
        set(object, &member, written.value);
        set(object, &beside, written.beside);
        Ok(())
    }

    /// Inserts an item into the list whose items these are.
    pub(super) fn insert(
        &mut self,
        places: &[Place],
        index: usize,
        (ty, value): (TypeId, &New),
    ) -> Result<(), PatchError> {
        let (holder, member) = self.list(places)?;
        if index > places.len() {
            return Err(PatchError::Index(self.n));
        }
        let written = write(value, ty).ok_or(PatchError::Type(self.n))?;
        let object = self.object(&holder)?;
        put_item(object, &member, index, written);
        Ok(())
    }

    /// Moves an item within the list whose items these are.
    pub(super) fn shift(
        &mut self,
        places: &[Place],
        source: usize,
        destination: usize,
    ) -> Result<(), PatchError> {
        let (holder, member) = self.list(places)?;
        if source.max(destination) >= places.len() {
            return Err(PatchError::Index(self.n));
        }
        let object = self.object(&holder)?;
        for name in [member.clone(), format!("_{member}")] {
            if let Some(Value::Array(items)) = object.get_mut(&name) {
                items.resize(places.len(), Value::Null);
                let item = items.remove(source);
                items.insert(destination, item);
                trim(object, &name);
            }
        }
        Ok(())
    }

    /// Takes an element away.
    pub(super) fn delete(&mut self, at: &Place) -> Result<(), PatchError> {
        let n = self.n;
        let (last, holder) = at.split_last().ok_or(PatchError::NoElement(n))?;
        match last {
            Step::Member(name) => {
                let object = self.object(holder)?;
                object.shift_remove(name);
                object.shift_remove(&format!("_{name}"));
            }
            Step::Item(index) => {
                let (member, holder) = holder.split_last().ok_or(PatchError::NoElement(n))?;
                let Step::Member(member) = member else { return Err(PatchError::NoElement(n)) };
                let object = self.object(holder)?;
                for name in [member.clone(), format!("_{member}")] {
                    if let Some(Value::Array(items)) = object.get_mut(&name) {
                        if *index < items.len() {
                            items.remove(*index);
                        }
                        trim(object, &name);
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives an element another value. A choice may get another type.
    pub(super) fn replace(
        &mut self,
        root: Element<'_>,
        (ty, at): (Option<TypeId>, &Place),
        value: &New,
    ) -> Result<(), PatchError> {
        let n = self.n;
        let (last, holder) = at.split_last().ok_or(PatchError::NoElement(n))?;
        if let Step::Item(index) = last {
            let written = write(value, ty.ok_or(PatchError::Type(n))?);
            let written = written.ok_or(PatchError::Type(n))?;
            let (member, holder) = holder.split_last().ok_or(PatchError::NoElement(n))?;
            let Step::Member(member) = member else { return Err(PatchError::NoElement(n)) };
            let object = self.object(holder)?;
            set_item(object, member, *index, written);
            return Ok(());
        }
        let Step::Member(name) = last else { return Err(PatchError::NoElement(n)) };
        let holder_type = type_at(root, holder).ok_or(PatchError::Type(n))?;
        let old = r4().get(holder_type).member(name).ok_or(PatchError::Type(n))?;
        let element = r4().get(holder_type).elements[old.element].name;
        let (new_name, _, inner) =
            member(r4().get(holder_type), element, value).ok_or(PatchError::Type(n))?;
        let written = write(value, inner).ok_or(PatchError::Type(n))?;
        let object = self.object(holder)?;
        let mut changed = Map::with_capacity(object.len());
        let beside = format!("_{name}");
        let mut new = Some(written);
        for (key, old) in std::mem::take(object) {
            if key != *name && key != beside {
                changed.insert(key, old);
            } else if let Some(written) = new.take() {
                set(&mut changed, &new_name, written.value);
                set(&mut changed, &format!("_{new_name}"), written.beside);
            }
        }
        *object = changed;
        Ok(())
    }

    /// The object that holds the list of these items, and the list's name.
    fn list(&self, places: &[Place]) -> Result<(Place, String), PatchError> {
        let one = |place: &Place| match place.split_last() {
            Some((Step::Item(_), list)) => match list.split_last() {
                Some((Step::Member(name), holder)) => Some((holder.to_vec(), name.clone())),
                _ => None,
            },
            _ => None,
        };
        let first = places.first().and_then(one).ok_or(PatchError::NotOne(self.n))?;
        if places.iter().any(|place| one(place).as_ref() != Some(&first)) {
            return Err(PatchError::NotOne(self.n));
        }
        Ok(first)
    }

    fn object(&mut self, at: &[Step]) -> Result<&mut Map<String, Value>, PatchError> {
        let n = self.n;
        let object = walk(self.document, at).and_then(Value::as_object_mut);
        object.ok_or(PatchError::NoElement(n))
    }
}

fn walk<'v>(mut value: &'v mut Value, at: &[Step]) -> Option<&'v mut Value> {
    for step in at {
        value = match step {
            Step::Member(name) => {
                let members = value.as_object_mut()?;
                // What is in a primitive lies beside it.
                let has_objects = members.get(name).is_some_and(|it| match it {
                    Value::Array(items) => items.iter().any(Value::is_object),
                    it => it.is_object(),
                });
                members.get_mut(&if has_objects { name.clone() } else { format!("_{name}") })?
            }
            Step::Item(index) => value.as_array_mut()?.get_mut(*index)?,
        };
    }
    Some(value)
}

/// The type of the object at a place.
fn type_at(root: Element<'_>, at: &[Step]) -> Option<TypeId> {
    let (mut ty, mut node) = (root.ty?, root.value?);
    for step in at {
        match step {
            Step::Member(name) => {
                ty = r4().get(ty).member(name)?.ty;
                let value = node.get(name).filter(|it| it.each().any(Node::is_object));
                node = value.or_else(|| node.get(&format!("_{name}")))?;
            }
            Step::Item(index) => node = node.children().nth(*index)?,
        }
        // A resource within another says itself what it is.
        if node.is_object() && r4().get(ty).kind == TypeKind::Resource {
            ty = r4().resource(node.text("resourceType")?)?.id;
        }
    }
    Some(ty)
}

fn repeats(definition: &Definition) -> bool {
    definition.max != Some(1)
}

/// The name that a new element has in JSON, its definition, and its type.
fn member<'r>(
    holder: &'r Type,
    name: &str,
    value: &New,
) -> Option<(String, &'r Definition, TypeId)> {
    let name = name.strip_suffix("[x]").unwrap_or(name);
    let definition = holder.element(name)?;
    if !definition.choice {
        let ty = definition.types.first()?.ty;
        return Some((name.to_owned(), definition, ty));
    }
    let New::Typed { ty, .. } = value else { return None };
    let member = format!("{name}{ty}");
    let found = holder.member(&member)?;
    Some((member, definition, found.ty))
}

/// A new value as JSON has it, where it is of that type.
fn write(new: &New, ty: TypeId) -> Option<Written> {
    let definition = r4().get(ty);
    match new {
        New::Typed { ty: told, value, beside } => {
            if value.is_none() && beside.is_none() {
                return None;
            }
            // `Code` is of the type code, and an id may come as a string.
            let is_object = value.as_ref().is_some_and(Value::is_object);
            if is_object != (definition.kind != TypeKind::Primitive) && value.is_some() {
                return None;
            }
            if is_object && !definition.name.eq_ignore_ascii_case(told) {
                return None;
            }
            Some(Written { value: value.clone(), beside: beside.clone() })
        }
        New::Parts(parts) => {
            let mut object = Map::new();
            for (name, part) in parts {
                let (key, element, inner) = member(definition, name, part)?;
                let written = write(part, inner)?;
                if repeats(element) {
                    let length = list_length(&object, &key);
                    put_item(&mut object, &key, length, written);
                } else {
                    if object.contains_key(&key) {
                        return None;
                    }
                    set(&mut object, &key, written.value);
                    set(&mut object, &format!("_{key}"), written.beside);
                }
            }
            Some(Written { value: Some(Value::Object(object)), beside: None })
        }
    }
}

fn set(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

fn list_length(object: &Map<String, Value>, member: &str) -> usize {
    let length = |name: &str| object.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    length(member).max(length(&format!("_{member}")))
}

/// Puts an item into a list and what lies beside it; others make room.
fn put_item(object: &mut Map<String, Value>, member: &str, index: usize, item: Written) {
    with_item(object, member, item, |items, item| items.insert(index.min(items.len()), item));
}

/// Gives an item of a list another value, and what lies beside it.
fn set_item(object: &mut Map<String, Value>, member: &str, index: usize, item: Written) {
    with_item(object, member, item, |items, item| {
        if let Some(slot) = items.get_mut(index) {
            *slot = item;
        }
    });
}

/// Writes an item into the list of a member and into the list beside it, which have one length.
fn with_item(
    object: &mut Map<String, Value>,
    member: &str,
    item: Written,
    write: impl Fn(&mut Vec<Value>, Value),
) {
    let length = list_length(object, member);
    for (name, item) in [(member.to_owned(), item.value), (format!("_{member}"), item.beside)] {
        if item.is_none() && !object.contains_key(&name) {
            continue;
        }
        let list = object.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = list {
            items.resize(length, Value::Null);
            write(items, item.unwrap_or(Value::Null));
        }
        trim(object, &name);
    }
}

/// A list of nothing is not there.
fn trim(object: &mut Map<String, Value>, name: &str) {
    let Some(Value::Array(items)) = object.get(name) else { return };
    if items.iter().all(Value::is_null) {
        object.shift_remove(name);
    }
}
