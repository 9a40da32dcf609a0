//! Numbers and sizes at the edge: a clear error or the right result, never a panic.

use gibbsite::Error;
use gibbsite::internals::artifact::CheckpointStore;
use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Address, Backend, Descent, Penalties, Phase};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::couplings;
use gibbsite::internals::data::{Model, ModelMeta, write_model};
use gibbsite::internals::events::{Event, Listener, Silent};
use gibbsite::internals::likelihood::{
    AnnealSettings, anneal, base_bias, exact_log_z, linear_ladder, plug_in_entropy, pseudo_likelihood,
};
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::run::train::{Split, TrainInputs, TrainPlan, Trained, train};
use gibbsite::internals::sample::{self, sample};
use gibbsite::internals::train::{
    Algorithm, Schedule, Settings, Start, State, Trainer, initial_machine, initial_state, smoothed_means,
};

use crate::parity::{machine, on_both, states};

fn settings(algorithm: Algorithm) -> Settings {
    Settings {
        algorithm,
        gibbs_steps: 2,
        chains: 5,
        batch: 1,
        updates: 6,
        learning_rate: 0.1,
        schedule: Schedule::Constant,
        descent: Descent::PLAIN,
        penalties: Penalties::default(),
        centred: true,
        bias_rate: 1.0,
        offset_rate: 0.1,
        flip: true,
        translations: None,
        augment: gibbsite::internals::sample::Moves::NONE,
        rungs: 4,
        online: 0,
        average: 0.0,
        seed: 1,
    }
}

fn run<B: Backend>(backend: &B, settings: &Settings, data: &BitMatrix, hidden: usize) -> Result<State, Error> {
    gibbsite::internals::train::check(settings, data, hidden)?;
    let state = initial_state(initial_machine(data, hidden, 0.01, 1), data, settings);
    let mut trainer = Trainer::new(backend, settings, data, &state)?;
    trainer.advance(settings.updates)?;
    trainer.state()
}

on_both! {
    /// One unit, one row, rows all equal, units that never change: everything stays finite.
    fn the_smallest_trainings_work(backend) {
        let shapes = [
            BitMatrix::from_fn(1, 1, |_, _| true),
            BitMatrix::from_fn(1, 40, |_, j| j % 2 == 0),
            BitMatrix::from_fn(7, 1, |r, _| r % 2 == 0),
            BitMatrix::from_fn(9, 33, |_, _| true),
            BitMatrix::from_fn(9, 33, |r, j| j < 3 || (j < 6 && r == 4)),
        ];
        for data in &shapes {
            for algorithm in [Algorithm::Cd, Algorithm::MeanField, Algorithm::Pcd] {
                for hidden in [1, 33] {
                    let state = run(backend, &settings(algorithm), data, hidden).unwrap();
                    let place = format!("{} rows of {} units, {hidden} hidden", data.rows(), data.cols());
                    state.rbm.validate().unwrap_or_else(|e| panic!("{place}: {e}"));
                    assert!(pseudo_likelihood(&state.rbm, data, 100).is_finite(), "{place}");
                    let plan = AnnealSettings { chains: 2, betas: linear_ladder(3), seed: 1 };
                    let params = backend.upload_params(&state.rbm, None).unwrap();
                    let base = base_bias(&smoothed_means(data));
                    let found = anneal(backend, &state.rbm, &params, &base, &plan, &mut Silent).unwrap();
                    assert!(found.log_z.value.is_finite(), "{place}");
                    let plan = sample::Settings { samples: 1, chains: 9, thermalise: 0, every: 1, flip: true, seed: 1 };
                    assert_eq!(sample(backend, &state.rbm, &plan, None, &mut Silent).unwrap().rows(), 1, "{place}");
                }
            }
        }
    }
}

#[test]
fn settings_that_cannot_be_are_refused_before_memory_is_taken() {
    let data = states(20, 8, 1);
    let good = settings(Algorithm::Pcd);
    let refused = |settings: Settings, data: &BitMatrix, hidden: usize, says: &str| {
        let error = gibbsite::internals::train::check(&settings, data, hidden).unwrap_err();
        assert!(matches!(error, Error::Input(_)) && error.to_string().contains(says), "{error}");
    };
    refused(Settings { batch: 0, ..good.clone() }, &data, 4, "between 1 and 20");
    refused(Settings { batch: 21, ..good.clone() }, &data, 4, "between 1 and 20");
    refused(Settings { chains: 0, ..good.clone() }, &data, 4, "0 chains");
    refused(Settings { chains: usize::MAX, ..good.clone() }, &data, 4, "chains");
    refused(Settings { gibbs_steps: 0, ..good.clone() }, &data, 4, "0 Gibbs steps");
    refused(Settings { updates: u64::MAX, ..good.clone() }, &data, 4, "18446744073709551615 updates");
    for bad in [f64::NAN, f64::INFINITY, -0.1, 1e-320, 1e308] {
        refused(Settings { learning_rate: bad, ..good.clone() }, &data, 4, "learning rate");
    }
    for bad in [f64::NAN, f64::NEG_INFINITY, -0.1, 1e308] {
        refused(Settings { bias_rate: bad, ..good.clone() }, &data, 4, "bias rate");
        refused(Settings { offset_rate: bad, ..good.clone() }, &data, 4, "offset rate");
        assert!(gibbsite::internals::train::limits::check_start(&Start { weight_scale: bad, anchor: 0.0 }).is_err());
        assert!(gibbsite::internals::train::limits::check_start(&Start { weight_scale: 0.01, anchor: bad }).is_err());
    }
    refused(good.clone(), &data, 0, "hidden");
    refused(good.clone(), &data, usize::MAX, "hidden");
    refused(good.clone(), &BitMatrix::zeros(0, 8), 4, "0 rows");
    refused(good.clone(), &BitMatrix::zeros(8, 0), 4, "0 units");
    let state = initial_state(initial_machine(&data, 4, 0.01, 1), &data, &good);
    let error = Trainer::new(&Cpu, &good, &states(20, 9, 1), &state).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("9 units, the model 8"), "{error}");

    let rbm = machine(8, 4, 1.0, 1);
    let plan = sample::Settings { samples: 10, chains: 10, thermalise: 0, every: 1, flip: false, seed: 1 };
    for bad in [
        sample::Settings { samples: 0, ..plan.clone() },
        sample::Settings { chains: 0, ..plan.clone() },
        sample::Settings { every: 0, ..plan.clone() },
        sample::Settings { samples: usize::MAX, ..plan.clone() },
        sample::Settings { samples: usize::MAX, chains: usize::MAX, ..plan.clone() },
        sample::Settings { samples: 1 << 32, chains: 1 << 32, ..plan.clone() },
        sample::Settings { samples: 1 << 20, chains: 1, every: 1 << 20, ..plan.clone() },
    ] {
        let error = sample(&Cpu, &rbm, &bad, None, &mut Silent).unwrap_err();
        assert!(matches!(error, Error::Input(_)), "{bad:?}: {error}");
    }
    let params = Cpu.upload_params(&rbm, None).unwrap();
    for (chains, betas) in [(0, 5), (1, 5), (usize::MAX, 5), (9, 0)] {
        let plan = AnnealSettings { chains, betas: linear_ladder(betas), seed: 1 };
        let error = anneal(&Cpu, &rbm, &params, &[0.0; 8], &plan, &mut Silent).unwrap_err();
        assert!(matches!(error, Error::Input(_)), "{chains} chains, {betas} steps: {error}");
    }
}

on_both! {
    fn a_model_with_a_nan_is_refused_by_name(backend) {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..3 {
                let mut rbm = machine(8, 4, 1.0, 1);
                let (name, tensor) = [
                    ("weights", &mut rbm.weights), ("visible_bias", &mut rbm.visible_bias), ("hidden_bias", &mut rbm.hidden_bias),
                ].into_iter().nth(place).unwrap();
                tensor[3] = bad;
                let message = backend.upload_params(&rbm, None).map(|_| ()).unwrap_err().to_string();
                assert!(message.contains(name) && message.contains("index 3"), "{message}");
            }
        }
    }
}

#[test]
fn a_model_with_a_nan_is_not_written_and_gives_no_couplings() {
    let dir = tempfile::tempdir().unwrap();
    let mut rbm = machine(8, 4, 1.0, 1);
    rbm.weights[9] = f32::NAN;
    let path = dir.path().join("m.safetensors");
    assert!(write_model(&path, &Model { rbm: rbm.clone(), meta: ModelMeta::default() }).is_err());
    assert!(!path.exists());
    let error = couplings::spin(&rbm, &[1, 2], None).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("weights"), "{error}");
}

/// Weights of a thousand: units are decided, free energies are the sums of |x|, nothing overflows.
fn saturated() -> Rbm {
    let mut rbm = machine(9, 6, 1000.0, 3);
    rbm.hidden_bias.iter_mut().for_each(|c| *c *= 1000.0);
    rbm
}

on_both! {
    fn saturated_weights_give_right_numbers(backend) {
        let rbm = saturated();
        let rows = states(31, 9, 2);
        let params = backend.upload_params(&rbm, None).unwrap();
        let held = backend.upload_states(&rows).unwrap();
        for (r, found) in backend.read_free_energies(&params, &held).unwrap().into_iter().enumerate() {
            let expected = rbm.free_energy(&rows, r);
            // Ten roundings of sums below 10⁴ each.
            assert!((found - expected).abs() < 10.0 * 1e4 * f64::from(f32::EPSILON), "row {r}: {found}, {expected}");
        }
        let mut moments = backend.new_moments(&params).unwrap();
        backend.accumulate_moments(&params, &held, Phase::Data, &mut moments);
        let found = backend.read_moments(&moments).unwrap();
        assert!(found.products.iter().chain(&found.hidden).all(|m| (0.0..=1.0 + 1e-6).contains(m)), "{found:?}");
        let mut chains = backend.upload_states(&rows).unwrap();
        backend.gibbs(&params, &mut chains, Address::new(1), 0..5);
        backend.flip_move(&params, &mut chains, Address::new(1), 5);
        assert_eq!(backend.read_states(&chains).unwrap().rows(), 31);
        let plan = AnnealSettings { chains: 20, betas: linear_ladder(50), seed: 1 };
        let found = anneal(backend, &rbm, &params, &[0.0; 9], &plan, &mut Silent).unwrap();
        assert!(found.log_z.value.is_finite(), "{found:?}");
    }
}

#[test]
fn saturated_weights_have_an_exact_partition_function_and_couplings() {
    let rbm = saturated();
    let largest = (0..1usize << 9)
        .map(|s| -rbm.free_energy(&BitMatrix::from_fn(1, 9, |_, j| s >> j & 1 == 1), 0))
        .fold(f64::NEG_INFINITY, f64::max);
    let found = exact_log_z(&rbm, 25).unwrap();
    assert!(found >= largest && found < largest + 9.0 * std::f64::consts::LN_2, "{found}, largest term {largest}");
    for pairs in [couplings::spin(&rbm, &[1, 2, 3], None), couplings::binary(&rbm, &[1, 2, 3], None)] {
        // Either numbers or words, but no NaN.
        let pairs = pairs.map(|c| format!("{c:?}"));
        assert!(pairs.as_ref().is_ok_and(|text| !text.contains("NaN") && !text.contains("inf")), "{pairs:?}");
    }
}

#[test]
fn statistics_of_nearly_nothing_are_defined() {
    let one = BitMatrix::zeros(1, 5);
    assert_eq!(plug_in_entropy(&one), 0.0);
    assert!(smoothed_means(&one).iter().all(|&m| m > 0.0 && m < 1.0));
    assert!(pseudo_likelihood(&Rbm::zeros(5, 2), &one, 0).abs() < 1e-12);
    assert!((pseudo_likelihood(&Rbm::zeros(5, 2), &one, 9) + 5.0 * std::f64::consts::LN_2).abs() < 1e-12);
}

fn stage(algorithm: Algorithm, learning_rate: f64, metrics: u64, place: &std::path::Path) -> Result<Trained, Error> {
    let mut plan = stage_plan(learning_rate, metrics);
    plan.settings.algorithm = algorithm;
    stage_of(&plan, place, &mut Silent)
}

fn stage_plan(learning_rate: f64, metrics: u64) -> TrainPlan {
    let settings = Settings {
        batch: 10,
        chains: 10,
        updates: 400,
        learning_rate,
        descent: Descent::Momentum { momentum: 0.9 },
        centred: false,
        ..settings(Algorithm::Cd)
    };
    let start = Start { weight_scale: 0.01, anchor: 0.0 };
    TrainPlan { metrics, checkpoints: 4, ..TrainPlan::new(settings, 6, start) }
}

fn stage_of(plan: &TrainPlan, place: &std::path::Path, listener: &mut dyn Listener) -> Result<Trained, Error> {
    let split = Split { train: states(50, 9, 4), held_out: None };
    let store = CheckpointStore::new(place.join("checkpoints"), 2);
    let inputs =
        TrainInputs { plan, split: &split, exact: None, checkpoints: &store, resume: false, each: None, start: None };
    train(&Cpu, inputs, listener, &mut |_| Ok(()))
}

/// A rate beyond all bounds: the error names the update, and no checkpoint holds the ruin.
#[test]
fn a_training_that_runs_away_says_where() {
    for (algorithm, metrics) in [(Algorithm::Cd, 0), (Algorithm::Cd, 8), (Algorithm::MeanField, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let error = stage(algorithm, 1000.0, metrics, dir.path()).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Numerics(_)), "{error:?}");
        assert_eq!(error.exit_code(), 1);
        let message = error.to_string();
        assert!(message.contains("training, update") && message.contains("learning_rate"), "{message}");
        let kept = CheckpointStore::new(dir.path().join("checkpoints"), 2);
        assert!(kept.list().unwrap().is_empty(), "a checkpoint of numbers that mean nothing");
    }
    assert!(stage(Algorithm::Cd, 0.1, 8, tempfile::tempdir().unwrap().path()).is_ok());
}

/// A training that diverges ends so however often it is measured, with and without chains of its own, and between metrics
/// and checkpoints it is looked at every 500 updates.
#[test]
fn what_ends_a_training_does_not_depend_on_how_often_it_is_measured() {
    let ends = |algorithm, updates, metrics| {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = stage_plan(100.0, metrics);
        plan.settings = Settings { algorithm, updates, gibbs_steps: 1, ..plan.settings };
        plan.settings.descent = Descent::Momentum { momentum: 0.99 };
        plan.checkpoints = 1;
        let error = stage_of(&plan, dir.path(), &mut Silent).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Numerics(_)) && error.to_string().contains("has diverged"), "{error}");
        error.to_string()
    };
    for (algorithm, updates, at) in [
        (Algorithm::Pcd, 400, "training, update 400"),
        (Algorithm::Pcd, 1200, "training, update 500"),
        (Algorithm::Cd, 400, "training, update 400"),
        (Algorithm::MeanField, 400, "training, update 400"),
    ] {
        let unmeasured = ends(algorithm, updates, 0);
        assert!(unmeasured.contains(at), "{algorithm:?}: {unmeasured}");
        for metrics in [1, 5, 10] {
            assert_eq!(ends(algorithm, updates, metrics), unmeasured, "{algorithm:?}, {metrics} metrics");
        }
    }
}

struct Warnings(Vec<String>);

impl Listener for Warnings {
    fn event(&mut self, event: Event) {
        if let Event::Warning(text) = event {
            self.0.push(text);
        }
    }
}

/// Numbers that are finite and mean nothing: the chains tell, the last checkpoint before that stays.
#[test]
fn a_training_that_diverges_keeps_its_last_good_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = stage_plan(3.0, 0);
    plan.settings.algorithm = Algorithm::Pcd;
    plan.settings.gibbs_steps = 1;
    plan.settings.descent = Descent::Momentum { momentum: 0.99 };
    plan.checkpoints = 400;
    let error = stage_of(&plan, dir.path(), &mut Silent).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Numerics(_)), "{error:?}");
    let message = error.to_string();
    let newest = CheckpointStore::new(dir.path().join("checkpoints"), 2).list().unwrap().pop().unwrap();
    for part in [
        "has diverged",
        "its largest parameter, the ",
        "training, update ",
        "lower learning_rate (3 now, 0.75 for example)",
        &format!("the checkpoint of update {} in", newest.0),
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let good = gibbsite::internals::artifact::read_checkpoint(&newest.1).unwrap();
    assert!(message.contains(&format!("training, update {}", good.update + 1)), "{message}");
    // Whoever wants to see it run away may.
    plan.keep_going = true;
    plan.checkpoints = 4;
    let mut warnings = Warnings(Vec::new());
    assert_eq!(stage_of(&plan, dir.path(), &mut warnings).unwrap().updates, 400);
    assert!(warnings.0.iter().any(|text| text.contains("going on all the same")), "{:?}", warnings.0);
    assert!(warnings.0.iter().any(|text| text.contains("earlier training")), "{:?}", warnings.0);
}
