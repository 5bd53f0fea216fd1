//! Parameters, in which operations have what they need and say what they found (R4 §3.2.0.2).

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fhir::Failure;

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
    value_meta: Option<Box<RawValue>>,
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

    /// Its Meta, as JSON.
    pub(crate) fn meta(&self, name: &str) -> Option<&str> {
        self.named(name).find_map(|parameter| Some(parameter.value_meta.as_ref()?.get()))
    }
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
}
