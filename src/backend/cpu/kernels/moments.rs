//! First and second moments of a block of states and their hidden means.
//!
//! Maths: ⟨v_j⟩, ⟨m_i⟩, ⟨v_j m_i⟩ with m_i = sig(x_i(v)), means over rows. The second is again a product of bits and
//! numbers: the bits are the transposed states `[n_visible, rows]`, the numbers are m `[rows, n_hidden]`; one more row of
//! ones gives ⟨m_i⟩.
//! Shapes: moments `[tiles, n_visible + 1, 32]`, means `[tiles, rows, 32]`: tile-major, so that a task owns a contiguous
//! piece; transposed states `[words of 32 rows, n_visible + 1]`.
//! Class: bounded: f32 sums over rows in row order.

use super::gibbs_half_step::Side;
use crate::backend::cpu::columns::Columns;
use crate::backend::cpu::functions::sigmoid;
use crate::backend::cpu::product::{Finish, Workspace};
use crate::backend::cpu::tile::{Instructions, TILE, Tile, kernel};

/// sig(x) of one tile for every row.
struct Means<'a> {
    means: &'a mut [Tile],
}

impl Finish for Means<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let mut means = sums;
        for k in 0..TILE {
            means.0[k] = sigmoid::<S>(sums.0[k]);
        }
        self.means[row] = means;
    }
}

/// Moments of one tile for every visible unit.
struct Products<'a> {
    scale: f32,
    accumulate: bool,
    moments: &'a mut [Tile],
}

impl Finish for Products<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let mut moments = if self.accumulate { self.moments[row] } else { Tile::ZERO };
        for k in 0..TILE {
            moments.0[k] = S::mul_add(self.scale, sums.0[k], moments.0[k]);
        }
        self.moments[row] = moments;
    }
}

kernel! {
    /// Writes sig(x) of a tile for the rows `first ..`, as many as there are `means`.
    pub(crate) fn hidden_means<S>(
        work: &mut Workspace,
        rows: Columns<'_>,
        first: usize,
        hidden: &Side<'_>,
        tile: usize,
        means: &mut [Tile],
    ) {
        let (bias, count) = (hidden.bias[tile], means.len());
        work.product::<S>(hidden.tile(tile), rows, first, count, bias, Means { means });
    }
}

kernel! {
    /// Combines the transposed states of units `first ..` with a tile's means: written times `scale` to the `moments` of
    /// these units, or added to what is there when `accumulate` is set.
    pub(crate) fn products<S>(
        work: &mut Workspace,
        transposed: Columns<'_>,
        first: usize,
        means: &[Tile],
        scale: f32,
        accumulate: bool,
        moments: &mut [Tile],
    ) {
        let count = moments.len();
        work.product::<S>(means, transposed, first, count, Tile::ZERO, Products { scale, accumulate, moments });
    }
}

/// States with rows and units exchanged, and one more unit that is always on: word b of unit j, the rows 32 b .., is at
/// `b · (units + 1) + j`.
pub(crate) fn transpose_with_ones(states: Columns<'_>, units: usize, out: &mut Vec<u32>) {
    let rows = states.rows;
    out.clear();
    out.resize(rows.div_ceil(32) * (units + 1), 0);
    for (block, out) in out.chunks_exact_mut(units + 1).enumerate() {
        let count = (rows - 32 * block).min(32);
        for (w, out) in out[..units].chunks_mut(32).enumerate() {
            let mut square = [0u32; 32];
            square[..count].copy_from_slice(states.column(w, 32 * block, count));
            transpose_square(&mut square);
            out.copy_from_slice(&square[..out.len()]);
        }
        out[units] = u32::MAX >> (32 - count);
    }
}

/// Number of rows in which each unit is on, from the transposed states.
pub(crate) fn count_ones(transposed: &[u32], units: usize, out: &mut [u32]) {
    out.fill(0);
    for words in transposed.chunks_exact(units + 1) {
        for (count, word) in out.iter_mut().zip(words) {
            *count += word.count_ones();
        }
    }
}

/// Transposes 32 × 32 bits in place (Warren, "Hacker's Delight", 7-3, for bit 0 = first column).
fn transpose_square(a: &mut [u32; 32]) {
    let mut width = 16;
    let mut mask = 0x0000_FFFFu32;
    while width > 0 {
        let mut k = 0;
        while k < 32 {
            let swap = (a[k] >> width ^ a[k + width]) & mask;
            a[k] ^= swap << width;
            a[k + width] ^= swap;
            k = (k + width + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::columns::exchange;
    use crate::bits::BitMatrix;

    #[test]
    fn transposition_agrees_with_the_plain_one() {
        for (rows, units) in [(1, 1), (31, 33), (32, 32), (70, 65)] {
            let states = BitMatrix::from_fn(rows, units, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
            let mut words = vec![0; states.words().len()];
            exchange(states.words(), states.words_per_row(), &mut words);
            let (mut out, mut counts) = (Vec::new(), vec![7; units]);
            transpose_with_ones(Columns::new(&words, rows), units, &mut out);
            count_ones(&out, units, &mut counts);
            for r in 0..rows {
                for j in 0..units {
                    assert_eq!(
                        out[r / 32 * (units + 1) + j] >> (r % 32) & 1 == 1,
                        states.get(r, j),
                        "row {r} unit {j}"
                    );
                }
            }
            let ones: u32 = out.chunks_exact(units + 1).map(|words| words[units].count_ones()).sum();
            assert_eq!(ones as usize, rows);
            assert_eq!(counts.iter().map(|&n| u64::from(n)).collect::<Vec<_>>(), states.column_counts());
        }
    }
}
