//! The training stage: segments between metrics and checkpoints, with nothing read back inside a segment.

mod watch;

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde::Serialize;

pub(super) use self::watch::METRIC_ROWS;
use self::watch::Watch;
pub use self::watch::tempering;
use crate::artifact::{Checkpoint, CheckpointStore};
use crate::backend::{Backend, KernelTime};
use crate::bits::BitMatrix;
use crate::data::{ByteHash, sha256_hex};
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::rbm::Rbm;
use crate::record::{ExactObservables, TrainMetric};
use crate::rng::{Permutation, derive_seed};
use crate::train::{RowSource, Settings, State, Trainer, check, initial_machine, initial_state_of};

/// Rows split into those trained on, in memory or wherever `R` has them, and those kept out.
#[derive(Debug, Clone, PartialEq)]
pub struct Split<R = BitMatrix> {
    /// Rows trained on.
    pub train: R,
    /// Rows kept out, where there are any.
    pub held_out: Option<BitMatrix>,
}

/// Splits rows at random; `kept_out` of them are not trained on. Rows that nobody else holds are ordered where they are.
#[must_use]
pub fn split(mut samples: BitMatrix, kept_out: usize, seed: u64) -> Split {
    let order = Permutation::new(derive_seed(seed, "held-out"), 0, samples.rows() as u32);
    samples.permute_rows(|row| order.row(row as u32) as usize);
    let held_out = (kept_out > 0).then(|| samples.take_rows(kept_out));
    Split { train: samples, held_out }
}

/// What the stage is to do besides the updates themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainPlan {
    /// Settings of the updates.
    pub settings: Settings,
    /// Hidden units.
    pub n_hidden: usize,
    /// Standard deviation of the initial weights.
    pub weight_scale: f64,
    /// How many times the likelihood is measured.
    pub metrics: u64,
    /// How many times a checkpoint is written; besides, one is every ten minutes and on a signal.
    pub checkpoints: u64,
    /// Whether to go on with a warning when the training diverges, as long as its numbers are finite.
    pub keep_going: bool,
}

/// Everything a training works on.
#[derive(Debug)]
pub struct TrainInputs<'a, R = BitMatrix> {
    /// What to do.
    pub plan: &'a TrainPlan,
    /// Rows.
    pub split: &'a Split<R>,
    /// Exact values of the source, where known.
    pub exact: Option<&'a ExactObservables>,
    /// Where checkpoints go.
    pub checkpoints: &'a CheckpointStore,
    /// Whether to go on from the newest checkpoint, if there is one.
    pub resume: bool,
}

impl<R> Clone for TrainInputs<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for TrainInputs<'_, R> {}

/// A finished training.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The machine.
    pub rbm: Rbm,
    /// Persistent chains at the end.
    pub chains: BitMatrix,
    /// The last measured metric.
    pub last: Option<TrainMetric>,
    /// Updates done.
    pub updates: u64,
    /// Updates of this call in a second, metrics and checkpoints not counted.
    pub updates_per_second: f64,
    /// Seconds of updates of this call.
    pub seconds: f64,
    /// Device time of every kernel, where it was measured.
    pub kernels: Vec<KernelTime>,
}

/// Rows that are hashed at a time where they are not in memory.
const HASHED_ROWS: usize = 1 << 16;
/// Seconds between looks at signals and progress.
const LOOK: f64 = 0.2;

/// Hash of what a checkpoint must agree with before a training may go on from it.
///
/// # Errors
/// When the rows cannot be read.
pub fn fingerprint(plan: &TrainPlan, data: &dyn RowSource) -> Result<String> {
    #[derive(Serialize)]
    struct Parts<'a>(String, &'a [usize; 2], String);
    let hash = match data.in_memory() {
        Some(rows) => sha256_hex(bytemuck::cast_slice(rows.words())),
        None => {
            let mut hash = ByteHash::default();
            for first in (0..data.rows()).step_by(HASHED_ROWS) {
                let numbers: Vec<u32> = (first..data.rows().min(first + HASHED_ROWS)).map(|row| row as u32).collect();
                hash.add(bytemuck::cast_slice(data.fetch(&numbers)?.words()));
            }
            hash.hex()
        }
    };
    // How often metrics and checkpoints are taken does not change the training.
    let settings = format!("{:?} {} {}", plan.settings, plan.n_hidden, plan.weight_scale);
    let parts = Parts(settings, &[data.rows(), data.units()], hash);
    Ok(sha256_hex(&serde_json::to_vec(&parts).unwrap_or_default()))
}

/// Longest time between two checkpoints.
const KEEP_EVERY: Duration = Duration::from_mins(10);

/// The checkpoints of a training in progress.
struct Keeper<'a> {
    store: &'a CheckpointStore,
    fingerprint: String,
    seed: u64,
    gibbs_steps: u32,
    /// The newest one of this training, none before the first.
    newest: Cell<Option<u64>>,
    kept_at: Cell<Instant>,
}

impl Keeper<'_> {
    fn is_due(&self) -> bool {
        self.kept_at.get().elapsed() >= KEEP_EVERY
    }

    fn keep(&self, state: State) -> Result<()> {
        let update = state.update;
        let checkpoint = Checkpoint {
            rbm: state.rbm,
            optimiser: state.optimiser,
            chains: state.chains,
            update,
            step: update * u64::from(self.gibbs_steps),
            seed: self.seed,
            fingerprint: self.fingerprint.clone(),
            ladder: state.ladder,
        };
        match self.newest.replace(Some(update)) {
            Some(_) => self.store.save(&checkpoint)?,
            None => self.store.save_first(&checkpoint)?,
        };
        self.kept_at.set(Instant::now());
        Ok(())
    }

    /// Says of a training that diverged what is left of it.
    fn with_last_good(&self, error: Error) -> Error {
        match (error, self.newest.get()) {
            (Error::Numerics(fault), Some(update)) => {
                let advice = fault.advice.clone().unwrap_or_default();
                let kept = format!("the checkpoint of update {update} in {} is good", self.store.path().display());
                Error::Numerics(fault.advice(format!("{advice}; {kept}")))
            }
            (error, _) => error,
        }
    }
}

/// Trains, measures and keeps checkpoints; `emit` takes every metric as soon as it is known, and once more that of the
/// checkpoint from which a training goes on.
///
/// # Errors
/// As [`Trainer::new`] and [`Trainer::state`]; [`Error::Numerics`] when the training diverges, with what is left of it;
/// [`Error::Stopped`] on a signal, after a checkpoint; what `emit` returns.
pub fn train<B: Backend, R: RowSource>(
    backend: &B,
    inputs: TrainInputs<'_, R>,
    listener: &mut dyn Listener,
    emit: &mut dyn FnMut(TrainMetric) -> Result<()>,
) -> Result<Trained> {
    let TrainInputs { plan, split, checkpoints, resume, .. } = inputs;
    let settings = &plan.settings;
    check(settings, &split.train, plan.n_hidden)?;
    checkpoints.tidy();
    let fingerprint = fingerprint(plan, &split.train)?;
    let start = if resume { checkpoints.latest(&fingerprint, listener)? } else { None };
    let keeper = Keeper {
        store: checkpoints,
        fingerprint,
        seed: settings.seed,
        gibbs_steps: settings.gibbs_steps,
        newest: Cell::new(start.as_ref().map(|c| c.update)),
        kept_at: Cell::new(Instant::now()),
    };
    let state = match start {
        Some(c) => {
            listener.event(Event::Info(format!("going on from the checkpoint at update {}", c.update)));
            State { rbm: c.rbm, optimiser: c.optimiser, chains: c.chains, update: c.update, ladder: c.ladder }
        }
        None => {
            if !checkpoints.list()?.is_empty() {
                listener.event(Event::Warning(format!(
                    "{} holds checkpoints of an earlier training, which the first one of this training replaces; to go \
                     on from them, stop now and use --resume",
                    checkpoints.path().display()
                )));
            }
            let machine = initial_machine(&split.train, plan.n_hidden, plan.weight_scale, settings.seed);
            initial_state_of(machine, &split.train, settings)?
        }
    };
    train_from(backend, inputs, state, &keeper, listener, emit).map_err(|error| keeper.with_last_good(error))
}

fn train_from<B: Backend, R: RowSource>(
    backend: &B,
    inputs: TrainInputs<'_, R>,
    state: State,
    keeper: &Keeper<'_>,
    listener: &mut dyn Listener,
    emit: &mut dyn FnMut(TrainMetric) -> Result<()>,
) -> Result<Trained> {
    let TrainInputs { plan, split, exact, .. } = inputs;
    let settings = &plan.settings;
    let first = state.update;
    let mut trainer = Trainer::new(backend, settings, &split.train, &state)?;
    // Two numbers a weight, which the device holds now.
    drop(state);
    if trainer.is_streaming() {
        listener.event(Event::Info("the rows are streamed: the device does not hold all of them".into()));
    }
    let watch = Watch::new(split, exact, plan)?;
    let mut seconds = 0.0;
    let mut chunk = 1u64;
    let mut last = None;
    // A signal may have come between an update and its metric; `emit` is told again of one that it knows.
    if is_stop(first, settings.updates, plan.metrics) {
        let metric = watch.measure(backend, &trainer, &trainer.state()?, settings, listener)?;
        last = Some(metric.clone());
        emit(metric)?;
    }
    while trainer.update_count() < settings.updates {
        let now = trainer.update_count();
        let until =
            next_stop(now, settings.updates, plan.metrics).min(next_stop(now, settings.updates, plan.checkpoints));
        let clock = Instant::now();
        trainer.advance(until.min(now + chunk))?;
        let took = clock.elapsed().as_secs_f64();
        seconds += took;
        // As many updates between looks as take about LOOK seconds.
        let done = trainer.update_count();
        chunk = ((done - now) as f64 * (LOOK / took.max(1e-6)).clamp(0.25, 4.0)).ceil().max(1.0) as u64;
        let signal = listener.stop_requested();
        let measures = signal.is_none() && is_stop(done, settings.updates, plan.metrics);
        let keeps = signal.is_some() || keeper.is_due() || is_stop(done, settings.updates, plan.checkpoints);
        if measures || keeps {
            let state = trainer.state()?;
            if measures {
                let metric = watch.measure(backend, &trainer, &state, settings, listener)?;
                last = Some(metric.clone());
                emit(metric)?;
            } else {
                watch.check(backend, &trainer, &state, settings, listener)?;
            }
            if keeps {
                keeper.keep(state)?;
            }
        }
        if let Some(signal) = signal {
            return Err(Error::Stopped(signal));
        }
        let rate = (done - first) as f64 / seconds.max(1e-9);
        let note = note(last.as_ref(), rate, settings.updates - done);
        listener.event(Event::Progress { stage: "train", done, total: settings.updates, note });
    }
    let state = trainer.state()?;
    let updates_per_second = (state.update - first) as f64 / seconds.max(1e-9);
    let kernels = backend.kernel_times();
    let (rbm, chains, updates) = (state.rbm, state.chains, state.update);
    Ok(Trained { rbm, chains, last, updates, updates_per_second, seconds, kernels })
}

/// Times that a training whose device failed is begun again from its newest checkpoint.
const ATTEMPTS: usize = 3;

/// Runs `attempt`, which trains on a device that it opens and is told whether to go on from a checkpoint. Where the
/// device fails after a checkpoint that this call wrote, it is run again from there; the result is the same.
///
/// # Errors
/// What the last attempt fails with.
pub fn train_through_failures<T, L: Listener, R: RowSource>(
    inputs: TrainInputs<'_, R>,
    listener: &mut L,
    mut attempt: impl FnMut(TrainInputs<'_, R>, &mut L) -> Result<T>,
) -> Result<T> {
    let print = fingerprint(inputs.plan, &inputs.split.train)?;
    let reached = |listener: &mut L| -> Result<Option<u64>> {
        Ok(inputs.checkpoints.latest(&print, listener)?.map(|checkpoint| checkpoint.update))
    };
    let mut before = if inputs.resume { reached(listener)? } else { None };
    let mut resume = inputs.resume;
    for _ in 1..ATTEMPTS {
        let error = match attempt(TrainInputs { resume, ..inputs }, listener) {
            Err(error @ Error::Device(_)) => error,
            other => return other,
        };
        // Without progress the next attempt would fail in the same way.
        let now = reached(listener).unwrap_or_default();
        if now.is_none() || now <= before {
            return Err(error);
        }
        listener.event(Event::Warning(format!("{error}; going on from the newest checkpoint")));
        (before, resume) = (now, true);
    }
    attempt(TrainInputs { resume, ..inputs }, listener)
}

fn note(last: Option<&TrainMetric>, rate: f64, left: u64) -> String {
    let likelihood = match last.and_then(|m| m.log_likelihood) {
        Some(likelihood) => format!("LL {:.3}, ", likelihood.value),
        None => last.and_then(|m| m.pseudo_likelihood).map_or(String::new(), |p| format!("PL {p:.3}, ")),
    };
    let gap = last.and_then(|m| m.free_energy_gap).map_or(String::new(), |gap| format!("gap {gap:+.3}, "));
    format!("{likelihood}{gap}{rate:.0} updates/s, {:.0} s left", left as f64 / rate.max(1e-9))
}

/// First of `times` equally spaced stops after update `now`; the last stop is the end.
fn next_stop(now: u64, total: u64, times: u64) -> u64 {
    if times == 0 {
        return total;
    }
    (1..=times).map(|k| total * k / times).find(|&stop| stop > now).unwrap_or(total)
}

fn is_stop(update: u64, total: u64, times: u64) -> bool {
    times > 0 && update > 0 && next_stop(update - 1, total, times) == update
}
