//! The CPU backend: the same steps as on the GPU, as an orchestration of its own.
//!
//! Work is split over rayon's current pool by chains, replicas or tiles; what a chain computes depends on its number
//! only, so results are equal for any number of threads. Run a whole job inside one pool's `install`, so that a step
//! does not pay for waking threads from outside.

mod digits;
mod kernels;
mod lanes;
mod params;
mod processor;
mod product;
mod spins;
mod square;
mod thresholds;
mod word;

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use self::kernels::ais_step::{Rungs, ais_step};
use self::kernels::flip_move::flip_move;
use self::kernels::free_energy::free_energy;
use self::kernels::gather::gather;
use self::kernels::gibbs_half_step::{Draw, Side, gibbs_half_step};
use self::kernels::ising_half_sweep::MAX_CLASSES;
use self::kernels::moments::{hidden_means, products, transpose_with_ones};
use self::kernels::update::{Gradient, hidden_gradient, transpose_tile, update_bias, update_weights};
pub use self::params::CpuParams;
use self::params::{pad, padded};
use self::product::{Rows, TILE, Weights, Workspace};
pub use self::spins::CpuSpins;
use super::{
    Acceptance, Address, Backend, DeviceDescription, HostMoments, Minibatch, OptimiserState, Phase, SpinSums,
    UpdateRule,
};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::Graph;
use crate::rbm::Rbm;
use crate::rng::{Stream, key_of, uniform, unit_word};

/// The CPU as a device.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu;

/// Packed states and the scratch of their half-steps.
#[derive(Debug, Clone)]
pub struct CpuStates {
    matrix: BitMatrix,
    hidden: Vec<u32>,
}

/// Moments in memory, tile-major.
#[derive(Debug, Clone)]
pub struct CpuMoments {
    n_hidden: usize,
    products: Vec<f32>,
    visible: Vec<f32>,
    data_hidden: Vec<f32>,
    means: Vec<f32>,
    transposed: Vec<u32>,
}

/// Annealed chains in memory.
#[derive(Debug, Clone)]
pub struct CpuAnnealing {
    states: BitMatrix,
    hidden: Vec<u32>,
    log_weights: Vec<f64>,
    base: Vec<f32>,
    address: Address,
}

thread_local! {
    static WORK: RefCell<(Workspace, Vec<f64>)> = RefCell::default();
}

fn with_workspace<T>(run: impl FnOnce(&mut Workspace, &mut Vec<f64>) -> T) -> T {
    WORK.with_borrow_mut(|(work, gains)| run(work, gains))
}

/// Multiply-adds below which a step is not worth a second thread (about 20 µs of work).
const SMALL: usize = 1 << 20;

/// Chains of one task: an even share for every thread, all of them when the work is small.
fn share(chains: usize, work_per_chain: usize) -> usize {
    let threads = rayon::current_num_threads();
    if threads == 1 || chains.saturating_mul(work_per_chain) < SMALL { chains } else { chains.div_ceil(threads).max(8) }
}

impl Cpu {
    /// The CPU with rayon's current pool.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

fn draw(address: Address, step: u32, stream: Stream, first: usize) -> Draw {
    Draw {
        key: key_of(address.seed),
        step,
        stream: stream as u32,
        chain: address.first_chain.wrapping_add(first as u32),
    }
}

impl Backend for Cpu {
    type Spins = CpuSpins;
    type Params = CpuParams;
    type States = CpuStates;
    type Moments = CpuMoments;
    type Annealing = CpuAnnealing;

    fn device(&self) -> DeviceDescription {
        DeviceDescription {
            name: processor::name(),
            backend: "cpu".to_string(),
            kind: "cpu".to_string(),
            driver: format!(
                "{} threads, {}",
                rayon::current_num_threads(),
                if lanes::use_avx2() { "AVX2" } else { "portable code" }
            ),
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

    fn upload_square(&self, length: usize, acceptance: &Acceptance, initial: &BitMatrix) -> Result<CpuSpins> {
        CpuSpins::of_square(length, acceptance, initial)
    }

    fn sweep(&self, spins: &mut CpuSpins, seed: u64, sweeps: Range<u32>) {
        spins.sweep(seed, &sweeps);
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

    fn upload_params(&self, rbm: &Rbm, optimiser: Option<&OptimiserState>) -> Result<CpuParams> {
        rbm.validate()?;
        Ok(CpuParams::new(rbm, optimiser))
    }

    fn read_params(&self, params: &CpuParams) -> Result<(Rbm, OptimiserState)> {
        Ok(params.to_host())
    }

    fn upload_states(&self, states: &BitMatrix) -> Result<CpuStates> {
        Ok(CpuStates { matrix: states.clone(), hidden: Vec::new() })
    }

    fn read_states(&self, states: &CpuStates) -> Result<BitMatrix> {
        Ok(states.matrix.clone())
    }

    fn gather(&self, data: &CpuStates, minibatch: &Minibatch, batch: &mut CpuStates) {
        gather(data.matrix.words(), data.matrix.words_per_row(), minibatch, batch.matrix.words_mut());
    }

    fn gibbs(&self, params: &CpuParams, chains: &mut CpuStates, address: Address, steps: Range<u32>) {
        let (n, words) = (chains.matrix.rows(), chains.matrix.words_per_row());
        let hidden_words = params.n_hidden.div_ceil(32);
        chains.hidden.resize(n * hidden_words, 0);
        let size = share(n, 2 * steps.len() * params.n_visible * params.n_hidden);
        let (hidden, visible) = (params.hidden_side(), params.visible_side(&[]));
        chains
            .matrix
            .words_mut()
            .par_chunks_mut(size * words)
            .zip(chains.hidden.par_chunks_mut(size * hidden_words))
            .enumerate()
            .for_each(|(block, (v, h))| {
                with_workspace(|work, _| {
                    for step in steps.clone() {
                        let at = |stream| draw(address, step, stream, block * size);
                        let rows = Rows { words: v, words_per_row: words };
                        gibbs_half_step(work, rows, &hidden, 1.0, at(Stream::SampleHidden), h);
                        let rows = Rows { words: h, words_per_row: hidden_words };
                        gibbs_half_step(work, rows, &visible, 1.0, at(Stream::SampleVisible), v);
                    }
                });
            });
    }

    fn read_hidden(&self, params: &CpuParams, chains: &CpuStates, address: Address, step: u32) -> Result<BitMatrix> {
        let mut out = BitMatrix::zeros(chains.matrix.rows(), params.n_hidden);
        let (words, hidden_words) = (chains.matrix.words_per_row(), out.words_per_row());
        let size = share(chains.matrix.rows(), params.n_visible * params.n_hidden);
        let hidden = params.hidden_side();
        chains
            .matrix
            .words()
            .par_chunks(size * words)
            .zip(out.words_mut().par_chunks_mut(size * hidden_words))
            .enumerate()
            .for_each(|(block, (v, h))| {
                let at = draw(address, step, Stream::SampleHidden, block * size);
                let rows = Rows { words: v, words_per_row: words };
                with_workspace(|work, _| gibbs_half_step(work, rows, &hidden, 1.0, at, h));
            });
        Ok(out)
    }

    fn flip_move(&self, params: &CpuParams, chains: &mut CpuStates, address: Address, step: u32) {
        let words = chains.matrix.words_per_row();
        let size = share(chains.matrix.rows(), 2 * params.n_visible * params.n_hidden);
        let (hidden, turned) = (params.hidden_side(), params.turned_inputs());
        chains.matrix.words_mut().par_chunks_mut(size * words).enumerate().for_each(|(block, v)| {
            let at = draw(address, step, Stream::SymmetryMove, block * size);
            with_workspace(|work, gains| {
                flip_move(work, v, words, &hidden, &params.visible_bias, &turned, at, gains);
            });
        });
    }

    fn accumulate_moments(&self, params: &CpuParams, states: &CpuStates, phase: Phase, moments: &mut CpuMoments) {
        let (rows, words) = (states.matrix.rows(), states.matrix.words_per_row());
        let (n_visible, stride) = (params.n_visible, padded(params.n_hidden));
        let hidden = params.hidden_side();
        moments.means.resize(rows * stride, 0.0);
        let size = share(rows, n_visible * params.n_hidden);
        states.matrix.words().par_chunks(size * words).zip(moments.means.par_chunks_mut(size * stride)).for_each(
            |(v, means)| {
                let rows = Rows { words: v, words_per_row: words };
                with_workspace(|work, _| hidden_means(work, rows, &hidden, means));
            },
        );
        let per_row = transpose_with_ones(states.matrix.words(), words, n_visible, &mut moments.transposed);
        let (scale, accumulate) = match phase {
            Phase::Data => (1.0 / rows as f32, false),
            Phase::Model => (-1.0 / rows as f32, true),
        };
        for (j, visible) in moments.visible.iter_mut().enumerate() {
            let ones: u32 = moments.transposed[j * per_row..][..per_row].iter().map(|w| w.count_ones()).sum();
            let mean = scale * ones as f32;
            *visible = if accumulate { *visible + mean } else { mean };
        }
        // A task owns some visible units of one tile; as many pieces of a tile as threads need.
        let tiles = stride / TILE;
        let small = rows * n_visible * params.n_hidden < SMALL;
        let pieces = if small { 1 } else { rayon::current_num_threads().div_ceil(tiles) };
        let units = (n_visible + 1).div_ceil(pieces);
        let means = Weights { values: &moments.means, stride, inputs: rows };
        let transposed = &moments.transposed;
        let task = |(tile, piece, out): (usize, usize, &mut [f32])| {
            let count = out.len() / TILE;
            let bits = &transposed[piece * units * per_row..][..count * per_row];
            let bits = Rows { words: bits, words_per_row: per_row };
            with_workspace(|work, _| products(work, bits, means, tile, scale, accumulate, out));
        };
        let whole = (n_visible + 1) * TILE;
        if small {
            for (tile, out) in moments.products.chunks_mut(whole).enumerate() {
                task((tile, 0, out));
            }
        } else {
            moments.products.par_chunks_mut(whole).enumerate().for_each(|(tile, out)| {
                out.par_chunks_mut(units * TILE).enumerate().for_each(|(piece, out)| task((tile, piece, out)));
            });
        }
        if phase == Phase::Data {
            moments.data_hidden = hidden_row(&moments.products, n_visible);
        }
    }

    fn new_moments(&self, params: &CpuParams) -> Result<CpuMoments> {
        let stride = padded(params.n_hidden);
        Ok(CpuMoments {
            n_hidden: params.n_hidden,
            products: vec![0.0; (params.n_visible + 1) * stride],
            visible: vec![0.0; params.n_visible],
            data_hidden: vec![0.0; stride],
            means: Vec::new(),
            transposed: Vec::new(),
        })
    }

    fn read_moments(&self, moments: &CpuMoments) -> Result<HostMoments> {
        let (n_visible, n_hidden) = (moments.visible.len(), moments.n_hidden);
        let products = (0..n_visible)
            .flat_map(|j| {
                (0..n_hidden).map(move |i| moments.products[((i / TILE) * (n_visible + 1) + j) * TILE + i % TILE])
            })
            .collect();
        Ok(HostMoments {
            products,
            visible: moments.visible.clone(),
            hidden: hidden_row(&moments.products, n_visible)[..n_hidden].to_vec(),
            data_hidden: moments.data_hidden[..n_hidden].to_vec(),
        })
    }

    fn update(&self, params: &mut CpuParams, moments: &CpuMoments, rule: &UpdateRule) {
        let (n_visible, stride) = (params.n_visible, padded(params.n_hidden));
        // Padding beyond the last unit must stay zero here: g_w λ sums over it.
        for (offset, &mean) in params.hidden_offset.iter_mut().zip(&moments.data_hidden).take(params.n_hidden) {
            *offset += rule.offset_rate * (mean - *offset);
        }
        let nothing = vec![0.0; if rule.centred { 0 } else { stride.max(n_visible) }];
        let gradient = Gradient {
            products: &moments.products,
            visible: &moments.visible,
            hidden_offset: if rule.centred { &params.hidden_offset } else { &nothing[..stride] },
            visible_offset: if rule.centred { &params.visible_offset } else { &nothing[..n_visible] },
        };
        let mut hidden = vec![0.0; stride];
        hidden_gradient(&gradient, rule, &mut hidden);
        // Padding beyond the last unit must stay zero: its columns are averages of sig(0).
        hidden[params.n_hidden..].fill(0.0);
        let mut along = vec![0.0; n_visible];
        let rows = share(n_visible, 8 * stride);
        params
            .weights
            .par_chunks_mut(rows * stride)
            .zip(params.velocity.par_chunks_mut(rows * stride))
            .zip(along.par_chunks_mut(rows))
            .enumerate()
            .for_each(|(block, ((weights, velocity), along))| {
                update_weights(&gradient, rule, block * rows, weights, velocity, along);
            });
        let visible: Vec<f32> =
            moments.visible.iter().zip(&along).map(|(d, along)| rule.bias_rate * d - along).collect();
        clear_padding(&mut params.weights, params.n_hidden);
        clear_padding(&mut params.velocity, params.n_hidden);
        update_bias(rule, &visible, &mut params.visible_bias, &mut params.visible_velocity);
        update_bias(rule, &hidden, &mut params.hidden_bias, &mut params.hidden_velocity);
        let length = padded(n_visible);
        let weights = &params.weights;
        params
            .transposed
            .par_chunks_mut(TILE * length)
            .with_min_len(SMALL / (TILE * length * 8) + 1)
            .enumerate()
            .for_each(|(tile, out)| transpose_tile(weights, stride, tile, n_visible, out));
    }

    fn read_free_energies(&self, params: &CpuParams, states: &CpuStates) -> Result<Vec<f64>> {
        let (rows, words) = (states.matrix.rows(), states.matrix.words_per_row());
        let mut out = vec![0.0; rows];
        // Blocks bound the scratch of a task, whatever the number of rows.
        let size = share(rows, 2 * params.n_visible * params.n_hidden).clamp(1, 4096);
        let hidden = params.hidden_side();
        states.matrix.words().par_chunks(size * words).zip(out.par_chunks_mut(size)).for_each(|(v, energies)| {
            let rows = Rows { words: v, words_per_row: words };
            with_workspace(|work, _| free_energy(work, rows, &hidden, &params.visible_bias, energies));
        });
        Ok(out)
    }

    fn start_annealing(
        &self,
        params: &CpuParams,
        base_visible_bias: &[f32],
        chains: usize,
        address: Address,
    ) -> Result<CpuAnnealing> {
        let states = BitMatrix::from_fn(chains, params.n_visible, |r, j| {
            let chain = address.first_chain.wrapping_add(r as u32);
            let u = uniform(unit_word(address.seed, Stream::ChainStart, 0, chain, j as u32));
            u * (1.0 + (-base_visible_bias[j]).exp()) < 1.0
        });
        self.start_annealing_at(params, base_visible_bias, &states, address)
    }

    fn start_annealing_at(
        &self,
        params: &CpuParams,
        base_visible_bias: &[f32],
        start: &BitMatrix,
        address: Address,
    ) -> Result<CpuAnnealing> {
        Ok(CpuAnnealing {
            states: start.clone(),
            hidden: vec![0; start.rows() * params.n_hidden.div_ceil(32)],
            log_weights: vec![0.0; start.rows()],
            base: pad(base_visible_bias),
            address,
        })
    }

    fn anneal(&self, params: &CpuParams, annealing: &mut CpuAnnealing, betas: &[f64], steps: Range<u32>) {
        let words = annealing.states.words_per_row();
        let hidden_words = params.n_hidden.div_ceil(32);
        let size = share(annealing.states.rows(), 3 * steps.len() * params.n_visible * params.n_hidden);
        let hidden = params.hidden_side();
        let visible: Side<'_> = params.visible_side(&annealing.base);
        let tilt: Vec<f32> = params.visible_bias.iter().zip(&annealing.base).map(|(b, b0)| b - b0).collect();
        let address = annealing.address;
        annealing
            .states
            .words_mut()
            .par_chunks_mut(size * words)
            .zip(annealing.hidden.par_chunks_mut(size * hidden_words))
            .zip(annealing.log_weights.par_chunks_mut(size))
            .enumerate()
            .for_each(|(block, ((v, h), log_weights))| {
                with_workspace(|work, _| {
                    for k in steps.clone() {
                        let rungs = Rungs { from: betas[k as usize], to: betas[k as usize + 1] };
                        let at = |stream| draw(address, k + 1, stream, block * size);
                        let rows = Rows { words: v, words_per_row: words };
                        ais_step(work, rows, &hidden, &tilt, rungs, at(Stream::SampleHidden), log_weights, h);
                        let rows = Rows { words: h, words_per_row: hidden_words };
                        gibbs_half_step(work, rows, &visible, rungs.to as f32, at(Stream::SampleVisible), v);
                    }
                });
            });
    }

    fn read_log_weights(&self, annealing: &CpuAnnealing) -> Result<Vec<f64>> {
        Ok(annealing.log_weights.clone())
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }
}

/// Row n_visible of tile-major moments: ⟨m_i⟩, padded.
fn hidden_row(products: &[f32], n_visible: usize) -> Vec<f32> {
    products.chunks_exact((n_visible + 1) * TILE).flat_map(|tile| tile[n_visible * TILE..].iter().copied()).collect()
}

fn clear_padding(rows: &mut [f32], columns: usize) {
    if !columns.is_multiple_of(TILE) {
        for row in rows.chunks_exact_mut(padded(columns)) {
            row[columns..].fill(0.0);
        }
    }
}
