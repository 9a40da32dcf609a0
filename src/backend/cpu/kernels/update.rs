//! The parameter update from the moments of both phases.
//!
//! Maths: D = data − model; g_w = D_vh − μ D_h − D_v λ where centred, else D_vh; λ ← (1 − s) λ + s ⟨h⟩_data first. Weights
//! change by Δw, penalties included; b by r times the step of D_v, c by that of D_h, of D_h + κ (p − λ) with a sparse target
//! p, and where centred by −Δw λ and −Δwᵀ μ besides. What becomes of g is told with [`UpdateRule`].
//! Shapes: weights `[tiles, n_visible, 32]`, velocities and squares `[tiles, 1 or 2, n_visible, 32]`, moments
//! `[tiles, n_visible + 1, 32]`: a task is a tile of hidden units, and reads and writes each number once.
//! Class: bounded.
//! Source: Melchior, Fischer, Wiskott, "How to center deep Boltzmann machines", JMLR 17 (2016).
//!
//! [`UpdateRule`]: crate::backend::UpdateRule

use crate::backend::cpu::tile::{Instructions, TILE, Tile, kernel};
use crate::backend::{Coefficients, Formula};

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
    /// Whether offsets are used.
    pub(crate) centred: bool,
    /// Hidden units of the tile that exist: the others' averages are of sig(0), and their weights must stay zero.
    pub(crate) units: usize,
}

/// One formula of [`Formula`].
trait Step {
    /// Moves velocity v and second moment q along g; returns what is added to the parameter w (0: of no decay).
    fn step(c: &Coefficients, g: f32, w: f32, v: &mut f32, q: &mut f32) -> f32;
}

struct Momentum;
struct Nesterov;
struct Adam;
struct RmsProp;

impl Step for Momentum {
    #[inline(always)]
    fn step(c: &Coefficients, g: f32, w: f32, v: &mut f32, _: &mut f32) -> f32 {
        *v = c.momentum * *v + g - c.weight_decay * w;
        c.learning_rate * *v
    }
}

impl Step for Nesterov {
    #[inline(always)]
    fn step(c: &Coefficients, g: f32, w: f32, v: &mut f32, _: &mut f32) -> f32 {
        let g = g - c.weight_decay * w;
        *v = c.momentum * *v + g;
        c.learning_rate * (g + c.momentum * *v)
    }
}

/// v over the root of the mean square.
#[inline(always)]
fn scaled(c: &Coefficients, g: f32, v: f32, q: &mut f32) -> f32 {
    *q = c.square_decay * *q + (1.0 - c.square_decay) * (g * g);
    c.learning_rate * v / ((c.square_scale * *q).sqrt() + c.epsilon)
}

impl Step for Adam {
    #[inline(always)]
    fn step(c: &Coefficients, g: f32, _: f32, v: &mut f32, q: &mut f32) -> f32 {
        *v = c.momentum * *v + (1.0 - c.momentum) * g;
        scaled(c, g, *v, q)
    }
}

impl Step for RmsProp {
    #[inline(always)]
    fn step(c: &Coefficients, g: f32, _: f32, v: &mut f32, q: &mut f32) -> f32 {
        *v = g;
        scaled(c, g, g, q)
    }
}

#[inline(always)]
fn clipped(c: &Coefficients, g: f32) -> f32 {
    if c.clip > 0.0 { g.clamp(-c.clip, c.clip) } else { g }
}

/// D_h with the pull of a hidden unit's mean activity `offset` towards the sparse target.
#[inline(always)]
pub(crate) fn sparse(c: &Coefficients, d: f32, offset: f32) -> f32 {
    if c.sparse_cost > 0.0 { d + c.sparse_cost * (c.sparse_target - offset) } else { d }
}

/// Moves weights along g, which becomes the change of the weights.
#[inline(always)]
fn move_tile<T: Step>(c: &Coefficients, g: &mut Tile, w: &mut Tile, v: &mut Tile, q: &mut Tile) {
    let before = *w;
    for k in 0..TILE {
        let step = T::step(c, g.0[k], w.0[k], &mut v.0[k], &mut q.0[k]);
        w.0[k] += step - c.shrink * w.0[k];
    }
    if c.threshold > 0.0 {
        for w in &mut w.0 {
            *w = (w.abs() - c.threshold).max(0.0).copysign(*w);
        }
    }
    for k in 0..TILE {
        g.0[k] = w.0[k] - before.0[k];
    }
}

/// Factors by which the weights of every hidden unit of a tile come down to the largest norm.
#[inline(always)]
fn norm_factors(c: &Coefficients, weights: &[Tile]) -> Tile {
    let mut scale = Tile::ZERO;
    for w in weights {
        for k in 0..TILE {
            scale.0[k] += w.0[k] * w.0[k];
        }
    }
    for sum in &mut scale.0 {
        let norm = sum.sqrt();
        *sum = if norm > c.max_norm { c.max_norm / norm } else { 1.0 };
    }
    scale
}

/// Σ λ of each change of a visible unit's weights, of which `across` adds up μ times each.
#[inline(always)]
fn along_of<S: Instructions>(change: &Tile, lambda: &Tile, mu: f32, across: &mut Tile) -> f32 {
    let mut dot = Tile::ZERO;
    for k in 0..TILE {
        dot.0[k] = change.0[k] * lambda.0[k];
        across.0[k] += mu * change.0[k];
    }
    S::sum(&dot)
}

kernel! {
    /// Updates a tile's weights and what is `kept` for them, velocities and behind them second moments where the formula
    /// has them; where centred, writes Δw λ of each visible unit to `along` and Δwᵀ μ to `hidden`.
    pub(crate) fn update_weights<S>(
        gradient: &Gradient<'_>,
        c: &Coefficients,
        weights: &mut [Tile],
        kept: &mut [Tile],
        along: &mut [f32],
        hidden: &mut Tile,
    ) {
        let n_visible = gradient.visible.len();
        let lambda = gradient.hidden_offset;
        let mut d_h = gradient.products[n_visible];
        d_h.keep(gradient.units);
        let mut across = Tile::ZERO;
        let (velocity, square) = kept.split_at_mut(n_visible);
        let mut none = Tile::ZERO;
        for (j, ((w, v), along)) in weights.iter_mut().zip(velocity).zip(&mut *along).enumerate() {
            let mut g = gradient.products[j];
            g.keep(gradient.units);
            let (mu, d_v) = (gradient.visible_offset[j], gradient.visible[j]);
            if gradient.centred {
                for k in 0..TILE {
                    g.0[k] = g.0[k] - mu * d_h.0[k] - d_v * lambda.0[k];
                }
            }
            if c.clip > 0.0 {
                g.0.iter_mut().for_each(|g| *g = clipped(c, *g));
            }
            let q = square.get_mut(j).unwrap_or(&mut none);
            match c.formula {
                Formula::Momentum => move_tile::<Momentum>(c, &mut g, w, v, q),
                Formula::Nesterov => move_tile::<Nesterov>(c, &mut g, w, v, q),
                Formula::Adam => move_tile::<Adam>(c, &mut g, w, v, q),
                Formula::RmsProp => move_tile::<RmsProp>(c, &mut g, w, v, q),
            }
            if gradient.centred {
                *along = along_of::<S>(&g, &lambda, mu, &mut across);
            }
        }
        if c.max_norm > 0.0 {
            let factors = norm_factors(c, weights);
            for ((w, along), &mu) in weights.iter_mut().zip(along).zip(gradient.visible_offset) {
                let before = *w;
                let mut change = Tile::ZERO;
                for k in 0..TILE {
                    w.0[k] *= factors.0[k];
                    change.0[k] = w.0[k] - before.0[k];
                }
                if gradient.centred {
                    *along += along_of::<S>(&change, &lambda, mu, &mut across);
                }
            }
        }
        *hidden = across;
    }
}

/// Moves biases by r times the step of D, less `along`; only the clip is for them of all that holds parameters small.
pub(crate) fn update_bias(
    c: &Coefficients,
    bias_rate: f32,
    differences: impl Iterator<Item = (f32, f32)>,
    bias: &mut [f32],
    kept: &mut [f32],
) {
    let (velocity, square) = kept.split_at_mut(bias.len());
    let mut none = 0.0;
    for (j, (((d, along), b), v)) in differences.zip(bias).zip(velocity).enumerate() {
        let (d, q) = (clipped(c, d), square.get_mut(j).unwrap_or(&mut none));
        let step = match c.formula {
            Formula::Momentum => Momentum::step(c, d, 0.0, v, q),
            Formula::Nesterov => Nesterov::step(c, d, 0.0, v, q),
            Formula::Adam => Adam::step(c, d, 0.0, v, q),
            Formula::RmsProp => RmsProp::step(c, d, 0.0, v, q),
        };
        *b += bias_rate * step - along;
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
