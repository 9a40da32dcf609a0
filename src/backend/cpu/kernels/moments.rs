//! First and second moments of a block of states and their hidden means.
//!
//! Maths: ⟨v_j⟩, ⟨m_i⟩, ⟨v_j m_i⟩ with m_i = sig(x_i(v)), means over rows. The second is again a product of bits and
//! numbers: the bits are the transposed states `[n_visible, rows]`, the numbers are m `[rows, n_hidden]`; one more row of
//! ones gives ⟨m_i⟩.
//! Shapes: moments `[tiles, n_visible + 1, 32]`: tile-major, so that a task owns a contiguous piece.
//! Class: bounded: f32 sums over rows in row order.

use super::gibbs_half_step::{Side, inputs};
use crate::backend::cpu::lanes::{F32x8, Tile, map_tile, multiversion, sigmoid};
use crate::backend::cpu::product::{Finish, Rows, TILE, Weights, Workspace};

/// sig(x) of one tile for every row.
struct Means<'a> {
    hidden: &'a Side<'a>,
    tile: usize,
    stride: usize,
    means: &'a mut [f32],
}

impl Finish for Means<'_> {
    #[inline(always)]
    fn finish(&mut self, row: usize, sums: Tile) {
        let means = map_tile(inputs(sums, self.hidden, self.tile, 1.0), sigmoid);
        let place = &mut self.means[row * self.stride + self.tile * TILE..][..TILE];
        place.copy_from_slice(&bytemuck::cast::<Tile, [f32; TILE]>(means));
    }
}

/// Moments of one tile for every visible unit.
struct Products<'a> {
    scale: F32x8,
    accumulate: bool,
    moments: &'a mut [f32],
}

impl Finish for Products<'_> {
    #[inline(always)]
    fn finish(&mut self, row: usize, sums: Tile) {
        let place = &mut self.moments[row * TILE..][..TILE];
        for (sum, place) in sums.into_iter().zip(place.chunks_exact_mut(8)) {
            let old = if self.accumulate { F32x8::load(place) } else { F32x8::ZERO };
            (old + self.scale * sum).store(place);
        }
    }
}

multiversion! {
    /// Writes sig(x) of every row: `means` is `[rows, padded n_hidden]`.
    pub(crate) fn hidden_means(work: &mut Workspace, rows: Rows<'_>, hidden: &Side<'_>, means: &mut [f32]) {
        let stride = hidden.weights.stride;
        work.split(rows, hidden.weights.inputs);
        for tile in 0..hidden.units.div_ceil(TILE) {
            work.product(hidden.weights, tile, Means { hidden, tile, stride, means });
        }
    }
}

multiversion! {
    /// Combines moments of some rows of the transposed states with tile `tile` of the means: written times `scale`, or
    /// added to what is there when `accumulate` is set.
    pub(crate) fn products(
        work: &mut Workspace,
        transposed: Rows<'_>,
        means: Weights<'_>,
        tile: usize,
        scale: f32,
        accumulate: bool,
        moments: &mut [f32],
    ) {
        work.split(transposed, means.inputs);
        let scale = F32x8::splat(scale);
        work.product(means, tile, Products { scale, accumulate, moments });
    }
}

/// Packed rows exchanged with their bits, and a last row of ones: `[units + 1, rows]`.
pub(crate) fn transpose_with_ones(words: &[u32], words_per_row: usize, units: usize, out: &mut Vec<u32>) -> usize {
    let rows = words.len() / words_per_row;
    let per_row = rows.div_ceil(32);
    out.clear();
    out.resize((units + 1) * per_row, 0);
    for block in 0..per_row {
        let count = (rows - 32 * block).min(32);
        for w in 0..words_per_row {
            let mut square = [0u32; 32];
            for (k, word) in square.iter_mut().enumerate().take(count) {
                *word = words[(32 * block + k) * words_per_row + w];
            }
            transpose_square(&mut square);
            for (j, &word) in square.iter().enumerate().take(units.saturating_sub(32 * w)) {
                out[(32 * w + j) * per_row + block] = word;
            }
        }
        out[units * per_row + block] = u32::MAX >> (32 - count);
    }
    per_row
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
    use crate::bits::BitMatrix;

    #[test]
    fn transposition_agrees_with_the_plain_one() {
        for (rows, units) in [(1, 1), (31, 33), (32, 32), (70, 65)] {
            let states = BitMatrix::from_fn(rows, units, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
            let mut out = Vec::new();
            let per_row = transpose_with_ones(states.words(), states.words_per_row(), units, &mut out);
            let expected = states.transposed();
            assert_eq!(&out[..units * per_row], expected.words());
            let ones: u32 = out[units * per_row..].iter().map(|w| w.count_ones()).sum();
            assert_eq!(ones as usize, rows);
        }
    }
}
