//! The parameter update from the moments of both phases.
//!
//! Maths: D = data − model; centred g_w = D_vh − μ D_h − D_v λ, g_b = r D_v − g_w λ, g_c = r D_h − g_wᵀ μ, else g = D with
//! r on the biases; velocity ← m velocity + g − decay · w (weights only); parameter += η velocity.
//! λ ← (1 − s) λ + s ⟨h⟩_data first.
//! Shapes: weights, velocity `[tiles, n_visible, 32]`, moments `[tiles, n_visible + 1, 32]`: a task is a tile of hidden
//! units, and reads and writes each number once.
//! Class: bounded.
//! Source: Melchior, Fischer, Wiskott, "How to center deep Boltzmann machines", JMLR 17 (2016).

use crate::backend::UpdateRule;
use crate::backend::cpu::tile::{TILE, Tile, kernel};

/// Differences D of one update for a tile of hidden units, beside the offsets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gradient<'a> {
    /// D_vh and, in row n_visible, D_h: `[n_visible + 1, 32]`.
    pub(crate) products: &'a [Tile],
    /// D_v, `[n_visible]`.
    pub(crate) visible: &'a [f32],
    /// λ of the tile; zeros when not centred.
    pub(crate) hidden_offset: Tile,
    /// μ, `[n_visible]`.
    pub(crate) visible_offset: &'a [f32],
    /// Hidden units of the tile that exist: the others' averages are of sig(0), and their weights must stay zero.
    pub(crate) units: usize,
}

kernel! {
    /// Updates a tile's weights and velocity; writes g_w λ of each visible unit to `along` and g_c to `hidden`.
    pub(crate) fn update_weights<S>(
        gradient: &Gradient<'_>,
        rule: &UpdateRule,
        weights: &mut [Tile],
        velocity: &mut [Tile],
        along: &mut [f32],
        hidden: &mut Tile,
    ) {
        let n_visible = gradient.visible.len();
        let lambda = gradient.hidden_offset;
        let mut d_h = gradient.products[n_visible];
        d_h.keep(gradient.units);
        let mut across = Tile::ZERO;
        for (j, ((w, v), along)) in weights.iter_mut().zip(velocity).zip(along).enumerate() {
            let mut g = gradient.products[j];
            g.keep(gradient.units);
            if rule.centred {
                let (mu, d_v) = (gradient.visible_offset[j], gradient.visible[j]);
                let mut dot = Tile::ZERO;
                for k in 0..TILE {
                    g.0[k] = g.0[k] - mu * d_h.0[k] - d_v * lambda.0[k];
                    dot.0[k] = g.0[k] * lambda.0[k];
                    across.0[k] += mu * g.0[k];
                }
                *along = S::sum(&dot);
            }
            for k in 0..TILE {
                v.0[k] = rule.momentum * v.0[k] + g.0[k] - rule.weight_decay * w.0[k];
                w.0[k] += rule.learning_rate * v.0[k];
            }
        }
        for k in 0..TILE {
            hidden.0[k] = rule.bias_rate * d_h.0[k] - across.0[k];
        }
    }
}

/// Moves biases along their gradients; biases do not decay.
pub(crate) fn update_bias(
    rule: &UpdateRule,
    gradient: impl Iterator<Item = f32>,
    bias: &mut [f32],
    velocity: &mut [f32],
) {
    for ((g, b), v) in gradient.zip(bias).zip(velocity) {
        *v = rule.momentum * *v + g;
        *b += rule.learning_rate * *v;
    }
}

kernel! {
    /// Copies visible units `32 · tile ..` of the weights `[hidden tiles, n_visible, 32]`, hidden and visible exchanged:
    /// `out` is `[n_hidden, 32]`.
    pub(crate) fn transpose_tile<S>(weights: &[Tile], n_visible: usize, tile: usize, out: &mut [Tile]) {
        let visible = tile * TILE..n_visible.min(tile * TILE + TILE);
        for (hidden, out) in weights.chunks_exact(n_visible).zip(out.chunks_mut(TILE)) {
            let mut square = [Tile::ZERO; TILE];
            square[..visible.len()].copy_from_slice(&hidden[visible.clone()]);
            for (i, out) in out.iter_mut().enumerate() {
                for (j, row) in square.iter().enumerate() {
                    out.0[j] = row.0[i];
                }
            }
        }
    }
}
