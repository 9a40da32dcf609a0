//! `gibbsite sample MODEL`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::backend::Backend;
use crate::cli::args::{Global, SampleArgs};
use crate::cli::check_outputs;
use crate::cli::console::Console;
use crate::cli::text::{accepted, chains};
use crate::data::{self, DataSet, Model, read_model};
use crate::error::Result;
use crate::events::{Event, Listener};
use crate::record::ChainsRecord;
use crate::run;
use crate::run::device::{Job, with_backend};
use crate::run::model::base_of;
use crate::run::sample::SamplePlan;
use crate::run::train::tempering;
use crate::sample::Sampled;
use crate::scenario::{self, Facts, RawScenario, RawSource};
use crate::stats::Autocorrelation;

pub(in crate::cli) fn sample(args: &SampleArgs, global: &Global, console: &mut Console) -> Result<()> {
    data::check_samples_name(&args.out)?;
    let inputs: Vec<&Path> = [&args.model].into_iter().chain(&args.settings.trajectory).map(PathBuf::as_path).collect();
    check_outputs(&[&args.out], &inputs, args.force)?;
    let model = read_model(&args.model)?;
    let plan = plan_of(args, global, &model)?;
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}", global.seed())));
    let job = Sample { model: &model, plan: &plan, listener };
    let sampled = with_backend(&global.device_request(), job)?;
    let mut data = DataSet::new(sampled.samples.clone(), format!("samples of {}", args.model.display()));
    data.values = model.meta.units.visible;
    data.names = model.meta.names.clone();
    data.lattice = model.meta.lattice;
    data.temperature = model.meta.temperature;
    data.seed = Some(global.seed());
    let rows = data.samples.rows();
    let n = plan.settings.chains.min(rows);
    data.replicas = Some((0..rows).map(|row| (row % n) as u32).collect());
    data::write(&data::through_links(&args.out), &data)?;
    let agreed = run::sample::chains(&sampled);
    let mut summary = json!({
        "samples": rows, "units": data.samples.cols(), "chains": n, "thermalise": plan.settings.thermalise,
        "every": plan.settings.every, "seed": global.seed(), "file": args.out.display().to_string(),
        "free_energy": series(&sampled.free_energy, &agreed), "ones": series(&sampled.ones, &agreed),
        "r_hat": agreed.r_hat, "effective_samples": agreed.effective_samples, "stuck": agreed.stuck,
        "warnings": agreed.warnings,
    });
    if let Some(exchanges) = &sampled.exchanges {
        summary["tempering"] = json!(tempering(exchanges));
        summary["tempering"]["round_trips"] = json!(exchanges.arrivals);
        summary["tempering"]["rounds"] = json!(exchanges.rounds);
        summary["tempering"]["betas"] = json!(sampled.betas);
    }
    console
        .result(&summary, &text(&sampled, &agreed, &format!("{} units in {}", data.samples.cols(), args.out.display())))
}

/// Mean with its error, autocorrelation time in samples of a chain, and the independent samples that say as much: no more
/// than chains are worth that do not mix.
fn series(a: &Autocorrelation, agreed: &ChainsRecord) -> Value {
    let effective = worth(a, agreed);
    let error = a.error.max((a.variance / effective).sqrt());
    json!({ "value": a.mean, "error": error, "tau": a.tau, "effective_samples": effective })
}

fn worth(a: &Autocorrelation, agreed: &ChainsRecord) -> f64 {
    let most = if agreed.stuck.is_some() { agreed.effective_samples } else { a.count as f64 };
    a.effective_samples().min(most)
}

fn text(sampled: &Sampled, agreed: &ChainsRecord, what: &str) -> String {
    let mut out = format!("{} samples of {what}\n", sampled.samples.rows());
    for (name, a) in [("free energy", &sampled.free_energy), ("units on", &sampled.ones)] {
        let more = if a.converged { "" } else { " at least: chains are too short to say" };
        let _ = writeln!(
            out,
            "  {name:<14} autocorrelation time {:.2} samples{more}, {:.0} effective samples",
            a.tau,
            worth(a, agreed)
        );
    }
    out.push_str(&chains(agreed));
    if let Some(e) = &sampled.exchanges {
        let _ = writeln!(
            out,
            "  {} rungs, exchanges accepted {}; {} round trips in {} rounds, {:.2} a chain",
            e.acceptance.len() + 1,
            accepted(&e.acceptance),
            e.arrivals,
            e.rounds,
            e.arrivals_per_chain
        );
    }
    out
}

/// The plan of a scenario with this one stage.
fn plan_of(args: &SampleArgs, global: &Global, model: &Model) -> Result<SamplePlan> {
    let mut scenario = of_model(&args.model, global);
    scenario.sample = Some(args.settings.clone());
    scenario::stage_of(scenario, Facts::of_model(model), |point| point.sample)
}

/// A scenario about a model, without stages.
pub(super) fn of_model(path: &Path, global: &Global) -> RawScenario {
    let mut scenario = RawScenario::new("model", RawSource::Model { path: path.display().to_string() });
    scenario.seed = Some(global.seed());
    scenario
}

struct Sample<'a, L> {
    model: &'a Model,
    plan: &'a SamplePlan,
    listener: &'a mut L,
}

impl<L: Listener + Send> Job for Sample<'_, L> {
    type Output = Sampled;

    fn run<B: Backend>(self, backend: &B) -> Result<Sampled> {
        let base = base_of(self.model);
        run::sample::sample(backend, self.plan, &self.model.rbm, &base, None, self.listener)
    }
}
