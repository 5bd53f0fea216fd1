//! Functions on strings (FHIRPath N1 §5.6 and its additions).

use super::regexes::regex;
use super::{Eval, EvalError, Items, Scope, single, whole, wrong};
use crate::ast::Expr;
use crate::function::Function;
use crate::value::Item;

type Maybe<'t> = Result<Option<Items<'t>>, EvalError>;

impl<'t> Eval<'_, 't> {
    /// The text of an argument; `None` for an empty one.
    fn text_argument(
        &self,
        arguments: &[Expr],
        at: usize,
        scope: &Scope<'_, 't>,
    ) -> Result<Option<String>, EvalError> {
        let items = self.argument(arguments, at, scope)?;
        match single(&items, "an argument")? {
            None => Ok(None),
            Some(item) => match item.text() {
                Some(text) => Ok(Some(text.into_owned())),
                None => wrong("an argument has to be a string"),
            },
        }
    }

    pub(super) fn string_function(
        &self,
        input: &[Item<'t>],
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Maybe<'t> {
        if function == Function::Join {
            return self.join(input, arguments, scope).map(Some);
        }
        if !is_string_function(function) {
            return Ok(None);
        }
        let Some(item) = single(input, function.name())? else {
            return Ok(Some(Vec::new()));
        };
        if item.system().is_none() {
            return Ok(Some(Vec::new()));
        }
        let Some(text) = item.text() else {
            return wrong(&format!("`{}` is for strings", function.name()));
        };
        self.spend(text.len() / 64)?;
        let found = match function {
            Function::Length => vec![whole(text.chars().count())],
            Function::Upper => self.made(text.to_uppercase())?,
            Function::Lower => self.made(text.to_lowercase())?,
            Function::Trim => self.made(text.trim().to_owned())?,
            Function::ToChars => text.chars().map(|c| Item::String(c.to_string().into())).collect(),
            Function::Substring => self.substring(&text, arguments, scope)?,
            Function::Replace | Function::ReplaceMatches => {
                self.replace(&text, function, arguments, scope)?
            }
            Function::Matches | Function::MatchesFull => {
                let Some(pattern) = self.text_argument(arguments, 0, scope)? else {
                    return Ok(Some(Vec::new()));
                };
                self.spend(text.len())?;
                let full = function == Function::MatchesFull;
                let pattern = if full { format!("^(?:{pattern})$") } else { pattern };
                let Some(pattern) = regex(&pattern) else {
                    return wrong("this is no regular expression");
                };
                vec![Item::Boolean(pattern.is_match(&text))]
            }
            _ => {
                let Some(argument) = self.text_argument(arguments, 0, scope)? else {
                    return Ok(Some(Vec::new()));
                };
                self.with_text(&text, function, &argument)?
            }
        };
        Ok(Some(found))
    }

    fn with_text(
        &self,
        text: &str,
        function: Function,
        argument: &str,
    ) -> Result<Items<'t>, EvalError> {
        let place = |found: Option<usize>| match found {
            Some(at) => whole(text[..at].chars().count()),
            None => Item::Integer(-1),
        };
        Ok(match function {
            Function::IndexOf => vec![place(text.find(argument))],
            Function::LastIndexOf => vec![place(text.rfind(argument))],
            Function::StartsWith => vec![Item::Boolean(text.starts_with(argument))],
            Function::EndsWith => vec![Item::Boolean(text.ends_with(argument))],
            Function::Contains => vec![Item::Boolean(text.contains(argument))],
            Function::Split => {
                self.spend(text.len())?;
                text.split(argument).map(|part| Item::String(part.to_owned().into())).collect()
            }
            Function::Encode | Function::Decode => {
                let found = if function == Function::Encode {
                    encode(text, argument)
                } else {
                    decode(text, argument)
                };
                found.map(|text| Item::String(text.into())).into_iter().collect()
            }
            Function::Escape => escape(text, argument).map_or(Ok(Vec::new()), |t| self.made(t))?,
            _ => unescape(text, argument).map_or(Ok(Vec::new()), |t| self.made(t))?,
        })
    }

    fn substring(
        &self,
        text: &str,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Result<Items<'t>, EvalError> {
        let integer = |at: usize| -> Result<Option<i64>, EvalError> {
            let items = self.argument(arguments, at, scope)?;
            match single(&items, "substring")?.and_then(Item::system) {
                None => Ok(None),
                Some(Item::Integer(value)) => Ok(Some(value)),
                Some(_) => wrong("substring needs Integers"),
            }
        };
        let Some(start) = integer(0)? else {
            return Ok(Vec::new());
        };
        let length = if arguments.len() > 1 { integer(1)? } else { None };
        let Some(start) = usize::try_from(start).ok().filter(|at| *at < text.chars().count())
        else {
            return Ok(Vec::new());
        };
        let length = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(0));
        self.made(text.chars().skip(start).take(length).collect())
    }

    fn replace(
        &self,
        text: &str,
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Result<Items<'t>, EvalError> {
        let pattern = self.text_argument(arguments, 0, scope)?;
        let substitution = self.text_argument(arguments, 1, scope)?;
        let (Some(pattern), Some(substitution)) = (pattern, substitution) else {
            return Ok(Vec::new());
        };
        // Each character may be replaced, so the length of the result is bounded before.
        let most = (text.len() + 1).saturating_mul(substitution.len() + 1);
        if most > self.context.limits.text {
            return Err(EvalError::TooCostly);
        }
        if function == Function::Replace {
            return self.made(text.replace(&pattern, &substitution));
        }
        if pattern.is_empty() {
            return self.made(text.to_owned());
        }
        let Some(pattern) = regex(&pattern) else {
            return wrong("this is no regular expression");
        };
        self.made(pattern.replace_all(text, substitution.as_str()).into_owned())
    }

    fn join(
        &self,
        input: &[Item<'t>],
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Result<Items<'t>, EvalError> {
        let separator = self.text_argument(arguments, 0, scope)?.unwrap_or_default();
        if input.is_empty() {
            return Ok(Vec::new());
        }
        let mut joined = String::new();
        for (at, item) in input.iter().enumerate() {
            let Some(text) = item.text() else {
                return wrong("`join` is for strings");
            };
            if at > 0 {
                joined.push_str(&separator);
            }
            joined.push_str(&text);
            if joined.len() > self.context.limits.text {
                return Err(EvalError::TooCostly);
            }
        }
        self.made(joined)
    }
}

fn is_string_function(function: Function) -> bool {
    matches!(
        function,
        Function::IndexOf
            | Function::LastIndexOf
            | Function::Substring
            | Function::StartsWith
            | Function::EndsWith
            | Function::Contains
            | Function::Upper
            | Function::Lower
            | Function::Replace
            | Function::Matches
            | Function::MatchesFull
            | Function::ReplaceMatches
            | Function::Length
            | Function::ToChars
            | Function::Trim
            | Function::Split
            | Function::Encode
            | Function::Decode
            | Function::Escape
            | Function::Unescape
    )
}

fn encode(text: &str, how: &str) -> Option<String> {
    match how {
        "base64" => Some(fhir::base64::encode(text.as_bytes())),
        "urlbase64" => {
            Some(fhir::base64::encode(text.as_bytes()).replace('+', "-").replace('/', "_"))
        }
        "hex" => {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
            Some(text.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
        }
        _ => None,
    }
}

fn decode(text: &str, how: &str) -> Option<String> {
    let bytes = match how {
        "base64" => decode_base64(text)?,
        "urlbase64" => decode_base64(&text.replace('-', "+").replace('_', "/"))?,
        "hex" => {
            let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
            if digits.len() % 2 == 1 {
                return None;
            }
            let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
            digits.chunks_exact(2).map(byte).collect::<Option<_>>()?
        }
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut bits = 0_u32;
    let mut count = 0;
    let mut out = Vec::with_capacity(digits.len());
    for c in digits.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(out)
}

/// Signs and what HTML writes for them; the first is last when reading.
const HTML: [(&str, &str); 5] =
    [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];

fn escape(text: &str, how: &str) -> Option<String> {
    match how {
        "html" => {
            Some(HTML.iter().fold(text.to_owned(), |all, (sign, name)| all.replace(sign, name)))
        }
        "json" => {
            let mut quoted = String::new();
            fhir::json::write_string(text, &mut quoted);
            Some(quoted[1..quoted.len() - 1].to_owned())
        }
        _ => None,
    }
}

fn unescape(text: &str, how: &str) -> Option<String> {
    match how {
        "html" => Some(
            HTML.iter().rev().fold(text.to_owned(), |all, (sign, name)| all.replace(name, sign)),
        ),
        "json" => {
            let quoted = format!("\"{text}\"");
            match fhir::json::Tree::parse(&quoted) {
                Ok(tree) => tree.root().as_str().map(str::to_owned),
                // Quotes that are not escaped are kept.
                Err(_) => Some(text.replace("\\\"", "\"")),
            }
        }
        _ => None,
    }
}
