//! Edits of a resource that keep what they do not know.

use std::fmt;

use serde::Serialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Json;
use super::check::JsonProblem;
use crate::primitives::Instant;

/// Why a text cannot be edited or a value cannot be put into it.
#[derive(Debug, thiserror::Error)]
pub enum RawError {
    /// The text is not a JSON object, or a name comes twice in it.
    #[error("not a JSON object that can be edited, at line {} column {}", .0.line(), .0.column())]
    NotAnObject(serde_json::Error),
    /// The value cannot be written as JSON.
    #[error("the value cannot be written as JSON")]
    Value(serde_json::Error),
    /// `meta` is there but is not an object.
    #[error("meta is not an object")]
    Meta,
}

/// A JSON object whose members stay as they were written, digits, escapes and order included,
/// until they are set or removed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Raw {
    members: Vec<(String, Json)>,
}

impl Raw {
    /// Reads an object. Call [`super::check`] first on anything from outside: only the names of
    /// the top level are compared here.
    pub fn parse(json: &str) -> Result<Self, RawError> {
        serde_json::from_str(json).map_err(RawError::NotAnObject)
    }

    /// The members in their order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A member as it was written.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// A member that is a string.
    pub fn get_str(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// Sets a member to JSON: in its place, or at the end when it is new.
    pub fn set(&mut self, name: &str, value: Json) {
        match self.members.iter_mut().find(|(found, _)| found == name) {
            Some((_, found)) => *found = value,
            None => self.members.push((name.to_owned(), value)),
        }
    }

    /// Sets a member to a value.
    pub fn set_value(&mut self, name: &str, value: &impl Serialize) -> Result<(), RawError> {
        let json = serde_json::value::to_raw_value(value).map_err(RawError::Value)?;
        self.set(name, json.into());
        Ok(())
    }

    /// Sets a member to a string.
    pub fn set_str(&mut self, name: &str, value: &str) {
        self.set(name, string(value));
    }

    /// Removes a member and gives it back.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let at = self.members.iter().position(|(found, _)| found == name)?;
        Some(self.members.remove(at).1)
    }

    /// Sets `id`.
    pub fn set_id(&mut self, id: &crate::primitives::Id) {
        self.set_str("id", id);
    }

    /// Sets `meta.versionId` and `meta.lastUpdated` and keeps the rest of `meta`.
    pub fn set_version(&mut self, version: u64, updated: &Instant) -> Result<(), RawError> {
        let mut meta = self.meta()?;
        meta.set_str("versionId", &version.to_string());
        meta.set_str("lastUpdated", updated.as_str());
        self.set("meta", meta.to_json());
        Ok(())
    }

    /// The members of `meta`; none when there is no `meta`.
    pub fn meta(&self) -> Result<Self, RawError> {
        match self.get("meta") {
            None => Ok(Self::default()),
            Some(meta) => Self::parse(meta.get()).map_err(|_| RawError::Meta),
        }
    }

    /// Writes the object. Members that were not touched are written as they were read.
    pub fn write(&self) -> String {
        let length: usize = self.members.iter().map(|(n, v)| n.len() + v.get().len() + 4).sum();
        let mut out = String::with_capacity(length + 2);
        self.write_to(&mut out);
        out
    }

    /// The object as a value to set elsewhere.
    pub fn to_json(&self) -> Json {
        Json::parse(self.write()).expect("members that are JSON make an object that is JSON")
    }

    fn write_to(&self, out: &mut String) {
        out.push('{');
        for (i, (name, value)) in self.members.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            write_name(name, out);
            out.push_str(value.get());
        }
        out.push('}');
    }
}

/// Writes `"name":`.
pub(crate) fn write_name(name: &str, out: &mut String) {
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        out.push('"');
        out.push_str(name);
        out.push('"');
    } else {
        out.push_str(string(name).get());
    }
    out.push(':');
}

fn string(text: &str) -> Json {
    let raw = serde_json::value::to_raw_value(text).expect("a string is always written");
    raw.into()
}

impl<'de> serde::Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut members: Vec<(String, Json)> = Vec::with_capacity(16);
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, value.into()));
                }
                if has_duplicates(&members) {
                    return Err(serde::de::Error::custom(JsonProblem::DuplicateKey));
                }
                Ok(Raw { members })
            }
        }

        from.deserialize_map(Members)
    }
}

fn has_duplicates(members: &[(String, Json)]) -> bool {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::canonical;
    use super::*;

    const DOSE: &str = concat!(
        r#"{"resourceType":"X", "dose" : 0.40,"odd":[1E3, "\u00e9"],"#,
        r#""meta":{"profile":["p"],"versionId":"1"},"é":{}}"#,
    );

    #[track_caller]
    fn check(edit: impl FnOnce(&mut Raw), expected: &str) {
        let mut raw = Raw::parse(DOSE).unwrap();
        edit(&mut raw);
        assert_eq!(raw.write(), expected);
    }

    #[test]
    fn what_is_not_touched_stays_as_it_was_written() {
        check(
            |raw| raw.set_str("id", "a\"b"),
            concat!(
                r#"{"resourceType":"X","dose":0.40,"odd":[1E3, "\u00e9"],"#,
                r#""meta":{"profile":["p"],"versionId":"1"},"é":{},"id":"a\"b"}"#,
            ),
        );
        check(
            |raw| {
                raw.remove("odd");
                raw.set_value("dose", &7).unwrap();
                raw.set_version(12, &"2026-11-21T01:00:00Z".parse().unwrap()).unwrap();
            },
            concat!(
                r#"{"resourceType":"X","dose":7,"meta":{"profile":["p"],"versionId":"12","#,
                r#""lastUpdated":"2026-11-21T01:00:00Z"},"é":{}}"#,
            ),
        );
    }

    #[test]
    fn what_cannot_be_edited_is_refused() {
        for json in ["[]", "1", "{", r#"{"a":1,"a":2}"#, ""] {
            assert!(matches!(Raw::parse(json), Err(RawError::NotAnObject(_))), "{json}");
        }
        let mut raw = Raw::parse(r#"{"meta":[]}"#).unwrap();
        let at = "2026-11-21T01:00:00Z".parse().unwrap();
        assert!(matches!(raw.set_version(1, &at), Err(RawError::Meta)));
    }

    #[test]
    fn members_are_found_by_name() {
        let raw = Raw::parse(DOSE).unwrap();
        assert_eq!(raw.get("dose").map(Json::get), Some("0.40"));
        assert_eq!(raw.get_str("resourceType").as_deref(), Some("X"));
        assert_eq!(raw.get_str("dose"), None);
        assert_eq!(raw.members().count(), 5);
    }

    proptest! {
        #[test]
        fn an_edit_and_its_undoing_change_nothing(
            numbers in prop::collection::vec("-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?", 1..8)
        ) {
            let body: Vec<String> =
                numbers.iter().enumerate().map(|(i, n)| format!("\"k{i}\":{n}")).collect();
            let json = format!("{{{}}}", body.join(" ,\n"));
            let mut raw = Raw::parse(&json).unwrap();
            raw.set_str("new", "x");
            raw.remove("new");
            prop_assert_eq!(canonical(&raw.write()).unwrap(), canonical(&json).unwrap());
        }
    }
}
