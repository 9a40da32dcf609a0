//! The Restricted Boltzmann machine as plain host data, and its defining formulas in f64.
//!
//! E(v, h) = −Σ w_ji v_j h_i − Σ b_j v_j − Σ c_i h_i with v, h ∈ {0, 1};
//! F(v) = −Σ b_j v_j − Σ softplus(c_i + Σ_j w_ji v_j); p(v) = e^{−F(v)} / Z.
//! (Smolensky 1986; Hinton, "A practical guide to training restricted Boltzmann machines", 2010.)

mod singular;
mod units;

pub use self::singular::{Singular, singular};
pub use self::units::{Units, Values};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::numerics::softplus;

/// Parameters of an RBM.
#[derive(Debug, Clone, PartialEq)]
pub struct Rbm {
    /// Number of visible units.
    pub n_visible: usize,
    /// Number of hidden units.
    pub n_hidden: usize,
    /// `[n_visible, n_hidden]`, row-major.
    pub weights: Vec<f32>,
    /// `[n_visible]`.
    pub visible_bias: Vec<f32>,
    /// `[n_hidden]`.
    pub hidden_bias: Vec<f32>,
}

/// Largest number of units on one side, and of weights in all, that this version takes.
pub const MAX_WEIGHTS: usize = 1 << 31;

impl Rbm {
    /// All parameters zero.
    #[must_use]
    pub fn zeros(n_visible: usize, n_hidden: usize) -> Self {
        Self {
            n_visible,
            n_hidden,
            weights: vec![0.0; n_visible * n_hidden],
            visible_bias: vec![0.0; n_visible],
            hidden_bias: vec![0.0; n_hidden],
        }
    }

    /// Weight between visible `j` and hidden `i`.
    #[must_use]
    pub fn weight(&self, j: usize, i: usize) -> f32 {
        self.weights[j * self.n_hidden + i]
    }

    /// Checks lengths and finiteness.
    ///
    /// # Errors
    /// [`Error::Input`] naming the first tensor whose length is wrong or that holds a NaN or an infinity.
    pub fn validate(&self) -> Result<()> {
        let tensors = [
            ("weights", &self.weights, self.n_visible * self.n_hidden),
            ("visible_bias", &self.visible_bias, self.n_visible),
            ("hidden_bias", &self.hidden_bias, self.n_hidden),
        ];
        for (name, values, length) in tensors {
            if values.len() != length {
                return Err(Error::Input(
                    Fault::new(format!("{name} has {} values", values.len())).expected(format!("{length}")),
                ));
            }
            if let Some(at) = values.iter().position(|x| !x.is_finite()) {
                return Err(Error::Input(
                    Fault::new(format!("{name} holds {} at index {at}", values[at])).expected("finite numbers"),
                ));
            }
        }
        Ok(())
    }

    /// x_i = c_i + Σ_j w_ji v_j for row `r` of `v`, `[n_hidden]`.
    #[must_use]
    pub fn inputs_h_from_v(&self, v: &BitMatrix, r: usize) -> Vec<f64> {
        let mut x: Vec<f64> = self.hidden_bias.iter().map(|&c| f64::from(c)).collect();
        for j in (0..self.n_visible).filter(|&j| v.get(r, j)) {
            for (x, &w) in x.iter_mut().zip(&self.weights[j * self.n_hidden..(j + 1) * self.n_hidden]) {
                *x += f64::from(w);
            }
        }
        x
    }

    /// y_j = b_j + Σ_i w_ji h_i for row `r` of `h`, `[n_visible]`.
    #[must_use]
    pub fn inputs_v_from_h(&self, h: &BitMatrix, r: usize) -> Vec<f64> {
        (0..self.n_visible)
            .map(|j| {
                let on = (0..self.n_hidden).filter(|&i| h.get(r, i));
                f64::from(self.visible_bias[j]) + on.map(|i| f64::from(self.weight(j, i))).sum::<f64>()
            })
            .collect()
    }

    /// F(v) of row `r`, in nats.
    #[must_use]
    pub fn free_energy(&self, v: &BitMatrix, r: usize) -> f64 {
        let bias: f64 = (0..self.n_visible).filter(|&j| v.get(r, j)).map(|j| f64::from(self.visible_bias[j])).sum();
        -bias - self.inputs_h_from_v(v, r).into_iter().map(softplus).sum::<f64>()
    }

    /// The machine with visible and hidden units exchanged: same Z, weights transposed.
    #[must_use]
    pub fn exchanged(&self) -> Self {
        let mut weights = Vec::with_capacity(self.weights.len());
        for i in 0..self.n_hidden {
            weights.extend((0..self.n_visible).map(|j| self.weight(j, i)));
        }
        Self {
            n_visible: self.n_hidden,
            n_hidden: self.n_visible,
            weights,
            visible_bias: self.hidden_bias.clone(),
            hidden_bias: self.visible_bias.clone(),
        }
    }

    /// Ising model with coupling K = J/T on the given bonds, exactly: one hidden unit a bond, cosh(2w') = e^{2K},
    /// w = 4w' in {0, 1} units, hidden field θ = 0. p(v) ∝ e^{K Σ s s'} and ln Z_rbm = ln Z_ising + constant, where the
    /// constant is returned beside the machine: −F(v) = K Σ s s' + constant.
    #[must_use]
    pub fn ising(sites: usize, bonds: &[(usize, usize)], k: f64) -> (Self, f64) {
        let mut rbm = Self::zeros(sites, bonds.len());
        let w = 4.0 * 0.5 * (2.0 * k).exp().acosh();
        let w = f64::from(w as f32);
        for (i, &(a, b)) in bonds.iter().enumerate() {
            rbm.weights[a * bonds.len() + i] = w as f32;
            rbm.weights[b * bonds.len() + i] = w as f32;
            rbm.hidden_bias[i] = -w as f32;
            rbm.visible_bias[a] -= 0.5 * w as f32;
            rbm.visible_bias[b] -= 0.5 * w as f32;
        }
        // A bond's unit contributes softplus(w(v_a + v_b − 1)) − w/2 (v_a + v_b): ln 2cosh(w/2) − w/2 for equal spins,
        // ln 2 − w/2 for unequal ones; half their sum is the constant of a bond.
        let equal = (2.0 * (w / 2.0).cosh()).ln() - w / 2.0;
        let unequal = std::f64::consts::LN_2 - w / 2.0;
        (rbm, bonds.len() as f64 * 0.5 * (equal + unequal))
    }
}
