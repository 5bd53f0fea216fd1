//! Finding products by name, for people who type.
//!
//! VTMs, VMPs and AMPs are found; packs are found through their products. Every word of the query
//! has to be in the name, the last one may be a beginning. Where nothing matches as typed, words
//! with a letter wrong count as well, and where that is not enough either, with two.

use std::collections::BTreeMap;

use crate::data::Data;
use crate::fuzzy;
use crate::index::{Index, Product};
use crate::kinds::Kind;
use crate::rows::At;
use crate::words;

/// The most hits of one search.
pub const MAX_HITS: usize = 200;
/// The longest query that is looked at, in bytes; what is behind is not.
pub const MAX_QUERY_BYTES: usize = 256;

/// A product that a search found.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// The product.
    pub product: Product<'a>,
    /// Whether a word of the query was taken for one that is nearly the same.
    pub nearly: bool,
}

/// Words and where they are.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Products in the order in which they are shown.
    items: Vec<(Kind, u32)>,
    /// All words, sorted.
    words: Vec<String>,
    /// Where each word's run of items begins; one more than there are words.
    begins: Vec<u32>,
    places: Vec<u32>,
}

impl Search {
    pub(crate) fn new(data: &Data) -> Self {
        let mut items: Vec<(bool, Kind, u32, &str, u32)> = Vec::new();
        let mut add = |kind: Kind, at: usize, invalid: bool, name| {
            let name = data.text(name);
            // Short names are the plain ones.
            items.push((invalid, kind, At::new(name.len()).raw(), name, At::new(at).raw()));
        };
        for (at, row) in data.vtms.iter().enumerate() {
            add(Kind::Vtm, at, row.invalid, row.name);
        }
        for (at, row) in data.vmps.iter().enumerate() {
            add(Kind::Vmp, at, row.invalid, row.name);
        }
        for (at, row) in data.amps.iter().enumerate() {
            add(Kind::Amp, at, row.invalid, row.description);
        }
        items.sort_unstable();
        let mut places_of: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (at, (_, _, _, name, _)) in items.iter().enumerate() {
            let at = At::new(at).raw();
            words::each(name, |word| {
                if let Some(places) = places_of.get_mut(word) {
                    if places.last() != Some(&at) {
                        places.push(at);
                    }
                } else {
                    places_of.insert(word.to_owned(), vec![at]);
                }
            });
        }
        let mut search = Self {
            items: items.iter().map(|(_, kind, _, _, at)| (*kind, *at)).collect(),
            begins: vec![0],
            ..Self::default()
        };
        for (word, places) in places_of {
            search.places.extend(places);
            search.words.push(word);
            search.begins.push(At::new(search.places.len()).raw());
        }
        search
    }

    /// The words that begin with `word`, or are it.
    fn as_typed(&self, word: &str, is_prefix: bool) -> std::ops::Range<usize> {
        let begin = self.words.partition_point(|known| known.as_str() < word);
        let length = self.words[begin..].partition_point(|known| {
            if is_prefix { known.starts_with(word) } else { known == word }
        });
        begin..begin + length
    }

    /// Marks the items that have one of the words.
    fn mark(&self, words: impl Iterator<Item = usize>, marked: &mut [u64]) {
        for word in words {
            let (begin, end) = (self.begins[word] as usize, self.begins[word + 1] as usize);
            for place in &self.places[begin..end] {
                marked[*place as usize / 64] |= 1 << (place % 64);
            }
        }
    }

    /// The items that have every word of the query, with at most so many letters wrong in each.
    fn matching(&self, query: &[String], most: usize) -> Vec<u64> {
        let length = self.items.len().div_ceil(64);
        let mut all = vec![u64::MAX; length];
        for (at, word) in query.iter().enumerate() {
            let is_prefix = at + 1 == query.len();
            let mut marked = vec![0_u64; length];
            self.mark(self.as_typed(word, is_prefix), &mut marked);
            // A word that is in some name is what was meant.
            let tolerance = fuzzy::tolerance(word).min(most);
            if tolerance > 0 && self.as_typed(word, false).is_empty() {
                let words = fuzzy::near(&self.words, word, tolerance, is_prefix);
                self.mark(words.into_iter(), &mut marked);
            }
            for (all, marked) in all.iter_mut().zip(marked) {
                *all &= marked;
            }
        }
        all
    }
}

impl Index {
    /// Searches by name. At most `limit` hits, and never more than [`MAX_HITS`]: those whose name
    /// begins with the query's first word before others, substances before their products, and
    /// what is not to be used any more last.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Hit<'_>> {
        let limit = limit.min(MAX_HITS);
        let end = query.floor_char_boundary(MAX_QUERY_BYTES);
        let query = words::list(&query[..end]);
        if query.is_empty() || limit == 0 {
            return Vec::new();
        }
        let most = query.iter().map(|word| fuzzy::tolerance(word)).max().unwrap_or_default();
        for wrong in 0..=most {
            let nearly = wrong > 0;
            let matching = self.search.matching(&query, wrong);
            let found = self.best(&matching, &query[0], limit);
            if !found.is_empty() {
                let hits = found.into_iter().map(|item| {
                    let (kind, at) = self.search.items[item];
                    Hit { product: self.at(kind, at as usize), nearly }
                });
                return hits.collect();
            }
        }
        Vec::new()
    }

    /// The first items that are marked, those first that begin with the word. The order of the
    /// items does the rest.
    fn best(&self, marked: &[u64], first: &str, limit: usize) -> Vec<usize> {
        let (mut begin, mut other) = (Vec::new(), Vec::new());
        'all: for (block, bits) in marked.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let item = block * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let Some((kind, at)) = self.search.items.get(item) else { break 'all };
                let name = self.at(*kind, *at as usize).name();
                let begins =
                    name.get(..first.len()).is_some_and(|start| start.eq_ignore_ascii_case(first));
                if begins {
                    begin.push(item);
                } else if other.len() < limit {
                    other.push(item);
                }
                if begin.len() == limit {
                    break 'all;
                }
            }
        }
        begin.extend(other);
        begin.truncate(limit);
        begin
    }
}
