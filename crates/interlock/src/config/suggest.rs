//! How to mend what the reader of TOML does not understand.

/// The most characters of a value that are shown.
const MAX_VALUE_CHARS: usize = 60;

/// What is wrong, why, and what to do, by the message of the reader of TOML; `at` is the text at
/// which it stopped.
pub(super) fn mend(message: &str, at: &str) -> (String, String, String) {
    let shown = "write it as docs/operate.md and docs/channels.md show";
    let [what, why, remedy] = match quoted(message).as_slice() {
        [name, known @ ..] if message.starts_with("unknown field") => {
            [format!("`{name}`"), "there is no such key here".to_owned(), choose(name, known)]
        }
        [name, known @ ..] if message.starts_with("unknown variant") => {
            [format!("`{name}`"), "this is none of its values".to_owned(), choose(name, known)]
        }
        [name] if message.starts_with("missing field") => {
            [format!("`{name}`"), "it is missing".to_owned(), format!("write {name} = …")]
        }
        _ if message.starts_with("duplicate key") => {
            ["this key", "it is there twice", "keep one of the two"].map(str::to_owned)
        }
        _ if message.contains("socket address") => {
            let remedy = "write an address and a port, as \"0.0.0.0:2575\"".to_owned();
            [value(at), "this is no address to listen on".to_owned(), remedy]
        }
        _ if message.starts_with("invalid type") => {
            let (is, has) = message.split_once(", expected ").unwrap_or((message, "another"));
            let is = is.trim_start_matches("invalid type: ");
            let kind = is.split(['"', '`']).next().unwrap_or_default().trim();
            let why = format!("this is a {kind}, and it has to be {}", wanted(has));
            [value(at), why, shown.to_owned()]
        }
        _ if at.starts_with(['"', '\'']) => [value(at), message.to_owned(), shown.to_owned()],
        _ => ["this cannot be read".to_owned(), message.to_owned(), shown.to_owned()],
    };
    (what, why, remedy)
}

/// A value as it is written, where it is short.
fn value(at: &str) -> String {
    let short = (1..=MAX_VALUE_CHARS).contains(&at.chars().count()) && !at.contains('\n');
    if short { at.to_owned() } else { "this value".to_owned() }
}

/// What a value has to be, in words.
fn wanted(kind: &str) -> &str {
    match kind {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i64" => "a number",
        "a boolean" => "true or false",
        other => other,
    }
}

/// The words between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// What was meant, and what there is to choose from.
pub(super) fn choose(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("use one of: {}", known.join(", ")),
    }
}

/// The known word that differs the least, where no more than a third of it differs; else one that
/// begins with the word.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let scored = known.iter().map(|known| (distance(word, known), *known));
    let (steps, meant) = scored.min_by_key(|(steps, _)| *steps)?;
    let most = word.chars().count().max(3) / 3;
    let begun = || known.iter().copied().find(|known| word.len() > 2 && known.starts_with(word));
    (steps <= most).then_some(meant).or_else(begun)
}

/// How many letters have to be put in, left out, exchanged or swapped with the next one to make
/// one word of the other (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let other = usize::from(a[i - 1] != b[j - 1]);
            let mut steps = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + other);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                steps = steps.min(before_last[j - 2] + 1);
            }
            row.push(steps);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["accepts", "listen", "connect", "dialect", "direction"];
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(nearest(word, &known), expected, "{word}");
        };
        check("acepts", Some("accepts"));
        check("accetps", Some("accepts"));
        check("lsiten", Some("listen"));
        check("conect", Some("connect"));
        check("dialekt", Some("dialect"));
        check("conn", Some("connect"));
        check("port", None);
        check("", None);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn what_toml_says_becomes_what_to_do() {
        let check = |message: &str, expected: [&str; 3]| {
            let (what, why, remedy) = mend(message, "\"2575\"");
            assert_eq!([what.as_str(), why.as_str(), remedy.as_str()], expected);
        };
        check(
            "unknown field `lisen`, expected one of `listen`, `connect`",
            ["`lisen`", "there is no such key here", "did you mean `listen`?"],
        );
        check(
            "unknown variant `both`, expected `inbound` or `outbound`",
            ["`both`", "this is none of its values", "use one of: inbound, outbound"],
        );
        check("missing field `direction`", ["`direction`", "it is missing", "write direction = …"]);
        check(
            "invalid socket address syntax",
            [
                "\"2575\"",
                "this is no address to listen on",
                "write an address and a port, as \"0.0.0.0:2575\"",
            ],
        );
    }
}
