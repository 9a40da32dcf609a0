//! Copies the rows of a minibatch.
//!
//! Maths: row i of the batch = row permutation(first + i) of the data.
//! Shapes: data `[rows, units]`, batch `[count, units]`, packed.
//! Random: [`crate::rng::Permutation`], computed in the shader.
//! Class: exact.
//! Source: Black and Rogaway 2002.

use crate::backend::Minibatch;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::States;

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct Gather {
        first: u32,
        count: u32,
        words: u32,
        total: u32,
        half_bits: u32,
        key_0: u32,
        key_1: u32,
        key_2: u32,
        key_3: u32,
        key_4: u32,
        key_5: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel = kernel!(trusted "gather", "main", 64, Gather, [Read, ReadWrite]);

/// Records the copy.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, data: &States, minibatch: &Minibatch, batch: &States) {
    let words = data.cols.div_ceil(32);
    let [key_0, key_1, key_2, key_3, key_4, key_5] = minibatch.permutation.keys;
    let parameters = Gather {
        first: minibatch.first,
        count: minibatch.count,
        words: words as u32,
        total: minibatch.permutation.total,
        half_bits: minibatch.permutation.half_bits,
        key_0,
        key_1,
        key_2,
        key_3,
        key_4,
        key_5,
    };
    let copies = u64::from(minibatch.count) * words as u64;
    gpu.dispatch(&gpu.bind(&KERNEL, &[&data.words, &batch.words]), &parameters, copies.div_ceil(64), 64 * copies);
}
