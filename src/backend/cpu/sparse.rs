//! Places of the bits that are set, for states of which few are, or which are few: then adding the rows of weights of these
//! bits takes fewer additions than making tables and looking all bits up in them.
//!
//! The sums are those of the tables to the last bit: a table's entry is the sum of a group's rows in their order, so the
//! rows of a group are added first here too, and empty groups add zero there. Which way is taken is therefore free to
//! depend on the states: on their number and on the share of bits that are set.

use super::columns::Columns;
use super::product::GROUPS;
use super::tile::TILE;

/// Words of a block of inputs: its weights for a tile, 32 KiB, stay near while all rows pass.
pub(super) const BLOCK_WORDS: usize = 8;

/// Inputs of a block.
pub(crate) const BLOCK_INPUTS: usize = BLOCK_WORDS * TILE;

/// Cycles of a set bit, most of them for branches that cannot be foreseen; half as much again for its place in the list.
const BIT: u64 = 10;
/// Cycles of a word that is looked up, whatever is in it: 8 (AVX-512) to 17 (AVX2).
const WORD: u64 = 8;
/// Cycles of the tables of a word of inputs, 256 sums, whatever the number of rows. A Gibbs step at 784 × 500 with half of the
/// units on took 300, 312, 329 and 370 µs with tables for 1, 4, 8 and 16 chains (AMD EPYC, AVX-512, `cargo bench --bench rbm --
/// "few chains"`), and 30, 76 and 150 µs without for 1, 4 and 8.
const TABLES: u64 = 1500;
/// Rows from which tables cost little beside their use.
pub(super) const MANY: usize = 64;

/// Whether `ones` set bits in `words` words of each of `rows` rows are few enough to be added one by one.
pub(super) fn few(ones: u64, words: usize, rows: usize) -> bool {
    BIT * ones <= (WORD * rows as u64 + if rows < MANY { TABLES } else { 0 }) * words as u64
}

/// Most bits that are listed of `rows` rows of `words` words.
pub(super) fn most_listed(rows: usize, words: usize) -> usize {
    let bits = rows.saturating_mul(words).saturating_mul(TILE);
    if rows < MANY { bits } else { bits / (TILE * BIT as usize / WORD as usize) }
}

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
        let words = columns.words.len() / columns.rows.max(1);
        if !few(ones, words, columns.rows) || u32::try_from(ones).is_err() {
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
        if columns.rows < MANY {
            // Whatever bits will be set: a training that runs allocates nothing.
            self.places.reserve(TILE * columns.words.len());
        }
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
