//! What the published suite does not ask: hosts, limits, and any text at all.

use fhir::json::Tree;
use proptest::prelude::*;

use super::*;

const PATIENT: &str = r##"{"resourceType":"Patient","id":"a","contained":[
    {"resourceType":"Organization","id":"o","name":"Trust"}],
    "name":[{"given":["A",null,"B"],"_given":[null,{"extension":[{"url":"u","valueCode":"x"}]}]}],
    "_birthDate":{"extension":[{"url":"v","valueInteger":3}]},"deceasedBoolean":false,
    "multipleBirthInteger":2,"managingOrganization":{"reference":"#o"},
    "generalPractitioner":[{"reference":"Practitioner/1"}]}"##;

struct World(Tree<'static>);

impl<'t> Host<'t> for &'t World {
    fn resolve(&self, reference: &str) -> Option<Element<'t>> {
        (reference == "Practitioner/1").then(|| Element::resource(self.0.root()))
    }

    fn member_of(&self, item: &Item<'t>, value_set: &str) -> Option<bool> {
        (value_set == "set").then(|| item.text().as_deref() == Some("x"))
    }
}

fn show(items: &[Item<'_>]) -> String {
    let one = |item: &Item<'_>| match item.system() {
        Some(Item::String(text)) => text.into_owned(),
        Some(Item::Element(element)) => element.type_name().unwrap_or("?").to_owned(),
        other => format!("{other:?}"),
    };
    items.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(expression: &str, expected: &str) {
    let world = World(Tree::parse(r#"{"resourceType":"Practitioner","active":true}"#).unwrap());
    let tree = Tree::parse(PATIENT).unwrap();
    let patient = Element::resource(tree.root());
    let host = &world;
    let context = Context::new(&host, patient);
    let found = Expression::parse(expression).unwrap().evaluate(&context, patient);
    let found = found.map_or_else(|error| error.to_string(), |items| show(&items));
    assert_eq!(found, expected, "{expression}");
}

#[test]
fn elements_are_found_by_their_definitions() {
    check("deceased", "Some(Boolean(false))");
    check("deceasedBoolean.exists()", "Some(Boolean(false))");
    check("multipleBirth.ofType(integer) + 1", "Some(Integer(3))");
    check("name.given.count()", "Some(Integer(3))");
    check("name.given[1].extension('u').value", "x");
    check("name.given.where(hasValue())", "A B");
    check("birthDate.extension.value", "Some(Integer(3))");
    check("birthDate.hasValue()", "Some(Boolean(false))");
    check("children().count()", "Some(Integer(8))");
    check("contained.name", "Trust");
    check("name = deceased", "Some(Boolean(false))");
    check("deceased = name", "Some(Boolean(false))");
    check("birthDate = name.given[1]", "Some(Boolean(false))");
    check("name.given[1] = name.given[1]", "Some(Boolean(true))");
    check("(children() | descendants()).count() = descendants().distinct().count()", {
        "Some(Boolean(true))"
    });
}

#[test]
fn the_host_is_asked_for_what_lies_outside() {
    check("managingOrganization.resolve().name", "Trust");
    check("generalPractitioner.resolve() is Practitioner", "Some(Boolean(true))");
    check("name.given.extension.value.memberOf('set')", "Some(Boolean(true))");
    check("name.given.extension.value.memberOf('other').empty()", "Some(Boolean(true))");
    check("now().empty()", "Some(Boolean(true))");
    check("%unheard", "there is no variable `unheard`");
}

#[test]
fn what_costs_too_much_is_stopped() {
    let too_much = "the evaluation takes too much";
    check("'aaaaaaaaaa'.replace('a', 'aaaaaaaaaa').length()", "Some(Integer(100))");
    let mut long = "'a'".to_owned();
    for _ in 0..20 {
        long.push_str(".replace('a', 'aaaaaaaaaa')");
    }
    check(&long, too_much);
    check("(1).repeat($this + 1)", too_much);
    let inner = "name.where(".repeat(90) + "true" + &")".repeat(90);
    check(&format!("{inner}.empty()"), "Some(Boolean(true))");
    let steps = ".select($this)".repeat(40);
    check(&format!("{}1{}", "(".repeat(12), format!("){steps}").repeat(12)), too_much);
    let text = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(Expression::parse(&text).is_err());
    assert!(Expression::parse(&"-".repeat(60_000)).is_err());
    assert!(Expression::parse(&format!("a{}", ".b".repeat(20_000))).is_err());
    assert!(Expression::parse(&format!("1{}", " + 1".repeat(10_000))).is_err());
}

#[test]
fn alternatives_of_other_types_are_left_out() {
    let all = "Group.name | (Patient.name as HumanName) | Person.name.where(use = 'x') | Group.id";
    let tree = Tree::parse(PATIENT).unwrap();
    let patient = Element::resource(tree.root());
    let context = Context::new(&NoHost, patient);
    for expression in
        [Expression::parse(all).unwrap(), Expression::parse(all).unwrap().for_type("Patient")]
    {
        assert_eq!(show(&expression.evaluate(&context, patient).unwrap()), "HumanName");
    }
    let pruned = format!("{:?}", Expression::parse(all).unwrap().for_type("Patient"));
    assert!(!pruned.contains("Group") && !pruned.contains("Person"), "{pruned}");
    let none = Expression::parse("Group.id | Person.id").unwrap().for_type("Patient");
    assert_eq!(none.evaluate(&context, patient), Ok(Vec::new()));
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_an_error(text in "\\PC{0,60}") {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn any_expression_has_an_end(
        parts in prop::collection::vec(prop::sample::select(vec![
            "name", ".", "given", "(", ")", "1", "2.5", "'a'", "+", "-", "*", "/", "div", "mod",
            "is", "as", "and", "or", "|", "&", "=", "~", "<", "{}", "$this", "[", "]", "0",
            "@2020-01",
            "@T10", "4 days", "1 'mg'", "toString()", "repeat(", "descendants()", "power(", "exp()",
            "ln()", "substring(", ",", "lowBoundary()", "highBoundary(", "select(", "where(", "in",
            "round(", "sqrt()", "matches(", "replaceMatches(", "99999999999999999.9", "Patient",
            "@9999-12-31T23:59:59.999Z", "aggregate(", "iif(", "$total", "sort(", "children()",
        ]), 0..14)
    ) {
        let text = parts.join(" ");
        if let Ok(expression) = Expression::parse(&text) {
            let tree = Tree::parse(PATIENT).unwrap();
            let patient = Element::resource(tree.root());
            let context = Context::new(&NoHost, patient);
            let _ = expression.evaluate(&context, patient);
        }
    }
}
