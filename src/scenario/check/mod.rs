//! From a filled scenario to a plan, with every mistake of meaning noted on the way.

mod blocks;
mod expect;
mod points;

use super::facts::Facts;
use super::mistake::Mistakes;
use super::plan::{MAX_EXACT_UNITS, Plan, Point, Source};
use super::raw::{Exact, RawAt, RawScenario, RawSource};
use crate::couplings::MAX_WORK;
use crate::sample;
use crate::train::limits::mistakes;

/// Most points of a sweep.
const MAX_POINTS: usize = 10_000;

/// Checks everything; a plan comes out only when nothing was noted.
pub(crate) fn check(raw: &RawScenario, facts: &Facts, resolved: String, notes: &mut Mistakes<'_>) -> Option<Plan> {
    if raw.version != 1 {
        notes.at("version", format!("version {}", raw.version), "version: 1", "this program reads version 1 only");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if raw.name.is_empty() || raw.name.starts_with('.') || !raw.name.chars().all(plain) {
        notes.at(
            "name",
            format!("the name {:?}", raw.name),
            "letters, digits, `-`, `_` and `.`, not empty: it names the run directory",
            "put free text into `title`",
        );
    }
    seed(notes, "seed", raw.seed);
    stages(raw, notes);
    blocks::source(raw, notes);
    if let Some(model) = &raw.model {
        blocks::model(model, raw, notes);
    }
    if let Some(train) = &raw.train {
        blocks::train(train, "train", notes);
    }
    for (i, over) in raw.overrides.iter().enumerate() {
        blocks::train(&over.train, &format!("overrides[{i}].train"), notes);
        if raw.train.is_none() {
            notes.at(
                &format!("overrides[{i}]"),
                "other training settings, but nothing is trained",
                "`train`",
                "add train: ()",
            );
        }
    }
    let sample = raw.sample.as_ref().map(|s| blocks::sample(s, notes));
    let likelihood = raw.likelihood.as_ref().map(|l| blocks::likelihood(l, notes));
    let couplings = raw.couplings.as_ref().map(|c| blocks::couplings(c, facts, notes));
    let mut points = points::expand(raw, facts, notes);
    for point in &mut points {
        point.sample = sample;
        point.couplings.clone_from(&couplings);
        point.observe = raw.observe.is_some();
        point.likelihood = likelihood.map(|(mut plan, exact)| {
            let smaller = point.n_hidden.map_or(usize::MAX, |n| n.min(point.n_visible));
            if exact == Exact::Always && smaller > MAX_EXACT_UNITS && point.n_hidden.is_some() {
                notes.at(
                    "likelihood.exact",
                    format!(
                        "ln Z of {} visible and {smaller} or more hidden units cannot be enumerated",
                        point.n_visible
                    ),
                    format!("at most {MAX_EXACT_UNITS} units on the smaller side"),
                    "write exact: auto",
                );
            }
            plan.exact = exact != Exact::Never && smaller <= MAX_EXACT_UNITS;
            plan
        });
    }
    let expect = expect::check(raw, &points, notes);
    if notes.is_empty() {
        ask_stages(&points, notes);
    }
    if !notes.is_empty() {
        return None;
    }
    Some(Plan {
        name: raw.name.clone(),
        title: raw.title.clone(),
        seed: raw.seed.unwrap_or(1),
        points,
        expect,
        inputs: facts.file.iter().cloned().collect(),
        resolved,
    })
}

/// Notes what the stages themselves would refuse, so that a plan which passes can be run.
fn ask_stages(points: &[Point], notes: &mut Mistakes<'_>) {
    for point in points {
        let seed = point.stage_seed();
        if let Source::Ising(ising) = &point.source
            && let Err(error) = ising.settings(seed).validate()
        {
            notes.error_at("source.samples", error);
        }
        if let Some(train) = &point.train {
            match train.settings(point.lattice, seed) {
                Ok(settings) => {
                    for (key, fault) in mistakes(&settings) {
                        let (expected, advice) = (fault.expected.unwrap_or_default(), fault.advice.unwrap_or_default());
                        notes.at(&format!("train.{key}"), fault.what, expected, advice);
                    }
                }
                Err(error) => notes.error_at("train", error),
            }
        }
        if let Some(sample) = &point.sample
            && let Err(error) = sample::check(point.n_visible, &sample.settings(point.lattice, seed))
        {
            notes.error_at("sample.samples", error);
        }
        if let (Some(couplings), Some(n_hidden)) = (&point.couplings, point.n_hidden) {
            let work = couplings.work(point.n_visible, n_hidden);
            if work > MAX_WORK {
                let what = format!("these couplings take about {work:.0e} operations");
                let advice = "choose some of the units: units: [0, 1, 2], or leave out order 3";
                notes.at("couplings.orders", what, format!("at most {MAX_WORK:.0e}"), advice);
            }
        }
    }
}

/// Seeds are numbers in the records, which hold whole numbers up to 2⁵³ exactly.
fn seed(notes: &mut Mistakes<'_>, path: &str, seed: Option<u64>) {
    if seed.is_some_and(|s| s > 1 << 53) {
        notes.at(path, "the seed is too large", format!("at most {}", 1u64 << 53), "take a smaller one");
    }
}

/// Stages that need another one.
fn stages(raw: &RawScenario, notes: &mut Mistakes<'_>) {
    let is_model = matches!(raw.source, RawSource::Model { .. });
    let machine = is_model || raw.train.is_some();
    if is_model {
        for (path, given) in [("train", raw.train.is_some()), ("model", raw.model.is_some())] {
            if given {
                notes.at(
                    path,
                    format!("`{path}` with a source that is a trained model already"),
                    "an Ising or File source to train on",
                    format!("remove `{path}`"),
                );
            }
        }
    } else if raw.train.is_some() && raw.model.is_none() {
        notes.at("train", "`train` without `model`", "the machine to train", "add for example model: (hidden: 64)");
    } else if raw.model.is_some() && raw.train.is_none() {
        notes.at("model", "`model` without `train`", "how to train it", "add train: ()");
    }
    let needs_machine = [
        ("sample", raw.sample.is_some()),
        ("likelihood", raw.likelihood.is_some()),
        ("couplings", raw.couplings.is_some()),
    ];
    for (path, given) in needs_machine {
        if given && !machine {
            notes.at(
                path,
                format!("`{path}` without a machine"),
                "a machine that is trained or read",
                "add model: (hidden: 64) and train: (), or take a Model source",
            );
        }
    }
    if raw.observe.is_some() && raw.sample.is_none() {
        notes.at("observe", "`observe` without `sample`", "samples of the machine to observe", "add sample: ()");
    }
}

/// Points whose values agree with everything `at` says.
fn selected(at: &RawAt, points: &[Point]) -> Vec<usize> {
    let agrees = |point: &Point| {
        at.given().iter().all(|(name, wanted)| {
            let found = points::value_of(point, name);
            found.is_some_and(|x| (x - wanted).abs() <= 1e-9 * wanted.abs())
        })
    };
    (0..points.len()).filter(|&p| agrees(&points[p])).collect()
}
