//! One step of annealed importance sampling: the weight, and the draw of the hidden units at the next temperature.
//!
//! Maths: log w += (β' − β)(b − b0)·v + Σ_i [softplus(β' x_i) − softplus(β x_i)], then h_i ~ sig(β' x_i); one product x
//! serves all three. The visible draw that follows is a Gibbs half-step with base b0 at the same β'.
//!
//! Where all |Δ| = |β' − β||x| ≤ ½, up or down the ladder, which a bound on |x| tells, the difference is Taylor's around the middle m of βx and
//! β'x: Δ [s + s''(m) Δ²/24 + s(m) Δ⁴/1920], s = sig(m), s = s (1 − s)(1 − 2s), s = s'' (1 − 12 s (1 − s)); what
//! is left out is below 2⁻²⁴ of it. The draw is u (1 + e^{−m} e^{−Δ/2}) < 1: one exponential, a short one and one division
//! a unit. Else, with z = e^{−|βx|}, z' = e^{−|β'x|}, it is max(β'x, 0) − max(βx, 0) + 2 artanh((z' − z) / (2 + z + z')),
//! and the draw is u (1 + z') < 1 for x ≥ 0, u (1 + z') < z' for x < 0.
//! Shapes: rows `[words, chains]` packed; of one tile: hidden words `[chains]`, parts of the log-weights `[chains]`, nats.
//! Random: (unit, step, `SampleHidden`, chain).
//! Class: margin for the bits, bounded for the weights.
//! Source: Neal 2001; Salakhutdinov and Murray 2008.

use super::gibbs_half_step::{Draw, ONE, Side, digits, mask};
use crate::backend::cpu::columns::Columns;
use crate::backend::cpu::functions::{exp_near_zero, exp_of_minus, softplus_step};
use crate::backend::cpu::numbers::TileNumbers;
use crate::backend::cpu::product::{Finish, Workspace};
use crate::backend::cpu::tile::{Instructions, TILE, Tile, kernel};

/// Two neighbouring rungs of the ladder, which rises or falls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rungs {
    /// β.
    pub(crate) from: f64,
    /// β'.
    pub(crate) to: f64,
    /// No |x| is larger than this.
    pub(crate) reach: f64,
}

/// Largest |Δ| of the series.
const NEAR: f64 = 0.5;

/// Weights and bits of one tile for every row where the rungs are near each other.
struct NearSteps<'a> {
    units: usize,
    middle: f32,
    /// β' − β.
    apart: f32,
    numbers: TileNumbers,
    chain: u32,
    gains: &'a mut [f32],
    outputs: &'a mut [u32],
}

impl Finish for NearSteps<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let words = self.numbers.draw::<S>(self.chain.wrapping_add(row as u32));
        let (mut gain, mut odds) = (sums, sums);
        for (k, &word) in words.iter().enumerate() {
            let (middle, delta) = (self.middle * sums.0[k], self.apart * sums.0[k]);
            let z = exp_of_minus::<S>(middle);
            let s = 1.0 / (1.0 + z);
            let (spread, square) = (S::mul_add(-s, s, s), delta * delta);
            let second = spread * S::mul_add(-2.0, s, 1.0);
            let series = S::mul_add(square, S::mul_add(spread, -12.0 / 1920.0, 1.0 / 1920.0), 1.0 / 24.0);
            gain.0[k] = delta * S::mul_add(second * square, series, s);
            let u = digits(word);
            odds.0[k] = S::mul_add(u, z * exp_near_zero::<S>(-0.5 * delta), u);
        }
        gain.keep(self.units);
        self.gains[row] = S::sum(&gain);
        self.outputs[row] = S::less(odds, Tile([ONE; TILE])) & mask(self.units);
    }
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
            let to = self.to * sums.0[k];
            let (step, next) = softplus_step::<S>(self.from * sums.0[k], to);
            gain.0[k] = step;
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
        let (units, count, numbers) = (hidden.units_of(tile), outputs.len(), draw.numbers(tile));
        let (weights, bias) = (hidden.tile(tile), hidden.bias[tile]);
        let chain = draw.chain.wrapping_add(first as u32);
        let Rungs { from, to, reach } = rungs;
        if (to - from).abs() * reach <= NEAR {
            let (middle, apart) = ((0.5 * (from + to)) as f32, (to - from) as f32);
            let steps = NearSteps { units, middle, apart, numbers, chain, gains, outputs };
            work.product::<S>(weights, rows, first, count, bias, steps);
        } else {
            let (from, to) = (from as f32, to as f32);
            let steps = Steps { units, from, to, numbers, chain, gains, outputs };
            work.product::<S>(weights, rows, first, count, bias, steps);
        }
    }
}
