//! Half-steps and moments of mean-field contrastive divergence: units hold their means, so that products are of numbers.
//!
//! Maths: `m_v` = sig(b + `m_h` Wᵀ), `m_h` = sig(c + `m_v` W); means over rows of `m_v`, `m_h` and `m_v` `m_h`, subtracted.
//! Shapes: means `[tiles, rows, 32]`, weights `[n_in, 32]` of the tile that is computed, moments `[n_visible + 1, 32]` of a
//! tile of hidden units, the last row for `m_h` alone.
//! Random: none.
//! Class: bounded: f32 sums over inputs, or over rows, in their order; the bits do not depend on which rows are beside.
//! Source: Welling and Hinton, "A new learning algorithm for mean field Boltzmann machines", ICANN 2002.
//!
//! The sums of [`ROWS`] rows stay in registers while all inputs pass, so that a weight that is loaded serves as many
//! multiply-adds; they are of all units of a tile at a time where registers are wide, and of halves where they are not.

use super::gibbs_half_step::Side;
use crate::backend::cpu::functions::sigmoid;
use crate::backend::cpu::tile::{Instructions, TILE, Tile, kernel};
use crate::backend::cpu::word::use_avx512;

/// Rows whose sums are in registers at a time.
const ROWS: usize = 4;

/// Sums of `R` rows for the units `first ..` of a tile.
type Sums<const R: usize, const U: usize> = [[f32; U]; R];

/// Adds one input's share to the sums: its weights times its value in every row.
#[inline(always)]
fn add<S: Instructions, const R: usize, const U: usize>(
    sums: &mut Sums<R, U>,
    values: [f32; R],
    weights: &Tile,
    first: usize,
) {
    for (sums, value) in sums.iter_mut().zip(values) {
        for (k, sum) in sums.iter_mut().enumerate() {
            *sum = S::mul_add(value, weights.0[first + k], *sum);
        }
    }
}

/// Sums of `R` rows that begin at row `row` of `inputs`, which has `rows` rows, for `U` units of a tile at a time.
#[inline(always)]
fn sums_of_rows<S: Instructions, const R: usize, const U: usize>(
    inputs: &[Tile],
    rows: usize,
    row: usize,
    weights: &[Tile],
    bias: &Tile,
    out: &mut [Tile],
) {
    for first in (0..TILE).step_by(U) {
        let mut start = [0.0; U];
        start.copy_from_slice(&bias.0[first..][..U]);
        let mut sums = [start; R];
        for (block, weights) in weights.chunks(TILE).enumerate() {
            let values: &[Tile; R] = inputs[block * rows + row..][..R].try_into().expect("as many rows");
            for (j, weights) in (0..TILE).zip(weights) {
                add::<S, R, U>(&mut sums, std::array::from_fn(|r| values[r].0[j]), weights, first);
            }
        }
        for (out, sums) in out.iter_mut().zip(&sums) {
            out.0[first..][..U].copy_from_slice(sums);
        }
    }
}

/// Sums over all rows of `R` neighbouring units of one tile of `inputs`, `unit` the first, times a tile of `means`.
#[inline(always)]
fn sums_of_units<S: Instructions, const R: usize, const U: usize>(
    inputs: &[Tile],
    unit: usize,
    means: &[Tile],
    out: &mut [Tile; R],
) {
    for first in (0..TILE).step_by(U) {
        let mut sums = [[0.0; U]; R];
        for (values, means) in inputs.iter().zip(means) {
            let values: &[f32; R] = values.0[unit..][..R].try_into().expect("as many units");
            add::<S, R, U>(&mut sums, *values, means, first);
        }
        for (out, sums) in out.iter_mut().zip(&sums) {
            out.0[first..][..U].copy_from_slice(sums);
        }
    }
}

kernel! {
    /// Writes the means of tile `tile` of a side for the rows `first ..` of `inputs`, the other side's means
    /// `[tiles, rows, 32]`; as many rows as `out` has.
    pub(crate) fn means_of_rows<S>(
        inputs: &[Tile],
        rows: usize,
        first: usize,
        side: &Side<'_>,
        tile: usize,
        out: &mut [Tile],
    ) {
        let (weights, bias, count) = (side.tile(tile), &side.bias[tile], out.len());
        if count < ROWS {
            for (r, out) in out.iter_mut().enumerate() {
                sums_of_rows::<S, 1, TILE>(inputs, rows, first + r, weights, bias, std::slice::from_mut(out));
            }
        } else {
            for begin in (0..count).step_by(ROWS) {
                // The last rows are computed with some before them once more, to the same bits.
                let begin = begin.min(count - ROWS);
                let out = &mut out[begin..][..ROWS];
                if use_avx512() {
                    sums_of_rows::<S, ROWS, TILE>(inputs, rows, first + begin, weights, bias, out);
                } else {
                    sums_of_rows::<S, ROWS, 16>(inputs, rows, first + begin, weights, bias, out);
                }
            }
        }
        for out in out {
            for k in 0..TILE {
                out.0[k] = sigmoid::<S>(out.0[k]);
            }
        }
    }
}

/// Subtracts `share` times the sums of one row of moments.
#[inline(always)]
fn subtract<S: Instructions>(moments: &mut Tile, sums: &Tile, share: f32) {
    for k in 0..TILE {
        moments.0[k] = S::mul_add(-share, sums.0[k], moments.0[k]);
    }
}

kernel! {
    /// Subtracts `share` times the sums over rows of the products of visible units `first ..` and a tile of hidden ones;
    /// `visible` are `[tiles, rows, 32]`, and the row of moments beyond the last of `n_visible` units is of `means` alone.
    pub(crate) fn subtract_products<S>(
        visible: &[Tile],
        n_visible: usize,
        first: usize,
        means: &[Tile],
        share: f32,
        moments: &mut [Tile],
    ) {
        let (rows, end) = (means.len(), first + moments.len());
        let mut unit = first;
        while unit < end.min(n_visible) {
            let inputs = &visible[unit / TILE * rows..][..rows];
            let out = &mut moments[unit - first..];
            if unit.is_multiple_of(ROWS) && unit + ROWS <= end.min(n_visible) {
                let mut sums = [Tile::ZERO; ROWS];
                if use_avx512() {
                    sums_of_units::<S, ROWS, TILE>(inputs, unit % TILE, means, &mut sums);
                } else {
                    sums_of_units::<S, ROWS, 16>(inputs, unit % TILE, means, &mut sums);
                }
                for (out, sums) in out.iter_mut().zip(&sums) {
                    subtract::<S>(out, sums, share);
                }
                unit += ROWS;
            } else {
                let mut sums = [Tile::ZERO];
                sums_of_units::<S, 1, TILE>(inputs, unit % TILE, means, &mut sums);
                subtract::<S>(&mut out[0], &sums[0], share);
                unit += 1;
            }
        }
        if end > n_visible {
            let mut sums = Tile::ZERO;
            for means in means {
                sums.add(means);
            }
            subtract::<S>(&mut moments[n_visible - first], &sums, share);
        }
    }
}

kernel! {
    /// Subtracts `share` times the sums over rows of a tile of visible units, as many as there are `moments`.
    pub(crate) fn subtract_visible<S>(visible: &[Tile], share: f32, moments: &mut [f32]) {
        let mut sums = Tile::ZERO;
        for row in visible {
            sums.add(row);
        }
        for (moment, sum) in moments.iter_mut().zip(&sums.0) {
            *moment = S::mul_add(-share, *sum, *moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Stream, uniform, unit_word};

    fn tiles(count: usize, place: usize) -> Vec<Tile> {
        let number = |k: usize| uniform(unit_word(5, Stream::Sequence, 0, 0, (place + k) as u32)) - 0.5;
        (0..count).map(|t| Tile(std::array::from_fn(|k| number(TILE * t + k)))).collect()
    }

    /// Blocks of rows, whatever their place, and single rows give the bits of one plain loop.
    #[test]
    fn blocks_give_the_bits_of_single_rows() {
        for (rows, n_in, n_out) in [(1, 1, 1), (3, 31, 33), (4, 32, 32), (7, 33, 70), (13, 100, 5)] {
            let (in_tiles, out_tiles) = (usize::div_ceil(n_in, TILE), usize::div_ceil(n_out, TILE));
            let (inputs, weights) = (tiles(in_tiles * rows, 7), tiles(out_tiles * n_in, 90_000));
            let bias = tiles(out_tiles, 1);
            let side = Side { weights: &weights, bias: &bias, base: &[], units: n_out };
            for tile in 0..out_tiles {
                let plain = |r: usize| -> Tile {
                    let mut sums = bias[tile];
                    for j in 0..n_in {
                        let value = inputs[j / TILE * rows + r].0[j % TILE];
                        for k in 0..TILE {
                            sums.0[k] = value.mul_add(weights[tile * n_in + j].0[k], sums.0[k]);
                        }
                    }
                    sums.0.iter_mut().for_each(|x| *x = sigmoid::<crate::backend::cpu::tile::Baseline>(*x));
                    sums
                };
                for first in 0..rows {
                    for count in 1..=rows - first {
                        let mut out = vec![Tile::ZERO; count];
                        means_of_rows(&inputs, rows, first, &side, tile, &mut out);
                        for (r, out) in out.iter().enumerate() {
                            assert_eq!(out.0.map(f32::to_bits), plain(first + r).0.map(f32::to_bits), "row {r}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn parts_of_the_moments_give_the_bits_of_the_whole() {
        for (rows, n_visible) in [(1, 1), (5, 31), (6, 32), (9, 33), (3, 70)] {
            let visible = tiles(usize::div_ceil(n_visible, TILE) * rows, 3);
            let (means, before) = (tiles(rows, 40_000), tiles(n_visible + 1, 60_000));
            let share = 1.0 / rows as f32;
            let mut whole = before.clone();
            subtract_products(&visible, n_visible, 0, &means, share, &mut whole);
            for (j, (found, before)) in whole.iter().zip(&before).enumerate() {
                for k in 0..TILE {
                    let value = |r: usize| if j < n_visible { visible[j / TILE * rows + r].0[j % TILE] } else { 1.0 };
                    let sum = (0..rows).fold(0.0f32, |sum, r| value(r).mul_add(means[r].0[k], sum));
                    let expected = (-share).mul_add(sum, before.0[k]);
                    assert_eq!(found.0[k].to_bits(), expected.to_bits(), "{rows} rows, unit {j}");
                }
            }
            for first in 0..=n_visible {
                for end in first + 1..=n_visible + 1 {
                    let mut part = before[first..end].to_vec();
                    subtract_products(&visible, n_visible, first, &means, share, &mut part);
                    assert!(part == whole[first..end], "{first}..{end} of {n_visible}");
                }
            }
        }
    }
}
