//! Free energy of every row of a block.
//!
//! Maths: F(v) = −Σ_j b_j v_j − Σ_i softplus(x_i(v)).
//! Shapes: rows `[chains, n_visible]` packed, result `[chains]`, nats.
//! Class: bounded: f32 terms, summed over units in f32 within a tile of 32 and in f64 across tiles.

use super::gibbs_half_step::{Side, inputs};
use crate::backend::cpu::lanes::{Tile, map_tile, multiversion, softplus};
use crate::backend::cpu::product::{Finish, Rows, TILE, Workspace};

/// Σ_j b_j v_j of one packed row, in f64.
pub(crate) fn bias_energy(row: &[u32], bias: &[f32]) -> f64 {
    let mut sum = 0.0;
    for (w, &word) in row.iter().enumerate() {
        let mut rest = word;
        while rest != 0 {
            sum += f64::from(bias[32 * w + rest.trailing_zeros() as usize]);
            rest &= rest - 1;
        }
    }
    sum
}

/// Sum over the units of a tile that exist, padding left out.
#[inline(always)]
pub(crate) fn sum_units(values: Tile, tile: usize, units: usize) -> f32 {
    let mut values = values;
    let left = units - (tile * TILE).min(units);
    if left < TILE {
        for (k, value) in values.iter_mut().flat_map(|lanes| lanes.0.iter_mut()).enumerate() {
            *value = if k < left { *value } else { 0.0 };
        }
    }
    ((values[0] + values[1]) + (values[2] + values[3])).sum()
}

/// The hidden part of one tile for every row.
struct Energies<'a> {
    hidden: &'a Side<'a>,
    tile: usize,
    energies: &'a mut [f64],
}

impl Finish for Energies<'_> {
    #[inline(always)]
    fn finish(&mut self, row: usize, sums: Tile) {
        let terms = map_tile(inputs(sums, self.hidden, self.tile, 1.0), softplus);
        self.energies[row] -= f64::from(sum_units(terms, self.tile, self.hidden.units));
    }
}

multiversion! {
    /// Writes F of each row to `energies`; `hidden` is the side of the hidden units.
    pub(crate) fn free_energy(
        work: &mut Workspace,
        rows: Rows<'_>,
        hidden: &Side<'_>,
        visible_bias: &[f32],
        energies: &mut [f64],
    ) {
        for (row, energy) in rows.words.chunks_exact(rows.words_per_row).zip(energies.iter_mut()) {
            *energy = -bias_energy(row, visible_bias);
        }
        work.split(rows, hidden.weights.inputs);
        for tile in 0..hidden.units.div_ceil(TILE) {
            work.product(hidden.weights, tile, Energies { hidden, tile, energies });
        }
    }
}
