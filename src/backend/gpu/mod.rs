//! The GPU backend, through wgpu and WGSL.
//!
//! States are bit-packed in memory and expanded to f32 on the way to workgroup memory; bias, sigmoid, draw and packing
//! are fused into the products; parameters, chains, moments and records stay on the device. Steps record dispatches
//! and return; batches are submitted when full and at reads. Every kernel is one file below `kernels`, one shader of
//! the same name, and one parity test.

mod adapter;
mod choices;
mod clusters;
mod compiled;
mod device;
mod division;
mod ising;
pub mod kernel;
pub mod kernels;
mod machine;
mod memory;
mod pipelines;
pub mod plan;
mod recorder;
pub mod shader;
mod tables;
mod temperatures;
pub mod tile;
mod timing;
mod torus;
mod tuning;

use std::ops::Range;

use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::{Graph, Lattice};
use crate::rbm::Rbm;

use super::{
    Acceptance, Address, Backend, ClusterRule, DeviceDescription, Exchanged, FlipTables, HostMoments, KernelTime,
    Minibatch, OptimiserState, Peaks, Phase, SpinSums, UpdateRule,
};

pub use adapter::{AdapterDescription, AdapterLimits, Choice, Selection, WORKGROUP_BYTES, adapters, room};
pub use choices::{ShapeClass, TileChoices, TileStore};
pub use compiled::CompiledStore;
pub use device::Gpu;
pub use ising::Spins;
pub use machine::{Annealing, Moments, Params, States};
pub use recorder::Counts;
pub use tables::TableSpins;
pub use temperatures::Temperatures;
pub use timing::Timed;

use kernels::gibbs_half_step::HalfStep;
use kernels::gibbs_steps::Steps;
use kernels::{
    ais_step, approach, exchange, flip_move, free_energy, gather, ising_table_half_sweep, mean_field, moments, peak,
    update,
};

/// One shader exactly as it is handed to a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShaderText {
    /// File name: stem, entry point and variant, e.g. `update.offsets.wide.wgsl`.
    pub name: String,
    /// WGSL.
    pub text: String,
}

/// Every shader in every variant.
#[must_use]
pub fn shader_texts() -> Vec<ShaderText> {
    let text = |kernel: &kernel::Kernel, variant| ShaderText {
        name: kernel.file_name(variant),
        text: shader::compose(kernel.source, variant),
    };
    kernels::ALL.iter().flat_map(|kernel| kernel.variants().map(move |variant| text(kernel, variant))).collect()
}

impl Backend for Gpu {
    type Spins = Spins;
    type TableSpins = TableSpins;
    type Params = Params;
    type States = States;
    type Moments = Moments;
    type Annealing = Annealing;
    type Temperatures = Temperatures;

    fn device(&self) -> DeviceDescription {
        self.description.clone()
    }

    fn upload_spins(&self, graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Spins> {
        Spins::of_graph(self, graph, acceptance, initial)
    }

    fn upload_torus(&self, lattice: Lattice, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Spins> {
        Spins::of_torus(self, lattice, acceptance, initial)
    }

    fn upload_clusters(&self, graph: &Graph, rule: &ClusterRule, initial: &BitMatrix) -> Result<Spins> {
        Spins::of_clusters(self, graph, rule, initial)
    }

    fn sweep(&self, spins: &mut Spins, seed: u64, sweeps: Range<u32>) {
        spins.sweep(self, seed, sweeps);
    }

    fn record_sums(&self, spins: &mut Spins) {
        if let Err(error) = spins.record_sums(self) {
            self.fail(error);
        }
    }

    fn read_sums(&self, spins: &mut Spins) -> Result<Vec<Vec<SpinSums>>> {
        spins.take_sums(self)
    }

    fn read_spins(&self, spins: &Spins) -> Result<BitMatrix> {
        spins.read(self)
    }

    fn read_turned(&self, spins: &Spins) -> Result<u64> {
        spins.read_turned(self)
    }

    fn upload_table_spins(
        &self,
        tables: &FlipTables,
        temperature_of: &[u32],
        initial: &BitMatrix,
    ) -> Result<TableSpins> {
        TableSpins::upload(self, tables, temperature_of, initial)
    }

    fn set_temperatures(&self, spins: &mut TableSpins, temperature_of: &[u32]) -> Result<()> {
        spins.set_temperatures(self, temperature_of)
    }

    fn sweep_by_tables(&self, spins: &mut TableSpins, seed: u64, sweeps: Range<u32>) {
        ising_table_half_sweep::record(self, spins, seed, sweeps);
    }

    fn read_table_spins(&self, spins: &TableSpins) -> Result<BitMatrix> {
        spins.read(self)
    }

    fn upload_params(&self, rbm: &Rbm, optimiser: Option<&OptimiserState>) -> Result<Params> {
        Params::upload(self, rbm, optimiser)
    }

    fn read_params(&self, params: &Params) -> Result<(Rbm, OptimiserState)> {
        params.read(self)
    }

    fn upload_states(&self, states: &BitMatrix) -> Result<States> {
        States::upload(self, states)
    }

    fn write_states(&self, states: &mut States, rows: &BitMatrix) -> Result<()> {
        assert_eq!((rows.rows(), rows.cols()), (states.rows, states.cols), "shape of the states");
        self.write(&states.words, rows.words())
    }

    fn read_states(&self, states: &States) -> Result<BitMatrix> {
        states.read(self)
    }

    fn gather(&self, data: &States, minibatch: &Minibatch, batch: &mut States) {
        assert_eq!(data.cols, batch.cols, "units of data and batch");
        assert_eq!(data.rows, minibatch.permutation.total as usize, "rows of data and permutation");
        assert_eq!(batch.rows, minibatch.count as usize, "rows of the batch");
        gather::record(self, data, minibatch, batch);
    }

    fn gibbs(&self, params: &Params, chains: &mut States, address: Address, steps: Range<u32>) {
        assert_eq!(chains.cols, params.n_visible, "visible units of chains and machine");
        self.steps(params, None, chains, address, steps);
    }

    fn read_hidden(&self, params: &Params, chains: &States, address: Address, step: u32) -> Result<BitMatrix> {
        assert_eq!(chains.cols, params.n_visible, "visible units of chains and machine");
        let hidden = machine::hidden_room(self, chains.rows, params.n_hidden)?;
        HalfStep::hidden(self, params, None, chains.rows, address, &chains.words, &hidden)?.record(self, step);
        let words = self.read(&hidden, chains.rows * params.n_hidden.div_ceil(32))?;
        BitMatrix::from_words(chains.rows, params.n_hidden, words)
    }

    fn flip_move(&self, params: &Params, chains: &mut States, address: Address, step: u32) {
        assert_eq!(chains.cols, params.n_visible, "visible units of chains and machine");
        self.flip(params, None, chains, address, step);
    }

    fn accumulate_moments(&self, params: &Params, states: &States, phase: Phase, moments: &mut Moments) {
        assert_eq!(states.cols, params.n_visible, "visible units of states and machine");
        if let Err(error) = moments::record(self, params, states, phase, moments) {
            self.fail(error);
        }
    }

    fn subtract_mean_field(&self, params: &Params, states: &States, steps: u32, moments: &mut Moments) {
        assert_eq!(states.cols, params.n_visible, "visible units of states and machine");
        assert!(steps > 0, "steps of the mean field");
        if let Err(error) = mean_field::record(self, params, states, steps, moments) {
            self.fail(error);
        }
    }

    fn new_moments(&self, params: &Params) -> Result<Moments> {
        Moments::new(self, params)
    }

    fn read_moments(&self, moments: &Moments) -> Result<HostMoments> {
        moments.read(self)
    }

    fn update(&self, params: &mut Params, moments: &Moments, rule: &UpdateRule) {
        update::record(self, params, moments, rule);
    }

    fn approach(&self, params: &mut Params, towards: &Params, part: f32) {
        approach::record(self, params, towards, part);
    }

    fn read_free_energies(&self, params: &Params, states: &States) -> Result<Vec<f64>> {
        assert_eq!(states.cols, params.n_visible, "visible units of states and machine");
        free_energy::read(self, params, states)
    }

    fn start_annealing(
        &self,
        params: &Params,
        base_visible_bias: &[f32],
        chains: usize,
        address: Address,
    ) -> Result<Annealing> {
        Annealing::start(self, params, base_visible_bias, chains, address)
    }

    fn start_annealing_at(
        &self,
        params: &Params,
        base_visible_bias: &[f32],
        start: &BitMatrix,
        address: Address,
    ) -> Result<Annealing> {
        Annealing::start_at(self, params, base_visible_bias, start, address)
    }

    fn anneal(&self, params: &Params, annealing: &mut Annealing, betas: &[f64], steps: Range<u32>) {
        if let Err(error) = ais_step::record(self, params, annealing, betas, steps) {
            self.fail(error);
        }
    }

    fn read_log_weights(&self, annealing: &Annealing) -> Result<Vec<f64>> {
        annealing.read_log_weights(self)
    }

    fn read_annealed(&self, annealing: &Annealing) -> Result<BitMatrix> {
        annealing.read_chains(self)
    }

    fn upload_temperatures(
        &self,
        params: &Params,
        base_visible_bias: &[f32],
        betas: &[f64],
        chains: usize,
    ) -> Result<Temperatures> {
        Temperatures::upload(self, params, base_visible_bias, betas, chains)
    }

    fn set_betas(&self, temperatures: &mut Temperatures, betas: &[f64]) -> Result<()> {
        temperatures.set(self, betas)
    }

    fn temper(
        &self,
        params: &Params,
        temperatures: &Temperatures,
        replicas: &mut States,
        address: Address,
        steps: Range<u32>,
    ) {
        temperatures.assert_rows(params, replicas);
        self.steps(params, Some(temperatures), replicas, address, steps);
    }

    fn flip_replicas(
        &self,
        params: &Params,
        temperatures: &Temperatures,
        replicas: &mut States,
        address: Address,
        step: u32,
    ) {
        temperatures.assert_rows(params, replicas);
        self.flip(params, Some(temperatures), replicas, address, step);
    }

    fn exchange(
        &self,
        params: &Params,
        temperatures: &mut Temperatures,
        replicas: &mut States,
        address: Address,
        round: u32,
    ) {
        temperatures.assert_rows(params, replicas);
        let gains = replicas.gains(self, params.n_hidden.div_ceil(32));
        let recorded =
            gains.and_then(|gains| exchange::record(self, params, temperatures, replicas, &gains, address, round));
        if let Err(error) = recorded {
            self.fail(error);
        }
    }

    fn read_exchanges(&self, temperatures: &mut Temperatures) -> Result<Vec<Exchanged>> {
        temperatures.read(self)
    }

    fn read_tempered_energies(
        &self,
        params: &Params,
        temperatures: &Temperatures,
        replicas: &States,
    ) -> Result<Vec<f64>> {
        temperatures.assert_rows(params, replicas);
        let parts = params.n_hidden.div_ceil(32);
        let gains = machine::gains_room(self, replicas.rows, parts)?;
        exchange::read_energies(self, params, temperatures, replicas, &gains)
    }

    fn copy_rows(&self, from: &States, first: usize, to: &mut States) {
        assert!(from.cols == to.cols && first + to.rows <= from.rows, "rows to copy");
        let row = 4 * to.cols.div_ceil(32) as u64;
        self.copy(&from.words, first as u64 * row, &to.words, to.rows as u64 * row);
    }

    fn kernel_times(&self) -> Vec<KernelTime> {
        self.times()
    }

    fn measure_peaks(&self) -> Result<Peaks> {
        peak::measure(self)
    }

    fn finish(&self) -> Result<()> {
        self.wait_for_all()
    }
}

impl Gpu {
    /// Gibbs steps of chains, or of the rungs of a ladder.
    fn steps(
        &self,
        params: &Params,
        ladder: Option<&Temperatures>,
        chains: &mut States,
        address: Address,
        steps: Range<u32>,
    ) {
        let sizes = [chains.rows, params.n_visible, params.n_hidden];
        if ladder.is_none() && self.steps_in_one(params.stored(), sizes) {
            return Steps::new(self, params, chains.rows, address, &chains.words).record(self, steps);
        }
        let both = chains.hidden(self, params.n_hidden).and_then(|hidden| {
            let h_from_v = HalfStep::hidden(self, params, ladder, chains.rows, address, &chains.words, &hidden)?;
            Ok((h_from_v, HalfStep::visible(self, params, ladder, chains.rows, address, &hidden, &chains.words, None)))
        });
        match both {
            Err(error) => self.fail(error),
            Ok((h_from_v, v_from_h)) => {
                for step in steps {
                    h_from_v.record(self, step);
                    v_from_h.record(self, step);
                }
            }
        }
    }

    /// Flips of chains, or of the rungs of a ladder.
    fn flip(&self, params: &Params, ladder: Option<&Temperatures>, chains: &mut States, address: Address, step: u32) {
        let gains = chains.gains(self, params.n_hidden.div_ceil(32));
        if let Err(error) =
            gains.and_then(|gains| flip_move::record(self, params, ladder, chains, &gains, address, step))
        {
            self.fail(error);
        }
    }
}
