//! The training stage: segments between metrics and checkpoints, with nothing read back inside a segment.

use std::time::Instant;

use serde::Serialize;

use super::likelihood::ceiling_of;
use crate::artifact::{Checkpoint, CheckpointStore};
use crate::backend::{Backend, KernelTime};
use crate::bits::BitMatrix;
use crate::data::{ByteHash, sha256_hex};
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::likelihood::{
    ARRIVALS, AnnealSettings, anneal, base_bias, exact_log_z, linear_ladder, log_likelihood, mean_log_weight,
    pseudo_likelihood,
};
use crate::rbm::Rbm;
use crate::record::{Bounds, Estimate, ExactObservables, TemperingRecord, TrainMetric};
use crate::rng::{Permutation, derive_seed};
use crate::sample::Exchanges;
use crate::train::{RowSource, Settings, State, Trainer, check, initial_machine, initial_state_of, smoothed_means};

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
    /// How many times a checkpoint is written.
    pub checkpoints: u64,
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

/// Largest smaller side for which metrics enumerate ln Z instead of annealing.
const ENUMERATED_METRIC: usize = 14;
/// Chains and temperatures of the annealing behind a metric.
const METRIC_CHAINS: usize = 256;
const METRIC_BETAS: usize = 300;
/// Rows looked at by a metric.
pub(super) const METRIC_ROWS: usize = 10_000;
/// Rows of the pseudo-likelihood, which is computed in f64 on the host, and most terms of it.
const PSEUDO_ROWS: usize = 500;
const PSEUDO_TERMS: usize = 2_000_000_000;
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

/// Trains, measures and keeps checkpoints; `emit` takes every metric as soon as it is known, and once more that of the
/// checkpoint from which a training goes on.
///
/// # Errors
/// As [`Trainer::new`] and [`Trainer::state`]; [`Error::Stopped`] on a signal, after a checkpoint; what `emit` returns.
pub fn train<B: Backend, R: RowSource>(
    backend: &B,
    inputs: TrainInputs<'_, R>,
    listener: &mut dyn Listener,
    emit: &mut dyn FnMut(TrainMetric) -> Result<()>,
) -> Result<Trained> {
    let TrainInputs { plan, split, exact, checkpoints, resume } = inputs;
    let settings = &plan.settings;
    check(settings, &split.train, plan.n_hidden)?;
    let print = fingerprint(plan, &split.train)?;
    let start = if resume { checkpoints.latest(&print, listener)? } else { None };
    let state = match start {
        Some(c) => {
            listener.event(Event::Info(format!("going on from the checkpoint at update {}", c.update)));
            State { rbm: c.rbm, optimiser: c.optimiser, chains: c.chains, update: c.update, ladder: c.ladder }
        }
        None => {
            let machine = initial_machine(&split.train, plan.n_hidden, plan.weight_scale, settings.seed);
            initial_state_of(machine, &split.train, settings)?
        }
    };
    let first = state.update;
    let mut trainer = Trainer::new(backend, settings, &split.train, &state)?;
    // Two numbers a weight, which the device holds now.
    drop(state);
    if trainer.is_streaming() {
        listener.event(Event::Info("the rows are streamed: the device does not hold all of them".into()));
    }
    let watch = Watch::new(split, exact, settings)?;
    let mut seconds = 0.0;
    let mut chunk = 1u64;
    let mut last = None;
    let keep = |trainer: &Trainer<'_, B>| -> Result<()> {
        checkpoints.save(&checkpoint(trainer.state()?, settings, &print))?;
        Ok(())
    };
    // A signal may have come between an update and its metric; `emit` is told again of one that it knows.
    if is_stop(first, settings.updates, plan.metrics) {
        let metric = watch.measure(backend, &trainer, settings, listener)?;
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
        if let Some(signal) = listener.stop_requested() {
            keep(&trainer)?;
            return Err(Error::Stopped(signal));
        }
        if is_stop(done, settings.updates, plan.metrics) {
            let metric = watch.measure(backend, &trainer, settings, listener)?;
            last = Some(metric.clone());
            emit(metric)?;
        }
        if is_stop(done, settings.updates, plan.checkpoints) {
            keep(&trainer)?;
        }
        let note = note(last.as_ref(), (done - first) as f64 / seconds.max(1e-9));
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

fn note(last: Option<&TrainMetric>, rate: f64) -> String {
    let likelihood = last.and_then(|m| m.log_likelihood).map_or(String::new(), |l| format!("LL {:.3}, ", l.value));
    format!("{likelihood}{rate:.0} updates/s")
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

fn checkpoint(state: State, settings: &Settings, fingerprint: &str) -> Checkpoint {
    Checkpoint {
        rbm: state.rbm,
        optimiser: state.optimiser,
        chains: state.chains,
        update: state.update,
        step: state.update * u64::from(settings.gibbs_steps),
        seed: settings.seed,
        fingerprint: fingerprint.to_string(),
        ladder: state.ladder,
    }
}

/// What exchanges did, for a record.
#[must_use]
pub fn tempering(exchanges: &Exchanges) -> TemperingRecord {
    TemperingRecord {
        rungs: exchanges.acceptance.len() + 1,
        // Nothing tried yet counts as nothing accepted.
        acceptance: exchanges.acceptance.iter().map(|a| if a.is_finite() { *a } else { 0.0 }).collect(),
        arrivals_per_chain: exchanges.arrivals_per_chain,
        equilibrated: exchanges.arrivals_per_chain >= ARRIVALS,
        log_z: None,
    }
}

/// What is looked at during a training.
struct Watch<'a> {
    train: BitMatrix,
    held_out: Option<&'a BitMatrix>,
    base: Vec<f32>,
    ceiling: Option<f64>,
    has_up: bool,
}

impl<'a> Watch<'a> {
    fn new<R: RowSource>(split: &'a Split<R>, exact: Option<&ExactObservables>, settings: &Settings) -> Result<Self> {
        let rows: Vec<u32> = (0..split.train.rows().min(METRIC_ROWS) as u32).collect();
        let train = split.train.fetch(&rows)?;
        // Of rows that are not in memory the entropy of those that are measured is a ceiling just as well.
        let ceiling = ceiling_of(split.train.in_memory().unwrap_or(&train), exact).map(|(top, _)| top);
        Ok(Self {
            train,
            held_out: split.held_out.as_ref(),
            base: base_bias(&smoothed_means(&split.train)),
            ceiling,
            has_up: settings.flip,
        })
    }

    fn measure<B: Backend>(
        &self,
        backend: &B,
        trainer: &Trainer<'_, B>,
        settings: &Settings,
        listener: &mut dyn Listener,
    ) -> Result<TrainMetric> {
        let state = trainer.state()?;
        let params = trainer.params();
        let rbm = &state.rbm;
        let mut log_z = Bounds::default();
        if let Some(z) = exact_log_z(rbm, ENUMERATED_METRIC) {
            log_z.exact = Some(Estimate::new(z, 0.0));
        } else {
            let seed = derive_seed(settings.seed, &format!("metric {}", state.update));
            let anneal_settings = AnnealSettings { chains: METRIC_CHAINS, betas: linear_ladder(METRIC_BETAS), seed };
            let mut quiet = Quiet(listener);
            log_z.forward = Some(anneal(backend, rbm, params, &self.base, &anneal_settings, &mut quiet)?.log_z);
        }
        let on_train = mean_log_weight(backend, params, &self.train)?;
        let on_held_out = self.held_out.map(|rows| mean_log_weight(backend, params, rows)).transpose()?;
        let with_rows = |mean: Estimate| {
            log_likelihood(mean.value, &log_z).best().map(|l| Estimate::new(l.value, l.error.hypot(mean.error)))
        };
        let half = rbm.n_visible as u32;
        let p_up = self.has_up.then(|| {
            let balance = |r| match (2 * state.chains.row_count(r)).cmp(&half) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
            (0..state.chains.rows()).map(balance).sum::<f64>() / state.chains.rows() as f64
        });
        let pseudo_rows = PSEUDO_ROWS.min(PSEUDO_TERMS / rbm.weights.len().max(1)).max(1);
        let squares: f64 = rbm.weights.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        Ok(TrainMetric {
            update: state.update,
            learning_rate: settings.schedule.rate(settings.learning_rate, state.update - 1, settings.updates),
            log_likelihood: with_rows(on_train),
            held_out_log_likelihood: on_held_out.and_then(with_rows),
            pseudo_likelihood: Some(pseudo_likelihood(rbm, &self.train, pseudo_rows)),
            ceiling: self.ceiling,
            // F(held out) − F(train) = −(log weight) + (log weight).
            free_energy_gap: on_held_out.map(|held_out| on_train.value - held_out.value),
            p_up,
            weight_rms: (squares / rbm.weights.len().max(1) as f64).sqrt(),
            tempering: trainer.exchanges().map(|e| tempering(&e)),
        })
    }
}

/// Keeps the progress of a metric to itself, and stop requests from it: they are heard after it, where a checkpoint is kept.
struct Quiet<'a>(&'a mut dyn Listener);

impl Listener for Quiet<'_> {
    fn event(&mut self, event: Event) {
        if !matches!(event, Event::Progress { .. }) {
            self.0.event(event);
        }
    }
}
