//! Annealed importance sampling against partition functions that are known.
//!
//! Known machines: Ising models written as machines (transfer matrix, Kaufman) and small trained ones (enumeration).
//! E[ŵ] = Z/Z0 holds for any ladder, so few temperatures and many chains show a wrong order of moves that a long ladder
//! hides. Seeds are fixed; false-alarm rates stand beside each check.

use gibbsite::internals::backend::{Address, Backend};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::Silent;
use gibbsite::internals::exact::enumeration::state_probabilities;
use gibbsite::internals::exact::transfer;
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::likelihood::{AnnealSettings, anneal, base_bias, exact_log_z, linear_ladder, mean_log_weight};
use gibbsite::internals::numerics::{sigmoid, softplus};
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::Philox;
use gibbsite::internals::train::{Algorithm, Trainer, initial_machine, initial_state, smoothed_means};
use rand::RngExt as _;

use crate::parity::{gpu_or_ignored, on_both};
use crate::small::{oracle, small_machine};
use crate::statistics::draw;
use crate::training::settings;

fn ln_z_by_ais<B: Backend>(backend: &B, rbm: &Rbm, base: &[f32], chains: usize, steps: usize) -> (f64, f64) {
    let params = backend.upload_params(rbm, None).unwrap();
    let settings = AnnealSettings { chains, betas: linear_ladder(steps), seed: 5 };
    let found = anneal(backend, rbm, &params, base, &settings, &mut Silent).unwrap().log_z;
    (found.value, found.error)
}

fn ising<B: Backend>(backend: &B, length: usize, temperature: f64, chains: usize, steps: usize) {
    let lattice = Lattice::Square { length };
    let (rbm, constant) = Rbm::ising(length * length, &lattice.bonds(), 1.0 / temperature);
    let exact = transfer::square(length, temperature).unwrap().log_z + constant;
    let (found, error) = ln_z_by_ais(backend, &rbm, &base_bias(&vec![0.5; length * length]), chains, steps);
    let place = format!("L = {length}, T = {temperature}: {found} ± {error}, exact {exact}");
    assert!((found - exact).abs() < 3.0 * error, "{place}");
    assert!((found - exact).abs() < 0.05, "{place}");
}

/// Six values at 3 σ: one in sixty seeds fails by chance. Longer ladders where the sign of m freezes on the way.
#[test]
fn ising_models_have_their_partition_functions() {
    for (length, temperature, steps) in
        [(4, 1.8, 400), (4, 2.2, 400), (4, 3.0, 200), (8, 1.8, 2000), (8, 2.2, 1600), (8, 3.0, 800)]
    {
        ising(&gibbsite::internals::backend::cpu::Cpu, length, temperature, 1000, steps);
    }
}

#[test]
fn a_gpu_finds_the_same_partition_functions() {
    let gpu = gpu_or_ignored!();
    for (length, temperature, steps) in [(4, 1.8, 400), (4, 2.2, 400), (4, 3.0, 200), (8, 3.0, 500)] {
        ising(gpu, length, temperature, 1000, steps);
    }
}

/// A machine trained on a ring of six spins.
fn trained<B: Backend>(backend: &B, algorithm: Algorithm) -> (Rbm, BitMatrix) {
    let bonds = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)];
    let data = draw(&state_probabilities(6, &bonds, 1.5).unwrap(), 6, 1000, "trained ring");
    let settings = settings(algorithm, 200);
    let state = initial_state(initial_machine(&data, 7, 0.1, 3), &data, &settings);
    let mut trainer = Trainer::new(backend, &settings, &data, &state).unwrap();
    trainer.advance(200).unwrap();
    (trainer.state().unwrap().rbm, data)
}

on_both! {
    /// Three values at 3 σ: one in a hundred seeds fails by chance.
    fn small_machines_have_their_enumerated_likelihoods(backend) {
        let mut machines = vec![(small_machine(), BitMatrix::from_fn(5, 6, |r, j| (r + j) % 2 == 0))];
        machines.extend([Algorithm::Cd, Algorithm::Pcd].map(|algorithm| trained(backend, algorithm)));
        for (rbm, data) in &machines {
            let exact = oracle(rbm).log_partition();
            assert!((exact_log_z(rbm, 25).unwrap() - exact).abs() < 1e-10);
            let (found, error) = ln_z_by_ais(backend, rbm, &base_bias(&smoothed_means(data)), 1000, 200);
            assert!((found - exact).abs() < 3.0 * error && (found - exact).abs() < 0.05, "{found} ± {error}, exact {exact}");
            // Log-likelihood of the rows: the oracle's probabilities against free energies of the backend.
            let params = backend.upload_params(rbm, None).unwrap();
            let mean = mean_log_weight(backend, &params, data).unwrap().value - exact;
            let p = oracle(rbm).probabilities();
            let state = |r: usize| (0..6).filter(|&j| data.get(r, j)).map(|j| 1usize << j).sum::<usize>();
            let expected = (0..data.rows()).map(|r| p[state(r)].ln()).sum::<f64>() / data.rows() as f64;
            assert!((mean - expected).abs() < 1e-5, "log-likelihood {mean}, enumerated {expected}");
        }
    }
}

/// Mean of the weights over its exact value, and the error of that.
fn ratio(log_weights: &[f64], log_ratio: f64) -> (f64, f64) {
    let weights: Vec<f64> = log_weights.iter().map(|w| (w - log_ratio).exp()).collect();
    let n = weights.len() as f64;
    let mean = weights.iter().sum::<f64>() / n;
    let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// A base that is nothing like the machine, so that every term of the weights counts.
const BASE: [f32; 6] = [0.4, -0.3, 0.2, 0.1, -0.5, 0.3];

fn log_z0(n_hidden: usize) -> f64 {
    BASE.iter().map(|&b| softplus(f64::from(b))).sum::<f64>() + n_hidden as f64 * std::f64::consts::LN_2
}

on_both! {
    /// Two and three temperatures, 40 000 chains: 4 σ are exceeded by chance once in 16 000 seeds.
    fn few_temperatures_are_unbiased(backend) {
        let rbm = small_machine();
        let log_ratio = oracle(&rbm).log_partition() - log_z0(5);
        for betas in [vec![0.0, 1.0], vec![0.0, 0.6, 1.0], vec![0.0, 0.3, 0.6, 1.0]] {
            let params = backend.upload_params(&rbm, None).unwrap();
            let mut annealing = backend.start_annealing(&params, &BASE, 40_000, Address::new(2)).unwrap();
            backend.anneal(&params, &mut annealing, &betas, 0..betas.len() as u32 - 1);
            let (mean, error) = ratio(&backend.read_log_weights(&annealing).unwrap(), log_ratio);
            assert!((mean - 1.0).abs() < 4.0 * error, "{betas:?}: E[w] Z0/Z = {mean} ± {error}");
            assert!(error < 0.03, "{betas:?}: ± {error} would show nothing");
        }
    }
}

/// Which mistake the walk below makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    None,
    /// h ~ sig(x) instead of sig(βx), weight −βF.
    FullHidden,
    /// h of the old temperature, v of the new one.
    MixedTemperatures,
    /// Weight taken after the move instead of before it.
    LateWeight,
}

/// AIS of the small machine in plain f64, right or with a mistake.
fn walk(rbm: &Rbm, betas: &[f64], chains: usize, mistake: Mistake) -> Vec<f64> {
    let mut numbers = Philox::sequence(3, "ais by hand");
    let mut on = |p: f64| numbers.random::<f64>() < p;
    let (n, m) = (rbm.n_visible, rbm.n_hidden);
    let base = |j: usize| f64::from(BASE[j]);
    let density = |v: &BitMatrix, beta: f64| {
        let ones = (0..n).filter(|&j| v.get(0, j));
        let bias: f64 = ones.map(|j| (1.0 - beta) * base(j) + beta * f64::from(rbm.visible_bias[j])).sum();
        let x = rbm.inputs_h_from_v(v, 0).into_iter();
        let hidden = |x: f64| if mistake == Mistake::FullHidden { beta * softplus(x) } else { softplus(beta * x) };
        bias + x.map(hidden).sum::<f64>()
    };
    let mut chain = || {
        let mut v = BitMatrix::from_fn(1, n, |_, j| on(sigmoid(base(j))));
        let mut weight = 0.0;
        for pair in betas.windows(2) {
            let gain = |v: &BitMatrix| density(v, pair[1]) - density(v, pair[0]);
            let before = gain(&v);
            let hot = match mistake {
                Mistake::FullHidden => 1.0,
                Mistake::MixedTemperatures => pair[0],
                _ => pair[1],
            };
            let x = rbm.inputs_h_from_v(&v, 0);
            let h = BitMatrix::from_fn(1, m, |_, i| on(sigmoid(hot * x[i])));
            let y = rbm.inputs_v_from_h(&h, 0);
            v = BitMatrix::from_fn(1, n, |_, j| on(sigmoid(pair[1] * y[j] + (1.0 - pair[1]) * base(j))));
            weight += if mistake == Mistake::LateWeight { gain(&v) } else { before };
        }
        weight
    };
    (0..chains).map(|_| chain()).collect()
}

/// The check of unbiased weights finds each of the mistakes by far, and none in the right order of moves.
#[test]
fn a_wrong_order_of_moves_is_biased() {
    let rbm = small_machine();
    let betas = linear_ladder(8);
    let z = |mistake| {
        // ∫ e^{−βF} at β = 0 has no ln 2 for the hidden units.
        let hidden = if mistake == Mistake::FullHidden { 0 } else { 5 };
        let (mean, error) = ratio(&walk(&rbm, &betas, 120_000, mistake), oracle(&rbm).log_partition() - log_z0(hidden));
        (mean - 1.0) / error
    };
    assert!(z(Mistake::None).abs() < 4.0, "{}", z(Mistake::None));
    for mistake in [Mistake::FullHidden, Mistake::MixedTemperatures, Mistake::LateWeight] {
        assert!(z(mistake).abs() > 6.0, "{mistake:?}: only {} standard deviations", z(mistake));
    }
}
