//! Character sets of messages.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// A character set that messages are read from and written in. All of them hold ASCII in the
/// low half, so separators can be found before the text is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    /// Seven-bit ASCII, HL7's default.
    Ascii,
    /// UTF-8.
    Utf8,
    /// ISO 8859-1. On reading, the bytes 0x80 to 0x9F are taken as Windows-1252, as the senders
    /// that use them mean; on writing they are never produced.
    Latin1,
    /// Windows code page 1252, common in UK feeds that name no character set.
    Windows1252,
    /// Another part of ISO 8859, by its number: 2 to 10, 13 to 16.
    Iso8859(u8),
}

/// Which character set a channel's messages are read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CharsetChoice {
    /// What MSH-18 says, or this one where it says nothing that is understood.
    DeclaredOr(Charset),
    /// This one whatever MSH-18 says, for peers known to declare a wrong one.
    Always(Charset),
}

impl Default for CharsetChoice {
    fn default() -> Self {
        Self::DeclaredOr(Charset::Utf8)
    }
}

impl Charset {
    /// Reads an MSH-18 value (HL7 table 0211), tolerating the spellings seen in real feeds.
    /// `None` for a set that is not supported, as UTF-16 and the multi-byte Asian sets.
    pub fn from_label(label: &[u8]) -> Option<Self> {
        let label = str::from_utf8(label).ok()?.trim().to_ascii_uppercase();
        match label.as_str() {
            "ASCII" | "US-ASCII" | "ISO IR 6" | "ISO IR6" => return Some(Self::Ascii),
            "UNICODE UTF-8" | "UTF-8" | "UTF8" | "UNICODE" | "ISO IR 192" | "ISO IR192" => {
                return Some(Self::Utf8);
            }
            "ISO IR 100" | "ISO IR100" => return Some(Self::Latin1),
            "WINDOWS-1252" | "WINDOWS 1252" | "CP1252" => return Some(Self::Windows1252),
            _ => {}
        }
        let tail = label.strip_prefix("ISO").unwrap_or(&label).trim_start_matches([' ', '-', '_']);
        let part = tail.strip_prefix("8859")?.trim_start_matches(['/', '-', ' ']);
        match part.parse().ok()? {
            1 => Some(Self::Latin1),
            part @ (2..=10 | 13..=16) => Some(Self::Iso8859(part)),
            _ => None,
        }
    }

    /// The MSH-18 value that declares it. Table 0211 has none for Windows-1252; senders write
    /// `WINDOWS-1252` where they declare it at all.
    pub fn label(self) -> Cow<'static, str> {
        match self {
            Self::Ascii => "ASCII".into(),
            Self::Utf8 => "UNICODE UTF-8".into(),
            Self::Latin1 => "8859/1".into(),
            Self::Windows1252 => "WINDOWS-1252".into(),
            Self::Iso8859(part) => format!("8859/{part}").into(),
        }
    }

    /// The name by which it is registered with IANA, as HTTP writes it.
    pub fn iana(self) -> Cow<'static, str> {
        match self {
            Self::Ascii => "us-ascii".into(),
            Self::Utf8 => "utf-8".into(),
            Self::Latin1 => "iso-8859-1".into(),
            Self::Windows1252 => "windows-1252".into(),
            Self::Iso8859(part) => format!("iso-8859-{part}").into(),
        }
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Ascii | Self::Utf8 => encoding_rs::UTF_8,
            Self::Latin1 | Self::Windows1252 => encoding_rs::WINDOWS_1252,
            Self::Iso8859(9) => encoding_rs::WINDOWS_1254,
            Self::Iso8859(part) => Encoding::for_label(format!("iso-8859-{part}").as_bytes())
                .unwrap_or(encoding_rs::WINDOWS_1252),
        }
    }

    /// Decodes, or `None` where a byte is not text in this set.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Ascii if !bytes.is_ascii() => None,
            Self::Ascii | Self::Utf8 => str::from_utf8(bytes).ok().map(Cow::Borrowed),
            _ => self.encoding().decode_without_bom_handling_and_without_replacement(bytes),
        }
    }

    /// Decodes, with U+FFFD for every byte that is not text in this set.
    pub fn decode_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Ascii if !bytes.is_ascii() => {
                let replaced = bytes.iter().map(|&byte| match byte {
                    0..=127 => char::from(byte),
                    _ => char::REPLACEMENT_CHARACTER,
                });
                Cow::Owned(replaced.collect())
            }
            Self::Ascii | Self::Utf8 => match str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => String::from_utf8_lossy(bytes),
            },
            _ => self.encoding().decode_without_bom_handling(bytes).0,
        }
    }

    /// Appends `text` in this set. A character that the set lacks is handed to `lacks`, which
    /// writes something in its place or gives the error to end with.
    pub(crate) fn encode_into<E>(
        self,
        text: &str,
        out: &mut Vec<u8>,
        mut lacks: impl FnMut(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self == Self::Utf8 || text.is_ascii() {
            out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let mut utf8 = [0; 4];
        for character in text.chars() {
            match self.byte_of(character.encode_utf8(&mut utf8)) {
                Some(byte) => out.push(byte),
                None => lacks(out)?,
            }
        }
        Ok(())
    }

    /// The byte of a one-character text in a single-byte set. Latin-1's upper control
    /// characters are refused, since a reader would take them as Windows-1252.
    fn byte_of(self, character: &str) -> Option<u8> {
        let point = character.chars().next().map(u32::from)?;
        match (self, point) {
            (_, 0..=0x7F) | (Self::Latin1, 0xA0..=0xFF) => u8::try_from(point).ok(),
            (Self::Ascii | Self::Utf8 | Self::Latin1, _) => None,
            _ => {
                let (bytes, _, unmappable) = self.encoding().encode(character);
                (!unmappable && bytes.len() == 1).then(|| bytes[0])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read() {
        let check = |label: &str, expect| assert_eq!(Charset::from_label(label.as_bytes()), expect);
        check("ASCII", Some(Charset::Ascii));
        check("8859/1", Some(Charset::Latin1));
        check("8859/15", Some(Charset::Iso8859(15)));
        check("ISO-8859-2", Some(Charset::Iso8859(2)));
        check("UNICODE UTF-8", Some(Charset::Utf8));
        check("utf-8", Some(Charset::Utf8));
        check("8859", None);
        check("8859/12", None);
        check("ISO IR 999", None);
        check("UNICODE UTF-16", None);
        for set in [Charset::Ascii, Charset::Utf8, Charset::Windows1252, Charset::Iso8859(5)] {
            assert_eq!(Charset::from_label(set.label().as_bytes()), Some(set));
            assert_eq!(Charset::from_label(set.iana().as_bytes()), Some(set));
        }
    }

    #[test]
    fn text_survives_each_set_that_holds_it() {
        let check = |set: Charset, text: &str, expect: Option<&[u8]>| {
            let mut out = Vec::new();
            let done = set.encode_into(text, &mut out, |_| Err(()));
            assert_eq!(done.ok().map(|()| out.as_slice()), expect, "{set:?} {text}");
            if let Some(bytes) = expect {
                assert_eq!(set.decode(bytes).as_deref(), Some(text));
                assert_eq!(set.decode_lossy(bytes), text);
            }
        };
        check(Charset::Utf8, "µg €", Some("µg €".as_bytes()));
        check(Charset::Latin1, "µg é", Some(b"\xB5g \xE9"));
        check(Charset::Latin1, "€", None);
        check(Charset::Latin1, "\u{80}", None);
        check(Charset::Windows1252, "€ ’", Some(b"\x80 \x92"));
        check(Charset::Windows1252, "ł", None);
        check(Charset::Iso8859(2), "ł", Some(b"\xB3"));
        check(Charset::Iso8859(9), "ş", Some(b"\xFE"));
        check(Charset::Ascii, "é", None);
    }

    #[test]
    fn bytes_that_are_not_text_are_seen() {
        assert_eq!(Charset::Utf8.decode(b"Jos\xE9"), None);
        assert_eq!(Charset::Utf8.decode_lossy(b"Jos\xE9"), "Jos\u{FFFD}");
        assert_eq!(Charset::Ascii.decode(b"Jos\xE9"), None);
        assert_eq!(Charset::Ascii.decode_lossy(b"Jos\xE9"), "Jos\u{FFFD}");
    }
}
