//! A machine moves a part of its way towards another.
//!
//! Maths: x ← x + a (y − x) for every parameter x, y that of the other machine.
//! Shapes: any, the same for both.
//! Random: none.
//! Class: bounded.
//! Source: none.

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::Params;

use super::{kernel, update};

parameters! {
    /// Parameter block of the shader.
    struct Approach {
        count: u32,
        part: f32,
        first_group: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel = kernel!(trusted "approach", "main", 64, Approach, [ReadWrite, Read]);

/// Records the move of all parameters, and the rounding of those that are kept as f16.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, moving: &Params, towards: &Params, part: f32) {
    let shape = |params: &Params| (params.n_visible, params.n_hidden);
    assert_eq!(shape(moving), shape(towards), "machines of one shape");
    let weights = moving.parts.iter().zip(&towards.parts);
    let weights = weights.map(|(a, b)| (a.units.len() * moving.n_hidden, &a.weights, &b.weights));
    let biases = (moving.n_visible + moving.n_hidden, &moving.biases, &towards.biases);
    for (count, moving, towards) in weights.chain([biases]) {
        let parameters = Approach { count: count as u32, part, first_group: 0 };
        let groups = (count as u64).div_ceil(64);
        gpu.dispatch(&gpu.bind(&KERNEL, &[moving, towards]), &parameters, groups, count as u64);
    }
    update::round_all(gpu, moving);
}
