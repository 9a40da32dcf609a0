//! Updates all sites of one colour of 32 replicas, by tables of acceptance.
//!
//! Maths: the signs of a site's terms index its table; the spin is turned if U is below the entry, see
//! `crate::backend::tables`.
//! Shapes: spins `[sites]`, bit = replica; tables as in [`FlipTables`].
//! Random: U of site i, sweep t, replica r is word r % 4 of the Philox block (i, t, `IsingTable`, r / 4): eight blocks for
//! the 32 replicas of a word, computed side by side.
//! Class: exact.
//! Source: Zorn, Herrmann and Rebbi 1981.

use crate::backend::cpu::lanes::U32x8;
use crate::backend::cpu::word::{Word, dispatch, philox};
use crate::backend::tables::{ALWAYS, FlipTables};
use crate::rng::Stream;

/// 32 replicas in the order of their random numbers: place 8 q + l is replica 4 l + q.
#[derive(Debug, Clone)]
pub(crate) struct Lanes {
    /// Where the tables of each replica's temperature begin.
    tables: [u32; 32],
    /// Replicas that exist.
    valid: u32,
}

/// Replica at a place.
const fn replica(place: usize) -> u32 {
    (4 * (place % 8) + place / 8) as u32
}

/// Bit of the replica at each place.
const BITS: [u32; 32] = {
    let mut bits = [0; 32];
    let mut place = 0;
    while place < 32 {
        bits[place] = 1 << replica(place);
        place += 1;
    }
    bits
};

impl Lanes {
    /// At most 32 replicas with these numbers of temperatures.
    pub(crate) fn new(tables: &FlipTables, temperature_of: &[u32]) -> Self {
        let begin = |place| temperature_of.get(replica(place) as usize).map_or(0, |&t| t * tables.entries as u32);
        Self {
            tables: std::array::from_fn(begin),
            valid: temperature_of.iter().enumerate().fold(0, |all, (lane, _)| all | 1 << lane),
        }
    }
}

/// Where the numbers of a half-sweep are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableAddress {
    /// Philox key.
    pub(crate) key: [u32; 2],
    /// Sweep.
    pub(crate) sweep: u32,
    /// Number of the word of 32 replicas.
    pub(crate) word: u32,
}

dispatch! {
    /// Updates `sites`, which have no term in common.
    pub(crate) fn ising_table_half_sweep(
        tables: &FlipTables,
        sites: &[u32],
        lanes: &Lanes,
        address: TableAddress,
        spins: &mut [u32],
    ) = half_sweep
}

#[inline(always)]
fn half_sweep<W: Word>(tables: &FlipTables, sites: &[u32], lanes: &Lanes, address: TableAddress, spins: &mut [u32]) {
    let blocks = W::load(U32x8::count_from(8 * address.word));
    for &site in sites {
        let mut rest = &tables.program[tables.starts[site as usize] as usize..];
        let (first, terms) = (rest[0], rest[1]);
        rest = &rest[2..];
        let spin = spins[site as usize];
        let mut pattern = [0u32; 32];
        for digit in 0..terms {
            let (others, odd) = (rest[0] as usize & 3, rest[0] >> 2);
            let product = rest[1..=others].iter().fold(spin, |x, &i| x ^ spins[i as usize]);
            let negative = product ^ odd.wrapping_neg();
            let weight = 1 << digit;
            for (pattern, bit) in pattern.iter_mut().zip(&BITS) {
                *pattern |= if negative & bit == 0 { 0 } else { weight };
            }
            rest = &rest[1 + others..];
        }
        let counter = [W::splat(site), W::splat(address.sweep), W::splat(Stream::IsingTable as u32), blocks];
        let random: [u32; 32] = bytemuck::cast(philox(counter, address.key).map(W::store));
        let mut threshold = [0u32; 32];
        for place in 0..32 {
            let entry = lanes.tables[place].wrapping_add(first).wrapping_add(pattern[place]);
            threshold[place] = tables.thresholds[entry as usize];
        }
        let mut turned = 0;
        for place in 0..32 {
            let turns = random[place] < threshold[place] || threshold[place] == ALWAYS;
            turned |= if turns { BITS[place] } else { 0 };
        }
        spins[site as usize] = spin ^ (turned & lanes.valid);
    }
}
