//! Places of the bits that are set, for states of which few are: then adding the rows of weights of these bits takes
//! fewer additions than looking up tables for all of them.
//!
//! The sums are those of the tables to the last bit: a table's entry is the sum of a group's rows in their order, so the
//! rows of a group are added first here too, and empty groups add zero there. Which way is taken is therefore free to
//! depend on the states: on the share of bits that are set.

use super::columns::Columns;
use super::product::GROUPS;
use super::tile::TILE;

/// Words of a block of inputs: its weights for a tile, 32 KiB, stay near while all rows pass.
pub(super) const BLOCK_WORDS: usize = 8;

/// Inputs of a block.
pub(crate) const BLOCK_INPUTS: usize = BLOCK_WORDS * TILE;

/// Of this many bits, one may be set. A set bit costs some 10 cycles, most of them for branches that cannot be foreseen,
/// and half as much again for its place in the list; a word from tables costs 8 (AVX-512) to 17 (AVX2) whatever is in it.
pub(super) const RARE: u64 = 40;

/// Marks the first bit of a group.
const FIRST: u16 = 1 << 15;

/// Which of the groups an input of a word belongs to.
const GROUP_OF: [u8; TILE] = {
    let mut groups = [0; TILE];
    let mut g = 0;
    while g < GROUPS.len() {
        let mut k = 0;
        while k < GROUPS[g].1 {
            groups[GROUPS[g].0 + k] = g as u8;
            k += 1;
        }
        g += 1;
    }
    groups
};

/// Bits that are set, row after row and block after block of inputs; empty unless they are rare.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sparse {
    rows: usize,
    /// End of each row's places: `[blocks, rows]`, with a zero before them.
    ends: Vec<u32>,
    /// Place of an input in its block, marked where a group begins.
    places: Vec<u16>,
}

impl Sparse {
    /// Looks at all `columns`; whether they are sparse.
    pub(crate) fn set(&mut self, columns: Columns<'_>) -> bool {
        let ones: u64 = columns.words.iter().map(|word| u64::from(word.count_ones())).sum();
        if ones * RARE > 32 * columns.words.len() as u64 || u32::try_from(ones).is_err() {
            return false;
        }
        self.list(columns);
        true
    }

    /// Lists the bits of `columns`, however many.
    pub(super) fn list(&mut self, columns: Columns<'_>) {
        self.ends.clear();
        self.places.clear();
        self.rows = columns.rows;
        self.ends.push(0);
        let words = columns.words.len() / columns.rows.max(1);
        for first in (0..words).step_by(BLOCK_WORDS) {
            for r in 0..columns.rows {
                for w in first..words.min(first + BLOCK_WORDS) {
                    let mut rest = columns.words[w * columns.rows + r];
                    let mut group = u8::MAX;
                    while rest != 0 {
                        let k = rest.trailing_zeros() as usize;
                        let mark = if GROUP_OF[k] == group { 0 } else { FIRST };
                        group = GROUP_OF[k];
                        self.places.push((TILE * (w - first) + k) as u16 | mark);
                        rest &= rest - 1;
                    }
                }
                self.ends.push(self.places.len() as u32);
            }
        }
    }

    /// Places of row `r` in block `block`.
    #[inline(always)]
    pub(crate) fn places(&self, block: usize, r: usize) -> &[u16] {
        let at = block * self.rows + r;
        &self.places[self.ends[at] as usize..self.ends[at + 1] as usize]
    }

    /// Input of a place, and whether a group begins there.
    #[inline(always)]
    pub(crate) fn input(place: u16) -> (usize, bool) {
        (usize::from(place & !FIRST), place & FIRST != 0)
    }
}
