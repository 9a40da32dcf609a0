//! Ranges of the values of one block at a time.

use std::ops::RangeInclusive;

use super::super::mistake::Mistakes;
use super::super::raw::{RawScenario, RawSource};
use crate::lattice::Lattice;
use crate::limits::{CountLimit, NumberLimit};
use crate::numerics::readable;
use crate::settings::ModelSettings;
use crate::train::limits::{counts, numbers};

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

pub(super) fn model(model: &ModelSettings, notes: &mut Mistakes<'_>) {
    notes.all("model", model.check());
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

/// A count that was checked; anything else has been noted and the plan is not made.
pub(super) fn size(value: Option<u64>) -> usize {
    usize::try_from(value.unwrap_or(0)).unwrap_or(usize::MAX)
}

/// As [`size`], 32 bits.
pub(super) fn word(value: Option<u64>) -> u32 {
    u32::try_from(value.unwrap_or(0)).unwrap_or(u32::MAX)
}
