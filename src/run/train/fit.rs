//! An automatic training: several recipes are tried, held-out rows decide between them and how long the training takes,
//! the learning rate falls at the end, and then all rows are trained on for as long.
//!
//! ```text
//! try:    every recipe at a constant rate for a while          ─ best on held-out rows ─┐
//! go on:  that one until it settles (looks at growing distances, compared row by row)  ─┤ after b updates
//! fall:   from there the rate goes to 0 over a fifth of b more                         ─┤ likelihood of held-out rows
//! refit:  all rows, b updates and the fall                                             ─┘ the machine
//! ```
//!
//! Each of these is a training like any other, with checkpoints of its own, from which it goes on after a stop; decisions
//! are made again from what they left, and come out the same.

use super::judge::{Judge, Verdict};
use super::{Split, TrainInputs, TrainPlan, Trained, train_plain};
use crate::artifact::CheckpointStore;
use crate::backend::Backend;
use crate::baselines::{MOST_UNITS, Tree, independent};
use crate::bits::BitMatrix;
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::likelihood::mean_of_rows;
use crate::rbm::Rbm;
use crate::record::{Baselines, Estimate, FitRecord, TrainMetric, TriedRecord};
use crate::settings::{Candidate, Fit};
use crate::train::{Algorithm, RowSource, Schedule, State, smoothed_means};

/// Updates over which the rate falls: a fifth of those before, and not fewer than these.
const FALL: u64 = 5;
const LEAST_FALL: u64 = 20;
/// Nats, and errors of ln Z, by which likelihoods swing where chains do not mix.
const SWING: f64 = 0.5;
const SIGMAS: f64 = 3.0;
/// Updates of a tempered training, in units of those of a recipe that is tried.
const TEMPERED: u64 = 3;

/// Trains as `fit` says; `inputs.plan` is the plan of the first candidate.
pub(super) fn fit<B: Backend, R: RowSource>(
    backend: &B,
    inputs: TrainInputs<'_, R>,
    fit: &Fit,
    listener: &mut dyn Listener,
    emit: &mut dyn FnMut(TrainMetric) -> Result<()>,
) -> Result<Trained> {
    if !inputs.resume {
        inputs.checkpoints.remove_parts()?;
    }
    let mut work = Work { backend, inputs, listener, judge: Judge::new(inputs.split)? };
    let baselines = baselines(inputs.split);
    let (mut tried, mut best) = work.choose(fit)?;
    let chosen = &fit.candidates[best];
    let looks = std::mem::take(&mut tried[best].looks);
    let mut found = work.finish(chosen, best)?;
    tried[best] = found.settled.record(chosen, looks);
    let why = found.why_temper();
    if let Some(why) = why.filter(|_| chosen.plan.settings.algorithm == Algorithm::Pcd) {
        let text = format!("{why}: a training with tempered chains is tried, which takes some times as long");
        work.listener.event(Event::Info(text));
        let tempered = tempered(chosen, fit.tried);
        let other = work.finish(&tempered, fit.candidates.len())?;
        tried.push(other.settled.record(&tempered, Vec::new()));
        if other.verdict.over(&found.verdict).value > 0.0 || found.verdict.misses_modes && !other.verdict.misses_modes {
            (best, found) = (tried.len() - 1, other);
        }
    }
    let result = work.refit(&found, emit)?;
    let Work { listener, .. } = work;
    let record = FitRecord {
        held_out_rows: inputs.split.held_out.as_ref().map_or(0, BitMatrix::rows),
        refitted: result.is_some(),
        chosen: best,
        tried,
        baselines,
        updates: found.plan.settings.updates,
    };
    let held_out = Some(found.verdict.held_out);
    let mut trained = result.unwrap_or(found.trained);
    trained.last.held_out_log_likelihood = held_out;
    trained.last.free_energy_gap = None;
    tell(&record, held_out, listener);
    inputs.checkpoints.remove_parts()?;
    let fingerprint = super::fingerprint(inputs.plan, &inputs.split.train)?;
    Ok(Trained { fit: Some(record), fingerprint, ..trained })
}

/// What simple models say of the held-out rows.
fn baselines<R: RowSource>(split: &Split<R>) -> Baselines {
    let Some(held_out) = &split.held_out else { return Baselines::default() };
    let units = independent(&smoothed_means(&split.train), held_out);
    let rows = split.train.in_memory().filter(|rows| rows.cols() <= MOST_UNITS);
    Baselines {
        independent: Some(mean_of_rows(&units)),
        tree: rows.map(|rows| mean_of_rows(&Tree::of(rows).log_likelihoods(held_out))),
    }
}

/// A candidate after its training at a constant rate.
struct Settled {
    trained: Trained,
    looks: Vec<TrainMetric>,
    verdict: Verdict,
}

impl Settled {
    /// What is written down; `looks` were taken before.
    fn record(&self, candidate: &Candidate, mut looks: Vec<(u64, Estimate)>) -> TriedRecord {
        let seen = looks.last().map_or(0, |(update, _)| *update);
        let held_out = |look: &TrainMetric| Some((look.update, look.held_out_log_likelihood?));
        looks.extend(self.looks.iter().filter(|look| look.update > seen).filter_map(held_out));
        TriedRecord {
            name: candidate.name.to_string(),
            updates: looks.last().map_or(self.trained.updates, |(update, _)| *update),
            best_update: self.trained.updates,
            held_out: Some(self.verdict.held_out),
            looks,
        }
    }
}

/// The same recipe along a trajectory of machines, for a while that costs about as much as the rest.
fn tempered(chosen: &Candidate, tried: u64) -> Candidate {
    let mut plan = with_updates(&chosen.plan, (TEMPERED * tried).min(chosen.plan.settings.updates));
    plan.settings.algorithm = Algorithm::Trajectory;
    Candidate { name: "the same, tempered", plan }
}

/// A candidate at the end of its training on the rows that are not held out.
struct Found {
    settled: Settled,
    /// How the machine is made: with the fall of the rate where that is better.
    plan: TrainPlan,
    trained: Trained,
    verdict: Verdict,
    /// By how much held-out rows are likelier after the fall.
    fall: Estimate,
}

impl Found {
    /// Why chains of their own are not enough, if they are not.
    fn why_temper(&self) -> Option<&'static str> {
        if self.verdict.misses_modes || self.settled.verdict.misses_modes {
            Some("rows lie in modes of the machine that annealing does not come to")
        } else if self.fall.value < -SWING.max(SIGMAS * self.fall.error) {
            Some("held-out rows became less likely while the rate fell, as where chains seldom go from mode to mode")
        } else {
            None
        }
    }
}

struct Work<'a, 'l, B: Backend, R: RowSource> {
    backend: &'a B,
    inputs: TrainInputs<'a, R>,
    listener: &'l mut dyn Listener,
    judge: Judge<'a>,
}

impl<B: Backend, R: RowSource> Work<'_, '_, B, R> {
    /// One training with checkpoints of its own.
    fn run(
        &mut self,
        plan: &TrainPlan,
        store: &CheckpointStore,
        start: Option<&State>,
    ) -> Result<(Trained, Vec<TrainMetric>)> {
        let mut looks = Vec::new();
        let inputs = TrainInputs { plan, checkpoints: store, resume: true, each: None, start, ..self.inputs };
        let mut quiet = Aside(&mut *self.listener);
        let trained = train_plain(self.backend, inputs, &mut quiet, &mut |look| {
            looks.push(look);
            Ok(())
        })?;
        Ok((trained, looks))
    }

    fn verdict(&mut self, rbm: &Rbm) -> Result<Verdict> {
        self.judge.verdict(self.backend, rbm, self.inputs.plan.settings.seed, &mut *self.listener)
    }

    /// Checkpoints of a part of the training of one candidate.
    fn store(&self, part: &str, number: usize) -> CheckpointStore {
        self.inputs.checkpoints.part(&format!("{part}-{}", number + 1))
    }

    fn settled(&mut self, plan: &TrainPlan, store: &CheckpointStore) -> Result<Settled> {
        let (trained, looks) = self.run(plan, store, None)?;
        let verdict = self.verdict(&trained.rbm)?;
        Ok(Settled { trained, looks, verdict })
    }

    /// Tries all candidates for a while; what became of each, and which is the best.
    fn choose(&mut self, fit: &Fit) -> Result<(Vec<TriedRecord>, usize)> {
        let mut tried = Vec::new();
        let mut best: Option<(usize, Verdict)> = None;
        if let [only] = &fit.candidates[..] {
            return Ok((vec![TriedRecord { name: only.name.to_string(), ..TriedRecord::default() }], 0));
        }
        for (number, candidate) in fit.candidates.iter().enumerate() {
            let updates = fit.tried.min(candidate.plan.settings.updates);
            let plan = with_updates(&candidate.plan, updates);
            match self.settled(&plan, &self.store("try", number)) {
                Ok(settled) => {
                    tried.push(settled.record(candidate, Vec::new()));
                    let is_better = best.as_ref().is_none_or(|(_, best)| settled.verdict.over(best).value > 0.0);
                    if is_better {
                        best = Some((number, settled.verdict));
                    }
                }
                // One that runs away is none to go on with.
                Err(Error::Numerics(_)) => {
                    tried.push(TriedRecord { name: candidate.name.to_string(), ..TriedRecord::default() });
                }
                Err(other) => return Err(other),
            }
        }
        let best = best.map_or(0, |(number, _)| number);
        Ok((tried, best))
    }

    /// Goes on with a candidate until it settles; from its best machine the rate falls to 0. The better of both.
    fn finish(&mut self, candidate: &Candidate, number: usize) -> Result<Found> {
        // What was tried stays as it was then, so that the choice comes out the same after a stop.
        let store = self.store("settle", number);
        let fingerprint = super::fingerprint(&candidate.plan, &self.inputs.split.train)?;
        store.begin_from(&self.store("try", number), &fingerprint)?;
        let settled = self.settled(&candidate.plan, &store)?;
        let until = settled.trained.updates;
        let mut plan = with_updates(&candidate.plan, until + (until / FALL).max(LEAST_FALL));
        plan.settings.schedule = Schedule::Plateau { until };
        (plan.settle, plan.metrics) = (false, 1);
        let store = self.store("fall", number);
        let (trained, _) = self.run(&plan, &store, settled.trained.state.as_deref())?;
        let verdict = self.verdict(&trained.rbm)?;
        let fall = verdict.over(&settled.verdict);
        if fall.value < -fall.error {
            plan = with_updates(&candidate.plan, until);
            (plan.settle, plan.metrics) = (false, 1);
            let (trained, verdict) = (settled.trained.clone(), settled.verdict.clone());
            return Ok(Found { settled, plan, trained, verdict, fall });
        }
        Ok(Found { settled, plan, trained, verdict, fall })
    }

    /// Trains on all rows as long as was found; nothing where there are no more rows than before.
    fn refit(&mut self, found: &Found, emit: &mut dyn FnMut(TrainMetric) -> Result<()>) -> Result<Option<Trained>> {
        let (Some(rows), Some(held_out)) = (self.inputs.split.train.in_memory(), &self.inputs.split.held_out) else {
            return Ok(None);
        };
        if self.inputs.plan.held_out.is_some() {
            return Ok(None);
        }
        let mut all = rows.clone();
        all.append(held_out);
        let all = Split { train: all, held_out: None };
        let plan = TrainPlan { held_out_rows: 0, ..found.plan.clone() };
        let store = self.inputs.checkpoints.part("refit");
        let inputs = TrainInputs {
            plan: &plan,
            split: &all,
            exact: self.inputs.exact,
            checkpoints: &store,
            resume: true,
            each: self.inputs.each,
            start: None,
        };
        let mut quiet = Aside(&mut *self.listener);
        train_plain(self.backend, inputs, &mut quiet, emit).map(Some)
    }
}

/// Says what was decided and why.
fn tell(record: &FitRecord, held_out: Option<Estimate>, listener: &mut dyn Listener) {
    for one in &record.tried {
        let found = one.held_out.map_or("ran away".to_string(), |found| format!("{:.3}", found.value));
        listener.event(Event::Info(format!("tried {}: {found} after {} updates", one.name, one.best_update)));
    }
    let baselines = [("independent units", record.baselines.independent), ("a tree", record.baselines.tree)];
    let found = |found: Option<Estimate>| found.map_or(String::new(), |x| format!("{:.3} ± {:.3}", x.value, x.error));
    listener.event(Event::Info(format!(
        "held-out rows ({}): {} nats a row; {} {}; {} {}",
        record.held_out_rows,
        found(held_out),
        baselines[0].0,
        found(baselines[0].1),
        baselines[1].0,
        found(baselines[1].1)
    )));
    for (name, baseline) in baselines {
        let (Some(baseline), Some(held_out)) = (baseline, held_out) else { continue };
        if held_out.value < baseline.value {
            listener.event(Event::Warning(format!("held-out rows are likelier under {name}")));
        }
    }
}

fn with_updates(plan: &TrainPlan, updates: u64) -> TrainPlan {
    let mut plan = plan.clone();
    plan.settings.updates = updates;
    plan
}

/// Lets progress and stops through; what one of several trainings has to say is not what there is to say of all.
struct Aside<'a>(&'a mut dyn Listener);

impl Listener for Aside<'_> {
    fn event(&mut self, event: Event) {
        if matches!(event, Event::Progress { .. }) {
            self.0.event(event);
        }
    }

    fn stop_requested(&self) -> Option<i32> {
        self.0.stop_requested()
    }

    fn answers_stops(&mut self, answers: bool) {
        self.0.answers_stops(answers);
    }
}
