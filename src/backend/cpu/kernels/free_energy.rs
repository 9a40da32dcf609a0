//! Free energy of every row of a block.
//!
//! Maths: F(v) = −Σ_j b_j v_j − Σ_i softplus(x_i(v)).
//! Shapes: rows `[words, chains]` packed, terms `[chains]` of a tile of hidden units, nats.
//! Class: bounded: f32 terms, summed over units in f32 within a tile of 32 and in f64 across tiles.

use super::gibbs_half_step::Side;
use crate::backend::cpu::columns::Columns;
use crate::backend::cpu::functions::softplus;
use crate::backend::cpu::product::{Finish, Workspace};
use crate::backend::cpu::tile::{Instructions, TILE, Tile, kernel};

/// Σ_i softplus(x_i) of one tile for every row.
struct Terms<'a> {
    units: usize,
    terms: &'a mut [f32],
}

impl Finish for Terms<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        let mut values = sums;
        for k in 0..TILE {
            values.0[k] = softplus::<S>(sums.0[k]);
        }
        values.keep(self.units);
        self.terms[row] = S::sum(&values);
    }
}

kernel! {
    /// Writes Σ_i softplus(x_i) over the hidden units of a tile, for the rows `first ..`, as many as `terms` has.
    pub(crate) fn free_energy<S>(
        work: &mut Workspace,
        rows: Columns<'_>,
        first: usize,
        hidden: &Side<'_>,
        tile: usize,
        terms: &mut [f32],
    ) {
        let (bias, units, count) = (hidden.bias[tile], hidden.units_of(tile), terms.len());
        work.product::<S>(hidden.tile(tile), rows, first, count, bias, Terms { units, terms });
    }
}
