use super::*;

const PATIENT: &str = concat!(
    r#"{"resourceType":"Patient","id":"p","birthDate":"1930-01-01","#,
    r#""_birthDate":{"extension":[{"url":"u","valueString":"v"}]},"#,
    r#""name":[{"family":"Test","given":["Anna","Bea"],"_given":[null,{"id":"g2"}]}],"#,
    r#""identifier":[{"value":"1"},{"value":"2"},{"value":"3"}],"deceasedBoolean":false,"#,
    r#""extension":[{"url":"n","valueDecimal":1.50}]}"#,
);

fn operation(parts: &str) -> String {
    format!(r#"{{"name":"operation","part":[{parts}]}}"#)
}

fn part(name: &str, value: &str) -> String {
    format!(r#"{{"name":"{name}",{value}}}"#)
}

/// `type` and `path`, and further parts.
fn one(ty: &str, path: &str, more: &[String]) -> String {
    let mut parts = vec![part("type", &format!(r#""valueCode":"{ty}""#))];
    parts.push(part("path", &format!(r#""valueString":"{path}""#)));
    parts.extend(more.iter().cloned());
    operation(&parts.join(","))
}

fn patch(operations: &[String]) -> Result<String, PatchError> {
    let text = format!(r#"{{"resourceType":"Parameters","parameter":[{}]}}"#, operations.join(","));
    Patch::read(&text)?.apply(PATIENT)
}

/// What is expected is a part of the text after the patch, or a part of the reason.
#[track_caller]
fn check(operation: &str, expected: Result<&str, &str>) {
    let found = patch(&[operation.to_owned()]);
    match expected {
        Ok(part) => {
            let found = found.unwrap_or_else(|error| panic!("{operation}: {error}"));
            assert!(found.contains(part), "{operation}: {found}");
            assert!(found.contains("1.50"), "digits stay: {found}");
        }
        Err(part) => {
            let error = found.expect_err(operation).to_string();
            assert!(error.contains(part), "{operation}: {error}");
        }
    }
}

fn name(name: &str) -> String {
    part("name", &format!(r#""valueString":"{name}""#))
}

fn value(value: &str) -> String {
    part("value", value)
}

fn number(name: &str, number: u32) -> String {
    part(name, &format!(r#""valueInteger":{number}"#))
}

#[test]
fn elements_are_added_where_they_belong() {
    let text = value(r#""valueCode":"female""#);
    check(&one("add", "Patient", &[name("gender"), text]), Ok(r#""gender":"female""#));
    let date = value(r#""valueDate":"1931-02-03""#);
    check(&one("add", "Patient", &[name("birthDate"), date.clone()]), Err("there already"));
    check(&one("add", "Patient", &[name("goat"), date.clone()]), Err("not one of its type"));
    check(&one("add", "Patient.name", &[name("gender"), date.clone()]), Err("not one of its type"));
    check(&one("add", "Patient.identifier", &[name("use"), date]), Err("one element"));
    let truth = value(r#""valueBoolean":true"#);
    check(&one("add", "Patient", &[name("deceased"), truth.clone()]), Err("there already"));
    check(&one("add", "Patient", &[name("active"), truth]), Ok(r#""active":true"#));
    let given = value(r#""valueString":"Cora""#);
    check(
        &one("add", "Patient.name", &[name("given"), given]),
        Ok(r#""given":["Anna","Bea","Cora"],"_given":[null,{"id":"g2"},null]"#),
    );
    let beside = value(r#""_valueCode":{"id":"x"}"#);
    check(&one("add", "Patient", &[name("gender"), beside]), Ok(r#""_gender":{"id":"x"}"#));
    let contact = value(
        r#""part":[{"name":"gender","valueCode":"male"},
           {"name":"name","valueHumanName":{"family":"Next"}},
           {"name":"relationship","valueCodeableConcept":{"text":"a"}},
           {"name":"relationship","valueCodeableConcept":{"text":"b"}}]"#,
    );
    check(
        &one("add", "Patient", &[name("contact"), contact]),
        Ok(concat!(
            r#""contact":[{"gender":"male","name":{"family":"Next"},"#,
            r#""relationship":[{"text":"a"},{"text":"b"}]}]"#
        )),
    );
    let wrong = value(r#""part":[{"name":"goat","valueCode":"male"}]"#);
    check(&one("add", "Patient", &[name("contact"), wrong]), Err("not one of its type"));
}

#[test]
fn lists_keep_their_order_with_what_lies_beside_them() {
    let new = value(r#""valueIdentifier":{"value":"n"}"#);
    let insert =
        |index| one("insert", "Patient.identifier", &[number("index", index), new.clone()]);
    check(&insert(0), Ok(r#"[{"value":"n"},{"value":"1"}"#));
    check(&insert(3), Ok(r#"{"value":"3"},{"value":"n"}]"#));
    check(&insert(4), Err("no such place"));
    let given = value(r#""valueString":"X""#);
    let path = "Patient.name.given";
    check(
        &one("insert", path, &[number("index", 1), given]),
        Ok(r#""given":["Anna","X","Bea"],"_given":[null,null,{"id":"g2"}]"#),
    );
    let phone = value(r#""valueContactPoint":{"value":"1"}"#);
    let first = one("insert", "Patient.telecom", &[number("index", 0), phone.clone()]);
    check(&first, Ok(r#""telecom":[{"value":"1"}]"#));
    let second = one("insert", "Patient.telecom", &[number("index", 1), phone.clone()]);
    check(&second, Err("no such place"));
    check(&one("insert", "Patient.identifier", &[number("index", 0), phone]), Err("its type"));
    let shift = |from, to| {
        one("move", "Patient.identifier", &[number("source", from), number("destination", to)])
    };
    check(&shift(2, 0), Ok(r#"[{"value":"3"},{"value":"1"},{"value":"2"}]"#));
    check(&shift(0, 1), Ok(r#"[{"value":"2"},{"value":"1"},{"value":"3"}]"#));
    check(&shift(0, 3), Err("no such place"));
    let names = one("move", path, &[number("source", 0), number("destination", 1)]);
    check(&names, Ok(r#""given":["Bea","Anna"],"_given":[{"id":"g2"},null]"#));
}

#[test]
fn elements_go_and_change() {
    let delete = |path: &str| one("delete", path, &[]);
    check(&delete("Patient.birthDate"), Ok(r#""id":"p","name""#));
    check(&delete("Patient.gender"), Ok("birthDate"));
    check(&delete("Patient.identifier"), Err("one element"));
    check(&delete("Patient.identifier.where(value='2')"), Ok(r#"[{"value":"1"},{"value":"3"}]"#));
    check(&delete("Patient.name.given[1]"), Ok(r#""given":["Anna"]}"#));
    check(&delete("Patient"), Err("no element"));
    check(&delete("'x'"), Err("no element"));
    let date = value(r#""valueDate":"1931-02-03""#);
    check(
        &one("replace", "Patient.birthDate", std::slice::from_ref(&date)),
        Ok(r#""birthDate":"1931-02-03","name""#),
    );
    check(&one("replace", "Patient.gender", &[date]), Err("one element"));
    let time = value(r#""valueDateTime":"2026-01-01""#);
    check(
        &one("replace", "Patient.deceased", &[time]),
        Ok(r#"{"value":"3"}],"deceasedDateTime":"2026-01-01","extension""#),
    );
    let text = value(r#""valueString":"z""#);
    check(&one("replace", "Patient.identifier[1].value", &[text]), Ok(r#"{"value":"z"}"#));
    let whole = value(r#""valueIdentifier":{"value":"w"}"#);
    check(&one("replace", "Patient.identifier[0]", &[whole]), Ok(r#"[{"value":"w"},"#));
    let beside = value(r#""valueString":"w""#);
    let id = value(r#""valueString":"g3""#);
    let second = "Patient.name.given[1].id";
    check(&one("replace", second, &[id]), Ok(r#""_given":[null,{"id":"g3"}]"#));
    let path = "Patient.birthDate.extension.value";
    check(&one("replace", path, &[beside]), Ok(r#"{"url":"u","valueString":"w"}"#));
}

#[test]
fn operations_follow_each_other() {
    let found = patch(&[
        one("delete", "Patient.identifier[0]", &[]),
        one("delete", "Patient.identifier[0]", &[]),
        one("replace", "Patient.identifier[0].value", &[value(r#""valueString":"x""#)]),
    ]);
    assert!(found.unwrap().contains(r#""identifier":[{"value":"x"}]"#));
}

#[test]
fn what_is_no_patch_is_refused() {
    for (parts, why) in [
        (part("type", r#""valueCode":"delete""#), "no path"),
        (one("spin", "Patient", &[]), "its type is"),
        (one("add", "Patient", &[name("x")]), "no value"),
        (one("add", "Patient", &[value(r#""valueCode":"x""#)]), "no name"),
        (one("insert", "Patient.name", &[value(r#""valueCode":"x""#)]), "no index"),
        (one("move", "Patient.name", &[number("source", 1)]), "no destination"),
        (one("delete", "Patient..name", &[]), "not FHIRPath"),
        (one("replace", "Patient.id", &[value(r#""part":3"#)]), "cannot be read"),
    ] {
        let operation =
            if parts.starts_with(r#"{"name":"operation""#) { parts } else { operation(&parts) };
        let error = patch(std::slice::from_ref(&operation)).unwrap_err();
        assert!(error.is_malformed() && error.to_string().contains(why), "{operation}: {error}");
    }
    let one = one("delete", "Patient.gender", &[]);
    assert_eq!(patch(&vec![one; MAX_OPERATIONS + 1]), Err(PatchError::NotAPatch));
    for text in ["[]", "{}", r#"{"resourceType":"Parameters","parameter":[{"name":"x"}]}"#] {
        assert_eq!(Patch::read(text).err(), Some(PatchError::NotAPatch), "{text}");
    }
}
