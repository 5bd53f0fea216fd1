//! What a message is found by: terms, each of them a number.
//!
//! A term is a field and a folded text, hashed. Texts are folded as people search: small letters,
//! without accents. The hash has 44 bits, so that one lookup in a segment meets another term's
//! number by chance about once in forty million times; a search then shows a message too many,
//! never one too few.

use std::collections::BTreeSet;

/// How many bits of a hash are kept.
pub(super) const TERM_BITS: u32 = 44;
/// The shortest word that is kept, in characters. Single letters are flags and initials.
const MIN_WORD_CHARS: usize = 2;
/// The longest word that is kept, in characters. What is longer is an embedded document.
const MAX_WORD_CHARS: usize = 64;
/// The most different terms of one message, so that a document does not fill the index.
pub(super) const MAX_TERMS: usize = 4_096;

/// The field in which a text is looked for. The numbers stand in the hashes: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Field {
    /// A word anywhere in the bytes.
    Word = 1,
    /// A number of a patient (PID-2, PID-3, PID-4, PID-18, MRG-1).
    Identifier = 2,
    /// The placer's number (ORC-2, OBR-2).
    Placer = 3,
    /// The filler's number (ORC-3, OBR-3).
    Filler = 4,
    /// The control id (MSH-10).
    Control = 5,
    /// The type, `RDE^O11`, and its first part, `RDE`.
    Type = 6,
    /// The channel or client.
    Channel = 7,
    /// The answer, and the coded reason of a parked or refused message.
    Outcome = 8,
    /// The id of a Patient whom the facts concern.
    Patient = 9,
    /// The id of a delivery that the entry queued or tells of.
    Delivery = 10,
    /// The id of a case that the entry opened or closed.
    Case = 11,
    /// The entry whose message this one is, acted on again.
    Again = 12,
    /// What kind of entry it is; one that holds bytes is a `message`.
    Kind = 13,
}

/// A term: the top bits of the hash of a field and a folded text.
pub(super) type Term = u64;

/// FNV-1a over the field and the folded characters, then mixed (the finalizer of SplitMix64), as
/// the top bits of FNV alone depend on few characters. It is part of the file's form.
#[derive(Clone, Copy)]
struct Hasher(u64);

impl Hasher {
    fn new(field: Field) -> Self {
        Hasher(0xcbf2_9ce4_8422_2325).byte(field as u8)
    }

    fn byte(self, byte: u8) -> Self {
        Hasher((self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    }

    fn character(self, character: char) -> Self {
        if character.is_ascii() {
            return self.byte(character as u8);
        }
        u32::from(character).to_le_bytes().into_iter().fold(self, Hasher::byte)
    }

    fn term(self) -> Term {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) >> (64 - TERM_BITS)
    }
}

/// The term of a whole text in a field; none for a text that is empty.
pub(super) fn term(field: Field, text: &str) -> Option<Term> {
    let text = text.trim();
    let hasher = text.chars().flat_map(fold).fold(Hasher::new(field), Hasher::character);
    (!text.is_empty()).then(|| hasher.term())
}

/// The terms of the words in a text, each once.
pub(super) fn words(text: &str) -> BTreeSet<Term> {
    let mut found = Vec::new();
    split(text.chars(), &mut found);
    found.into_iter().collect()
}

/// The same for bytes of whatever character set. What is no UTF-8 is read as Windows-1252, as
/// far as letters go (its letters from 0xC0 on are those of Unicode).
pub(super) fn words_of_bytes(bytes: &[u8], found: &mut Vec<Term>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => split(text.chars(), found),
        Err(_) => split(bytes.iter().map(|byte| char::from(*byte)), found),
    }
}

/// The text of a field's bytes, read as [`words_of_bytes`] reads them.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Cuts into runs of letters and digits.
fn split(characters: impl Iterator<Item = char>, found: &mut Vec<Term>) {
    let mut word = Word::new();
    for character in characters {
        if character.is_ascii() {
            match FOLDED[character as usize] {
                0 => word.end(found),
                folded => word.byte(folded),
            }
        } else if character.is_alphanumeric() {
            for folded in fold(character) {
                word.character(folded);
            }
        } else {
            word.end(found);
        }
    }
    word.end(found);
}

struct Word {
    hasher: Hasher,
    characters: usize,
    digits: usize,
    /// The first two bytes.
    start: [u8; 2],
}

impl Word {
    fn new() -> Self {
        Word { hasher: Hasher::new(Field::Word), characters: 0, digits: 0, start: [0; 2] }
    }

    fn byte(&mut self, byte: u8) {
        if let Some(start) = self.start.get_mut(self.characters) {
            *start = byte;
        }
        self.digits += usize::from(byte.is_ascii_digit());
        self.characters += 1;
        self.hasher = self.hasher.byte(byte);
    }

    fn character(&mut self, character: char) {
        self.characters += 1;
        self.hasher = self.hasher.character(character);
    }

    fn end(&mut self, found: &mut Vec<Term>) {
        if self.characters == 0 {
            return;
        }
        let fits = (MIN_WORD_CHARS..=MAX_WORD_CHARS).contains(&self.characters);
        if fits && !self.is_time() {
            found.push(self.hasher.term());
        }
        *self = Word::new();
    }

    /// Whether it reads as a time to the minute or second (HL7 2.5.1 §2.A.77), which nearly every
    /// message has several of and nobody searches as a word. A date of birth is kept.
    fn is_time(&self) -> bool {
        self.digits == self.characters
            && matches!(self.characters, 12 | 14)
            && matches!(&self.start, b"19" | b"20")
    }
}

/// The folded byte of each ASCII letter and digit; 0 for what separates words.
static FOLDED: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

/// A letter as it is searched: small, without its accent.
fn fold(character: char) -> impl Iterator<Item = char> {
    character.to_lowercase().map(|letter| match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' | 'đ' | 'ð' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => 'i',
        'ĺ' | 'ļ' | 'ľ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' => 's',
        'ţ' | 'ť' | 'ŧ' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => 'u',
        'ŵ' => 'w',
        'ý' | 'ÿ' | 'ŷ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, found_by: &[&str], not_by: &[&str]) {
        let terms = words(text);
        for query in found_by {
            let asked = words(query);
            assert!(!asked.is_empty() && asked.is_subset(&terms), "{query} in {text}");
        }
        for query in not_by {
            assert!(!words(query).iter().any(|term| terms.contains(term)), "{query} in {text}");
        }
    }

    #[test]
    fn words_are_found_as_people_write_them() {
        check("TESTER^ZOË^^^MS", &["tester", "Zoe", "zoë TESTER", "ms"], &["test", "zo"]);
        check("PARA-500^Paracetamol 500mg", &["para-500", "500MG", "paracetamol"], &["00mg"]);
        check("19560412|20261120101500+0000", &["19560412", "0000"], &[]);
        check("O\\T\\Brien", &["brien"], &[]);
    }

    #[test]
    fn times_single_letters_and_documents_are_no_words() {
        let document = "x".repeat(MAX_WORD_CHARS + 1);
        assert!(words(&format!("20261120101500 202611201015 a 7 {document}")).is_empty());
        assert_eq!(words("99912345678901 999000001812").len(), 2, "numbers that are no times");
    }

    #[test]
    fn other_character_sets_find_the_same() {
        let mut windows = Vec::new();
        words_of_bytes(b"M\xdcLLER^Zo\xeb", &mut windows);
        assert_eq!(windows.into_iter().collect::<BTreeSet<_>>(), words("Müller zoe"));
    }

    #[test]
    fn a_field_is_part_of_its_term_and_the_hash_never_changes() {
        assert_ne!(term(Field::Placer, "7001"), term(Field::Filler, "7001"));
        assert_eq!(term(Field::Placer, " a7 "), term(Field::Placer, "A7"));
        assert_eq!(term(Field::Placer, "  "), None);
        assert_eq!(term(Field::Channel, "epma"), Some(PINNED));
    }

    /// Files hold these numbers: another value here needs another version of the file.
    const PINNED: Term = 2_416_960_818_900;
}
