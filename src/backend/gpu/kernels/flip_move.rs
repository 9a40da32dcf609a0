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
use crate::backend::gpu::machine::{Params, Part, States};
use crate::backend::gpu::temperatures::Temperatures;
use crate::backend::gpu::tile;
use crate::error::Result;
use crate::rng::{Stream, key_of};

use super::gibbs_half_step::Carried;
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
        first_input: u32,
        n_visible: u32,
        n_hidden: u32,
        rung_chains: u32,
        first_group: u32,
    }
}

/// Σ_j w_ji, added up over the parts of the weights where there are several.
pub(super) static TOTALS: Kernel = kernel!(weighted "flip_move", "add_totals", 64, FlipMove, [Read, Read, ReadWrite, ReadWrite, ReadWrite, Read, Read]);
/// Parts of F(v) − F(1 − v), one for the 32 hidden units of each word: `[words, chains]`.
pub(super) static GAINS: Kernel =
    kernel!(summing "flip_move", "gain_of_units", FlipMove, [Read, Read, ReadWrite, ReadWrite, ReadWrite, Read, Read]);
/// The decision from all parts.
pub(super) static DECIDE: Kernel =
    kernel!(trusted "flip_move", "decide", 64, FlipMove, [Read, Read, ReadWrite, ReadWrite, ReadWrite, Read, Read]);

/// Records one move of every chain, at temperatures of their own where there are any; `gains` has room for f32 `[words of hidden units, chains]`.
///
/// # Errors
/// When there is no room for the sums that go from one part of the weights to the next.
pub(in crate::backend::gpu) fn record(
    gpu: &Gpu,
    params: &Params,
    ladder: Option<&Temperatures>,
    states: &States,
    gains: &wgpu::Buffer,
    address: Address,
    step: u32,
) -> Result<()> {
    let [seed_low, seed_high] = key_of(address.seed);
    let parameters = FlipMove {
        seed_low,
        seed_high,
        step,
        stream: Stream::SymmetryMove as u32,
        first_chain: address.first_chain,
        chains: states.rows as u32,
        first_input: 0,
        n_visible: params.n_visible as u32,
        n_hidden: params.n_hidden as u32,
        rung_chains: ladder.map_or(0, |ladder| ladder.chains as u32),
        first_group: 0,
    };
    let tile = gpu.tile(states.rows, params.n_hidden, params.n_visible);
    let carried = Carried::new(gpu, params, states.rows, &states.words)?;
    let sums = &carried.sums;
    let (base, betas) = ladder.map_or((&params.biases, &params.biases), |ladder| (&ladder.base, &ladder.betas));
    let buffers = |part| [Part::stored_weights(part), &params.biases, &states.words, gains, sums, base, betas];
    if params.parts.len() > 1 {
        carried.record(gpu, 0, states.rows);
        for part in &params.parts {
            let (first_input, n_visible) = (part.units.start as u32, part.units.end as u32);
            let bound = gpu.bind_tiled(&TOTALS, params.stored(), &tile::SMALL, &buffers(part));
            let weights = (part.units.len() * params.n_hidden) as u64;
            let parameters = FlipMove { first_input, n_visible, ..parameters };
            gpu.dispatch(&bound, &parameters, params.n_hidden.div_ceil(64) as u64, weights);
        }
    }
    let parameters = FlipMove { first_input: carried.first_input, ..parameters };
    let buffers = buffers(params.last());
    let work = product_work(states.rows, params.n_visible, params.n_hidden);
    let bound = gpu.bind_tiled(&GAINS, params.stored(), tile, &buffers);
    gpu.dispatch(&bound, &parameters, tile.groups(states.rows, params.n_hidden), work);
    let words = (params.n_visible + params.n_hidden).div_ceil(32);
    let bound = gpu.bind(&DECIDE, &buffers);
    gpu.dispatch(&bound, &parameters, states.rows.div_ceil(64) as u64, (states.rows * words) as u64);
    Ok(())
}
