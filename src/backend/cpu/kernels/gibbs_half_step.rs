//! Half a Gibbs step: draws all units of one side from all units of the other, for a block of chains.
//!
//! Maths: o_i ~ Bernoulli(sig(β (bias_i + Σ_j v_j w_ji) + (1 − β) base_i)), decided as u · (1 + e^{−x}) < 1.
//! Shapes: inputs `[chains, n_in]` packed, weights `[n_in, n_out]`, outputs `[chains, n_out]` packed.
//! Random: (unit, step, stream, chain), see [`crate::rng`].
//! Class: margin: a bit may differ between devices only where |u − p| is under the rounding of x.
//! Source: Hinton, "Training products of experts by minimizing contrastive divergence", 2002.

use crate::backend::cpu::lanes::{F32x8, Tile, U32x8, exp, multiversion, philox};
use crate::backend::cpu::product::{Finish, Rows, TILE, Weights, Workspace};
use crate::bits::padding_mask;

/// The side that is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    /// `[n_in, n_out]`.
    pub(crate) weights: Weights<'a>,
    /// `[n_out]`, padded with zeros to whole tiles.
    pub(crate) bias: &'a [f32],
    /// Bias of the base distribution, padded likewise; empty for none.
    pub(crate) base: &'a [f32],
    /// Number of units drawn.
    pub(crate) units: usize,
}

/// Where the numbers of this half-step are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw {
    /// Philox key.
    pub(crate) key: [u32; 2],
    /// Step.
    pub(crate) step: u32,
    /// Stream.
    pub(crate) stream: u32,
    /// Number of the block's first chain.
    pub(crate) chain: u32,
}

/// Values of the 32 units of a tile.
#[inline(always)]
pub(crate) fn load_tile(values: &[f32], tile: usize) -> Tile {
    let values = &values[tile * TILE..][..TILE];
    let mut out = [F32x8::ZERO; 4];
    bytemuck::cast_mut::<Tile, [f32; 32]>(&mut out).copy_from_slice(values);
    out
}

/// Bits of 32 units drawn from their inputs x.
#[inline(always)]
pub(crate) fn draw_word(x: Tile, draw: Draw, tile: usize, chain: u32) -> u32 {
    let counter = [
        U32x8::count_from(8 * tile as u32),
        U32x8::splat(draw.step),
        U32x8::splat(draw.stream),
        U32x8::splat(draw.chain.wrapping_add(chain)),
    ];
    let words: [u32; 32] = bytemuck::cast(philox(counter, draw.key));
    let x: [f32; 32] = bytemuck::cast(x);
    let mut bits = [0u32; 32];
    for k in 0..32 {
        let u = (words[k] >> 8) as i32 as f32 * (1.0 / 16_777_216.0);
        bits[k] = if u * (1.0 + exp(-x[k])) < 1.0 { 1 << k } else { 0 };
    }
    bits.iter().fold(0, |word, bit| word | bit)
}

/// Inputs of 32 units at inverse temperature `beta`.
#[inline(always)]
pub(crate) fn inputs(sum: Tile, side: &Side<'_>, tile: usize, beta: f32) -> Tile {
    let bias = load_tile(side.bias, tile);
    let scale = F32x8::splat(beta);
    let mut x = sum;
    for q in 0..4 {
        x[q] = scale * (x[q] + bias[q]);
    }
    if !side.base.is_empty() {
        let base = load_tile(side.base, tile);
        for q in 0..4 {
            x[q] = x[q] + F32x8::splat(1.0 - beta) * base[q];
        }
    }
    x
}

/// Bits of one tile for every row.
struct Draws<'a> {
    side: &'a Side<'a>,
    tile: usize,
    beta: f32,
    draw: Draw,
    keep: u32,
    words: usize,
    outputs: &'a mut [u32],
}

impl Finish for Draws<'_> {
    #[inline(always)]
    fn finish(&mut self, row: usize, sums: Tile) {
        let x = inputs(sums, self.side, self.tile, self.beta);
        self.outputs[row * self.words + self.tile] = draw_word(x, self.draw, self.tile, row as u32) & self.keep;
    }
}

multiversion! {
    /// Draws `outputs` (all words are written, padding bits are zero) from `rows`.
    pub(crate) fn gibbs_half_step(
        work: &mut Workspace,
        rows: Rows<'_>,
        side: &Side<'_>,
        beta: f32,
        draw: Draw,
        outputs: &mut [u32],
    ) {
        let words = side.units.div_ceil(32);
        work.split(rows, side.weights.inputs);
        for tile in 0..words {
            let keep = if tile + 1 == words { !padding_mask(side.units) } else { u32::MAX };
            work.product(side.weights, tile, Draws { side, tile, beta, draw, keep, words, outputs });
        }
    }
}
