//! Fills in what a scenario leaves out, so that the resolved file says everything.

use std::path::{Path, PathBuf};

use super::facts::Facts;
use super::raw::{RawScenario, RawSource, SpinRule};
use crate::settings::{LikelihoodSettings, SampleSettings, TrainSettings};
use crate::train::Optimizer;

/// Makes every path of a scenario absolute; they are relative to `base`.
pub(crate) fn settle_paths(raw: &mut RawScenario, base: &Path) {
    if let RawSource::File { path, .. } | RawSource::Model { path } = &mut raw.source {
        *path = absolute(base, Path::new(&*path)).display().to_string();
    }
    let trains = raw.train.iter_mut().chain(raw.overrides.iter_mut().map(|over| &mut over.train));
    let of_trains = trains.flat_map(TrainSettings::paths);
    let of_sample = raw.sample.iter_mut().flat_map(SampleSettings::paths);
    let of_likelihood = raw.likelihood.iter_mut().flat_map(LikelihoodSettings::paths);
    of_trains.chain(of_sample).chain(of_likelihood).for_each(|path| *path = absolute(base, path));
}

/// A path made absolute without asking the file system about it.
fn absolute(base: &Path, path: &Path) -> PathBuf {
    let joined = base.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}

/// Writes every default that does not depend on the point of a sweep.
pub(crate) fn fill(raw: &mut RawScenario, facts: &Facts) {
    let about = facts.about();
    raw.seed.get_or_insert(1);
    if let RawSource::Ising { samples, algorithm, replicas, .. } = &mut raw.source {
        algorithm.get_or_insert(SpinRule::Metropolis);
        replicas.get_or_insert(1000.min((*samples).max(1)));
    }
    let decided = raw.train.as_ref().is_some_and(|train| train.is_automatic(&about));
    raw.model = raw.model.take().map(|model| model.filled(&about, decided));
    if let Some(train) = &mut raw.train {
        if raw.overrides.iter().any(|o| o.train.momentum.is_some()) {
            train.optimizer.get_or_insert(Optimizer::Sgd);
        }
        *train = std::mem::take(train).filled(&about);
    }
    raw.sample = raw.sample.take().map(|sample| sample.filled(&about));
    raw.likelihood = raw.likelihood.take().map(LikelihoodSettings::filled);
    raw.couplings = raw.couplings.take().map(|couplings| couplings.filled(&about));
}
