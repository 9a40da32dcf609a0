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
    let data = data::read_telling(&args.samples, console.listener())?;
    let own_temperature = data.temperature;
    let data = data.at_temperature(args.temperature)?;
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
    let temperature = data.temperature.ok_or_else(|| missing("temperature", "--temperature 2.2"))?;
    if let Some(own) = data.lattice.filter(|&own| own != lattice) {
        let warning = format!("the file says that its samples are of {own}: they are observed as those of {lattice}");
        console.listener().event(Event::Warning(warning));
    }
    if let Some(own) = own_temperature.filter(|&own| own != temperature) {
        let warning =
            format!("the file says that its samples are of temperature {own}: they are observed at {temperature}");
        console.listener().event(Event::Warning(warning));
    }
    let replicas = data.replicas.as_ref().and_then(|r| r.iter().max()).map_or(1, |&r| r as usize + 1);
    let request = DeviceRequest { choice: crate::run::device::Choice::Cpu, ..global.device_request() };
    let observed = with_backend(&request, Observe(&data, lattice, temperature, replicas))?;
    let exact = exact_observables(lattice, temperature);
    if let Some(few) = observed.few_samples() {
        console.listener().event(Event::Warning(few));
    }
    console.result(&observed, &text::observables(&observed, exact.as_ref()))
}

struct Observe<'a>(&'a data::DataSet, crate::lattice::Lattice, f64, usize);

impl Job for Observe<'_> {
    type Output = crate::record::Observables;

    fn run<B: crate::backend::Backend>(self, _backend: &B) -> Result<Self::Output> {
        observe_stage(&self.0.samples, self.1, self.2, self.3)
    }
}
