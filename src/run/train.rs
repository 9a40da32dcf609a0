//! The training stage: segments between metrics and checkpoints, with nothing read back inside a segment.

mod fit;
mod guard;
mod judge;
mod keeper;
#[cfg(feature = "files")]
mod log;
mod overfitting;
mod patience;
mod settle;
mod stops;
mod watch;

use std::ops::ControlFlow;
use std::time::Instant;

use self::keeper::Keeper;
pub use self::keeper::fingerprint;
#[cfg(feature = "files")]
pub use self::log::MetricLog;
use self::overfitting::overfitting;
use self::patience::Patience;
use self::settle::Settle;
use self::stops::Looks;
#[cfg(feature = "program")]
pub(super) use self::watch::METRIC_ROWS;
pub use self::watch::tempering;
use self::watch::{Look, Watch};
use crate::artifact::{CheckpointStore, InputFile};
use crate::backend::{Backend, KernelTime};
use crate::bits::BitMatrix;
use crate::data::DataSet;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::rbm::Rbm;
use crate::record::{EarlyStop, ExactObservables, FitRecord, TrainMetric, TrainRecord};
use crate::rng::{Permutation, derive_seed};
use crate::sample::Moves;
pub use crate::settings::TrainPlan;
use crate::train::limits::check_start;
use crate::train::{RowSource, Settings, State, Trainer, check, initial_state_of};

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

impl<R: RowSource> Split<R> {
    /// Keeps `rows` of a file of their own out, for data that are `like` these; what is to be noted of the file.
    ///
    /// # Errors
    /// [`Error::Input`] where they have other units.
    pub fn look_at(&mut self, rows: DataSet, like: &DataSet) -> Result<InputFile> {
        let fault = |what: String| {
            let fault = Fault::new(what).at(&rows.source);
            Err(Error::Input(fault.expected(format!("the units of {}, in their order", like.source))))
        };
        if rows.samples.cols() != self.train.units() {
            return fault(format!("{} units, {} in the training rows", rows.samples.cols(), self.train.units()));
        }
        if let (Some(own), Some(others)) = (&rows.names, &like.names)
            && let Some(j) = (0..own.len()).find(|&j| own[j] != others[j])
        {
            return fault(format!("unit {j} is \"{}\", in the training rows \"{}\"", own[j], others[j]));
        }
        self.held_out = (rows.samples.rows() > 0).then_some(rows.samples);
        Ok(InputFile { path: rows.source, sha256: rows.sha256 })
    }
}

/// Everything a training works on.
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
    /// What is called after every update, and ends the training where it breaks.
    pub each: Option<&'a EachUpdate<'a>>,
    /// From where it starts when there is no checkpoint; from the start of the plan where nothing is given.
    pub start: Option<&'a State>,
}

/// What looks at a training after every update.
pub type EachUpdate<'a> = dyn Fn(&Step<'_>) -> Result<ControlFlow<()>> + Sync + 'a;

/// A training after one of its updates.
pub struct Step<'a> {
    /// Updates done.
    pub update: u64,
    /// Updates in all.
    pub total: u64,
    state: &'a dyn Fn() -> Result<State>,
}

impl std::fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "update {} of {}", self.update, self.total)
    }
}

impl Step<'_> {
    /// The machine that the training has come to, read from the device: as [`State::machine`].
    ///
    /// # Errors
    /// As [`Trainer::state`].
    pub fn machine(&self) -> Result<Rbm> {
        (self.state)().map(|state| state.machine().clone())
    }

    /// The machine and all that a training goes on from.
    ///
    /// # Errors
    /// As [`Trainer::state`].
    pub fn state(&self) -> Result<State> {
        (self.state)()
    }
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
    /// The machine: that of the last update or, with patience, that which was best on held-out rows.
    pub rbm: Rbm,
    /// Its persistent chains.
    pub chains: BitMatrix,
    /// What was measured of it: a metric, or its likelihoods alone where none was taken of it.
    pub last: TrainMetric,
    /// Updates that it has seen.
    pub updates: u64,
    /// Settings of the updates.
    pub settings: Settings,
    /// What patience did.
    pub early_stop: Option<EarlyStop>,
    /// Updates of this call in a second, metrics and checkpoints not counted.
    pub updates_per_second: f64,
    /// Seconds of updates of this call.
    pub seconds: f64,
    /// Device time of every kernel, where it was measured.
    pub kernels: Vec<KernelTime>,
    /// Hash of settings and data, as its checkpoints have it.
    pub fingerprint: String,
    /// The plan by which it was made: of an automatic training the one that was found.
    pub plan: TrainPlan,
    /// What an automatic training found.
    pub fit: Option<FitRecord>,
    /// Everything that a training that settled can go on from.
    state: Option<Box<State>>,
}

impl Trained {
    /// What is written down about it; `model` is the file of the machine.
    #[must_use]
    pub fn record(&self, model: String) -> TrainRecord {
        let last = &self.last;
        TrainRecord {
            updates: self.updates,
            log_likelihood: last.log_likelihood,
            held_out_log_likelihood: last.held_out_log_likelihood,
            pseudo_likelihood: last.pseudo_likelihood,
            ceiling: last.ceiling,
            free_energy_gap: last.free_energy_gap,
            seed: Some(self.settings.seed),
            settings: serde_json::to_value(&self.settings).ok(),
            updates_per_second: self.updates_per_second,
            seconds: self.seconds,
            early_stop: self.early_stop,
            fit: self.fit.clone(),
            model,
        }
    }
}

/// Seconds between looks at signals and progress.
const LOOK: f64 = 0.2;

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
    match &inputs.plan.fit {
        Some(fit) => fit::fit(backend, inputs, fit, listener, emit),
        None => train_plain(backend, inputs, listener, emit),
    }
}

fn train_plain<B: Backend, R: RowSource>(
    backend: &B,
    inputs: TrainInputs<'_, R>,
    listener: &mut dyn Listener,
    emit: &mut dyn FnMut(TrainMetric) -> Result<()>,
) -> Result<Trained> {
    let TrainInputs { plan, split, checkpoints, resume, start, .. } = inputs;
    let settings = &plan.settings;
    check(settings, &split.train, plan.n_hidden)?;
    check_start(&plan.start)?;
    checkpoints.tidy();
    check_patience(plan, split)?;
    let keeper = Keeper::new(checkpoints, plan, &split.train)?;
    let state = match if resume { keeper.latest(listener)? } else { None } {
        Some(state) => {
            listener.event(Event::Info(format!("going on from the checkpoint at update {}", state.update)));
            state
        }
        None => {
            if !checkpoints.list()?.is_empty() {
                listener.event(Event::Warning(format!(
                    "{} holds checkpoints of an earlier training, which the first one of this training replaces",
                    checkpoints.path().display()
                )));
            }
            match start {
                Some(state) => state.clone(),
                None => {
                    let machine = plan.start.machine(&split.train, plan.n_hidden, settings.seed);
                    initial_state_of(machine, &split.train, settings)?
                }
            }
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
    let TrainInputs { plan, split, exact, each, .. } = inputs;
    let settings = &plan.settings;
    let first = state.update;
    let mut trainer = Trainer::new(backend, settings, &split.train, &state)?;
    // Two numbers a weight, which the device holds now.
    drop(state);
    if trainer.is_streaming() && settings.augment == Moves::NONE {
        listener.event(Event::Info("the rows are streamed: the device does not hold all of them".into()));
    }
    let watch = Watch::new(split, exact, plan)?;
    let (looks, kept) = (looks_of(plan), Looks::Even(plan.checkpoints));
    let guard = watch.guard(plan);
    let mut seconds = 0.0;
    let mut chunk = 1u64;
    let settle = plan.settle.then(Settle::default);
    let mut course = Course { keeper, patience: Patience::new(plan.patience), settle, last: None };
    course.resume(first, plan, |state, metric| watch.look_again(backend, state, metric, settings, listener))?;
    let mut is_over = false;
    listener.answers_stops(true);
    // A signal may have come between an update and its metric; `emit` is told again of one that it knows.
    if looks.is_at(first, settings.updates) {
        let state = trainer.state()?;
        let look = look_at(&watch, backend, &mut trainer, &state, plan, listener)?;
        is_over = course.take(look, &state, emit)?;
    }
    while !is_over && trainer.update_count() < settings.updates {
        let now = trainer.update_count();
        let until = [looks, kept].map(|stops| stops.next(now, settings.updates));
        let until = guard.next(now).min(until[0]).min(until[1]);
        let clock = Instant::now();
        trainer.advance(until.min(now + chunk))?;
        let took = clock.elapsed().as_secs_f64();
        seconds += took;
        // As many updates between looks as take about LOOK seconds.
        let done = trainer.update_count();
        chunk = ((done - now) as f64 * (LOOK / took.max(1e-6)).clamp(0.25, 4.0)).ceil().max(1.0) as u64;
        if let Some(each) = each {
            chunk = 1;
            let step = Step { update: done, total: settings.updates, state: &|| trainer.state() };
            is_over = each(&step)?.is_break();
        }
        let mut signal = listener.stop_requested();
        let measures = signal.is_none() && looks.is_at(done, settings.updates);
        let keeps = signal.is_some() || keeper.is_due() || kept.is_at(done, settings.updates);
        if keeps || done == guard.next(now) {
            guard.look(backend, &trainer, settings, listener)?;
        }
        if measures || keeps {
            let state = trainer.state()?;
            if measures {
                match look_at(&watch, backend, &mut trainer, &state, plan, listener) {
                    // The metric is measured when the training goes on.
                    Err(Error::Stopped(during)) => {
                        guard.look(backend, &trainer, settings, listener)?;
                        signal = Some(during);
                    }
                    metric => is_over |= course.take(metric?, &state, emit)?,
                }
            }
            if keeps || signal.is_some() {
                keeper.keep(state)?;
            }
        }
        if let Some(signal) = signal {
            if !keeper.place().as_os_str().is_empty() {
                let message = format!("stopped at update {done}; checkpoint in {}", keeper.place().display());
                listener.event(Event::Info(message));
            }
            return Err(Error::Stopped(signal));
        }
        let rate = (done - first) as f64 / seconds.max(1e-9);
        let note = note(course.last.as_ref(), rate, settings.updates - done);
        listener.event(Event::Progress { stage: "train", done, total: settings.updates, note });
    }
    let mut state = trainer.state()?;
    if plan.settle {
        keeper.keep(state.clone())?;
    }
    let updates_per_second = (state.update - first) as f64 / seconds.max(1e-9);
    let kernels = backend.kernel_times();
    let keeps_best = course.keeps_best();
    let (mut last, mut early_stop) = (course.last, None);
    if let (true, Some((best, metric))) = (keeps_best, keeper.best()?) {
        early_stop = Some(EarlyStop { stopped_at: state.update, best_update: best.update });
        let message = format!("held-out rows were the most likely at update {}: that is the machine", best.update);
        listener.event(Event::Info(message));
        (state, last) = (best, Some(metric));
    } else if let Some(warning) = last.as_ref().and_then(|last| overfitting(course.patience.best(), last)) {
        listener.event(Event::Warning(warning));
    }
    let last = match last {
        Some(last) if last.update == state.update => last,
        _ => match watch.look(backend, &trainer, &state, settings, listener).map(|look| look.metric) {
            Err(Error::Stopped(signal)) => {
                keeper.keep(trainer.state()?)?;
                return Err(Error::Stopped(signal));
            }
            metric => metric?,
        },
    };
    guard.judge_last(&last, &state, settings, listener)?;
    if let Some(warning) = watch.worse_than_independent(&last) {
        listener.event(Event::Warning(warning));
    }
    let kept = plan.settle.then(|| Box::new(state.clone()));
    let rbm = state.average.unwrap_or(state.rbm);
    let (chains, updates) = (state.chains, state.update);
    let fingerprint = keeper.fingerprint().to_string();
    Ok(Trained {
        rbm,
        chains,
        last,
        updates,
        settings: settings.clone(),
        early_stop,
        updates_per_second,
        seconds,
        kernels,
        fingerprint,
        plan: plan.clone(),
        fit: None,
        state: kept,
    })
}

/// Measures a training, or its likelihoods alone where many looks are to find its end.
fn look_at<B: Backend>(
    watch: &Watch<'_>,
    backend: &B,
    trainer: &mut Trainer<'_, B>,
    state: &State,
    plan: &TrainPlan,
    listener: &mut dyn Listener,
) -> Result<Look> {
    match plan.settle {
        true => watch.look(backend, trainer, state, &plan.settings, listener),
        false => watch.measure(backend, trainer, state, &plan.settings, listener),
    }
}

/// What was measured of a training so far.
struct Course<'a> {
    keeper: &'a Keeper<'a>,
    patience: Patience,
    settle: Option<Settle>,
    last: Option<TrainMetric>,
}

impl Course<'_> {
    /// Takes up what a training that goes on at update `first` knew of its best machine, at which `look` looks again.
    fn resume(
        &mut self,
        first: u64,
        plan: &TrainPlan,
        look: impl FnOnce(&State, TrainMetric) -> Result<Look>,
    ) -> Result<()> {
        if !self.keeps_best() || first == 0 {
            return Ok(());
        }
        let Some((state, best)) = self.keeper.best()? else { return Ok(()) };
        if self.patience.is_limited() {
            let looks = looks_of(plan);
            self.patience.resume(&best, looks.between(best.update, first, plan.settings.updates));
        }
        if let Some(settle) = &mut self.settle {
            settle.resume(look(&state, best)?);
        }
        Ok(())
    }

    /// Whether the machine that is best on held-out rows is the result.
    fn keeps_best(&self) -> bool {
        self.patience.is_limited() || self.settle.is_some()
    }

    /// Whether nothing more is to be expected after `update`.
    fn is_over(&self, update: u64) -> bool {
        self.patience.is_exhausted() || self.settle.as_ref().is_some_and(|settle| settle.is_over(update))
    }

    /// Takes a look at `state`; whether the training is over.
    fn take(&mut self, look: Look, state: &State, emit: &mut dyn FnMut(TrainMetric) -> Result<()>) -> Result<bool> {
        let metric = look.metric.clone();
        let is_best = self.patience.is_best(&metric);
        let is_best = self.settle.as_mut().map_or(is_best, |settle| settle.take(look));
        if is_best && self.keeps_best() {
            self.keeper.keep_best(state.clone(), &metric)?;
        }
        let update = metric.update;
        self.last = Some(metric.clone());
        emit(metric)?;
        Ok(self.is_over(update))
    }
}

/// When a training is looked at.
fn looks_of(plan: &TrainPlan) -> Looks {
    if plan.settle { Looks::Geometric } else { Looks::Even(plan.metrics) }
}

/// Patience looks at held-out rows as often as metrics are taken.
fn check_patience<R>(plan: &TrainPlan, split: &Split<R>) -> Result<()> {
    let fault = match (plan.patience, &split.held_out) {
        (Some(0), _) => Fault::new("patience 0").expected("at least 1 metric without a gain"),
        (Some(_), None) => Fault::new("patience without held-out rows")
            .expected("rows that are not trained on, to be looked at")
            .advice("keep some out, e.g. a tenth, or train without patience"),
        (Some(_), Some(_)) if plan.metrics == 0 => Fault::new("patience without metrics")
            .expected("at least 1 metric")
            .advice("take metrics, or train without patience"),
        _ => return Ok(()),
    };
    Err(Error::Input(fault.at("train")))
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
    let keeper = Keeper::new(inputs.checkpoints, inputs.plan, &inputs.split.train)?;
    let reached =
        |listener: &mut L| -> Result<Option<u64>> { Ok(keeper.find(listener)?.map(|checkpoint| checkpoint.update)) };
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
