//! `gibbsite sample MODEL`.

use serde_json::json;

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::cli::args::{Global, SampleArgs, Switch};
use crate::cli::console::Console;
use crate::data::{self, DataSet, Model, read_model};
use crate::error::Result;
use crate::events::{Event, Listener};
use crate::run::device::{Job, with_backend};
use crate::sample::{self, Settings};

pub(in crate::cli) fn sample(args: &SampleArgs, global: &Global, console: &mut Console) -> Result<()> {
    let model = read_model(&args.model)?;
    data::check_samples_output(&args.out)?;
    let settings = Settings {
        samples: args.samples,
        chains: args.chains,
        thermalise: args.thermalise,
        every: args.every,
        flip: match args.flip {
            Switch::Auto => model.meta.lattice.is_some(),
            Switch::On => true,
            Switch::Off => false,
        },
        seed: global.seed(),
    };
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}", global.seed())));
    let samples = with_backend(&global.device_request(), Sample { model: &model, settings: &settings, listener })?;
    let mut data = DataSet::new(samples, format!("samples of {}", args.model.display()));
    data.names = model.meta.names.clone();
    data.lattice = model.meta.lattice;
    data.temperature = model.meta.temperature;
    data.seed = Some(global.seed());
    let rows = data.samples.rows();
    let chains = settings.chains.min(rows);
    data.replicas = Some((0..rows).map(|row| (row % chains) as u32).collect());
    data::write(&args.out, &data)?;
    let summary = json!({
        "samples": rows, "units": data.samples.cols(), "chains": chains, "thermalise": args.thermalise,
        "every": args.every, "seed": global.seed(), "file": args.out,
    });
    let text = format!("{rows} samples of {} units in {}", data.samples.cols(), args.out.display());
    console.result(&summary, &text)
}

struct Sample<'a, L> {
    model: &'a Model,
    settings: &'a Settings,
    listener: &'a mut L,
}

impl<L: Listener + Send> Job for Sample<'_, L> {
    type Output = BitMatrix;

    fn run<B: Backend>(self, backend: &B) -> Result<BitMatrix> {
        sample::sample(backend, &self.model.rbm, self.settings, None, self.listener)
    }
}
