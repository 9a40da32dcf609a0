//! What one parameter update does with its gradient g, and what it keeps from one update to the next.
//!
//! | [`Descent`] | velocity v, second moment q | step |
//! | --- | --- | --- |
//! | momentum (Polyak 1964; m = 0 is the plain gradient) | v ← m v + g − λ w | η v |
//! | Nesterov (Sutskever et al., ICML 2013) | v ← m v + g − λ w | η (g − λ w + m v) |
//! | Adam (Kingma and Ba, ICLR 2015) | v ← β₁ v + (1 − β₁) g, q ← β₂ q + (1 − β₂) g² | η v̂ / (√q̂ + ε) − η λ w |
//! | RMSProp (Tieleman and Hinton 2012) | v = g, q ← β₂ q + (1 − β₂) g² | s η g / (√q̂ + ε) − η λ w |
//!
//! Corrected for starting at 0: v̂ = v / (1 − β₁ᵗ), q̂ = q / (1 − β₂ᵗ) in update t = 1, 2, …; λ is the weight decay, on
//! weights only, beside the adaptive step because √q̂ would divide its strength away (Loshchilov and Hutter, ICLR 2019).
//! Biases move in the coordinates of the centred gradient (Melchior et al., JMLR 17, 2016): with D = data − model and
//! offsets μ, λ_h, b moves by r times the step of D_v and c by that of D_h, r the bias rate, and a change Δw of the weights
//! moves b by −Δw λ_h and c by −Δwᵀ μ besides, so that at the offsets no input changes with it. Δw is all that happens to
//! the weights: steps, decay, L1 and the largest norm. What is left uncompensated of it moves the inputs of all units at
//! once, which persistent chains cannot follow: 8 × 8 Ising rows at T = 2.269, 64 hidden, PCD-5, 4000 updates, Adam at
//! η = 0.003 with the components of g_b = r D_v − g_w λ_h scaled instead: divergence 298 nats, 0.81 as it is done here
//! (without anchors); 700 cells of 64 genes, 32 hidden, a decay of 0.01 beside RMSProp that moves weights alone: −54.9 nats
//! a row, where independent units have −35.6.
//!
//! A sparse target p of cost κ adds κ (p − λ_h) to D_h, by which hidden biases move the mean activity of their units, a moving
//! average over the data, towards p (Hinton 2010, 11); weights feel it only through the activities.
//!
//! Before all that every component of g_w, D_v and D_h is held within ±clip. That bounds the steps, and needs no sum over
//! parameters and so no dispatch of its own; a global norm would say little more, since no component of a difference of
//! means exceeds 1. Afterwards weights shrink by η l1 and stop at 0, the proximal step of the L1 penalty, which gives
//! exact zeros (Beck and Teboulle 2009); last, the weights of a hidden unit whose norm √Σ_j w_ji² exceeds the largest
//! one are scaled down to it (Srebro and Shraibman 2005). These are for weights only.

use crate::rbm::Rbm;

/// How gradients become steps.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Descent {
    /// Gradients pile up in a velocity.
    Momentum {
        /// m, from 0 to below 1.
        momentum: f64,
    },
    /// The same, looking ahead.
    Nesterov {
        /// m, from 0 to below 1.
        momentum: f64,
    },
    /// Steps of even size: mean gradient over the root of its mean square.
    Adam {
        /// β₁, from 0 to below 1.
        momentum: f64,
        /// β₂, from 0 to below 1.
        square_decay: f64,
        /// ε, positive.
        epsilon: f64,
    },
    /// Gradient over the root of its mean square.
    RmsProp {
        /// β₂, from 0 to below 1.
        square_decay: f64,
        /// ε, positive.
        epsilon: f64,
        /// s, positive: a gradient as usual makes a step of s η.
        scale: f64,
    },
}

impl Descent {
    /// The gradient itself.
    pub const PLAIN: Self = Self::Momentum { momentum: 0.0 };

    /// Whether it keeps second moments.
    #[must_use]
    pub fn is_adaptive(&self) -> bool {
        matches!(self, Self::Adam { .. } | Self::RmsProp { .. })
    }
}

/// What holds parameters small.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Penalties {
    /// λ of L2, weights only.
    pub weight_decay: f64,
    /// λ of L1, weights only.
    pub l1: f64,
    /// Largest √Σ_j w_ji² of a hidden unit.
    pub max_norm: Option<f64>,
    /// Largest size of a component of the gradient.
    pub clip: Option<f64>,
    /// What draws the mean activity of hidden units to one value.
    pub sparsity: Option<Sparsity>,
}

/// A pull of hidden biases towards a mean activity.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Sparsity {
    /// p, between 0 and 1.
    pub target: f64,
    /// κ, positive.
    pub cost: f64,
}

/// One parameter update, all numbers of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpdateRule {
    /// η of this update.
    pub learning_rate: f64,
    /// How gradients become steps.
    pub descent: Descent,
    /// What holds parameters small.
    pub penalties: Penalties,
    /// Updates done before this one.
    pub update: u64,
    /// Factor on η for the bias part of the centred gradient: small values damp the swing of a symmetric pair of modes.
    pub bias_rate: f32,
    /// Centred gradient: offsets μ (fixed, uploaded with the optimiser) and λ_h (moving average of ⟨h⟩_data).
    pub centred: bool,
    /// s in λ_h ← (1 − s) λ_h + s ⟨h⟩_data, before the offsets are used.
    pub offset_rate: f32,
}

/// What an optimiser keeps besides the parameters; checkpoints hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimiserState {
    /// Velocities, shaped like the parameters.
    pub velocity: Rbm,
    /// Second moments, shaped like the parameters, for rules that have them.
    pub square: Option<Rbm>,
    /// μ, `[n_visible]`.
    pub visible_offset: Vec<f32>,
    /// λ_h, `[n_hidden]`.
    pub hidden_offset: Vec<f32>,
}

impl OptimiserState {
    /// At rest, with offsets μ from the data and λ_h = ½.
    #[must_use]
    pub fn at_rest(rbm: &Rbm, descent: &Descent, visible_offset: Vec<f32>) -> Self {
        let zeros = || Rbm::zeros(rbm.n_visible, rbm.n_hidden);
        Self {
            velocity: zeros(),
            square: descent.is_adaptive().then(zeros),
            visible_offset,
            hidden_offset: vec![0.5; rbm.n_hidden],
        }
    }
}

/// Which formula a kernel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Formula {
    Momentum = 0,
    Nesterov = 1,
    Adam = 2,
    RmsProp = 3,
}

/// The numbers of one update as kernels of both backends use them; 0 where a penalty is off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Coefficients {
    pub(crate) formula: Formula,
    /// η; for Adam η / (1 − β₁ᵗ), for RMSProp s η.
    pub(crate) learning_rate: f32,
    /// m or β₁.
    pub(crate) momentum: f32,
    /// β₂.
    pub(crate) square_decay: f32,
    /// 1 / (1 − β₂ᵗ).
    pub(crate) square_scale: f32,
    /// ε.
    pub(crate) epsilon: f32,
    /// λ in the gradient; 0 for adaptive formulas.
    pub(crate) weight_decay: f32,
    /// η λ beside the adaptive step; 0 for the others.
    pub(crate) shrink: f32,
    /// η l1.
    pub(crate) threshold: f32,
    pub(crate) clip: f32,
    pub(crate) max_norm: f32,
    /// p.
    pub(crate) sparse_target: f32,
    /// κ.
    pub(crate) sparse_cost: f32,
}

impl UpdateRule {
    /// The first update along the plain, uncentred gradient.
    #[must_use]
    pub fn plain(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            descent: Descent::PLAIN,
            penalties: Penalties::default(),
            update: 0,
            bias_rate: 1.0,
            centred: false,
            offset_rate: 0.0,
        }
    }

    /// Its numbers, rounded to f32 once.
    pub(crate) fn coefficients(&self) -> Coefficients {
        let Self { learning_rate: rate, penalties, .. } = *self;
        let scale = if let Descent::RmsProp { scale, .. } = self.descent { scale } else { 1.0 };
        let t = (self.update + 1) as f64;
        // 1 − βᵗ without cancellation for β near 1.
        let rest = |beta: f64| -(t * beta.ln()).exp_m1();
        let (formula, momentum, square_decay, epsilon) = match self.descent {
            Descent::Momentum { momentum } => (Formula::Momentum, momentum, 0.0, 0.0),
            Descent::Nesterov { momentum } => (Formula::Nesterov, momentum, 0.0, 0.0),
            Descent::Adam { momentum, square_decay, epsilon } => (Formula::Adam, momentum, square_decay, epsilon),
            Descent::RmsProp { square_decay, epsilon, .. } => (Formula::RmsProp, 0.0, square_decay, epsilon),
        };
        let adaptive = self.descent.is_adaptive();
        let decay = penalties.weight_decay;
        Coefficients {
            formula,
            learning_rate: (if formula == Formula::Adam { rate / rest(momentum) } else { scale * rate }) as f32,
            momentum: momentum as f32,
            square_decay: square_decay as f32,
            square_scale: (1.0 / rest(square_decay)) as f32,
            epsilon: epsilon as f32,
            weight_decay: (if adaptive { 0.0 } else { decay }) as f32,
            shrink: (if adaptive { rate * decay } else { 0.0 }) as f32,
            threshold: (rate * penalties.l1) as f32,
            clip: penalties.clip.unwrap_or(0.0) as f32,
            max_norm: penalties.max_norm.unwrap_or(0.0) as f32,
            sparse_target: penalties.sparsity.map_or(0.0, |s| s.target) as f32,
            sparse_cost: penalties.sparsity.map_or(0.0, |s| s.cost) as f32,
        }
    }
}
