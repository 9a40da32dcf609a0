//! Class margin for the chains and bounded for their log-weights: the reference walks the same chains in f64 and
//! knows where a draw was within its margin; such a chain may go elsewhere and is left out, and there are few.

use gibbsite::internals::backend::{Address, Backend};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::Stream;

use super::reference::{
    Bounded, Side, U, between, gamma, input, probability, softplus_bounded, softplus_step, unit_uniform,
};
use super::{SIZES, assert_bounded, machine, on_both, states, worst};

/// The series of a short step, or the difference of two softplus where any unit may step further than the series goes.
fn gain(rbm: &Rbm, x: Bounded, now: f64, next: f64) -> Bounded {
    let (value, bound) = softplus_step(x, now, next);
    let size = |i: usize| (0..rbm.n_visible).map(|j| rbm.weight(j, i).abs()).sum::<f32>() + rbm.hidden_bias[i].abs();
    let reach = (0..rbm.n_hidden).map(size).fold(0.0, f32::max);
    if (next - now).abs() * f64::from(reach) <= 0.49 {
        return (value, bound);
    }
    let [from, to] = [now, next].map(|beta| softplus_bounded(between(x, beta, 0.0)));
    (value, bound + from.1 + to.1 + U * (from.0 + to.0))
}

/// log-weight of every chain from the base, or from the rows of `start`; None where a draw was within its margin.
fn walk(
    rbm: &Rbm,
    base: &[f32],
    start: Option<&BitMatrix>,
    chains: usize,
    address: Address,
    betas: &[f64],
) -> Vec<Option<Bounded>> {
    let chain = |r: usize| {
        let mut sure = true;
        let mut draw = |(p, margin): Bounded, u: f64| {
            sure &= (u - p).abs() > margin;
            u < p
        };
        let mut v = BitMatrix::zeros(1, rbm.n_visible);
        for (j, &b) in base.iter().enumerate() {
            let on = match start {
                Some(start) => start.get(r, j),
                None => {
                    let u = unit_uniform(address, Stream::ChainStart, 0, r, j);
                    draw(probability((f64::from(b), gamma(4) * f64::from(b.abs()))), u)
                }
            };
            v.set(0, j, on);
        }
        let (mut weight, mut bound) = (0.0, 0.0);
        for k in 0..betas.len() - 1 {
            let (now, next, step) = (betas[k], betas[k + 1], k as u32 + 1);
            let mut terms: Vec<Bounded> = (0..rbm.n_visible)
                .filter(|&j| v.get(0, j))
                .map(|j| {
                    let (b, b0) = (f64::from(rbm.visible_bias[j]), f64::from(base[j]));
                    ((next - now) * (b - b0), gamma(4) * (next - now).abs() * (b.abs() + b0.abs()))
                })
                .collect();
            let inputs: Vec<Bounded> = (0..rbm.n_hidden).map(|i| input(rbm, Side::Hidden, &v, 0, i)).collect();
            terms.extend(inputs.iter().map(|&x| gain(rbm, x, now, next)));
            let size: f64 = terms.iter().map(|t| t.0.abs()).sum();
            weight += terms.iter().map(|t| t.0).sum::<f64>();
            bound += terms.iter().map(|t| t.1).sum::<f64>() + gamma(terms.len() + 8) * size;
            let mut h = BitMatrix::zeros(1, rbm.n_hidden);
            for (i, &x) in inputs.iter().enumerate() {
                let u = unit_uniform(address, Stream::SampleHidden, step, r, i);
                h.set(0, i, draw(probability(between(x, next, 0.0)), u));
            }
            for (j, &b0) in base.iter().enumerate() {
                let u = unit_uniform(address, Stream::SampleVisible, step, r, j);
                let y = between(input(rbm, Side::Visible, &h, 0, j), next, b0);
                v.set(0, j, draw(probability(y), u));
            }
        }
        sure.then_some((weight, bound))
    };
    (0..chains).map(chain).collect()
}

fn ladder(steps: usize) -> Vec<f64> {
    (0..=steps).map(|k| (k as f64 / steps as f64).powi(2)).collect()
}

fn base(n: usize) -> Vec<f32> {
    (0..n).map(|j| 0.7 - j as f32 / n as f32).collect()
}

fn run<B: Backend>(backend: &B, rbm: &Rbm, chains: usize, address: Address, betas: &[f64], splits: &[u32]) -> Vec<f64> {
    let params = backend.upload_params(rbm, None).unwrap();
    let mut annealing = backend.start_annealing(&params, &base(rbm.n_visible), chains, address).unwrap();
    for pair in splits.windows(2) {
        backend.anneal(&params, &mut annealing, betas, pair[0]..pair[1]);
    }
    backend.read_log_weights(&annealing).unwrap()
}

on_both! {
    fn log_weights_are_within_their_bound(backend) {
        for &(chains, n_visible, n_hidden) in SIZES {
            // One rung takes the difference of two softplus, twelve the series.
            for steps in [1, 12] {
                let (rbm, address) = (machine(n_visible, n_hidden, 0.3, 1), Address { seed: 8, first_chain: 3 });
                let betas = ladder(steps);
                let found = run(backend, &rbm, chains, address, &betas, &[0, steps as u32]);
                let expected = walk(&rbm, &base(n_visible), None, chains, address, &betas);
                let sure: Vec<usize> = (0..chains).filter(|&r| expected[r].is_some()).collect();
                // Margins are near 2e-6, a chain draws at most 12 · 194 + 63 times: 0.5 % are left out, 5 % never.
                assert!(20 * (chains - sure.len()) <= chains.max(20), "{} of {chains} chains are sure", sure.len());
                let found: Vec<f64> = sure.iter().map(|&r| found[r]).collect();
                let expected: Vec<Bounded> = sure.iter().filter_map(|&r| expected[r]).collect();
                assert_bounded("log-weight", &found, &expected);
            }
        }
    }
}

on_both! {
    /// Steps far beyond the series and far within it, up and down; long ladders on few units, where a chain draws so seldom
    /// that most are sure.
    fn rising_and_falling_ladders_are_within_their_bound(backend) {
        const CHAINS: usize = 7;
        let ladders = [(1, 33, 40), (2, 33, 40), (5, 9, 35), (19, 9, 5), (99, 5, 3), (999, 5, 3)];
        for (steps, n_visible, n_hidden) in ladders {
            let (mut sure, mut all) = (0, 0);
            for scale in [0.3, 5.0, 50.0, 1000.0] {
                let rbm = machine(n_visible, n_hidden, scale, steps as u64);
                let (params, base) = (backend.upload_params(&rbm, None).unwrap(), base(n_visible));
                for falls in [false, true] {
                    let (address, mut betas) = (Address { seed: 8, first_chain: 3 }, ladder(steps));
                    let start = states(CHAINS, n_visible, 4);
                    let mut annealing = if falls {
                        betas.reverse();
                        backend.start_annealing_at(&params, &base, &start, address).unwrap()
                    } else {
                        backend.start_annealing(&params, &base, CHAINS, address).unwrap()
                    };
                    backend.anneal(&params, &mut annealing, &betas, 0..steps as u32);
                    let found = backend.read_log_weights(&annealing).unwrap();
                    let expected = walk(&rbm, &base, falls.then_some(&start), CHAINS, address, &betas);
                    let (found, expected): (Vec<f64>, Vec<Bounded>) =
                        found.into_iter().zip(expected).filter_map(|(found, expected)| Some((found, expected?))).unzip();
                    assert_bounded(&format!("{steps} steps, ±{scale}, falls: {falls}"), &found, &expected);
                    (sure, all) = (sure + found.len(), all + CHAINS);
                }
            }
            assert!(4 * sure >= 3 * all, "{steps} steps: {sure} of {all} chains are sure");
        }
    }
}

on_both! {
    fn a_ladder_may_be_split_anywhere(backend) {
        let (rbm, betas) = (machine(30, 40, 0.2, 1), ladder(150));
        let whole = run(backend, &rbm, 33, Address::new(1), &betas, &[0, 150]);
        assert_eq!(whole, run(backend, &rbm, 33, Address::new(1), &betas, &[0, 1, 99, 150]));
    }
}

on_both! {
    /// The wrong form h ~ sig(x), weight β F(v), and a ladder off by one rung, must both lie outside the bound.
    fn a_ladder_off_by_one_and_an_altered_weight_are_noticed(backend) {
        let (rbm, address, betas) = (machine(33, 20, 0.3, 1), Address::new(8), ladder(12));
        let expected: Vec<Bounded> =
            walk(&rbm, &base(33), None, 20, address, &betas).into_iter().map(|x| x.unwrap_or((0.0, 1e9))).collect();
        let mut shifted = betas.clone();
        shifted[5] += 1e-3;
        assert!(worst(&run(backend, &rbm, 20, address, &shifted, &[0, 12]), &expected).0 > 1.0, "one other temperature");
        let mut altered = rbm.clone();
        altered.weights[32 * 20 + 19] += 1e-2;
        assert!(worst(&run(backend, &altered, 20, address, &betas, &[0, 12]), &expected).0 > 1.0, "one altered weight");
    }
}
