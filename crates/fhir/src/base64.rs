//! Base64 as FHIR writes content (RFC 4648 §4, with padding).

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes in base64.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place > chunk.len() {
                text.push('=');
                continue;
            }
            let digit = bits >> (18 - 6 * place) & 63;
            text.push(char::from(DIGITS[digit as usize]));
        }
    }
    text
}

/// The text without the space in it, where it is base64; `None` where it is not.
pub fn checked(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let digits = text.trim_end_matches('=');
    let padded = text.len() - digits.len() <= 2 && text.len().is_multiple_of(4);
    (padded && digits.bytes().all(|byte| DIGITS.contains(&byte))).then_some(text)
}

/// The bytes that the text stands for; `None` where it is not base64.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let text = checked(text)?;
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for place in 0..4 {
            let digit = chunk.get(place).and_then(|d| DIGITS.iter().position(|known| known == d));
            bits = bits << 6 | u32::try_from(digit.unwrap_or_default()).ok()?;
        }
        let [_, three @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(&three[..chunk.len() * 3 / 4]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 4648 §10.
        let check = |text: &str, expect: &str| {
            assert_eq!(encode(text.as_bytes()), expect);
            assert_eq!(checked(expect).as_deref(), Some(expect));
            assert_eq!(decode(expect).as_deref(), Some(text.as_bytes()));
        };
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foob", "Zm9vYg==");
        check("fooba", "Zm9vYmE=");
        check("foobar", "Zm9vYmFy");
        assert_eq!(encode(&[0xFB, 0xFF]), "+/8=");
        assert_eq!(decode("+/8="), Some(vec![0xFB, 0xFF]));
    }

    #[test]
    fn what_is_not_base64_is_not_taken_for_it() {
        for text in ["Zg", "Zg=", "Z===", "Zm9v!", "Zm 9v Yg"] {
            assert_eq!(checked(text), None, "{text}");
        }
        assert_eq!(checked("Zm9v\r\nYg==").as_deref(), Some("Zm9vYg=="));
    }
}
