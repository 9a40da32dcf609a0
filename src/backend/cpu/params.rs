//! Parameters and optimiser state as the CPU kernels want them: rows padded to whole tiles, weights in both orders.

use super::kernels::gibbs_half_step::Side;
use super::product::{TILE, Weights};
use crate::backend::OptimiserState;
use crate::rbm::Rbm;

/// Parameters and optimiser state in memory.
#[derive(Debug, Clone)]
pub struct CpuParams {
    pub(crate) n_visible: usize,
    pub(crate) n_hidden: usize,
    /// `[n_visible, padded n_hidden]`.
    pub(crate) weights: Vec<f32>,
    /// `[padded n_hidden, padded n_visible]`.
    pub(crate) transposed: Vec<f32>,
    pub(crate) visible_bias: Vec<f32>,
    pub(crate) hidden_bias: Vec<f32>,
    pub(crate) velocity: Vec<f32>,
    pub(crate) visible_velocity: Vec<f32>,
    pub(crate) hidden_velocity: Vec<f32>,
    pub(crate) visible_offset: Vec<f32>,
    pub(crate) hidden_offset: Vec<f32>,
}

pub(crate) fn padded(n: usize) -> usize {
    n.next_multiple_of(TILE)
}

/// `values` followed by zeros to whole tiles.
pub(crate) fn pad(values: &[f32]) -> Vec<f32> {
    let mut out = values.to_vec();
    out.resize(padded(values.len()), 0.0);
    out
}

fn pad_rows(values: &[f32], columns: usize) -> Vec<f32> {
    values.chunks_exact(columns).flat_map(pad).collect()
}

fn trim_rows(values: &[f32], columns: usize) -> Vec<f32> {
    values.chunks_exact(padded(columns)).flat_map(|row| row[..columns].iter().copied()).collect()
}

impl CpuParams {
    pub(crate) fn new(rbm: &Rbm, optimiser: Option<&OptimiserState>) -> Self {
        let (n_visible, n_hidden) = (rbm.n_visible, rbm.n_hidden);
        let at_rest;
        let state = if let Some(state) = optimiser {
            state
        } else {
            at_rest = OptimiserState::at_rest(rbm, vec![0.5; n_visible]);
            &at_rest
        };
        let mut transposed = pad_rows(&rbm.exchanged().weights, n_visible);
        transposed.resize(padded(n_hidden) * padded(n_visible), 0.0);
        Self {
            n_visible,
            n_hidden,
            weights: pad_rows(&rbm.weights, n_hidden),
            transposed,
            visible_bias: pad(&rbm.visible_bias),
            hidden_bias: pad(&rbm.hidden_bias),
            velocity: pad_rows(&state.velocity.weights, n_hidden),
            visible_velocity: state.velocity.visible_bias.clone(),
            hidden_velocity: pad(&state.velocity.hidden_bias),
            visible_offset: state.visible_offset.clone(),
            hidden_offset: pad(&state.hidden_offset),
        }
    }

    pub(crate) fn to_host(&self) -> (Rbm, OptimiserState) {
        let (n_visible, n_hidden) = (self.n_visible, self.n_hidden);
        let machine = |weights: &[f32], visible: &[f32], hidden: &[f32]| Rbm {
            n_visible,
            n_hidden,
            weights: trim_rows(weights, n_hidden),
            visible_bias: visible[..n_visible].to_vec(),
            hidden_bias: hidden[..n_hidden].to_vec(),
        };
        let state = OptimiserState {
            velocity: machine(&self.velocity, &self.visible_velocity, &self.hidden_velocity),
            visible_offset: self.visible_offset.clone(),
            hidden_offset: self.hidden_offset[..n_hidden].to_vec(),
        };
        (machine(&self.weights, &self.visible_bias, &self.hidden_bias), state)
    }

    /// Hidden units given visible ones.
    pub(crate) fn hidden_side(&self) -> Side<'_> {
        let weights = Weights { values: &self.weights, stride: padded(self.n_hidden), inputs: self.n_visible };
        Side { weights, bias: &self.hidden_bias, base: &[], units: self.n_hidden }
    }

    /// Visible units given hidden ones.
    pub(crate) fn visible_side<'a>(&'a self, base: &'a [f32]) -> Side<'a> {
        let weights = Weights { values: &self.transposed, stride: padded(self.n_visible), inputs: self.n_hidden };
        Side { weights, bias: &self.visible_bias, base, units: self.n_visible }
    }

    /// 2 c_i + Σ_j w_ji, padded: the hidden inputs of v and 1 − v add up to this.
    pub(crate) fn turned_inputs(&self) -> Vec<f32> {
        let mut sums: Vec<f32> = self.hidden_bias.iter().map(|c| 2.0 * c).collect();
        for row in self.weights.chunks_exact(padded(self.n_hidden)) {
            for (sum, w) in sums.iter_mut().zip(row) {
                *sum += w;
            }
        }
        sums
    }
}
