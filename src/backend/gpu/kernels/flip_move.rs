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

use super::{kernel, product_work};

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

/// Parts of F(v) − F(1 − v), one for the 32 hidden units of each word: `[words, chains]`.
pub(super) static GAINS: Kernel =
    kernel!(tiled "flip_move", "gain_of_units", FlipMove, [Read, Read, ReadWrite, ReadWrite]);
/// The decision from all parts.
pub(super) static DECIDE: Kernel =
    kernel!(trusted "flip_move", "decide", 64, FlipMove, [Read, Read, ReadWrite, ReadWrite]);

/// Records one move of every chain; `gains` has room for f32 `[words of hidden units, chains]`.
pub(in crate::backend::gpu) fn record(
    gpu: &Gpu,
    params: &Params,
    states: &States,
    gains: &wgpu::Buffer,
    address: Address,
    step: u32,
) {
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
    let tile = gpu.tile(states.rows, params.n_hidden, params.n_visible);
    let buffers = [params.stored_weights(), &params.biases, &states.words, gains];
    let work = product_work(states.rows, params.n_visible, params.n_hidden);
    let bound = gpu.bind_tiled(&GAINS, params.precision(), tile, &buffers);
    gpu.dispatch(&bound, &parameters, tile.groups(states.rows, params.n_hidden), work);
    let words = (params.n_visible + params.n_hidden).div_ceil(32);
    let bound = gpu.bind(&DECIDE, &buffers);
    gpu.dispatch(&bound, &parameters, states.rows.div_ceil(64) as u64, (states.rows * words) as u64);
}
