//! Half and half make the whole: trainings that were stopped go on as if nothing had happened, to the last bit.

use gibbsite::Error;
use gibbsite::internals::artifact::CheckpointStore;
use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Backend, Descent, Penalties, Sparsity};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::{Event, Listener, Silent};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::record::TrainMetric;
use gibbsite::internals::run::train::{Split, TrainInputs, TrainPlan, Trained, split, train};
use gibbsite::internals::sample::Moves;
use gibbsite::internals::train::{Algorithm, Schedule, Settings, Start};

use crate::parity::{on_both, states};

fn plan(algorithm: Algorithm) -> TrainPlan {
    let settings = Settings {
        algorithm,
        gibbs_steps: 2,
        chains: 40,
        batch: 30,
        updates: 60,
        learning_rate: 0.2,
        schedule: Schedule::Cosine,
        descent: Descent::Momentum { momentum: 0.5 },
        penalties: Penalties { weight_decay: 1e-3, ..Penalties::default() },
        centred: true,
        bias_rate: 0.5,
        offset_rate: 0.1,
        flip: true,
        translations: Some(Lattice::Chain { length: 33 }),
        augment: Moves::NONE,
        rungs: 4,
        online: 64,
        average: 0.05,
        seed: 8,
    };
    let start = Start { weight_scale: 0.3, anchor: 2.0 };
    TrainPlan { metrics: 6, checkpoints: 3, ..TrainPlan::new(settings, 12, start) }
}

fn rows() -> Split {
    let noise = states(200, 33, 6);
    let data = BitMatrix::from_fn(200, 33, |r, j| noise.get(r, if j % 3 == 0 { 0 } else { j }));
    split(data, 20, 1)
}

/// Asks to stop once a training has reached an update.
struct StopAt(u64, bool);

impl Listener for StopAt {
    fn event(&mut self, event: Event) {
        if let Event::Progress { stage: "train", done, .. } = event {
            self.1 |= done >= self.0;
        }
    }

    fn stop_requested(&self) -> Option<i32> {
        self.1.then_some(15)
    }
}

fn go<B: Backend>(
    backend: &B,
    plan: &TrainPlan,
    store: &CheckpointStore,
    resume: bool,
    listener: &mut dyn Listener,
) -> (Result<Trained, Error>, Vec<TrainMetric>) {
    let (split, mut metrics) = (rows(), Vec::new());
    let inputs = TrainInputs { plan, split: &split, exact: None, checkpoints: store, resume, each: None, start: None };
    let outcome = train(backend, inputs, listener, &mut |metric| {
        metrics.push(metric);
        Ok(())
    });
    (outcome, metrics)
}

on_both! {
    fn a_stopped_training_goes_on_as_if_it_had_not_been(backend) {
        for algorithm in [Algorithm::Cd, Algorithm::MeanField, Algorithm::Pcd, Algorithm::Pt, Algorithm::Trajectory] {
            let dir = tempfile::tempdir().unwrap();
            let store = |name: &str| CheckpointStore::new(dir.path().join(name), 2);
            let plan = plan(algorithm);
            let (whole, all) = go(backend, &plan, &store("whole"), false, &mut Silent);
            let whole = whole.unwrap();
            // Stopped twice, at updates that are no stops of their own.
            let mut metrics: Vec<TrainMetric> = Vec::new();
            for (at, resume) in [(13, false), (37, true)] {
                let (outcome, more) = go(backend, &plan, &store("parts"), resume, &mut StopAt(at, false));
                assert_eq!(outcome.map(|_| ()), Err(Error::Stopped(15)));
                metrics.extend(more);
            }
            let (end, more) = go(backend, &plan, &store("parts"), true, &mut Silent);
            let end = end.unwrap();
            metrics.extend(more);
            // Those of the checkpoint come again, and must be the same then.
            metrics.dedup();
            assert_eq!(Some(&end.last), all.last());
            assert!(end.rbm == whole.rbm && end.chains == whole.chains, "{algorithm:?}: parameters or chains differ");
            assert_eq!(end.updates, 60);
            assert_eq!(metrics, all, "{algorithm:?}: metrics of the parts and of the whole");
        }
    }
}

on_both! {
    /// Second moments are part of a checkpoint.
    fn a_stopped_training_of_every_optimiser_goes_on(backend) {
        let adam = Descent::Adam { momentum: 0.9, square_decay: 0.99, epsilon: 1e-8 };
        let rms = Descent::RmsProp { square_decay: 0.9, epsilon: 1e-3, scale: 1.0 };
        let penalties = Penalties { weight_decay: 1e-3, l1: 1e-3, max_norm: Some(1.5), clip: Some(0.1), sparsity: Some(Sparsity { target: 0.2, cost: 0.1 }) };
        for (learning_rate, descent) in [(0.2, Descent::Nesterov { momentum: 0.8 }), (0.02, adam), (0.02, rms)] {
            let dir = tempfile::tempdir().unwrap();
            let store = |name: &str| CheckpointStore::new(dir.path().join(name), 2);
            let schedule = Schedule::Steps { every: 20, factor: 0.5 };
            let mut plan = plan(Algorithm::Pcd);
            // Rows are moved at random addresses, too, and the mean of all machines goes on.
            let augment = Moves { flip: true, ..Moves::NONE };
            plan.settings = Settings { learning_rate, descent, penalties, schedule, augment, average: 0.1, ..plan.settings };
            let whole = go(backend, &plan, &store("whole"), false, &mut Silent).0.unwrap();
            let stopped = go(backend, &plan, &store("parts"), false, &mut StopAt(25, false)).0;
            assert_eq!(stopped.map(|_| ()), Err(Error::Stopped(15)));
            let end = go(backend, &plan, &store("parts"), true, &mut Silent).0.unwrap();
            assert!(end.rbm == whole.rbm && end.chains == whole.chains, "{descent:?}");
        }
    }
}

/// Few noisy rows and many hidden units: what is learned after a while is the noise of the training rows.
#[test]
fn patience_keeps_the_machine_that_was_best_on_held_out_rows() {
    let dir = tempfile::tempdir().unwrap();
    let store = |name: &str| CheckpointStore::new(dir.path().join(name), 2);
    let mut plan = plan(Algorithm::Pcd);
    let penalties = Penalties::default();
    plan.settings = Settings {
        updates: 3000,
        learning_rate: 0.02,
        schedule: Schedule::Constant,
        penalties,
        flip: false,
        translations: None,
        ..plan.settings
    };
    plan = TrainPlan { n_hidden: 12, metrics: 150, checkpoints: 7, patience: Some(5), ..plan };
    let (whole, all) = go(&Cpu, &plan, &store("whole"), false, &mut Silent);
    let whole = whole.unwrap();
    let stop = whole.early_stop.unwrap();
    assert!(stop.stopped_at < 3000 && stop.best_update + 100 <= stop.stopped_at && stop.best_update > 40, "{stop:?}");
    let value = |m: &TrainMetric| m.held_out_log_likelihood.unwrap().value;
    let best = all.iter().max_by(|a, b| value(a).total_cmp(&value(b))).unwrap();
    assert_eq!(
        (whole.updates, best.update, all.last().unwrap().update),
        (stop.best_update, stop.best_update, stop.stopped_at)
    );
    assert_eq!(whole.last.update, best.update);
    // The machine is that of a training which ends there.
    let mut short = plan.clone();
    short.settings.updates = stop.best_update;
    short.patience = None;
    let ended = go(&Cpu, &short, &store("short"), false, &mut Silent).0.unwrap();
    assert!(ended.rbm == whole.rbm && ended.chains == whole.chains);
    // Stopped before and after the best metric, it goes on to the same end.
    for (at, resume) in [(stop.best_update - 30, false), (stop.best_update + 30, true)] {
        assert!(go(&Cpu, &plan, &store("parts"), resume, &mut StopAt(at, false)).0.is_err());
    }
    let end = go(&Cpu, &plan, &store("parts"), true, &mut Silent).0.unwrap();
    assert!(end.rbm == whole.rbm && end.chains == whole.chains && end.early_stop == whole.early_stop);
    assert_eq!(end.last, whole.last);
    for wrong in [TrainPlan { metrics: 0, ..plan.clone() }, TrainPlan { patience: Some(0), ..plan.clone() }] {
        assert!(matches!(go(&Cpu, &wrong, &store("wrong"), false, &mut Silent).0, Err(Error::Input(_))));
    }
}

/// Killed without notice: what counts is the last checkpoint, and a torn file beside it is passed over.
#[test]
fn a_killed_training_goes_on_from_its_last_good_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(Algorithm::Pcd);
    let store = |name: &str| CheckpointStore::new(dir.path().join(name), 2);
    let whole = go(&Cpu, &plan, &store("whole"), false, &mut Silent).0.unwrap();
    let (_, mut files) =
        (go(&Cpu, &plan, &store("parts"), false, &mut StopAt(45, false)), store("parts").list().unwrap());
    let (last, path) = files.pop().unwrap();
    assert!(last >= 45 && files.last().unwrap().0 == 40, "checkpoints at {last} and {files:?}");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let end = go(&Cpu, &plan, &store("parts"), true, &mut Silent).0.unwrap();
    assert!(end.rbm == whole.rbm && end.chains == whole.chains);
}

#[test]
fn a_training_never_goes_on_with_other_settings_or_data() {
    let dir = tempfile::tempdir().unwrap();
    let store = CheckpointStore::new(dir.path().join("c"), 2);
    let good = plan(Algorithm::Pcd);
    assert!(go(&Cpu, &good, &store, false, &mut StopAt(20, false)).0.is_err());
    let mut others = vec![good.clone(); 6];
    others[0].settings.learning_rate = 0.3;
    others[1].settings.seed = 9;
    others[2].n_hidden = 21;
    others[3].settings.updates = 61;
    others[4].settings.flip = false;
    others[5].start.anchor = 3.0;
    for other in &others {
        let error = go(&Cpu, other, &store, true, &mut Silent).0.map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Checkpoint(_)), "{error}");
    }
    // How often it is looked at is no part of the training.
    let looked = TrainPlan { metrics: 2, checkpoints: 5, ..good };
    assert!(go(&Cpu, &looked, &store, true, &mut Silent).0.is_ok());
}

/// Loses the device at an update, once.
struct LoseAt<'a> {
    update: u64,
    gpu: Option<&'a gibbsite::internals::backend::gpu::Gpu>,
    warnings: Vec<String>,
}

impl Listener for LoseAt<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Progress { stage: "train", done, .. } if done >= self.update => {
                if let Some(gpu) = self.gpu.take() {
                    gpu.give_up();
                }
            }
            Event::Warning(text) => self.warnings.push(text),
            _ => {}
        }
    }
}

#[test]
fn a_training_whose_device_is_lost_goes_on_from_its_checkpoint() {
    use gibbsite::internals::backend::gpu::{Gpu, Selection};
    use gibbsite::internals::run::train::train_through_failures;
    let shared = crate::parity::gpu_or_ignored!();
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(Algorithm::Pcd);
    let store = |name: &str| CheckpointStore::new(dir.path().join(name), 2);
    let whole = go(shared, &plan, &store("whole"), false, &mut Silent).0.unwrap();
    let open = || Gpu::new(&Selection { allow_software: true, ..Selection::default() }).unwrap();
    let lost = |update: u64, name: &str| {
        let (split, checkpoints, doomed) = (rows(), store(name), open());
        let mut listener = LoseAt { update, gpu: Some(&doomed), warnings: Vec::new() };
        let inputs = TrainInputs {
            plan: &plan,
            split: &split,
            exact: None,
            checkpoints: &checkpoints,
            resume: false,
            each: None,
            start: None,
        };
        let mut attempts = 0;
        let outcome = train_through_failures(inputs, &mut listener, |inputs, listener| {
            attempts += 1;
            match attempts {
                1 => train(&doomed, inputs, listener, &mut |_| Ok(())),
                _ => train(&open(), inputs, listener, &mut |_| Ok(())),
            }
        });
        (outcome, attempts, listener.warnings)
    };
    let (outcome, attempts, warnings) = lost(30, "late");
    let outcome = outcome.unwrap();
    assert_eq!((outcome.rbm, outcome.chains), (whole.rbm, whole.chains), "to the last bit");
    assert_eq!(attempts, 2);
    assert!(warnings.iter().any(|text| text.contains("lost") && text.contains("checkpoint")), "{warnings:?}");
    // Before the first checkpoint there is nothing to go on from: the error is the device's.
    let (outcome, attempts, _) = lost(1, "early");
    assert!(matches!(outcome, Err(Error::Device(_))), "{outcome:?}");
    assert_eq!(attempts, 1);
}

/// Two points with every stage; the device goes while the second one trains.
const TWO_POINTS: &str = "(
    version: 1,
    name: \"two\",
    source: Ising(lattice: \"square:4\", samples: 300, replicas: 50, thermalise: 50, every: 2),
    model: (hidden: 12),
    train: (updates: 60, batch: 50, chains: 40, metrics: 3, checkpoints: 6),
    sample: (samples: 200, chains: 50, thermalise: 20, every: 2),
    likelihood: (chains: 50, betas: 30),
    couplings: (orders: [1, 2]),
    sweep: (temperature: [2.0, 3.0]),
)";

/// Loses the device at an update of the training number `training` (a training begins where fewer updates are done).
struct LoseIn<'a> {
    gpu: Option<&'a gibbsite::internals::backend::gpu::Gpu>,
    training: usize,
    update: u64,
    seen: (usize, u64),
    warnings: Vec<String>,
}

impl Listener for LoseIn<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Progress { stage: "train", done, .. } => {
                self.seen = (self.seen.0 + usize::from(done <= self.seen.1 || self.seen.0 == 0), done);
                let now = self.seen.0 == self.training && done >= self.update;
                if let Some(gpu) = self.gpu.take_if(|_| now) {
                    gpu.give_up();
                }
            }
            Event::Warning(text) => self.warnings.push(text),
            _ => {}
        }
    }
}

#[test]
fn a_run_whose_device_is_lost_goes_on_from_what_it_kept() {
    use gibbsite::internals::backend::gpu::{Gpu, Selection};
    use gibbsite::internals::run::device::{DeviceRequest, Job};
    use gibbsite::internals::run::failures::run_through_failures;
    use gibbsite::internals::run::scenario::RunRequest;
    let _shared = crate::parity::gpu_or_ignored!();
    let dir = tempfile::tempdir().unwrap();
    let plan = gibbsite::internals::scenario::parse(TWO_POINTS, "two", dir.path(), &Default::default()).unwrap();
    let open = || Gpu::new(&Selection { allow_software: true, ..Selection::default() }).unwrap();
    let run = |name: &str, training: usize, update: u64| {
        let request = RunRequest {
            out: dir.path().join(name),
            resume: false,
            force: false,
            device: DeviceRequest::default(),
            command: Vec::new(),
        };
        let doomed = open();
        let gpu = (training > 0).then_some(&doomed);
        let mut listener = LoseIn { gpu, training, update, seen: (0, 0), warnings: Vec::new() };
        let mut attempts = 0;
        let outcome = run_through_failures(&plan, &request, &mut listener, |attempt| {
            attempts += 1;
            if attempts == 1 { attempt.run(&doomed) } else { attempt.run(&open()) }
        });
        let model = |t: &str| {
            let place = request.out.join(format!("temperature={t}")).join("model.safetensors");
            gibbsite::internals::data::read_model(&place).ok().map(|model| model.rbm)
        };
        (outcome.map(|_| ()), attempts, listener.warnings, ["2", "3"].map(model))
    };
    let (outcome, attempts, _, whole) = run("whole", 0, 0);
    assert_eq!((outcome, attempts), (Ok(()), 1));
    let (outcome, attempts, warnings, models) = run("lost", 2, 30);
    assert_eq!((outcome, attempts), (Ok(()), 2), "{warnings:?}");
    assert!(warnings.iter().any(|text| text.contains("lost") && text.contains("kept")), "{warnings:?}");
    assert!(models == whole && whole.iter().all(Option::is_some), "to the last bit");
    // Nothing was kept yet: the error is the device's.
    let (outcome, attempts, _, _) = run("early", 1, 1);
    assert!(matches!(outcome, Err(Error::Device(_))) && attempts == 1, "{outcome:?}");
}
