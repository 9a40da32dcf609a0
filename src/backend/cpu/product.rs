//! The product of bits and weights by table look-up: x_r = Σ_{j: v_rj = 1} w_j for many rows of bits.
//!
//! Bits need no multiplication. For a tile of 32 columns, the 64 partial sums of 6 neighbouring rows of weights are
//! tabulated, one vector add an entry; every row of bits then adds one table entry for each 6 inputs ("four
//! Russians", Arlazarov, Dinic, Kronrod, Faradzhev 1970). Twelve groups are tabulated at a time (96 KiB, second-level
//! cache); rows of bits stream. The order of additions of an output depends on the number of inputs alone, so a row's
//! result does not depend on which rows are computed beside it, or on which thread.

use super::lanes::F32x8;

/// Columns of a tile: one packed word of outputs.
pub(crate) const TILE: usize = 32;
/// Inputs of a table.
const GROUP: usize = 6;
/// Tables built at a time.
const TABLES: usize = 12;

/// The 64 partial sums of 6 inputs for 32 columns.
pub(crate) type Table = [[F32x8; 4]; 1 << GROUP];

/// Buffers kept between calls by each thread.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    tables: Vec<Table>,
    groups: Vec<u8>,
    partial: Vec<[F32x8; 4]>,
}

/// A matrix `[inputs, columns]` of f32 whose rows are padded with zeros to whole tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// Row-major values.
    pub(crate) values: &'a [f32],
    /// Length of a row: a multiple of [`TILE`].
    pub(crate) stride: usize,
    /// Number of rows.
    pub(crate) inputs: usize,
}

/// Rows of packed bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Packed words, row after row.
    pub(crate) words: &'a [u32],
    /// Words of a row.
    pub(crate) words_per_row: usize,
}

impl Rows<'_> {
    /// Number of rows.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        self.words.len() / self.words_per_row
    }
}

/// What becomes of a row's 32 sums.
///
/// A trait and no closure: only its method can be told to be inlined, and so be compiled for the instructions of the
/// kernel around it.
pub(crate) trait Finish {
    /// Takes the sums of row `row`.
    fn finish(&mut self, row: usize, sums: [F32x8; 4]);
}

impl Workspace {
    /// Splits every row of bits into groups of 6; done once and used for all tiles of columns.
    #[inline(always)]
    pub(crate) fn split(&mut self, rows: Rows<'_>, inputs: usize) {
        let groups = inputs.div_ceil(GROUP);
        self.groups.resize(rows.count() * groups, 0);
        for (row, out) in rows.words.chunks_exact(rows.words_per_row).zip(self.groups.chunks_exact_mut(groups)) {
            // Bits not yet given out, lowest first, and how many there are.
            let (mut bits, mut left) = (0u64, 0u32);
            let mut words = row.iter();
            for group in out {
                if left < GROUP as u32 {
                    // Beyond the last word all bits are zero.
                    bits |= u64::from(words.next().copied().unwrap_or(0)) << left;
                    left += 32;
                }
                *group = bits as u8 & ((1 << GROUP) - 1);
                bits >>= GROUP;
                left -= GROUP as u32;
            }
        }
    }

    /// Products of the rows last given to [`Workspace::split`] with columns `32 · tile ..` of `weights`; `finish` takes
    /// each row's number and its 32 sums.
    #[inline(always)]
    pub(crate) fn product(&mut self, weights: Weights<'_>, tile: usize, mut finish: impl Finish) {
        let groups = weights.inputs.div_ceil(GROUP);
        let rows = self.groups.len() / groups;
        let passes = groups.div_ceil(TABLES);
        self.tables.resize(groups.min(TABLES), [[F32x8::ZERO; 4]; 1 << GROUP]);
        if passes > 1 {
            self.partial.clear();
            self.partial.resize(rows, [F32x8::ZERO; 4]);
        }
        for pass in 0..passes {
            let first = pass * TABLES;
            let count = TABLES.min(groups - first);
            for (g, table) in self.tables[..count].iter_mut().enumerate() {
                build(table, weights, (first + g) * GROUP, tile);
            }
            let tables = &self.tables[..count];
            for r in 0..rows {
                let indices = &self.groups[r * groups + first..][..count];
                let mut sum = if pass == 0 { [F32x8::ZERO; 4] } else { self.partial[r] };
                for (table, &index) in tables.iter().zip(indices) {
                    let entry = &table[usize::from(index & 63)];
                    for q in 0..4 {
                        sum[q] = sum[q] + entry[q];
                    }
                }
                if pass + 1 == passes {
                    finish.finish(r, sum);
                } else {
                    self.partial[r] = sum;
                }
            }
        }
    }
}

/// Partial sums of inputs `first .. first + 6` (zero beyond the last): entry e is entry e without its top bit plus that row.
#[inline(always)]
fn build(table: &mut Table, weights: Weights<'_>, first: usize, tile: usize) {
    table[0] = [F32x8::ZERO; 4];
    for bit in 0..GROUP {
        let mut row = [F32x8::ZERO; 4];
        if first + bit < weights.inputs {
            let values = &weights.values[(first + bit) * weights.stride + tile * TILE..][..TILE];
            for (q, lanes) in row.iter_mut().enumerate() {
                *lanes = F32x8::load(&values[8 * q..]);
            }
        }
        let half = 1 << bit;
        for e in 0..half {
            for q in 0..4 {
                table[half + e][q] = table[e][q] + row[q];
            }
        }
    }
}
