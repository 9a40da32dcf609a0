//! Half a Gibbs step: draws 32 units of one side from all units of the other, for a block of chains.
//!
//! Maths: o_i ~ Bernoulli(sig(β (bias_i + Σ_j v_j w_ji) + (1 − β) base_i)), decided as u · (1 + e^{−x}) < 1.
//! Shapes: inputs `[words, chains]` packed, weights `[n_in, 32]`, outputs `[chains]` packed words of the tile.
//! Random: (unit, step, stream, chain), see [`crate::rng`].
//! Class: margin: a bit may differ between devices only where |u − p| is under the rounding of x.
//! Source: Hinton, "Training products of experts by minimizing contrastive divergence", 2002.

use crate::backend::cpu::columns::Columns;
use crate::backend::cpu::functions::exp_of_minus;
use crate::backend::cpu::numbers::TileNumbers;
use crate::backend::cpu::product::{Finish, Workspace};
use crate::backend::cpu::tile::{Instructions, TILE, Tile, kernel};

/// The side that is drawn or summed over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'a> {
    /// `[tiles, n_in, 32]`.
    pub(crate) weights: &'a [Tile],
    /// `[tiles, 32]`, zero beyond the last unit.
    pub(crate) bias: &'a [Tile],
    /// Bias of the base distribution, likewise; empty for none.
    pub(crate) base: &'a [Tile],
    /// Number of units.
    pub(crate) units: usize,
}

impl Side<'_> {
    /// Number of tiles.
    #[inline(always)]
    pub(crate) fn tiles(&self) -> usize {
        self.units.div_ceil(TILE)
    }

    /// Weights of a tile, `[n_in, 32]`.
    #[inline(always)]
    pub(crate) fn tile(&self, tile: usize) -> &[Tile] {
        let inputs = self.weights.len() / self.tiles();
        &self.weights[tile * inputs..][..inputs]
    }

    /// Units of a tile that exist.
    #[inline(always)]
    pub(crate) fn units_of(&self, tile: usize) -> usize {
        (self.units - tile * TILE).min(TILE)
    }
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
    /// Number of the first chain.
    pub(crate) chain: u32,
}

impl Draw {
    /// The numbers of a tile.
    #[inline(always)]
    pub(crate) fn numbers(&self, tile: usize) -> TileNumbers {
        TileNumbers::new(tile, self.step, self.stream, self.key)
    }
}

/// The units of a tile that exist, as bits.
#[inline(always)]
pub(crate) fn mask(units: usize) -> u32 {
    u32::MAX >> (TILE - units)
}

/// 2²⁴ times the uniform number in [0, 1) of a random word, for vectors: 24 bits fit a signed number, and a factor that is
/// a power of two changes no rounding.
#[inline(always)]
pub(crate) fn digits(word: u32) -> f32 {
    (word >> 8) as i32 as f32
}

/// 2²⁴, what [`digits`] are compared with.
pub(crate) const ONE: f32 = 16_777_216.0;

/// Bits drawn for every row.
struct Draws<'a, const SCALED: bool> {
    /// (1 − β) base.
    shift: Tile,
    beta: f32,
    numbers: TileNumbers,
    chain: u32,
    keep: u32,
    outputs: &'a mut [u32],
}

impl<const SCALED: bool> Finish for Draws<'_, SCALED> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let words = self.numbers.draw::<S>(self.chain.wrapping_add(row as u32));
        let mut odds = sums;
        for (k, &word) in words.iter().enumerate() {
            let mut x = sums.0[k];
            if SCALED {
                x = S::mul_add(self.beta, x, self.shift.0[k]);
            }
            let u = digits(word);
            odds.0[k] = S::mul_add(u, exp_of_minus::<S>(x), u);
        }
        self.outputs[row] = S::less(odds, Tile([ONE; TILE])) & self.keep;
    }
}

kernel! {
    /// Draws tile `tile` of the chains `first ..` of `rows`, as many as `outputs` has; padding bits are zero. `draw.chain`
    /// is the number of row 0. Without inputs (an empty side) the units are drawn from their biases.
    pub(crate) fn gibbs_half_step<S>(
        work: &mut Workspace,
        rows: Columns<'_>,
        first: usize,
        side: &Side<'_>,
        tile: usize,
        beta: f32,
        draw: Draw,
        outputs: &mut [u32],
    ) {
        if side.base.is_empty() && beta == 1.0 {
            draw_tile::<S, false>(work, rows, first, side, tile, beta, draw, outputs);
        } else {
            draw_tile::<S, true>(work, rows, first, side, tile, beta, draw, outputs);
        }
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "a kernel's inputs, each of its own kind")]
fn draw_tile<S: Instructions, const SCALED: bool>(
    work: &mut Workspace,
    rows: Columns<'_>,
    first: usize,
    side: &Side<'_>,
    tile: usize,
    beta: f32,
    draw: Draw,
    outputs: &mut [u32],
) {
    let mut shift = Tile::ZERO;
    if let Some(base) = side.base.get(tile) {
        for k in 0..TILE {
            shift.0[k] = (1.0 - beta) * base.0[k];
        }
    }
    let count = outputs.len();
    let chain = draw.chain.wrapping_add(first as u32);
    let (numbers, keep) = (draw.numbers(tile), mask(side.units_of(tile)));
    let mut draws = Draws::<SCALED> { shift, beta, numbers, chain, keep, outputs };
    let weights = side.tile(tile);
    if weights.is_empty() {
        for row in 0..count {
            draws.finish::<S>(row, side.bias[tile]);
        }
    } else {
        work.product::<S>(weights, rows, first, count, side.bias[tile], draws);
    }
}
