//! Random choices that a seed repeats.

use std::ops::Range;

use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The generator of the actor `name`: a pure function of the seed and the name, so that what one
/// actor draws does not move what another one draws.
pub(crate) fn generator(seed: u64, name: &str) -> StdRng {
    // FNV-1a over the name, spread by the finaliser of SplitMix64.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ hash;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    StdRng::seed_from_u64(mixed ^ (mixed >> 31))
}

/// The draws that the actors make.
pub(crate) trait Chance {
    /// True `n` times in a thousand.
    fn per_mille(&mut self, n: u16) -> bool;
    /// A whole number of minutes.
    fn minutes(&mut self, range: Range<i64>) -> SignedDuration;
    /// One of a list that is not empty.
    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T;
}

impl Chance for StdRng {
    fn per_mille(&mut self, n: u16) -> bool {
        self.random_range(0..1000_u16) < n
    }

    fn minutes(&mut self, range: Range<i64>) -> SignedDuration {
        SignedDuration::from_secs(self.random_range(range.start * 60..range.end * 60))
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.random_range(0..list.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_draw_apart_and_repeat() {
        let draw = |seed, name| generator(seed, name).random_range(0..u64::MAX);
        assert_eq!(draw(7, "pas"), draw(7, "pas"));
        assert_ne!(draw(7, "pas"), draw(7, "epma"));
        assert_ne!(draw(7, "pas"), draw(8, "pas"));
    }
}
