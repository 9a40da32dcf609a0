//! The steps leave the right distributions where they are: samples against enumerated probabilities, on both backends.
//!
//! Chains are independent, so that counts are multinomial and χ² needs no autocorrelation. Every test has one fixed
//! seed and fails where a correct program would with probability 1e-4; what it would let pass is shown beside it by a
//! wrong distribution that must be refused at 1e-9.

use gibbsite::backend::{Acceptance, Address, Backend, Phase, Rule};
use gibbsite::bits::BitMatrix;
use gibbsite::exact::enumeration::state_probabilities;
use gibbsite::exact::machine::Machine;
use gibbsite::lattice::Lattice;
use gibbsite::numerics::log_mean_exp;
use gibbsite::rbm::Rbm;
use gibbsite::rng::Philox;
use gibbsite::stats::chi_squared_survival;
use rand::Rng as _;

use crate::parity::{machine, on_both};

/// Chance of failing though everything is right.
const FALSE_ALARM: f64 = 1e-4;
/// Chance that a wrong distribution looks right by luck: it must be below this.
const SABOTAGE: f64 = 1e-9;
const CHAINS: usize = 40_000;

fn exact(rbm: &Rbm) -> Machine<'_> {
    Machine::new(&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias).unwrap()
}

/// State number of a row: bit j = unit j.
fn state_of(v: &BitMatrix, r: usize) -> usize {
    v.row(r)[0] as usize
}

/// Independent rows from a distribution over states, by inversion.
fn sample(p: &[f64], units: usize, rows: usize, label: &str) -> BitMatrix {
    let mut numbers = Philox::sequence(3, label);
    let mut v = BitMatrix::zeros(rows, units);
    for word in v.words_mut() {
        let mut u = f64::from(numbers.next_u32()) / 4_294_967_296.0;
        let chosen = p.iter().position(|p| {
            u -= p;
            u < 0.0
        });
        *word = chosen.unwrap_or(p.len() - 1) as u32;
    }
    v
}

/// Probability of a χ² as large as that of the rows' states; states expected fewer than ten times are pooled.
fn chi_squared(v: &BitMatrix, p: &[f64]) -> f64 {
    let mut counts = vec![0.0; p.len()];
    (0..v.rows()).for_each(|r| counts[state_of(v, r)] += 1.0);
    let (mut chi, mut cells, mut pool) = (0.0, 0, (0.0, 0.0));
    let mut add = |found: f64, expected: f64| {
        chi += (found - expected).powi(2) / expected;
        cells += 1;
    };
    for (found, expected) in counts.iter().zip(p.iter().map(|p| p * v.rows() as f64)) {
        if expected < 10.0 {
            pool = (pool.0 + found, pool.1 + expected);
        } else {
            add(*found, expected);
        }
    }
    if pool.1 >= 10.0 {
        add(pool.0, pool.1);
    }
    chi_squared_survival(chi, cells - 1)
}

on_both! {
    fn gibbs_steps_keep_the_distribution_and_reach_it(backend) {
        let rbm = machine(5, 4, 1.5, 6);
        let p = exact(&rbm).probabilities();
        let params = backend.upload_params(&rbm, None).unwrap();
        for (start, steps) in [(sample(&p, 5, CHAINS, "gibbs"), 1), (BitMatrix::zeros(CHAINS, 5), 20)] {
            let mut chains = backend.upload_states(&start).unwrap();
            backend.gibbs(&params, &mut chains, Address::new(4), 0..steps);
            let chance = chi_squared(&backend.read_states(&chains).unwrap(), &p);
            assert!(chance > FALSE_ALARM, "after {steps} steps: {chance}");
        }
        let mut other = rbm.clone();
        other.weights[7] += 0.3;
        let mut chains = backend.upload_states(&sample(&p, 5, CHAINS, "gibbs")).unwrap();
        backend.gibbs(&backend.upload_params(&other, None).unwrap(), &mut chains, Address::new(4), 0..6);
        assert!(chi_squared(&backend.read_states(&chains).unwrap(), &p) < SABOTAGE, "another machine must be noticed");
    }
}

on_both! {
    fn flip_moves_keep_the_distribution(backend) {
        let rbm = machine(5, 4, 1.0, 2);
        let p = exact(&rbm).probabilities();
        let params = backend.upload_params(&rbm, None).unwrap();
        let start = sample(&p, 5, CHAINS, "flip");
        let mut chains = backend.upload_states(&start).unwrap();
        for step in 0..3 {
            backend.flip_move(&params, &mut chains, Address::new(4), step);
        }
        let after = backend.read_states(&chains).unwrap();
        assert!(chi_squared(&after, &p) > FALSE_ALARM, "{}", chi_squared(&after, &p));
        let moved = (0..CHAINS).filter(|&r| after.row(r) != start.row(r)).count();
        assert!(moved > CHAINS / 10, "{moved} chains moved");
        let turned: Vec<f64> = (0..32).map(|state| p[31 ^ state]).collect();
        assert!(chi_squared(&after, &turned) < SABOTAGE, "flips that are all accepted must be noticed");
    }
}

on_both! {
    /// Ten thousand replicas of L = 4 after 200 sweeps, against all 65 536 states grouped by energy.
    fn spins_reach_the_density_of_states(backend) {
        let lattice = Lattice::Square { length: 4 };
        let (graph, temperature) = (lattice.graph(), 2.5);
        let p = state_probabilities(16, &lattice.bonds(), temperature).unwrap();
        let broken = |s: usize| lattice.bonds().iter().filter(|&&(a, b)| (s >> a ^ s >> b) & 1 == 1).count();
        let mut by_energy = vec![0.0; 33];
        p.iter().enumerate().for_each(|(state, p)| by_energy[broken(state)] += p);
        let replicas = 10_000;
        for rule in [Rule::Metropolis, Rule::HeatBath] {
            let acceptance = Acceptance::new(rule, 4, &vec![temperature; replicas]).unwrap();
            let start = sample(&[1.0 / 65_536.0; 65_536], 16, replicas, "spins");
            let mut spins = backend.upload_spins(&graph, &acceptance, &start).unwrap();
            backend.sweep(&mut spins, 5, 0..200);
            backend.record_sums(&mut spins);
            let sums = backend.read_sums(&mut spins).unwrap();
            let mut levels = BitMatrix::zeros(replicas, 6);
            levels.words_mut().iter_mut().zip(&sums[0]).for_each(|(word, sums)| *word = sums.antiparallel);
            assert!(chi_squared(&levels, &by_energy) > FALSE_ALARM, "{rule:?}: {}", chi_squared(&levels, &by_energy));
            let mut colder = vec![0.0; 33];
            let p = state_probabilities(16, &lattice.bonds(), 2.4).unwrap();
            p.iter().enumerate().for_each(|(state, p)| colder[broken(state)] += p);
            assert!(chi_squared(&levels, &colder) < SABOTAGE, "another temperature must be noticed");
        }
    }
}

on_both! {
    /// The model phase at exact samples, against the enumerated gradient: every element within 4.9 σ of its own spread
    /// (1e-6 each, 29 elements).
    fn moments_of_exact_samples_give_the_enumerated_gradient(backend) {
        let rbm = machine(5, 4, 1.0, 9);
        let p = exact(&rbm).probabilities();
        let q: Vec<f64> = (0..32).map(|state| if state == 21 { 1.0 } else { 0.0 }).collect();
        let expected = exact(&rbm).gradient(&q).unwrap();
        let params = backend.upload_params(&rbm, None).unwrap();
        let mut moments = backend.new_moments(&params).unwrap();
        let data = backend.upload_states(&sample(&q, 5, 1, "data")).unwrap();
        backend.accumulate_moments(&params, &data, Phase::Data, &mut moments);
        let model = backend.upload_states(&sample(&p, 5, CHAINS, "model")).unwrap();
        backend.accumulate_moments(&params, &model, Phase::Model, &mut moments);
        let found = backend.read_moments(&moments).unwrap();
        // A mean of CHAINS values in [0, 1] has a standard deviation of at most ½ / √CHAINS.
        let limit = 4.9 * 0.5 / (CHAINS as f64).sqrt();
        let all = found.products.iter().chain(&found.visible).chain(&found.hidden).map(|&x| f64::from(x));
        let truth = expected.weights.iter().chain(&expected.visible_bias).chain(&expected.hidden_bias);
        for (k, (x, y)) in all.zip(truth).enumerate() {
            assert!((x - y).abs() < limit, "element {k}: {x} for {y}");
        }
    }
}

on_both! {
    /// Three temperatures and many chains: E[w] = Z / Z0 for any ladder, which a wrong order of the steps breaks.
    fn annealing_is_unbiased_with_three_temperatures(backend) {
        let rbm = machine(6, 5, 1.2, 3);
        let base = [0.4f32, -0.3, 0.0, 0.2, -0.6, 0.1];
        let log_z0: f64 = base.iter().map(|&b| f64::from(b).exp().ln_1p()).sum::<f64>() + 5.0 * std::f64::consts::LN_2;
        let params = backend.upload_params(&rbm, None).unwrap();
        let mut annealing = backend.start_annealing(&params, &base, CHAINS, Address::new(2)).unwrap();
        backend.anneal(&params, &mut annealing, &[0.0, 0.5, 1.0], 0..2);
        let log_weights = backend.read_log_weights(&annealing).unwrap();
        let ratios: Vec<f64> =
            log_weights.iter().map(|w| (w + log_z0 - exact(&rbm).log_partition()).exp()).collect();
        let mean = ratios.iter().sum::<f64>() / CHAINS as f64;
        let variance = ratios.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / (CHAINS as f64 - 1.0);
        let error = (variance / CHAINS as f64).sqrt();
        // Four errors: 6e-5.
        assert!((mean - 1.0).abs() < 4.0 * error, "E[w] Z0 / Z = {mean} ± {error}");
        assert!(error < 0.01, "{error} would hide a bias of some per cent");
        let of_means = log_weights.iter().sum::<f64>() / CHAINS as f64;
        assert!(log_mean_exp(&log_weights) > of_means + 0.01, "the weights do vary");
    }
}
