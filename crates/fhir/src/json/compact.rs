//! JSON without the space between its parts.

/// Appends JSON without the space between its parts. Strings and numbers stay as they were
/// written. The text must be JSON; what is not is passed on as it is, less its space.
pub(crate) fn compact(json: &str, out: &mut String) {
    let bytes = json.as_bytes();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b' ' | b'\n' | b'\r' | b'\t' => {
                out.push_str(&json[start..at]);
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&json[start..]);
}

/// The first byte after the string that begins here.
pub(crate) fn end_of_string(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let mut out = String::new();
        compact(json, &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn only_the_space_between_parts_goes() {
        check(" { \"a b\" :\t[ 1.0 ,\r\n \"\\\" \\\\\" ] } \n", "{\"a b\":[1.0,\"\\\" \\\\\"]}");
        check("\" é \"", "\" é \"");
        check("", "");
        check("\"open \\", "\"open \\");
    }
}
