//! `--quick`: the same scenario, small enough to see that everything works; its promises are not checked.

use super::raw::{RawScenario, RawSource};
use crate::settings::{HeldOut, TrainSettings};
use crate::train::held_out_rows;

/// Divides a number, but not below `least` and never above what it was.
fn less(number: &mut Option<u64>, divisor: u64, least: u64) {
    if let Some(n) = number {
        *n = (*n / divisor).max(least).min(*n);
    }
}

/// Scales a filled scenario down:
///
/// | | divided by | not below |
/// | --- | --- | --- |
/// | samples of the source and of the machine | 10 | 1000 |
/// | replicas, chains | 10 | 100 |
/// | updates, epochs | 20 | 200, 1 |
/// | chains that follow a training | | 64 |
/// | inverse temperatures | 10 | 100 |
/// | measurements and checkpoints during training | 5 | 2 |
///
/// Minibatches shrink only where the rows no longer fill them. Promises are removed.
pub(crate) fn scale(raw: &mut RawScenario, rows: &mut Option<usize>) {
    if let RawSource::Ising { samples, replicas, .. } = &mut raw.source {
        let mut fewer = Some(*samples);
        less(&mut fewer, 10, 1000);
        *samples = fewer.unwrap_or(*samples);
        less(replicas, 10, 100);
        *rows = rows.and(usize::try_from(*samples).ok());
    }
    let scale_train = |train: &mut TrainSettings, held_out: f64| {
        less(&mut train.chains, 10, 100);
        less(&mut train.updates, 20, 200);
        less(&mut train.epochs, 20, 1);
        less(&mut train.online_chains, u64::MAX, crate::train::FEWEST as u64);
        less(&mut train.metrics, 5, 2);
        less(&mut train.checkpoints, 5, 2);
        if let (Some(batch), Some(rows)) = (&mut train.batch, *rows) {
            let kept_out = held_out_rows(rows, train.held_out.as_ref().map_or(held_out, HeldOut::fraction));
            *batch = (*batch).min((rows - kept_out) as u64);
        }
    };
    let held_out = raw.train.as_ref().and_then(|t| t.held_out.as_ref()).map_or(0.0, HeldOut::fraction);
    if let Some(train) = &mut raw.train {
        scale_train(train, held_out);
    }
    for over in &mut raw.overrides {
        scale_train(&mut over.train, held_out);
    }
    if let Some(sample) = &mut raw.sample {
        less(&mut sample.samples, 10, 1000);
        less(&mut sample.chains, 10, 100);
    }
    if let Some(likelihood) = &mut raw.likelihood {
        less(&mut likelihood.chains, 10, 100);
        less(&mut likelihood.betas, 10, 100);
    }
    raw.expect.clear();
}
