//! `gibbsite ising`.

use std::path::Path;

use serde::Serialize;

use crate::backend::Backend;
use crate::cli::args::{Global, IsingArgs};
use crate::cli::check_outputs;
use crate::cli::console::Console;
use crate::cli::text;
use crate::data;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::ising::{Algorithm, Disorder, ExchangeReport, Interactions, Model, Scan, parse_temperatures};
use crate::numerics::readable;
use crate::observables::ReweightedPoint;
use crate::record::IsingRecord;
use crate::run::device::{Job, with_backend};
use crate::run::ising::{Scanned, curves_csv, scan as ising_stage};

pub(in crate::cli) fn ising(args: &IsingArgs, global: &Global, console: &mut Console) -> Result<()> {
    let scan = scan_of(args, global)?;
    scan.validate()?;
    let reweight = args.reweight.as_deref().map(parse_temperatures).transpose()?.unwrap_or_default();
    args.out.as_deref().map_or(Ok(()), data::check_samples_name)?;
    let mut tables = [&args.curves, &args.histogram].into_iter().flatten();
    tables.try_for_each(|path| data::Output::Table.check_ending(path))?;
    let outputs: Vec<&Path> = [&args.out, &args.curves, &args.histogram].into_iter().flatten().map(|p| &**p).collect();
    let file = ["graph:", "terms:"].iter().find_map(|kind| args.lattice.strip_prefix(kind)).map(Path::new);
    check_outputs(&outputs, file.as_slice(), args.force)?;
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}", global.seed())));
    let found = with_backend(&global.device_request(), Ising { scan: &scan, listener }).map_err(with_flags)?;
    let mut out = match &found.records[..] {
        [one] => text::observables(&one.observables, one.exact.as_ref()),
        several => text::scan(several),
    };
    if let Some(first) = found.records.first() {
        out += &format!(
            "  {} replicas, {} sweeps to thermalise, {} between samples, {:.3} flips/ns\n",
            first.replicas, first.thermalisation, first.spacing, first.flips_per_ns
        );
    }
    out += &effective_samples(&found.records);
    if let Some(least) = fewest(&found.records).and_then(|r| r.observables.few_samples()) {
        console.listener().event(Event::Warning(least));
    }
    if let Some(path) = &args.out {
        data::write(&data::through_links(path), &found.data)?;
        out += &format!("  {} samples in {}\n", found.data.samples.rows(), path.display());
    }
    if let Some(report) = &found.exchange {
        out += &text::exchange(report);
    }
    if let Some(path) = &args.histogram {
        data::write_table(&data::through_links(path), &found.histogram_csv())?;
        out += &format!("  energy histograms in {}\n", path.display());
    }
    let mut curves = None;
    if !reweight.is_empty() {
        let found = curves.insert(found.reweight(&reweight)?);
        out += &text::curves(found);
        if let Some(path) = &args.curves {
            data::write_table(&data::through_links(path), &curves_csv(found))?;
            out += &format!("  reweighted observables in {}\n", path.display());
        }
    }
    if found.stopped.is_some() {
        out += &format!("  stopped early: {} samples were asked for\n", scan.samples * scan.temperatures.len());
    }
    let failed: Vec<f64> = found.failures.iter().map(|failure| failure.temperature).collect();
    let (points, exchange) = (&found.records[..], found.exchange.as_ref());
    console.result(&Points { points, failed: &failed, exchange, curves: curves.as_deref() }, &out)?;
    found.complete().map(|_| ()).map_err(with_flags)
}

/// Names the flags of the cures for what did not thermalise.
fn with_flags(error: Error) -> Error {
    match error {
        Error::Numerics(Fault { advice: Some(advice), what, place, expected }) => Error::Numerics(Fault {
            advice: Some(format!("{advice} (--algorithm, --exchange)")),
            what,
            place,
            expected,
        }),
        other => other,
    }
}

/// The point with the fewest effective samples.
fn fewest(records: &[IsingRecord]) -> Option<&IsingRecord> {
    let size = |r: &IsingRecord| r.observables.effective_samples.unwrap_or(f64::NAN);
    records.iter().min_by(|a, b| size(a).total_cmp(&size(b)))
}

/// Result as JSON, of one temperature as of several.
#[derive(Debug, Serialize)]
struct Points<'a> {
    points: &'a [IsingRecord],
    /// Temperatures that did not thermalise.
    #[serde(skip_serializing_if = "<[f64]>::is_empty")]
    failed: &'a [f64],
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<&'a ExchangeReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    curves: Option<&'a [ReweightedPoint]>,
}

/// The smallest effective sample size, and the τ behind it.
fn effective_samples(records: &[IsingRecord]) -> String {
    fewest(records).map_or_else(String::new, |r| {
        let o = &r.observables;
        let tau = |e: crate::record::Estimate| e.tau.unwrap_or(f64::NAN);
        let spins = r.tau_spins.map_or_else(String::new, |tau| format!(", {tau:.1} for the spins"));
        format!(
            "  {:.0} effective samples of the energy at T = {} (τ = {:.1} sweeps for e, {:.1} for |m|{spins})\n",
            o.effective_samples.unwrap_or(f64::NAN),
            readable(o.temperature),
            tau(o.energy),
            tau(o.magnetization)
        )
    })
}

fn scan_of(args: &IsingArgs, global: &Global) -> Result<Scan> {
    let algorithm = Algorithm::parse(&args.algorithm).ok_or_else(|| {
        let names: Vec<&str> = Algorithm::ALL.iter().map(|a| a.name()).collect();
        Error::Input(
            Fault::new(format!("algorithm \"{}\"", args.algorithm)).at("--algorithm").expected(names.join(", ")),
        )
    })?;
    Ok(Scan {
        model: model_of(args)?,
        temperatures: parse_temperatures(&args.temperature)?,
        algorithm,
        samples: args.samples,
        replicas: args.replicas,
        thermalise: None,
        spacing: args.every,
        exchange: args.exchange,
        ladder: args.ladder,
        precision: args.precision.iter().map(|text| text.parse()).collect::<Result<_>>()?,
        seed: global.seed(),
    })
}

fn model_of(args: &IsingArgs) -> Result<Model> {
    let disorder = Disorder::parse(&args.couplings);
    let wrong =
        |what: String, flag: &str, expected: &str| Err(Error::Input(Fault::new(what).at(flag).expected(expected)));
    if disorder.is_none() && args.couplings != "uniform" {
        return wrong(format!("couplings \"{}\"", args.couplings), "--couplings", "uniform, pm or gaussian");
    }
    if !args.field.is_finite() {
        return wrong(format!("field {}", readable(args.field)), "--field", "a finite number");
    }
    let (graph, terms) = (args.lattice.strip_prefix("graph:"), args.lattice.strip_prefix("terms:"));
    if disorder.is_some() && graph.or(terms).is_some() {
        return wrong("a spin glass on a file".to_string(), "--couplings", "a named lattice, or couplings in the file");
    }
    if terms.is_some() && (args.field != 0.0 || args.coupling != 1.0) {
        let expected = "fields and couplings in the file itself";
        return wrong("a field or a coupling beside a file of terms".to_string(), "--lattice", expected);
    }
    match (graph, terms, disorder) {
        (Some(file), ..) => {
            Model::on_graph(&args.lattice, &data::read_bonds(Path::new(file))?, args.coupling, args.field)
        }
        (_, Some(file), _) => {
            let interactions = Interactions::parse(&data::read_terms(Path::new(file))?, file)?;
            Ok(Model::general(&args.lattice, interactions))
        }
        (_, _, Some(disorder)) => {
            Model::spin_glass(args.lattice.parse()?, disorder, args.coupling, args.field, args.disorder_seed)
        }
        _ => Model::in_field(args.lattice.parse()?, args.coupling, args.field),
    }
}

struct Ising<'a, L> {
    scan: &'a Scan,
    listener: &'a mut L,
}

impl<L: Listener + Send> Job for Ising<'_, L> {
    type Output = Scanned;

    fn run<B: Backend>(self, backend: &B) -> Result<Self::Output> {
        ising_stage(backend, self.scan, self.listener)
    }
}
