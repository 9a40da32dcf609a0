//! The seam between algorithms and devices: whole algorithm steps, not tensor operations.
//!
//! Fusion is a kernel's own affair, and the CPU side is an independent orchestration, so that CPU = GPU is evidence.
//! Steps enqueue and return at once; only `read_*` and [`Backend::finish`] wait and report what went wrong on the
//! device. Step ranges are random addresses: steps `0..n` equal `0..k` then `k..n`, bit for bit on one backend.

pub mod acceptance;
pub mod clusters;
pub mod cpu;
mod exchanges;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod memory;
mod optimiser;
pub mod tables;
mod torus;

use std::ops::Range;

use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::{Graph, Lattice};
use crate::rbm::Rbm;
use crate::rng::Permutation;
#[cfg(doc)]
use crate::rng::Stream;

pub use crate::record::KernelTime;
pub use acceptance::{Acceptance, Classes, Rule};
pub use clusters::{ClusterKind, ClusterRule};
pub use exchanges::{Exchanged, RECORDED, pairs};
pub(crate) use optimiser::{Coefficients, Formula};
pub use optimiser::{Descent, OptimiserState, Penalties, Sparsity, UpdateRule};
pub use tables::FlipTables;

/// What a backend says about the device it runs on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeviceDescription {
    /// Name of the processor or adapter.
    pub name: String,
    /// `cpu`, `vulkan`, `metal`, `dx12`.
    pub backend: String,
    /// `cpu`, `discrete-gpu`, `integrated-gpu`, `virtual-gpu`, `software`.
    pub kind: String,
    /// Driver and version; instruction set on the CPU.
    pub driver: String,
}

/// What a device can do at the most, measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peaks {
    /// Multiply-adds of f32 a second that depend on nothing in memory.
    pub multiply_adds_per_second: f64,
    /// Bytes a second of a copy, read and written ones.
    pub bytes_per_second: f64,
    /// Whether sums and copies came out right.
    pub is_right: bool,
}

/// Sums over the sites of one replica at one time: everything the energy and the magnetisation need, as integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct SpinSums {
    /// Bonds whose two spins differ; E = −J (bonds − 2 · antiparallel).
    pub antiparallel: u32,
    /// Spins that are up; M = 2 · up − N.
    pub up: u32,
}

/// Where a kernel takes its random numbers from besides unit, step and chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Philox key.
    pub seed: u64,
    /// Number of the first chain: chain `r` of a state block draws as chain `first_chain + r`.
    pub first_chain: u32,
}

impl Address {
    /// Chains numbered from 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, first_chain: 0 }
    }
}

/// Rows of a data set that make one minibatch: positions `first .. first + count` of `permutation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minibatch {
    /// Order of this epoch.
    pub permutation: Permutation,
    /// First position.
    pub first: u32,
    /// Number of rows; the receiving states have as many.
    pub count: u32,
}

/// The two phases of the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Overwrites the moments with those of the data.
    Data,
    /// Subtracts the moments of the model's chains.
    Model,
}

/// Moments as read back: differences data − model after both phases, plain data moments after the first.
#[derive(Debug, Clone, PartialEq)]
pub struct HostMoments {
    /// ⟨v_j sig(x_i)⟩, `[n_visible, n_hidden]`.
    pub products: Vec<f32>,
    /// ⟨v_j⟩, `[n_visible]`.
    pub visible: Vec<f32>,
    /// ⟨sig(x_i)⟩, `[n_hidden]`.
    pub hidden: Vec<f32>,
    /// ⟨sig(x_i)⟩ of the data phase alone, `[n_hidden]`.
    pub data_hidden: Vec<f32>,
}

/// A device that runs the engine's steps.
///
/// Shapes: states `[chains, units]` packed; parameters as in [`Rbm`]; spins `[replicas, sites]` on the host.
/// Steps are checked to fit 32 bits by the callers.
pub trait Backend {
    /// Spins of many replicas of one graph, with acceptance thresholds and recorded sums, on the device.
    type Spins;
    /// Spins of many replicas that are updated by [`FlipTables`], on the device.
    type TableSpins;
    /// Parameters and optimiser state on the device.
    type Params;
    /// Packed binary states `[chains, units]` on the device.
    type States;
    /// Accumulated moments on the device.
    type Moments;
    /// Chains and log-weights of annealed importance sampling on the device.
    type Annealing;
    /// Inverse temperatures of a ladder of replicas, its base, and the record of its exchanges, on the device.
    type Temperatures;

    /// The device behind this backend.
    fn device(&self) -> DeviceDescription;

    /// Uploads spins `[replicas, sites]` (1 = up) of `graph`; replica r uses temperature column r of `acceptance`.
    ///
    /// # Errors
    /// When the device cannot hold them.
    fn upload_spins(&self, graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self::Spins>;

    /// Uploads spins `[replicas, sites]` (1 = up, sites numbered as in [`Lattice`]) of a square or cubic lattice into a
    /// layout with one bit a site: for large lattices, without a graph, in one bit a spin where the extent is a multiple
    /// of 64 and in rows of whole words otherwise. Replica r uses temperature column r of `acceptance`. Sweeps, sums and
    /// reads are as for [`Backend::upload_spins`], with random addresses of their own ([`Stream::TorusFlip`]).
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for another lattice, and when the device cannot hold them.
    fn upload_torus(&self, lattice: Lattice, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self::Spins>;

    /// Uploads spins `[replicas, sites]` (1 = up) of any graph that are updated by clusters; replica r has threshold r of
    /// `rule`. Sweeps, sums and reads are as for [`Backend::upload_spins`]; random addresses as in [`clusters`].
    /// Where all work is done at once, as on a GPU, a Wolff sweep labels the whole lattice to turn one cluster of it and
    /// costs as much as one of Swendsen–Wang.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for shapes that do not fit, and when the device cannot hold them.
    fn upload_clusters(&self, graph: &Graph, rule: &ClusterRule, initial: &BitMatrix) -> Result<Self::Spins>;

    /// Whole sweeps (each colour once, in the order of [`crate::rng::colour_order`]; all clusters, or one); class exact:
    /// equal to the last bit on every backend.
    fn sweep(&self, spins: &mut Self::Spins, seed: u64, sweeps: Range<u32>);

    /// Groups of replicas that [`Backend::sweep_part`] takes one at a time: more than one where a single sweep of all of
    /// them keeps the caller waiting for long.
    fn parts(&self, _spins: &Self::Spins) -> usize {
        1
    }

    /// The sweeps of one of these groups; all of them one after the other are [`Backend::sweep`].
    fn sweep_part(&self, spins: &mut Self::Spins, seed: u64, sweeps: Range<u32>, _part: usize) {
        self.sweep(spins, seed, sweeps);
    }

    /// Appends the current [`SpinSums`] of every replica to the record kept on the device.
    fn record_sums(&self, spins: &mut Self::Spins);

    /// Takes the record: `[times][replicas]`, and starts an empty one.
    ///
    /// # Errors
    /// Device failures.
    fn read_sums(&self, spins: &mut Self::Spins) -> Result<Vec<Vec<SpinSums>>>;

    /// The spins now, `[replicas, sites]`.
    ///
    /// # Errors
    /// Device failures.
    fn read_spins(&self, spins: &Self::Spins) -> Result<BitMatrix>;

    /// Spins that Wolff clusters have turned over since the upload, in all replicas; 0 for all other updates.
    ///
    /// # Errors
    /// Device failures.
    fn read_turned(&self, spins: &Self::Spins) -> Result<u64>;

    /// Uploads spins `[replicas, sites]` (1 = up) of any energy with its tables; replica r uses those of temperature
    /// number `temperature_of[r]`.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for shapes or numbers that do not fit, and when the device cannot hold them.
    fn upload_table_spins(
        &self,
        tables: &FlipTables,
        temperature_of: &[u32],
        initial: &BitMatrix,
    ) -> Result<Self::TableSpins>;

    /// Gives every replica a temperature by number, for the sweeps to come.
    ///
    /// # Errors
    /// As [`Backend::upload_table_spins`].
    fn set_temperatures(&self, spins: &mut Self::TableSpins, temperature_of: &[u32]) -> Result<()>;

    /// Whole sweeps by tables (each colour once, in the order of [`crate::rng::colour_order`]), drawn at (site, sweep, [`Stream::IsingTable`], replica);
    /// class exact: equal to the last bit on every backend.
    fn sweep_by_tables(&self, spins: &mut Self::TableSpins, seed: u64, sweeps: Range<u32>);

    /// The spins now, `[sites, replicas]`: a word is a site of 32 replicas.
    ///
    /// # Errors
    /// Device failures.
    fn read_table_spins(&self, spins: &Self::TableSpins) -> Result<BitMatrix>;

    /// Uploads parameters and, for training, the optimiser's state.
    ///
    /// # Errors
    /// When the device cannot hold them.
    fn upload_params(&self, rbm: &Rbm, optimiser: Option<&OptimiserState>) -> Result<Self::Params>;

    /// Reads parameters and optimiser state.
    ///
    /// # Errors
    /// Device failures.
    fn read_params(&self, params: &Self::Params) -> Result<(Rbm, OptimiserState)>;

    /// Uploads packed states `[chains, units]`.
    ///
    /// # Errors
    /// When the device cannot hold them.
    fn upload_states(&self, states: &BitMatrix) -> Result<Self::States>;

    /// Overwrites states, after everything enqueued before, with `rows` of the same shape.
    ///
    /// # Errors
    /// When the device cannot take them.
    fn write_states(&self, states: &mut Self::States, rows: &BitMatrix) -> Result<()>;

    /// Reads packed states `[chains, units]`.
    ///
    /// # Errors
    /// Device failures.
    fn read_states(&self, states: &Self::States) -> Result<BitMatrix>;

    /// Copies the rows of a minibatch from `data` into `batch`.
    fn gather(&self, data: &Self::States, minibatch: &Minibatch, batch: &mut Self::States);

    /// Gibbs steps v → h → v: h_i ~ sig(x_i), v_j ~ sig(y_j), drawn at (unit, step, [`Stream::SampleHidden`] or
    /// [`Stream::SampleVisible`], chain); class margin.
    fn gibbs(&self, params: &Self::Params, chains: &mut Self::States, address: Address, steps: Range<u32>);

    /// One half-step v → h, h_i ~ sig(x_i) drawn as in [`Backend::gibbs`]; returns packed h `[chains, n_hidden]`.
    ///
    /// # Errors
    /// Device failures.
    fn read_hidden(
        &self,
        params: &Self::Params,
        chains: &Self::States,
        address: Address,
        step: u32,
    ) -> Result<BitMatrix>;

    /// The global flip v → 1 − v, accepted with min(1, e^{F(v) − F(1 − v)}): u < that, u drawn at
    /// (chain, step, [`Stream::SymmetryMove`]); class margin. One product serves both free energies, since
    /// x(1 − v) = 2c + Σ_j w_j − x(v).
    fn flip_move(&self, params: &Self::Params, chains: &mut Self::States, address: Address, step: u32);

    /// Means over all rows of `states` of v, sig(x) and v·sig(x): written for [`Phase::Data`], subtracted for
    /// [`Phase::Model`]; class bounded.
    fn accumulate_moments(
        &self,
        params: &Self::Params,
        states: &Self::States,
        phase: Phase,
        moments: &mut Self::Moments,
    );

    /// Subtracts the moments of the model by mean field, contrastive divergence with means in place of draws (Welling and
    /// Hinton 2002): m_h = sig(c + v W) of the rows v of `states`, then `steps` times m_v = sig(b + m_h Wᵀ) and
    /// m_h = sig(c + m_v W); of m_v, m_h and m_v·m_h the means over all rows are subtracted. Leaves the states as they are
    /// and draws nothing; class bounded.
    ///
    /// # Panics
    /// Where there are no steps.
    fn subtract_mean_field(
        &self,
        params: &Self::Params,
        states: &Self::States,
        steps: u32,
        moments: &mut Self::Moments,
    );

    /// Room for moments of these parameters.
    ///
    /// # Errors
    /// When the device cannot hold them.
    fn new_moments(&self, params: &Self::Params) -> Result<Self::Moments>;

    /// Reads moments.
    ///
    /// # Errors
    /// Device failures.
    fn read_moments(&self, moments: &Self::Moments) -> Result<HostMoments>;

    /// Applies both phases' moments D = data − model. Centred: λ_h ← (1 − s) λ_h + s ⟨h⟩_data,
    /// g_w = D_vh − μ D_h − D_v λ_h, g_b = r D_v − g_w λ_h, g_c = r D_h − g_wᵀ μ (r the bias rate); not centred:
    /// g = D with r on the biases; g_w in the biases' formulas is without penalties. What becomes of g: [`UpdateRule`].
    /// Class bounded.
    ///
    /// # Panics
    /// Where the rule needs second moments and none were uploaded.
    fn update(&self, params: &mut Self::Params, moments: &Self::Moments, rule: &UpdateRule);

    /// Moves all parameters the part `part` of their way towards those of another machine of the same shape,
    /// x ← x + part (y − x), and nothing of the optimiser's state; class bounded.
    fn approach(&self, params: &mut Self::Params, towards: &Self::Params, part: f32);

    /// F(v) of every row, in nats; class bounded.
    ///
    /// # Errors
    /// Device failures.
    fn read_free_energies(&self, params: &Self::Params, states: &Self::States) -> Result<Vec<f64>>;

    /// Starts `chains` chains from the base v_j ~ sig(b0_j), drawn at (unit, step 0, [`Stream::ChainStart`], chain),
    /// with log-weights 0.
    ///
    /// # Errors
    /// When the device cannot hold them.
    fn start_annealing(
        &self,
        params: &Self::Params,
        base_visible_bias: &[f32],
        chains: usize,
        address: Address,
    ) -> Result<Self::Annealing>;

    /// The same from chains that are given, `[chains, n_visible]`, distributed as the first rung of a ladder.
    ///
    /// # Errors
    /// When the device cannot hold them.
    fn start_annealing_at(
        &self,
        params: &Self::Params,
        base_visible_bias: &[f32],
        start: &BitMatrix,
        address: Address,
    ) -> Result<Self::Annealing>;

    /// Steps k of the ladder `betas` (β_0 = 0 … β_K = 1): log w += log p*_{β_{k+1}}(v) − log p*_{β_k}(v), then
    /// h ~ sig(β_{k+1} x(v)), v ~ sig(β_{k+1} y(h) + (1 − β_{k+1}) b0), drawn at step k + 1; class margin. The ladder may
    /// also fall, from chains started at its first rung.
    fn anneal(&self, params: &Self::Params, annealing: &mut Self::Annealing, betas: &[f64], steps: Range<u32>);

    /// Log-weights of all chains, in nats.
    ///
    /// # Errors
    /// Device failures.
    fn read_log_weights(&self, annealing: &Self::Annealing) -> Result<Vec<f64>>;

    /// The chains where annealing has left them, `[chains, n_visible]`.
    ///
    /// # Errors
    /// Device failures.
    fn read_annealed(&self, annealing: &Self::Annealing) -> Result<BitMatrix>;

    /// A ladder of `betas`, the lowest rung first, over a base with visible biases b0, of `chains` chains a rung. Rung r
    /// of a machine has ln p*_β(v) = (b0 + β (b − b0))·v + Σ_i softplus(β x_i), β = β_r as f32: independent units at 0, the
    /// machine itself at 1. The states of all rungs, its *replicas*, are one block: row r · `chains` + k is chain k of rung r,
    /// so that one product, and one table of partial sums, serves all temperatures, and a rung is a run of rows.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for no rungs or a base of another length, and when the device cannot hold them.
    fn upload_temperatures(
        &self,
        params: &Self::Params,
        base_visible_bias: &[f32],
        betas: &[f64],
        chains: usize,
    ) -> Result<Self::Temperatures>;

    /// Other inverse temperatures for as many rungs, after everything enqueued before.
    ///
    /// # Errors
    /// When the device cannot take them.
    fn set_betas(&self, temperatures: &mut Self::Temperatures, betas: &[f64]) -> Result<()>;

    /// Gibbs steps of all replicas, each at its own β: h_i ~ sig(β x_i), v_j ~ sig(β y_j + (1 − β) b0_j), drawn as in
    /// [`Backend::gibbs`] with the row as chain; the same bits as there for β = 1. Class margin.
    fn temper(
        &self,
        params: &Self::Params,
        temperatures: &Self::Temperatures,
        replicas: &mut Self::States,
        address: Address,
        steps: Range<u32>,
    );

    /// [`Backend::flip_move`] of all replicas, each at its own β.
    fn flip_replicas(
        &self,
        params: &Self::Params,
        temperatures: &Self::Temperatures,
        replicas: &mut Self::States,
        address: Address,
        step: u32,
    );

    /// Chains of the same number at neighbouring rungs a and a + 1 change places where u < e^{up + down}
    /// ([`Exchanged`]), u drawn at (a, round, [`Stream::Exchange`], chain): for a = 0, 2, … in even rounds, 1, 3, … in odd
    /// ones. Appends what became of them to the record, which holds [`RECORDED`] rounds. Class margin, and bounded for the
    /// record.
    fn exchange(
        &self,
        params: &Self::Params,
        temperatures: &mut Self::Temperatures,
        replicas: &mut Self::States,
        address: Address,
        round: u32,
    );

    /// Takes the record, `[rounds][pairs of the round, chains]` without gaps, and starts an empty one.
    ///
    /// # Errors
    /// Device failures.
    fn read_exchanges(&self, temperatures: &mut Self::Temperatures) -> Result<Vec<Exchanged>>;

    /// −ln p*_β(v) of every replica at its own β, in nats; class bounded.
    ///
    /// # Errors
    /// Device failures.
    fn read_tempered_energies(
        &self,
        params: &Self::Params,
        temperatures: &Self::Temperatures,
        replicas: &Self::States,
    ) -> Result<Vec<f64>>;

    /// Overwrites all rows of `to` with as many of `from`, beginning with `first`.
    fn copy_rows(&self, from: &Self::States, first: usize, to: &mut Self::States);

    /// Device time of every kernel so far, as of the last wait, by name; empty where it is not measured.
    fn kernel_times(&self) -> Vec<KernelTime> {
        Vec::new()
    }

    /// Measures what the device can do at the most; takes a fraction of a second.
    ///
    /// # Errors
    /// Device failures.
    fn measure_peaks(&self) -> Result<Peaks>;

    /// Runs `run`, a sequence of many short steps, during which the device should stay ready for the next one.
    fn attended<T>(&self, run: impl FnOnce() -> T) -> T {
        run()
    }

    /// Waits until everything enqueued has run.
    ///
    /// # Errors
    /// Whatever failed on the device since the last wait.
    fn finish(&self) -> Result<()>;
}
