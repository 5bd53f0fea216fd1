//! Meeting the values of a resource: one walk for all parameters of its type.

use fhir::ResourceType;
use fhir::json::Node;

use crate::form::Form;
use crate::path::Step;
use crate::value::{Value, read};

/// The steps of many paths, joined at their beginnings.
#[derive(Debug, Default)]
pub(crate) struct Trie {
    members: Vec<(Box<str>, Trie)>,
    first: Option<Box<Trie>>,
    conditions: Vec<(Box<str>, Box<str>, Trie)>,
    ends: Vec<(u16, Form)>,
    flags: Vec<u16>,
}

impl Trie {
    /// Adds a path whose values go by a number.
    pub(crate) fn add(&mut self, steps: &[Step], number: u16, form: Form) {
        let end = self.at(steps);
        if !end.ends.contains(&(number, form)) {
            end.ends.push((number, form));
        }
    }

    /// Adds a flag: whether something is there and is not false.
    pub(crate) fn add_flag(&mut self, steps: &[Step], number: u16) {
        self.at(steps).flags.push(number);
    }

    fn at(&mut self, steps: &[Step]) -> &mut Self {
        let Some((step, rest)) = steps.split_first() else { return self };
        let next = match step {
            Step::Member(name) => {
                let at = self.members.iter().position(|(known, _)| known == name);
                let at = at.unwrap_or_else(|| {
                    self.members.push((name.clone(), Self::default()));
                    self.members.len() - 1
                });
                &mut self.members[at].1
            }
            Step::First => self.first.get_or_insert_default(),
            Step::Where(name, value) => {
                let at = self.conditions.iter().position(|(n, v, _)| n == name && v == value);
                let at = at.unwrap_or_else(|| {
                    self.conditions.push((name.clone(), value.clone(), Self::default()));
                    self.conditions.len() - 1
                });
                &mut self.conditions[at].2
            }
        };
        next.at(rest)
    }

    /// Walks over an element and gives each value with the number of its path.
    pub(crate) fn walk<'t>(&self, node: Node<'t>, emit: &mut dyn FnMut(u16, Value<'t>)) {
        for (number, form) in &self.ends {
            read(*form, node, &mut |value| emit(*number, value));
        }
        for number in &self.flags {
            let is_false = matches!(node.kind(), fhir::json::Kind::Bool(false));
            let code = if is_false { "false" } else { "true" };
            emit(*number, Value::Token { system: None, code, implied: true, node });
        }
        for (name, value, inner) in &self.conditions {
            if node.text(name) == Some(value) {
                inner.walk(node, emit);
            }
        }
        if self.members.is_empty() {
            return;
        }
        for child in node.children() {
            let name = child.name();
            let Some((_, inner)) = self.members.iter().find(|(known, _)| **known == *name) else {
                continue;
            };
            if let Some(first) = &inner.first
                && let Some(item) = child.each().next()
            {
                first.walk(item, emit);
            }
            child.each().for_each(|item| inner.walk(item, emit));
        }
    }

    /// The elements at the end of one path alone.
    pub(crate) fn elements<'t>(steps: &[Step], node: Node<'t>, out: &mut Vec<Node<'t>>) {
        let Some((step, rest)) = steps.split_first() else {
            out.push(node);
            return;
        };
        match step {
            Step::Member(name) => {
                let member = node.get(name);
                // What comes first is the first item of the array, not of each.
                let (one, rest) = match rest.split_first() {
                    Some((Step::First, rest)) => (true, rest),
                    _ => (false, rest),
                };
                let most = if one { 1 } else { usize::MAX };
                let items = member.into_iter().flat_map(Node::each).take(most);
                items.for_each(|item| Self::elements(rest, item, out));
            }
            Step::Where(name, value) if node.text(name) == Some(value) => {
                Self::elements(rest, node, out);
            }
            Step::Where(..) => {}
            Step::First => Self::elements(rest, node, out),
        }
    }
}

/// Gives each value of a resource with the number of its path. The root is the resource.
pub fn values<'t>(kind: ResourceType, root: Node<'t>, emit: &mut dyn FnMut(u16, Value<'t>)) {
    let of_type = crate::param::of_type(kind);
    let mut flagged = false;
    of_type.trie.walk(root, &mut |number, value| {
        flagged |= Some(number) == of_type.flag;
        emit(number, value);
    });
    if let Some(number) = of_type.flag.filter(|_| !flagged) {
        emit(number, Value::Token { system: None, code: "false", implied: true, node: root });
    }
}
