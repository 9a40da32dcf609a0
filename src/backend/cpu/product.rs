//! The product of bits and weights by table look-up: x_r = Σ_{j: v_rj = 1} w_j for many rows of bits.
//!
//! Bits need no multiplication. For a tile of 32 columns and one word of 32 inputs, the partial sums of six groups of
//! neighbouring rows of weights are tabulated, one vector add an entry; every row of bits then adds one entry of each
//! group ("four Russians", Arlazarov, Dinic, Kronrod, Faradzhev 1970): 6 additions for 32 inputs. The tables of a word
//! are 32 KiB, which first-level caches hold; the words and the sums of up to [`BLOCK`] rows stream past them. The order
//! of additions of an output depends on the number of inputs alone, so a row's result does not depend on which rows are
//! computed beside it, or on which thread.

use super::columns::Columns;
use super::tile::{Instructions, TILE, Tile};

/// Groups of the inputs of a word: first input, number of inputs, place of its table. Two of six and four of five inputs
/// use up a word with 256 entries; eight groups of four would need a third more additions for half the entries.
const GROUPS: [(usize, usize, usize); 6] =
    [(0, 6, 0), (6, 6, 64), (12, 5, 128), (17, 5, 160), (22, 5, 192), (27, 5, 224)];

/// Entries of all tables of a word.
const ENTRIES: usize = 256;

/// Rows whose sums are kept between words: 128 KiB, a part of any second-level cache.
const BLOCK: usize = 1024;

/// Buffers kept between calls by each thread.
#[derive(Debug)]
pub(crate) struct Workspace {
    tables: Vec<Tile>,
    partial: Vec<Tile>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self { tables: vec![Tile::ZERO; ENTRIES], partial: Vec::new() }
    }
}

/// What becomes of a row's 32 sums.
///
/// A trait and no closure: only its method can be told to be inlined, and so be compiled for the instructions of the
/// kernel around it.
pub(crate) trait Finish {
    /// Takes the sums of row `row`, counted from the first one of the call.
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile);
}

/// Adds the entries that `word` picks.
#[inline(always)]
fn look_up(sums: &mut Tile, tables: &[Tile; ENTRIES], word: u32) {
    for (first, inputs, table) in GROUPS {
        let entry = (word >> first) as usize & ((1 << inputs) - 1);
        sums.add(&tables[table + entry]);
    }
}

/// Partial sums of up to 32 rows of weights: entry e is entry e without its top bit plus that bit's row. Entries that need
/// rows beyond the last are left as they are: bits beyond the last input are zero.
#[inline(always)]
fn build(tables: &mut [Tile; ENTRIES], weights: &[Tile]) {
    for (first, inputs, table) in GROUPS {
        let rows = &weights[first.min(weights.len())..(first + inputs).min(weights.len())];
        tables[table] = Tile::ZERO;
        for (bit, row) in rows.iter().enumerate() {
            let half = 1 << bit;
            for e in table..table + half {
                let mut sum = tables[e];
                sum.add(row);
                tables[e + half] = sum;
            }
        }
    }
}

impl Workspace {
    /// Products of `count` rows from `first` on with the `[inputs]` rows of 32 weights; `finish` takes each row's sums.
    #[inline(always)]
    pub(crate) fn product<S: Instructions>(
        &mut self,
        weights: &[Tile],
        rows: Columns<'_>,
        first: usize,
        count: usize,
        mut finish: impl Finish,
    ) {
        let passes = weights.len().div_ceil(TILE);
        let tables: &mut [Tile; ENTRIES] = self.tables.as_mut_slice().try_into().expect("made so");
        for begin in (0..count).step_by(BLOCK) {
            let count = BLOCK.min(count - begin);
            self.partial.clear();
            self.partial.resize(count, Tile::ZERO);
            for (w, weights) in weights.chunks(TILE).enumerate() {
                build(tables, weights);
                let words = rows.column(w, first + begin, count);
                if w + 1 < passes {
                    for (sums, &word) in self.partial.iter_mut().zip(words) {
                        let mut next = *sums;
                        look_up(&mut next, tables, word);
                        *sums = next;
                    }
                } else {
                    for (r, (sums, &word)) in self.partial.iter().zip(words).enumerate() {
                        let mut next = *sums;
                        look_up(&mut next, tables, word);
                        finish.finish::<S>(begin + r, next);
                    }
                }
            }
        }
    }
}
