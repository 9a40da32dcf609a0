//! Couplings of the variables in a .npy file of 0 and 1, strongest first:
//! cargo run --release --example couplings_of_npy -- rows.npy
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::path::PathBuf;

use gibbsite::settings::{Basis, CouplingsSettings, ModelSettings, TrainSettings};
use gibbsite::{BitMatrix, DataSet, Engine, Result, files};

pub(crate) fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("gibbsite-couplings-{}", std::process::id()));
    let data =
        match std::env::args_os().nth(1).map(PathBuf::from).filter(|path| path.extension().is_some_and(|e| e == "npy"))
        {
            Some(path) => files::read(&path)?,
            // Without a file: one in which unit 1 follows unit 0 and nothing else is coupled.
            None => {
                std::fs::create_dir_all(&folder).expect("a directory for a file");
                let path = folder.join("rows.npy");
                let rows = BitMatrix::from_fn(2000, 5, |r, j| match j {
                    1 => (r * 7919 % 13 < 6) != (r % 10 == 0),
                    0 => r * 7919 % 13 < 6,
                    _ => ((r * 7919) >> j) & 1 == 1,
                });
                files::write(&path, &DataSet::new(rows, "made here"))?;
                files::read(&path)?
            }
        };
    let engine = Engine::cpu(None)?;
    let model = ModelSettings { hidden: Some(data.samples.cols() as u64), ..ModelSettings::default() };
    let train = TrainSettings { updates: Some(2000), chains: Some(200), ..TrainSettings::default() };
    let trained = engine.train(&data, &model, &train, 1)?;
    let settings =
        CouplingsSettings { orders: Some(vec![2]), bases: Some(vec![Basis::Spin]), ..CouplingsSettings::default() };
    let mut found = engine.couplings(&trained, &settings)?;
    found.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let names = trained.unit_names();
    for coupling in found.iter().take(10) {
        println!("{:+.4}  {} {}", coupling.value, names[coupling.units[0]], names[coupling.units[1]]);
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}
