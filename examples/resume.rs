//! A training that is stopped on the way and goes on from its checkpoint, to the same machine:
//! cargo run --release --example resume
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::ops::ControlFlow;

use gibbsite::settings::{ModelSettings, TrainSettings};
use gibbsite::{BitMatrix, CheckpointStore, DataSet, Engine, Error, Result, Step};

pub(crate) fn main() -> Result<()> {
    let rows = BitMatrix::from_fn(400, 6, |r, j| r * (j + 3) % 7 < 3);
    let data = DataSet::new(rows, "rows");
    let engine = Engine::cpu(None)?;
    let model = ModelSettings { hidden: Some(4), ..ModelSettings::default() };
    let train =
        TrainSettings { updates: Some(300), chains: Some(50), checkpoints: Some(6), ..TrainSettings::default() };
    let folder = std::env::temp_dir().join(format!("gibbsite-resume-{}", std::process::id()));
    let checkpoints = CheckpointStore::new(folder, 2);
    // Something goes wrong after update 120: the checkpoint of update 100 stays.
    let stop = |step: &Step<'_>| match step.update {
        120 => Err(Error::device("the power is cut")),
        _ => Ok(ControlFlow::Continue(())),
    };
    let stopped = engine.train_watched(&data, &model, &train, 1, &checkpoints, &stop);
    println!("{}", stopped.err().map_or(String::new(), |error| error.to_string()));
    let on = |_: &Step<'_>| Ok(ControlFlow::Continue(()));
    let resumed = engine.train_watched(&data, &model, &train, 1, &checkpoints, &on)?;
    let whole = engine.train(&data, &model, &train, 1)?;
    assert_eq!(resumed.rbm, whole.rbm);
    println!("the same machine as of one piece");
    checkpoints.remove()
}
