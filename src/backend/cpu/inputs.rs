//! The product of states and weights by itself, x = c + v·W: what a half-step is made of, for measurements and for those
//! who want the inputs as numbers.

use super::columns::{Columns, exchange};
use super::kernels::gibbs_half_step::Side;
use super::machine::{CpuStates, over_tiles, with_workspace};
use super::params::{CpuParams, from_tiles};
use super::product::{Finish, Workspace};
use super::sparse::Sparse;
use super::tile::{Instructions, TILE, Tile, kernel};

/// Inputs of all hidden units for a number of rows, and the buffers to compute them in.
#[derive(Debug, Clone, Default)]
pub struct CpuInputs {
    rows: usize,
    n_hidden: usize,
    columns: Vec<u32>,
    /// `[tiles, rows, 32]`.
    inputs: Vec<Tile>,
    nothing: Vec<()>,
    sparse: Sparse,
}

/// Sums written as they are.
struct Keep<'a>(&'a mut [Tile]);

impl Finish for Keep<'_> {
    #[inline(always)]
    fn finish<S: Instructions>(&mut self, row: usize, sums: Tile) {
        self.0[row] = sums;
    }
}

kernel! {
    /// Writes x of a tile for the rows `first ..`, as many as there are `inputs`.
    fn inputs_of_tile<S>(
        work: &mut Workspace,
        rows: Columns<'_>,
        first: usize,
        hidden: &Side<'_>,
        tile: usize,
        inputs: &mut [Tile],
    ) {
        let count = inputs.len();
        work.product::<S>(hidden.tile(tile), rows, first, count, hidden.bias[tile], Keep(inputs));
    }
}

impl CpuInputs {
    /// Computes the inputs of every row of `states`, on all threads.
    pub fn set(&mut self, params: &CpuParams, states: &CpuStates) {
        let (rows, words) = (states.matrix.rows(), states.matrix.words_per_row());
        let hidden = params.hidden_side();
        (self.rows, self.n_hidden) = (rows, params.n_hidden);
        self.columns.resize(rows * words, 0);
        self.inputs.resize(rows * hidden.tiles(), Tile::ZERO);
        self.nothing.resize(rows * hidden.tiles(), ());
        exchange(states.matrix.words(), words, &mut self.columns);
        let columns = Columns::looked_at(&self.columns, rows, &mut self.sparse);
        over_tiles(rows, (&mut self.inputs, &mut self.nothing), true, |tile, first, inputs, _| {
            with_workspace(|work| inputs_of_tile(work, columns, first, &hidden, tile, inputs));
        });
    }

    /// Input of hidden unit `unit` for row `row`.
    #[must_use]
    pub fn get(&self, row: usize, unit: usize) -> f32 {
        self.inputs[unit / TILE * self.rows + row].0[unit % TILE]
    }

    /// All inputs, `[rows, n_hidden]`.
    #[must_use]
    pub fn to_host(&self) -> Vec<f32> {
        from_tiles(&self.inputs, self.rows, 0..self.rows, self.n_hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::BitMatrix;
    use crate::rbm::Rbm;

    /// Small integers add up exactly in any order.
    #[test]
    fn inputs_are_biases_and_weights_of_set_bits() {
        for (rows, n_visible, n_hidden) in [(1, 1, 1), (7, 40, 33), (130, 65, 20)] {
            let mut rbm = Rbm::zeros(n_visible, n_hidden);
            rbm.weights.iter_mut().enumerate().for_each(|(k, w)| *w = (k % 23) as f32 - 11.0);
            rbm.hidden_bias.iter_mut().enumerate().for_each(|(i, c)| *c = i as f32);
            let bits = BitMatrix::from_fn(rows, n_visible, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
            let mut inputs = CpuInputs::default();
            inputs.set(&CpuParams::new(&rbm, None), &CpuStates::new(bits.clone()));
            let all = inputs.to_host();
            for r in 0..rows {
                for i in 0..n_hidden {
                    let on = (0..n_visible).filter(|&j| bits.get(r, j));
                    let expected = rbm.hidden_bias[i] + on.map(|j| rbm.weights[j * n_hidden + i]).sum::<f32>();
                    assert_eq!((inputs.get(r, i), all[r * n_hidden + i]), (expected, expected), "row {r}, unit {i}");
                }
            }
        }
    }
}
