//! Looks at the machine during its training with a metric of one's own, and ends the training by it:
//! cargo run --release --example custom_metric
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::ops::ControlFlow;
use std::sync::Mutex;

use gibbsite::settings::{ModelSettings, TrainSettings};
use gibbsite::{BitMatrix, CheckpointStore, DataSet, Engine, Result, Step};

pub(crate) fn main() -> Result<()> {
    let rows = BitMatrix::from_fn(500, 8, |r, j| (r + j) % 5 < 2);
    let data = DataSet::new(rows, "rows");
    let engine = Engine::cpu(None)?;
    let model = ModelSettings { hidden: Some(6), ..ModelSettings::default() };
    let train = TrainSettings { updates: Some(5000), chains: Some(100), ..TrainSettings::default() };
    let largest: Mutex<Vec<(u64, f32)>> = Mutex::default();
    // Every hundredth update: the largest weight, beyond 6 of which the training is to end.
    let each = |step: &Step<'_>| {
        if !step.update.is_multiple_of(100) {
            return Ok(ControlFlow::Continue(()));
        }
        let size = step.machine()?.weights.iter().fold(0f32, |most, w| most.max(w.abs()));
        largest.lock().expect("one thread").push((step.update, size));
        Ok(if size > 6.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    let trained = engine.train_watched(&data, &model, &train, 1, &CheckpointStore::nowhere(), &each)?;
    let seen = largest.lock().expect("one thread");
    println!(
        "{} looks, the last at {:?}; ended after {:?} updates",
        seen.len(),
        seen.last(),
        trained.meta.provenance.updates
    );
    Ok(())
}
