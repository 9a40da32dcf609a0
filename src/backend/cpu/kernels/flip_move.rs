//! The global flip v → 1 − v, a Metropolis move that leaves p(v) invariant.
//!
//! Maths: accepted when u < min(1, e^{F(v) − F(1 − v)}); x_i(1 − v) = 2 c_i + Σ_j w_ji − x_i(v), so one product serves
//! both free energies.
//! Shapes: rows `[chains, n_visible]` packed.
//! Random: one uniform a chain at (chain, step, `SymmetryMove`).
//! Class: margin.

use super::free_energy::{bias_energy, sum_units};
use super::gibbs_half_step::{Draw, Side, inputs, load_tile};
use crate::backend::cpu::lanes::{Tile, multiversion, softplus, zip_tiles};
use crate::backend::cpu::product::{Finish, Rows, TILE, Workspace};
use crate::bits::padding_mask;
use crate::rng::{philox, uniform};

/// Flips rows of `words` in place. `turned` holds 2 c_i + Σ_j w_ji, padded to whole tiles; `gains` is scratch, `[rows]`.
#[expect(clippy::too_many_arguments, reason = "a kernel's inputs, each of its own kind")]
pub(crate) fn flip_move(
    work: &mut Workspace,
    words: &mut [u32],
    words_per_row: usize,
    hidden: &Side<'_>,
    visible_bias: &[f32],
    turned: &[f32],
    draw: Draw,
    gains: &mut Vec<f64>,
) {
    let n_visible = hidden.weights.inputs;
    let total: f64 = visible_bias[..n_visible].iter().map(|&b| f64::from(b)).sum();
    gains.clear();
    // F(v) − F(1 − v): the visible part here, the hidden part tile by tile.
    gains.extend(words.chunks_exact(words_per_row).map(|row| total - 2.0 * bias_energy(row, visible_bias)));
    add_hidden(work, Rows { words, words_per_row }, hidden, turned, gains);
    let padding = padding_mask(n_visible);
    for (r, row) in words.chunks_exact_mut(words_per_row).enumerate() {
        let chain = draw.chain.wrapping_add(r as u32);
        let block = philox([chain / 4, draw.step, draw.stream, 0], draw.key);
        let u = uniform(block[(chain % 4) as usize]);
        if f64::from(u) < gains[r].exp() {
            for word in row.iter_mut() {
                *word = !*word;
            }
            if let Some(last) = row.last_mut() {
                *last &= !padding;
            }
        }
    }
}

/// The hidden part of F(v) − F(1 − v) of one tile for every row.
struct Gains<'a> {
    hidden: &'a Side<'a>,
    tile: usize,
    turned: &'a [f32],
    gains: &'a mut [f64],
}

impl Finish for Gains<'_> {
    #[inline(always)]
    fn finish(&mut self, row: usize, sums: Tile) {
        let x = inputs(sums, self.hidden, self.tile, 1.0);
        let turned = load_tile(self.turned, self.tile);
        let terms = zip_tiles(x, turned, |x, turned| softplus(turned - x) - softplus(x));
        self.gains[row] += f64::from(sum_units(terms, self.tile, self.hidden.units));
    }
}

multiversion! {
    fn add_hidden(work: &mut Workspace, rows: Rows<'_>, hidden: &Side<'_>, turned: &[f32], gains: &mut [f64]) {
        work.split(rows, hidden.weights.inputs);
        for tile in 0..hidden.units.div_ceil(TILE) {
            work.product(hidden.weights, tile, Gains { hidden, tile, turned, gains });
        }
    }
}
