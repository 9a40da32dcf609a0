//! One step of annealed importance sampling: the weight, and the draw of the hidden units at the next temperature.
//!
//! Maths: log w += (β' − β)(b − b0)·v + Σ_i [softplus(β' x_i) − softplus(β x_i)], then h_i ~ sig(β' x_i); one product x
//! serves all three. With z = e^{−|βx|}, z' = e^{−|β'x|} the difference is max(β'x, 0) − max(βx, 0) +
//! 2 artanh((z' − z) / (2 + z + z')), and the draw is u (1 + z') < 1 for x ≥ 0, u (1 + z') < z' for x < 0: two
//! exponentials and one division a unit. The visible draw that follows is a Gibbs half-step with base b0 at the same β'.
//! Shapes: rows `[words, chains]` packed; of one tile: hidden words `[chains]`, parts of the log-weights `[chains]`, nats.
//! Random: (unit, step, `SampleHidden`, chain).
//! Class: margin for the bits, bounded for the weights.
//! Source: Neal 2001; Salakhutdinov and Murray 2008.

use super::gibbs_half_step::{Draw, ONE, Side, digits, mask};
use crate::backend::cpu::columns::Columns;
use crate::backend::cpu::functions::{exp_of_minus, log_ratio};
use crate::backend::cpu::numbers::TileNumbers;
use crate::backend::cpu::product::{Finish, Workspace};
use crate::backend::cpu::tile::{Instructions, Tile, kernel};

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
    units: usize,
    from: f32,
    to: f32,
    numbers: TileNumbers,
    chain: u32,
    gains: &'a mut [f32],
    outputs: &'a mut [u32],
}

impl Finish for Steps<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let words = self.numbers.draw::<S>(self.chain.wrapping_add(row as u32));
        let (mut gain, mut odds, mut limit) = (sums, sums, sums);
        for (k, &word) in words.iter().enumerate() {
            let x = sums.0[k];
            let (from, to) = (self.from * x, self.to * x);
            let (z, next) = (exp_of_minus::<S>(from.abs()), exp_of_minus::<S>(to.abs()));
            gain.0[k] = (to.max(0.0) - from.max(0.0)) + log_ratio::<S>((next - z) / (2.0 + (z + next)));
            let u = digits(word);
            odds.0[k] = S::mul_add(u, next, u);
            limit.0[k] = if to < 0.0 { ONE * next } else { ONE };
        }
        gain.keep(self.units);
        self.gains[row] = S::sum(&gain);
        self.outputs[row] = S::less(odds, limit) & mask(self.units);
    }
}

kernel! {
    /// Writes the tile's part of the log-weights' gain and its hidden words, for the rows `first ..`, as many as there are
    /// `outputs`; `draw.chain` is the number of row 0.
    pub(crate) fn ais_step<S>(
        work: &mut Workspace,
        rows: Columns<'_>,
        first: usize,
        hidden: &Side<'_>,
        tile: usize,
        rungs: Rungs,
        draw: Draw,
        gains: &mut [f32],
        outputs: &mut [u32],
    ) {
        let steps = Steps {
            units: hidden.units_of(tile),
            from: rungs.from as f32,
            to: rungs.to as f32,
            numbers: draw.numbers(tile),
            chain: draw.chain.wrapping_add(first as u32),
            gains,
            outputs,
        };
        let count = steps.outputs.len();
        work.product::<S>(hidden.tile(tile), rows, first, count, hidden.bias[tile], steps);
    }
}
