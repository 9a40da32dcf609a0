//! Exchanges of states between neighbouring temperatures of a ladder.
//!
//! Maths: u < e^{up + down}, up and down the change of ln p* of both states, from one product of both rungs.
//! Shapes: states `[rungs · chains, n_visible]` packed; gains `[words, rows]`, one part for the 32 hidden units of each
//! word; record `[rounds, 3, pairs · chains]`.
//! Random: [`crate::rng::unit_word`], stream [`Stream::Exchange`]: pair as unit, round as step.
//! Class: margin for the states, bounded for the gains.
//! Source: Swendsen and Wang 1986; Desjardins et al. 2010.

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::machine::{Params, States};
use crate::backend::gpu::pipelines::Bound;
use crate::backend::gpu::temperatures::Temperatures;
use crate::backend::{Address, pairs};
use crate::error::Result;
use crate::rng::{Stream, key_of};

use super::gibbs_half_step::Carried;
use super::{kernel, product_work};

parameters! {
    /// Parameter block of the shader.
    struct Exchange {
        seed_low: u32,
        seed_high: u32,
        round: u32,
        stream: u32,
        first_chain: u32,
        first_row: u32,
        chains: u32,
        first_input: u32,
        n_visible: u32,
        n_hidden: u32,
        rung_chains: u32,
        partners: u32,
        first_pair: u32,
        recorded: u32,
        first_group: u32,
    }
}

/// Parts of ln p*_{β'}(v) − ln p*_β(v), one for the 32 hidden units of each word: `[words, rows]`.
pub(super) static GAINS: Kernel = kernel!(summing "exchange", "gain_of_units", Exchange,
    [Read, Read, Read, ReadWrite, ReadWrite, Read, Read, ReadWrite]);
/// The decision from all parts, and what follows.
pub(super) static DECIDE: Kernel = kernel!(trusted "exchange", "decide", 64, Exchange,
    [Read, Read, Read, ReadWrite, ReadWrite, Read, Read, ReadWrite]);

/// Both kernels bound to the buffers of a ladder.
struct Ladder<'a> {
    gpu: &'a Gpu,
    params: &'a Params,
    carried: Carried,
    gains: Bound,
    decide: Bound,
}

impl<'a> Ladder<'a> {
    /// For up to `rows` rows.
    fn new(
        gpu: &'a Gpu,
        params: &'a Params,
        temperatures: &Temperatures,
        states: &States,
        gains: &wgpu::Buffer,
        rows: usize,
    ) -> Result<Self> {
        let Temperatures { base, betas, record, .. } = temperatures;
        let carried = Carried::new(gpu, params, rows, &states.words)?;
        let tile = gpu.tile(rows, params.n_hidden, params.n_visible);
        let weights = params.last().stored_weights();
        let buffers = [weights, &params.biases, base, &states.words, gains, &carried.sums, betas, record];
        let gains = gpu.bind_tiled(&GAINS, params.stored(), tile, &buffers);
        let decide = gpu.bind(&DECIDE, &buffers);
        Ok(Self { gpu, params, carried, gains, decide })
    }

    /// Parameters for `rows` rows from `first` on, without partners.
    fn parameters(&self, temperatures: &Temperatures, first: usize, rows: usize) -> Exchange {
        Exchange {
            first_row: first as u32,
            chains: rows as u32,
            first_input: self.carried.first_input,
            n_visible: self.params.n_visible as u32,
            n_hidden: self.params.n_hidden as u32,
            rung_chains: temperatures.chains as u32,
            ..bytemuck::Zeroable::zeroed()
        }
    }

    /// Records the gains.
    fn record_gains(&self, parameters: &Exchange) {
        let (first, rows, n_hidden) = (parameters.first_row as usize, parameters.chains as usize, self.params.n_hidden);
        self.carried.record(self.gpu, first, rows);
        let work = product_work(rows, self.params.n_visible, n_hidden);
        self.gpu.dispatch(&self.gains, parameters, self.gains.tile.groups(rows, n_hidden), work);
    }
}

/// Records the exchanges of a round; `gains` has room for f32 `[words of hidden units, replicas]`.
///
/// # Errors
/// When there is no room for the sums that go from one part of the weights to the next.
pub(in crate::backend::gpu) fn record(
    gpu: &Gpu,
    params: &Params,
    temperatures: &mut Temperatures,
    states: &States,
    gains: &wgpu::Buffer,
    address: Address,
    round: u32,
) -> Result<()> {
    let pairs = pairs(temperatures.rungs, round.into()).len() * temperatures.chains;
    if pairs == 0 {
        return Ok(());
    }
    let recorded = temperatures.recorded(pairs);
    let first_pair = round % 2;
    // The rungs that take part follow one another.
    let (first, rows) = (first_pair as usize * temperatures.chains, 2 * pairs);
    let ladder = Ladder::new(gpu, params, temperatures, states, gains, states.rows)?;
    let [seed_low, seed_high] = key_of(address.seed);
    let parameters = Exchange {
        seed_low,
        seed_high,
        round,
        stream: Stream::Exchange as u32,
        first_chain: address.first_chain,
        partners: (1 + first_pair) * temperatures.rungs as u32,
        first_pair,
        recorded,
        ..ladder.parameters(temperatures, first, rows)
    };
    ladder.record_gains(&parameters);
    let words = 2 * params.n_hidden.div_ceil(32) + params.n_visible.div_ceil(32);
    gpu.dispatch(&ladder.decide, &parameters, pairs.div_ceil(64) as u64, (pairs * words) as u64);
    Ok(())
}

/// −ln p*_β of every replica.
///
/// # Errors
/// Device failures.
pub(in crate::backend::gpu) fn read_energies(
    gpu: &Gpu,
    params: &Params,
    temperatures: &Temperatures,
    states: &States,
    gains: &wgpu::Buffer,
) -> Result<Vec<f64>> {
    let (rows, words) = (states.rows, params.n_hidden.div_ceil(32));
    let ladder = Ladder::new(gpu, params, temperatures, states, gains, rows)?;
    ladder.record_gains(&ladder.parameters(temperatures, 0, rows));
    let parts = gpu.read::<f32>(gains, words * rows)?;
    let constant = params.n_hidden as f64 * std::f64::consts::LN_2;
    let energy = |r: usize| parts[r..].iter().step_by(rows).map(|&part| f64::from(part)).sum::<f64>() - constant;
    Ok((0..rows).map(energy).collect())
}
