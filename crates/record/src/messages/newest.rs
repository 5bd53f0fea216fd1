//! The postings of the newest entries, in memory until their segment is whole.
//!
//! A message has a hundred terms, and a posting is eight bytes: a segment's would be some 15 MB.
//! Most terms stand in most messages, so sorted postings lie close together, and their differences
//! take two bytes each.

use super::block::{Bits, Blocks, Posting, entry_of, read_varint, term_of, write_varint};
use super::terms::{TERM_BITS, Term};

/// How many postings are kept as they come before they are packed: half a MiB.
const LOOSE: usize = 64 * 1024;

/// Postings of entries that follow one another, each there once.
#[derive(Debug, Default)]
pub(super) struct Newest {
    packs: Vec<Pack>,
    /// In the order of the entries.
    loose: Vec<Posting>,
    /// How many there are.
    count: usize,
}

/// Sorted postings: each as how much greater it is than the one before (varint).
#[derive(Debug)]
struct Pack(Box<[u8]>);

impl Newest {
    /// Takes the postings of the next entry.
    pub(super) fn take(&mut self, postings: impl ExactSizeIterator<Item = Posting>) {
        let room = LOOSE.max(postings.len());
        if self.loose.len() + postings.len() > room {
            self.loose.sort_unstable();
            self.packs.push(Pack::of(&self.loose));
            self.loose.clear();
        }
        // All of it at once: it is kept for the packs that follow.
        self.loose.reserve_exact(room - self.loose.len());
        self.count += postings.len();
        self.loose.extend(postings);
    }

    /// Lets go of all.
    pub(super) fn clear(&mut self) {
        self.packs.clear();
        self.loose.clear();
        self.count = 0;
    }

    /// The entries that have, of every group, at least one term. None where there are none, or
    /// where no group is given.
    pub(super) fn with(&self, groups: &[Vec<Term>]) -> Option<Bits> {
        let mut found: Vec<Bits> = groups.iter().map(|_| Bits::none()).collect();
        let of_group = |(group, terms): (usize, &Vec<Term>)| -> Vec<(Term, usize)> {
            terms.iter().map(|term| (*term, group)).collect()
        };
        let mut wanted: Vec<_> = groups.iter().enumerate().flat_map(of_group).collect();
        wanted.sort_unstable();
        for pack in &self.packs {
            let mut left = &wanted[..];
            for posting in pack.postings() {
                let term = term_of(posting);
                left = &left[left.partition_point(|(wanted, _)| *wanted < term)..];
                if left.is_empty() {
                    break;
                }
                for (_, group) in left.iter().take_while(|(wanted, _)| *wanted == term) {
                    found[*group].set(entry_of(posting));
                }
            }
        }
        for posting in &self.loose {
            let term = term_of(*posting);
            let from = wanted.partition_point(|(wanted, _)| *wanted < term);
            for (_, group) in wanted[from..].iter().take_while(|(wanted, _)| *wanted == term) {
                found[*group].set(entry_of(*posting));
            }
        }
        let mut found = found.into_iter();
        let mut all = found.next().filter(|bits| !bits.is_empty())?;
        found.all(|bits| all.keep(&bits)).then_some(all)
    }

    /// Puts all of them into `blocks`, sorted, a part of the terms at a time.
    pub(super) fn encode<E>(
        &self,
        blocks: &mut Blocks,
        mut take: impl FnMut(i64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut loose = self.loose.clone();
        loose.sort_unstable();
        let mut loose = loose.into_iter().peekable();
        let mut packs: Vec<_> = self.packs.iter().map(|pack| pack.postings().peekable()).collect();
        // Terms are hashes: they lie evenly.
        let parts = u64::try_from(self.count.div_ceil(LOOSE)).unwrap_or(u64::MAX);
        let mut part = Vec::with_capacity(LOOSE);
        for at in 1..=parts {
            let is_in = |posting: &Posting| term_of(*posting) < (at << TERM_BITS) / parts;
            for pack in &mut packs {
                part.extend(std::iter::from_fn(|| pack.next_if(is_in)));
            }
            part.extend(std::iter::from_fn(|| loose.next_if(is_in)));
            part.sort_unstable();
            blocks.add(&part, &mut take)?;
            part.clear();
        }
        blocks.end(&mut take)
    }
}

impl Pack {
    fn of(sorted: &[Posting]) -> Self {
        let mut bytes = Vec::with_capacity(sorted.len() * 3);
        let mut last = 0;
        for posting in sorted {
            write_varint(posting - last, &mut bytes);
            last = *posting;
        }
        Pack(bytes.into_boxed_slice())
    }

    fn postings(&self) -> impl Iterator<Item = Posting> {
        let mut rest = &*self.0;
        let mut last = 0;
        std::iter::from_fn(move || {
            last += read_varint(&mut rest)?;
            Some(last)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::super::block::{encode, posting};
    use super::*;

    /// The term with this number, somewhere among all that there are.
    fn term(number: u64) -> Term {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TERM_BITS)
    }

    /// Some common terms and some of its own for each entry.
    fn of_entry(entry: u16, own: u64, common: u64) -> Vec<Posting> {
        let own = (0..own).map(|n| 1_000 + u64::from(entry) * 64 + n);
        let numbers = own.chain((0..common).filter(|n| n % 3 != u64::from(entry) % 3));
        let terms: BTreeSet<Term> = numbers.map(term).chain([0, (1 << TERM_BITS) - 1]).collect();
        terms.into_iter().map(|term| posting(term, entry)).collect()
    }

    fn check(entries: u16, own: u64, common: u64) {
        let mut newest = Newest::default();
        let mut all = Vec::new();
        for entry in 0..entries {
            let postings = of_entry(entry, own, common);
            all.extend_from_slice(&postings);
            newest.take(postings.into_iter());
        }
        all.sort_unstable();
        let mut expected = Vec::new();
        let whole: Result<(), Infallible> = encode(5, &all, |key, body| {
            expected.push((key, body.to_vec()));
            Ok(())
        });
        let mut found = Vec::new();
        let parts: Result<(), Infallible> = newest.encode(&mut Blocks::of(5), |key, body| {
            found.push((key, body.to_vec()));
            Ok(())
        });
        assert!(
            whole.is_ok() && parts.is_ok() && found == expected,
            "{} {}",
            found.len(),
            all.len()
        );
        let asked: [&[&[u64]]; 6] = [
            &[&[1]],
            &[&[1, 2], &[3]],
            &[&[3], &[3, 4]],
            &[&[1_000, 1_064 * 2]],
            &[&[9_999_999]],
            &[],
        ];
        for groups in asked {
            let groups: Vec<Vec<Term>> =
                groups.iter().map(|group| group.iter().map(|n| term(*n)).collect()).collect();
            let has = |entry: u16| {
                !groups.is_empty()
                    && groups.iter().all(|group| {
                        group.iter().any(|term| all.binary_search(&posting(*term, entry)).is_ok())
                    })
            };
            let expected: Vec<usize> =
                (0..entries).rev().filter(|entry| has(*entry)).map(usize::from).collect();
            let found = newest.with(&groups);
            let found: Vec<usize> = found.iter().flat_map(Bits::newest_first).collect();
            assert_eq!(found, expected, "{groups:?}");
        }
        newest.clear();
        assert!(newest.with(&[vec![term(1)]]).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn packed_they_are_what_they_were(
            entries in 0_u16..3_000, own in 0_u64..64, common in 0_u64..64,
        ) {
            check(entries, own, common);
        }
    }

    #[test]
    fn an_entry_of_very_many_terms_is_taken_whole() {
        let mut newest = Newest::default();
        for entry in 0..3 {
            newest.take((0..100_000_u32).map(|n| posting(term(n.into()), entry)));
        }
        assert_eq!(newest.with(&[vec![term(99_999)]]).unwrap().newest_first().count(), 3);
    }

    #[test]
    fn a_segment_of_usual_messages_takes_a_third_of_its_postings() {
        let mut newest = Newest::default();
        for entry in 0..16_384 {
            newest.take(of_entry(entry, 16, 120).into_iter());
        }
        let packed: usize = newest.packs.iter().map(|pack| pack.0.len()).sum();
        assert!(newest.count > 1_500_000, "{}", newest.count);
        assert!(packed < newest.count * 3, "{packed} for {}", newest.count);
    }
}
