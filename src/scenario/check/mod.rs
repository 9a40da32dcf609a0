//! From a filled scenario to a plan, with every mistake of meaning noted on the way.

mod blocks;
mod expect;
mod points;

use super::facts::Facts;
use super::mistake::Mistakes;
use super::plan::{Plan, Point, Source};
use super::raw::{RawAt, RawScenario, RawSource};
use crate::settings::{CouplingsSettings, LikelihoodSettings, SampleSettings, TrainSettings};

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
        blocks::model(model, notes);
    }
    let blocks = [
        ("train", raw.train.as_ref().map(TrainSettings::check)),
        ("sample", raw.sample.as_ref().map(SampleSettings::check)),
        ("likelihood", raw.likelihood.as_ref().map(LikelihoodSettings::check)),
        ("couplings", raw.couplings.as_ref().map(CouplingsSettings::check)),
    ];
    for (block, problems) in blocks {
        notes.all(block, problems.unwrap_or_default());
    }
    for (i, over) in raw.overrides.iter().enumerate() {
        notes.all(&format!("overrides[{i}].train"), over.train.check());
        if raw.train.is_none() {
            notes.at(
                &format!("overrides[{i}]"),
                "other training settings, but nothing is trained",
                "`train`",
                "add train: ()",
            );
        }
    }
    let points = points::expand(raw, facts, notes);
    let expect = expect::check(raw, &points, notes);
    for ising in points.iter().filter_map(|p| if let Source::Ising(plan) = &p.source { Some(plan) } else { None }) {
        if notes.is_empty()
            && let Err(error) = ising.settings(0).validate()
        {
            notes.error_at("source.samples", error);
        }
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
        inputs: facts.files.clone(),
        resolved,
    })
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
