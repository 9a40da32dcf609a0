//! Orchestration: a training may be cut anywhere, and no number depends on how the work was shared out.
//!
//! All comparisons are to the last bit, on one backend.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Backend, Descent, Penalties, Sparsity};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::Silent;
use gibbsite::internals::likelihood::{AnnealSettings, anneal, linear_ladder};
use gibbsite::internals::sample::{self, sample};
use gibbsite::internals::train::{Algorithm, Schedule, Settings, State, Trainer, initial_machine, initial_state};

use crate::parity::{machine, on_both, states};

fn settings(algorithm: Algorithm, flip: bool, updates: u64) -> Settings {
    Settings {
        algorithm,
        gibbs_steps: 2,
        chains: 70,
        batch: 37,
        updates,
        learning_rate: 0.2,
        schedule: Schedule::Cosine,
        descent: Descent::Momentum { momentum: 0.5 },
        penalties: Penalties { weight_decay: 1e-3, ..Penalties::default() },
        centred: true,
        bias_rate: 0.5,
        offset_rate: 0.1,
        flip,
        translations: None,
        augment: gibbsite::internals::sample::Moves::NONE,
        rungs: 4,
        online: 0,
        average: 0.0,
        seed: 8,
    }
}

/// Rows that hang together, so that the weights move.
fn data(rows: usize, units: usize) -> BitMatrix {
    let noise = states(rows, units, 6);
    BitMatrix::from_fn(rows, units, |r, j| if j % 3 == 0 { noise.get(r, 0) } else { noise.get(r, j) })
}

/// Trains to the end, stopping at each of `stops` and going on from what was read there.
fn train<B: Backend>(backend: &B, settings: &Settings, data: &BitMatrix, hidden: usize, stops: &[u64]) -> State {
    let mut state = initial_state(initial_machine(data, hidden, 0.4, 2), data, settings);
    for &stop in stops {
        let mut trainer = Trainer::new(backend, settings, data, &state).unwrap();
        trainer.advance(stop).unwrap();
        state = trainer.state().unwrap();
        assert_eq!(state.update, stop);
    }
    state
}

on_both! {
    /// 100 rows in minibatches of 37 make epochs of two updates, so that stops fall inside epochs and between them.
    fn trainings_may_be_cut_anywhere(backend) {
        let data = data(100, 33);
        let ways =
            [(Algorithm::Cd, false), (Algorithm::MeanField, false), (Algorithm::Pcd, false), (Algorithm::Pcd, true)];
        for (algorithm, flip) in ways {
            let settings = settings(algorithm, flip, 13);
            let whole = train(backend, &settings, &data, 20, &[13]);
            assert!(whole == train(backend, &settings, &data, 20, &[1, 6, 7, 13]), "{algorithm:?}, flips {flip}");
            assert!(whole == train(backend, &settings, &data, 20, &[13]), "the same twice");
            let other = Settings { seed: 9, ..settings };
            assert!(whole.rbm != train(backend, &other, &data, 20, &[13]).rbm, "another seed, another machine");
        }
    }
}

on_both! {
    /// What is left out of the state is noticed: velocities, offsets, chains and the counter each.
    fn every_part_of_the_state_matters(backend) {
        let data = data(100, 33);
        let descent = Descent::Adam { momentum: 0.5, square_decay: 0.9, epsilon: 1e-8 };
        let settings = Settings { descent, learning_rate: 0.02, ..settings(Algorithm::Pcd, true, 8) };
        let half = train(backend, &settings, &data, 20, &[4]);
        let end = |state: &State| {
            let mut trainer = Trainer::new(backend, &settings, &data, state).unwrap();
            trainer.advance(8).unwrap();
            trainer.state().unwrap()
        };
        let whole = end(&half);
        let altered = |change: &dyn Fn(&mut State)| {
            let mut state = half.clone();
            change(&mut state);
            end(&state).rbm != whole.rbm
        };
        assert!(altered(&|s| s.optimiser.velocity.weights.fill(0.0)), "velocity");
        assert!(altered(&|s| s.optimiser.velocity.hidden_bias.fill(0.0)), "velocity of the hidden biases");
        assert!(altered(&|s| s.optimiser.square.as_mut().unwrap().weights.fill(0.0)), "second moments");
        assert!(altered(&|s| s.optimiser.square.as_mut().unwrap().visible_bias.fill(0.0)), "those of the visible biases");
        assert!(altered(&|s| s.optimiser.hidden_offset.fill(0.5)), "hidden offsets");
        assert!(altered(&|s| s.optimiser.visible_offset.fill(0.5)), "visible offsets");
        assert!(altered(&|s| s.chains = states(70, 33, 1)), "chains");
        assert!(altered(&|s| s.update = 3), "counter");
    }
}

on_both! {
    /// The first rows of a longer run are the rows of a shorter one.
    fn samples_do_not_depend_on_how_many_are_drawn(backend) {
        let rbm = machine(33, 20, 0.4, 2);
        let draw = |samples| {
            let settings = sample::Settings { samples, chains: 40, thermalise: 7, every: 3, flip: true, seed: 4 };
            sample(backend, &rbm, &settings, None, &mut Silent).unwrap()
        };
        assert_eq!(draw(200).slice_rows(0..75), draw(75));
    }
}

on_both! {
    /// Every formula with every penalty under every sampler, followed by chains, cut in parts; and a state without second
    /// moments is refused where they are needed.
    fn trainings_of_every_optimiser_may_be_cut(backend) {
        let data = data(100, 33);
        let samplers =
            [Algorithm::Cd, Algorithm::MeanField, Algorithm::Pcd, Algorithm::Pt, Algorithm::Trajectory];
        for (algorithm, settings) in samplers.into_iter().flat_map(|a| of_every_optimiser(9).map(move |s| (a, s))) {
            let flip = algorithm.has_chains();
            let settings = Settings { algorithm, flip, online: 64, ..settings };
            let whole = train(backend, &settings, &data, 20, &[9]);
            let cut = train(backend, &settings, &data, 20, &[1, 5, 9]);
            assert!(whole == cut, "{algorithm:?}, {:?}", settings.descent);
            assert!(whole.online.as_ref().is_some_and(|online| online.looks > 0));
            assert!(whole.rbm.weights.iter().all(|w| w.is_finite()));
            let mut bare = whole.clone();
            bare.optimiser.square = None;
            let refused = Trainer::new(backend, &settings, &data, &bare).is_err();
            assert_eq!(refused, settings.descent.is_adaptive(), "{:?}", settings.descent);
        }
    }
}

fn of_every_optimiser(updates: u64) -> impl Iterator<Item = Settings> {
    let penalties = Penalties {
        weight_decay: 1e-3,
        l1: 1e-3,
        max_norm: Some(1.5),
        clip: Some(0.1),
        sparsity: Some(Sparsity { target: 0.2, cost: 0.1 }),
    };
    let descents = [
        (0.2, Descent::Momentum { momentum: 0.5 }),
        (0.1, Descent::Nesterov { momentum: 0.8 }),
        (0.02, Descent::Adam { momentum: 0.9, square_decay: 0.99, epsilon: 1e-8 }),
        (0.02, Descent::RmsProp { square_decay: 0.9, epsilon: 1e-3, scale: 1.0 }),
    ];
    let schedule = Schedule::Steps { every: 3, factor: 0.7 };
    descents.into_iter().map(move |(learning_rate, descent)| Settings {
        learning_rate,
        descent,
        penalties,
        schedule,
        ..settings(Algorithm::Pcd, true, updates)
    })
}

/// Everything that is computed in parallel, on machines large enough to be shared out among threads.
fn everything() -> (State, [State; 2], Vec<f64>, Vec<f64>, BitMatrix) {
    let data = data(611, 131);
    let settings = Settings { chains: 301, batch: 263, ..settings(Algorithm::Pcd, true, 7) };
    let trained = train(&Cpu, &settings, &data, 140, &[7]);
    let contrastive = [Algorithm::Cd, Algorithm::MeanField]
        .map(|algorithm| train(&Cpu, &Settings { algorithm, flip: false, ..settings.clone() }, &data, 140, &[7]));
    let params = Cpu.upload_params(&trained.rbm, None).unwrap();
    let energies = Cpu.read_free_energies(&params, &Cpu.upload_states(&data).unwrap()).unwrap();
    let base = vec![0.1; 131];
    let ladder = linear_ladder(30);
    let mut annealing =
        Cpu.start_annealing(&params, &base, 301, gibbsite::internals::backend::Address::new(3)).unwrap();
    Cpu.anneal(&params, &mut annealing, &ladder, 0..30);
    let mut weights = Cpu.read_log_weights(&annealing).unwrap();
    let settings = AnnealSettings { chains: 301, betas: ladder, seed: 3 };
    weights.push(anneal(&Cpu, &trained.rbm, &params, &base, &settings, &mut Silent).unwrap().log_z.value);
    let settings = sample::Settings { samples: 600, chains: 301, thermalise: 5, every: 2, flip: true, seed: 4 };
    let samples = sample(&Cpu, &trained.rbm, &settings, None, &mut Silent).unwrap();
    (trained, contrastive, energies, weights, samples)
}

#[test]
fn no_optimiser_depends_on_the_number_of_threads() {
    let data = data(300, 531);
    let all = || {
        let train = |settings| train(&Cpu, &settings, &data, 260, &[3]);
        of_every_optimiser(3).map(train).collect::<Vec<State>>()
    };
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all);
    let alone = with(1);
    for threads in [2, 3, 7] {
        assert!(alone == with(threads), "{threads} threads");
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let with = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(everything);
    let alone = with(1);
    for threads in [2, 3, 7] {
        let shared = with(threads);
        assert!(alone.0 == shared.0, "training, {threads} threads");
        assert!(alone.1 == shared.1, "contrastive divergence, {threads} threads");
        assert!(alone.2 == shared.2, "free energies, {threads} threads");
        assert!(alone.3 == shared.3, "log-weights, {threads} threads");
        assert!(alone.4 == shared.4, "samples, {threads} threads");
    }
}
