//! The NHS number: ten digits, the last of which checks the others by modulus 11
//! (NHS Data Model and Dictionary, "NHS NUMBER").

/// Digits of an NHS number.
pub const DIGITS: usize = 10;

/// Whether the text is ten digits, without spaces, whose check digit is right. `0000000000` passes
/// the sum but is nobody's number, so it is refused.
pub fn valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != DIGITS || !bytes.iter().all(u8::is_ascii_digit) || text == "0000000000" {
        return false;
    }
    let weighted = bytes.iter().zip((2..=10_u32).rev());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    // A remainder of 1 would need the check digit 10: no such number is given.
    let check = match 11 - sum % 11 {
        11 => 0,
        check => check,
    };
    check == u32::from(bytes[DIGITS - 1] - b'0')
}

/// The number as people write it, `999 000 0001`; `None` when it is not [`valid`].
pub fn format(text: &str) -> Option<String> {
    valid(text).then(|| format!("{} {} {}", &text[..3], &text[3..6], &text[6..]))
}

/// The digits of a number that somebody typed with spaces or hyphens, when it is [`valid`].
pub fn from_typed(text: &str) -> Option<String> {
    // Ten digits with a separator after each one are the longest that anybody types.
    if text.len() > 2 * DIGITS {
        return None;
    }
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    valid(&digits).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(format(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn the_check_digit_decides() {
        check("9990000018", Some("999 000 0018"));
        check("9990000026", Some("999 000 0026"));
        check("9990000019", None);
        check("0000000000", None);
        check("999000001", None);
        check("99900000180", None);
        check("999000001X", None);
        check("999 000 0018", None);
        check("", None);
        check("९९९०००००१८", None);
    }

    #[test]
    fn exactly_one_last_digit_fits_or_none_does() {
        for body in 999_000_000..999_000_200_u32 {
            let fitting = (0..10).filter(|digit| valid(&format!("{body}{digit}"))).count();
            let sum: u32 = format!("{body}")
                .bytes()
                .zip((2..=10).rev())
                .map(|(digit, weight): (u8, u32)| u32::from(digit - b'0') * weight)
                .sum();
            assert_eq!(fitting, usize::from(sum % 11 != 1), "{body}");
        }
    }

    #[test]
    fn a_typed_number_may_have_spaces() {
        assert_eq!(from_typed("999 000 0018").as_deref(), Some("9990000018"));
        assert_eq!(from_typed("999-000-0018").as_deref(), Some("9990000018"));
        assert_eq!(from_typed("999 000 0019"), None);
        assert_eq!(from_typed(&" ".repeat(5000)), None);
    }
}
