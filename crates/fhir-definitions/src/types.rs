//! Types and their elements.

use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../data/types.txt");

/// A type of [`r4`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(u16);

/// What sort of type it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// A value with an optional id and extensions, such as `dateTime`.
    Primitive,
    /// A type of data, such as `HumanName`.
    Complex,
    /// A resource.
    Resource,
    /// The content of an element that is defined where it stands, such as `Patient.contact`.
    Backbone,
}

/// A type with everything that it inherits.
#[derive(Debug)]
pub struct Type {
    /// Its own number.
    pub id: TypeId,
    /// Its name; a backbone type has the path of its element.
    pub name: &'static str,
    /// What sort it is.
    pub kind: TypeKind,
    /// No instance has this very type.
    pub is_abstract: bool,
    /// What it specialises.
    pub base: Option<TypeId>,
    /// All its elements in order, those that it inherits first.
    pub elements: Vec<Element>,
    /// Its own invariants; those of the base hold as well.
    pub invariants: Vec<Invariant>,
    members: Vec<(Box<str>, Member)>,
}

/// Which element a member of a JSON object is, and of which type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The position among [`Type::elements`].
    pub element: usize,
    /// The type that the name says: the only one, or that of the choice.
    pub ty: TypeId,
}

/// An element of a type.
#[derive(Debug, Clone)]
pub struct Element {
    /// Its name, without the `[x]` of a choice.
    pub name: &'static str,
    /// The name in JSON and XML has the type at its end: `valueQuantity`.
    pub choice: bool,
    /// The least number of times that it comes.
    pub min: u32,
    /// The greatest number of times; none when there is no such limit.
    pub max: Option<u32>,
    /// It belongs to a summary.
    pub summary: bool,
    /// It changes what the rest means.
    pub modifier: bool,
    /// The types that it may have.
    pub types: Vec<ElementType>,
    /// Which codes it may have.
    pub binding: Option<Binding>,
    /// What must hold of it, besides what holds of its type.
    pub invariants: Vec<Invariant>,
}

impl Element {
    /// Whether it is an array in JSON.
    pub fn is_list(&self) -> bool {
        self.max != Some(1)
    }
}

/// One type that an element may have.
#[derive(Debug, Clone)]
pub struct ElementType {
    /// The type.
    pub ty: TypeId,
    /// For a Reference or canonical: the types that it may lead to; any when there is none.
    pub targets: Vec<&'static str>,
}

/// How strongly a value set binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Codes of the set are examples.
    Example,
    /// Codes of the set are asked for.
    Preferred,
    /// Codes of the set are used where one fits.
    Extensible,
    /// Nothing but codes of the set.
    Required,
}

/// A binding of an element to a value set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// How strongly it binds.
    pub strength: Strength,
    /// The value set's URL, without a version.
    pub value_set: &'static str,
    /// A wider value set that binds without exception, where there is one.
    pub maximum: Option<&'static str>,
}

/// Something that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invariant {
    /// Its key, such as `dom-3`.
    pub key: &'static str,
    /// Not holding is an error, else a warning.
    pub error: bool,
    /// FHIRPath.
    pub expression: &'static str,
    /// What it means, in English.
    pub human: &'static str,
}

/// All types of a version of FHIR.
#[derive(Debug)]
pub struct Definitions {
    types: Vec<Type>,
    by_name: HashMap<&'static str, TypeId>,
}

static R4: LazyLock<Definitions> = LazyLock::new(|| Definitions::read(TABLE));

/// FHIR R4, read when it is first asked for.
pub fn r4() -> &'static Definitions {
    &R4
}

impl Definitions {
    /// The type of that name, in the letters of the standard.
    pub fn find(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    /// The type with that number.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.types[usize::from(id.0)]
    }

    /// The resource type of that name that instances may have.
    pub fn resource(&self, name: &str) -> Option<&Type> {
        let found = self.get(self.find(name)?);
        (found.kind == TypeKind::Resource && !found.is_abstract).then_some(found)
    }

    /// All types.
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// Whether a type is another or specialises it.
    pub fn is_a(&self, ty: TypeId, ancestor: TypeId) -> bool {
        let mut at = Some(ty);
        while let Some(id) = at {
            if id == ancestor {
                return true;
            }
            at = self.get(id).base;
        }
        false
    }

    fn read(table: &'static str) -> Self {
        let mut by_name = HashMap::new();
        for line in table.lines() {
            if let Some(name) = line.strip_prefix("T\t").and_then(|rest| rest.split('\t').next()) {
                let id = u16::try_from(by_name.len()).expect("R4 has fewer than 65536 types");
                by_name.entry(name).or_insert(TypeId(id));
            }
        }
        let mut types: Vec<Type> = Vec::with_capacity(by_name.len());
        for line in table.lines() {
            let fields: Vec<&'static str> = line.split('\t').collect();
            match fields[..] {
                ["T", name, kind, base] => types.push(new_type(name, kind, base, &by_name)),
                ["E", ..] => {
                    let ty = types.last_mut().expect("an element follows its type");
                    ty.elements.extend(element(&fields, &by_name));
                }
                ["I", key, severity, expression, human] => {
                    let error = severity == "e";
                    let invariant = Invariant { key, error, expression, human };
                    let ty = types.last_mut().expect("an invariant follows its type");
                    match ty.elements.last_mut() {
                        Some(element) => element.invariants.push(invariant),
                        None => ty.invariants.push(invariant),
                    }
                }
                _ => {}
            }
        }
        let mut all = Self { types, by_name };
        all.inherit();
        all
    }

    /// Puts the elements of the bases before each type's own, and indexes their names.
    fn inherit(&mut self) {
        let inherited: Vec<Vec<Element>> = self
            .types
            .iter()
            .map(|ty| {
                let mut chain = vec![ty.id];
                while let Some(base) = self.get(chain[chain.len() - 1]).base {
                    chain.push(base);
                }
                chain.iter().rev().flat_map(|id| self.get(*id).elements.iter().cloned()).collect()
            })
            .collect();
        for (index, elements) in inherited.into_iter().enumerate() {
            let mut members = Vec::new();
            for (position, element) in elements.iter().enumerate() {
                for kind in &element.types {
                    let member = Member { element: position, ty: kind.ty };
                    members.push((self.member_name(element, kind.ty), member));
                }
            }
            // Types that a choice names twice, with other targets, have one name.
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members.dedup_by(|a, b| a.0 == b.0);
            self.types[index].elements = elements;
            self.types[index].members = members;
        }
    }

    /// The name that an element of a type has in JSON and XML.
    pub fn member_name(&self, element: &Element, ty: TypeId) -> Box<str> {
        if !element.choice {
            return element.name.into();
        }
        let suffix = self.get(ty).name;
        let mut name = String::with_capacity(element.name.len() + suffix.len());
        name.push_str(element.name);
        let mut letters = suffix.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name.into()
    }
}

impl Type {
    /// What a member of a JSON object is; the name has no underscore before it.
    pub fn member(&self, name: &str) -> Option<Member> {
        let at = self.members.binary_search_by(|(found, _)| (**found).cmp(name)).ok()?;
        Some(self.members[at].1)
    }

    /// The element of that name, which for a choice has no type at its end.
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.name == name)
    }
}

fn new_type(
    name: &'static str,
    kind: &str,
    base: &str,
    by_name: &HashMap<&'static str, TypeId>,
) -> Type {
    let is_abstract = kind.chars().all(|letter| letter.is_ascii_uppercase());
    let kind = match kind {
        "p" | "P" => TypeKind::Primitive,
        "r" | "R" => TypeKind::Resource,
        "b" => TypeKind::Backbone,
        _ => TypeKind::Complex,
    };
    let id = by_name[name];
    let base = by_name.get(base).copied().filter(|base| *base != id);
    let (elements, invariants, members) = (Vec::new(), Vec::new(), Vec::new());
    Type { id, name, kind, is_abstract, base, elements, invariants, members }
}

fn element(fields: &[&'static str], by_name: &HashMap<&'static str, TypeId>) -> Option<Element> {
    let [_, name, min, max, flags, types, binding] = fields else {
        return None;
    };
    let types: Vec<ElementType> = types
        .split(',')
        .filter_map(|text| {
            let (code, targets) = text.split_once('(').unwrap_or((text, ""));
            let targets = targets.trim_end_matches(')');
            let targets = targets.split('|').filter(|t| !t.is_empty()).collect();
            by_name.get(code).map(|ty| ElementType { ty: *ty, targets })
        })
        .collect();
    // Only the value of a primitive has a type of FHIRPath's own; in JSON it is no member.
    if types.is_empty() {
        return None;
    }
    let choice = name.ends_with("[x]");
    Some(Element {
        name: name.trim_end_matches("[x]"),
        choice,
        min: min.parse().unwrap_or(0),
        max: max.parse().ok(),
        summary: flags.contains('S'),
        modifier: flags.contains('M'),
        types,
        binding: parse_binding(binding),
        invariants: Vec::new(),
    })
}

fn parse_binding(text: &'static str) -> Option<Binding> {
    let (text, maximum) = match text.split_once(" r:") {
        Some((text, maximum)) => (text, Some(maximum)),
        None => (text, None),
    };
    let (letter, value_set) = text.split_once(':')?;
    let strength = match letter {
        "r" => Strength::Required,
        "e" => Strength::Extensible,
        "p" => Strength::Preferred,
        _ => Strength::Example,
    };
    Some(Binding { strength, value_set, maximum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_of_r4_are_there() {
        let all = r4();
        let resources = all.types().iter().filter(|t| t.kind == TypeKind::Resource);
        assert_eq!(resources.clone().count(), 148);
        assert_eq!(resources.filter(|t| !t.is_abstract).count(), 146);
        let primitives = all.types().iter().filter(|t| t.kind == TypeKind::Primitive);
        assert_eq!(primitives.count(), 20);
    }

    #[track_caller]
    fn member(ty: &str, name: &str, expected: Option<(&str, &str)>) {
        let ty = r4().get(r4().find(ty).unwrap());
        let found = ty.member(name).map(|m| (ty.elements[m.element].name, r4().get(m.ty).name));
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn members_are_found_with_their_type() {
        member("Observation", "valueQuantity", Some(("value", "Quantity")));
        member("Observation", "value", None);
        member("Observation", "id", Some(("id", "id")));
        member("Patient", "contact", Some(("contact", "Patient.contact")));
        member("Patient.contact", "name", Some(("name", "HumanName")));
        member("Observation.component", "referenceRange", {
            Some(("referenceRange", "Observation.referenceRange"))
        });
        member("Extension", "valueDateTime", Some(("value", "dateTime")));
        member("Extension", "url", Some(("url", "uri")));
        member("code", "extension", Some(("extension", "Extension")));
        member("code", "value", None);
    }

    #[test]
    fn elements_have_their_facts() {
        let patient = r4().resource("Patient").unwrap();
        let gender = patient.element("gender").unwrap();
        let binding = gender.binding.as_ref().unwrap();
        assert_eq!(binding.strength, Strength::Required);
        assert_eq!(binding.value_set, "http://hl7.org/fhir/ValueSet/administrative-gender");
        assert_eq!((gender.min, gender.max, gender.summary), (0, Some(1), true));
        assert_eq!(patient.elements[0].name, "id");
        let contact = patient.element("contact").unwrap();
        assert_eq!(contact.invariants[0].key, "pat-1");
        let links = patient.element("generalPractitioner").unwrap();
        let targets = &links.types[0].targets;
        assert_eq!(targets[..], ["Organization", "Practitioner", "PractitionerRole"]);
        let domain = r4().get(r4().find("DomainResource").unwrap());
        assert!(domain.invariants.iter().any(|invariant| invariant.key == "dom-3"));
        let age = r4().find("Age").unwrap();
        assert!(r4().is_a(age, r4().find("Quantity").unwrap()));
        assert!(r4().is_a(patient.id, domain.id) && !r4().is_a(domain.id, patient.id));
        assert!(r4().resource("DomainResource").is_none() && r4().resource("Age").is_none());
    }
}
