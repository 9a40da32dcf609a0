//! `gibbsite likelihood MODEL [DATA]`, and `gibbsite likelihood MODEL MODEL… DATA`.

use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::cli::args::{Global, LikelihoodArgs};
use crate::cli::commands::sample::of_model;
use crate::cli::console::Console;
use crate::cli::{failed, text};
use crate::data::{self, Model, read_model};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::likelihood::{base_bias, better, log_weights, row_by_row};
use crate::record::{ComparedRecord, LikelihoodRecord};
use crate::run::Source;
use crate::run::device::{Job, with_backend};
use crate::run::likelihood::{LikelihoodPlan, likelihood as likelihood_stage};
use crate::run::model::base_of;
use crate::scenario::{self, Facts, by_flags};
use crate::train::smoothed_means;

pub(in crate::cli) fn likelihood(args: &LikelihoodArgs, global: &Global, console: &mut Console) -> Result<()> {
    let (data, others) = match args.others_and_data.split_last() {
        Some((data, others)) => (Some(data), others),
        None => (None, &[][..]),
    };
    let paths: Vec<&PathBuf> = std::iter::once(&args.model).chain(others).collect();
    check(args, data, &paths)?;
    let models = paths.iter().map(|path| read_model(path)).collect::<Result<Vec<Model>>>()?;
    let listener = console.listener();
    let data = match data {
        Some(path) => Some(data::read_telling(path, listener)?.at_temperature(args.temperature)?),
        None => None,
    };
    let sources = models.iter().map(|model| match &data {
        Some(data) => model.arrange(data.clone(), listener).map(|data| Some(Source::from_data(data))),
        None => Ok(None),
    });
    let sources = sources.collect::<Result<Vec<Option<Source>>>>()?;
    drop(data);
    let plan = plan_of(args, global, &models)?;
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}", global.seed())));
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let job = Likelihood { names: &names, models: &models, sources: &sources, plan: &plan, listener };
    let evaluated = with_backend(&global.device_request(), job)?;
    let mut text = titled(&names, 0, &evaluated.first);
    for (index, other) in evaluated.compared.iter().enumerate() {
        text.push_str(&titled(&names, index + 1, &other.likelihood));
    }
    for other in &evaluated.compared {
        let _ = writeln!(text, "{}\n  {:<28} {}", other.verdict, "difference by row", text::of_rows(other.over_first));
    }
    console.result(&evaluated, &text)?;
    let records = std::iter::once(&evaluated.first).chain(evaluated.compared.iter().map(|other| &other.likelihood));
    match records.flat_map(|record| &record.warnings).next() {
        Some(warning) if args.strict => Err(failed(warning.clone())),
        _ => Ok(()),
    }
}

/// Numbers of one model, under its name where there are several.
fn titled(names: &[String], index: usize, record: &LikelihoodRecord) -> String {
    let title = if names.len() > 1 { format!("{}\n", names[index]) } else { String::new() };
    title + &text::likelihood(record)
}

fn check(args: &LikelihoodArgs, data: Option<&PathBuf>, models: &[&PathBuf]) -> Result<()> {
    if let Some(data) = data.filter(|data| data.extension().is_some_and(|ending| ending == "safetensors")) {
        return Err(Error::Input(
            Fault::new(format!("{} models and no data", models.len() + 1))
                .at(data.display().to_string())
                .expected("MODEL DATA, or MODEL MODEL… DATA for a comparison on the same rows")
                .advice("name the file of the rows last"),
        ));
    }
    if models.len() > 1 && !args.settings.trajectory.is_empty() {
        return Err(Error::Input(
            Fault::new(format!("one trajectory for {} models", models.len()))
                .at("--trajectory")
                .expected("a single model, whose earlier machines these are"),
        ));
    }
    let problems = args.settings.check();
    if problems.is_empty() { Ok(()) } else { Err(by_flags(problems)) }
}

/// The plan of a scenario with this one stage, about the model that is the largest to enumerate.
fn plan_of(args: &LikelihoodArgs, global: &Global, models: &[Model]) -> Result<LikelihoodPlan> {
    let smaller = |model: &&Model| model.rbm.n_visible.min(model.rbm.n_hidden);
    let mut scenario = of_model(&args.model, global);
    scenario.likelihood = Some(args.settings.clone());
    let facts = models.iter().max_by_key(smaller).map_or_else(Facts::default, Facts::of_model);
    scenario::stage_of(scenario, facts, |point| point.likelihood)
}

struct Likelihood<'a, L> {
    names: &'a [String],
    models: &'a [Model],
    /// The rows, with the units in the order of each model.
    sources: &'a [Option<Source>],
    plan: &'a LikelihoodPlan,
    listener: &'a mut L,
}

/// The first model, and others beside it on the same rows.
#[derive(Serialize)]
struct Evaluated {
    #[serde(flatten)]
    first: LikelihoodRecord,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compared: Vec<ComparedRecord>,
}

impl<L: Listener + Send> Job for Likelihood<'_, L> {
    type Output = Evaluated;

    fn run<B: Backend>(self, backend: &B) -> Result<Evaluated> {
        let Self { names, models, sources, plan, listener } = self;
        let mut evaluate = |model: &Model, source: Option<&Source>| {
            let sets: Vec<(&str, &BitMatrix)> = source.iter().map(|s| ("data", &s.data.samples)).collect();
            // A stored model knows the means of its training data; other models take those of the data given.
            let base = match (&model.meta.data_means, source) {
                (None, Some(source)) => base_bias(&smoothed_means(&source.data.samples)),
                _ => base_of(model),
            };
            likelihood_stage(backend, plan, &model.rbm, &base, &sets, source, listener)
        };
        let in_units = |model: &Model, record: LikelihoodRecord| {
            let units = model.meta.units;
            record.in_units(units, model.rbm.in_units(units).1)
        };
        let log_weights = |model: &Model, source: &Source| -> Result<Vec<f64>> {
            log_weights(backend, &backend.upload_params(&model.rbm, None)?, &source.data.samples)
        };
        let first = evaluate(&models[0], sources[0].as_ref())?;
        let mut compared = Vec::new();
        for ((model, name), source) in models.iter().zip(names).zip(sources).skip(1) {
            let likelihood = evaluate(model, source.as_ref())?;
            let (z_first, z) = (first.log_z.best(), likelihood.log_z.best());
            let (Some(own), Some(of_first), Some(z_first), Some(z)) = (source, &sources[0], z_first, z) else {
                continue;
            };
            let over_first = row_by_row(&log_weights(model, own)?, z, &log_weights(&models[0], of_first)?, z_first);
            let mut verdict = better(&names[0], name, over_first);
            if !(first.interval.trusted && likelihood.interval.trusted) {
                verdict.push_str("; ln Z is not to be trusted, see the warnings");
            }
            let likelihood = in_units(model, likelihood);
            compared.push(ComparedRecord { model: name.clone(), over_first, verdict, likelihood });
        }
        Ok(Evaluated { first: in_units(&models[0], first), compared })
    }
}
