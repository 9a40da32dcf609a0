//! Samples one side of the machine from the other; one shader serves both directions.
//!
//! Maths: z = β (bias + Σ_k state_k weight_k) + (1 − β) base; unit = [u < sig(z)].
//! Shapes: inputs `[chains, n_inputs]`, outputs `[chains, n_outputs]`, packed.
//! Random: unit j of chain r as in [`crate::rng`], at a step and stream.
//! Class: margin: a bit may differ only where |u − p| is under the bound of the f32 sum and of exp.
//! Source: Smolensky 1986; Hinton 2010.

use crate::backend::Address;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::Params;
use crate::backend::gpu::pipelines::Bound;
use crate::rng::{Stream, key_of};

use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct GibbsHalfStep {
        seed_low: u32,
        seed_high: u32,
        step: u32,
        stream: u32,
        first_chain: u32,
        chains: u32,
        n_inputs: u32,
        n_outputs: u32,
        bias_first: u32,
        beta: f32,
        base_share: f32,
    }
}

/// v → h.
pub(in crate::backend::gpu) static HIDDEN: Kernel =
    kernel!(tiled "gibbs_half_step", "hidden_from_visible", GibbsHalfStep, [Read, Read, Read, Read, ReadWrite]);
/// h → v: the same text, with the weights read across.
pub(super) static VISIBLE: Kernel =
    kernel!(tiled "gibbs_half_step", "visible_from_hidden", GibbsHalfStep, [Read, Read, Read, Read, ReadWrite]);

/// One direction of a Gibbs step, bound to its buffers.
#[derive(Debug)]
pub(in crate::backend::gpu) struct HalfStep {
    bound: Bound,
    template: GibbsHalfStep,
}

impl HalfStep {
    /// v → h.
    pub(in crate::backend::gpu) fn hidden(
        gpu: &Gpu,
        params: &Params,
        chains: usize,
        address: Address,
        v: &wgpu::Buffer,
        h: &wgpu::Buffer,
    ) -> Self {
        let tile = gpu.tile(chains, params.n_hidden, params.n_visible);
        let buffers = [params.stored_weights(), &params.biases, &params.biases, v, h];
        let bound = gpu.bind_tiled(&HIDDEN, params.precision(), tile, &buffers);
        let template = GibbsHalfStep {
            stream: Stream::SampleHidden as u32,
            n_inputs: params.n_visible as u32,
            n_outputs: params.n_hidden as u32,
            bias_first: params.n_visible as u32,
            ..template(chains, address)
        };
        Self { bound, template }
    }

    /// h → v, with `base` as visible bias of the model at β = 0 where there is one.
    pub(in crate::backend::gpu) fn visible(
        gpu: &Gpu,
        params: &Params,
        chains: usize,
        address: Address,
        h: &wgpu::Buffer,
        v: &wgpu::Buffer,
        base: Option<&wgpu::Buffer>,
    ) -> Self {
        let tile = gpu.tile(chains, params.n_visible, params.n_hidden);
        let buffers = [params.stored_weights(), &params.biases, base.unwrap_or(&params.biases), h, v];
        let bound = gpu.bind_tiled(&VISIBLE, params.precision(), tile, &buffers);
        let template = GibbsHalfStep {
            stream: Stream::SampleVisible as u32,
            n_inputs: params.n_hidden as u32,
            n_outputs: params.n_visible as u32,
            ..template(chains, address)
        };
        Self { bound, template }
    }

    /// Records the draw at `step`.
    pub(in crate::backend::gpu) fn record(&self, gpu: &Gpu, step: u32) {
        self.dispatch(gpu, &GibbsHalfStep { step, ..self.template });
    }

    /// Records the draw at `step` from the model between base and target.
    pub(in crate::backend::gpu) fn record_at(&self, gpu: &Gpu, step: u32, beta: f64) {
        let between = GibbsHalfStep { step, beta: beta as f32, base_share: (1.0 - beta) as f32, ..self.template };
        self.dispatch(gpu, &between);
    }

    /// Records the first draw from the base alone: no inputs, β = 0.
    pub(in crate::backend::gpu) fn record_start(&self, gpu: &Gpu) {
        let start = GibbsHalfStep {
            stream: Stream::ChainStart as u32,
            n_inputs: 0,
            beta: 0.0,
            base_share: 1.0,
            ..self.template
        };
        self.dispatch(gpu, &start);
    }

    fn dispatch(&self, gpu: &Gpu, parameters: &GibbsHalfStep) {
        let (chains, outputs) = (parameters.chains as usize, parameters.n_outputs as usize);
        let work = product_work(chains, parameters.n_inputs as usize, outputs);
        gpu.dispatch(&self.bound, parameters, self.bound.tile.groups(chains, outputs), work);
    }
}

fn template(chains: usize, address: Address) -> GibbsHalfStep {
    let [seed_low, seed_high] = key_of(address.seed);
    GibbsHalfStep {
        seed_low,
        seed_high,
        first_chain: address.first_chain,
        chains: chains as u32,
        beta: 1.0,
        ..bytemuck::Zeroable::zeroed()
    }
}

/// Parameters of a v → h half-step of that shape, for measuring.
pub(in crate::backend::gpu) fn measured(chains: usize, n_visible: usize, n_hidden: usize) -> GibbsHalfStep {
    GibbsHalfStep {
        n_inputs: n_visible as u32,
        n_outputs: n_hidden as u32,
        bias_first: n_visible as u32,
        ..template(chains, Address::new(1))
    }
}
