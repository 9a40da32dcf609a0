//! Samples one side of the machine from the other; one shader serves both directions.
//!
//! Maths: z = β (bias + Σ_k state_k weight_k) + (1 − β) base; unit = [u < sig(z)]; β is the same for all chains, or that of
//! the chain's rung.
//! Shapes: inputs `[chains, n_inputs]`, outputs `[chains, n_outputs]`, packed.
//! Random: unit j of chain r as in [`crate::rng`], at a step and stream.
//! Class: margin: a bit may differ only where |u − p| is under the bound of the f32 sum and of exp.
//! Source: Smolensky 1986; Hinton 2010.
//!
//! Where weights are stored as the device's own f16 and subgroups of the right size multiply cooperative matrices
//! (an experimental feature of wgpu), there is a variant by them: operands in f16, in which states and stored weights are
//! exact, sums in f32 in an order of the device's own. The class is the same, the bits need not be; it is taken only where
//! it was measured to be faster, or named.

use crate::backend::Address;
use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::Params;
use crate::backend::gpu::pipelines::Bound;
use crate::backend::gpu::temperatures::Temperatures;
use crate::error::Result;
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
        first_row: u32,
        input_words: u32,
        first_input: u32,
        n_inputs: u32,
        output_words: u32,
        first_output: u32,
        n_outputs: u32,
        bias_first: u32,
        beta: f32,
        base_share: f32,
        rung_chains: u32,
        first_group: u32,
    }
}

/// The direction that sums over visible units.
const FROM_VISIBLE: Kernel = Kernel {
    matrices: true,
    ..kernel!(summing "gibbs_half_step", "hidden_from_visible", GibbsHalfStep, [Read, Read, Read, Read, ReadWrite, ReadWrite, Read])
};
/// The same text, with the weights read across.
const FROM_HIDDEN: Kernel = Kernel {
    matrices: true,
    ..kernel!(tiled "gibbs_half_step", "visible_from_hidden", GibbsHalfStep, [Read, Read, Read, Read, ReadWrite, ReadWrite, Read])
};

/// v → h.
pub(in crate::backend::gpu) static HIDDEN: Kernel = FROM_VISIBLE;
/// h → v.
pub(in crate::backend::gpu) static VISIBLE: Kernel = FROM_HIDDEN;
/// v → h of a ladder.
pub(super) static TEMPERED_HIDDEN: Kernel = Kernel { entry: "tempered_hidden_from_visible", ..FROM_VISIBLE };
/// h → v of a ladder.
pub(super) static TEMPERED_VISIBLE: Kernel = Kernel { entry: "tempered_visible_from_hidden", ..FROM_HIDDEN };
/// Sums over the visible units of all parts of the weights but the last.
pub(super) static CARRY: Kernel = Kernel { entry: "carry_inputs", matrices: false, ..FROM_VISIBLE };

/// One direction of a Gibbs step, bound to its buffers: one dispatch for each part of the weights.
#[derive(Debug)]
pub(in crate::backend::gpu) struct HalfStep {
    dispatches: Vec<(Bound, GibbsHalfStep)>,
}

/// Sums of inputs over the visible units of all parts of the weights but the last, for a kernel that takes them up with
/// the last; nothing where there is one part.
#[derive(Debug)]
pub(in crate::backend::gpu) struct Carried {
    dispatches: Vec<(Bound, GibbsHalfStep)>,
    /// The sums, `[rows, n_hidden]`.
    pub(in crate::backend::gpu) sums: wgpu::Buffer,
    /// First visible unit of the last part.
    pub(in crate::backend::gpu) first_input: u32,
}

impl Carried {
    /// For up to `rows` rows of `v`; with room for another row of sums.
    ///
    /// # Errors
    /// When there is no room for the sums.
    pub(in crate::backend::gpu) fn new(gpu: &Gpu, params: &Params, rows: usize, v: &wgpu::Buffer) -> Result<Self> {
        let sums = gpu.sums(params, rows + 1)?;
        let tile = gpu.tile(rows, params.n_hidden, params.n_visible);
        // The kernel writes no states: it binds what it may write a second time.
        let none = gpu.nothing();
        let parts = &params.parts[..params.parts.len() - 1];
        let dispatches = parts.iter().map(|part| {
            let buffers = [part.stored_weights(), &params.biases, &params.biases, v, none, &sums, &params.biases];
            let parameters = GibbsHalfStep {
                input_words: params.n_visible.div_ceil(32) as u32,
                first_input: part.units.start as u32,
                n_inputs: part.units.end as u32,
                n_outputs: params.n_hidden as u32,
                ..template(rows, Address::new(0))
            };
            (gpu.bind_tiled(&CARRY, params.stored(), tile, &buffers), parameters)
        });
        Ok(Self { dispatches: dispatches.collect(), first_input: params.last().units.start as u32, sums: sums.clone() })
    }

    /// Records the sums of `rows` rows from `first_row` on.
    pub(in crate::backend::gpu) fn record(&self, gpu: &Gpu, first_row: usize, rows: usize) {
        for (bound, template) in &self.dispatches {
            dispatch(gpu, bound, &GibbsHalfStep { first_row: first_row as u32, chains: rows as u32, ..*template });
        }
    }
}

/// β of the rungs; without any, what is read anyway: a buffer must not be bound for reading and for writing at once.
fn betas_of<'a>(params: &'a Params, ladder: Option<&'a Temperatures>) -> &'a wgpu::Buffer {
    ladder.map_or(&params.biases, |ladder| &ladder.betas)
}

impl HalfStep {
    /// v → h, of the rungs of `ladder` where there is one.
    ///
    /// # Errors
    /// When there is no room for the sums that go from one part of the weights to the next.
    pub(in crate::backend::gpu) fn hidden(
        gpu: &Gpu,
        params: &Params,
        ladder: Option<&Temperatures>,
        chains: usize,
        address: Address,
        v: &wgpu::Buffer,
        h: &wgpu::Buffer,
    ) -> Result<Self> {
        let kernel = if ladder.is_some() { &TEMPERED_HIDDEN } else { &HIDDEN };
        let betas = betas_of(params, ladder);
        let tile = gpu.half_step_tile(params.stored(), chains, params.n_hidden, params.n_visible);
        let Carried { mut dispatches, sums, first_input } = Carried::new(gpu, params, chains, v)?;
        let buffers = [params.last().stored_weights(), &params.biases, &params.biases, v, h, &sums, betas];
        let bound = gpu.bind_tiled(kernel, params.stored(), tile, &buffers);
        let parameters = GibbsHalfStep {
            stream: Stream::SampleHidden as u32,
            input_words: params.n_visible.div_ceil(32) as u32,
            first_input,
            n_inputs: params.n_visible as u32,
            output_words: params.n_hidden.div_ceil(32) as u32,
            n_outputs: params.n_hidden as u32,
            bias_first: params.n_visible as u32,
            rung_chains: ladder.map_or(0, |ladder| ladder.chains as u32),
            ..template(chains, address)
        };
        dispatches.push((bound, parameters));
        Ok(Self { dispatches })
    }

    /// h → v, with `base` as visible bias of the model at β = 0 where there is one; of the rungs of `ladder` likewise.
    #[expect(clippy::too_many_arguments, reason = "what a half-step is made of")]
    pub(in crate::backend::gpu) fn visible(
        gpu: &Gpu,
        params: &Params,
        ladder: Option<&Temperatures>,
        chains: usize,
        address: Address,
        h: &wgpu::Buffer,
        v: &wgpu::Buffer,
        base: Option<&wgpu::Buffer>,
    ) -> Self {
        let dispatches = params.parts.iter().map(|part| {
            let tile = gpu.half_step_tile(params.stored(), chains, part.units.len(), params.n_hidden);
            let kernel = if ladder.is_some() { &TEMPERED_VISIBLE } else { &VISIBLE };
            let base = ladder.map(|ladder| &ladder.base).or(base).unwrap_or(&params.biases);
            let betas = betas_of(params, ladder);
            let buffers = [part.stored_weights(), &params.biases, base, h, v, gpu.nothing(), betas];
            let bound = gpu.bind_tiled(kernel, params.stored(), tile, &buffers);
            let parameters = GibbsHalfStep {
                stream: Stream::SampleVisible as u32,
                input_words: params.n_hidden.div_ceil(32) as u32,
                n_inputs: params.n_hidden as u32,
                output_words: params.n_visible.div_ceil(32) as u32,
                first_output: part.units.start as u32,
                n_outputs: part.units.len() as u32,
                bias_first: part.units.start as u32,
                rung_chains: ladder.map_or(0, |ladder| ladder.chains as u32),
                ..template(chains, address)
            };
            (bound, parameters)
        });
        Self { dispatches: dispatches.collect() }
    }

    /// Records the draw at `step`.
    pub(in crate::backend::gpu) fn record(&self, gpu: &Gpu, step: u32) {
        for (bound, template) in &self.dispatches {
            dispatch(gpu, bound, &GibbsHalfStep { step, ..*template });
        }
    }

    /// Records the draw at `step` from the model between base and target.
    pub(in crate::backend::gpu) fn record_at(&self, gpu: &Gpu, step: u32, beta: f64) {
        for (bound, template) in &self.dispatches {
            let between = GibbsHalfStep { step, beta: beta as f32, base_share: (1.0 - beta) as f32, ..*template };
            dispatch(gpu, bound, &between);
        }
    }

    /// Records the first draw from the base alone: no inputs, β = 0.
    pub(in crate::backend::gpu) fn record_start(&self, gpu: &Gpu) {
        for (bound, template) in &self.dispatches {
            let stream = Stream::ChainStart as u32;
            let start = GibbsHalfStep { stream, n_inputs: 0, beta: 0.0, base_share: 1.0, ..*template };
            dispatch(gpu, bound, &start);
        }
    }
}

fn dispatch(gpu: &Gpu, bound: &Bound, parameters: &GibbsHalfStep) {
    let (chains, outputs) = (parameters.chains as usize, parameters.n_outputs as usize);
    let inputs = parameters.n_inputs.saturating_sub(parameters.first_input);
    let work = product_work(chains, inputs as usize, outputs);
    gpu.dispatch(bound, parameters, bound.tile.groups(chains, outputs), work);
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
        input_words: n_visible.div_ceil(32) as u32,
        n_inputs: n_visible as u32,
        output_words: n_hidden.div_ceil(32) as u32,
        n_outputs: n_hidden as u32,
        bias_first: n_visible as u32,
        ..template(chains, Address::new(1))
    }
}

/// Parameters of a h → v half-step of that machine, for measuring.
pub(in crate::backend::gpu) fn measured_back(chains: usize, n_visible: usize, n_hidden: usize) -> GibbsHalfStep {
    GibbsHalfStep {
        input_words: n_hidden.div_ceil(32) as u32,
        n_inputs: n_hidden as u32,
        output_words: n_visible.div_ceil(32) as u32,
        n_outputs: n_visible as u32,
        ..template(chains, Address::new(1))
    }
}
