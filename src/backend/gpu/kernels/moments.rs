//! Means over chains of v, of sig(x) and of their products.
//!
//! Maths: ⟨v_j sig(x_i)⟩, ⟨v_j⟩, ⟨sig(x_i)⟩; written for the data, subtracted for the model.
//! Shapes: states `[chains, n_visible]` packed, products `[n_visible, n_hidden]`.
//! Random: none.
//! Class: bounded.
//! Source: Hinton 2010, eq. 9, with p(h | v) in both phases.
//!
//! A workgroup owns 16 hidden units and up to 1024 visible ones; with more visible units every tile of 1024 computes
//! sig(x) again, which costs a product of all states with all weights.

use crate::backend::Phase;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Moments, Params, States};

use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct AccumulateMoments {
        chains: u32,
        n_visible: u32,
        n_hidden: u32,
        quads: u32,
        scale: f32,
        subtract: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel =
    kernel!("moments", "main", 256, AccumulateMoments, [Read, Read, Read, ReadWrite, ReadWrite]);

/// Hidden units of one workgroup.
const HIDDEN_TILE: usize = 16;

/// Visible units of one workgroup in fours: a power of two from 8 (one word) to 256.
fn quads(n_visible: usize) -> usize {
    n_visible.div_ceil(4).next_power_of_two().clamp(8, 256)
}

/// Records one phase.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, params: &Params, states: &States, phase: Phase, moments: &Moments) {
    let quads = quads(params.n_visible);
    let parameters = AccumulateMoments {
        chains: states.rows as u32,
        n_visible: params.n_visible as u32,
        n_hidden: params.n_hidden as u32,
        quads: quads as u32,
        scale: (1.0 / states.rows as f64) as f32,
        subtract: u32::from(phase == Phase::Model),
    };
    let buffers = [&params.weights, &params.biases, &states.words, &moments.products, &moments.sums];
    let visible_tiles = params.n_visible.div_ceil(4 * quads);
    let groups = visible_tiles * params.n_hidden.div_ceil(HIDDEN_TILE);
    let work = (1 + visible_tiles) as u64 * product_work(states.rows, params.n_visible, params.n_hidden);
    gpu.dispatch(&gpu.bind(&KERNEL, &buffers), &parameters, groups as u64, work);
}
