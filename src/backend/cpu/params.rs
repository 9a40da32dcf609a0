//! Parameters and optimiser state as the CPU kernels want them: tiles of 32 units, weights in both orders.

use std::ops::Range;

use super::kernels::gibbs_half_step::Side;
use super::tile::{TILE, Tile};
use crate::backend::{Descent, OptimiserState};
use crate::rbm::Rbm;

/// Parameters and optimiser state in memory.
#[derive(Debug, Clone)]
pub struct CpuParams {
    pub(crate) n_visible: usize,
    pub(crate) n_hidden: usize,
    /// `[hidden tiles, n_visible, 32]`.
    pub(crate) weights: Vec<Tile>,
    /// `[visible tiles, n_hidden, 32]`.
    pub(crate) transposed: Vec<Tile>,
    pub(crate) visible_bias: Vec<Tile>,
    pub(crate) hidden_bias: Vec<Tile>,
    /// Numbers kept for a parameter: its velocity, and behind that its second moment where the optimiser has one.
    pub(crate) depth: usize,
    /// `[hidden tiles, depth, n_visible, 32]`.
    pub(crate) kept: Vec<Tile>,
    /// `[depth, n_visible]`.
    pub(crate) visible_kept: Vec<f32>,
    /// `[depth, n_hidden]`.
    pub(crate) hidden_kept: Vec<f32>,
    pub(crate) visible_offset: Vec<f32>,
    pub(crate) hidden_offset: Vec<Tile>,
    /// g_w λ of each visible unit, `[hidden tiles, n_visible]`, and g_c: scratch of the update.
    pub(crate) along: Vec<f32>,
    pub(crate) hidden_gradient: Vec<Tile>,
}

/// Tiles of a vector, zero beyond its end.
pub(crate) fn tiles(values: &[f32]) -> Vec<Tile> {
    let tile = |values: &[f32]| {
        let mut tile = Tile::ZERO;
        tile.0[..values.len()].copy_from_slice(values);
        tile
    };
    values.chunks(TILE).map(tile).collect()
}

/// Values of tiles, one after the other.
pub(crate) fn flat(tiles: &[Tile]) -> &[f32] {
    bytemuck::cast_slice(tiles)
}

/// The same, to be written.
pub(crate) fn flat_mut(tiles: &mut [Tile]) -> &mut [f32] {
    bytemuck::cast_slice_mut(tiles)
}

/// `parts` of `[rows, columns]` as `[tiles, parts, rows, 32]`.
fn into_tiles(parts: &[&[f32]], columns: usize) -> Vec<Tile> {
    let rows: usize = parts.iter().map(|part| part.len() / columns).sum();
    let mut out = vec![Tile::ZERO; columns.div_ceil(TILE) * rows];
    for (r, row) in parts.iter().flat_map(|part| part.chunks_exact(columns)).enumerate() {
        for (t, values) in row.chunks(TILE).enumerate() {
            out[t * rows + r].0[..values.len()].copy_from_slice(values);
        }
    }
    out
}

/// `[rows, columns]` as `[tiles of rows, columns, 32]`.
fn into_transposed_tiles(values: &[f32], rows: usize, columns: usize) -> Vec<Tile> {
    let mut out = vec![Tile::ZERO; rows.div_ceil(TILE) * columns];
    for (r, row) in values.chunks_exact(columns).enumerate() {
        for (tile, &value) in out[r / TILE * columns..].iter_mut().zip(row) {
            tile.0[r % TILE] = value;
        }
    }
    out
}

/// `[tiles, rows, 32]`, of which the rows `keep`, as `[keep, columns]`.
pub(crate) fn from_tiles(tiles: &[Tile], rows: usize, keep: Range<usize>, columns: usize) -> Vec<f32> {
    // Of the right size at once: a large machine has no room for one that grows.
    let mut out = Vec::with_capacity(keep.len() * columns);
    for r in keep {
        for (tile, first) in (0..columns).step_by(TILE).enumerate() {
            out.extend_from_slice(&tiles[tile * rows + r].0[..TILE.min(columns - first)]);
        }
    }
    out
}

impl CpuParams {
    pub(crate) fn new(rbm: &Rbm, optimiser: Option<&OptimiserState>) -> Self {
        let (n_visible, n_hidden) = (rbm.n_visible, rbm.n_hidden);
        let at_rest;
        let state = if let Some(state) = optimiser {
            state
        } else {
            at_rest = OptimiserState::at_rest(rbm, &Descent::PLAIN, vec![0.5; n_visible]);
            &at_rest
        };
        let kept: Vec<&Rbm> = std::iter::once(&state.velocity).chain(&state.square).collect();
        let of = |part: fn(&Rbm) -> &Vec<f32>| -> Vec<&[f32]> { kept.iter().map(|kept| &part(kept)[..]).collect() };
        Self {
            n_visible,
            n_hidden,
            weights: into_tiles(&[&rbm.weights], n_hidden),
            transposed: into_transposed_tiles(&rbm.weights, n_visible, n_hidden),
            visible_bias: tiles(&rbm.visible_bias),
            hidden_bias: tiles(&rbm.hidden_bias),
            depth: kept.len(),
            kept: into_tiles(&of(|kept| &kept.weights), n_hidden),
            visible_kept: of(|kept| &kept.visible_bias).concat(),
            hidden_kept: of(|kept| &kept.hidden_bias).concat(),
            visible_offset: state.visible_offset.clone(),
            hidden_offset: tiles(&state.hidden_offset),
            along: vec![0.0; n_hidden.div_ceil(TILE) * n_visible],
            hidden_gradient: vec![Tile::ZERO; n_hidden.div_ceil(TILE)],
        }
    }

    /// Bytes held.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> u64 {
        let tiles = [
            &self.weights,
            &self.transposed,
            &self.visible_bias,
            &self.hidden_bias,
            &self.kept,
            &self.hidden_offset,
            &self.hidden_gradient,
        ];
        let numbers = [&self.visible_kept, &self.hidden_kept, &self.visible_offset, &self.along];
        let tiles: usize = tiles.iter().map(|tiles| size_of_val(&tiles[..])).sum();
        (tiles + numbers.iter().map(|numbers| size_of_val(&numbers[..])).sum::<usize>()) as u64
    }

    pub(crate) fn to_host(&self) -> (Rbm, OptimiserState) {
        let (n_visible, n_hidden) = (self.n_visible, self.n_hidden);
        let machine = |weights: Vec<f32>, visible: &[f32], hidden: &[f32]| Rbm {
            n_visible,
            n_hidden,
            weights,
            visible_bias: visible[..n_visible].to_vec(),
            hidden_bias: hidden[..n_hidden].to_vec(),
        };
        let kept = |part: usize| {
            let rows = part * n_visible..(part + 1) * n_visible;
            let weights = from_tiles(&self.kept, self.depth * n_visible, rows, n_hidden);
            machine(weights, &self.visible_kept[part * n_visible..], &self.hidden_kept[part * n_hidden..])
        };
        let state = OptimiserState {
            velocity: kept(0),
            square: (self.depth > 1).then(|| kept(1)),
            visible_offset: self.visible_offset.clone(),
            hidden_offset: flat(&self.hidden_offset)[..n_hidden].to_vec(),
        };
        let weights = from_tiles(&self.weights, n_visible, 0..n_visible, n_hidden);
        (machine(weights, flat(&self.visible_bias), flat(&self.hidden_bias)), state)
    }

    /// Hidden units given visible ones.
    pub(crate) fn hidden_side(&self) -> Side<'_> {
        Side { weights: &self.weights, bias: &self.hidden_bias, base: &[], units: self.n_hidden }
    }

    /// Visible units given hidden ones.
    pub(crate) fn visible_side<'a>(&'a self, base: &'a [Tile]) -> Side<'a> {
        Side { weights: &self.transposed, bias: &self.visible_bias, base, units: self.n_visible }
    }

    /// max_i (|c_i| + Σ_j |w_ji|), and a little more for the rounding of sums: no hidden input is larger.
    pub(crate) fn reach(&self) -> f64 {
        let mut reach = 0.0f64;
        for (bias, weights) in self.hidden_bias.iter().zip(self.weights.chunks_exact(self.n_visible)) {
            let mut sums = *bias;
            sums.0.iter_mut().for_each(|sum| *sum = sum.abs());
            for row in weights {
                for (sum, w) in sums.0.iter_mut().zip(&row.0) {
                    *sum += w.abs();
                }
            }
            reach = sums.0.iter().fold(reach, |reach, &sum| reach.max(f64::from(sum)));
        }
        reach * 1.01
    }

    /// 2 c_i + Σ_j w_ji: the hidden inputs of v and 1 − v add up to this.
    pub(crate) fn turned_inputs(&self, sums: &mut Vec<Tile>) {
        sums.clear();
        sums.extend_from_slice(&self.hidden_bias);
        for (sum, weights) in sums.iter_mut().zip(self.weights.chunks_exact(self.n_visible)) {
            let twice = *sum;
            sum.add(&twice);
            for row in weights {
                sum.add(row);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_hold_both_orders() {
        for (rows, columns) in [(1, 1), (33, 40), (64, 31), (70, 97)] {
            let values: Vec<f32> = (0..rows * columns).map(|k| k as f32).collect();
            let across: Vec<f32> =
                (0..columns).flat_map(|i| (0..rows).map(move |r| (r * columns + i) as f32)).collect();
            let tiles = into_tiles(&[&values], columns);
            assert_eq!(from_tiles(&tiles, rows, 0..rows, columns), values);
            assert!(into_transposed_tiles(&values, rows, columns) == into_tiles(&[&across], rows));
            let both = into_tiles(&[&values, &across[..columns]], columns);
            assert_eq!(from_tiles(&both, rows + 1, 0..rows, columns), values);
            assert_eq!(from_tiles(&both, rows + 1, rows..rows + 1, columns), across[..columns]);
        }
    }
}
