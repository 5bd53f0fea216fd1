//! The members of an object, in the text that they were read from.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, each with its JSON as it is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

/// Splits an object into its members. What is in them is looked at no closer than to see where
/// they end.
pub fn members(json: &str) -> Result<Members<'_>, serde_json::Error> {
    serde_json::from_str(json)
}

impl<'a> Members<'a> {
    /// The JSON of the first member of that name.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| *value)
    }

    /// The members in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Cow<'a, str>, &'a str)> {
        self.0.iter()
    }
}

impl<'m, 'a> IntoIterator for &'m Members<'a> {
    type Item = &'m (Cow<'a, str>, &'a str);
    type IntoIter = std::slice::Iter<'m, (Cow<'a, str>, &'a str)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A name that borrows from the text unless it has escapes in it.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Name(name), value)) = map.next_entry::<_, &'de RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_as_they_are_written() {
        let found = members(r#" { "a" : 1.50 , "b\n":[ 1, {"c":2}] } "#).unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(n, v)| (&**n, *v)).collect();
        assert_eq!(found, [("a", "1.50"), ("b\n", r#"[ 1, {"c":2}]"#)]);
        assert_eq!(members("{}").unwrap(), Members::default());
        for wrong in ["", "[]", "1", r#"{"a":}"#, r#"{"a":1"#, r#"{"a":1}x"#] {
            assert!(members(wrong).is_err(), "{wrong}");
        }
    }
}
