//! A resource on its way in: read once, and stored as soon as its id and version are known.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::json::{Members, end_of_string, members};
use crate::primitives::{Id, ResourceType};
use crate::stored::{HEAD, HEAD_BYTES, META_HEAD, StoreError, StoredResource, append};
use crate::stored::{read_head, to_milliseconds, write_head};

/// The members whose value is an address of a resource as a whole (R4 §3.1.0.11.2: references, and
/// elements of the types uri and url).
const ADDRESSES: [&str; 7] =
    ["reference", "url", "uri", "valueUri", "valueUrl", "valueCanonical", "valueUuid"];
/// How the addresses begin that are found within a narrative.
const UUID: &str = "urn:uuid:";

/// What says which link an address is: the address, and whether it is that of a reference.
type Find<'f> = &'f mut dyn FnMut(&str, bool) -> Option<usize>;

/// A resource as it came, without what the store writes itself. A clone copies the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its `resourceType`.
    pub resource_type: ResourceType,
    /// The id that it brought, where that is one.
    pub id: Option<Id>,
    /// The members of `meta`, each with a comma before it.
    meta: Vec<Piece>,
    /// The other members, each with a comma before it.
    rest: Vec<Piece>,
}

/// A part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The address of what this link leads to, as it will be known.
    Link(usize),
}

impl Draft {
    /// Reads a resource. Call [`crate::json::check`] first on anything from outside.
    pub fn read(json: &str) -> Result<Self, StoreError> {
        let (all, resource_type, meta) = read_head(json)?;
        let id = all.get("id").and_then(|id| serde_json::from_str(id).ok());
        let text = |members: &Members<'_>, without: &[&str], room| {
            let mut out = String::with_capacity(room);
            append(members, without, &mut out);
            vec![Piece::Text(out)]
        };
        let rest = text(&all, &HEAD, json.len());
        Ok(Self { resource_type, id, meta: text(&meta, &META_HEAD, 64), rest })
    }

    /// Finds the links in the text: `find` is asked for each address and whether it is that of a
    /// reference, and the number that it gives is that of the link which stands there from now on.
    pub fn link(&mut self, find: Find<'_>) {
        for pieces in [&mut self.meta, &mut self.rest] {
            *pieces = std::mem::take(pieces)
                .into_iter()
                .flat_map(|piece| match piece {
                    Piece::Text(text) => cut(&text, find),
                    link @ Piece::Link(_) => vec![link],
                })
                .collect();
        }
    }

    /// The version to store. `links` are the addresses of what the links lead to, by their
    /// numbers; they hold nothing that JSON would have to escape.
    ///
    /// # Panics
    /// Where a link has no address.
    pub fn store(
        &self,
        id: Id,
        version: u64,
        updated: Timestamp,
        links: &[String],
    ) -> StoredResource {
        let last_updated = to_milliseconds(updated);
        let length = |pieces: &[Piece]| -> usize {
            pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.len(),
                    Piece::Link(link) => links[*link].len(),
                })
                .sum()
        };
        let room = length(&self.meta) + length(&self.rest) + HEAD_BYTES;
        let mut out = String::with_capacity(room);
        write_head(self.resource_type, &id, version, last_updated, &mut out);
        write(&self.meta, links, &mut out);
        out.push('}');
        write(&self.rest, links, &mut out);
        out.push('}');
        let raw = RawValue::from_string(out).expect("members that were read are JSON");
        let resource_type = self.resource_type;
        StoredResource::kept(resource_type, id, version, last_updated, Arc::from(raw))
    }

    /// The JSON of a member as it was written, where no link stands in the text.
    pub fn member(&self, name: &str) -> Option<String> {
        let [Piece::Text(text)] = &self.rest[..] else { return None };
        let object = format!("{{{}}}", text.strip_prefix(',').unwrap_or(text));
        members(&object).ok()?.get(name).map(str::to_owned)
    }
}

fn write(pieces: &[Piece], links: &[String], out: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Link(link) => out.push_str(&links[*link]),
        }
    }
}

/// Cuts compact JSON at the addresses that `find` knows.
fn cut(text: &str, find: Find<'_>) -> Vec<Piece> {
    let mut cutting = Cutting { text, start: 0, pieces: Vec::new() };
    let bytes = text.as_bytes();
    let (mut at, mut name) = (0, "");
    while at < bytes.len() {
        if bytes[at] != b'"' {
            at += 1;
            continue;
        }
        let end = end_of_string(bytes, at);
        let (from, to) = (at + 1, end.saturating_sub(1).max(at + 1));
        let inner = &text[from..to];
        if bytes.get(end) == Some(&b':') {
            name = inner;
        } else if ADDRESSES.contains(&name) {
            cutting.address((from, to), name == "reference", find);
        } else if name == "div" {
            cutting.narrative(from, to, find);
        }
        at = end;
    }
    cutting.rest();
    cutting.pieces
}

struct Cutting<'t> {
    text: &'t str,
    start: usize,
    pieces: Vec<Piece>,
}

impl Cutting<'_> {
    fn address(&mut self, (from, to): (usize, usize), is_reference: bool, find: Find<'_>) {
        let inner = &self.text[from..to];
        let found = if inner.contains('\\') {
            let whole = serde_json::from_str::<String>(&self.text[from - 1..=to]).ok();
            whole.and_then(|inner| find(&inner, is_reference))
        } else {
            find(inner, is_reference)
        };
        if let Some(link) = found {
            self.put(from, to, link);
        }
    }

    fn narrative(&mut self, from: usize, to: usize, find: Find<'_>) {
        let mut at = from;
        while let Some(next) = self.text[at..to].find(UUID) {
            let begins = at + next;
            let after = begins + UUID.len();
            let digits = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
            let length = self.text.as_bytes()[after..to].iter().take_while(|b| digits(b)).count();
            at = after + length;
            if let Some(link) = find(&self.text[begins..at], false) {
                self.put(begins, at, link);
            }
        }
    }

    fn put(&mut self, from: usize, to: usize, link: usize) {
        self.pieces.push(Piece::Text(self.text[self.start..from].to_owned()));
        self.pieces.push(Piece::Link(link));
        self.start = to;
    }

    fn rest(&mut self) {
        self.pieces.push(Piece::Text(self.text[self.start..].to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-11-21T01:02:03.456Z".parse().unwrap()
    }

    #[test]
    fn a_draft_is_stored_as_the_resource_itself_would_be() {
        let json = r#"{"x":0.40, "meta":{"tag":[], "versionId":"9"},
            "resourceType":"Patient","id":"other","ext\n":[ 1E2 ]}"#;
        let draft = Draft::read(json).unwrap();
        assert_eq!(draft.id.as_deref(), Some("other"));
        let id: Id = "p1".parse().unwrap();
        let whole = StoredResource::new(json, id.clone(), 3, at()).unwrap();
        assert_eq!(draft.store(id, 3, at(), &[]), whole);
        assert_eq!(draft.member("x").as_deref(), Some("0.40"));
        assert!(Draft::read(r#"{"resourceType":"Goat"}"#).is_err());
    }

    #[test]
    fn links_stand_where_addresses_stood() {
        let json = concat!(
            r#"{"resourceType":"Observation","subject":{"reference":"urn:uuid:a1"},"#,
            r#""identifier":[{"system":"s","value":"urn:uuid:a1"}],"#,
            r#""text":{"div":"<a href=\"urn:uuid:b2\">x</a> urn:uuid:a1."},"#,
            r#""basedOn":[{"reference":"urn:uuid:c3"},{"reference":"urn:uuid:b2"}],"#,
            r#""extension":[{"url":"u","valueUri":"urn:uuid:\u00612"}]}"#,
        );
        let mut draft = Draft::read(json).unwrap();
        let known = ["urn:uuid:a1", "urn:uuid:b2", "urn:uuid:a2"];
        draft.link(&mut |address, _| known.iter().position(|known| *known == address));
        let links = ["Patient/1", "ServiceRequest/2", "Basic/3"].map(str::to_owned);
        let stored = draft.store("o".parse().unwrap(), 1, at(), &links);
        let expected = concat!(
            r#","subject":{"reference":"Patient/1"},"#,
            r#""identifier":[{"system":"s","value":"urn:uuid:a1"}],"#,
            r#""text":{"div":"<a href=\"ServiceRequest/2\">x</a> Patient/1."},"#,
            r#""basedOn":[{"reference":"urn:uuid:c3"},{"reference":"ServiceRequest/2"}],"#,
            r#""extension":[{"url":"u","valueUri":"Basic/3"}]}"#,
        );
        assert!(stored.json().ends_with(expected), "{}", stored.json());
    }
}
