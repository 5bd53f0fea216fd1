//! Words that are nearly the one that was typed.
//!
//! The vocabulary is sorted, so the table of edit distances (Levenshtein) of a word shares its
//! first rows with that of the word before it, and a beginning that is already too far away takes
//! all words that begin with it out at once.

/// The longest word that is compared, in characters. A longer one is found only as it stands.
const MAX_LETTERS: usize = 32;

/// How many letters may be wrong, left out, or too many in a word of this length. Numbers have to
/// be right: 5 mg is not nearly 50 mg.
pub(crate) fn tolerance(word: &str) -> usize {
    if word.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    match word.chars().count() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// The places of the words in `vocabulary` that are within `tolerance` of `word`, or that begin
/// with something that is, when `is_prefix`.
pub(crate) fn near(
    vocabulary: &[String],
    word: &str,
    tolerance: usize,
    is_prefix: bool,
) -> Vec<usize> {
    let wanted: Vec<char> = word.chars().collect();
    if tolerance == 0 || wanted.len() > MAX_LETTERS {
        return Vec::new();
    }
    let width = wanted.len() + 1;
    // rows[d] is the row after d letters of the current word.
    let mut rows: Vec<usize> = (0..width).collect();
    let mut letters: Vec<char> = Vec::new();
    let mut found = Vec::new();
    let mut skip: Option<Vec<char>> = None;
    for (at, candidate) in vocabulary.iter().enumerate() {
        let shared = shared_beginning(&letters, candidate);
        if skip.as_ref().is_some_and(|dead| shared >= dead.len()) {
            continue;
        }
        skip = None;
        letters.truncate(shared);
        rows.truncate((shared + 1) * width);
        let mut is_near = is_prefix && ends_near(&rows, width, tolerance);
        for letter in candidate.chars().skip(shared).take(MAX_LETTERS + tolerance) {
            if is_near {
                break;
            }
            letters.push(letter);
            let least = push_row(&mut rows, width, &wanted, letter);
            if least > tolerance {
                skip = Some(letters.clone());
                break;
            }
            is_near = is_prefix && rows.last().is_some_and(|last| *last <= tolerance);
        }
        let whole = letters.len() == candidate.chars().count();
        let at_end = whole && rows.last().is_some_and(|last| *last <= tolerance);
        if is_near || (skip.is_none() && at_end) {
            found.push(at);
        }
    }
    found
}

/// Whether one of the rows so far ends within the tolerance.
fn ends_near(rows: &[usize], width: usize, tolerance: usize) -> bool {
    rows.chunks(width).skip(1).any(|row| row.last().is_some_and(|last| *last <= tolerance))
}

fn shared_beginning(letters: &[char], word: &str) -> usize {
    letters.iter().zip(word.chars()).take_while(|(a, b)| **a == *b).count()
}

/// Adds the row of one more letter and says the least distance in it.
fn push_row(rows: &mut Vec<usize>, width: usize, wanted: &[char], letter: char) -> usize {
    let above = rows.len() - width;
    let mut left = rows[above] + 1;
    let mut least = left;
    rows.push(left);
    for (at, expected) in wanted.iter().enumerate() {
        let replaced = rows[above + at] + usize::from(*expected != letter);
        left = replaced.min(left + 1).min(rows[above + at + 1] + 1);
        least = least.min(left);
        rows.push(left);
    }
    least
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The plain definition, to compare with.
    fn distance(a: &str, b: &str) -> usize {
        let b: Vec<char> = b.chars().collect();
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.chars().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, y) in b.iter().enumerate() {
                let next = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
                diagonal = std::mem::replace(&mut row[j + 1], next);
            }
        }
        row[b.len()]
    }

    fn expected(vocabulary: &[String], word: &str, tolerance: usize, prefix: bool) -> Vec<usize> {
        let near = |candidate: &String| {
            let ends = candidate.char_indices().map(|(at, _)| at).skip(1);
            distance(candidate, word) <= tolerance
                || (prefix && { ends }.any(|end| distance(&candidate[..end], word) <= tolerance))
        };
        (0..vocabulary.len()).filter(|at| near(&vocabulary[*at])).collect()
    }

    proptest! {
        #[test]
        fn finds_what_the_definition_finds(
            mut vocabulary in prop::collection::vec("[ab]{1,6}", 0..40),
            word in "[abc]{1,6}",
            tolerance in 1..3_usize,
            prefix in any::<bool>(),
        ) {
            vocabulary.sort();
            vocabulary.dedup();
            prop_assert_eq!(
                near(&vocabulary, &word, tolerance, prefix),
                expected(&vocabulary, &word, tolerance, prefix)
            );
        }
    }

    #[test]
    fn numbers_have_to_be_right() {
        assert_eq!(tolerance("5000"), 0);
        assert_eq!(tolerance("abc"), 0);
        assert_eq!(tolerance("morphine"), 2);
    }
}
