//! One rung of annealed importance sampling seen from the visible side: log-weights, then hidden units.
//!
//! Maths: log w += log p*_{β'}(v) − log p*_β(v); h_i ~ sig(β' x_i). One product x serves both.
//! Shapes: states `[chains, n_visible]`, hidden `[chains, n_hidden]`, packed; log-weights `[words, chains, 2]`:
//! one sum for the 32 hidden units of each word, in two parts; all are added on the host in f64.
//! Random: as [`super::gibbs_half_step`], stream [`Stream::SampleHidden`], step k + 1.
//! Class: margin for h, bounded for log w.
//! Source: Neal 2001; Salakhutdinov and Murray 2008.

use std::ops::Range;

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Annealing, Params};
use crate::error::Result;
use crate::rng::{Stream, key_of};

use super::gibbs_half_step::{Carried, HalfStep};
use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct AisStep {
        seed_low: u32,
        seed_high: u32,
        step: u32,
        stream: u32,
        first_chain: u32,
        chains: u32,
        first_input: u32,
        n_visible: u32,
        n_hidden: u32,
        beta_now: f32,
        beta_next: f32,
        beta_step: f32,
        first_group: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel =
    kernel!(summing "ais_step", "main", AisStep, [Read, Read, Read, Read, ReadWrite, ReadWrite, Read]);

/// Records steps of the ladder: log-weights and hidden units, then visible units.
///
/// # Errors
/// When there is no room for the sums that go from one part of the weights to the next.
pub(in crate::backend::gpu) fn record(
    gpu: &Gpu,
    params: &Params,
    annealing: &Annealing,
    betas: &[f64],
    steps: Range<u32>,
) -> Result<()> {
    let Annealing { chains, address, base, v, h, log_weights, .. } = annealing;
    let tile = gpu.tile(*chains, params.n_hidden, params.n_visible);
    let carried = Carried::new(gpu, params, *chains, v)?;
    let buffers = [params.last().stored_weights(), &params.biases, base, v, h, log_weights, &carried.sums];
    let bound = gpu.bind_tiled(&KERNEL, params.stored(), tile, &buffers);
    let visible = HalfStep::visible(gpu, params, None, *chains, *address, h, v, Some(base));
    let [seed_low, seed_high] = key_of(address.seed);
    for step in steps {
        let (now, next) = (betas[step as usize], betas[step as usize + 1]);
        let parameters = AisStep {
            seed_low,
            seed_high,
            step: step + 1,
            stream: Stream::SampleHidden as u32,
            first_chain: address.first_chain,
            chains: *chains as u32,
            first_input: carried.first_input,
            n_visible: params.n_visible as u32,
            n_hidden: params.n_hidden as u32,
            beta_now: now as f32,
            beta_next: next as f32,
            beta_step: (next - now) as f32,
            first_group: 0,
        };
        let work = 2 * product_work(*chains, params.n_visible, params.n_hidden);
        carried.record(gpu, 0, *chains);
        gpu.dispatch(&bound, &parameters, tile.groups(*chains, params.n_hidden), work);
        visible.record_at(gpu, step + 1, next);
    }
    Ok(())
}
