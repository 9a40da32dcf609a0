//! The CPU backend: the same steps as on the GPU, as an orchestration of its own.
//!
//! Work is split over rayon's current pool by chains, replicas or tiles; what a chain computes depends on its number
//! only, so results are equal for any number of threads. Run a whole job inside one pool's `install`, so that a step
//! does not pay for waking threads from outside.

#[cfg(feature = "threads")]
mod awake;
#[cfg(not(feature = "threads"))]
mod awake {
    pub(super) fn attended<T>(run: impl FnOnce() -> T) -> T {
        run()
    }
}
mod bands;
mod bonds;
mod clusters;
mod columns;
mod digits;
mod functions;
mod gradient;
mod inputs;
mod kernels;
mod labels;
mod lanes;
mod machine;
mod neighbours;
mod numbers;
#[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
mod pairs;
mod params;
pub mod plan;
mod processor;
mod product;
mod sparse;
mod spins;
mod tables;
mod thresholds;
mod tile;
mod torus;
mod word;

use std::ops::Range;

pub use self::gradient::CpuMoments;
pub use self::inputs::CpuInputs;
use self::kernels::gather::gather;
use self::kernels::ising_half_sweep::MAX_CLASSES;
pub use self::machine::{CpuAnnealing, CpuStates, CpuTemperatures};
pub use self::params::CpuParams;
pub use self::spins::CpuSpins;
pub use self::tables::CpuTableSpins;
pub use self::word::instruction_set;
use super::{
    Acceptance, Address, Backend, ClusterRule, DeviceDescription, Exchanged, FlipTables, HostMoments, Minibatch,
    OptimiserState, Peaks, Phase, SpinSums, UpdateRule,
};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::{Graph, Lattice};
use crate::rbm::Rbm;

/// The CPU as a device.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu;

impl Cpu {
    /// The CPU with rayon's current pool.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Backend for Cpu {
    type Spins = CpuSpins;
    type TableSpins = CpuTableSpins;
    type Params = CpuParams;
    type States = CpuStates;
    type Moments = CpuMoments;
    type Annealing = CpuAnnealing;
    type Temperatures = CpuTemperatures;

    fn device(&self) -> DeviceDescription {
        DeviceDescription {
            name: processor::name(),
            backend: "cpu".to_string(),
            kind: "cpu".to_string(),
            driver: format!("{} threads, {}", crate::threads::count(), instruction_set()),
        }
    }

    fn upload_spins(&self, graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Result<CpuSpins> {
        if graph.max_degree >= MAX_CLASSES || acceptance.max_degree < graph.max_degree {
            return Err(Error::Input(
                Fault::new(format!("a site has {} neighbours", graph.max_degree))
                    .expected(format!("at most {}, and a table of acceptances for them", MAX_CLASSES - 1)),
            ));
        }
        Ok(CpuSpins::of_graph(graph, acceptance, initial))
    }

    fn upload_torus(&self, lattice: Lattice, acceptance: &Acceptance, initial: &BitMatrix) -> Result<CpuSpins> {
        CpuSpins::of_torus(lattice, acceptance, initial)
    }

    fn upload_clusters(&self, graph: &Graph, rule: &ClusterRule, initial: &BitMatrix) -> Result<CpuSpins> {
        rule.check(graph, initial)?;
        Ok(CpuSpins::of_clusters(graph, rule, initial))
    }

    fn sweep(&self, spins: &mut CpuSpins, seed: u64, sweeps: Range<u32>) {
        spins.sweep(seed, &sweeps);
    }

    fn parts(&self, spins: &CpuSpins) -> usize {
        spins.parts()
    }

    fn sweep_part(&self, spins: &mut CpuSpins, seed: u64, sweeps: Range<u32>, part: usize) {
        spins.sweep_part(seed, &sweeps, part);
    }

    fn record_sums(&self, spins: &mut CpuSpins) {
        spins.record_sums();
    }

    fn read_sums(&self, spins: &mut CpuSpins) -> Result<Vec<Vec<SpinSums>>> {
        Ok(spins.take_sums())
    }

    fn read_spins(&self, spins: &CpuSpins) -> Result<BitMatrix> {
        spins.to_host()
    }

    fn read_turned(&self, spins: &CpuSpins) -> Result<u64> {
        Ok(spins.turned())
    }

    fn upload_table_spins(
        &self,
        tables: &FlipTables,
        temperature_of: &[u32],
        initial: &BitMatrix,
    ) -> Result<CpuTableSpins> {
        CpuTableSpins::new(tables, temperature_of, initial)
    }

    fn set_temperatures(&self, spins: &mut CpuTableSpins, temperature_of: &[u32]) -> Result<()> {
        spins.set_temperatures(temperature_of)
    }

    fn sweep_by_tables(&self, spins: &mut CpuTableSpins, seed: u64, sweeps: Range<u32>) {
        spins.sweep(seed, &sweeps);
    }

    fn read_table_spins(&self, spins: &CpuTableSpins) -> Result<BitMatrix> {
        spins.to_host()
    }

    fn upload_params(&self, rbm: &Rbm, optimiser: Option<&OptimiserState>) -> Result<CpuParams> {
        rbm.validate()?;
        Ok(CpuParams::new(rbm, optimiser))
    }

    fn read_params(&self, params: &CpuParams) -> Result<(Rbm, OptimiserState)> {
        Ok(params.to_host())
    }

    fn upload_states(&self, states: &BitMatrix) -> Result<CpuStates> {
        Ok(CpuStates::new(states.clone()))
    }

    fn write_states(&self, states: &mut CpuStates, rows: &BitMatrix) -> Result<()> {
        assert_eq!((rows.rows(), rows.cols()), (states.matrix.rows(), states.matrix.cols()), "shape of the states");
        states.matrix.words_mut().copy_from_slice(rows.words());
        Ok(())
    }

    fn read_states(&self, states: &CpuStates) -> Result<BitMatrix> {
        Ok(states.matrix.clone())
    }

    fn gather(&self, data: &CpuStates, minibatch: &Minibatch, batch: &mut CpuStates) {
        gather(data.matrix.words(), data.matrix.words_per_row(), minibatch, batch.matrix.words_mut());
    }

    fn gibbs(&self, params: &CpuParams, chains: &mut CpuStates, address: Address, steps: Range<u32>) {
        machine::gibbs(params, None, chains, address, &steps);
    }

    fn read_hidden(&self, params: &CpuParams, chains: &CpuStates, address: Address, step: u32) -> Result<BitMatrix> {
        Ok(machine::hidden(params, chains, address, step))
    }

    fn flip_move(&self, params: &CpuParams, chains: &mut CpuStates, address: Address, step: u32) {
        machine::flip(params, None, chains, address, step);
    }

    fn accumulate_moments(&self, params: &CpuParams, states: &CpuStates, phase: Phase, moments: &mut CpuMoments) {
        moments.accumulate(params, states, phase);
    }

    fn subtract_mean_field(&self, params: &CpuParams, states: &CpuStates, steps: u32, moments: &mut CpuMoments) {
        moments.subtract_mean_field(params, states, steps);
    }

    fn new_moments(&self, params: &CpuParams) -> Result<CpuMoments> {
        Ok(CpuMoments::new(params))
    }

    fn read_moments(&self, moments: &CpuMoments) -> Result<HostMoments> {
        Ok(moments.to_host())
    }

    fn update(&self, params: &mut CpuParams, moments: &CpuMoments, rule: &UpdateRule) {
        gradient::update(params, moments, rule);
    }

    fn approach(&self, params: &mut CpuParams, towards: &CpuParams, part: f32) {
        gradient::approach_machine(params, towards, part);
    }

    fn read_free_energies(&self, params: &CpuParams, states: &CpuStates) -> Result<Vec<f64>> {
        Ok(machine::free_energies(params, states))
    }

    fn start_annealing(
        &self,
        params: &CpuParams,
        base_visible_bias: &[f32],
        chains: usize,
        address: Address,
    ) -> Result<CpuAnnealing> {
        Ok(machine::start_annealing(params, base_visible_bias, chains, address))
    }

    fn start_annealing_at(
        &self,
        _params: &CpuParams,
        base_visible_bias: &[f32],
        start: &BitMatrix,
        address: Address,
    ) -> Result<CpuAnnealing> {
        Ok(machine::start_annealing_at(base_visible_bias, start.clone(), address))
    }

    fn anneal(&self, params: &CpuParams, annealing: &mut CpuAnnealing, betas: &[f64], steps: Range<u32>) {
        machine::anneal(params, annealing, betas, &steps);
    }

    fn read_log_weights(&self, annealing: &CpuAnnealing) -> Result<Vec<f64>> {
        Ok(annealing.log_weights.clone())
    }

    fn read_annealed(&self, annealing: &CpuAnnealing) -> Result<BitMatrix> {
        Ok(annealing.states.clone())
    }

    fn upload_temperatures(
        &self,
        params: &CpuParams,
        base_visible_bias: &[f32],
        betas: &[f64],
        chains: usize,
    ) -> Result<CpuTemperatures> {
        machine::temperatures(params, base_visible_bias, betas, chains)
    }

    fn set_betas(&self, temperatures: &mut CpuTemperatures, betas: &[f64]) -> Result<()> {
        temperatures.set(betas);
        Ok(())
    }

    fn temper(
        &self,
        params: &CpuParams,
        temperatures: &CpuTemperatures,
        replicas: &mut CpuStates,
        address: Address,
        steps: Range<u32>,
    ) {
        machine::gibbs(params, Some(temperatures), replicas, address, &steps);
    }

    fn flip_replicas(
        &self,
        params: &CpuParams,
        temperatures: &CpuTemperatures,
        replicas: &mut CpuStates,
        address: Address,
        step: u32,
    ) {
        machine::flip(params, Some(temperatures), replicas, address, step);
    }

    fn exchange(
        &self,
        params: &CpuParams,
        temperatures: &mut CpuTemperatures,
        replicas: &mut CpuStates,
        address: Address,
        round: u32,
    ) {
        machine::exchange_rows(params, temperatures, replicas, address, round);
    }

    fn read_exchanges(&self, temperatures: &mut CpuTemperatures) -> Result<Vec<Exchanged>> {
        Ok(temperatures.take())
    }

    fn read_tempered_energies(
        &self,
        params: &CpuParams,
        temperatures: &CpuTemperatures,
        replicas: &CpuStates,
    ) -> Result<Vec<f64>> {
        Ok(machine::energies_at(params, temperatures, replicas))
    }

    fn copy_rows(&self, from: &CpuStates, first: usize, to: &mut CpuStates) {
        let (words, out) = (from.matrix.words_per_row(), to.matrix.words_mut());
        out.copy_from_slice(&from.matrix.words()[first * words..][..out.len()]);
    }

    fn measure_peaks(&self) -> Result<Peaks> {
        Ok(kernels::peak::measure())
    }

    fn attended<T>(&self, run: impl FnOnce() -> T) -> T {
        awake::attended(run)
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }
}
