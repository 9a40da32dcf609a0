//! Ranges of the values of one block at a time.

use std::ops::RangeInclusive;

use super::super::facts::Facts;
use super::super::mistake::{Mistakes, nearest_name};
use super::super::plan::{CouplingsPlan, LikelihoodPlan, SamplePlan};
use super::super::raw::{
    Basis, Exact, RawCouplings, RawLikelihood, RawModel, RawSample, RawScenario, RawSource, RawTrain, Replicas,
    UnitName,
};
use crate::couplings::{MAX_COUPLINGS, count_of};
use crate::error::Fault;
use crate::lattice::Lattice;
use crate::likelihood::{MAX_BETAS, MAX_CHAINS};
use crate::numerics::readable;
use crate::train::Schedule;
use crate::train::limits::{CountLimit, NumberLimit, counts, numbers};

/// Largest count that is addressed with 32 bits.
pub(super) const MAX_COUNT: u64 = u32::MAX as u64;
/// Largest packed states that are planned, in bytes.
const MAX_STATE_BYTES: u64 = 1 << 36;

/// Notes a count outside its range.
pub(super) fn count(notes: &mut Mistakes<'_>, path: &str, value: Option<u64>, range: RangeInclusive<u64>) {
    if let Some(n) = value.filter(|n| !range.contains(n)) {
        let (low, high) = (range.start(), range.end());
        let advice = if n < *low { format!("write {low} or more") } else { format!("write {high} or less") };
        notes.at(path, format!("`{}` is {n}", last(path)), format!("a whole number from {low} to {high}"), advice);
    }
}

/// Notes a count beyond its limit.
fn limited(notes: &mut Mistakes<'_>, path: &str, value: Option<u64>, limit: &CountLimit) {
    count(notes, path, value, limit.range.clone());
}

/// Notes a number beyond its limit.
fn within(notes: &mut Mistakes<'_>, path: &str, value: Option<f64>, limit: NumberLimit) {
    number(notes, path, value, limit.holds, limit.expected, limit.advice);
}

/// Notes a number that is not finite or fails the test.
pub(super) fn number(
    notes: &mut Mistakes<'_>,
    path: &str,
    value: Option<f64>,
    good: impl Fn(f64) -> bool,
    expected: &str,
    advice: &str,
) {
    if let Some(x) = value.filter(|&x| !(x.is_finite() && good(x))) {
        notes.at(path, format!("`{}` is {}", last(path), readable(x)), expected, advice);
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Notes a temperature that is not positive and finite.
pub(super) fn temperature(notes: &mut Mistakes<'_>, path: &str, value: Option<f64>) {
    let expected = "a positive finite number, in units of J/k_B";
    number(notes, path, value, |t| t > 0.0, expected, "the critical temperature of the square lattice is 2.269185");
}

/// Notes packed states that no machine holds.
fn states(notes: &mut Mistakes<'_>, path: &str, rows: u64, units: Option<usize>) {
    let bytes = units.map_or(0, |n| rows.saturating_mul(4 * (n as u64).div_ceil(32)));
    if bytes > MAX_STATE_BYTES && rows <= MAX_COUNT {
        notes.at(
            path,
            format!("{rows} states of {} units need {} GiB", units.unwrap_or(0), bytes >> 30),
            format!("at most {} GiB", MAX_STATE_BYTES >> 30),
            "take fewer",
        );
    }
}

pub(super) fn source(raw: &RawScenario, notes: &mut Mistakes<'_>) {
    match &raw.source {
        RawSource::Ising { lattice, temperature: t, samples, replicas, thermalise, every, .. } => {
            let parsed = lattice.parse::<Lattice>().ok();
            temperature(notes, "source.temperature", *t);
            let swept = raw.sweep.as_ref().is_some_and(|s| s.temperature.is_some());
            if t.is_none() && !swept {
                notes.at(
                    "source",
                    "the Ising source has no temperature",
                    "`temperature` in the source or in the sweep",
                    "add for example temperature: 2.269185",
                );
            }
            count(notes, "source.samples", Some(*samples), 2..=MAX_COUNT);
            count(notes, "source.replicas", *replicas, 1..=MAX_COUNT);
            if replicas.is_some_and(|r| r > *samples) && *samples > 0 {
                notes.at(
                    "source.replicas",
                    format!("{} replicas for {samples} samples", replicas.unwrap_or(0)),
                    "at most as many replicas as samples",
                    format!("write replicas: {samples}, or take more samples"),
                );
            }
            count(notes, "source.thermalise", *thermalise, 0..=1 << 30);
            count(notes, "source.every", *every, 1..=1 << 30);
            let times = samples.div_ceil(replicas.unwrap_or(1).max(1));
            let sweeps = thermalise.unwrap_or(0).saturating_add(every.unwrap_or(1).saturating_mul(times));
            if sweeps > MAX_COUNT && *samples <= MAX_COUNT {
                notes.at(
                    "source.samples",
                    format!("{sweeps} sweeps"),
                    format!("at most {MAX_COUNT}: sweeps are addressed with 32 bits"),
                    "take more replicas or fewer samples",
                );
            }
            let sites = parsed.map(Lattice::sites);
            states(notes, "source.samples", *samples, sites);
        }
        RawSource::File { temperature: t, parts, part, .. } => {
            temperature(notes, "source.temperature", *t);
            count(notes, "source.parts", *parts, 1..=1 << 20);
            count(notes, "source.part", *part, 1..=parts.unwrap_or(1));
            let swept = raw.sweep.as_ref().is_some_and(|s| s.part.is_some());
            if parts.is_some() && part.is_none() && !swept {
                let expected = "`part` in the source or in the sweep";
                notes.at("source.parts", "parts of the samples, and none taken", expected, "write part: 1");
            }
        }
        RawSource::Model { .. } => {}
    }
}

pub(super) fn model(model: &RawModel, raw: &RawScenario, notes: &mut Mistakes<'_>) {
    let swept = raw.sweep.as_ref().is_some_and(|s| s.hidden.is_some());
    if model.hidden.is_none() && !swept {
        notes.at("model", "the model has no hidden units", "`hidden` in the model or in the sweep", "add hidden: 64");
    }
    hidden(notes, "model.hidden", model.hidden);
    within(notes, "model.weight_scale", model.weight_scale, numbers::WEIGHT_SCALE);
    within(notes, "model.anchor", model.anchor, numbers::ANCHOR);
}

/// Notes a number of a part that cannot be.
pub(super) fn part(notes: &mut Mistakes<'_>, path: &str, value: u64, parts: u64) {
    count(notes, path, Some(value), 1..=parts);
}

/// Notes a number of hidden units that cannot be.
pub(super) fn hidden(notes: &mut Mistakes<'_>, path: &str, value: Option<u64>) {
    limited(notes, path, value, &counts::HIDDEN);
}

/// Notes a learning rate that cannot be.
pub(super) fn learning_rate(notes: &mut Mistakes<'_>, path: &str, value: Option<f64>) {
    within(notes, path, value, numbers::LEARNING_RATE);
}

/// Notes a number of Gibbs steps that cannot be.
pub(super) fn gibbs_steps(notes: &mut Mistakes<'_>, path: &str, value: Option<u64>) {
    limited(notes, path, value, &counts::GIBBS_STEPS);
}

pub(super) fn train(train: &RawTrain, block: &str, notes: &mut Mistakes<'_>) {
    let path = |name: &str| format!("{block}.{name}");
    gibbs_steps(notes, &path("gibbs_steps"), train.gibbs_steps);
    for (value, limit) in [
        (train.chains, counts::CHAINS),
        (train.batch, counts::BATCH),
        (train.updates, counts::UPDATES),
        (train.epochs, counts::EPOCHS),
        (train.rungs, counts::RUNGS),
        (train.online_chains, counts::ONLINE_CHAINS),
        (train.metrics, counts::METRICS),
        (train.checkpoints, counts::CHECKPOINTS),
        (train.keep_checkpoints, counts::KEEP_CHECKPOINTS),
        (train.patience, counts::PATIENCE),
    ] {
        limited(notes, &path(limit.key), value, &limit);
    }
    if train.updates.is_some() && train.epochs.is_some() {
        notes.at(&path("epochs"), "both `updates` and `epochs`", "one of them", "remove one");
    }
    learning_rate(notes, &path("learning_rate"), train.learning_rate);
    for (value, limit) in [
        (train.bias_rate, numbers::BIAS_RATE),
        (train.offset_rate, numbers::OFFSET_RATE),
        (train.held_out, numbers::HELD_OUT),
    ] {
        within(notes, &path(limit.key), value, limit);
    }
    let schedule = train.schedule.and_then(Schedule::mistake).map(|fault| ("schedule", fault));
    for (key, Fault { what, expected, advice, .. }) in train.choice().mistakes().into_iter().chain(schedule) {
        notes.at(&path(key), what, expected.unwrap_or_default(), advice.unwrap_or_default());
    }
    if train.patience.is_some() && (train.held_out == Some(0.0) || train.metrics == Some(0)) {
        let what = "`patience` without held-out rows or without metrics".to_string();
        notes.at(&path("patience"), what, "rows and metrics that tell when to stop", "set held_out: 0.1, metrics: 20");
    }
}

/// A count that was checked; anything else has been noted and the plan is not made.
pub(super) fn size(value: Option<u64>) -> usize {
    usize::try_from(value.unwrap_or(0)).unwrap_or(usize::MAX)
}

/// As [`size`], 32 bits.
pub(super) fn word(value: Option<u64>) -> u32 {
    u32::try_from(value.unwrap_or(0)).unwrap_or(u32::MAX)
}

pub(super) fn sample(sample: &RawSample, notes: &mut Mistakes<'_>) -> SamplePlan {
    count(notes, "sample.samples", sample.samples, 2..=MAX_COUNT);
    count(notes, "sample.chains", sample.chains, 1..=crate::sample::MAX_CHAINS as u64);
    count(notes, "sample.thermalise", sample.thermalise, 0..=1 << 30);
    count(notes, "sample.every", sample.every, 1..=1 << 30);
    let tempering = sample.tempering.unwrap_or(Replicas::Off);
    if let Replicas::Rungs(rungs) = tempering {
        count(notes, "sample.tempering", Some(rungs as u64), 2..=crate::sample::MAX_RUNGS as u64);
    }
    let (samples, chains) = (sample.samples.unwrap_or(0), sample.chains.unwrap_or(0));
    if chains > samples {
        notes.at(
            "sample.chains",
            format!("{chains} chains for {samples} samples"),
            "at most as many chains as samples",
            format!("write chains: {samples}, or take more samples"),
        );
    }
    let steps = sample
        .every
        .unwrap_or(0)
        .saturating_mul(samples.div_ceil(chains.max(1)))
        .saturating_add(sample.thermalise.unwrap_or(0));
    if steps > MAX_COUNT && samples <= MAX_COUNT {
        let expected = format!("at most {MAX_COUNT}: steps are addressed with 32 bits");
        notes.at("sample.samples", format!("{steps} Gibbs steps"), expected, "take more chains or fewer samples");
    }
    SamplePlan {
        samples: size(sample.samples),
        chains: size(sample.chains),
        thermalise: word(sample.thermalise),
        every: word(sample.every),
        tempering,
    }
}

pub(super) fn likelihood(likelihood: &RawLikelihood, notes: &mut Mistakes<'_>) -> (LikelihoodPlan, Exact) {
    count(notes, "likelihood.chains", likelihood.chains, 2..=MAX_CHAINS as u64);
    count(notes, "likelihood.betas", likelihood.betas, 2..=MAX_BETAS as u64);
    let plan = LikelihoodPlan { chains: size(likelihood.chains), betas: size(likelihood.betas), exact: false };
    (plan, likelihood.exact.unwrap_or(Exact::Auto))
}

pub(super) fn couplings(couplings: &RawCouplings, facts: &Facts, notes: &mut Mistakes<'_>) -> CouplingsPlan {
    let orders = couplings.orders.clone().unwrap_or_default();
    if orders.is_empty() {
        notes.at("couplings.orders", "no orders", "at least one of 1, 2, 3", "leave `orders` out for all of them");
    }
    for (i, order) in orders.iter().enumerate() {
        let path = format!("couplings.orders[{i}]");
        if !(1..=3).contains(order) {
            notes.at(&path, format!("order {order}"), "1, 2 or 3", "remove it");
        } else if orders[..i].contains(order) {
            notes.at(&path, format!("order {order} is given twice"), "every order once", "remove one");
        }
    }
    let bases = couplings.bases.clone().unwrap_or_default();
    if bases.is_empty() {
        notes.at("couplings.bases", "no bases", "`spin`, `binary` or both", "leave `bases` out for both");
    }
    for (i, basis) in bases.iter().enumerate() {
        if bases[..i].contains(basis) {
            notes.at(&format!("couplings.bases[{i}]"), "this basis is given twice", "every basis once", "remove one");
        }
    }
    count(notes, "couplings.strongest", couplings.strongest, 0..=100_000);
    let units = couplings.units.as_ref().map(|units| units_of(units, facts, notes));
    let mut orders: Vec<usize> = orders.into_iter().map(|o| size(Some(o))).collect();
    orders.sort_unstable();
    let n_visible = facts.n_visible.unwrap_or(0);
    let among = |order: usize| if order < 3 { n_visible } else { units.as_ref().map_or(n_visible, Vec::len) };
    let low = orders.iter().filter(|&&order| order < 3).map(|&order| count_of(n_visible, order)).sum::<u64>();
    let high = if orders.contains(&3) { count_of(among(3), 3) } else { 0 };
    for (order, found) in [(2, low), (3, high)] {
        if found > MAX_COUPLINGS {
            let advice = match order {
                3 => "choose some of the units: units: [0, 1, 2], or leave out order 3",
                _ => "leave out order 2",
            };
            let what = format!("{found} couplings of order {order} among {} units", among(order));
            notes.at("couplings.orders", what, format!("at most {MAX_COUPLINGS}"), advice);
        }
    }
    let mut bases: Vec<Basis> = bases;
    bases.sort_unstable();
    CouplingsPlan { orders, bases, strongest: size(couplings.strongest), units }
}

fn units_of(units: &[UnitName], facts: &Facts, notes: &mut Mistakes<'_>) -> Vec<usize> {
    let mut found = Vec::new();
    for (i, unit) in units.iter().enumerate() {
        let path = format!("couplings.units[{i}]");
        let number = match unit {
            UnitName::Number(n) => {
                if let Some(units) = facts.n_visible.filter(|&units| *n >= units as u64) {
                    notes.at(&path, format!("unit {n}"), format!("a number from 0 to {}", units - 1), "");
                }
                Some(size(Some(*n)))
            }
            UnitName::Name(name) => {
                let names = facts.names.as_deref().unwrap_or_default();
                let number = names.iter().position(|n| n == name);
                if number.is_none() && facts.n_visible.is_some() {
                    let known: Vec<&str> = names.iter().map(String::as_str).collect();
                    let near = nearest_name(name, &known)
                        .map_or("use its number".to_string(), |n| format!("did you mean \"{n}\"?"));
                    notes.at(&path, format!("no unit is named \"{name}\""), "a name of the data file", near);
                }
                number
            }
        };
        match number {
            Some(n) if found.contains(&n) => {
                notes.at(&path, "this unit is given twice", "every unit once", "remove one");
            }
            Some(n) => found.push(n),
            None => {}
        }
    }
    found.sort_unstable();
    found
}
