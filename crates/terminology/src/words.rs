//! Names and queries as words.

/// Calls `word` with each word of `text`: small letters and digits. Digits and letters are words
/// of their own, so that `500mg`, `500 mg` and `500MG` are the same; a point between digits
/// belongs to the number, and a comma between digits is not there (`20,000units`).
pub(crate) fn each(text: &str, mut word: impl FnMut(&str)) {
    let mut current = String::new();
    let mut is_number = false;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let before_digit = rest.peek().is_some_and(char::is_ascii_digit);
        if is_number && !current.is_empty() && before_digit && matches!(character, '.' | ',') {
            if character == '.' {
                current.push('.');
            }
            continue;
        }
        let is_digit = character.is_ascii_digit();
        if (is_digit != is_number || !character.is_alphanumeric()) && !current.is_empty() {
            word(&current);
            current.clear();
        }
        if character.is_alphanumeric() {
            is_number = is_digit;
            current.extend(character.to_lowercase().map(fold));
        }
    }
    if !current.is_empty() {
        word(&current);
    }
}

/// Letters that people type without their marks, as they stand in names of medicines.
fn fold(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        other => other,
    }
}

/// The words of `text`.
pub(crate) fn list(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each(text, |word| words.push(word.to_owned()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_names() {
        for (text, expected) in [
            ("Paracetamol 500mg tablets", &["paracetamol", "500", "mg", "tablets"][..]),
            ("2.5mg/5ml", &["2.5", "mg", "5", "ml"]),
            ("20,000units", &["20000", "units"]),
            ("Rosé (X-Y), 5. tablet", &["rose", "x", "y", "5", "tablet"]),
            ("..", &[]),
            ("", &[]),
        ] {
            assert_eq!(list(text), expected, "{text}");
        }
    }
}
