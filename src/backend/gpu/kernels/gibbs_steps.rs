//! Gibbs steps of a block of chains, many in one dispatch: for machines so small that a kernel takes longer to start than
//! to work.
//!
//! Maths: `h_i` ~ sig(`c_i` + Σ_j `w_ji` `v_j`), `v_j` ~ sig(`b_j` + Σ_i `w_ji` `h_i`), as many times as there are steps.
//! Shapes: states `[chains, n_visible]` packed; at most [`MOST_UNITS`] units a side.
//! Random: as [`super::gibbs_half_step`], at each step.
//! Class: margin; the bits of as many half-steps.
//! Source: as [`super::gibbs_half_step`].

use std::ops::Range;

use crate::backend::Address;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::Params;
use crate::backend::gpu::pipelines::Bound;
use crate::backend::gpu::shader::Stored;
use crate::backend::gpu::tile;
use crate::rng::{Stream, key_of};

use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct GibbsSteps {
        seed_low: u32,
        seed_high: u32,
        first_step: u32,
        steps: u32,
        hidden_stream: u32,
        visible_stream: u32,
        first_chain: u32,
        chains: u32,
        n_visible: u32,
        n_hidden: u32,
        first_group: u32,
    }
}

/// The kernel.
pub(in crate::backend::gpu) static KERNEL: Kernel =
    kernel!(weighted "gibbs_steps", "main", 256, GibbsSteps, [Read, Read, ReadWrite]);

/// Most units of a side: their states are in workgroup memory.
pub(in crate::backend::gpu) const MOST_UNITS: usize = 1024;

/// Weights times steps of one dispatch: a workgroup cannot be divided, and this much takes it some milliseconds.
const MOST_WORK: usize = 1 << 24;
/// Steps of one dispatch.
const MOST_STEPS: usize = 1024;

/// A machine's weights, its biases and its chains, bound.
#[derive(Debug)]
pub(in crate::backend::gpu) struct Steps {
    bound: Bound,
    template: GibbsSteps,
}

impl Steps {
    /// For `chains` chains of a machine whose weights are in one buffer.
    pub(in crate::backend::gpu) fn new(
        gpu: &Gpu,
        params: &Params,
        chains: usize,
        address: Address,
        states: &wgpu::Buffer,
    ) -> Self {
        let buffers = [params.last().stored_weights(), &params.biases, states];
        Self::of(gpu, params.stored(), buffers, [chains, params.n_visible, params.n_hidden], address)
    }

    /// The same of buffers and sizes: chains, visible and hidden units.
    pub(in crate::backend::gpu) fn of(
        gpu: &Gpu,
        stored: Stored,
        buffers: [&wgpu::Buffer; 3],
        [chains, n_visible, n_hidden]: [usize; 3],
        address: Address,
    ) -> Self {
        let [seed_low, seed_high] = key_of(address.seed);
        let template = GibbsSteps {
            seed_low,
            seed_high,
            first_step: 0,
            steps: 0,
            hidden_stream: Stream::SampleHidden as u32,
            visible_stream: Stream::SampleVisible as u32,
            first_chain: address.first_chain,
            chains: chains as u32,
            n_visible: n_visible as u32,
            n_hidden: n_hidden as u32,
            first_group: 0,
        };
        Self { bound: gpu.bind_tiled(&KERNEL, stored, &tile::STEPS, &buffers), template }
    }

    /// Records the steps.
    pub(in crate::backend::gpu) fn record(&self, gpu: &Gpu, steps: Range<u32>) {
        let GibbsSteps { chains, n_visible, n_hidden, .. } = self.template;
        let (chains, n_visible, n_hidden) = (chains as usize, n_visible as usize, n_hidden as usize);
        let at_once = (MOST_WORK / (n_visible * n_hidden)).clamp(1, MOST_STEPS);
        for first_step in steps.clone().step_by(at_once) {
            let count = (steps.end - first_step).min(at_once as u32);
            let parameters = GibbsSteps { first_step, steps: count, ..self.template };
            let work = 2 * u64::from(count) * product_work(chains, n_visible, n_hidden);
            gpu.dispatch(&self.bound, &parameters, chains.div_ceil(tile::STEPS.rows as usize) as u64, work);
        }
    }
}
