//! The product of bits and weights by table look-up: x_r = c + Σ_{j: v_rj = 1} w_j for many rows of bits.
//!
//! Bits need no multiplication. For a tile of 32 columns and one word of 32 inputs, the partial sums of six groups of
//! neighbouring rows of weights are tabulated, one vector add an entry; every row of bits then adds one entry of each
//! group ("four Russians", Arlazarov, Dinic, Kronrod, Faradzhev 1970): 6 additions for 32 inputs. The tables of a word
//! are 32 KiB, which first-level caches hold; the words and the sums of up to [`BLOCK`] rows stream past them, and the
//! weights of the next word are asked for meanwhile. The order of additions of an output depends on the number of inputs
//! alone, so a row's result does not depend on which rows are computed beside it, or on which thread. Where few bits are
//! set, their rows of weights are added instead, to the same sums ([`super::sparse`]).
//!
//! What bounds it: 1024 weights of a row take 12 loads of 64 bytes and as many additions, 2 loads and 2 stores of the sums
//! and some 20 operations for the places. On a processor that loads and adds 64 bytes a cycle (AMD EPYC, Zen 4) 12 loads
//! and additions alone were measured at 14.1 cycles, with the sums 17.1, with the tables' share at 500 rows 20.5, where
//! multiply-adds take 64. Tables of a word take 1070 cycles there by themselves, of which 1024 are their 512 stores.
//!
//! Other groups and tiles, measured by themselves in a small program, times the peak of multiply-adds (the same
//! processor, AVX-512, 2026-11-27). None is better by a tenth over a whole class of shapes but for 16 to 64 rows, where the
//! order of additions, and so the bits, would be others for these rows than for more:
//!
//! | groups, columns, words at a time; entries, KiB | 784 × 500: 16 rows | 64 | 100 | 500 | 1000 | 4096 | 64 × 64: 64 | 500 | 1000 |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | 6 6 5 5 5 5, 32, 1; 256, 32 | 0.57 | 1.47 | 1.78 | 2.60 | 2.85 | 2.80 | 1.55 | 2.72 | 3.20 |
//! | the same, 16, 1; 256, 16 | 0.45 | 1.14 | 1.44 | 2.28 | 2.49 | 2.44 | 1.35 | 2.44 | 2.80 |
//! | the same, 16, 2; 512, 32 | 0.46 | 1.31 | 1.67 | 2.67 | 2.96 | 2.92 | 1.43 | 3.12 | 3.44 |
//! | eight of 4, 32, 1; 128, 16 | 0.99 | 1.70 | 2.05 | 2.37 | 2.43 | 2.42 | 1.95 | 2.34 | 2.61 |
//! | eight of 4, 32, 2; 256, 32 | 0.90 | 1.73 | 2.07 | 2.40 | 2.57 | 2.60 | 2.09 | 2.81 | 3.14 |
//! | 7 7 6 6 6, 32, 1; 448, 56 | 0.38 | 1.21 | 1.52 | 2.72 | 3.02 | 2.96 | 1.23 | 2.54 | 3.05 |
//! | 7 7 6 6 6, 16, 1; 448, 28 | 0.34 | 1.10 | 1.39 | 2.39 | 2.56 | 2.58 | 1.16 | 2.53 | 3.17 |
//! | four of 8, 16, 1; 1024, 64 | 0.17 | 0.61 | 0.79 | 2.06 | 2.48 | 2.60 | 0.69 | 2.21 | 2.88 |
//!
//! Two words of 16 columns gain a tenth where there are no more, since the sums then stay in registers: a twentieth of an
//! update of 64 × 64. For few rows, tables of the first three inputs of each group with the other rows of weights added
//! under a mask (the same bits) take 690 cycles a word and 59 a row with AVX-512, 104 with AVX2: better than tables up to
//! 15 rows, where set bits are added one by one as fast.
//!
//! Tables are not kept over the steps of an update: those of 784 × 500 are 13 MB each way (25 words × 16 tiles × 32 KiB), those
//! of 64 × 64 128 KiB, and even from the second-level cache reading the 32 KiB of one takes as long as making them: 1057 cycles.

use super::columns::Columns;
use super::sparse::{BLOCK_INPUTS, Sparse};
use super::tile::{Instructions, TILE, Tile, kernel};

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

kernel! {
    /// Partial sums of up to 32 rows of weights, group after group; rows beyond the last are zero. A kernel of its own, so
    /// that its many registers are none of those around it.
    fn build<S>(tables: &mut [Tile; ENTRIES], weights: &[Tile]) {
        let padded: [Tile; TILE];
        let weights: &[Tile; TILE] = match weights.try_into() {
            Ok(all) => all,
            Err(_) => {
                padded = std::array::from_fn(|k| weights.get(k).copied().unwrap_or(Tile::ZERO));
                &padded
            }
        };
        for (first, inputs, table) in GROUPS {
            let (rows, table) = (&weights[first..], &mut tables[table..]);
            if inputs == 6 {
                S::tabulate::<6>(table, rows.first_chunk().expect("as many rows"));
            } else {
                S::tabulate::<5>(table, rows.first_chunk().expect("as many rows"));
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
            let mut after = weights;
            for (w, weights) in weights.chunks(TILE).enumerate() {
                after = &after[weights.len()..];
                build(tables, weights);
                // Those of the next word come from beyond the second-level cache where there are many.
                after.iter().take(TILE).for_each(S::fetch);
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
