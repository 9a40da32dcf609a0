//! The steps of a machine on the CPU: how kernels are put together and shared out among threads.
//!
//! A kernel draws or sums one tile of 32 units for a run of chains. The work of a half-step, tiles × chains, is cut into
//! equal shares for all threads, which wait for each other before the next half-step; where a half-step is so short that
//! the wait would show, and where there are very many chains, each thread takes a share of the chains through all steps
//! instead. Both give the same bits. Buffers live with the states, so that a training allocates nothing once it runs.

mod tempering;

use std::cell::RefCell;
use std::ops::Range;

use crate::threads::prelude::*;

use super::columns::{BiasTables, Columns, exchange};
use super::kernels::ais_step::{Rungs, ais_step};
use super::kernels::flip_move::{flip_gains, flip_move};
use super::kernels::free_energy::free_energy;
use super::kernels::gibbs_half_step::{Betas, Draw, Side, gibbs_half_step};
use super::kernels::gibbs_steps::{Block, gibbs_steps};
use super::params::{CpuParams, flat, tiles};
use super::product::Workspace;
use super::sparse::Sparse;
use super::tile::{TILE, Tile};
use crate::backend::Address;
use crate::bits::BitMatrix;
use crate::rng::{Stream, key_of};
pub use tempering::CpuTemperatures;
pub(super) use tempering::{energies_at, exchange_rows, temperatures};

/// Packed states and the scratch of the steps that read them.
#[derive(Debug, Clone)]
pub struct CpuStates {
    pub(super) matrix: BitMatrix,
    pub(super) scratch: Scratch,
}

/// Buffers of steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    visible: Vec<u32>,
    hidden: Vec<u32>,
    terms: Vec<f32>,
    sums: Vec<f64>,
    turned: Vec<Tile>,
    bias: BiasTables,
    /// One for each share of the chains.
    sparse: Vec<Sparse>,
}

/// Annealed chains in memory.
#[derive(Debug, Clone)]
pub struct CpuAnnealing {
    pub(super) states: BitMatrix,
    scratch: Scratch,
    pub(super) log_weights: Vec<f64>,
    base: Vec<Tile>,
    address: Address,
}

thread_local! {
    static WORK: RefCell<Workspace> = RefCell::default();
}

/// Lends the thread's buffers to one kernel; never around anything that waits for other threads.
pub(super) fn with_workspace<T>(run: impl FnOnce(&mut Workspace) -> T) -> T {
    WORK.with_borrow_mut(run)
}

/// Multiply-adds below which a step is not worth a second thread: some 50 µs of work, of which a second thread would take
/// half, but some 25 µs to wake.
pub(super) const SMALL: usize = 1 << 22;

/// The same where threads are awake, as while a training runs ([`super::awake`]): handing over takes a microsecond or two.
pub(super) const SHORT: usize = 1 << 20;

/// Multiply-adds of a half-step from which threads may wait for each other after it (some 100 µs of one thread's work).
const LONG: usize = 1 << 24;

/// Chains of a thread from which tables built by every thread cost nothing to speak of.
const MANY: usize = 1024;

/// How the chains of a step are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shares {
    /// Chains that one task takes through all steps.
    chains: usize,
    /// Whether their half-steps are shared out again.
    inside: bool,
}

impl Shares {
    /// For `steps` half-steps of `chains` with `weights` multiply-adds each.
    fn new(chains: usize, weights: usize, steps: usize) -> Self {
        let threads = crate::threads::count();
        let half_step = chains.saturating_mul(weights);
        if threads == 1 || half_step.saturating_mul(steps) < SMALL {
            Self { chains, inside: false }
        } else if half_step >= LONG && chains < MANY * threads {
            Self { chains, inside: true }
        } else {
            Self { chains: chains.div_ceil(threads).max(8), inside: false }
        }
    }
}

/// `task(tile, first row, outputs)` over two outputs `[tiles, rows]`; in equal shares for all threads when `parallel`.
pub(super) fn over_tiles<T: Send, U: Send>(
    rows: usize,
    outputs: (&mut [T], &mut [U]),
    parallel: bool,
    task: impl Fn(usize, usize, &mut [T], &mut [U]) + Sync,
) {
    let (a, b) = outputs;
    if !parallel {
        for (tile, (a, b)) in a.chunks_mut(rows).zip(b.chunks_mut(rows)).enumerate() {
            task(tile, 0, a, b);
        }
        return;
    }
    let size = a.len().div_ceil(crate::threads::count()).max(1);
    a.par_chunks_mut(size).zip(b.par_chunks_mut(size)).enumerate().for_each(|(share, (mut a, mut b))| {
        let mut at = share * size;
        while !a.is_empty() {
            let (tile, first) = (at / rows, at % rows);
            let count = a.len().min(rows - first);
            let (this_a, rest_a) = std::mem::take(&mut a).split_at_mut(count);
            let (this_b, rest_b) = std::mem::take(&mut b).split_at_mut(count);
            task(tile, first, this_a, this_b);
            (a, b, at) = (rest_a, rest_b, at + count);
        }
    });
}

/// A second output for steps that have one only.
fn nothing(count: usize) -> Vec<()> {
    vec![(); count]
}

fn draw(address: Address, step: u32, stream: Stream, first: usize) -> Draw {
    Draw {
        key: key_of(address.seed),
        step,
        stream: stream as u32,
        chain: address.first_chain.wrapping_add(first as u32),
    }
}

/// Draws all units of a side; `outputs` are columns.
fn half_step(rows: Columns<'_>, side: &Side<'_>, betas: Betas<'_>, draw: Draw, outputs: &mut [u32], parallel: bool) {
    let none = &mut nothing(outputs.len());
    over_tiles(rows.rows, (outputs, none), parallel, |tile, first, out, _| {
        with_workspace(|work| gibbs_half_step(work, rows, first, side, tile, betas, draw, out));
    });
}

/// Gibbs steps of all chains, at temperatures of their own where there are any.
pub(super) fn gibbs(
    params: &CpuParams,
    temperatures: Option<&CpuTemperatures>,
    chains: &mut CpuStates,
    address: Address,
    steps: &Range<u32>,
) {
    let CpuStates { matrix, scratch } = chains;
    let (n, words, hidden_words) = (matrix.rows(), matrix.words_per_row(), params.n_hidden.div_ceil(TILE));
    scratch.visible.resize(n * words, 0);
    scratch.hidden.resize(n * hidden_words, 0);
    let shares = Shares::new(n, params.n_visible * params.n_hidden, 2 * steps.len());
    scratch.sparse.resize_with(n.div_ceil(shares.chains), Sparse::default);
    let (hidden, visible) =
        (params.hidden_side(), params.visible_side(temperatures.map_or(&[], CpuTemperatures::base)));
    matrix
        .words_mut()
        .par_chunks_mut(shares.chains * words)
        .zip(scratch.visible.par_chunks_mut(shares.chains * words))
        .zip(scratch.hidden.par_chunks_mut(shares.chains * hidden_words))
        .zip(scratch.sparse.par_iter_mut())
        .enumerate()
        .for_each(|(block, (((matrix, v), h), sparse))| {
            let (first, rows) = (block * shares.chains, matrix.len() / words);
            let betas = temperatures.map_or(Betas::Same(1.0), |t| Betas::Rows(&t.betas()[first..first + rows]));
            exchange(matrix, words, v);
            let drawn = |side, stream| {
                move |from: Columns<'_>, step, to: &mut [u32]| {
                    half_step(from, side, betas, draw(address, step, stream, first), to, shares.inside);
                }
            };
            gibbs_steps(
                Block { rows, v, h, sparse },
                steps.clone(),
                drawn(&hidden, Stream::SampleHidden),
                drawn(&visible, Stream::SampleVisible),
            );
            exchange(v, rows, matrix);
        });
}

/// Hidden states drawn from the visible ones.
pub(super) fn hidden(params: &CpuParams, chains: &CpuStates, address: Address, step: u32) -> BitMatrix {
    let mut out = BitMatrix::zeros(chains.matrix.rows(), params.n_hidden);
    let rows = out.rows();
    let mut v = vec![0; chains.matrix.words().len()];
    let mut h = vec![0; out.words().len()];
    exchange(chains.matrix.words(), chains.matrix.words_per_row(), &mut v);
    let at = draw(address, step, Stream::SampleHidden, 0);
    half_step(Columns::new(&v, rows), &params.hidden_side(), Betas::Same(1.0), at, &mut h, true);
    exchange(&h, rows, out.words_mut());
    out
}

/// Adds the rows' terms of all tiles, `[tiles, rows]`, to their sums, tile after tile.
fn add_tiles(terms: &[f32], scale: f64, sums: &mut [f64]) {
    for tile in terms.chunks_exact(sums.len()) {
        for (sum, &term) in sums.iter_mut().zip(tile) {
            *sum += scale * f64::from(term);
        }
    }
}

/// Flips chains as a whole where Metropolis accepts it, at temperatures of their own where there are any.
pub(super) fn flip(
    params: &CpuParams,
    temperatures: Option<&CpuTemperatures>,
    chains: &mut CpuStates,
    address: Address,
    step: u32,
) {
    let CpuStates { matrix, scratch } = chains;
    let (n, words) = (matrix.rows(), matrix.words_per_row());
    let hidden = params.hidden_side();
    scratch.visible.resize(n * words, 0);
    scratch.terms.resize(n * hidden.tiles(), 0.0);
    exchange(matrix.words(), words, &mut scratch.visible);
    let rows = Columns::new(&scratch.visible, n);
    params.turned_inputs(&mut scratch.turned);
    let turned = &scratch.turned;
    let parallel = n * params.n_visible * params.n_hidden >= SHORT;
    over_tiles(n, (&mut scratch.terms, &mut nothing(n * hidden.tiles())), parallel, |tile, first, gains, _| {
        let betas = temperatures.map(CpuTemperatures::betas);
        with_workspace(|work| flip_gains(work, rows, first, &hidden, tile, turned[tile], betas, gains));
    });
    // F(v) − F(1 − v): the visible part first, of runs of rows at one temperature.
    scratch.sums.clear();
    scratch.sums.resize(n, 0.0);
    let run = temperatures.map_or(n, CpuTemperatures::chains);
    for (k, sums) in scratch.sums.chunks_mut(run).enumerate() {
        let bias = (0..params.n_visible).map(|j| {
            let b = f64::from(flat(&params.visible_bias)[j]);
            temperatures.map_or(b, |t| t.bias(k, j, b))
        });
        sums.fill(bias.clone().sum());
        scratch.bias.set(bias);
        scratch.bias.add(rows, k * run, -2.0, sums);
    }
    add_tiles(&scratch.terms, 1.0, &mut scratch.sums);
    flip_move(matrix.words_mut(), params.n_visible, draw(address, step, Stream::SymmetryMove, 0), &scratch.sums);
}

/// Rows whose free energies are computed at a time: bounds the scratch, whatever the number of rows.
pub(super) const ENERGY_ROWS: usize = 4096;

/// F of every row.
pub(super) fn free_energies(params: &CpuParams, states: &CpuStates) -> Vec<f64> {
    let (rows, words) = (states.matrix.rows(), states.matrix.words_per_row());
    let hidden = params.hidden_side();
    let mut bias = BiasTables::default();
    bias.set(flat(&params.visible_bias)[..params.n_visible].iter().map(|&b| f64::from(b)));
    let mut out = vec![0.0; rows];
    let (mut columns, mut terms, mut sparse) = (Vec::new(), Vec::new(), Sparse::default());
    for (energies, packed) in out.chunks_mut(ENERGY_ROWS).zip(states.matrix.words().chunks(ENERGY_ROWS * words)) {
        let n = energies.len();
        columns.resize(n * words, 0);
        terms.resize(n * hidden.tiles(), 0.0);
        exchange(packed, words, &mut columns);
        let rows = Columns::looked_at(&columns, n, &mut sparse);
        let parallel = n * params.n_visible * params.n_hidden >= SMALL;
        over_tiles(n, (&mut terms, &mut nothing(n * hidden.tiles())), parallel, |tile, first, terms, _| {
            with_workspace(|work| free_energy(work, rows, first, &hidden, tile, terms));
        });
        bias.add(rows, 0, -1.0, energies);
        add_tiles(&terms, -1.0, energies);
    }
    out
}

/// Chains drawn from the base.
pub(super) fn start_annealing(params: &CpuParams, base: &[f32], chains: usize, address: Address) -> CpuAnnealing {
    let mut states = BitMatrix::zeros(chains, params.n_visible);
    let base = tiles(base);
    let side = Side { weights: &[], bias: &base, base: &[], units: params.n_visible };
    let mut columns = vec![0; states.words().len()];
    let at = draw(address, 0, Stream::ChainStart, 0);
    half_step(Columns::new(&[], chains), &side, Betas::Same(1.0), at, &mut columns, true);
    exchange(&columns, chains, states.words_mut());
    annealing(states, base, address)
}

/// Chains that are given.
pub(super) fn start_annealing_at(base: &[f32], states: BitMatrix, address: Address) -> CpuAnnealing {
    annealing(states, tiles(base), address)
}

fn annealing(states: BitMatrix, base: Vec<Tile>, address: Address) -> CpuAnnealing {
    let log_weights = vec![0.0; states.rows()];
    CpuAnnealing { states, scratch: Scratch::default(), log_weights, base, address }
}

/// Steps of the ladder for all chains.
pub(super) fn anneal(params: &CpuParams, annealing: &mut CpuAnnealing, betas: &[f64], steps: &Range<u32>) {
    let CpuAnnealing { states, scratch, log_weights, base, address } = annealing;
    let (n, words, hidden_words) = (states.rows(), states.words_per_row(), params.n_hidden.div_ceil(TILE));
    scratch.visible.resize(n * words, 0);
    scratch.hidden.resize(n * hidden_words, 0);
    scratch.terms.resize(n * hidden_words, 0.0);
    let shares = Shares::new(n, params.n_visible * params.n_hidden, 2 * steps.len());
    scratch.sparse.resize_with(n.div_ceil(shares.chains), Sparse::default);
    let (hidden, visible) = (params.hidden_side(), params.visible_side(base));
    let biases = flat(&params.visible_bias).iter().zip(flat(base)).take(params.n_visible);
    scratch.bias.set(biases.map(|(b, b0)| f64::from(b - b0)));
    let tilt = &scratch.bias;
    let reach = params.reach();
    states
        .words_mut()
        .par_chunks_mut(shares.chains * words)
        .zip(scratch.visible.par_chunks_mut(shares.chains * words))
        .zip(scratch.hidden.par_chunks_mut(shares.chains * hidden_words))
        .zip(scratch.terms.par_chunks_mut(shares.chains * hidden_words))
        .zip(log_weights.par_chunks_mut(shares.chains))
        .zip(scratch.sparse.par_iter_mut())
        .enumerate()
        .for_each(|(block, (((((packed, v), h), gains), log_weights), sparse))| {
            let rows = log_weights.len();
            exchange(packed, words, v);
            for k in steps.clone() {
                let rungs = Rungs { from: betas[k as usize], to: betas[k as usize + 1], reach };
                let at = |stream| draw(*address, k + 1, stream, block * shares.chains);
                let columns = Columns::looked_at(v, rows, sparse);
                let numbers = at(Stream::SampleHidden);
                over_tiles(rows, (&mut *h, &mut *gains), shares.inside, |tile, first, h, gains| {
                    with_workspace(|work| {
                        ais_step(work, columns, first, &hidden, tile, rungs, numbers, gains, h);
                    });
                });
                tilt.add(columns, 0, rungs.to - rungs.from, log_weights);
                add_tiles(gains, 1.0, log_weights);
                let numbers = at(Stream::SampleVisible);
                let beta = Betas::Same(rungs.to as f32);
                half_step(Columns::new(h, rows), &visible, beta, numbers, v, shares.inside);
            }
            exchange(v, rows, packed);
        });
}

/// The annealed chains, for the backend's reads.
impl CpuStates {
    pub(super) fn new(matrix: BitMatrix) -> Self {
        Self { matrix, scratch: Scratch::default() }
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        let Scratch { visible, hidden, terms, sums, turned, bias, .. } = &self.scratch;
        let all = [
            size_of_val(self.matrix.words()),
            size_of_val(&visible[..]),
            size_of_val(&hidden[..]),
            size_of_val(&terms[..]),
            size_of_val(&sums[..]),
            size_of_val(&turned[..]),
            bias.bytes(),
        ];
        all.iter().map(|&bytes| bytes as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::{Cpu, CpuMoments};
    use crate::backend::{Backend, Descent, HostMoments, Penalties, Phase, UpdateRule};
    use crate::rbm::Rbm;
    use crate::rng::{uniform, unit_word};

    fn number(k: usize) -> f32 {
        uniform(unit_word(1, Stream::Sequence, 0, 0, k as u32)) - 0.5
    }

    /// Every step of a machine whose half-steps are so long that they are shared out.
    fn everything(rbm: &Rbm, bits: &BitMatrix) -> (BitMatrix, HostMoments, Rbm, Vec<f64>, Vec<f64>) {
        let mut params = Cpu.upload_params(rbm, None).unwrap();
        let mut chains = Cpu.upload_states(bits).unwrap();
        let mut moments: CpuMoments = Cpu.new_moments(&params).unwrap();
        Cpu.accumulate_moments(&params, &chains, Phase::Data, &mut moments);
        Cpu.gibbs(&params, &mut chains, Address::new(3), 0..3);
        Cpu.flip_move(&params, &mut chains, Address::new(3), 0);
        Cpu.accumulate_moments(&params, &chains, Phase::Model, &mut moments);
        let rule = UpdateRule {
            descent: Descent::Momentum { momentum: 0.5 },
            penalties: Penalties { weight_decay: 1e-3, ..Penalties::default() },
            bias_rate: 0.5,
            centred: true,
            offset_rate: 0.1,
            ..UpdateRule::plain(0.1)
        };
        Cpu.update(&mut params, &moments, &rule);
        let base = vec![0.1; rbm.n_visible];
        let mut annealing = Cpu.start_annealing(&params, &base, bits.rows(), Address::new(4)).unwrap();
        Cpu.anneal(&params, &mut annealing, &[0.0, 0.5, 0.51, 1.0], 0..3);
        (
            Cpu.read_states(&chains).unwrap(),
            Cpu.read_moments(&moments).unwrap(),
            Cpu.read_params(&params).unwrap().0,
            Cpu.read_free_energies(&params, &chains).unwrap(),
            Cpu.read_log_weights(&annealing).unwrap(),
        )
    }

    #[test]
    fn shared_half_steps_do_not_depend_on_the_number_of_threads() {
        let (n_visible, n_hidden, rows) = (601, 470, 70);
        assert!(rows * n_visible * n_hidden >= LONG);
        let mut rbm = Rbm::zeros(n_visible, n_hidden);
        rbm.weights.iter_mut().enumerate().for_each(|(k, w)| *w = 0.2 * number(k));
        let bits = BitMatrix::from_fn(rows, n_visible, |r, j| number(7 + r * n_visible + j) < 0.0);
        let with = |threads| {
            let pool = crate::threads::Pool::new(Some(threads)).unwrap();
            pool.install(|| everything(&rbm, &bits))
        };
        let alone = with(1);
        for threads in [2, 3, 7] {
            assert!(with(threads) == alone, "{threads} threads");
        }
    }
}
