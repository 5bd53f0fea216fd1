//! Tokens: a code or an identifier with its system (R4 §3.1.1.5.10).

/// A code or an identifier that a resource can be found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// The system; `None` when the resource gives none.
    pub system: Option<String>,
    /// The code or value.
    pub value: String,
}

/// What a search asks of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFilter {
    /// `value`: in any system or none.
    Value(String),
    /// `system|value`.
    SystemAndValue(String, String),
    /// `|value`: without a system.
    NoSystem(String),
    /// `system|`: any value of the system.
    System(String),
}

impl TokenFilter {
    /// Whether it names a value.
    pub fn has_value(&self) -> bool {
        !matches!(self, Self::System(_))
    }

    /// Reads a search value; `None` when there is nothing to look for. `\|` and the other escapes
    /// of R4 §3.1.1.4.0.2 are undone.
    pub fn parse(text: &str) -> Option<Self> {
        let (system, value) = match find_bar(text) {
            None => (None, unescape(text)),
            Some(at) => (Some(unescape(&text[..at])), unescape(&text[at + 1..])),
        };
        match (system, value.is_empty()) {
            (None, false) => Some(Self::Value(value)),
            (Some(system), false) if system.is_empty() => Some(Self::NoSystem(value)),
            (Some(system), false) => Some(Self::SystemAndValue(system, value)),
            (Some(system), true) if !system.is_empty() => Some(Self::System(system)),
            (_, true) => None,
        }
    }

    /// Whether a token of a resource is meant. Codes and values are compared exactly.
    pub fn matches(&self, token: &Token) -> bool {
        let system = token.system.as_deref();
        match self {
            Self::Value(value) => token.value == *value,
            Self::SystemAndValue(wanted, value) => {
                system == Some(wanted.as_str()) && token.value == *value
            }
            Self::NoSystem(value) => system.is_none() && token.value == *value,
            Self::System(wanted) => system == Some(wanted.as_str()),
        }
    }
}

/// The first bar that is not escaped.
fn find_bar(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let found = byte == b'|' && !escaped;
        escaped = byte == b'\\' && !escaped;
        found
    })
}

/// Undoes `\,`, `\|`, `\$` and `\\`.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Splits at commas that are not escaped; the parts keep their escapes.
pub fn split_commas(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        if byte == b',' && !escaped {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: impl Into<Option<TokenFilter>>) {
        assert_eq!(TokenFilter::parse(text), expected.into(), "{text:?}");
    }

    #[test]
    fn the_bar_tells_the_system() {
        use TokenFilter::{NoSystem, System, SystemAndValue, Value};
        check("a", Some(Value("a".into())));
        check("s|a", Some(SystemAndValue("s".into(), "a".into())));
        check("|a", Some(NoSystem("a".into())));
        check("s|", Some(System("s".into())));
        check("s|a|b", Some(SystemAndValue("s".into(), "a|b".into())));
        check(r"s\|a", Some(Value("s|a".into())));
        check(r"s\\|a\,b", Some(SystemAndValue(r"s\".into(), "a,b".into())));
        check("", None);
        check("|", None);
    }

    #[test]
    fn commas_part_values() {
        assert_eq!(split_commas(r"a,b\,c,,\\,d"), ["a", r"b\,c", "", r"\\", "d"]);
        assert_eq!(split_commas(""), [""]);
    }

    #[test]
    fn filters_match_tokens() {
        let with = Token { system: Some("s".into()), value: "a".into() };
        let without = Token { system: None, value: "a".into() };
        for (filter, a, b) in [
            ("a", true, true),
            ("s|a", true, false),
            ("|a", false, true),
            ("s|", true, false),
            ("t|a", false, false),
            ("A", false, false),
        ] {
            let filter = TokenFilter::parse(filter).unwrap();
            assert_eq!((filter.matches(&with), filter.matches(&without)), (a, b), "{filter:?}");
        }
    }
}
