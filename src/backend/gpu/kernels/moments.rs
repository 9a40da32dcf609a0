//! Means over chains of v, of sig(x) and of their products.
//!
//! Maths: ⟨v_j sig(x_i)⟩, ⟨v_j⟩, ⟨sig(x_i)⟩; written for the data, subtracted for the model.
//! Shapes: states `[chains, n_visible]` packed, products `[n_visible, n_hidden]`.
//! Random: none.
//! Class: bounded.
//! Source: Hinton 2010, eq. 9, with p(h | v) in both phases.
//!
//! Two products: sig(x) of a slice of chains, then vᵀ·sig(x), with one more unit on each side for the means alone.

use crate::backend::Phase;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Moments, Params, States};
use crate::error::Result;

use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct AccumulateMoments {
        first_row: u32,
        chains: u32,
        n_visible: u32,
        n_hidden: u32,
        scale: f32,
        keep: u32,
    }
}

/// sig(x) of a slice of chains.
pub(super) static MEANS: Kernel =
    kernel!(tiled "moments", "mean_hidden", AccumulateMoments, [Read, Read, Read, ReadWrite, ReadWrite, ReadWrite]);
/// Their product with the visible units.
pub(super) static MULTIPLY: Kernel =
    kernel!(tiled "moments", "multiply", AccumulateMoments, [Read, Read, Read, ReadWrite, ReadWrite, ReadWrite]);

/// Bytes of sig(x) that are kept at a time; slices are added in order, so that results do not depend on the device.
const MEANS_BYTES: usize = 64 << 20;

/// Records one phase.
///
/// # Errors
/// When there is no room for a slice of sig(x).
pub(in crate::backend::gpu) fn record(
    gpu: &Gpu,
    params: &Params,
    states: &States,
    phase: Phase,
    moments: &mut Moments,
) -> Result<()> {
    let (n_visible, n_hidden) = (params.n_visible, params.n_hidden);
    let slice = (MEANS_BYTES / (4 * n_hidden)).clamp(1, states.rows.max(1));
    let means = moments.means(gpu, slice)?;
    let buffers = [params.stored_weights(), &params.biases, &states.words, &means, &moments.products, &moments.sums];
    let mean_tile = gpu.tile(slice, n_hidden, n_visible);
    let product_tile = gpu.tile(n_visible + 1, n_hidden + 1, slice);
    let mean_hidden = gpu.bind_tiled(&MEANS, params.precision(), mean_tile, &buffers);
    let multiply = gpu.bind_tiled(&MULTIPLY, params.precision(), product_tile, &buffers);
    let scale = (1.0 / states.rows as f64) as f32;
    for first_row in (0..states.rows).step_by(slice) {
        let rows = slice.min(states.rows - first_row);
        let parameters = AccumulateMoments {
            first_row: first_row as u32,
            chains: rows as u32,
            n_visible: n_visible as u32,
            n_hidden: n_hidden as u32,
            scale: if phase == Phase::Data { scale } else { -scale },
            keep: u32::from(phase == Phase::Model || first_row > 0),
        };
        let work = product_work(rows, n_visible, n_hidden);
        gpu.dispatch(&mean_hidden, &parameters, mean_tile.groups(rows, n_hidden), work);
        gpu.dispatch(&multiply, &parameters, product_tile.groups(n_visible + 1, n_hidden + 1), work);
    }
    Ok(())
}
