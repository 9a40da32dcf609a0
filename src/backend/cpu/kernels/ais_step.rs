//! One step of annealed importance sampling: the weight, and the draw of the hidden units at the next temperature.
//!
//! Maths: log w += (β' − β)(b − b0)·v + Σ_i [softplus(β' x_i) − softplus(β x_i)], then h_i ~ sig(β' x_i); one product x
//! serves all three. The visible draw that follows is a Gibbs half-step with base b0 at the same β'.
//! Shapes: rows `[chains, n_visible]` packed, hidden `[chains, n_hidden]` packed, log-weights `[chains]` f64, nats.
//! Random: (unit, step, `SampleHidden`, chain).
//! Class: margin for the bits, bounded for the weights.
//! Source: Neal 2001; Salakhutdinov and Murray 2008.

use super::free_energy::{bias_energy, sum_units};
use super::gibbs_half_step::{Draw, Side, draw_word, inputs};
use crate::backend::cpu::lanes::{Tile, map_tile, multiversion, softplus};
use crate::backend::cpu::product::{Finish, Rows, Workspace};
use crate::bits::padding_mask;

/// Two neighbouring rungs of the ladder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rungs {
    /// β.
    pub(crate) from: f64,
    /// β'.
    pub(crate) to: f64,
}

/// Weights and bits of one tile for every row.
struct Steps<'a> {
    hidden: &'a Side<'a>,
    tile: usize,
    from: f32,
    to: f32,
    draw: Draw,
    keep: u32,
    words: usize,
    log_weights: &'a mut [f64],
    outputs: &'a mut [u32],
}

impl Finish for Steps<'_> {
    #[inline(always)]
    fn finish(&mut self, row: usize, sums: Tile) {
        let x = inputs(sums, self.hidden, self.tile, 1.0);
        let (from, to) = (self.from, self.to);
        let next = map_tile(x, |x| to * x);
        let gain = map_tile(x, |x| softplus(to * x) - softplus(from * x));
        self.log_weights[row] += f64::from(sum_units(gain, self.tile, self.hidden.units));
        self.outputs[row * self.words + self.tile] = draw_word(next, self.draw, self.tile, row as u32) & self.keep;
    }
}

multiversion! {
    /// Adds to `log_weights` and draws `outputs`; `tilt` is b − b0, `[n_visible]`.
    pub(crate) fn ais_step(
        work: &mut Workspace,
        rows: Rows<'_>,
        hidden: &Side<'_>,
        tilt: &[f32],
        rungs: Rungs,
        draw: Draw,
        log_weights: &mut [f64],
        outputs: &mut [u32],
    ) {
        for (row, weight) in rows.words.chunks_exact(rows.words_per_row).zip(log_weights.iter_mut()) {
            *weight += (rungs.to - rungs.from) * bias_energy(row, tilt);
        }
        let words = hidden.units.div_ceil(32);
        let (from, to) = (rungs.from as f32, rungs.to as f32);
        work.split(rows, hidden.weights.inputs);
        for tile in 0..words {
            let keep = if tile + 1 == words { !padding_mask(hidden.units) } else { u32::MAX };
            work.product(hidden.weights, tile, Steps { hidden, tile, from, to, draw, keep, words, log_weights, outputs });
        }
    }
}
