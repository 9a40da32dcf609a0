//! Which bonds of a graph a cluster update may join, 32 bonds at a time.

use super::lanes::U32x8;
use super::word::{Word, dispatch, philox};

/// Where the numbers of a sweep are: bond b takes word b % 4 of the Philox block (b / 4, `counter`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct BondDraws {
    /// Counter words behind the block's number.
    pub(crate) counter: [u32; 3],
    /// Philox key.
    pub(crate) key: [u32; 2],
    /// A bond is drawn if its word is below: 0 to 2³².
    pub(crate) threshold: u64,
}

/// Bit i of `drawn[k]` is set if bond 32 (`first` + k) + i is drawn.
pub(crate) fn draw_bonds(draws: BondDraws, first: u32, drawn: &mut [u32]) {
    match draws.threshold.checked_sub(1) {
        None => drawn.fill(0),
        Some(last) => draw(draws, last as u32, first, drawn),
    }
}

dispatch! {
    fn draw(draws: BondDraws, last: u32, first: u32, drawn: &mut [u32]) = draw_words
}

#[inline(always)]
fn draw_words<W: Word>(draws: BondDraws, last: u32, first: u32, drawn: &mut [u32]) {
    let rest = draws.counter.map(W::splat);
    for (k, out) in drawn.iter_mut().enumerate() {
        let blocks = W::load(U32x8::count_from(8 * (first + k as u32)));
        let words = philox([blocks, rest[0], rest[1], rest[2]], draws.key).map(W::store);
        let mut bits = 0;
        for (place, word) in words.iter().enumerate() {
            for (lane, &word) in word.0.iter().enumerate() {
                bits |= u32::from(word <= last) << (4 * lane + place);
            }
        }
        *out = bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_blocks() {
        for threshold in [0, 1, 1_717_986_918, u64::from(u32::MAX), 1 << 32] {
            let draws = BondDraws { counter: [7, 8, 9], key: [1, 2], threshold };
            let mut drawn = [0; 5];
            draw_bonds(draws, 3, &mut drawn);
            for bond in 96..256u32 {
                let word = crate::rng::philox([bond / 4, 7, 8, 9], [1, 2])[(bond % 4) as usize];
                let bit = drawn[(bond / 32 - 3) as usize] >> (bond % 32) & 1;
                assert_eq!(bit == 1, u64::from(word) < threshold, "bond {bond}, threshold {threshold}");
            }
        }
    }
}
