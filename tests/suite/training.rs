//! Whole trainings of machines small enough that their likelihood is enumerated.

use gibbsite::internals::backend::{Backend, Descent, Penalties, Sparsity};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::exact::enumeration::state_probabilities;
use gibbsite::internals::exact::machine::kl_divergence;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::train::{Algorithm, Schedule, Settings, Start, Trainer, initial_machine, initial_state};

use crate::parity::on_both;
use crate::small::{counts, oracle};
use crate::statistics::draw;

/// Settings that suit six units.
pub(crate) fn settings(algorithm: Algorithm, updates: u64) -> Settings {
    Settings {
        algorithm,
        gibbs_steps: 3,
        chains: 250,
        batch: 250,
        updates,
        learning_rate: 0.2,
        schedule: Schedule::Linear,
        descent: Descent::Momentum { momentum: 0.9 },
        penalties: Penalties { weight_decay: 1e-4, ..Penalties::default() },
        centred: true,
        bias_rate: 1.0,
        offset_rate: 0.1,
        flip: false,
        translations: None,
        augment: gibbsite::internals::sample::Moves::NONE,
        rungs: 4,
        online: 0,
        average: 0.0,
        seed: 3,
    }
}

/// States of a ring of six spins at T = 2, and their probabilities.
fn ring(rows: usize) -> (BitMatrix, Vec<f64>) {
    let bonds = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)];
    let probabilities = state_probabilities(6, &bonds, 2.0).unwrap();
    (draw(&probabilities, 6, rows, "ring"), probabilities)
}

/// Mean log-likelihood of the rows after each of `stops` updates.
fn climb<B: Backend>(backend: &B, data: &BitMatrix, settings: &Settings, stops: &[u64]) -> (Vec<f64>, Rbm) {
    let frequencies: Vec<f64> = counts(data).into_iter().map(|n| n as f64 / data.rows() as f64).collect();
    let state = initial_state(initial_machine(data, 8, 0.1, 1), data, settings);
    let mut trainer = Trainer::new(backend, settings, data, &state).unwrap();
    let mut rbm = state.rbm;
    let likelihoods = stops.iter().map(|&stop| {
        trainer.advance(stop).unwrap();
        rbm = trainer.state().unwrap().rbm;
        let p = oracle(&rbm).probabilities();
        frequencies.iter().zip(&p).map(|(q, p)| q * p.ln()).sum()
    });
    (likelihoods.collect(), rbm)
}

on_both! {
    /// Contrastive divergence, persistent and tempered chains all end at the truth, up to what 2000 rows can tell: with 63
    /// degrees of freedom KL(truth‖fitted) is about 63/(2·2000) = 0.016, and KL ≥ 0.05 would be χ² = 200 on 63.
    fn the_exact_log_likelihood_rises_to_its_ceiling(backend) {
        let (data, truth) = ring(2000);
        let ceiling: f64 = counts(&data).into_iter().filter(|&n| n > 0).map(|n| {
            let q = n as f64 / data.rows() as f64;
            q * q.ln()
        }).sum();
        let ways = [
            (Algorithm::Cd, false), (Algorithm::Pcd, false), (Algorithm::Pcd, true), (Algorithm::Pt, false),
            (Algorithm::Trajectory, false),
        ];
        for (algorithm, flip) in ways {
            let settings = Settings { flip, ..settings(algorithm, 700) };
            let (found, rbm) = climb(backend, &data, &settings, &[0, 200, 700]);
            // Between these stops the likelihood rises by tenths of a nat; the noise of the gradient costs hundredths.
            assert!(found.windows(2).all(|pair| pair[1] > pair[0]), "{algorithm:?}, flips {flip}: {found:?}");
            assert!(found.iter().all(|&l| l <= ceiling), "{found:?} above the ceiling {ceiling}");
            let kl = kl_divergence(&truth, &oracle(&rbm).probabilities()).unwrap();
            assert!(kl < 0.05, "{algorithm:?}, flips {flip}: KL {kl}");
        }
    }
}

/// Divergence from the truth of an open chain of six spins at T = 2 of a machine trained on 5000 of its states.
fn divergence_of_chain<B: Backend>(backend: &B, algorithm: Algorithm) -> f64 {
    let bonds = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)];
    let truth = state_probabilities(6, &bonds, 2.0).unwrap();
    let data = draw(&truth, 6, 5000, "chain");
    let plain = Settings { learning_rate: 0.5, descent: Descent::PLAIN, ..settings(algorithm, 2000) };
    let settings = Settings { gibbs_steps: 1, penalties: Penalties::default(), ..plain };
    let rbm = climb(backend, &data, &settings, &[2000]).1;
    kl_divergence(&truth, &oracle(&rbm).probabilities()).unwrap()
}

on_both! {
    /// Mean fields carry no fluctuations of their own: ⟨m_v m_h⟩ differs from ⟨m_v⟩⟨m_h⟩ only by what tells the rows apart,
    /// so that weights grow until they make up for the rest, and the machine that is found is not that of the largest
    /// likelihood, as it is for draws. Independent units are 5 (K tanh K − ln cosh K) = 0.5546 from this chain, K = ½; drawn
    /// divergence leaves what 5000 rows cannot tell, about 63/(2·5000) = 0.006. Mean fields are in between, and far nearer
    /// to the latter.
    fn mean_fields_learn_a_chain_with_a_bias(backend) {
        let coupling = 0.5f64;
        let independent = 5.0 * (coupling * coupling.tanh() - coupling.cosh().ln());
        let (drawn, of_means) =
            (divergence_of_chain(backend, Algorithm::Cd), divergence_of_chain(backend, Algorithm::MeanField));
        assert!(drawn < 0.02 && drawn < of_means && of_means < independent / 4.0, "{drawn}, {of_means}, {independent}");
    }
}

on_both! {
    /// Of independent units mean fields reproduce the means exactly. With weights of zero no row tells the hidden units
    /// anything: the centred gradient of the weights is zero but for rounding, 240 · 2⁻²⁴ at the most, which L1 takes away,
    /// m_v = sig(b) in every field, and b climbs to the log-odds of the means from where it is put on purpose.
    fn mean_fields_reproduce_the_means_of_independent_units(backend) {
        let (rows, units) = (240, 7);
        // All rows at once; unit j is on in (j + 1)/8 of them.
        let data = BitMatrix::from_fn(rows, units, |r, j| (r * 11 + j * 5) % 8 <= j);
        let plain = settings(Algorithm::MeanField, 400);
        let settings = Settings {
            batch: rows,
            chains: rows,
            learning_rate: 2.0,
            schedule: Schedule::Constant,
            descent: Descent::PLAIN,
            penalties: Penalties { l1: 1e-3, ..Penalties::default() },
            ..plain
        };
        let mut state = initial_state(Rbm::zeros(units, 5), &data, &settings);
        state.rbm.visible_bias.iter_mut().enumerate().for_each(|(j, b)| *b = 1.0 - 0.3 * j as f32);
        let mut trainer = Trainer::new(backend, &settings, &data, &state).unwrap();
        trainer.advance(400).unwrap();
        let rbm = trainer.state().unwrap().rbm;
        // A step takes the share η sig'(b) of what is left, 2 · 7/64 near the end and never below a tenth: what remains after
        // 400 is rounding, of two means of 240 numbers 3 · 10⁻⁵ at the most.
        for j in 0..units {
            let mean = 1.0 / (1.0 + (-f64::from(rbm.visible_bias[j])).exp());
            assert!((mean - (j + 1) as f64 / 8.0).abs() < 1e-4, "unit {j}: {mean}");
        }
        assert!(rbm.weights.iter().all(|&w| w == 0.0), "{:?}", rbm.weights);
    }
}

on_both! {
    /// Hidden units of a ring are on half of the time. A pull as strong as the gradient's largest component takes their mean
    /// activity, as averaged along the training, near to where it is asked for: the gradient still pulls back.
    fn a_sparse_target_draws_the_activity(backend) {
        let (data, _) = ring(1000);
        let activity = |sparsity| {
            let penalties = Penalties { sparsity, ..Penalties::default() };
            let settings = Settings { penalties, offset_rate: 0.02, ..settings(Algorithm::Pcd, 500) };
            let state = initial_state(initial_machine(&data, 8, 0.1, 1), &data, &settings);
            let mut trainer = Trainer::new(backend, &settings, &data, &state).unwrap();
            trainer.advance(500).unwrap();
            trainer.state().unwrap().optimiser.hidden_offset
        };
        assert!(activity(None).iter().all(|mean| (mean - 0.5).abs() < 0.15));
        let sparse = activity(Some(Sparsity { target: 0.15, cost: 1.0 }));
        assert!(sparse.iter().all(|mean| (mean - 0.15).abs() < 0.1), "{sparse:?}");
    }
}

/// Divergence from the truth of a ring of ten spins at T = 0.7 of a machine whose hidden units start with a weight of
/// `anchor` to one spin each.
fn divergence_from_anchors<B: Backend>(backend: &B, anchor: f64) -> f64 {
    let bonds: Vec<(usize, usize)> = (0..10).map(|i| (i, (i + 1) % 10)).collect();
    let truth = state_probabilities(10, &bonds, 0.7).unwrap();
    let data = draw(&truth, 10, 5000, "cold ring");
    let settings = Settings {
        flip: true,
        bias_rate: 0.1,
        offset_rate: 0.01,
        descent: Descent::PLAIN,
        ..settings(Algorithm::Pcd, 1000)
    };
    let state = initial_state(Start { weight_scale: 0.01, anchor }.machine(&data, 10, 1), &data, &settings);
    let mut trainer = Trainer::new(backend, &settings, &data, &state).unwrap();
    trainer.advance(1000).unwrap();
    kl_divergence(&truth, &oracle(&trainer.state().unwrap().rbm).probabilities()).unwrap()
}

on_both! {
    /// In the cold all units of a machine of small weights turn to the magnetisation first, and tell places apart late. Units
    /// with a place of their own learn the bonds in the same number of updates.
    fn anchored_units_learn_the_bonds_of_the_cold(backend) {
        let (with, without) = (divergence_from_anchors(backend, 4.0), divergence_from_anchors(backend, 0.0));
        assert!(with < 0.2 && with < without / 2.0, "{with} from anchors, {without} without");
    }
}

on_both! {
    /// The same training on the ring with every other spin turned must take the likelihood of the ring down: the check
    /// above can fail.
    fn training_on_other_rows_goes_down(backend) {
        let (data, _) = ring(500);
        let turned = BitMatrix::from_fn(500, 6, |r, j| data.get(r, j) != (j % 2 == 1));
        let settings = settings(Algorithm::Pcd, 200);
        let state = initial_state(initial_machine(&turned, 8, 0.1, 1), &turned, &settings);
        let mut trainer = Trainer::new(backend, &settings, &turned, &state).unwrap();
        let of_ring = |rbm: &Rbm| {
            let p = oracle(rbm).probabilities();
            counts(&data).into_iter().zip(&p).map(|(n, p)| n as f64 / 500.0 * p.ln()).sum::<f64>()
        };
        let before = of_ring(&state.rbm);
        trainer.advance(200).unwrap();
        let after = of_ring(&trainer.state().unwrap().rbm);
        assert!(after < before - 0.5, "{before} before, {after} after");
    }
}

on_both! {
    /// The mean of the machine is that of the machines after every update, by its definition, and the training goes on as
    /// without it.
    fn the_running_mean_is_that_of_the_updates(backend) {
        let (data, _) = ring(300);
        let with = |average: f64| Settings { average, ..settings(Algorithm::Pcd, 90) };
        let (plain, averaged) = (with(0.0), with(0.03));
        let run = |settings: &Settings| {
            let state = initial_state(initial_machine(&data, 8, 0.1, 1), &data, settings);
            let mut trainer = Trainer::new(backend, settings, &data, &state).unwrap();
            let step = |t: u64| {
                trainer.advance(t).unwrap();
                trainer.state().unwrap()
            };
            (1..=settings.updates).map(step).collect::<Vec<_>>()
        };
        let states = run(&averaged);
        assert!(run(&plain).last().unwrap().rbm == states.last().unwrap().rbm, "the mean changes nothing else");
        // Up to update 64 every machine counts, then every eighth for eight.
        let mut mean: Vec<f64> = initial_machine(&data, 8, 0.1, 1).weights.iter().map(|&w| f64::from(w)).collect();
        for (state, t) in states.iter().zip(1u32..) {
            if t <= 64 || t % 8 == 0 {
                let each = (10.0 / f64::from(t)).clamp(0.03, 1.0);
                let part = 1.0 - (1.0 - each).powi(if t <= 64 { 1 } else { 8 });
                mean.iter_mut().zip(&state.rbm.weights).for_each(|(m, &w)| *m += part * (f64::from(w) - *m));
            }
            let found = &state.average.as_ref().unwrap().weights;
            for (m, &w) in mean.iter().zip(found) {
                assert!((m - f64::from(w)).abs() < 1e-5, "update {t}: {w} for {m}");
            }
            assert!(state.machine() == state.average.as_ref().unwrap());
        }
    }
}
