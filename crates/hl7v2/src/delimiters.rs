//! The characters that separate, read from MSH-1 and MSH-2.

use crate::issue::{IssueKind, Issues};

/// What an unusable encoding character is replaced with when the standard one is taken.
const SPARE: &[u8] = b"!#$%*@";

/// The most characters of MSH-2 that HL7 gives a meaning to (2.7 added the fifth).
const MOST: usize = 5;

/// The separators of one message (HL7 2.5.1 §2.5.4). A `None` separates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delimiters {
    /// MSH-1, between fields.
    pub field: u8,
    /// Between components.
    pub component: u8,
    /// Between repetitions of a field.
    pub repetition: u8,
    /// Around escape sequences.
    pub escape: Option<u8>,
    /// Between subcomponents.
    pub subcomponent: Option<u8>,
    /// Marks a cut value, from HL7 2.7 on.
    pub truncation: Option<u8>,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl Delimiters {
    /// `|` and `^~\&`.
    pub const STANDARD: Self = Self {
        field: b'|',
        component: b'^',
        repetition: b'~',
        escape: Some(b'\\'),
        subcomponent: Some(b'&'),
        truncation: None,
    };

    /// Reads MSH-2. Letters, digits, control and non-ASCII bytes are refused as separators,
    /// because text would be torn apart where it holds them.
    pub(crate) fn read(field: u8, encoding: &[u8], offset: usize, issues: &mut Issues) -> Self {
        let mut add = |kind| issues.add(kind, offset, Some(0));
        match encoding.len() {
            0 => add(IssueKind::NoEncodingCharacters),
            1..=3 => add(IssueKind::FewEncodingCharacters),
            4..=MOST => {}
            _ => add(IssueKind::ExtraEncodingCharacters),
        }
        let mut taken = vec![field];
        let mut pick = |place: usize, standard: u8, optional: bool| {
            let sent = encoding.get(place).copied();
            if sent.is_none() && optional && !encoding.is_empty() {
                return None;
            }
            let usable = |byte: u8| byte.is_ascii_punctuation() && byte != b'"';
            let chosen = match sent {
                Some(byte) if usable(byte) && !taken.contains(&byte) => byte,
                _ => {
                    if sent.is_some() {
                        add(IssueKind::BadEncodingCharacter);
                    }
                    let fallbacks = std::iter::once(standard).chain(SPARE.iter().copied());
                    fallbacks.into_iter().find(|byte| !taken.contains(byte))?
                }
            };
            taken.push(chosen);
            Some(chosen)
        };
        let component = pick(0, b'^', false).unwrap_or(b'^');
        let repetition = pick(1, b'~', false).unwrap_or(b'~');
        let escape = pick(2, b'\\', true);
        let subcomponent = pick(3, b'&', true);
        // The truncation character separates nothing, so an unusable one is merely not used.
        let truncation = match encoding.get(MOST - 1) {
            Some(&byte) if byte.is_ascii_punctuation() && !taken.contains(&byte) => Some(byte),
            Some(_) => {
                issues.add(IssueKind::ExtraEncodingCharacters, offset, Some(0));
                None
            }
            None => None,
        };
        Self { field, component, repetition, escape, subcomponent, truncation }
    }

    /// MSH-2 for these separators.
    pub fn encoding_characters(&self) -> Vec<u8> {
        let optional = [self.escape, self.subcomponent, self.truncation];
        let present = optional.into_iter().map_while(|byte| byte);
        [self.component, self.repetition].into_iter().chain(present).collect()
    }

    /// True for a byte that separates (the escape and truncation characters do not).
    pub(crate) fn separates(&self, byte: u8) -> bool {
        byte == self.field
            || byte == self.component
            || byte == self.repetition
            || Some(byte) == self.subcomponent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: &str, expect: &str, kinds: &[IssueKind]) {
        let mut issues = Issues::default();
        let read = Delimiters::read(b'|', encoding.as_bytes(), 4, &mut issues);
        assert_eq!(String::from_utf8(read.encoding_characters()).unwrap(), expect, "{encoding}");
        let found: Vec<_> = issues.0.iter().map(|issue| issue.kind).collect();
        assert_eq!(found, kinds, "{encoding}");
    }

    #[test]
    fn encoding_characters_are_read_or_replaced() {
        use IssueKind as K;
        check(r"^~\&", r"^~\&", &[]);
        check(r"^~\&#", r"^~\&#", &[]);
        check(r"#*~!@", r"#*~!@", &[]);
        check("", r"^~\&", &[K::NoEncodingCharacters]);
        check(r"^~\", r"^~\", &[K::FewEncodingCharacters]);
        check("^~", "^~", &[K::FewEncodingCharacters]);
        check("^", "^~", &[K::FewEncodingCharacters]);
        check("0000", r"^~\&", &[K::BadEncodingCharacter; 4]);
        check(r"\~\&", r"\~!&", &[K::BadEncodingCharacter]);
        check(r"^~\&##", r"^~\&#", &[K::ExtraEncodingCharacters]);
        check(r"^~\\&", r"^~\&", &[K::BadEncodingCharacter, K::ExtraEncodingCharacters]);
    }
}
