//! Elements of a resource: a JSON value, what lies beside it under an underscore, and a type.

use fhir::json::{Kind, Node};
use fhir_definitions::{Type, TypeId, TypeKind, r4};

/// An element of a resource, or the resource itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'t> {
    /// The value; a primitive that has only extensions has none.
    pub value: Option<Node<'t>>,
    /// For a primitive: the member with the underscore, which has its id and extensions.
    pub beside: Option<Node<'t>>,
    /// The type, where R4 knows it.
    pub ty: Option<TypeId>,
}

impl<'t> Element<'t> {
    /// A resource, whose type is in it.
    pub fn resource(node: Node<'t>) -> Self {
        let ty = node.text("resourceType").and_then(|name| r4().resource(name)).map(|ty| ty.id);
        Self { value: Some(node), beside: None, ty }
    }

    /// An element of a known type.
    pub fn typed(node: Node<'t>, ty: Option<TypeId>) -> Self {
        let is_resource = ty.is_some_and(|ty| r4().get(ty).kind == TypeKind::Resource);
        if is_resource {
            Self::resource(node)
        } else {
            Self { value: Some(node), beside: None, ty }
        }
    }

    /// Its definition.
    pub fn definition(self) -> Option<&'static Type> {
        self.ty.map(|ty| r4().get(ty))
    }

    /// The name of its type.
    pub fn type_name(self) -> Option<&'static str> {
        self.definition().map(|ty| ty.name)
    }

    /// Whether it is a resource.
    pub fn is_resource(self) -> bool {
        self.definition().is_some_and(|ty| ty.kind == TypeKind::Resource)
    }

    /// Whether it is a primitive with a value.
    pub fn has_value(self) -> bool {
        self.value.is_some_and(|node| !matches!(node.kind(), Kind::Object | Kind::Null))
    }

    /// The object that holds what is in it.
    pub fn object(self) -> Option<Node<'t>> {
        self.value.filter(|node| node.is_object()).or(self.beside.filter(|node| node.is_object()))
    }

    /// Appends the elements of that name; tells whether the type has such an element (a type that
    /// is not known may have any).
    pub fn child(self, name: &str, out: &mut Vec<Self>) -> bool {
        let Some(ty) = self.definition() else {
            if let Some(object) = self.object() {
                pair(object, name, None, out);
            }
            return true;
        };
        let Some(element) = ty.element(name) else {
            return false;
        };
        let Some(object) = self.object() else {
            return true;
        };
        if !element.choice {
            let kind = element.types.first().map(|kind| kind.ty);
            pair(object, name, kind, out);
            return true;
        }
        for member in object.children() {
            let key = member.name();
            let plain = key.strip_prefix('_').unwrap_or(key);
            if !plain.starts_with(name) {
                continue;
            }
            let found = ty.member(plain).filter(|m| ty.elements[m.element].name == name);
            // With the value there, what is beside it is found from the value.
            let met = plain.len() < key.len() && object.get(plain).is_some();
            if let Some(found) = found.filter(|_| !met) {
                pair(object, plain, Some(found.ty), out);
            }
        }
        true
    }

    /// Appends all elements in it with their names, in the order of the text.
    pub fn children(self, out: &mut Vec<(&'t str, Self)>) {
        let Some(object) = self.object() else {
            return;
        };
        let ty = self.definition();
        let mut found = Vec::new();
        for member in object.children() {
            let key = member.name();
            let plain = key.strip_prefix('_').unwrap_or(key);
            let met = plain.len() < key.len() && object.get(plain).is_some();
            if met || key == "resourceType" {
                continue;
            }
            let known = ty.and_then(|ty| ty.member(plain).map(|m| (ty, m)));
            let kind = known.map(|(_, member)| member.ty);
            let name = known.map_or(plain, |(ty, member)| ty.elements[member.element].name);
            pair(object, plain, kind, &mut found);
            out.extend(found.drain(..).map(|element| (name, element)));
        }
    }
}

/// The elements that a member and the one with the underscore make together.
pub fn elements<'t>(object: Node<'t>, name: &str, ty: Option<TypeId>) -> Vec<Element<'t>> {
    let mut found = Vec::new();
    pair(object, name, ty, &mut found);
    found
}

/// Appends the elements that a member and the one with the underscore make together.
pub(crate) fn pair<'t>(
    object: Node<'t>,
    name: &str,
    ty: Option<TypeId>,
    out: &mut Vec<Element<'t>>,
) {
    let value = object.get(name);
    let beside = object.children().find(|child| child.name().strip_prefix('_') == Some(name));
    let list = value.or(beside).is_some_and(Node::is_array);
    if !list {
        let value = value.filter(|node| !node.is_null());
        if let Some(node) = value.filter(|_| beside.is_none()) {
            out.push(Element::typed(node, ty));
        } else if value.is_some() || beside.is_some() {
            out.push(Element { value, beside, ty });
        }
        return;
    }
    let mut values = value.into_iter().flat_map(Node::each);
    let mut others = beside.into_iter().flat_map(Node::each);
    loop {
        let (value, beside) = (values.next(), others.next());
        if value.is_none() && beside.is_none() {
            return;
        }
        let value = value.filter(|node| !node.is_null());
        let beside = beside.filter(|node| !node.is_null());
        match (value, beside) {
            (None, None) => {}
            (Some(node), None) => out.push(Element::typed(node, ty)),
            _ => out.push(Element { value, beside, ty }),
        }
    }
}
