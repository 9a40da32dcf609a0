//! The product of bits and weights by table look-up: x_r = c + Σ_{j: v_rj = 1} w_j for many rows of bits.
//!
//! Bits need no multiplication. For a tile of 32 columns and one word of 32 inputs, the partial sums of six groups of
//! neighbouring rows of weights are tabulated, one vector add an entry; every row of bits then adds one entry of each
//! group ("four Russians", Arlazarov, Dinic, Kronrod, Faradzhev 1970): 6 additions for 32 inputs. The tables of a word
//! are 32 KiB, which first-level caches hold; the words and the sums of up to [`BLOCK`] rows stream past them. The order
//! of additions of an output depends on the number of inputs alone, so a row's result does not depend on which rows are
//! computed beside it, or on which thread. Where few bits are set, their rows of weights are added instead, to the same
//! sums ([`super::sparse`]).

use super::columns::Columns;
use super::sparse::{BLOCK_INPUTS, Sparse};
use super::tile::{Instructions, TILE, Tile};

/// Groups of the inputs of a word: first input, number of inputs, place of its table. Two of six and four of five inputs
/// use up a word with 256 entries; eight groups of four would need a third more additions for half the entries.
pub(crate) const GROUPS: [(usize, usize, usize); 6] =
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
        Self { tables: vec![Tile::ZERO; ENTRIES], partial: vec![Tile::ZERO; BLOCK] }
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

/// `sums` and the entries that `word` picks.
#[inline(always)]
fn look_up(mut sums: Tile, tables: &[Tile; ENTRIES], word: u32) -> Tile {
    for (first, inputs, table) in GROUPS {
        let entry = (word >> first) as usize & ((1 << inputs) - 1);
        sums.add(&tables[table + entry]);
    }
    sums
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

/// Adds the rows of weights at `places`, those of a group first among themselves.
#[inline(always)]
fn add_rows(sums: &mut Tile, weights: &[Tile], places: &[u16]) {
    let mut group = Tile::ZERO;
    for &place in places {
        let (input, first) = Sparse::input(place);
        if first {
            sums.add(&group);
            group = weights[input];
        } else {
            group.add(&weights[input]);
        }
    }
    sums.add(&group);
}

impl Workspace {
    /// Products of `count` rows from `first` on with the `[inputs]` rows of 32 weights, added to `start`; `finish` takes
    /// each row's sums.
    #[inline(always)]
    pub(crate) fn product<S: Instructions>(
        &mut self,
        weights: &[Tile],
        rows: Columns<'_>,
        first: usize,
        count: usize,
        start: Tile,
        mut finish: impl Finish,
    ) {
        let (inputs, passes) = (weights.len(), weights.len().div_ceil(TILE));
        let tables: &mut [Tile; ENTRIES] = self.tables.as_mut_slice().try_into().expect("made so");
        for begin in (0..count).step_by(BLOCK) {
            let count = BLOCK.min(count - begin);
            let partial = &mut self.partial[..count];
            if let Some(sparse) = rows.sparse {
                for (block, weights) in weights.chunks(BLOCK_INPUTS).enumerate() {
                    let last = (block + 1) * BLOCK_INPUTS >= inputs;
                    for (r, sums) in partial.iter_mut().enumerate() {
                        let mut next = if block == 0 { start } else { *sums };
                        add_rows(&mut next, weights, sparse.places(block, first + begin + r));
                        if last {
                            finish.finish::<S>(begin + r, next);
                        } else {
                            *sums = next;
                        }
                    }
                }
                continue;
            }
            for (w, weights) in weights.chunks(TILE).enumerate() {
                build(tables, weights);
                let words = rows.column(w, first + begin, count);
                match (w == 0, w + 1 == passes) {
                    (true, true) => {
                        for (r, &word) in words.iter().enumerate() {
                            finish.finish::<S>(begin + r, look_up(start, tables, word));
                        }
                    }
                    (true, false) => {
                        for (sums, &word) in partial.iter_mut().zip(words) {
                            *sums = look_up(start, tables, word);
                        }
                    }
                    (false, false) => {
                        for (sums, &word) in partial.iter_mut().zip(words) {
                            *sums = look_up(*sums, tables, word);
                        }
                    }
                    (false, true) => {
                        for (r, (sums, &word)) in partial.iter().zip(words).enumerate() {
                            finish.finish::<S>(begin + r, look_up(*sums, tables, word));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::columns::exchange;
    use crate::backend::cpu::sparse::few;
    use crate::backend::cpu::tile::kernel;
    use crate::bits::BitMatrix;
    use crate::rng::{Stream, uniform, unit_word};

    struct Keep<'a>(&'a mut [Tile]);

    impl Finish for Keep<'_> {
        fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
            self.0[row] = sums;
        }
    }

    kernel! {
        fn sums<S>(work: &mut Workspace, weights: &[Tile], rows: Columns<'_>, first: usize, start: Tile, out: &mut [Tile]) {
            let count = out.len();
            work.product::<S>(weights, rows, first, count, start, Keep(out));
        }
    }

    fn number(k: usize) -> f32 {
        uniform(unit_word(1, Stream::Sequence, 0, 0, k as u32))
    }

    /// Tables and set bits give the same bits, and the sum of each output to the rounding of f32: γ_n (|c| + Σ|w|).
    #[test]
    fn tables_and_set_bits_give_the_same_sums() {
        for (rows, inputs, density) in
            [(1, 1, 1.0), (5, 31, 0.3), (40, 33, 0.04), (1100, 64, 0.5), (9, 1100, 0.01), (3, 513, 1.0)]
        {
            let states = BitMatrix::from_fn(rows, inputs, |r, j| number(7 + r * inputs + j) < density);
            let weights: Vec<Tile> =
                (0..inputs).map(|j| Tile(std::array::from_fn(|i| number(99 + 32 * j + i) - 0.4))).collect();
            let mut words = vec![0; states.words().len()];
            exchange(states.words(), states.words_per_row(), &mut words);
            let (mut work, mut sparse) = (Workspace::default(), Sparse::default());
            let start = Tile(std::array::from_fn(|i| number(3 + i) - 0.5));
            let mut tables = vec![Tile::ZERO; rows];
            sums(&mut work, &weights, Columns::new(&words, rows), 0, start, &mut tables);
            let columns = Columns::looked_at(&words, rows, &mut sparse);
            let ones: u64 = states.column_counts().iter().sum();
            assert_eq!(columns.sparse.is_some(), few(ones, states.words_per_row(), rows), "density {density}");
            // The set bits whatever their number, and a part of the rows alone.
            let first = rows / 3;
            let mut dense = Sparse::default();
            dense.list(columns);
            let columns = Columns { sparse: Some(&dense), ..columns };
            let mut listed = vec![Tile::ZERO; rows - first];
            sums(&mut work, &weights, columns, first, start, &mut listed);
            assert!(listed == tables[first..], "{rows} rows of {inputs}");
            for (r, found) in tables.iter().enumerate() {
                for (i, found) in found.0.iter().enumerate() {
                    let terms = (0..inputs).filter(|&j| states.get(r, j)).map(|j| f64::from(weights[j].0[i]));
                    let start = f64::from(start.0[i]);
                    let (sum, size) = terms.fold((start, start.abs()), |(s, a), w| (s + w, a + w.abs()));
                    let bound = inputs as f64 * 2f64.powi(-24) * 1.01 * size;
                    assert!((f64::from(*found) - sum).abs() <= bound, "{found} for {sum}");
                }
            }
        }
    }
}
