//! `gibbsite couplings MODEL`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::backend::Backend;
use crate::cli::args::{CouplingsArgs, Global};
use crate::cli::check_outputs;
use crate::cli::commands::sample::of_model;
use crate::cli::console::Console;
use crate::couplings::Basis;
use crate::data::{self, Model, read_model, through_links};
use crate::error::Result;
use crate::record::CouplingsRecord;
use crate::run::couplings::{CouplingsPlan, read_couplings};
use crate::run::device::{Choice, DeviceRequest, Job, with_backend};
use crate::scenario::{self, Facts};
use crate::settings::UnitName;

pub(in crate::cli) fn couplings(args: &CouplingsArgs, global: &Global, console: &mut Console) -> Result<()> {
    let inputs: Vec<&Path> = [&args.model].into_iter().chain(&args.units_file).map(PathBuf::as_path).collect();
    let outputs: Vec<&Path> = [&args.out].into_iter().chain(&args.matrix).map(PathBuf::as_path).collect();
    check_outputs(&outputs, &inputs, args.force)?;
    data::Output::Table.check_ending(&args.out)?;
    args.matrix.iter().try_for_each(|path| data::Output::Array.check_ending(path))?;
    let model = read_model(&args.model)?;
    let names = model.unit_names();
    let units = args.units_file.as_deref().map(|path| data::read_units(path, &names)).transpose()?;
    let plan = plan_of(args, global, &model, units)?;
    let files: Vec<Files> = (0..plan.bases.len()).map(|i| Files::of(args, &plan.bases, i)).collect();
    let of_others = files.iter().skip(1).flat_map(|files| [&files.list].into_iter().chain(&files.matrix));
    check_outputs(&of_others.map(PathBuf::as_path).collect::<Vec<_>>(), &inputs, args.force)?;
    // The work is the host's; only threads are asked for.
    let request = DeviceRequest { choice: Choice::Cpu, ..global.device_request() };
    let records = with_backend(&request, Couplings { model: &model, names: &names, plan: &plan, files: &files })?;
    let text: String = records.iter().map(text).collect();
    match &records[..] {
        [one] => console.result(one, &text),
        several => console.result(&several, &text),
    }
}

fn text(record: &CouplingsRecord) -> String {
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
    let _ = writeln!(out, "  all in {}", record.file);
    out
}

/// Where the couplings of one basis go.
struct Files {
    basis: Basis,
    list: PathBuf,
    matrix: Option<PathBuf>,
}

impl Files {
    /// As the arguments say; of further bases with their names behind.
    fn of(args: &CouplingsArgs, bases: &[Basis], index: usize) -> Self {
        let basis = bases[index];
        let named = |path: &PathBuf| match index {
            0 => path.clone(),
            _ => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let ending = path.extension().map_or(String::new(), |e| format!(".{}", e.to_string_lossy()));
                path.with_file_name(format!("{stem}-{basis}{ending}"))
            }
        };
        Self { basis, list: named(&args.out), matrix: args.matrix.as_ref().map(named) }
    }
}

/// The plan of a scenario with this one stage.
fn plan_of(args: &CouplingsArgs, global: &Global, model: &Model, units: Option<Vec<usize>>) -> Result<CouplingsPlan> {
    let mut scenario = of_model(&args.model, global);
    let mut settings = args.settings.clone();
    let of_file = units.map(|units| units.into_iter().map(|unit| UnitName::Number(unit as u64)).collect());
    settings.units = of_file.or(settings.units);
    scenario.couplings = Some(settings);
    scenario::stage_of(scenario, Facts::of_model(model), |point| point.couplings)
}

struct Couplings<'a> {
    model: &'a Model,
    names: &'a [String],
    plan: &'a CouplingsPlan,
    files: &'a [Files],
}

impl Job for Couplings<'_> {
    type Output = Vec<CouplingsRecord>;

    fn run<B: Backend>(self, _backend: &B) -> Result<Vec<CouplingsRecord>> {
        let meta = &self.model.meta;
        let truth = meta.lattice.zip(meta.temperature);
        let of_basis = |Files { basis, list, matrix }: &Files| {
            let (list_file, matrix_file) = (through_links(list), matrix.as_deref().map(through_links));
            let (rbm, matrix_file) = (&self.model.rbm, matrix_file.as_deref());
            let mut record = read_couplings(self.plan, *basis, rbm, self.names, truth, &list_file, matrix_file)?;
            // A record in a run directory names files beside it; here the user's own path is the useful one.
            record.file = list.display().to_string();
            record.matrix = matrix.as_ref().filter(|_| record.matrix.is_some()).map(|path| path.display().to_string());
            Ok(record)
        };
        self.files.iter().map(of_basis).collect()
    }
}
