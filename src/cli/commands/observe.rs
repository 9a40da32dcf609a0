//! `gibbsite observe SAMPLES`.

use crate::cli::args::{Global, ObserveArgs};
use crate::cli::console::Console;
use crate::cli::text;
use crate::data;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::observables::exact_observables;
use crate::run::device::{DeviceRequest, Job, with_backend};
use crate::run::observe::observe as observe_stage;

pub(in crate::cli) fn observe(args: &ObserveArgs, global: &Global, console: &mut Console) -> Result<()> {
    let data = at_one_temperature(data::read(&args.samples)?, args.temperature)?;
    let missing = |what: &str, flag: &str| {
        Error::Input(
            Fault::new(format!("no {what}"))
                .at(args.samples.display())
                .expected(format!("a {what} in the file or by flag"))
                .advice(format!("give {flag}")),
        )
    };
    let lattice = match &args.lattice {
        Some(text) => text.parse()?,
        None => data.lattice.ok_or_else(|| missing("lattice", "--lattice square:8"))?,
    };
    let temperature =
        args.temperature.or(data.temperature).ok_or_else(|| missing("temperature", "--temperature 2.2"))?;
    let replicas = data.replicas.as_ref().and_then(|r| r.iter().max()).map_or(1, |&r| r as usize + 1);
    let request = DeviceRequest { choice: crate::run::device::Choice::Cpu, ..global.device_request() };
    let observed = with_backend(&request, Observe(&data, lattice, temperature, replicas))?;
    let exact = exact_observables(lattice, temperature);
    if let Some(few) = observed.few_samples() {
        console.listener().event(Event::Warning(few));
    }
    console.result(&observed, &text::observables(&observed, exact.as_ref()))
}

/// The samples of one temperature, from a file that may hold several.
fn at_one_temperature(data: data::DataSet, wanted: Option<f64>) -> Result<data::DataSet> {
    let Some(temperatures) = &data.temperatures else { return Ok(data) };
    let rows: Vec<usize> = (0..temperatures.len()).filter(|&row| Some(temperatures[row]) == wanted).collect();
    if rows.is_empty() {
        let mut all = temperatures.clone();
        all.sort_by(f64::total_cmp);
        all.dedup();
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        return Err(Error::Input(
            Fault::new("samples at several temperatures, and none picked")
                .at(&data.source)
                .expected(format!("one of {}", all.join(", ")))
                .advice("give --temperature"),
        ));
    }
    let of_rows = |numbers: &Vec<u32>| -> Vec<u32> { rows.iter().map(|&row| numbers[row]).collect() };
    Ok(data::DataSet {
        samples: data.samples.select_rows(&rows),
        temperature: wanted,
        temperatures: None,
        sweeps: data.sweeps.as_ref().map(of_rows),
        replicas: data.replicas.as_ref().map(of_rows),
        labels: data.labels.as_ref().map(|l| rows.iter().map(|&row| l[row].clone()).collect()),
        ..data
    })
}

struct Observe<'a>(&'a data::DataSet, crate::lattice::Lattice, f64, usize);

impl Job for Observe<'_> {
    type Output = crate::record::Observables;

    fn run<B: crate::backend::Backend>(self, _backend: &B) -> Result<Self::Output> {
        observe_stage(&self.0.samples, self.1, self.2, self.3)
    }
}
