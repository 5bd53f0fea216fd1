//! Text to tokens (FHIRPath N1 §12).

/// A token with the byte at which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) at: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name; `quoted` when it stood between backticks and so can be no keyword.
    Name { text: String, quoted: bool },
    /// A string without its escapes.
    Text(String),
    /// Digits with perhaps a point.
    Number(String),
    /// What follows an `@`.
    Temporal(String),
    /// What follows a `%`.
    Variable(String),
    /// What follows a `$`.
    Special(String),
    /// An operator or a bracket.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// Longer signs come before those that they begin with.
const SIGNS: &[&str] = &[
    "<=", ">=", "!=", "!~", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "&", "|",
    "<", ">", "=", "~",
];

/// What is wrong, and at which byte.
pub(crate) type Fault = (&'static str, usize);

/// Splits a text into tokens; the last one is the end.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { text, at: 0 };
    let mut found = Vec::new();
    loop {
        lexer.skip()?;
        let at = lexer.at;
        let kind = lexer.next()?;
        let end = kind == Kind::End;
        found.push(Token { kind, at });
        if end {
            return Ok(found);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

fn is_name(c: char, first: bool) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (!first && c.is_ascii_digit())
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip(&mut self) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let end = trimmed.find("*/").ok_or(("a comment has no end", self.at))?;
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn take(&mut self, wanted: impl Fn(usize, char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.char_indices().find(|(at, c)| !wanted(*at, *c));
        let end = end.map_or(rest.len(), |(at, _)| at);
        self.at += end;
        &rest[..end]
    }

    fn next(&mut self) -> Result<Kind, Fault> {
        let Some(first) = self.rest().chars().next() else {
            return Ok(Kind::End);
        };
        match first {
            '\'' => Ok(Kind::Text(self.quoted('\'')?)),
            '"' => Ok(Kind::Text(self.quoted('"')?)),
            '`' => Ok(Kind::Name { text: self.quoted('`')?, quoted: true }),
            '0'..='9' => Ok(Kind::Number(self.number())),
            '@' => {
                self.at += 1;
                Ok(self.temporal())
            }
            '%' => {
                self.at += 1;
                self.variable()
            }
            '$' => {
                self.at += 1;
                Ok(Kind::Special(self.take(|at, c| is_name(c, at == 0)).to_owned()))
            }
            c if is_name(c, true) => {
                let text = self.take(|at, c| is_name(c, at == 0)).to_owned();
                Ok(Kind::Name { text, quoted: false })
            }
            _ => self.sign(),
        }
    }

    fn sign(&mut self) -> Result<Kind, Fault> {
        let found = SIGNS.iter().find(|sign| self.rest().starts_with(**sign));
        let sign = *found.ok_or(("a character that means nothing here", self.at))?;
        self.at += sign.len();
        Ok(Kind::Sign(sign))
    }

    fn number(&mut self) -> String {
        let mut text = self.take(|_, c| c.is_ascii_digit()).to_owned();
        let mut after = self.rest().chars();
        // A point that no digit follows begins a call: `1.not()`.
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            text.push('.');
            text.push_str(self.take(|_, c| c.is_ascii_digit()));
        }
        text
    }

    fn temporal(&mut self) -> Kind {
        let date = self.take(|_, c| c.is_ascii_digit() || c == '-').to_owned();
        let mut text = date;
        if self.rest().starts_with('T') {
            self.at += 1;
            text.push('T');
            text.push_str(self.take(|_, c| c.is_ascii_digit() || c == ':'));
            let mut after = self.rest().chars();
            if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
                self.at += 1;
                text.push('.');
                text.push_str(self.take(|_, c| c.is_ascii_digit()));
            }
            if self.rest().starts_with('Z') {
                self.at += 1;
                text.push('Z');
            } else if self.has_offset() {
                text.push_str(&self.rest()[..6]);
                self.at += 6;
            }
        }
        Kind::Temporal(text)
    }

    fn has_offset(&self) -> bool {
        let bytes = self.rest().as_bytes();
        bytes.len() >= 6
            && matches!(bytes[0], b'+' | b'-')
            && bytes[3] == b':'
            && [1, 2, 4, 5].iter().all(|at| bytes[*at].is_ascii_digit())
    }

    fn variable(&mut self) -> Result<Kind, Fault> {
        let name = match self.rest().chars().next() {
            Some('`') => self.quoted('`')?,
            Some('\'') => self.quoted('\'')?,
            _ => self.take(|at, c| is_name(c, at == 0) || (at > 0 && c == '-')).to_owned(),
        };
        if name.is_empty() {
            Err(("a variable has no name", self.at))
        } else {
            Ok(Kind::Variable(name))
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let mut chars = self.rest().chars();
            let Some(c) = chars.next() else {
                return Err(("a string has no end", start));
            };
            self.at += c.len_utf8();
            if c == quote {
                return Ok(out);
            }
            if c == '\\' {
                self.escape(&mut out)?;
            } else {
                out.push(c);
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Fault> {
        let at = self.at;
        let c = self.rest().chars().next().ok_or(("a string has no end", at))?;
        self.at += c.len_utf8();
        let meant = match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            'u' => {
                let digits = self.rest().get(..4).ok_or(("\\u needs four digits", at))?;
                let code =
                    u32::from_str_radix(digits, 16).map_err(|_| ("\\u needs four digits", at))?;
                self.at += 4;
                char::from_u32(code).ok_or(("\\u names no character", at))?
            }
            // The standard names the quotes, the slash and the backslash; others stand for
            // themselves, with their backslash, as regular expressions in the field rely on it.
            '\'' | '"' | '`' | '/' | '\\' => c,
            other => {
                out.push('\\');
                other
            }
        };
        out.push(meant);
        Ok(())
    }
}
