//! Restricted Boltzmann machines small enough to sum every visible state.
//!
//! Each hidden unit is summed over its two states, p*(v) = Π_i Σ_{h_i ∈ {0,1}} e^{h_i x_i} · e^{b·v}, and the gradient
//! of the log-likelihood is the difference of two sums over all states. State number: bit j = visible unit j.

use super::{shape_fault, size_fault};
use crate::error::Result;
use crate::numerics::{log_sum_exp, sigmoid};

/// Most visible units whose states are all summed.
pub const MAX_VISIBLE: usize = 20;

/// Parameters by slices: `weights` `[n_visible, n_hidden]` row-major, `visible_bias` `[n_visible]`,
/// `hidden_bias` `[n_hidden]`.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    weights: &'a [f32],
    visible_bias: &'a [f32],
    hidden_bias: &'a [f32],
}

/// d ln L/d(parameters) for one data distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// `[n_visible, n_hidden]`.
    pub weights: Vec<f64>,
    /// `[n_visible]`.
    pub visible_bias: Vec<f64>,
    /// `[n_hidden]`.
    pub hidden_bias: Vec<f64>,
}

impl<'a> Machine<'a> {
    /// Takes the parameters.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for more than [`MAX_VISIBLE`] visible units or weights of another shape.
    pub fn new(weights: &'a [f32], visible_bias: &'a [f32], hidden_bias: &'a [f32]) -> Result<Self> {
        let (n_visible, n_hidden) = (visible_bias.len(), hidden_bias.len());
        if n_visible > MAX_VISIBLE {
            let expected = format!("at most {MAX_VISIBLE}");
            return Err(size_fault(format!("enumeration of {n_visible} visible units"), expected));
        }
        if weights.len() != n_visible * n_hidden {
            let expected = format!("{n_visible} × {n_hidden}");
            return Err(shape_fault(format!("{} weights", weights.len()), expected));
        }
        Ok(Self { weights, visible_bias, hidden_bias })
    }

    fn states(&self) -> usize {
        1 << self.visible_bias.len()
    }

    /// c_i + Σ_j w_ji v_j.
    fn hidden_input(&self, state: usize, i: usize) -> f64 {
        let n_hidden = self.hidden_bias.len();
        let on = (0..self.visible_bias.len()).filter(|j| state >> j & 1 == 1);
        f64::from(self.hidden_bias[i]) + on.map(|j| f64::from(self.weights[j * n_hidden + i])).sum::<f64>()
    }

    /// ln p*(v) of every state, `[2^n_visible]`.
    #[must_use]
    pub fn log_weights(&self) -> Vec<f64> {
        (0..self.states())
            .map(|state| {
                let on = self.visible_bias.iter().enumerate().filter(|(j, _)| state >> j & 1 == 1);
                let bias: f64 = on.map(|(_, &b)| f64::from(b)).sum();
                let hidden = (0..self.hidden_bias.len()).map(|i| log_sum_exp(&[0.0, self.hidden_input(state, i)]));
                bias + hidden.sum::<f64>()
            })
            .collect()
    }

    /// ln Z.
    #[must_use]
    pub fn log_partition(&self) -> f64 {
        log_sum_exp(&self.log_weights())
    }

    /// p(v) of every state, `[2^n_visible]`.
    #[must_use]
    pub fn probabilities(&self) -> Vec<f64> {
        let weights = self.log_weights();
        let log_z = log_sum_exp(&weights);
        weights.into_iter().map(|w| (w - log_z).exp()).collect()
    }

    /// Gradient of Σ_v q(v) ln p(v) for data distribution `q`, `[2^n_visible]`.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when `q` has another length.
    pub fn gradient(&self, q: &[f64]) -> Result<Gradient> {
        if q.len() != self.states() {
            let expected = format!("one for each of {} states", self.states());
            return Err(shape_fault(format!("{} probabilities", q.len()), expected));
        }
        let (n_visible, n_hidden) = (self.visible_bias.len(), self.hidden_bias.len());
        let mut gradient = Gradient {
            weights: vec![0.0; n_visible * n_hidden],
            visible_bias: vec![0.0; n_visible],
            hidden_bias: vec![0.0; n_hidden],
        };
        for (state, p) in self.probabilities().into_iter().enumerate() {
            let excess = q[state] - p;
            let on = |j: &usize| state >> j & 1 == 1;
            (0..n_visible).filter(on).for_each(|j| gradient.visible_bias[j] += excess);
            for i in 0..n_hidden {
                let mean = excess * sigmoid(self.hidden_input(state, i));
                gradient.hidden_bias[i] += mean;
                (0..n_visible).filter(on).for_each(|j| gradient.weights[j * n_hidden + i] += mean);
            }
        }
        Ok(gradient)
    }
}

/// KL(q‖p) = Σ q ln(q/p) in nats; terms with q = 0 are 0.
///
/// # Errors
/// [`crate::Error::Input`] when the lengths differ.
pub fn kl_divergence(q: &[f64], p: &[f64]) -> Result<f64> {
    if q.len() != p.len() {
        return Err(shape_fault(format!("distributions over {} and {} states", q.len(), p.len()), "equal".to_string()));
    }
    Ok(q.iter().zip(p).filter(|(q, _)| **q > 0.0).map(|(q, p)| q * (q / p).ln()).sum())
}
