//! The global flip of every chain, accepted by Metropolis.
//!
//! Maths: v → 1 − v where u < e^{F(v) − F(1 − v)}, from one product.
//! Shapes: states `[chains, n_visible]` packed.
//! Random: [`crate::rng::chain_word`], stream [`Stream::SymmetryMove`].
//! Class: margin.
//! Source: Metropolis et al. 1953.

use crate::backend::Address;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Params, States};
use crate::rng::{Stream, key_of};

use super::{chain_tiles, kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct FlipMove {
        seed_low: u32,
        seed_high: u32,
        step: u32,
        stream: u32,
        first_chain: u32,
        chains: u32,
        n_visible: u32,
        n_hidden: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel = kernel!("flip_move", "main", 64, FlipMove, [Read, Read, ReadWrite]);

/// Records one move of every chain.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, params: &Params, states: &States, address: Address, step: u32) {
    let [seed_low, seed_high] = key_of(address.seed);
    let parameters = FlipMove {
        seed_low,
        seed_high,
        step,
        stream: Stream::SymmetryMove as u32,
        first_chain: address.first_chain,
        chains: states.rows as u32,
        n_visible: params.n_visible as u32,
        n_hidden: params.n_hidden as u32,
    };
    let bound = gpu.bind(&KERNEL, &[&params.weights, &params.biases, &states.words]);
    let work = product_work(states.rows, params.n_visible, params.n_hidden);
    gpu.dispatch(&bound, &parameters, chain_tiles(states.rows), work);
}
