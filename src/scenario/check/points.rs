//! The points of a sweep: one for every combination of the swept values.

use std::collections::BTreeMap;

use super::super::defaults::merge;
use super::super::facts::Facts;
use super::super::mistake::Mistakes;
use super::super::plan::{Algorithm, IsingPlan, Part, Point, Schedule, Source, SpinRule, TrainPlan};
use super::super::raw::{RawScenario, RawSource, RawTrain};
use super::blocks::{self, MAX_COUNT, size, word};
use super::{MAX_POINTS, selected};
use crate::error::Fault;
use crate::rbm::MAX_WEIGHTS;
use crate::train::{Start, held_out_rows};

/// One swept key with its values, as numbers and as they appear in labels.
struct Axis {
    name: &'static str,
    values: Vec<(f64, String)>,
}

/// The value of a key that `at` may name, whether it is swept or not.
pub(super) fn value_of(point: &Point, name: &str) -> Option<f64> {
    if let Some(x) = point.values.get(name) {
        return Some(*x);
    }
    match name {
        "temperature" => point.temperature,
        "part" => match &point.source {
            Source::File(_, Some(part)) => Some((part.number + 1) as f64),
            _ => None,
        },
        "hidden" => point.n_hidden.map(|n| n as f64),
        "gibbs_steps" => point.train.map(|t| f64::from(t.gibbs_steps)),
        "learning_rate" => point.train.map(|t| t.learning_rate),
        "seed" => Some(point.seed as f64),
        _ => None,
    }
}

/// All points, without the stages that are the same everywhere.
pub(super) fn expand(raw: &RawScenario, facts: &Facts, notes: &mut Mistakes<'_>) -> Vec<Point> {
    let axes = axes(raw, notes);
    let total = axes.iter().fold(1usize, |n, axis| n.saturating_mul(axis.values.len()));
    if total > MAX_POINTS {
        notes.at("sweep", format!("{total} points"), format!("at most {MAX_POINTS}"), "sweep fewer values");
        return Vec::new();
    }
    let mut combinations: Vec<Vec<usize>> = vec![Vec::new()];
    for axis in &axes {
        combinations = combinations
            .iter()
            .flat_map(|head| (0..axis.values.len()).map(move |i| [head.as_slice(), &[i]].concat()))
            .collect();
    }
    let mut points: Vec<Point> =
        combinations.iter().filter_map(|choice| bare_point(raw, facts, &axes, choice)).collect();
    settle_training(raw, facts, &mut points, notes);
    points
}

/// The swept keys that are given, slowest first, each value checked.
fn axes(raw: &RawScenario, notes: &mut Mistakes<'_>) -> Vec<Axis> {
    let Some(sweep) = &raw.sweep else { return Vec::new() };
    let of_reals = |name, values: &Option<Vec<f64>>| {
        values.as_ref().map(|v| Axis { name, values: v.iter().map(|x| (*x, x.to_string())).collect() })
    };
    let of_counts = |name, values: &Option<Vec<u64>>| {
        values.as_ref().map(|v| Axis { name, values: v.iter().map(|n| (*n as f64, n.to_string())).collect() })
    };
    let axes: Vec<Axis> = [
        of_reals("temperature", &sweep.temperature),
        of_counts("part", &sweep.part),
        of_counts("hidden", &sweep.hidden),
        of_counts("gibbs_steps", &sweep.gibbs_steps),
        of_reals("learning_rate", &sweep.learning_rate),
        of_counts("seed", &sweep.seed),
    ]
    .into_iter()
    .flatten()
    .collect();
    let at = |name: &str, i: usize| format!("sweep.{name}[{i}]");
    for (i, t) in sweep.temperature.iter().flatten().enumerate() {
        blocks::temperature(notes, &at("temperature", i), Some(*t));
    }
    let parts = if let RawSource::File { parts, .. } = raw.source { parts } else { None };
    for (i, n) in sweep.part.iter().flatten().enumerate() {
        blocks::part(notes, &at("part", i), *n, parts.unwrap_or(1));
    }
    for (i, n) in sweep.hidden.iter().flatten().enumerate() {
        blocks::hidden(notes, &at("hidden", i), Some(*n));
    }
    for (i, n) in sweep.gibbs_steps.iter().flatten().enumerate() {
        blocks::gibbs_steps(notes, &at("gibbs_steps", i), Some(*n));
    }
    for (i, x) in sweep.learning_rate.iter().flatten().enumerate() {
        blocks::learning_rate(notes, &at("learning_rate", i), Some(*x));
    }
    for (i, n) in sweep.seed.iter().flatten().enumerate() {
        super::seed(notes, &at("seed", i), Some(*n));
    }
    for axis in &axes {
        let name = axis.name;
        if axis.values.is_empty() {
            notes.at(&format!("sweep.{name}"), "no values to sweep", "at least one value", format!("remove `{name}`"));
        }
        for (i, (value, text)) in axis.values.iter().enumerate() {
            if axis.values[..i].iter().any(|(other, _)| other == value) {
                notes.at(&at(name, i), format!("{text} is given twice"), "every value once", "remove one");
            }
        }
        let (needed, there) = match name {
            "temperature" => ("an Ising source", matches!(raw.source, RawSource::Ising { .. })),
            "part" => ("a File source with `parts`", parts.is_some()),
            "hidden" => ("`model`", raw.model.is_some()),
            "seed" => ("", true),
            _ => ("`train`", raw.train.is_some()),
        };
        if !there {
            notes.at(&format!("sweep.{name}"), format!("a sweep of `{name}` without {needed}"), needed, "");
        }
    }
    axes
}

/// A point with its source; `None` when the source is not known well enough, which has been noted.
fn bare_point(raw: &RawScenario, facts: &Facts, axes: &[Axis], choice: &[usize]) -> Option<Point> {
    let chosen: Vec<(&str, &(f64, String))> = axes.iter().zip(choice).map(|(a, &i)| (a.name, &a.values[i])).collect();
    let swept = |name: &str| chosen.iter().find(|(n, _)| *n == name).map(|(_, (x, _))| *x);
    let n_visible = facts.n_visible?;
    let mut temperature = facts.temperature;
    let source = match &raw.source {
        RawSource::Ising { samples, algorithm, replicas, thermalise, every, .. } => {
            temperature = swept("temperature").or(temperature);
            Source::Ising(IsingPlan {
                lattice: facts.lattice?,
                temperature: temperature?,
                samples: size(Some(*samples)),
                algorithm: algorithm.unwrap_or(SpinRule::Metropolis),
                replicas: size(*replicas),
                thermalise: thermalise.map(|n| word(Some(n))),
                every: every.map(|n| word(Some(n))),
            })
        }
        RawSource::File { parts, part, .. } => {
            let number = swept("part").map(|x| x as usize).or(part.map(|n| n as usize));
            let part = parts.zip(number).map(|(of, number)| Part {
                number: number.saturating_sub(1),
                of: of as usize,
                seed: raw.seed.unwrap_or(1),
            });
            Source::File(facts.file.clone()?, part)
        }
        RawSource::Model { .. } => Source::Model(facts.file.clone()?),
    };
    let hidden = swept("hidden").map(|x| x as u64).or(raw.model.as_ref().and_then(|m| m.hidden));
    let label = chosen.iter().map(|(name, (_, text))| format!("{name}={text}")).collect::<Vec<_>>().join(",");
    Some(Point {
        label,
        values: chosen.iter().map(|(name, (x, _))| ((*name).to_string(), *x)).collect::<BTreeMap<_, _>>(),
        seed: swept("seed").map_or(raw.seed.unwrap_or(1), |x| x as u64),
        source,
        lattice: facts.lattice,
        temperature,
        rows: facts.rows,
        n_visible,
        n_hidden: facts.n_hidden.or(hidden.map(|n| size(Some(n)))),
        names: facts.names.clone(),
        train: None,
        sample: None,
        likelihood: None,
        observe: false,
        couplings: None,
    })
}

/// Training settings of every point: the scenario's, then overrides in order, then the sweep.
fn settle_training(raw: &RawScenario, facts: &Facts, points: &mut [Point], notes: &mut Mistakes<'_>) {
    let Some(base) = &raw.train else { return };
    for point in points.iter_mut() {
        point.train = train_of(base, raw, "train", facts, point, notes);
    }
    let mut settled: Vec<(RawTrain, String)> = vec![(base.clone(), "train".to_string()); points.len()];
    for (i, over) in raw.overrides.iter().enumerate() {
        let chosen = selected(&over.at, points);
        if chosen.is_empty() && !points.is_empty() {
            notes.at(
                &format!("overrides[{i}].at"),
                "no point has these values",
                "values of the sweep or of the scenario",
                "write the numbers exactly as in the sweep",
            );
        }
        for p in chosen {
            settled[p] = (merge(&settled[p].0, &over.train), format!("overrides[{i}].train"));
        }
    }
    for (point, (train, block)) in points.iter_mut().zip(&settled) {
        point.train = train_of(train, raw, block, facts, point, notes);
    }
}

fn train_of(
    train: &RawTrain,
    raw: &RawScenario,
    block: &str,
    facts: &Facts,
    point: &Point,
    notes: &mut Mistakes<'_>,
) -> Option<TrainPlan> {
    let path = |name: &str| format!("{block}.{name}");
    let rows = facts.rows?;
    let held_out = train.held_out.unwrap_or(0.0);
    let training = rows - held_out_rows(rows, held_out);
    let batch = train.batch.unwrap_or(1);
    if training == 0 && (0.0..1.0).contains(&held_out) {
        let expected = "at least one row to train on";
        notes.at(
            &path("held_out"),
            format!("`held_out` leaves none of {rows} rows"),
            expected,
            "write a smaller fraction",
        );
    } else if batch > training as u64 && training > 0 {
        notes.at(
            &path("batch"),
            format!("a minibatch of {batch} rows, but there are {training} training rows"),
            format!("a whole number from 1 to {training}"),
            format!("write batch: {}", training.min(500)),
        );
    }
    if train.patience.is_some() && training == rows && held_out > 0.0 {
        let expected = "rows that are not trained on, to be looked at";
        let what = format!("`held_out` keeps none of {rows} rows out");
        notes.at(&path("patience"), what, expected, "write a larger fraction, or leave out `patience`");
    }
    let per_epoch = (training as u64 / batch.max(1)).max(1);
    let updates = train.updates.unwrap_or_else(|| train.epochs.unwrap_or(1).saturating_mul(per_epoch));
    let gibbs_steps = point.values.get("gibbs_steps").map_or(train.gibbs_steps.unwrap_or(1), |x| *x as u64);
    let steps = updates.saturating_mul(gibbs_steps);
    if steps > MAX_COUNT {
        notes.at(
            &path(if train.updates.is_some() { "updates" } else { "epochs" }),
            format!("{updates} updates of {gibbs_steps} Gibbs steps are {steps} steps"),
            format!("at most {MAX_COUNT} steps: they are addressed with 32 bits"),
            "take fewer updates",
        );
    }
    let n_hidden = point.n_hidden?;
    if n_hidden.checked_mul(point.n_visible).is_none_or(|n| n > MAX_WEIGHTS) {
        let swept = raw.sweep.as_ref().is_some_and(|s| s.hidden.is_some());
        notes.at(
            if swept { "sweep.hidden" } else { "model.hidden" },
            format!("{} visible times {n_hidden} hidden units are too many weights", point.n_visible),
            format!("at most {MAX_WEIGHTS} weights"),
            "take fewer hidden units",
        );
    }
    let augment = train.augment.unwrap_or_default();
    if let Err(Fault { what, expected, advice, .. }) = augment.moves(point.lattice) {
        notes.at(&path("augment"), what, expected.unwrap_or_default(), advice.unwrap_or_default());
    }
    let algorithm = train.algorithm.unwrap_or(Algorithm::Pcd);
    let chains = size(if algorithm.has_chains() { train.chains } else { Some(batch) });
    let (descent, penalties) = train.choice().resolve(size(Some(batch)), chains);
    Some(TrainPlan {
        n_hidden,
        start: Start {
            weight_scale: raw.model.as_ref().and_then(|m| m.weight_scale).unwrap_or(0.0),
            anchor: raw.model.as_ref().and_then(|m| m.anchor).unwrap_or(0.0),
        },
        units: raw.model.as_ref().and_then(|m| m.units).unwrap_or_default(),
        algorithm,
        gibbs_steps: word(Some(gibbs_steps)),
        chains,
        batch: size(Some(batch)),
        updates,
        learning_rate: point.values.get("learning_rate").copied().or(train.learning_rate).unwrap_or(0.0),
        schedule: train.schedule.unwrap_or(Schedule::Constant),
        descent,
        penalties,
        centred: train.centred.unwrap_or(true),
        bias_rate: train.bias_rate.unwrap_or(1.0),
        offset_rate: train.offset_rate.unwrap_or(0.0),
        flip: train.flip.unwrap_or(false),
        translations: train.translations.unwrap_or(false),
        augment,
        rungs: size(train.rungs),
        online: size(train.online_chains),
        held_out_rows: rows - training,
        metrics: word(train.metrics),
        checkpoints: word(train.checkpoints),
        keep_checkpoints: word(train.keep_checkpoints),
        patience: train.patience,
        keep_going: train.keep_going.unwrap_or(false),
    })
}
