//! Half a Gibbs step: draws 32 units of one side from all units of the other, for a block of chains.
//!
//! Maths: o_i ~ Bernoulli(sig(β (bias_i + Σ_j v_j w_ji) + (1 − β) base_i)), decided as u · (1 + e^{−x}) < 1; β is one
//! number, or one of each row.
//! Shapes: inputs `[words, chains]` packed, weights `[n_in, 32]`, outputs `[chains]` packed words of the tile.
//! Random: (unit, step, stream, chain), see [`crate::rng`].
//! Class: margin: a bit may differ between devices only where |u − p| is under the rounding of x.
//! Source: Hinton, "Training products of experts by minimizing contrastive divergence", 2002.

use crate::backend::cpu::columns::Columns;
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

/// Inverse temperatures of the rows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Betas<'a> {
    /// The same for all.
    Same(f32),
    /// One of each.
    Rows(&'a [f32]),
}

/// Bits drawn for every row.
struct Bits<'a> {
    numbers: TileNumbers,
    chain: u32,
    keep: u32,
    outputs: &'a mut [u32],
}

impl Bits<'_> {
    /// Draws the units of row `row` from their inputs.
    #[inline(always)]
    fn draw<S: Instructions>(&mut self, row: usize, inputs: Tile) {
        let words = self.numbers.draw::<S>(self.chain.wrapping_add(row as u32));
        let mut u = inputs;
        for (u, &word) in u.0.iter_mut().zip(&words) {
            *u = digits(word);
        }
        let odds = S::mul_adds(&u, &S::exps_of_minus(&inputs), &u);
        self.outputs[row] = S::less(odds, Tile([ONE; TILE])) & self.keep;
    }
}

/// At β = 1.
struct Plain<'a>(Bits<'a>);

impl Finish for Plain<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        self.0.draw::<S>(row, sums);
    }
}

/// All at the same β.
struct Scaled<'a> {
    beta: f32,
    /// (1 − β) base.
    shift: Tile,
    bits: Bits<'a>,
}

impl Finish for Scaled<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        self.bits.draw::<S>(row, S::mul_adds(&Tile([self.beta; TILE]), &sums, &self.shift));
    }
}

/// Each at its own β.
struct Tempered<'a> {
    betas: &'a [f32],
    base: Tile,
    bits: Bits<'a>,
}

impl Finish for Tempered<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let beta = self.betas[row];
        let mut shift = self.base;
        shift.0.iter_mut().for_each(|x| *x *= 1.0 - beta);
        self.bits.draw::<S>(row, S::mul_adds(&Tile([beta; TILE]), &sums, &shift));
    }
}

kernel! {
    /// Draws tile `tile` of the chains `first ..` of `rows`, as many as `outputs` has; padding bits are zero. `draw.chain`
    /// is the number of row 0, and `betas` begin with its β. Without inputs (an empty side) the units are drawn from
    /// their biases.
    pub(crate) fn gibbs_half_step<S>(
        work: &mut Workspace,
        rows: Columns<'_>,
        first: usize,
        side: &Side<'_>,
        tile: usize,
        betas: Betas<'_>,
        draw: Draw,
        outputs: &mut [u32],
    ) {
        let count = outputs.len();
        let chain = draw.chain.wrapping_add(first as u32);
        let bits = Bits { numbers: draw.numbers(tile), chain, keep: mask(side.units_of(tile)), outputs };
        let base = side.base.get(tile).copied().unwrap_or(Tile::ZERO);
        match betas {
            Betas::Same(beta) if side.base.is_empty() && beta == 1.0 => {
                draw_tile::<S>(work, rows, first, count, side, tile, Plain(bits));
            }
            Betas::Same(beta) => {
                let mut shift = base;
                shift.0.iter_mut().for_each(|x| *x *= 1.0 - beta);
                draw_tile::<S>(work, rows, first, count, side, tile, Scaled { beta, shift, bits });
            }
            Betas::Rows(betas) => {
                let betas = &betas[first..][..count];
                draw_tile::<S>(work, rows, first, count, side, tile, Tempered { betas, base, bits });
            }
        }
    }
}

#[inline(always)]
fn draw_tile<S: Instructions>(
    work: &mut Workspace,
    rows: Columns<'_>,
    first: usize,
    count: usize,
    side: &Side<'_>,
    tile: usize,
    mut draws: impl Finish,
) {
    let (weights, bias) = (side.tile(tile), side.bias[tile]);
    if weights.is_empty() {
        for row in 0..count {
            draws.finish::<S>(row, bias);
        }
    } else {
        work.product::<S>(weights, rows, first, count, bias, draws);
    }
}
