//! The parameters of each type, made from R4's definitions.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use fhir::ResourceType;
use fhir_definitions::{SearchKind, SearchParameter, TypeId, r4, search_parameters};

use crate::form::Form;
use crate::path::{Alternative, Path, Step, compile};
use crate::walk::Trie;

/// Where the values of a parameter are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// In the elements that its expression names.
    Elements,
    /// The logical id.
    Id,
    /// When the version was stored.
    LastUpdated,
    /// The words of the narrative.
    Narrative,
    /// All words.
    Content,
    /// The entries of a List.
    List,
}

/// A search parameter of one type.
#[derive(Debug)]
pub struct Param {
    /// The last part of the URL of its definition; empty where R4 has none.
    pub id: &'static str,
    /// Its name in a query.
    pub code: &'static str,
    /// How its values are compared.
    pub kind: SearchKind,
    /// Where they are.
    pub on: On,
    /// The numbers of its paths.
    pub paths: Vec<u16>,
    /// The only type that its references count for.
    pub only: Option<ResourceType>,
    /// For references: the types that they may lead to.
    pub targets: Vec<ResourceType>,
    /// For composites: each place where the parts stand together.
    pub composites: Vec<Composite>,
    bound: Vec<&'static str>,
    codes: OnceLock<Option<BTreeSet<&'static str>>>,
}

/// A place where the parts of a composite stand together.
#[derive(Debug)]
pub struct Composite {
    pub(crate) root: Vec<Step>,
    /// The parts in their order.
    pub parts: Vec<Component>,
}

/// A part of a composite.
#[derive(Debug)]
pub struct Component {
    /// How it is compared.
    pub kind: SearchKind,
    /// The numbers of the paths that have its values; empty where no parameter has them.
    pub paths: Vec<u16>,
    pub(crate) trie: Trie,
    /// Whether it stands in the resource and not in the element.
    pub(crate) outside: bool,
}

impl Param {
    /// The codes that it can have, where R4 fixes them: any other is a mistake.
    pub fn codes(&self) -> Option<&BTreeSet<&'static str>> {
        let all = self.codes.get_or_init(|| {
            let mut all = BTreeSet::new();
            for url in &self.bound {
                all.extend(crate::codes::expand(url)?.into_iter().map(|(_, code)| code));
            }
            (!all.is_empty()).then_some(all)
        });
        all.as_ref()
    }

    /// Its kind as the capability statement names it.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            SearchKind::Composite => "composite",
            SearchKind::Date => "date",
            SearchKind::Number => "number",
            SearchKind::Quantity => "quantity",
            SearchKind::Reference => "reference",
            SearchKind::Special => "special",
            SearchKind::String => "string",
            SearchKind::Token => "token",
            SearchKind::Uri => "uri",
        }
    }
}

/// What there is of one type.
pub(crate) struct OfType {
    pub(crate) params: Vec<Param>,
    pub(crate) trie: Trie,
    /// The path of a flag, which has a value even where nothing is there.
    pub(crate) flag: Option<u16>,
    /// The path of the element that tells whom the resource is about.
    pub(crate) subject: Option<u16>,
    /// The path of its status, where that is a code.
    pub(crate) status: Option<u16>,
    /// The path of its own identifiers.
    pub(crate) identifier: Option<u16>,
}

struct Table {
    types: Vec<OfType>,
    paths: u16,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::make);

/// The parameters of a type in the order of R4's definitions; none for Parameters, which is never
/// stored.
pub fn params_of(kind: ResourceType) -> &'static [Param] {
    &of_type(kind).params
}

/// The parameter of that name.
pub fn find_param(kind: ResourceType, code: &str) -> Option<&'static Param> {
    params_of(kind).iter().find(|param| param.code == code)
}

/// How many paths there are; their numbers are below this.
pub fn path_count() -> u16 {
    TABLE.paths
}

pub(crate) fn of_type(kind: ResourceType) -> &'static OfType {
    &TABLE.types[kind as usize]
}

impl Table {
    fn make() -> Self {
        let mut paths = 0;
        let types = ResourceType::ALL.iter().map(|kind| Building::new(*kind, &mut paths).all());
        Self { types: types.collect(), paths }
    }
}

/// The paths of one type while they are numbered.
struct Building<'n> {
    kind: ResourceType,
    root: Option<TypeId>,
    next: &'n mut u16,
    known: HashMap<(Vec<Vec<Step>>, SearchKind), u16>,
    found: OfType,
}

impl<'n> Building<'n> {
    fn new(kind: ResourceType, next: &'n mut u16) -> Self {
        let root = r4().resource(kind.as_str()).map(|ty| ty.id);
        let found = OfType {
            params: Vec::new(),
            trie: Trie::default(),
            flag: None,
            subject: None,
            status: None,
            identifier: None,
        };
        Self { kind, root, next, known: HashMap::new(), found }
    }

    fn all(mut self) -> OfType {
        let Some(root) = self.root.filter(|_| self.kind != ResourceType::Parameters) else {
            return self.found;
        };
        let name = self.kind.as_str();
        let domain = r4().find("DomainResource").is_some_and(|domain| r4().is_a(root, domain));
        let of_this = |parameter: &&SearchParameter| {
            let has = |base: &str| parameter.bases.contains(&base);
            has(name) || has("Resource") || (domain && has("DomainResource"))
        };
        // Composites come last, so that the paths of their parts have numbers.
        let (composites, plain): (Vec<_>, Vec<_>) = search_parameters()
            .iter()
            .filter(of_this)
            .partition(|parameter| parameter.kind == SearchKind::Composite);
        for parameter in plain.into_iter().chain(composites) {
            let param = self.param(parameter, root);
            self.found.params.extend(param);
        }
        self.found.params.push(Param { on: On::List, ..blank("_list", SearchKind::Special) });
        self.found.subject = ["subject", "patient"]
            .iter()
            .find_map(|name| {
                let element = r4().get(root).element(name)?;
                let path = vec![vec![Step::Member((*name).into())]];
                (!element.is_list())
                    .then(|| self.known.get(&(path, SearchKind::Reference)).copied())
            })
            .flatten();
        let status = vec![vec![Step::Member("status".into())]];
        let is_code = r4()
            .get(root)
            .element("status")
            .is_some_and(|element| element.types.iter().all(|of| r4().get(of.ty).name == "code"));
        let status = self.known.get(&(status, SearchKind::Token)).copied();
        self.found.status = status.filter(|_| is_code);
        let own = vec![vec![Step::Member("identifier".into())]];
        self.found.identifier = self.known.get(&(own, SearchKind::Token)).copied();
        // A column serves only where it is all that a parameter looks at.
        let params = &self.found.params;
        let alone = |path: &u16| {
            params.iter().all(|param| param.paths == [*path] || !param.paths.contains(path))
        };
        self.found.subject = self.found.subject.filter(alone);
        self.found.identifier = self.found.identifier.filter(alone);
        self.found
    }

    fn param(&mut self, parameter: &'static SearchParameter, root: TypeId) -> Option<Param> {
        let mut param = Param { id: parameter.id, ..blank(parameter.code, parameter.kind) };
        param.on = match parameter.code {
            "_id" => On::Id,
            "_lastUpdated" => On::LastUpdated,
            "_text" => On::Narrative,
            "_content" => On::Content,
            _ => On::Elements,
        };
        if param.on != On::Elements {
            return Some(param);
        }
        param.targets = parameter.targets.iter().filter_map(|name| name.parse().ok()).collect();
        if parameter.kind == SearchKind::Composite {
            param.composites = self.composites(parameter, root)?;
            return (!param.composites.is_empty()).then_some(param);
        }
        let mut bound = Some(Vec::new());
        for alternative in compile(parameter.expression, root)? {
            match alternative {
                Alternative::Paths(paths) => {
                    param.only = paths.iter().find_map(|path| path.refers).or(param.only);
                    for path in &paths {
                        match (path.bound, &mut bound) {
                            (Some(url), Some(bound)) => bound.push(url),
                            _ => bound = None,
                        }
                    }
                    param.paths.extend(self.number(&paths, parameter.kind));
                }
                Alternative::Flag(paths) => {
                    bound = None;
                    param.paths.push(self.flag(&paths));
                }
            }
        }
        param.bound = bound.unwrap_or_default();
        if let Some(only) = param.only {
            param.targets = vec![only];
        }
        (!param.paths.is_empty()).then_some(param)
    }

    fn number(&mut self, paths: &[Path], kind: SearchKind) -> Option<u16> {
        let form = |path: &Path| Form::of(kind, r4().get(path.ty).name);
        let paths: Vec<(&Path, Form)> =
            paths.iter().filter_map(|path| Some((path, form(path)?))).collect();
        if paths.is_empty() {
            return None;
        }
        let steps: Vec<Vec<Step>> = paths.iter().map(|(path, _)| path.steps.clone()).collect();
        if let Some(number) = self.known.get(&(steps.clone(), kind)) {
            return Some(*number);
        }
        let number = *self.next;
        *self.next += 1;
        self.known.insert((steps, kind), number);
        for (path, form) in paths {
            self.found.trie.add(&path.steps, number, form);
        }
        Some(number)
    }

    fn flag(&mut self, paths: &[Path]) -> u16 {
        let number = *self.next;
        *self.next += 1;
        self.found.flag = Some(number);
        for path in paths {
            self.found.trie.add_flag(&path.steps, number);
        }
        number
    }

    fn composites(
        &mut self,
        parameter: &'static SearchParameter,
        root: TypeId,
    ) -> Option<Vec<Composite>> {
        let mut all = Vec::new();
        for alternative in compile(parameter.expression, root)? {
            let Alternative::Paths(places) = alternative else { return None };
            for place in places {
                let parts = parameter.components.iter().map(|component| {
                    let kind = kind_of(component.parameter)?;
                    self.component(kind, component.expression, root, &place)
                });
                all.extend(
                    parts
                        .collect::<Option<Vec<_>>>()
                        .map(|parts| Composite { root: place.steps.clone(), parts }),
                );
            }
        }
        Some(all)
    }

    fn component(
        &mut self,
        kind: SearchKind,
        expression: &str,
        root: TypeId,
        place: &Path,
    ) -> Option<Component> {
        let (expression, outside) = match expression.strip_prefix("%resource.") {
            Some(expression) => (expression, true),
            None => (expression, false),
        };
        let from = if outside { root } else { place.ty };
        let kind = fitting(kind, expression, from)?;
        let mut component = Component { kind, paths: Vec::new(), trie: Trie::default(), outside };
        for alternative in compile(expression, from)? {
            let Alternative::Paths(paths) = alternative else { return None };
            let form = |path: &Path| Form::of(kind, r4().get(path.ty).name);
            let paths: Vec<Path> = paths.into_iter().filter(|path| form(path).is_some()).collect();
            let before = if outside { &[][..] } else { &place.steps[..] };
            let whole = |path: &Path| [before, &path.steps[..]].concat();
            let steps: Vec<Vec<Step>> = paths.iter().map(whole).collect();
            match self.known.get(&(steps, kind)) {
                Some(number) => component.paths.push(*number),
                None if paths.is_empty() => {}
                // One place without a number, and the keys cannot tell.
                None => component.paths.push(u16::MAX),
            }
            for path in &paths {
                let form = form(path).expect("others were left out");
                component.trie.add(&path.steps, 0, form);
            }
        }
        if component.paths.contains(&u16::MAX) {
            component.paths.clear();
        }
        Some(component)
    }
}

fn blank(code: &'static str, kind: SearchKind) -> Param {
    Param {
        id: "",
        code,
        kind,
        on: On::Elements,
        paths: Vec::new(),
        only: None,
        targets: Vec::new(),
        composites: Vec::new(),
        bound: Vec::new(),
        codes: OnceLock::new(),
    }
}

/// The kind of a part. R4 has the parts of DocumentReference-relationship in the wrong order, so
/// that the kind that it names may have nothing to compare.
fn fitting(kind: SearchKind, expression: &str, from: TypeId) -> Option<SearchKind> {
    let alternatives = compile(expression, from)?;
    let fits = |kind: &SearchKind| {
        alternatives.iter().any(|alternative| match alternative {
            Alternative::Paths(paths) => {
                paths.iter().any(|path| Form::of(*kind, r4().get(path.ty).name).is_some())
            }
            Alternative::Flag(_) => false,
        })
    };
    [kind, SearchKind::Token, SearchKind::Reference].into_iter().find(fits)
}

fn kind_of(id: &str) -> Option<SearchKind> {
    search_parameters().iter().find(|parameter| parameter.id == id).map(|found| found.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_every_type_is_there() {
        // Parameters without values that can be compared, each with its reason.
        let left_out = [
            // A named query is what an implementation defines.
            "Resource-query",
            // A distance on the globe.
            "Location-near",
        ];
        for parameter in search_parameters() {
            for base in &parameter.bases {
                let Ok(kind) = base.parse::<ResourceType>() else { continue };
                let there = find_param(kind, parameter.code).is_some();
                let expected =
                    !left_out.contains(&parameter.id) && kind != ResourceType::Parameters;
                assert_eq!(there, expected, "{} of {kind}", parameter.id);
            }
        }
        for kind in ResourceType::ALL {
            let common = ["_id", "_lastUpdated", "_profile", "_tag", "_security", "_content"];
            let there = common.iter().all(|code| find_param(*kind, code).is_some());
            assert_eq!(there, *kind != ResourceType::Parameters, "{kind}");
        }
        assert!(path_count() < 4_000, "{}", path_count());
    }

    #[test]
    fn parameters_share_their_paths() {
        let of = |code| find_param(ResourceType::Observation, code).unwrap();
        assert_eq!(of("patient").paths, of("subject").paths);
        assert_eq!(of("patient").only, Some(ResourceType::Patient));
        assert_eq!(of("patient").targets, [ResourceType::Patient]);
        assert_eq!(of("combo-code").paths.len(), 2);
        let pair = &of("component-code-value-quantity").composites[0];
        assert_eq!(pair.parts[0].paths, of("component-code").paths);
        assert!(!pair.parts[1].paths.is_empty());
        assert_eq!(of("combo-code-value-quantity").composites.len(), 2);
        assert_eq!(of_type(ResourceType::Observation).subject, Some(of("subject").paths[0]));
        assert_eq!(of_type(ResourceType::Location).subject, None);
    }

    #[test]
    fn codes_are_known_where_they_are_fixed() {
        let of = |kind, code| find_param(kind, code).unwrap().codes();
        let status = of(ResourceType::MedicationRequest, "status").unwrap();
        assert!(status.contains("on-hold") && !status.contains("activ"));
        assert!(of(ResourceType::Patient, "gender").unwrap().contains("female"));
        assert!(of(ResourceType::Observation, "code").is_none());
        assert!(of(ResourceType::Patient, "deceased").is_none());
    }
}
