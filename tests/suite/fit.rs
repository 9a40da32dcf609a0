//! Trainings of which nothing is said: what held-out rows decide, and what it is worth.

use gibbsite::internals::artifact::CheckpointStore;
use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::{Event, Listener, Silent};
use gibbsite::internals::run::train::{Split, TrainInputs, Trained, split, train};
use gibbsite::internals::train::{Algorithm, Optimizer, Schedule};
use gibbsite::settings::{About, ModelSettings, TrainSettings};
use gibbsite::{Error, Result};

use crate::cli::Place;
use crate::statistics::draw;

const UNITS: usize = 9;

/// Probabilities of the states of a chain of units in which each is like the one before it with probability 0.85, and
/// the first is 1 with probability 0.3, by its definition.
fn chain() -> Vec<f64> {
    let bit = |state: usize, j: usize| state >> j & 1 == 1;
    let of = |state: usize| {
        let first = if bit(state, 0) { 0.3 } else { 0.7 };
        (1..UNITS).fold(first, |p, j| p * if bit(state, j) == bit(state, j - 1) { 0.85 } else { 0.15 })
    };
    (0..1 << UNITS).map(of).collect()
}

fn about(rows: usize, units: usize) -> About {
    About { rows: Some(rows), n_visible: Some(units), lattice: None }
}

/// A training with few updates of few chains.
fn little() -> TrainSettings {
    TrainSettings {
        chains: Some(50),
        batch: Some(50),
        gibbs_steps: Some(1),
        fit: Some(true),
        ..TrainSettings::default()
    }
}

fn go(said: &TrainSettings, rows: &Split, store: &CheckpointStore, listener: &mut dyn Listener) -> Result<Trained> {
    let model = ModelSettings { hidden: Some(8), ..ModelSettings::default() };
    let all = rows.train.rows() + rows.held_out.as_ref().map_or(0, BitMatrix::rows);
    let plan = said.resolve(&model, &about(all, rows.train.cols()), 3).unwrap();
    assert!(plan.fit.is_some(), "an automatic training");
    let inputs = TrainInputs {
        plan: &plan,
        split: rows,
        exact: None,
        checkpoints: store,
        resume: true,
        each: None,
        start: None,
    };
    train(&Cpu, inputs, listener, &mut |_| Ok(()))
}

/// Fresh rows under the machine of a default training lie within a twentieth of a nat of their own distribution, which no
/// machine surpasses, and far above independent units; what is said of held-out rows is true within its error.
#[test]
fn nothing_said_comes_close_to_the_truth() {
    let p = chain();
    let place = Place::new();
    let table = |rows: &BitMatrix| -> String {
        let line = |r: usize| (0..UNITS).map(|j| if rows.get(r, j) { "1" } else { "0" }).collect::<Vec<_>>().join(",");
        (0..rows.rows()).map(|r| line(r) + "\n").collect()
    };
    place.put("rows.csv", table(&draw(&p, UNITS, 3000, "rows")));
    place.put("fresh.csv", table(&draw(&p, UNITS, 3000, "fresh")));
    let record = place.json("train rows.csv --fit -o m.safetensors --threads 1");
    let fit = &record["fit"];
    assert_eq!((fit["refitted"].as_bool(), fit["held_out_rows"].as_u64()), (Some(true), Some(300)));
    assert!(fit["tried"].as_array().unwrap().len() >= 2, "{fit}");
    let found = place.json("likelihood m.safetensors fresh.csv --threads 1");
    let exact = &found["log_likelihood"]["data"]["exact"];
    let (value, error) = (exact["value"].as_f64().unwrap(), exact["error_rows"].as_f64().unwrap());
    // The entropy, and what independent units with the right means lose: the mutual information of the chain.
    let truth: f64 = p.iter().map(|p| p * p.ln()).sum();
    assert!(value < truth + 4.0 * error && value > truth - 0.05 - 4.0 * error, "{value} ± {error} for {truth}");
    let held_out = &record["held_out_log_likelihood"];
    let (value, error) = (held_out["value"].as_f64().unwrap(), held_out["error"].as_f64().unwrap());
    assert!((value - truth).abs() < 0.1 + 4.0 * error, "{value} ± {error} for {truth}");
    let independent = fit["baselines"]["independent"]["value"].as_f64().unwrap();
    assert!(value - independent > 1.0, "{value} against {independent}");
    // The distribution is a tree.
    let tree = fit["baselines"]["tree"]["value"].as_f64().unwrap();
    assert!((value - tree).abs() < 0.1, "{value} against {tree}");
    let model = std::fs::read(place.path("m.safetensors")).unwrap();
    assert!(String::from_utf8_lossy(&model).contains("plateau"), "the file says how it was made");
    assert!(
        !place.path("m.safetensors.checkpoints").exists()
            || place.run("train rows.csv --fit -o m.safetensors --threads 1 --resume").code == Some(0)
    );
}

/// Asks to stop at every so many looks at progress.
struct StopAfter(u32, u32);

impl Listener for StopAfter {
    fn event(&mut self, event: Event) {
        self.0 += u32::from(matches!(event, Event::Progress { stage: "train", .. }));
    }

    fn stop_requested(&self) -> Option<i32> {
        (self.0 >= self.1).then_some(15)
    }
}

/// Stopped again and again, in every part of it, it makes the same machine to the bit and leaves nothing of its parts; so
/// it does without a directory.
#[test]
fn a_stopped_fit_goes_on_as_if_it_had_not_been() {
    let dir = tempfile::tempdir().unwrap();
    let store = |name: &str| CheckpointStore::new(dir.path().join(name), 2);
    let rows = split(draw(&chain(), UNITS, 200, "few"), 40, 1);
    let whole = go(&little(), &rows, &store("whole"), &mut Silent).unwrap();
    let mut stops = 0;
    let parts = loop {
        match go(&little(), &rows, &store("parts"), &mut StopAfter(0, 7)) {
            Err(Error::Stopped(15)) => stops += 1,
            other => break other.unwrap(),
        }
    };
    assert!(stops > 3, "{stops} stops");
    assert_eq!((parts.updates, &parts.plan.settings), (whole.updates, &whole.plan.settings), "{stops} stops");
    assert!(parts.rbm == whole.rbm && parts.chains == whole.chains, "{stops} stops");
    assert_eq!(parts.last.held_out_log_likelihood, whole.last.held_out_log_likelihood);
    let nowhere = go(&little(), &rows, &CheckpointStore::nowhere(), &mut Silent).unwrap();
    assert!(nowhere.rbm == whole.rbm, "without a directory");
    assert!(!store("whole").holds_any().unwrap(), "nothing is left of its parts");
}

/// What is said is the same in everything that is tried, and what ends a training ends it as it is.
#[test]
fn what_is_said_is_kept() {
    let model = ModelSettings::default();
    let of = |said: TrainSettings| {
        TrainSettings { fit: said.fit.or(Some(true)), ..said }.resolve(&model, &about(500, 40), 1).unwrap()
    };
    let fit = of(TrainSettings::default()).fit.unwrap();
    assert_eq!(fit.candidates.len(), 2);
    for one in &fit.candidates {
        assert_eq!((one.plan.n_hidden, one.plan.settings.schedule), (64, Schedule::Constant));
        assert!(one.plan.settle && one.plan.settings.average > 0.0);
    }
    let sgd =
        of(TrainSettings { optimizer: Some(Optimizer::Sgd), l1: Some(0.25), ..TrainSettings::default() }).fit.unwrap();
    assert!(sgd.candidates.iter().all(|one| !one.plan.settings.descent.is_adaptive()), "{sgd:?}");
    assert!(sgd.candidates.iter().all(|one| one.plan.settings.penalties.l1 == 0.25));
    let rate = of(TrainSettings { learning_rate: Some(0.125), ..TrainSettings::default() }).fit.unwrap();
    assert!(rate.candidates.iter().all(|one| one.plan.settings.learning_rate == 0.125));
    let along =
        TrainSettings { algorithm: Some(Algorithm::Trajectory), momentum: Some(0.5), ..TrainSettings::default() };
    let along = of(along).fit.unwrap();
    assert!(along.candidates.iter().all(|one| one.plan.settings.algorithm == Algorithm::Trajectory));
    for plain in [
        TrainSettings { fit: Some(false), ..TrainSettings::default() },
        TrainSettings { updates: Some(100), ..TrainSettings::default() },
        TrainSettings { epochs: Some(2), ..TrainSettings::default() },
        TrainSettings { patience: Some(3), ..TrainSettings::default() },
        TrainSettings { schedule: Some(Schedule::Linear), ..TrainSettings::default() },
        TrainSettings { held_out: Some(gibbsite::settings::HeldOut::Fraction(0.0)), ..TrainSettings::default() },
        TrainSettings { algorithm: Some(Algorithm::Cd), ..TrainSettings::default() },
    ] {
        assert!(of(plain.clone()).fit.is_none(), "{plain:?}");
    }
    assert_eq!(of(TrainSettings { fit: Some(false), ..TrainSettings::default() }).settings.average, 0.0);
}

/// A machine that independent units or a tree surpass is no success: here a penalty kills all weights.
#[test]
fn a_machine_that_loses_to_a_tree_is_told() {
    struct Told(Vec<String>);
    impl Listener for Told {
        fn event(&mut self, event: Event) {
            if let Event::Warning(text) = event {
                self.0.push(text);
            }
        }
    }
    let rows = split(draw(&chain(), UNITS, 400, "lost"), 100, 1);
    let (mut dead, mut well) = (Told(Vec::new()), Told(Vec::new()));
    go(&TrainSettings { l1: Some(1.0), ..little() }, &rows, &CheckpointStore::nowhere(), &mut dead).unwrap();
    assert!(dead.0.iter().any(|text| text.contains("likelier under a tree")), "{:?}", dead.0);
    go(&little(), &rows, &CheckpointStore::nowhere(), &mut well).unwrap();
    assert!(!well.0.iter().any(|text| text.contains("independent units")), "{:?}", well.0);
}
