//! Parameters, in which operations have what they need and say what they found (R4 §3.2.0.2).

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use fhir::types::{CodeableConcept, Coding, Identifier, Reference};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fhir::Failure;
use crate::fhir::intake::{self, MAX_BUNDLE_BYTES};
use crate::fhir::interactions::search::query;

/// The most parameters of one request.
const MAX_PARAMETERS: usize = 1_000;

/// What a request for an operation brings.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Parameters {
    #[serde(default)]
    parameter: Vec<Parameter>,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameter {
    name: String,
    resource: Option<Box<RawValue>>,
    value_code: Option<String>,
    value_uri: Option<String>,
    value_canonical: Option<String>,
    value_url: Option<String>,
    value_string: Option<String>,
    value_id: Option<String>,
    value_date: Option<String>,
    value_date_time: Option<String>,
    value_instant: Option<String>,
    value_integer: Option<Box<RawValue>>,
    value_positive_int: Option<Box<RawValue>>,
    value_unsigned_int: Option<Box<RawValue>>,
    value_boolean: Option<bool>,
    value_coding: Option<Coding>,
    value_codeable_concept: Option<CodeableConcept>,
    value_identifier: Option<Identifier>,
    value_reference: Option<Reference>,
    value_meta: Option<Box<RawValue>>,
}

/// What a request for an operation asks: by the query of its address, and of a POST by its body,
/// where there is one. What Parameters say reads as a query would.
pub(crate) async fn pairs(request: Request) -> Result<(HeaderMap, Vec<(String, String)>), Failure> {
    let (parts, body) = request.into_parts();
    let mut pairs = query(&parts.uri)?;
    if parts.method == Method::POST && parts.headers.contains_key(header::CONTENT_TYPE) {
        let content = intake::content(&parts.headers, body, MAX_BUNDLE_BYTES).await?;
        let parameters = Parameters::read(content.text()?)?.ok_or_else(|| {
            Failure::invalid("The body is not Parameters.").at("Resource.resourceType")
        })?;
        pairs.extend(parameters.pairs()?);
    }
    Ok((parts.headers, pairs))
}

impl Parameters {
    /// Reads a Parameters resource; `None` for a resource of another type. The text is strict
    /// JSON.
    pub(crate) fn read(json: &str) -> Result<Option<Self>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            resource_type: String,
        }
        let kind: Kind = serde_json::from_str(json).map_err(|_| {
            Failure::invalid("The body is no resource.").at("Resource.resourceType")
        })?;
        if kind.resource_type != "Parameters" {
            return Ok(None);
        }
        let read: Self = serde_json::from_str(json).map_err(|error| {
            let detail = format!("The parameters cannot be read: line {}.", error.line());
            Failure::invalid(detail).at("Parameters.parameter")
        })?;
        if read.parameter.len() > MAX_PARAMETERS {
            let detail = format!("There are more than {MAX_PARAMETERS} parameters.");
            return Err(Failure::invalid(detail).at("Parameters.parameter"));
        }
        Ok(Some(read))
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Parameter> {
        self.parameter.iter().filter(move |parameter| parameter.name == name)
    }

    /// The resource of the parameter.
    pub(crate) fn resource(&self, name: &str) -> Option<&str> {
        self.named(name).find_map(|parameter| Some(parameter.resource.as_ref()?.get()))
    }

    /// The texts, codes and addresses of the parameters of that name.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.named(name).filter_map(|parameter| {
            let all = [
                &parameter.value_code,
                &parameter.value_uri,
                &parameter.value_canonical,
                &parameter.value_url,
                &parameter.value_string,
                &parameter.value_id,
            ];
            all.into_iter().find_map(|text| text.as_deref())
        })
    }

    /// The parameters as those of a query, in their order. One that a query could not hold is
    /// refused: left out, it would be as if it had not been asked for.
    pub(crate) fn pairs(&self) -> Result<Vec<(String, String)>, Failure> {
        let pair = |(n, parameter): (usize, &Parameter)| {
            let text = parameter.text().ok_or_else(|| {
                let detail = "The value of a parameter is missing, or of a type that this \
                              operation does not take.";
                Failure::invalid(detail).at(format!("Parameters.parameter[{n}]"))
            })?;
            Ok((parameter.name.clone(), text))
        };
        self.parameter.iter().enumerate().map(pair).collect()
    }

    /// Whether a parameter of that name says true; none where it says nothing.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.named(name).find_map(|parameter| parameter.value_boolean)
    }

    /// The number of the parameter, as it was written.
    pub(crate) fn number(&self, name: &str) -> Option<&str> {
        self.named(name).find_map(Parameter::number)
    }

    /// Its Meta, as JSON.
    pub(crate) fn meta(&self, name: &str) -> Option<&str> {
        self.named(name).find_map(|parameter| Some(parameter.value_meta.as_ref()?.get()))
    }
}

impl Parameter {
    fn number(&self) -> Option<&str> {
        let all = [&self.value_integer, &self.value_positive_int, &self.value_unsigned_int];
        all.into_iter().find_map(|number| Some(number.as_ref()?.get()))
    }

    /// The value as a search would write it.
    fn text(&self) -> Option<String> {
        let texts = [
            &self.value_code,
            &self.value_uri,
            &self.value_canonical,
            &self.value_url,
            &self.value_string,
            &self.value_id,
            &self.value_date,
            &self.value_date_time,
            &self.value_instant,
        ];
        let token = |system: Option<&String>, value: &str| match system {
            Some(system) => format!("{}|{}", escaped(system), escaped(value)),
            None => escaped(value),
        };
        let coding = |it: &Coding| Some(token(it.system.as_ref(), it.code.as_deref()?));
        texts
            .into_iter()
            .find_map(Clone::clone)
            .or_else(|| self.number().map(str::to_owned))
            .or_else(|| self.value_boolean.map(|flag| flag.to_string()))
            .or_else(|| coding(self.value_coding.as_ref()?))
            .or_else(|| {
                let codings = self.value_codeable_concept.as_ref()?.coding.iter();
                let all: Vec<String> = codings.filter_map(coding).collect();
                (!all.is_empty()).then(|| all.join(","))
            })
            .or_else(|| {
                let it = self.value_identifier.as_ref()?;
                Some(token(it.system.as_ref(), it.value.as_deref()?))
            })
            .or_else(|| self.value_reference.as_ref()?.reference.clone())
    }
}

/// A text in which nothing has a meaning of its own (R4 §3.1.1.3.2).
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | '|' | ',' | '$') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_their_names() {
        let json = r#"{"resourceType":"Parameters","parameter":[
            {"name":"resource","resource":{"resourceType":"Basic","x":0.40}},
            {"name":"profile","valueCanonical":"urn:a"},{"name":"profile","valueUri":"urn:b"},
            {"name":"meta","valueMeta":{"tag":[]}}]}"#;
        let read = Parameters::read(json).unwrap().unwrap();
        assert_eq!(read.resource("resource"), Some(r#"{"resourceType":"Basic","x":0.40}"#));
        assert_eq!(read.texts("profile").collect::<Vec<_>>(), ["urn:a", "urn:b"]);
        assert_eq!(read.meta("meta"), Some(r#"{"tag":[]}"#));
        assert!(Parameters::read(r#"{"resourceType":"Patient"}"#).unwrap().is_none());
        let wrong = r#"{"resourceType":"Parameters","parameter":[{"value":1}]}"#;
        assert!(Parameters::read(wrong).is_err());
    }

    #[test]
    fn they_read_as_a_query() {
        let check = |value: &str, expected: Option<&str>| {
            let json =
                format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"a",{value}}}]}}"#);
            let pairs = Parameters::read(&json).unwrap().unwrap().pairs();
            let expected = expected.map(|text| vec![("a".to_owned(), text.to_owned())]);
            assert_eq!(pairs.ok(), expected, "{value}");
        };
        check(r#""valueInteger":3"#, Some("3"));
        check(r#""valueBoolean":false"#, Some("false"));
        check(r#""valueInstant":"2026-11-20T10:00:00Z""#, Some("2026-11-20T10:00:00Z"));
        check(r#""valueCoding":{"system":"s","code":"a,b"}"#, Some("s|a\\,b"));
        check(
            r#""valueCodeableConcept":{"coding":[{"system":"s","code":"1"},{"code":"2"}]}"#,
            Some("s|1,2"),
        );
        check(r#""valueReference":{"reference":"Patient/1"}"#, Some("Patient/1"));
        check(r#""valueQuantity":{"value":1}"#, None);
        check(r#""part":[]"#, None);
    }
}
