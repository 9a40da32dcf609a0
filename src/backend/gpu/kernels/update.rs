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
use crate::backend::gpu::machine::{Moments, Params, Part};
use crate::backend::gpu::memory::Shape;
use crate::error::Result;

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct Update {
        n_visible: u32,
        n_hidden: u32,
        first_visible: u32,
        rows: u32,
        learning_rate: f32,
        bias_rate: f32,
        momentum: f32,
        weight_decay: f32,
        centred: u32,
        offset_rate: f32,
        first_group: u32,
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
    let template = Update {
        n_visible: params.n_visible as u32,
        n_hidden: params.n_hidden as u32,
        first_visible: 0,
        rows: 0,
        learning_rate: rule.learning_rate,
        bias_rate: rule.bias_rate,
        momentum: rule.momentum,
        weight_decay: rule.weight_decay,
        centred: u32::from(rule.centred),
        offset_rate: rule.offset_rate,
        first_group: 0,
    };
    for (number, (part, (_, products))) in params.parts.iter().zip(&moments.products).enumerate() {
        let parameters = Update { first_visible: part.units.start as u32, rows: part.units.len() as u32, ..template };
        let buffers = bindings(params, part, products, &moments.sums);
        if number == 0 {
            let groups = params.n_hidden.div_ceil(64) as u64;
            gpu.dispatch(&gpu.bind(&OFFSETS, &buffers), &parameters, groups, 0);
        }
        let weights = (part.units.len() * params.n_hidden) as u64;
        let units = (part.units.len() + params.n_hidden) as u64;
        gpu.dispatch(&gpu.bind(&BIASES, &buffers), &parameters, units, 2 * weights);
        gpu.dispatch(&gpu.bind(&WEIGHTS, &buffers), &parameters, weights.div_ceil(64), weights);
        round(gpu, params, part, &buffers);
    }
}

/// Records the first rounding of uploaded weights to f16, where they are kept so.
///
/// # Errors
/// When the device has no memory left.
pub(in crate::backend::gpu) fn round_uploaded(gpu: &Gpu, params: &Params) -> Result<()> {
    if !params.precision().is_half() {
        return Ok(());
    }
    // Rounding reads no moments.
    let none = gpu.allocate(Shape { what: "no moments", unit: "numbers", rows: 1, row_bytes: 4 })?;
    for part in &params.parts {
        round(gpu, params, part, &bindings(params, part, &none, &none));
    }
    Ok(())
}

fn round(gpu: &Gpu, params: &Params, part: &Part, buffers: &[&wgpu::Buffer; 7]) {
    if params.precision().is_half() {
        let parameters = Update {
            n_visible: params.n_visible as u32,
            n_hidden: params.n_hidden as u32,
            rows: part.units.len() as u32,
            ..bytemuck::Zeroable::zeroed()
        };
        let pairs = (part.units.len() * params.n_hidden).div_ceil(2) as u64;
        gpu.dispatch(&gpu.bind(&ROUND, buffers), &parameters, pairs.div_ceil(64), 2 * pairs);
    }
}

fn bindings<'a>(
    params: &'a Params,
    part: &'a Part,
    products: &'a wgpu::Buffer,
    sums: &'a wgpu::Buffer,
) -> [&'a wgpu::Buffer; 7] {
    [&part.weights, &params.biases, &part.velocities, &params.optimiser, products, sums, &part.halves]
}
