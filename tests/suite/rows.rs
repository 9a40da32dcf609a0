//! Which rows a number is of: likelihoods and divergences of training rows and of rows kept out, against sums over all
//! states. Both kinds of rows differ here by nats, so that one taken for the other is noticed.

use gibbsite::internals::artifact::CheckpointStore;
use gibbsite::internals::backend::{Backend, Descent, Penalties};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::data::DataSet;
use gibbsite::internals::events::Silent;
use gibbsite::internals::exact::enumeration::state_probabilities;
use gibbsite::internals::exact::machine::kl_divergence;
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::record::{Estimate, TrainMetric};
use gibbsite::internals::run::Source;
use gibbsite::internals::run::likelihood::{
    Enumerate, HELD_OUT, Ladder, LikelihoodPlan, Reverse, likelihood, states as listed,
};
use gibbsite::internals::run::train::{Split, TrainInputs, TrainPlan, Trained, split, train};
use gibbsite::internals::sample::Moves;
use gibbsite::internals::train::{Algorithm, Schedule, Settings, Start};

use crate::parity::{machine, on_both, states};
use crate::small::oracle;

/// Room for free energies in f32: some 30 terms of a few units in size.
const ROUNDING: f64 = 1e-4;

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < ROUNDING, "{what}: {found} for {expected}");
}

fn number(rows: &BitMatrix, r: usize) -> usize {
    (0..rows.cols()).filter(|&j| rows.get(r, j)).map(|j| 1 << j).sum()
}

/// Mean of a function of the state over rows, with its standard error.
fn mean_over(rows: &BitMatrix, of_state: impl Fn(usize) -> f64) -> Estimate {
    let values: Vec<f64> = (0..rows.rows()).map(|r| of_state(number(rows, r))).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    Estimate::new(mean, (squares / (n * (n - 1.0))).sqrt())
}

/// 300 training rows that are mostly down and 70 others that are mostly up.
fn two_kinds(units: usize) -> Split {
    let (a, b) = (states(300, units, 1), states(300, units, 2));
    Split {
        train: BitMatrix::from_fn(300, units, |r, j| a.get(r, j) && (b.get(r, j) || j % 3 == 0)),
        held_out: Some(BitMatrix::from_fn(70, units, |r, j| a.get(r, j) || b.get(r, j))),
    }
}

fn trained<B: Backend>(backend: &B, split: &Split, n_hidden: usize) -> (Trained, Vec<TrainMetric>) {
    let settings = Settings {
        algorithm: Algorithm::Pcd,
        gibbs_steps: 2,
        chains: 50,
        batch: 60,
        updates: 40,
        learning_rate: 0.2,
        schedule: Schedule::Constant,
        descent: Descent::Momentum { momentum: 0.0 },
        penalties: Penalties::default(),
        centred: true,
        bias_rate: 1.0,
        offset_rate: 0.1,
        flip: true,
        translations: None,
        augment: Moves::NONE,
        rungs: 4,
        online: 0,
        average: 0.0,
        seed: 3,
    };
    let start = Start { weight_scale: 0.5, anchor: 1.0 };
    let plan = TrainPlan { metrics: 2, checkpoints: 1, keep_going: true, ..TrainPlan::new(settings, n_hidden, start) };
    let directory = tempfile::tempdir().unwrap();
    let checkpoints = CheckpointStore::new(directory.path().join("c"), 2);
    let inputs = TrainInputs {
        plan: &plan,
        split,
        exact: None,
        checkpoints: &checkpoints,
        resume: false,
        each: None,
        start: None,
    };
    let mut metrics = Vec::new();
    let end = train(backend, inputs, &mut Silent, &mut |metric| {
        metrics.push(metric);
        Ok(())
    });
    (end.unwrap(), metrics)
}

on_both! {
    /// Everything that a metric says of the machine, its rows and its chains.
    fn metrics_are_those_of_the_machine_on_their_rows(backend) {
        let split = two_kinds(12);
        let held_out = split.held_out.as_ref().unwrap();
        let (end, metrics) = trained(backend, &split, 9);
        assert_eq!(metrics.iter().map(|m| (m.update, m.learning_rate)).collect::<Vec<_>>(), [(20, 0.2), (40, 0.2)]);
        let (rbm, last) = (&end.rbm, end.last.clone());
        assert_eq!(Some(&last), metrics.last());
        let (log_weights, log_z) = (oracle(rbm).log_weights(), oracle(rbm).log_partition());
        let exact = [&split.train, held_out].map(|rows| mean_over(rows, |s| log_weights[s] - log_z));
        assert!(exact[0].value > exact[1].value + 0.5, "the two kinds of rows are told apart: {exact:?}");
        for (found, exact) in [last.log_likelihood, last.held_out_log_likelihood].into_iter().zip(exact) {
            let found = found.unwrap();
            close(found.value, exact.value, "log-likelihood");
            close(found.error, exact.error, "its error");
        }
        close(last.free_energy_gap.unwrap(), exact[0].value - exact[1].value, "F(held out) − F(train)");
        // ln p(v_j | the rest) = ln p(v) − ln (p(v) + p(v with unit j flipped)).
        let pseudo = |s: usize| -> f64 {
            (0..12).map(|j| -(log_weights[s ^ (1 << j)] - log_weights[s]).exp().ln_1p()).sum()
        };
        close(last.pseudo_likelihood.unwrap(), mean_over(&split.train, pseudo).value, "pseudo-likelihood");
        let mut counts = vec![0.0f64; 1 << 12];
        (0..300).for_each(|r| counts[number(&split.train, r)] += 1.0 / 300.0);
        let entropy: f64 = counts.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        close(last.ceiling.unwrap(), -entropy, "ceiling");
        let squares: f64 = rbm.weights.iter().map(|w| f64::from(*w).powi(2)).sum();
        close(last.weight_rms, (squares / 108.0).sqrt(), "root mean square of the weights");
        // Singular values: their squares are the trace of WᵀW, of which three make up most.
        let first: f64 = last.singular_values.iter().map(|s| s * s).sum();
        assert!(last.singular_values.len() == 3 && first < squares && first > squares / 3.0, "{last:?}");
        let mean = |rows: &BitMatrix, j: usize| mean_over(rows, |s| (s >> j & 1) as f64).value;
        let first_moments: f64 =
            (0..12).map(|j| (mean(&end.chains, j) - mean(&split.train, j)).powi(2)).sum::<f64>() / 12.0;
        close(last.moment_differences.unwrap()[0], first_moments.sqrt(), "differences of first moments");
        let up = |s: usize| match s.count_ones() {
            0..6 => 0.0,
            6 => 0.5,
            _ => 1.0,
        };
        close(last.p_up.unwrap(), mean_over(&end.chains, up).value, "P(up) of the chains");
    }
}

on_both! {
    /// Where no side can be enumerated ln Z is annealed, and its error is that of every likelihood: 5 errors, one seed in
    /// 10⁶ fails.
    fn annealed_metrics_hold_the_exact_values(backend) {
        let split = two_kinds(17);
        let (end, _) = trained(backend, &split, 15);
        let (rbm, last) = (&end.rbm, end.last);
        let (log_weights, log_z) = (oracle(rbm).log_weights(), oracle(rbm).log_partition());
        let found = [last.log_likelihood.unwrap(), last.held_out_log_likelihood.unwrap()];
        let exact = [&split.train, split.held_out.as_ref().unwrap()].map(|rows| mean_over(rows, |s| log_weights[s] - log_z));
        let mut errors = Vec::new();
        for (found, exact) in found.iter().zip(exact) {
            // The mean over these rows is exact; ln Z alone is not.
            let of_log_z = found.error_log_z();
            close(found.error, of_log_z.hypot(exact.error), "both errors");
            assert!(of_log_z > 1e-4 && of_log_z < 0.2, "{found:?} of rows known to {exact:?}");
            assert!((found.value - exact.value).abs() < 5.0 * of_log_z, "{found:?} for {exact:?}");
            errors.push(of_log_z);
        }
        assert_eq!(errors[0], errors[1], "one ln Z");
        close(found[0].value - found[1].value, exact[0].value - exact[1].value, "difference of the rows");
        close(last.free_energy_gap.unwrap(), exact[0].value - exact[1].value, "F(held out) − F(train)");
    }
}

/// Every row is kept once, as many as asked for are kept out, and another seed keeps out others.
#[test]
fn rows_are_split_to_the_row() {
    let all = BitMatrix::from_fn(105, 7, |r, j| r >> j & 1 == 1);
    let of_seed = |seed: u64, kept_out: usize| -> (Vec<usize>, Vec<usize>) {
        let parts = split(all.clone(), kept_out, seed);
        let numbers = |rows: &BitMatrix| (0..rows.rows()).map(|r| number(rows, r)).collect();
        (numbers(&parts.train), parts.held_out.as_ref().map(numbers).unwrap_or_default())
    };
    for kept_out in [0, 1, 11, 104] {
        let (train, held_out) = of_seed(1, kept_out);
        assert_eq!((train.len(), held_out.len()), (105 - kept_out, kept_out));
        let mut together = [train, held_out].concat();
        together.sort_unstable();
        assert_eq!(together, (0..105).collect::<Vec<_>>(), "{kept_out} kept out");
    }
    assert_ne!(of_seed(1, 11), of_seed(2, 11));
}

/// A ring of ten spins at T = 1.3 with rows drawn evenly from all states, and a machine that is not this model.
fn ring_and_machine() -> (Source, Rbm) {
    let mut data = DataSet::new(states(400, 10, 5), "even");
    (data.lattice, data.temperature) = (Some(Lattice::Chain { length: 10 }), Some(1.3));
    (Source::from_data(data), machine(10, 7, 0.8, 2))
}

fn plan(enumerate: Enumerate) -> LikelihoodPlan {
    let chains = if enumerate == Enumerate::Never { 200 } else { 0 };
    LikelihoodPlan {
        chains,
        ladder: Ladder::Linear(100),
        reverse: Reverse::Off,
        trajectory: Vec::new(),
        enumerate,
        seed: 6,
    }
}

on_both! {
    /// ln p of each set of rows, and the divergence from rows that were kept out where there are any.
    fn likelihoods_and_divergences_are_those_of_their_rows(backend) {
        let (source, rbm) = ring_and_machine();
        let bonds = source.data.lattice.unwrap().bonds();
        let truth = state_probabilities(10, &bonds, 1.3).unwrap();
        let (log_weights, log_z) = (oracle(&rbm).log_weights(), oracle(&rbm).log_partition());
        let unseen = two_kinds(10).held_out.unwrap();
        let log_p = |s: usize| log_weights[s] - log_z;
        let divergence = |s: usize| truth[s].ln() - log_p(s);
        for enumerate in [Enumerate::Auto, Enumerate::Never] {
            let both: [(&str, &BitMatrix); 2] = [("train", &source.data.samples), (HELD_OUT, &unseen)];
            for sets in [&both[..], &both[..1]] {
                let found =
                    likelihood(backend, &plan(enumerate), &rbm, &rbm.visible_bias, sets, Some(&source), &mut Silent).unwrap();
                let z = found.log_z.best().unwrap();
                assert_eq!(z.error == 0.0, enumerate == Enumerate::Auto);
                assert!((z.value - log_z).abs() <= 5.0 * z.error + ROUNDING, "{z:?} for {log_z}");
                assert_eq!(found.log_likelihood.len(), sets.len());
                for (name, rows) in sets {
                    let exact = mean_over(rows, log_p).value + log_z - z.value;
                    let value = found.log_likelihood[*name].best().unwrap();
                    close(value.value, exact, name);
                    let parts = value.parts.unwrap();
                    assert_eq!(parts.error_log_z, z.error);
                    close(parts.error_rows, mean_over(rows, log_p).error, "error of the rows");
                    close(value.error, parts.error_rows.hypot(z.error), "error of both");
                }
                let exact = mean_over(sets.last().unwrap().1, divergence);
                let kl = found.kl.unwrap();
                close(kl.value, exact.value + z.value - log_z, "divergence");
                close(kl.error, exact.error.hypot(z.error), "its error");
                let entropy: f64 = truth.iter().map(|q| -q * q.ln()).sum();
                close(found.ceiling.unwrap(), -entropy, "ceiling");
            }
        }
        // Without the source the ceiling is that of the first rows, and there is nothing to diverge from.
        let few = unseen.slice_rows(0..4);
        let found = likelihood(backend, &plan(Enumerate::Auto), &rbm, &rbm.visible_bias, &[("data", &few)], None, &mut Silent);
        let found = found.unwrap();
        assert!(found.kl.is_none());
        let mut seen: Vec<usize> = (0..4).map(|r| number(&few, r)).collect();
        seen.sort_unstable();
        let entropy: f64 = seen.chunk_by(|a, b| a == b).map(|g| -(g.len() as f64 / 4.0) * (g.len() as f64 / 4.0).ln()).sum();
        close(found.ceiling.unwrap(), -entropy, "plug-in entropy");
        seen.dedup();
        let together: f64 = seen.iter().map(|&s| log_p(s).exp()).sum();
        close(found.checks.log_distinct_probability.unwrap().value, together.ln(), "probability of all rows");
        let states = listed(backend, &rbm, &source).unwrap().unwrap();
        for (s, &truth) in truth.iter().enumerate() {
            close(states.truth[s], truth, "p of the source");
            close(states.learned[s], log_p(s).exp(), "p of the machine");
        }
        close(states.kl, kl_divergence(&truth, &oracle(&rbm).probabilities()).unwrap(), "divergence over all states");
    }
}
