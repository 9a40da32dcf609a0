//! Applies both phases' moments to the parameters, in three entry points: offsets, then weights and biases.
//!
//! Maths: as in [`crate::backend::Backend::update`].
//! Shapes: weights `[n_visible, n_hidden]`.
//! Random: none.
//! Class: bounded.
//! Source: Melchior, Fischer, Wiskott, JMLR 17 (2016) 99.

use crate::backend::UpdateRule;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Moments, Params};
use crate::backend::gpu::memory::Shape;
use crate::backend::gpu::shader::Precision;
use crate::error::Result;

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct Update {
        n_visible: u32,
        n_hidden: u32,
        learning_rate: f32,
        bias_rate: f32,
        momentum: f32,
        weight_decay: f32,
        centred: u32,
        offset_rate: f32,
    }
}

/// λ_h.
pub(super) static OFFSETS: Kernel = kernel!(trusted "update", "offsets", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite]);
/// Weights and their velocities.
pub(super) static WEIGHTS: Kernel = kernel!(trusted "update", "change_weights", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite]);
/// Biases and their velocities.
pub(super) static BIASES: Kernel = kernel!(trusted "update", "change_biases", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite]);
/// Weights rounded to f16, two a word.
pub(super) static ROUND: Kernel = kernel!(trusted "update", "round_weights", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite]);

/// Records one update.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, params: &Params, moments: &Moments, rule: &UpdateRule) {
    let parameters = Update {
        n_visible: params.n_visible as u32,
        n_hidden: params.n_hidden as u32,
        learning_rate: rule.learning_rate,
        bias_rate: rule.bias_rate,
        momentum: rule.momentum,
        weight_decay: rule.weight_decay,
        centred: u32::from(rule.centred),
        offset_rate: rule.offset_rate,
    };
    let buffers = bindings(params, &moments.products, &moments.sums);
    let weights = (params.n_visible * params.n_hidden) as u64;
    gpu.dispatch(&gpu.bind(&OFFSETS, &buffers), &parameters, params.n_hidden.div_ceil(64) as u64, 0);
    let units = (params.n_visible + params.n_hidden) as u64;
    gpu.dispatch(&gpu.bind(&BIASES, &buffers), &parameters, units, 2 * weights);
    gpu.dispatch(&gpu.bind(&WEIGHTS, &buffers), &parameters, weights.div_ceil(64), weights);
    round(gpu, params, &buffers);
}

/// Records the first rounding of uploaded weights to f16, where they are kept so.
///
/// # Errors
/// When the device has no memory left.
pub(in crate::backend::gpu) fn round_uploaded(gpu: &Gpu, params: &Params) -> Result<()> {
    // Rounding reads no moments.
    let none = gpu.allocate(Shape { what: "no moments", unit: "numbers", rows: 1, row_bytes: 4 })?;
    round(gpu, params, &bindings(params, &none, &none));
    Ok(())
}

fn round(gpu: &Gpu, params: &Params, buffers: &[&wgpu::Buffer; 7]) {
    if params.precision() == Precision::F16 {
        let parameters = Update {
            n_visible: params.n_visible as u32,
            n_hidden: params.n_hidden as u32,
            ..bytemuck::Zeroable::zeroed()
        };
        let pairs = (params.n_visible * params.n_hidden).div_ceil(2) as u64;
        gpu.dispatch(&gpu.bind(&ROUND, buffers), &parameters, pairs.div_ceil(64), 2 * pairs);
    }
}

fn bindings<'a>(params: &'a Params, products: &'a wgpu::Buffer, sums: &'a wgpu::Buffer) -> [&'a wgpu::Buffer; 7] {
    [&params.weights, &params.biases, &params.velocities, &params.optimiser, products, sums, &params.halves]
}
