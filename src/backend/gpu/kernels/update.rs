//! Applies both phases' moments to the parameters: offsets, then weights and biases, then norms where they are limited.
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
        formula: u32,
        learning_rate: f32,
        momentum: f32,
        square_decay: f32,
        square_scale: f32,
        epsilon: f32,
        weight_decay: f32,
        shrink: f32,
        threshold: f32,
        clip: f32,
        max_norm: f32,
        sparse_target: f32,
        sparse_cost: f32,
        bias_rate: f32,
        centred: u32,
        offset_rate: f32,
        stage: u32,
        first_group: u32,
    }
}

/// λ_h.
pub(super) static OFFSETS: Kernel = kernel!(trusted "update", "offsets", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite, ReadWrite]);
/// Weights and their velocities.
pub(super) static WEIGHTS: Kernel = kernel!(trusted "update", "change_weights", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite, ReadWrite]);
/// Biases and their velocities.
pub(super) static BIASES: Kernel = kernel!(trusted "update", "change_biases", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite, ReadWrite]);
/// Norms of the weights of hidden units, and the weights of those beyond the largest one.
pub(super) static NORMS: Kernel = kernel!(trusted "update", "limit_norms", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite, ReadWrite]);
/// Biases, by what the limit of the norms took from the weights.
pub(super) static LIMITED: Kernel = kernel!(trusted "update", "limit_biases", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite, ReadWrite]);
/// Weights rounded to f16, two a word.
pub(super) static ROUND: Kernel = kernel!(trusted "update", "round_weights", 64, Update, [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Read, Read, ReadWrite, ReadWrite]);

/// Parts of a stage of `limit_norms`: the sums of squares of all weights must be there before any is scaled.
const MEASURE: u32 = 1;
const LIMIT: u32 = 2;

/// Records one update.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, params: &Params, moments: &Moments, rule: &UpdateRule) {
    assert!(params.has_squares || !rule.descent.is_adaptive(), "second moments were uploaded");
    let c = rule.coefficients();
    let template = Update {
        n_visible: params.n_visible as u32,
        n_hidden: params.n_hidden as u32,
        first_visible: 0,
        rows: 0,
        formula: c.formula as u32,
        learning_rate: c.learning_rate,
        momentum: c.momentum,
        square_decay: c.square_decay,
        square_scale: c.square_scale,
        epsilon: c.epsilon,
        weight_decay: c.weight_decay,
        shrink: c.shrink,
        threshold: c.threshold,
        clip: c.clip,
        max_norm: c.max_norm,
        sparse_target: c.sparse_target,
        sparse_cost: c.sparse_cost,
        bias_rate: rule.bias_rate,
        centred: u32::from(rule.centred),
        offset_rate: rule.offset_rate,
        stage: 0,
        first_group: 0,
    };
    let of = |part: &Part| Update { first_visible: part.units.start as u32, rows: part.units.len() as u32, ..template };
    for (number, (part, (_, products))) in params.parts.iter().zip(&moments.products).enumerate() {
        let parameters = of(part);
        let buffers = bindings(params, part, products, &moments.sums);
        if number == 0 {
            let groups = params.n_hidden.div_ceil(64) as u64;
            gpu.dispatch(&gpu.bind(&OFFSETS, &buffers), &parameters, groups, 0);
        }
        let weights = (part.units.len() * params.n_hidden) as u64;
        let units = (part.units.len() + params.n_hidden) as u64;
        gpu.dispatch(&gpu.bind(&BIASES, &buffers), &parameters, units, 2 * weights);
        gpu.dispatch(&gpu.bind(&WEIGHTS, &buffers), &parameters, weights.div_ceil(64), weights);
    }
    let stages: &[u32] = match (rule.penalties.max_norm, params.parts.len()) {
        (None, _) => &[],
        (Some(_), 1) => &[MEASURE | LIMIT],
        (Some(_), _) => &[MEASURE, LIMIT],
    };
    let parts = || params.parts.iter().zip(&moments.products);
    for &stage in stages {
        for (part, (_, products)) in parts() {
            let buffers = bindings(params, part, products, &moments.sums);
            let weights = (part.units.len() * params.n_hidden) as u64;
            gpu.dispatch(&gpu.bind(&NORMS, &buffers), &Update { stage, ..of(part) }, params.n_hidden as u64, weights);
        }
    }
    if rule.centred && !stages.is_empty() {
        for (part, (_, products)) in parts() {
            let buffers = bindings(params, part, products, &moments.sums);
            let weights = (part.units.len() * params.n_hidden) as u64;
            let units = (part.units.len() + params.n_hidden) as u64;
            gpu.dispatch(&gpu.bind(&LIMITED, &buffers), &of(part), units, 2 * weights);
        }
    }
    for (part, (_, products)) in parts() {
        round(gpu, params, part, &bindings(params, part, products, &moments.sums));
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

/// Records the rounding of weights that moved in another way than by an update, where they are kept so.
pub(super) fn round_all(gpu: &Gpu, params: &Params) {
    for part in &params.parts {
        // Rounding reads no moments.
        round(gpu, params, part, &bindings(params, part, gpu.nothing(), gpu.nothing()));
    }
}

fn round(gpu: &Gpu, params: &Params, part: &Part, buffers: &[&wgpu::Buffer; 8]) {
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
) -> [&'a wgpu::Buffer; 8] {
    [&part.weights, &params.biases, &part.velocities, &params.optimiser, products, sums, &part.halves, &part.squares]
}
