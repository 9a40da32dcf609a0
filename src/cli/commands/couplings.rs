//! `gibbsite couplings MODEL`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::backend::Backend;
use crate::cli::args::{BasisName, CouplingsArgs, Global};
use crate::cli::check_outputs;
use crate::cli::console::Console;
use crate::couplings::{Basis, default_orders};
use crate::data::{self, Model, read_model, through_links};
use crate::error::Result;
use crate::record::CouplingsRecord;
use crate::run::couplings::{CouplingsPlan, read_couplings};
use crate::run::device::{Choice, DeviceRequest, Job, with_backend};

pub(in crate::cli) fn couplings(args: &CouplingsArgs, global: &Global, console: &mut Console) -> Result<()> {
    let outputs: Vec<&Path> = [&args.out].into_iter().chain(&args.matrix).map(PathBuf::as_path).collect();
    let inputs: Vec<&Path> = [&args.model].into_iter().chain(&args.units).map(PathBuf::as_path).collect();
    check_outputs(&outputs, &inputs, args.force)?;
    let model = read_model(&args.model)?;
    data::Output::Table.check_ending(&args.out)?;
    args.matrix.iter().try_for_each(|path| data::Output::Array.check_ending(path))?;
    let names = model.unit_names();
    let units = args.units.as_deref().map(|path| data::read_units(path, &names)).transpose()?;
    let among = units.as_ref().map_or(model.rbm.n_visible, Vec::len);
    let plan = CouplingsPlan {
        basis: match args.basis {
            BasisName::Spin => Basis::Spin,
            BasisName::Binary => Basis::Binary,
        },
        method: args.method.parse()?,
        orders: args.orders.clone().unwrap_or_else(|| default_orders(among)),
        units,
        strongest: args.strongest,
    };
    // The work is the host's; only threads are asked for.
    let request = DeviceRequest { choice: Choice::Cpu, ..global.device_request() };
    let mut record = with_backend(&request, Couplings { args, model: &model, names: &names, plan: &plan })?;
    // A record in a run directory names files beside it; here the user's own path is the useful one.
    record.file = args.out.display().to_string();
    record.matrix = args.matrix.as_ref().filter(|_| record.matrix.is_some()).map(|path| path.display().to_string());
    let mut out = format!("{} basis, {}\n", record.basis, record.method);
    for (order, summary) in &record.orders {
        let _ = writeln!(out, "  order {order}: {} couplings, rms {:.4}", summary.count, summary.rms);
    }
    if let Some(truth) = &record.truth {
        let _ = writeln!(
            out,
            "  neighbours {:.4} ± {:.4} (1/T = {:.4}), all others {:.4} rms",
            truth.neighbours.value, truth.neighbours.error, truth.expected, truth.others_rms
        );
    }
    for pair in &record.strongest {
        let _ = writeln!(out, "  {:>+9.4}  {}", pair.value, pair.names.join(" – "));
    }
    let _ = writeln!(out, "  all in {}", args.out.display());
    console.result(&record, &out)
}

struct Couplings<'a> {
    args: &'a CouplingsArgs,
    model: &'a Model,
    names: &'a [String],
    plan: &'a CouplingsPlan,
}

impl Job for Couplings<'_> {
    type Output = CouplingsRecord;

    fn run<B: Backend>(self, _backend: &B) -> Result<CouplingsRecord> {
        let meta = &self.model.meta;
        let truth = meta.lattice.zip(meta.temperature);
        let (list, matrix) = (through_links(&self.args.out), self.args.matrix.as_deref().map(through_links));
        read_couplings(self.plan, &self.model.rbm, self.names, truth, &list, matrix.as_deref())
    }
}
