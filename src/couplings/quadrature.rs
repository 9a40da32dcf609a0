//! Nodes of the Fourier integrals that give couplings in the spin basis.
//!
//! With w' = w/4, θ_i = ½(c_i + ½ Σ_j w_ji) a hidden unit contributes softplus(x) = x/2 + ln 2cosh(θ_i + Σ_j w'_ji s_j), and
//! d²/dx² ln 2cosh x = sech² x = (1/2π) ∫ G(t) e^{itx} dt, G(t) = πt / sinh(πt/2). Averaging e^{itΣ w' s} Π_S s over all
//! spins turns each spin into a cosine or, within S, i times a sine:
//!
//!   J_S ∋ −(1/π) ∫_0^∞ dt G(t)/t² · Re{ i^{|S|} e^{itθ} Π_{j∈S} sin(w'_j t) Π_{j∉S} cos(w'_j t) }.
//!
//! The midpoint rule with step 2π/ω is in error by the same quantity at θ ± ω, θ ± 2ω, … (Poisson), with alternating
//! signs, in which what does not decay cancels and the rest is under e^{−2(ω − |θ| − Σ|w'|)}: ω = |θ| + Σ|w'| + 20 leaves
//! e^{−40}. Beyond t = 25 the integrand is under 10⁻¹⁶ of G(0).

use std::f64::consts::PI;

use crate::rbm::Rbm;

/// Upper end of the integral.
const END: f64 = 25.0;
/// ω beyond the largest argument of ln 2cosh.
const MARGIN: f64 = 20.0;

/// A hidden unit in the spin basis.
#[derive(Debug, Clone)]
pub(super) struct HiddenUnit {
    /// w'_j for all visible units.
    pub(super) weights: Vec<f64>,
    /// θ.
    pub(super) field: f64,
    /// Number of nodes.
    pub(super) nodes: usize,
    step: f64,
}

/// One node of the integral of one hidden unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// t.
    pub(super) t: f64,
    /// (step/π) G(t)/t² cos(tθ): the factor for even orders, up to the sign.
    pub(super) even: f64,
    /// (step/π) G(t)/t² sin(tθ): the factor for odd orders, up to the sign.
    pub(super) odd: f64,
}

impl HiddenUnit {
    /// Hidden unit `i`; `spread` is added to ω in units of √Σw'² for integrands that are smoothed by a Gaussian.
    pub(super) fn new(rbm: &Rbm, i: usize, spread: f64) -> Self {
        let weights: Vec<f64> = (0..rbm.n_visible).map(|j| 0.25 * f64::from(rbm.weight(j, i))).collect();
        let field = 0.5 * f64::from(rbm.hidden_bias[i]) + weights.iter().sum::<f64>();
        let reach = field.abs() + weights.iter().map(|w| w.abs()).sum::<f64>();
        let width = weights.iter().map(|w| w * w).sum::<f64>().sqrt();
        let step = 2.0 * PI / (reach + spread * width + MARGIN);
        Self { weights, field, nodes: (END / step).ceil() as usize, step }
    }

    /// The nodes, ascending in t.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Node> {
        (0..self.nodes).map(|n| {
            let t = (n as f64 + 0.5) * self.step;
            let weight = self.step / (t * (0.5 * PI * t).sinh());
            let (sin, cos) = (t * self.field).sin_cos();
            Node { t, even: weight * cos, odd: weight * sin }
        })
    }
}

/// The part of J_j that no quadrature is needed for: ½(b_j + ½ Σ_i w_ji).
pub(super) fn linear_part(rbm: &Rbm, j: usize) -> f64 {
    let weights: f64 = (0..rbm.n_hidden).map(|i| f64::from(rbm.weight(j, i))).sum();
    0.5 * (f64::from(rbm.visible_bias[j]) + 0.5 * weights)
}
