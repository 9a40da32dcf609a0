//! The parameter update from the moments of both phases.
//!
//! Maths: D = data − model; centred g_w = D_vh − μ D_h − D_v λ, g_b = r D_v − g_w λ, g_c = r D_h − g_wᵀ μ, else g = D with
//! r on the biases; velocity ← m velocity + g − decay · w (weights only); parameter += η velocity.
//! λ ← (1 − s) λ + s ⟨h⟩_data first.
//! Shapes: weights `[n_visible, padded n_hidden]`, moments tile-major as in `moments`.
//! Class: bounded.
//! Source: Melchior, Fischer, Wiskott, "How to center deep Boltzmann machines", JMLR 17 (2016).

use crate::backend::UpdateRule;
use crate::backend::cpu::lanes::{F32x8, multiversion};
use crate::backend::cpu::product::TILE;

/// Differences D of one update, beside the offsets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gradient<'a> {
    /// D_vh and, in row n_visible, D_h: `[tiles, n_visible + 1, 32]`.
    pub(crate) products: &'a [f32],
    /// D_v, `[n_visible]`.
    pub(crate) visible: &'a [f32],
    /// λ, padded to whole tiles; zeros when not centred.
    pub(crate) hidden_offset: &'a [f32],
    /// μ, `[n_visible]`; zeros when not centred.
    pub(crate) visible_offset: &'a [f32],
}

impl Gradient<'_> {
    /// D_vh of visible j (or D_h for j = n_visible) in lanes `8q ..` of `tile`.
    #[inline(always)]
    fn at(&self, n_visible: usize, tile: usize, j: usize, q: usize) -> F32x8 {
        F32x8::load(&self.products[(tile * (n_visible + 1) + j) * TILE + 8 * q..])
    }
}

multiversion! {
    /// Updates rows `first ..` of weights and velocity; returns g_w λ of each row through `along`.
    pub(crate) fn update_weights(
        gradient: &Gradient<'_>,
        rule: &UpdateRule,
        first: usize,
        weights: &mut [f32],
        velocity: &mut [f32],
        along: &mut [f32],
    ) {
        let n_visible = gradient.visible.len();
        let stride = weights.len() / along.len();
        let (rate, momentum, decay) =
            (F32x8::splat(rule.learning_rate), F32x8::splat(rule.momentum), F32x8::splat(rule.weight_decay));
        for (k, dot) in along.iter_mut().enumerate() {
            let j = first + k;
            let mu = F32x8::splat(gradient.visible_offset[j]);
            let d_v = F32x8::splat(gradient.visible[j]);
            let mut sum = F32x8::ZERO;
            for tile in 0..stride / TILE {
                for q in 0..4 {
                    let at = tile * TILE + 8 * q;
                    let lambda = F32x8::load(&gradient.hidden_offset[at..]);
                    let g = gradient.at(n_visible, tile, j, q)
                        - mu * gradient.at(n_visible, tile, n_visible, q)
                        - d_v * lambda;
                    sum = sum + g * lambda;
                    let w = &mut weights[k * stride + at..][..8];
                    let v = &mut velocity[k * stride + at..][..8];
                    let old = F32x8::load(w);
                    let next = momentum * F32x8::load(v) + g - decay * old;
                    next.store(v);
                    (old + rate * next).store(w);
                }
            }
            *dot = sum.sum();
        }
    }
}

multiversion! {
    /// g_c = r D_h − g_wᵀ μ for all hidden units, padded.
    pub(crate) fn hidden_gradient(gradient: &Gradient<'_>, rule: &UpdateRule, out: &mut [f32]) {
        let n_visible = gradient.visible.len();
        let (mut mu_mu, mut mu_d) = (0.0f32, 0.0f32);
        for (&mu, &d) in gradient.visible_offset.iter().zip(gradient.visible) {
            mu_mu += mu * mu;
            mu_d += mu * d;
        }
        for tile in 0..out.len() / TILE {
            for q in 0..4 {
                let at = tile * TILE + 8 * q;
                let mut sum = F32x8::ZERO;
                for (j, &mu) in gradient.visible_offset.iter().enumerate() {
                    sum = sum + F32x8::splat(mu) * gradient.at(n_visible, tile, j, q);
                }
                let d_h = gradient.at(n_visible, tile, n_visible, q);
                let lambda = F32x8::load(&gradient.hidden_offset[at..]);
                let across = sum - F32x8::splat(mu_mu) * d_h - F32x8::splat(mu_d) * lambda;
                (F32x8::splat(rule.bias_rate) * d_h - across).store(&mut out[at..]);
            }
        }
    }
}

/// Moves biases along their gradients; biases do not decay.
pub(crate) fn update_bias(rule: &UpdateRule, gradient: &[f32], bias: &mut [f32], velocity: &mut [f32]) {
    for ((&g, b), v) in gradient.iter().zip(bias).zip(velocity) {
        *v = rule.momentum * *v + g;
        *b += rule.learning_rate * *v;
    }
}

/// Copies rows `tile · 32 ..` of the transposed matrix from `weights`: `out` is `[32, padded n_visible]`.
pub(crate) fn transpose_tile(weights: &[f32], stride: usize, tile: usize, n_visible: usize, out: &mut [f32]) {
    let length = out.len() / TILE;
    for j in 0..n_visible {
        let row = &weights[j * stride + tile * TILE..][..TILE];
        for (i, &w) in row.iter().enumerate() {
            out[i * length + j] = w;
        }
    }
}
