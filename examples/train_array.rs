//! Trains an RBM on an array of one's own and prints what it has learned: cargo run --release --example train_array
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use gibbsite::settings::{LikelihoodSettings, ModelSettings, TrainSettings};
use gibbsite::{BitMatrix, DataSet, Engine, Result};

pub(crate) fn main() -> Result<()> {
    // 1000 rows of 10 units; units 2k and 2k + 1 are equal in seven rows of eight.
    let rows = BitMatrix::from_fn(1000, 10, |r, j| (r >> (j / 2) & 1 == 1) != (j % 2 == 1 && (r / 3 + j) % 8 == 0));
    let data = DataSet::new(rows, "pairs of units");
    let engine = Engine::cpu(None)?;
    let model = ModelSettings { hidden: Some(8), ..ModelSettings::default() };
    let train = TrainSettings { updates: Some(1000), chains: Some(100), ..TrainSettings::default() };
    let trained = engine.train(&data, &model, &train, 1)?;
    let found = engine.likelihood(&trained, Some(&data), &LikelihoodSettings::default(), 1)?;
    let best = found.log_likelihood["data"].best().expect("rows were given");
    println!(
        "log-likelihood {:.3} ± {:.3} nats; independent units have {:.3}",
        best.value,
        best.error,
        -10.0 * 2f64.ln()
    );
    Ok(())
}
