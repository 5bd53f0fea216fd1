//! A view of Rust source in which comments and literals are blank, so that a word in a comment or
//! a message is not taken for code. Lines keep their numbers and characters their columns.

/// The source with the insides of comments, strings and character literals replaced by spaces.
pub(super) fn code_only(text: &str) -> String {
    Blanker { bytes: text.as_bytes(), at: 0, out: Vec::with_capacity(text.len()) }.run()
}

/// [`code_only`], and items under `#[cfg(test)]` blank as well.
pub(super) fn code_outside_tests(text: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut code = code_only(text).into_bytes();
    let mut from = 0;
    while let Some(found) = find(&code, MARK.as_bytes(), from) {
        let end = end_of_item(&code, found + MARK.len());
        blank(&mut code[found..end]);
        from = end;
    }
    String::from_utf8(code).expect("blanking whole items keeps UTF-8 whole")
}

/// Where the item that begins at `from` ends: after its `;` or its closing brace.
fn end_of_item(code: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < code.len() {
        match code[at] {
            b';' => return at + 1,
            b'}' => return at,
            b'{' => return matching_brace(code, at).map_or(code.len(), |end| end + 1),
            // Brackets and parentheses may hold a `;` of their own, as in `[u8; 4]`.
            open @ (b'(' | b'[') => at = matching(code, at, open).unwrap_or(code.len()),
            _ => {}
        }
        at += 1;
    }
    code.len()
}

/// The index of the brace that closes the one at `open`, in code without literals and comments.
pub(super) fn matching_brace(code: &[u8], open: usize) -> Option<usize> {
    matching(code, open, b'{')
}

fn matching(code: &[u8], open: usize, opener: u8) -> Option<usize> {
    let closer = match opener {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    };
    let mut depth = 0_usize;
    for (offset, byte) in code.get(open..)?.iter().enumerate() {
        if *byte == opener {
            depth += 1;
        } else if *byte == closer {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(open + offset);
            }
        }
    }
    None
}

/// The line, counted from 1, of a byte offset.
pub(super) fn line_of(text: &[u8], offset: usize) -> usize {
    let before = &text[..offset.min(text.len())];
    1 + before.split(|byte| *byte == b'\n').skip(1).count()
}

/// Whether a byte may be part of a Rust name.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Offsets at which `word` stands in `text` as a name or path of its own, not inside a longer name.
pub(super) fn words(text: &str, word: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let first_is_word = word.bytes().next().is_some_and(is_word);
    let last_is_word = word.bytes().last().is_some_and(is_word);
    text.match_indices(word)
        .map(|(offset, _)| offset)
        .filter(|offset| {
            let before = offset.checked_sub(1).and_then(|index| bytes.get(index));
            let after = bytes.get(offset + word.len());
            let joined_before = first_is_word && before.is_some_and(|byte| is_word(*byte));
            let joined_after = last_is_word && after.is_some_and(|byte| is_word(*byte));
            !joined_before && !joined_after
        })
        .collect()
}

/// The first place of `needle` at or after `from`.
fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let tail = haystack.get(from..)?;
    tail.windows(needle.len()).position(|window| window == needle).map(|index| from + index)
}

/// Makes everything but line ends a space.
fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

struct Blanker<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

impl Blanker<'_> {
    fn run(mut self) -> String {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'/' if self.peek(1) == Some(b'/') => self.line_comment(),
                b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
                b'"' => self.string(),
                b'r' | b'b' | b'c' => match self.raw_prefix() {
                    Some(length) => self.raw_string(length),
                    None => self.keep(1),
                },
                b'\'' => self.quote(),
                _ => self.keep(1),
            }
        }
        String::from_utf8(self.out).expect("only whole characters are kept or blanked")
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn keep(&mut self, count: usize) {
        let end = (self.at + count).min(self.bytes.len());
        self.out.extend_from_slice(&self.bytes[self.at..end]);
        self.at = end;
    }

    fn blank_to(&mut self, end: usize) {
        let end = end.min(self.bytes.len());
        let from = self.out.len();
        self.out.extend_from_slice(&self.bytes[self.at..end]);
        blank(&mut self.out[from..]);
        self.at = end;
    }

    fn after_a_word(&self) -> bool {
        self.at.checked_sub(1).is_some_and(|index| is_word(self.bytes[index]))
    }

    fn line_comment(&mut self) {
        let end = find(self.bytes, b"\n", self.at).unwrap_or(self.bytes.len());
        self.blank_to(end);
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        let mut end = self.at;
        while end < self.bytes.len() {
            if self.bytes[end..].starts_with(b"/*") {
                depth += 1;
                end += 2;
            } else if self.bytes[end..].starts_with(b"*/") {
                depth -= 1;
                end += 2;
                if depth == 0 {
                    break;
                }
            } else {
                end += 1;
            }
        }
        self.blank_to(end);
    }

    fn string(&mut self) {
        self.keep(1);
        let mut end = self.at;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.blank_to(end);
        self.keep(1);
    }

    /// How many letters (`r`, `br`, `cr`) open a raw string here, or `None` when none begins.
    fn raw_prefix(&self) -> Option<usize> {
        let length = if self.peek(0) == Some(b'r') { 1 } else { 2 };
        let begins = self.peek(length - 1) == Some(b'r') && !self.after_a_word();
        (begins && self.raw_hashes(length).is_some()).then_some(length)
    }

    /// The number of `#` of a raw string whose hashes begin `ahead`, or `None` when it is none.
    fn raw_hashes(&self, ahead: usize) -> Option<usize> {
        let rest = self.bytes.get(self.at + ahead..)?;
        let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
        (rest.get(hashes) == Some(&b'"')).then_some(hashes)
    }

    fn raw_string(&mut self, ahead: usize) {
        let hashes = self.raw_hashes(ahead).expect("the caller saw a raw string");
        self.keep(ahead + hashes + 1);
        let closer: Vec<u8> = std::iter::once(b'"').chain(vec![b'#'; hashes]).collect();
        let end = find(self.bytes, &closer, self.at).unwrap_or(self.bytes.len());
        self.blank_to(end);
        self.keep(closer.len());
    }

    /// A character literal is blanked, a lifetime or label is kept.
    fn quote(&mut self) {
        let end = match (self.peek(1), self.peek(2)) {
            (Some(b'\\'), _) => find(self.bytes, b"'", self.at + 3),
            (Some(first), Some(b'\'')) if first < 0x80 => Some(self.at + 2),
            (Some(first), _) if first >= 0x80 => find(self.bytes, b"'", self.at + 2),
            _ => None,
        };
        self.keep(1);
        if let Some(end) = end {
            self.blank_to(end);
            self.keep(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        assert_eq!(code_only(source), expected);
    }

    #[test]
    fn comments_and_literals_are_blank_and_columns_stay() {
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"f("x\"y", z)"#, r#"f("    ", z)"#);
        check("r#\"a\"b\"# + c", "r#\"   \"# + c");
        check("br\"a{\" + c", "br\"  \" + c");
        check("b\"a{\" + c", "b\"  \" + c");
        check("'{' + '\\'' + 'é'", "' ' + '  ' + '  '");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("car\"x\"", "car\" \"");
    }

    #[test]
    fn text_that_ends_early_is_read_to_its_end() {
        for source in ["\"abc", "/* abc", "r#\"abc", "'", "b'", "\"\\", "// a"] {
            assert_eq!(code_only(source).len(), source.len(), "{source}");
        }
    }

    #[test]
    fn items_under_cfg_test_are_blank() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { c(); }\n}\nfn d() {}\n";
        let code = code_outside_tests(source);
        assert!(code.contains("fn a()") && code.contains("fn d()"), "{code}");
        assert!(!code.contains("fn b()"), "{code}");
        assert_eq!(code.lines().count(), source.lines().count());
        let code = code_outside_tests("#[cfg(test)]\nmod tests;\nfn d() {}");
        assert!(!code.contains("tests") && code.contains("fn d()"), "{code}");
        let code = code_outside_tests("#[cfg(test)]\nconst A: [u8; 2] = [1, 2];\nfn d() {}");
        assert!(!code.contains("const") && code.contains("fn d()"), "{code}");
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(words("rand::x brand::y rand", "rand"), [0, 17]);
        assert_eq!(words("std::fs std::fsx", "std::fs"), [0]);
        assert_eq!(words("SELECT a", "SELECT "), [0]);
    }
}
