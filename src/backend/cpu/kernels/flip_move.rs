//! The global flip v → 1 − v, a Metropolis move that leaves p(v) invariant.
//!
//! Maths: accepted when u < min(1, e^{F(v) − F(1 − v)}); x_i(1 − v) = 2 c_i + Σ_j w_ji − x_i(v), so one product serves
//! both free energies. At inverse temperature β all inputs are times β.
//! Shapes: rows `[words, chains]` packed, hidden part of the gain `[chains]` of a tile.
//! Random: one uniform a chain at (chain, step, `SymmetryMove`).
//! Class: margin.

use super::gibbs_half_step::{Draw, Side, mask};
use crate::backend::cpu::columns::Columns;
use crate::backend::cpu::functions::softplus;
use crate::backend::cpu::product::{Finish, Workspace};
use crate::backend::cpu::tile::{Instructions, TILE, Tile, kernel};
use crate::rng::{philox, uniform};

/// The hidden part of F(v) − F(1 − v) of one tile for every row.
struct Gains<'a> {
    turned: Tile,
    units: usize,
    gains: &'a mut [f32],
}

impl Finish for Gains<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let mut terms = sums;
        for k in 0..TILE {
            let x = sums.0[k];
            terms.0[k] = softplus::<S>(self.turned.0[k] - x) - softplus::<S>(x);
        }
        terms.keep(self.units);
        self.gains[row] = S::sum(&terms);
    }
}

/// The same with every row at its own β.
struct TemperedGains<'a> {
    betas: &'a [f32],
    turned: Tile,
    units: usize,
    gains: &'a mut [f32],
}

impl Finish for TemperedGains<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let (beta, mut terms) = (self.betas[row], sums);
        for k in 0..TILE {
            let x = sums.0[k];
            terms.0[k] = softplus::<S>(beta * (self.turned.0[k] - x)) - softplus::<S>(beta * x);
        }
        terms.keep(self.units);
        self.gains[row] = S::sum(&terms);
    }
}

kernel! {
    /// Writes Σ_i [softplus(β x_i(1 − v)) − softplus(β x_i(v))] over the hidden units of a tile, for the rows `first ..`,
    /// as many as `gains` has. `turned` holds 2 c_i + Σ_j w_ji of the tile; `betas` begin with that of row 0, none is 1 for all.
    pub(crate) fn flip_gains<S>(
        work: &mut Workspace,
        rows: Columns<'_>,
        first: usize,
        hidden: &Side<'_>,
        tile: usize,
        turned: Tile,
        betas: Option<&[f32]>,
        gains: &mut [f32],
    ) {
        let (weights, bias, units, count) = (hidden.tile(tile), hidden.bias[tile], hidden.units_of(tile), gains.len());
        match betas {
            None => work.product::<S>(weights, rows, first, count, bias, Gains { turned, units, gains }),
            Some(betas) => {
                let betas = &betas[first..][..count];
                work.product::<S>(weights, rows, first, count, bias, TemperedGains { betas, turned, units, gains });
            }
        }
    }
}

/// Flips row r of packed `[chains, words]` where its gain F(v) − F(1 − v) says so.
pub(crate) fn flip_move(words: &mut [u32], n_visible: usize, draw: Draw, gains: &[f64]) {
    let words_per_row = n_visible.div_ceil(32);
    let last_word = mask(n_visible - 32 * (words_per_row - 1));
    for (r, (row, gain)) in words.chunks_exact_mut(words_per_row).zip(gains).enumerate() {
        let chain = draw.chain.wrapping_add(r as u32);
        let block = philox([chain / 4, draw.step, draw.stream, 0], draw.key);
        let u = uniform(block[(chain % 4) as usize]);
        if f64::from(u) < gain.exp() {
            for word in row.iter_mut() {
                *word = !*word;
            }
            if let Some(last) = row.last_mut() {
                *last &= last_word;
            }
        }
    }
}
