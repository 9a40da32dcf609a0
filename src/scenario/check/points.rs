//! The points of a sweep: one for every combination of the swept values.

use std::collections::BTreeMap;

use super::super::facts::Facts;
use super::super::mistake::Mistakes;
use super::super::plan::{IsingPlan, Part, Point, Source, SpinRule};
use super::super::raw::{RawScenario, RawSource};
use super::blocks::{self, size, word};
use super::{MAX_POINTS, selected};
use crate::settings::{ModelSettings, Problem, TrainPlan, TrainSettings, default_hidden};

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
        "gibbs_steps" => point.train.as_ref().map(|t| f64::from(t.settings.gibbs_steps)),
        "learning_rate" => point.train.as_ref().map(|t| t.settings.learning_rate),
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
    settle_stages(raw, facts, &mut points, notes);
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
        RawSource::File { path, parts, part, .. } => {
            let number = swept("part").map(|x| x as usize).or(part.map(|n| n as usize));
            let part = parts.zip(number).map(|(of, number)| Part {
                number: number.saturating_sub(1),
                of: of as usize,
                seed: raw.seed.unwrap_or(1),
            });
            Source::File(path.into(), part)
        }
        RawSource::Model { path } => Source::Model(path.into()),
    };
    let hidden = swept("hidden")
        .map(|x| x as u64)
        .or(raw.model.as_ref().map(|m| m.hidden.unwrap_or_else(|| default_hidden(&facts.about()))));
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

/// What the stages do at every point. Training settings are the scenario's, then overrides in order, then the sweep.
fn settle_stages(raw: &RawScenario, facts: &Facts, points: &mut [Point], notes: &mut Mistakes<'_>) {
    settle_training(raw, facts, points, notes);
    for point in points.iter_mut() {
        let about = facts.about();
        let seed = point.stage_seed();
        let smaller = point.n_hidden.map(|n| n.min(point.n_visible));
        point.observe = raw.observe.is_some();
        let sample = raw.sample.as_ref().map(|said| said.resolve(&about, facts.sample_along.clone(), seed));
        point.sample = settled("sample", sample, notes);
        let likelihood = raw.likelihood.as_ref();
        let likelihood = likelihood.map(|said| said.resolve(smaller, facts.likelihood_along.clone(), seed));
        point.likelihood = settled("likelihood", likelihood, notes);
        let couplings = raw.couplings.as_ref();
        let couplings = couplings.map(|said| said.resolve(&about, point.n_hidden, facts.names.as_deref()));
        point.couplings = settled("couplings", couplings, notes);
    }
}

/// The plan of a stage, or notes of why there is none.
fn settled<T>(block: &str, plan: Option<Result<T, Vec<Problem>>>, notes: &mut Mistakes<'_>) -> Option<T> {
    plan?.map_err(|problems| notes.all(block, problems)).ok()
}

fn settle_training(raw: &RawScenario, facts: &Facts, points: &mut [Point], notes: &mut Mistakes<'_>) {
    let (Some(base), Some(model)) = (&raw.train, &raw.model) else { return };
    for point in points.iter_mut() {
        point.train = train_of(base, model, "train", facts, point, notes);
    }
    let mut settled: Vec<(TrainSettings, String)> = vec![(base.clone(), "train".to_string()); points.len()];
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
            settled[p] = (settled[p].0.overlaid(&over.train), format!("overrides[{i}].train"));
        }
    }
    for (point, (train, block)) in points.iter_mut().zip(&settled) {
        point.train = train_of(train, model, block, facts, point, notes);
    }
}

fn train_of(
    train: &TrainSettings,
    model: &ModelSettings,
    block: &str,
    facts: &Facts,
    point: &Point,
    notes: &mut Mistakes<'_>,
) -> Option<TrainPlan> {
    facts.rows?;
    let (mut train, mut model) = (train.clone(), model.clone());
    model.hidden = Some(point.n_hidden? as u64);
    if let Some(steps) = point.values.get("gibbs_steps") {
        train.gibbs_steps = Some(*steps as u64);
    }
    if let Some(rate) = point.values.get("learning_rate") {
        train.learning_rate = Some(*rate);
    }
    let resolved = train.resolve(&model, &facts.about(), point.stage_seed());
    let problems = resolved.map_err(|problems| {
        // Swept values have been looked at one by one.
        for problem in problems.into_iter().filter(|problem| !point.values.contains_key(&problem.path)) {
            let path = match problem.path.as_str() {
                "model.hidden" if point.values.contains_key("hidden") => "sweep.hidden".to_string(),
                of_model if of_model.starts_with("model.") => of_model.to_string(),
                of_train => format!("{block}.{of_train}"),
            };
            notes.at(&path, problem.what, problem.expected, problem.advice);
        }
    });
    problems.ok()
}
