//! Both directions on small resources, and any bytes at all.

use fhir::json::canonical;
use proptest::prelude::*;

use super::*;

#[track_caller]
fn both_ways(json: &str, xml: &str) {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    assert_eq!(to_xml(json).as_deref(), Ok(format!("{head}{xml}").as_str()));
    let back = to_json(xml.as_bytes()).unwrap();
    assert_eq!(canonical(&back).unwrap(), canonical(json).unwrap());
}

#[test]
fn a_resource_is_the_same_in_both_forms() {
    both_ways(
        r#"{"resourceType":"Patient","active":true,"id":"1","name":[{"id":"n","given":["A",null],
            "_given":[null,{"id":"g","extension":[{"url":"u","valueDecimal":1.50}]}]}],
            "_birthDate":{"extension":[{"url":"v","valueString":"a<\"&\n"}]},
            "text":{"status":"generated",
            "div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p a='b'>x &amp; y</p></div>"},
            "contained":[{"resourceType":"Organization","name":"é"}]}"#,
        concat!(
            "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"1\"/>",
            "<text><status value=\"generated\"/>",
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p a='b'>x &amp; y</p></div></text>",
            "<contained><Organization><name value=\"é\"/></Organization></contained>",
            "<active value=\"true\"/><name id=\"n\"><given value=\"A\"/>",
            "<given id=\"g\"><extension url=\"u\"><valueDecimal value=\"1.50\"/></extension>",
            "</given></name>",
            "<birthDate><extension url=\"v\"><valueString value=\"a&lt;&quot;&amp;&#10;\"/>",
            "</extension></birthDate></Patient>",
        ),
    );
}

#[track_caller]
fn refused(xml: &str, expected: &str) {
    let error = to_json(xml.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn what_is_not_fhir_is_refused() {
    let patient =
        |inside: &str| format!("<Patient xmlns=\"http://hl7.org/fhir\">{inside}</Patient>");
    refused("<!DOCTYPE x [<!ENTITY e \"f\">]><Patient/>", "a DOCTYPE is not accepted");
    refused("<Patient/>", "an element is not in the namespace");
    refused(&patient("<nothing value=\"1\"/>"), "there is no element nothing in Patient");
    refused(&patient("<active value=\"true\"/>x"), "text stands between elements in Patient");
    refused(&patient("<active/>"), "the element is empty in Patient.active");
    refused(&patient("<gender value=\"x\"/><gender value=\"y\"/>"), "the element may come only");
    refused(&patient("<active value=\"&e;\"/>"), "not well-formed XML");
    refused(&patient("<active value=\"true\">"), "not well-formed XML");
    refused("<Nothing xmlns=\"http://hl7.org/fhir\"/>", "Nothing is no resource type");
    refused("", "not well-formed XML");
    let deep = "<contained><Patient>".repeat(MAX_XML_DEPTH);
    refused(&patient(&deep), "the document is larger");
    for (json, expected) in [
        (r#"{"resourceType":"Patient","x":1}"#, "there is no element x in Patient"),
        (r#"{"resourceType":"Patient","name":{}}"#, "an array stands where none may"),
        (r#"{"resourceType":"Patient","active":{}}"#, "a primitive value was expected"),
        (r#"{"resourceType":"Patient","id":"\u0001"}"#, "a control character has no place"),
        (
            r#"{"resourceType":"Patient","text":{"div":"<div>a</div></text>"}}"#,
            "the narrative is not",
        ),
        ("{}", " is no resource type"),
        ("[", "not JSON"),
    ] {
        let error = to_xml(json).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{json}: {error}");
    }
}

#[test]
fn a_narrative_cannot_leave_its_place() {
    const NS: &str = r#"<div xmlns=\"http://www.w3.org/1999/xhtml\">"#;
    for div in ["a</div></text><active value='true'/><text><div>", "</div><div>x", "&nbsp;", "<p>"]
    {
        let json =
            format!("{{\"resourceType\":\"Patient\",\"text\":{{\"div\":\"{NS}{div}</div>\"}}}}");
        assert!(matches!(to_xml(&json), Err(XmlError::Content { .. })), "{div}");
    }
}

#[test]
fn other_encodings_are_read() {
    let xml = "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"é\"/></Patient>";
    let json = to_json(xml.as_bytes()).unwrap();
    let little: Vec<u8> =
        [0xFEFF].into_iter().chain(xml.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(to_json(&little).unwrap(), json);
    assert_eq!(to_json(format!("\u{feff}{xml}").as_bytes()).unwrap(), json);
    assert!(to_json(&[0x80]).is_err() && to_json(&[0xFF, 0xFE, 0x00, 0xD8]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = to_json(&bytes);
    }

    #[test]
    fn any_tags_are_read_or_refused(parts in prop::collection::vec(prop::sample::select(vec![
        "<Patient xmlns=\"http://hl7.org/fhir\">", "</Patient>", "<name>", "</name>", "<div",
        " xmlns=\"http://www.w3.org/1999/xhtml\"", ">", "/>", "<active value=\"true\"/>", "<text>",
        "</text>", "</div>", "x", "<!--", "-->", "&lt;", "<contained>", "</contained>", "é",
        "<extension url=\"u\">", "</extension>", "<valueString value=\"1\"/>", "<given id=\"1\"/>",
    ]), 0..16)) {
        let text: String = parts.concat();
        if let Ok(json) = to_json(text.as_bytes()) {
            let again = to_xml(&json).and_then(|xml| to_json(xml.as_bytes()));
            let again = again.map(|text| canonical(&text).unwrap());
            prop_assert_eq!(again, Ok(canonical(&json).unwrap()));
        }
    }
}
