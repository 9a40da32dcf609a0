//! The bonds of a graph, and which of them a cluster update may join, 32 bonds at a time.

use std::ops::Range;

use super::lanes::U32x8;
use super::word::{Word, dispatch, philox};
use crate::lattice::Graph;

/// The bonds of a graph, by number and by site.
#[derive(Debug, Clone)]
pub(super) struct Bonds {
    /// The lower site first, ascending by it.
    pub(super) pairs: Vec<(u32, u32)>,
    /// `around[offsets[i] .. offsets[i + 1]]`: neighbour and bond number; empty where they were not asked for.
    offsets: Vec<u32>,
    around: Vec<(u32, u32)>,
    /// Whether a bond is satisfied by parallel spins.
    ferromagnetic: bool,
}

impl Bonds {
    /// Bonds by number; `by_site` for those around a site too.
    pub(super) fn new(graph: &Graph, ferromagnetic: bool, by_site: bool) -> Self {
        let pairs: Vec<(u32, u32)> = graph.bond_pairs().into_iter().map(|(a, b)| (a as u32, b as u32)).collect();
        let mut bonds = Self { pairs, offsets: Vec::new(), around: Vec::new(), ferromagnetic };
        if by_site {
            let mut lists = vec![Vec::new(); graph.sites];
            for (bond, &(a, b)) in bonds.pairs.iter().enumerate() {
                lists[a as usize].push((b, bond as u32));
                lists[b as usize].push((a, bond as u32));
            }
            bonds.offsets.push(0);
            for list in lists {
                bonds.around.extend(list);
                bonds.offsets.push(bonds.around.len() as u32);
            }
        }
        bonds
    }

    pub(super) fn around(&self, site: u32) -> &[(u32, u32)] {
        &self.around[self.offsets[site as usize] as usize..self.offsets[site as usize + 1] as usize]
    }

    /// Numbers of the bonds whose lower site is one of `sites`.
    pub(super) fn of_lower_sites(&self, sites: &Range<usize>) -> Range<usize> {
        let before = |site: usize| self.pairs.partition_point(|&(a, _)| (a as usize) < site);
        before(sites.start)..before(sites.end)
    }

    pub(super) fn satisfied(&self, a: bool, b: bool) -> bool {
        (a == b) == self.ferromagnetic
    }

    /// Which of at most 32 bonds are satisfied, a bit each.
    pub(super) fn satisfied_of(&self, spins: &[bool], pairs: &[(u32, u32)]) -> u32 {
        let bit =
            |(i, &(a, b)): (usize, &(u32, u32))| u32::from(self.satisfied(spins[a as usize], spins[b as usize])) << i;
        pairs.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit)
    }
}

/// Where the numbers of a sweep are: bond b takes word b % 4 of the Philox block (b / 4, `counter`).
#[derive(Debug, Clone, Copy)]
pub(super) struct BondDraws {
    /// Counter words behind the block's number.
    pub(super) counter: [u32; 3],
    /// Philox key.
    pub(super) key: [u32; 2],
    /// A bond is drawn if its word is below: 0 to 2³².
    pub(super) threshold: u64,
}

/// Bit i of `drawn[k]` is set if bond 32 (`first` + k) + i is drawn.
pub(super) fn draw_bonds(draws: BondDraws, first: u32, drawn: &mut [u32]) {
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
