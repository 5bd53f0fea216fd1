//! The check that everything from outside passes before anything else reads it.

use super::scan::{Fault, Scanner};

/// What is refused by size. Bytes are counted before, depth while reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most objects and arrays inside one another.
    pub depth: usize,
    /// The most bytes of the whole text.
    pub bytes: usize,
}

impl Limits {
    /// Objects and arrays inside one another that a resource may have. No resource in use comes
    /// near; R4 §3.1.0 leaves such limits to the server.
    pub const DEFAULT_DEPTH: usize = 32;
    /// The most that any caller may allow: `serde_json` itself stops at 128.
    pub const MAX_DEPTH: usize = 120;
    /// Bytes that a request may have where its endpoint says nothing else: 1 MiB.
    pub const DEFAULT_BYTES: usize = 1 << 20;
    /// The most that any caller may allow: 1 GiB.
    pub const MAX_BYTES: usize = 1 << 30;
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: Self::DEFAULT_DEPTH, bytes: Self::DEFAULT_BYTES }
    }
}

/// What is wrong with a text that should be JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    /// More bytes than allowed.
    #[error("the text is longer than {limit} bytes")]
    TooLarge {
        /// How many are allowed.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Not JSON (RFC 8259).
    #[error("{0}")]
    Syntax(&'static str),
    /// Objects and arrays too deep inside one another.
    #[error("objects and arrays are more than {limit} deep")]
    TooDeep {
        /// How deep they may be.
        limit: usize,
    },
    /// A member's name comes twice in one object. Readers differ in which one they take, so one
    /// system could act on a dose that another one does not see.
    #[error("the member comes twice in the same object")]
    DuplicateKey,
    /// A number with more than 128 characters.
    #[error("a number has more than 128 characters")]
    LongNumber,
    /// Something follows the value.
    #[error("something follows the end of the value")]
    Trailing,
}

/// What is wrong with a text that should be JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}, at byte {offset}{}{path}", if path.is_empty() { "" } else { ", " })]
pub struct JsonError {
    /// What is wrong.
    pub problem: JsonProblem,
    /// The byte, counted from 0.
    pub offset: usize,
    /// Where in the resource, such as `dosageInstruction[0].text`; empty at the top. Names longer
    /// than 64 bytes are cut.
    pub path: String,
}

/// Checks that the bytes are one strict JSON value within the limits, and gives them as text.
///
/// Refuses duplicate names at any level (also when one of them is written with escapes), lone
/// surrogates, control characters, a byte order mark and everything after the value. One pass;
/// the memory used is at most a small multiple of the length of the text.
pub fn check(bytes: &[u8], limits: Limits) -> Result<&str, JsonError> {
    let limit = limits.bytes.min(Limits::MAX_BYTES);
    let at = |problem, offset| JsonError { problem, offset, path: String::new() };
    if bytes.len() > limit {
        return Err(at(JsonProblem::TooLarge { limit }, limit));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| at(JsonProblem::NotUtf8, error.valid_up_to()))?;
    let mut scanner = Scanner::new(bytes, limits.depth.min(Limits::MAX_DEPTH));
    match scanner.run() {
        Ok(()) => Ok(text),
        Err(Fault { problem, offset }) => Err(JsonError { problem, offset, path: scanner.path() }),
    }
}

/// The path of the element in which a byte lies, for saying where something is wrong. Gives the
/// path of the first fault when there is one before that byte.
pub fn path_at(json: &[u8], offset: usize) -> String {
    let mut scanner = Scanner::new(&json[..offset.min(json.len())], Limits::MAX_DEPTH);
    // The text is cut short on purpose, so it ends in a fault: what counts is where.
    let _ = scanner.run();
    scanner.path()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(json: &[u8]) -> Result<(), (JsonProblem, usize, String)> {
        let limits = Limits { depth: 4, bytes: 2000 };
        check(json, limits).map(|_| ()).map_err(|e| (e.problem, e.offset, e.path))
    }

    #[track_caller]
    fn refused(json: &str, problem: JsonProblem, offset: usize, path: &str) {
        assert_eq!(read(json.as_bytes()), Err((problem, offset, path.to_owned())), "{json}");
    }

    #[test]
    fn json_is_accepted() {
        for json in [
            "{}",
            "[]",
            " {\"a\" : [ 1 , -0.5e+3 , true,false, null ] }\r\n",
            "\"x\"",
            "0",
            "-1",
            r#"{"a":{"a":{"a":1}},"b":{"a":2}}"#,
            r#""\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t""#,
            "[[[[]]]]",
            r#"[{"a":1},{"a":1}]"#,
            "\"é\u{7f}\"",
        ] {
            assert_eq!(read(json.as_bytes()), Ok(()), "{json}");
        }
    }

    #[test]
    fn a_name_may_come_only_once() {
        use JsonProblem::DuplicateKey;
        refused(r#"{"a":1,"a":2}"#, DuplicateKey, 7, "a");
        refused(r#"{"a":1,"\u0061":2}"#, DuplicateKey, 7, "a");
        refused(r#"{"\u0061":1,"\u0061":2}"#, DuplicateKey, 12, "a");
        refused(r#"{"x":[{},{"dose":1,"b":2,"dose":2}]}"#, DuplicateKey, 25, "x[1].dose");
        refused(r#"{"":1,"":1}"#, DuplicateKey, 6, "");
    }

    #[test]
    fn a_name_in_a_wide_object_may_come_only_once() {
        let members: Vec<String> = (0..100).map(|i| format!("\"k{i}\":{{\"k1\":{i}}}")).collect();
        let limits = Limits { depth: 4, bytes: 1 << 20 };
        let good = format!("{{\"x\":{{{}}}}}", members.join(","));
        assert!(check(good.as_bytes(), limits).is_ok());
        let bad = format!("{{\"x\":{{{},\"k\\u0037\":0}},\"y\":1}}", members.join(","));
        let error = check(bad.as_bytes(), limits).unwrap_err();
        assert_eq!((error.problem, error.path.as_str()), (JsonProblem::DuplicateKey, "x.k7"));
    }

    #[test]
    fn limits_hold() {
        refused("[[[[[]]]]]", JsonProblem::TooDeep { limit: 4 }, 4, "[0][0][0][0]");
        refused(&" ".repeat(2001), JsonProblem::TooLarge { limit: 2000 }, 2000, "");
        refused(&"9".repeat(129), JsonProblem::LongNumber, 0, "");
        assert!(check(&b"[".repeat(1 << 20), Limits::default()).is_err());
        assert_eq!(read(b"{\"a\":\"\xff\"}"), Err((JsonProblem::NotUtf8, 6, String::new())));
        let error = check(b"{\"a\":1,\"a\":1}", Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "the member comes twice in the same object, at byte 7, a");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for (json, trailing) in [
            ("", false),
            ("{", false),
            ("[1,]", false),
            ("{\"a\":1,}", false),
            ("{a:1}", false),
            ("{\"a\" 1}", false),
            ("[1 2]", false),
            ("01", true),
            ("1.", false),
            ("-", false),
            (".5", false),
            ("+1", false),
            ("1e", false),
            ("tru", false),
            ("nulL", false),
            ("\"a", false),
            ("\"\\x\"", false),
            ("\"\\u12g4\"", false),
            ("\"\\ud800\"", false),
            ("\"\\udc00\"", false),
            ("\"\\ud800\\u0041\"", false),
            ("\"\n\"", false),
            ("\u{feff}{}", false),
            ("{} {}", true),
            ("1]", true),
            ("// no\n1", false),
            ("'a'", false),
            ("[1}", false),
            ("{\"a\":1]", false),
            ("NaN", false),
            ("\"\\u00", false),
        ] {
            let (problem, ..) = read(json.as_bytes()).unwrap_err();
            assert_eq!(problem == JsonProblem::Trailing, trailing, "{json}: {problem}");
        }
    }

    #[test]
    fn a_byte_has_a_path() {
        let json = br#"{"a":{"b":[10,{"c":true}]},"d":4}"#;
        let find = |text: &str| {
            let text = text.as_bytes();
            path_at(json, 1 + json.windows(text.len()).position(|w| w == text).unwrap())
        };
        assert_eq!(find("10"), "a.b[0]");
        assert_eq!(find("true"), "a.b[1].c");
        assert_eq!(find("4"), "d");
        assert_eq!(path_at(json, 0), "");
        assert_eq!(path_at(json, json.len() + 5), "");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 25, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
                prop::collection::hash_map("[a-z\"\\\\é]{0,4}", inner, 0..25)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_writes_passes(value in any_json()) {
            let limits = Limits { depth: 20, bytes: 1 << 20 };
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert!(check(text.as_bytes(), limits).is_ok(), "{text}");
            }
        }

        #[test]
        fn what_passes_is_read_by_serde(value in any_json(), cut in any::<prop::sample::Index>(),
            put in "[\\[\\]{}:,\"0-9a-z\\\\.\\-]{0,3}") {
            let mut text = value.to_string();
            let at = text.floor_char_boundary(cut.index(text.len() + 1));
            let end = text.ceil_char_boundary((at + 1).min(text.len()));
            text.replace_range(at..end, &put);
            let ours = check(text.as_bytes(), Limits { depth: 20, bytes: 1 << 20 });
            let theirs = serde_json::from_str::<Value>(&text);
            match ours {
                Ok(_) => prop_assert!(theirs.is_ok(), "{text}"),
                Err(e) => prop_assert!(
                    e.problem == JsonProblem::DuplicateKey || theirs.is_err(), "{text}: {e}"),
            }
        }

        #[test]
        fn any_bytes_are_checked(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = path_at(&bytes, 100);
        }
    }
}
