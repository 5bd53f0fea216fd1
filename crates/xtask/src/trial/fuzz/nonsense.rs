//! Bodies and values that nobody should send.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

/// The deepest that a list in a body goes: beyond what any node reads.
const DEPTH: usize = 2_000;
/// Texts that were trouble to somebody.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é\u{301}\u{1f469}\u{200d}\u{1f4bb}",
    "null",
    "-1",
    "1e999",
    "9223372036854775808",
    "2026-02-30",
    "2026-11-20T25:61:61+99:99",
    "9999999999999",
    "http://[",
    "urn:uuid:",
    "Patient/",
    "Patient/../Patient",
    "#",
    "$everything",
    "%00",
    "%ff%fe",
    "|",
    "||",
    "\\,\\|\\$",
    "((((((((((((((((",
    "(a+)+$",
    "' OR 1=1 --",
    "\"}]}",
    "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
    "&b;",
    "ge2026-13",
    "ap1.00000000000000000000000000000000001|http://unitsofmeasure.org|mg",
];
/// Numbers as JSON may write them.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "1e400",
    "1E-400",
    "99999999999999999999999999999999999999",
    "0.1000000000000000000000000000000000000001",
    "1e2147483648",
];

/// Makes nonsense, the same for the same seed.
#[derive(Debug)]
pub(super) struct Nonsense {
    rng: StdRng,
    seeds: Vec<Value>,
}

impl Nonsense {
    /// Nonsense that is near to these resources.
    pub(super) fn new(seed: u64, seeds: Vec<Value>) -> Self {
        Nonsense { rng: StdRng::seed_from_u64(seed), seeds }
    }

    /// One of several.
    pub(super) fn one<'v, T>(&mut self, of: &'v [T]) -> &'v T {
        &of[self.rng.random_range(0..of.len())]
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u32) -> bool {
        self.rng.random_range(0..times) == 0
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    /// A text for a value, a header or a part of a path.
    pub(super) fn text(&mut self) -> String {
        match self.below(12) {
            0 => {
                self.one(&["a", "(", "%", "\u{1f469}", "|"]).repeat(self.rng.random_range(0..5_000))
            }
            1 => self.rng.random_range(0..u64::MAX).to_string(),
            2 => format!("{}{}", self.one(TEXTS), self.one(TEXTS)),
            _ => (*self.one(TEXTS)).to_owned(),
        }
    }

    /// A body: a resource that is right, wrong in one place, or nothing that could be read.
    pub(super) fn body(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        let mut value = self.seeds[at].clone();
        match self.below(8) {
            0 => {}
            1 => value = self.bundle(&value),
            2 => value = self.patch(),
            3 => {
                value = json!({ "resourceType": "Parameters", "parameter": [
                    { "name": "resource", "resource": value },
                    { "name": self.text(), "valueString": self.text() },
                ] });
            }
            _ => {
                for _ in 0..=self.below(3) {
                    self.spoil(&mut value, 0);
                }
            }
        }
        let mut bytes = self.written(&value);
        if self.once_in(4) {
            self.cut(&mut bytes);
        }
        bytes
    }

    /// A transaction or a batch with odd requests.
    fn bundle(&mut self, resource: &Value) -> Value {
        let entries = 1 + self.below(4);
        let entry: Vec<Value> = (0..entries)
            .map(|_| {
                let mut resource = resource.clone();
                if self.once_in(2) {
                    self.spoil(&mut resource, 0);
                }
                let kind = resource["resourceType"].as_str().unwrap_or("Patient").to_owned();
                let method = *self.one(&["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "BREW"]);
                let url = match self.below(4) {
                    0 => kind,
                    1 => format!("{kind}/{}", self.text()),
                    2 => format!("{kind}?identifier={}", self.text()),
                    _ => self.text(),
                };
                json!({
                    "fullUrl": format!("urn:uuid:{}", self.text()),
                    "resource": resource,
                    "request": { "method": method, "url": url, "ifMatch": self.text(),
                                 "ifNoneExist": self.text() },
                })
            })
            .collect();
        let kind = *self.one(&["transaction", "batch", "document", "message", "nothing"]);
        json!({ "resourceType": "Bundle", "type": kind, "entry": entry })
    }

    /// A JSON Patch.
    fn patch(&mut self) -> Value {
        let steps = 1 + self.below(3);
        let step = |nonsense: &mut Self| {
            let op = *nonsense.one(&["add", "remove", "replace", "move", "copy", "test", "eat"]);
            let path = match nonsense.below(4) {
                0 => "/name/0/given/-".to_owned(),
                1 => format!("/{}", nonsense.text()),
                2 => "/status".to_owned(),
                _ => "/id".to_owned(),
            };
            json!({ "op": op, "path": path, "from": "/status", "value": nonsense.text() })
        };
        Value::Array((0..steps).map(|_| step(self)).collect())
    }

    /// Spoils one place of a value.
    fn spoil(&mut self, value: &mut Value, depth: usize) {
        let inside = depth < 8 && !self.once_in(4);
        match value {
            Value::Object(members) if inside && !members.is_empty() => {
                self.spoil_in(members, depth);
            }
            Value::Array(items) if inside && !items.is_empty() => {
                let at = self.below(items.len());
                if self.once_in(6) {
                    let again = items[at].clone();
                    let times = self.below(300);
                    items.extend(std::iter::repeat_n(again, times));
                } else {
                    self.spoil(&mut items[at], depth + 1);
                }
            }
            _ => *value = self.value(),
        }
    }

    fn spoil_in(&mut self, members: &mut Map<String, Value>, depth: usize) {
        let at = self.below(members.len());
        let Some(name) = members.keys().nth(at).cloned() else { return };
        match self.below(6) {
            0 => {
                members.remove(&name);
            }
            1 => {
                let (other, value) = (self.text(), self.value());
                members.insert(other, value);
            }
            2 => {
                let value = members.remove(&name).unwrap_or_default();
                members.insert(format!("_{name}"), value);
            }
            _ => {
                if let Some(inner) = members.get_mut(&name) {
                    self.spoil(inner, depth + 1);
                }
            }
        }
    }

    fn value(&mut self) -> Value {
        match self.below(8) {
            0 => Value::Null,
            1 => Value::Bool(true),
            2 => json!([]),
            3 => json!({}),
            4 => {
                let number: &&str = self.one(NUMBERS);
                serde_json::from_str(number).unwrap_or_default()
            }
            5 => json!([[null, {}], { "a": [] }]),
            _ => Value::String(self.text()),
        }
    }

    /// The text of a value; now and then with a name twice, or much deeper than it was.
    fn written(&mut self, value: &Value) -> Vec<u8> {
        let mut text = value.to_string();
        if self.once_in(20) {
            text = text.replacen('{', r#"{"resourceType":"Patient","resourceType":"Group","#, 1);
        }
        if self.once_in(40) {
            let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
            text = text.replacen('{', &format!("{{\"deep\":{deep},"), 1);
        }
        text.into_bytes()
    }

    /// Changes bytes, whatever they mean.
    pub(super) fn cut(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        match self.below(4) {
            0 => bytes.truncate(at),
            1 => bytes[at] = self.rng.random_range(0..=u8::MAX),
            2 => {
                let end = (at + self.below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let end = (at + self.below(256)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_nonsense_again() {
        let make = |seed| {
            let mut nonsense = Nonsense::new(seed, vec![json!({ "resourceType": "Patient" })]);
            (0..200).map(|_| nonsense.body()).collect::<Vec<_>>()
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
        let read = |body: &Vec<u8>| serde_json::from_slice::<Value>(body).is_ok();
        let readable = make(7).iter().filter(|body| read(body)).count();
        assert!((80..200).contains(&readable), "{readable} of 200 are JSON");
    }
}
