//! Check digits: GS1 modulo 10, the alphanumeric check pair, and the NHS number's modulo 11.

use crate::character;

/// The GS1 check digit of `digits` (GS1 General Specifications §7.9): from the right, digits
/// count three times and once in turn. `None` when something is not a digit.
pub fn digit(digits: &[u8]) -> Option<u8> {
    let mut sum = 0_u32;
    for (place, byte) in digits.iter().rev().enumerate() {
        let value = character::digit(*byte)?;
        sum += u32::from(value) * if place % 2 == 0 { 3 } else { 1 };
    }
    u8::try_from((10 - sum % 10) % 10).ok()
}

/// Whether the last digit of `digits` is the check digit of the others.
pub fn is_valid(digits: &[u8]) -> bool {
    let Some((last, rest)) = digits.split_last() else { return false };
    !rest.is_empty() && character::digit(*last).is_some_and(|last| digit(rest) == Some(last))
}

/// The longest value that the check pair is defined for, its two characters not counted: the
/// weights are as many odd primes (GS1 General Specifications §7.9.5).
pub const MAX_PAIR_CHARACTERS: usize = 97;

/// The two check characters of an alphanumeric key (GMN and Basic UDI-DI): the characters' places
/// in set 82, each times a prime, the primes rising from the right, modulo 1021.
pub fn pair(text: &[u8]) -> Option<[u8; 2]> {
    const PAIR: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    if text.len() > MAX_PAIR_CHARACTERS {
        return None;
    }
    let mut sum = 0_usize;
    for (byte, prime) in text.iter().rev().zip(primes()) {
        sum += character::place_in_82(*byte)? * prime;
    }
    let sum = sum % 1021;
    Some([PAIR[sum >> 5], PAIR[sum & 31]])
}

fn primes() -> impl Iterator<Item = usize> {
    (2_usize..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0))
}

/// Whether `text` is an NHS number: ten digits of which the last is the modulo 11 check of the
/// others (NHS Data Dictionary, NHS NUMBER).
pub fn is_nhs_number(text: &[u8]) -> bool {
    if text.len() != 10 {
        return false;
    }
    let mut sum = 0_u32;
    for (byte, weight) in text.iter().zip((2..=10_u32).rev()) {
        let Some(value) = character::digit(*byte) else { return false };
        sum += u32::from(value) * weight;
    }
    // A remainder that asks for the digit 10 is not used, and no digit is 10.
    let expected = (11 - sum % 11) % 11;
    character::digit(text[9]).is_some_and(|last| u32::from(last) == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        for (text, expected) in [("629104150021", Some(3)), ("950110153100", Some(0)), ("x", None)]
        {
            assert_eq!(digit(text.as_bytes()), expected, "{text}");
        }
        assert!(is_valid(b"96385074"));
        assert!(!is_valid(b"96385075"));
        assert!(!is_valid(b"0") && !is_valid(b""));
    }

    #[test]
    fn check_pairs() {
        assert_eq!(pair(b"1987654Ad4X4bL5ttr2310c"), Some(*b"2K"));
        assert_eq!(pair(b"!!"), Some(*b"22"));
        assert_eq!(pair(&[b'1'; MAX_PAIR_CHARACTERS + 1]), None);
    }

    #[test]
    fn nhs_numbers() {
        assert!(is_nhs_number(b"9990000018"));
        for wrong in ["9990000019", "999000001", "99900000180", "999000001x", ""] {
            assert!(!is_nhs_number(wrong.as_bytes()), "{wrong}");
        }
    }
}
