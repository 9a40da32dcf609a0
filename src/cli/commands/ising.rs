//! `gibbsite ising`.

use crate::backend::Backend;
use crate::cli::args::{Global, IsingArgs};
use crate::cli::console::Console;
use crate::cli::text;
use crate::data;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::ising::{Settings, default_rule, parse_rule};
use crate::record::IsingRecord;
use crate::run::Source;
use crate::run::device::{Job, with_backend};
use crate::run::ising::ising as ising_stage;

pub(in crate::cli) fn ising(args: &IsingArgs, global: &Global, console: &mut Console) -> Result<()> {
    let lattice = args.lattice.parse()?;
    let rule = args.algorithm.as_deref().map_or_else(
        || Ok(default_rule(lattice)),
        |name| {
            parse_rule(name).ok_or_else(|| {
                Error::Input(
                    Fault::new(format!("algorithm \"{name}\"")).at("--algorithm").expected("metropolis or heat-bath"),
                )
            })
        },
    )?;
    let settings = Settings {
        lattice,
        temperature: args.temperature,
        samples: args.samples,
        rule,
        replicas: args.replicas,
        thermalise: None,
        spacing: args.every,
        seed: global.seed(),
    };
    settings.validate()?;
    if let Some(path) = &args.out {
        data::check_samples_output(path)?;
    }
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}", global.seed())));
    let (record, source) = with_backend(&global.device_request(), Ising { settings: &settings, listener })?;
    let mut out = text::observables(&record.observables, record.exact.as_ref());
    out += &format!(
        "  {} replicas, {} sweeps to thermalise, {} between samples, {:.3} flips/ns\n",
        record.replicas, record.thermalisation, record.spacing, record.flips_per_ns
    );
    if let Some(path) = &args.out {
        data::write(path, &source.data)?;
        out += &format!("  samples in {}\n", path.display());
    }
    console.result(&record, &out)
}

struct Ising<'a, L> {
    settings: &'a Settings,
    listener: &'a mut L,
}

impl<L: Listener + Send> Job for Ising<'_, L> {
    type Output = (IsingRecord, Source);

    fn run<B: Backend>(self, backend: &B) -> Result<Self::Output> {
        ising_stage(backend, self.settings, self.listener)
    }
}
