//! The two phases of the gradient against enumeration.
//!
//! With model samples that are exact, data − model moments scatter about the enumerated gradient with the variance that
//! enumeration gives. All entries of a check are compared at [`SIGMAS`] standard deviations; 41 of them exceed that by
//! chance once in 10⁵ seeds.

use gibbsite::internals::backend::{Address, Backend, HostMoments, Phase, UpdateRule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::exact::machine::Machine;
use gibbsite::internals::numerics::sigmoid;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::train::{Algorithm, Settings, Trainer, initial_state};

use crate::parity::{machine, on_both};
use crate::small::{counts, oracle, small_machine};
use crate::statistics::draw;
use crate::training::settings;

const SIGMAS: f64 = 5.2;
/// Model samples of one estimate.
const SAMPLES: usize = 50_000;

/// Rows that are no sample of the machine: those of another one.
fn data() -> BitMatrix {
    let other = machine(6, 3, 2.0, 9);
    draw(&oracle(&other).probabilities(), 6, 999, "data of a gradient")
}

fn frequencies(rows: &BitMatrix) -> Vec<f64> {
    counts(rows).into_iter().map(|n| n as f64 / rows.rows() as f64).collect()
}

/// Mean and standard deviation under the machine of all moments: v_j sig(x_i), then v_j, then sig(x_i).
fn model_moments(rbm: &Rbm, probabilities: &[f64]) -> Vec<(f64, f64)> {
    let (n, m) = (rbm.n_visible, rbm.n_hidden);
    let all = BitMatrix::from_fn(1 << n, n, |state, j| state >> j & 1 == 1);
    let mut sums = vec![(0.0, 0.0); n * m + n + m];
    for (state, p) in probabilities.iter().enumerate() {
        let means: Vec<f64> = rbm.inputs_h_from_v(&all, state).into_iter().map(sigmoid).collect();
        let v = |j: usize| f64::from(u8::from(all.get(state, j)));
        let values = (0..n * m).map(|k| v(k / m) * means[k % m]).chain((0..n).map(v)).chain(means.iter().copied());
        for (sum, x) in sums.iter_mut().zip(values) {
            *sum = (sum.0 + p * x, sum.1 + p * x * x);
        }
    }
    sums.into_iter().map(|(mean, square)| (mean, (square - mean * mean).max(0.0).sqrt())).collect()
}

fn enumerated(rbm: &Rbm, data: &BitMatrix) -> Vec<f64> {
    let gradient = oracle(rbm).gradient(&frequencies(data)).unwrap();
    [gradient.weights, gradient.visible_bias, gradient.hidden_bias].concat()
}

fn flat(moments: &HostMoments) -> Vec<f64> {
    [&moments.products, &moments.visible, &moments.hidden].into_iter().flatten().map(|&x| f64::from(x)).collect()
}

/// data − model moments with chains that start in the distribution of `from` and make `steps` Gibbs steps of `rbm`.
fn measured<B: Backend>(backend: &B, rbm: &Rbm, from: &Rbm, steps: u32) -> Vec<f64> {
    let params = backend.upload_params(rbm, None).unwrap();
    let mut moments = backend.new_moments(&params).unwrap();
    backend.accumulate_moments(&params, &backend.upload_states(&data()).unwrap(), Phase::Data, &mut moments);
    let start = draw(&oracle(from).probabilities(), 6, SAMPLES, "exact samples");
    let mut chains = backend.upload_states(&start).unwrap();
    backend.gibbs(&params, &mut chains, Address::new(2), 0..steps);
    backend.accumulate_moments(&params, &chains, Phase::Model, &mut moments);
    flat(&backend.read_moments(&moments).unwrap())
}

/// Largest deviation of `found` from the enumerated gradient, in standard deviations.
fn deviation(rbm: &Rbm, found: &[f64]) -> f64 {
    let spread = model_moments(rbm, &oracle(rbm).probabilities());
    let expected = enumerated(rbm, &data());
    assert_eq!(found.len(), expected.len());
    found
        .iter()
        .zip(&expected)
        .zip(&spread)
        // A float sum over 5·10⁴ rows adds far less than the 10⁻³ of a standard deviation allowed here.
        .map(|((f, e), (_, sigma))| (f - e).abs() / (sigma / (SAMPLES as f64).sqrt() + 1e-7))
        .fold(0.0, f64::max)
}

on_both! {
    fn exact_model_samples_give_the_enumerated_gradient(backend) {
        let rbm = small_machine();
        for steps in [0, 1, 5] {
            let z = deviation(&rbm, &measured(backend, &rbm, &rbm, steps));
            assert!(z < SIGMAS, "after {steps} steps: {z} standard deviations");
        }
    }
}

on_both! {
    fn samples_of_a_slightly_different_machine_do_not(backend) {
        let rbm = small_machine();
        let mut altered = rbm.clone();
        altered.weights[13] += 0.3;
        let z = deviation(&rbm, &measured(backend, &rbm, &altered, 0));
        assert!(z > 2.0 * SIGMAS, "only {z} standard deviations");
    }
}

on_both! {
    /// The plain update moves every parameter by η times the gradient, so that the exact log-likelihood rises by
    /// η |g|² to first order.
    fn one_update_climbs_the_exact_log_likelihood(backend) {
        let rbm = small_machine();
        let q = frequencies(&data());
        let objective = |rbm: &Rbm| -> f64 {
            let p = Machine::new(&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias).unwrap().probabilities();
            q.iter().zip(&p).map(|(q, p)| q * p.ln()).sum()
        };
        let mut params = backend.upload_params(&rbm, None).unwrap();
        let mut moments = backend.new_moments(&params).unwrap();
        backend.accumulate_moments(&params, &backend.upload_states(&data()).unwrap(), Phase::Data, &mut moments);
        let start = draw(&oracle(&rbm).probabilities(), 6, SAMPLES, "exact samples");
        backend.accumulate_moments(&params, &backend.upload_states(&start).unwrap(), Phase::Model, &mut moments);
        let rate = 0.01;
        let rule = UpdateRule::plain(rate);
        backend.update(&mut params, &moments, &rule);
        let (moved, _) = backend.read_params(&params).unwrap();
        let gain = objective(&moved) - objective(&rbm);
        let square: f64 = enumerated(&rbm, &data()).iter().map(|g| g * g).sum();
        // Sampling changes the gradient by a relative 1/√50 000 or so, curvature by η: both below 5 % here.
        let ratio = gain / (rate * square);
        assert!((ratio - 1.0).abs() < 0.05, "gained {gain}, expected {}", rate * square);
    }
}

on_both! {
    /// The gradient that a training shows is that of its rows and chains, and it leaves the training as it is.
    fn the_gradient_of_a_training_is_that_of_its_rows_and_chains(backend) {
        let settings = Settings { chains: 30, batch: 20, ..settings(Algorithm::Pcd, 20) };
        let rows = data().slice_rows(0..100);
        let start = initial_state(machine(6, 3, 1.0, 4), &rows, &settings);
        let run = |looks: bool| {
            let mut trainer = Trainer::new(backend, &settings, &rows, &start).unwrap();
            trainer.advance(7).unwrap();
            let state = trainer.state().unwrap();
            if looks {
                let found = trainer.gradient_rms(&rows).unwrap();
                let means = |states: &BitMatrix| {
                    let mut sums = [0.0; 18];
                    for r in 0..states.rows() {
                        let hidden: Vec<f64> = state.rbm.inputs_h_from_v(states, r).into_iter().map(sigmoid).collect();
                        for (k, sum) in sums.iter_mut().enumerate() {
                            *sum += f64::from(u8::from(states.get(r, k / 3))) * hidden[k % 3] / states.rows() as f64;
                        }
                    }
                    sums
                };
                // As many rows as there are chains.
                let (data, chains) = (means(&rows.slice_rows(0..30)), means(&state.chains));
                let squares: f64 = data.iter().zip(chains).map(|(d, c)| (d - c).powi(2)).sum();
                let wanted = (squares / 18.0).sqrt();
                // Means of up to 30 f32 between 0 and 1, twice, and the stated error of the sigmoid.
                assert!((found - wanted).abs() < 64.0 * f64::from(f32::EPSILON), "{found} {wanted}");
            }
            trainer.advance(20).unwrap();
            trainer.state().unwrap()
        };
        assert!(run(true) == run(false));
    }
}
