//! The character sets of GS1 values (GS1 General Specifications §7.11).

/// The value of an ASCII digit.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

/// Set 82 in its order, which the check pair counts by.
const SET_82: &[u8; 82] =
    b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// The place of a byte in character set 82.
pub(crate) fn place_in_82(byte: u8) -> Option<usize> {
    SET_82.iter().position(|known| *known == byte)
}

/// Whether a byte is in character set 39: digits, capitals, `#`, `-` and `/`.
pub(crate) fn is_39(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_uppercase() || matches!(byte, b'#' | b'-' | b'/')
}

/// Whether a byte is one of the URL-safe base 64 characters, padding not counted.
pub(crate) fn is_64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
