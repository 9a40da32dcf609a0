//! `gibbsite train DATA`.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use crate::artifact::{CheckpointStore, InputFile, PointDirectory, names};
use crate::backend::{Backend, KernelTime};
use crate::bits::BitMatrix;
use crate::cli::args::{Global, StreamSwitch, TrainArgs};
use crate::cli::console::Console;
use crate::cli::{command_line, text, there_already};
use crate::data::{self, Claim, DataSet, read_model, write_model};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener, Silent};
use crate::record::{TemperingRecord, TrainMetric, TrainRecord};
use crate::run::Source;
use crate::run::device::{Job, with_backend};
use crate::run::model::{meta_of, model_of};
use crate::run::train::{
    MetricLog, Split, TrainInputs, Trained, fingerprint, split, train as train_stage, train_through_failures,
};
use crate::run::{memory, rows};
use crate::scenario::{self, Facts, RawScenario, RawSource, by_flags};
use crate::settings::{HeldOut, ModelSettings, Problem, TrainPlan, TrainSettings};
use crate::train::limits::{HELD_OUT, KEEP_CHECKPOINTS};
use crate::train::{RowSource, check, held_out_rows};

pub(in crate::cli) fn train(args: &TrainArgs, global: &Global, console: &mut Console) -> Result<()> {
    let said = said(args)?;
    let looked_at = said.train.held_out.as_ref().and_then(HeldOut::file);
    let inputs: Vec<&Path> = [&args.data].into_iter().chain(looked_at).map(|path| &**path).collect();
    data::check_outputs(&[&args.out], &inputs)?;
    data::Output::Model.check_ending(&args.out)?;
    let _claim = Claim::of_file(&args.out)?;
    let store = CheckpointStore::beside(&args.out, said.keep_checkpoints())?;
    if !args.resume && !args.force {
        let checkpoints = store.holds_any()?.then(|| store.path());
        if let Some(there) = Some(&*args.out).filter(|out| out.exists()).or(checkpoints) {
            let advice = "--resume to go on with the training, --force to replace it, or -o with another name";
            return Err(there_already(there, advice));
        }
    }
    let log = args.log.as_deref().map(|path| PointDirectory::open(path, args.resume, args.force)).transpose()?;
    let store = log.iter().fold(store, |store, log| store.after(log.file(names::METRICS)));
    let kept_out = |rows: usize| held_out_rows(rows, said.train.held_out.as_ref().map_or(HELD_OUT, HeldOut::fraction));
    let listener = console.listener();
    let held_out =
        looked_at.map(|path| data::read_telling(path, listener)?.at_temperature(args.temperature)).transpose()?;
    let streams = match args.stream {
        StreamSwitch::On => true,
        StreamSwitch::Off => false,
        StreamSwitch::Auto => rows::too_large(&args.data)?,
    };
    let place = (global, console);
    if streams {
        let mut split = rows::split_file(&args.data, data::scratch_name(&args.out), kept_out, global.seed())?;
        let mut about = DataSet::new(BitMatrix::zeros(0, split.train.units()), args.data.display().to_string());
        about.sha256 = split.train.sha256().to_string();
        about.temperature = args.temperature;
        let held_out = held_out.map(|rows| split.look_at(rows, &about)).transpose()?;
        return train_split(args, &said, place, store, log, &Source::from_data(about), (&split, held_out), true);
    }
    let mut data = data::read_telling(&args.data, place.1.listener())?.at_temperature(args.temperature)?;
    let samples = std::mem::replace(&mut data.samples, BitMatrix::zeros(0, 0));
    let source = Source::from_data(data);
    let kept_out = kept_out(samples.rows());
    let mut split = split(samples, kept_out, global.seed());
    let held_out = held_out.map(|rows| split.look_at(rows, &source.data)).transpose()?;
    train_split(args, &said, place, store, log, &source, (&split, held_out), false)
}

#[expect(clippy::too_many_arguments, reason = "what a training by command is made of")]
fn train_split<R: RowSource>(
    args: &TrainArgs,
    said: &Said,
    (global, console): (&Global, &mut Console),
    store: CheckpointStore,
    mut log: Option<PointDirectory>,
    source: &Source,
    (split, held_out): (&Split<R>, Option<InputFile>),
    streamed: bool,
) -> Result<()> {
    let trained = split.train.rows();
    let kept_out = split.held_out.as_ref().map_or(0, BitMatrix::rows);
    let (rows, units) = (trained + kept_out, split.train.units());
    // Rows of another file are none of the data.
    let of_data = if held_out.is_some() { trained } else { rows };
    let plan = TrainPlan { held_out, ..plan_of(args, said, global, source, of_data, units)? };
    check(&plan.settings, &split.train, plan.n_hidden)?;
    let store = store.about(meta_of(&source.data, &split.train, &plan, &command_line()));
    let (store, finished) = if args.resume { goes_on(args, &plan, split, store, console)? } else { (store, None) };
    if let Some(updates) = finished {
        keep_end(&plan, &store)?;
        let text = format!("finished before, with {updates} updates: nothing to do\n  model in {}", args.out.display());
        let model = args.out.display().to_string();
        return console.result(&json!({ "updates": updates, "model": model, "finished_before": true }), &text);
    }
    let counted = memory::Rows { all: rows, trained, streamed };
    let request = global.device_request();
    let request = memory::settle(&request, &memory::of_training(&plan, units, counted, &request)?)?;
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}, {rows} rows of {units} units, {kept_out} kept out", global.seed())));
    let exact = source.exact.as_ref();
    let inputs =
        TrainInputs { plan: &plan, split, exact, checkpoints: &store, resume: args.resume, each: None, start: None };
    let trained = train_through_failures(inputs, listener, |inputs, listener| {
        with_backend(&request, Train { inputs, log: log.as_mut(), listener })
    });
    // Stopped or diverged, the tables tell of what there is.
    let tables = log.as_mut().map_or(Ok(()), PointDirectory::finish);
    let trained = trained?;
    tables?;
    let mut model = model_of(&trained.rbm, &source.data, &split.train, &trained.plan, trained.updates, &command_line());
    model.meta.provenance.fingerprint = Some(trained.fingerprint.clone());
    write_model(&data::through_links(&args.out), &model)?;
    keep_end(&plan, &store)?;
    let record = trained.record(args.out.display().to_string());
    let mut lines = summary(&record, &trained.last, &args.out);
    lines.push_str(&text::kernels(&trained.kernels));
    let tempering = trained.last.tempering.as_ref();
    console.result(&Outcome { record: &record, tempering, kernels: &trained.kernels }, &lines)
}

/// Of the checkpoints of a finished training the last one stays, from which it can go on to more updates, if any are
/// wanted.
fn keep_end(plan: &TrainPlan, store: &CheckpointStore) -> Result<()> {
    if plan.checkpoints == 0 { store.remove() } else { store.keep_last() }
}

/// From which checkpoints a training goes on, and its updates where it is finished.
fn goes_on<R: RowSource>(
    args: &TrainArgs,
    plan: &TrainPlan,
    split: &Split<R>,
    store: CheckpointStore,
    console: &mut Console,
) -> Result<(CheckpointStore, Option<u64>)> {
    let print = fingerprint(plan, &split.train)?;
    if args.out.exists() {
        let made = read_model(&args.out)?.meta.provenance;
        if made.fingerprint.as_ref() == Some(&print) {
            return Ok((store, Some(made.updates.unwrap_or(plan.settings.updates))));
        }
    }
    if store.holds_any()? {
        return Ok((store, None));
    }
    // Earlier versions named the directory after the file without its ending, which files of other trainings can share.
    let earlier = store.clone().at(args.out.with_extension("checkpoints"));
    if earlier.latest(&print, &mut Silent).is_ok_and(|found| found.is_some()) {
        return Ok((earlier, None));
    }
    if args.out.exists() {
        return Err(Error::Checkpoint(
            Fault::new("this model is of a training with other settings or data, and has no checkpoint to go on from")
                .at(args.out.display())
                .expected("a training of these settings, stopped or finished")
                .advice("--force to train anew and replace it, or -o with another name"),
        ));
    }
    let nothing = format!("there is no checkpoint in {}: starting at update 0", store.path().display());
    console.listener().event(Event::Info(nothing));
    Ok((store, None))
}

/// The record, what tempering did up to the last metric, and device times where they were measured.
#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(flatten)]
    record: &'a TrainRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    tempering: Option<&'a TemperingRecord>,
    #[serde(skip_serializing_if = "<[KernelTime]>::is_empty")]
    kernels: &'a [KernelTime],
}

fn summary(record: &TrainRecord, last: &TrainMetric, out: &Path) -> String {
    let mut lines = format!("{} updates, {:.0} a second\n", record.updates, record.updates_per_second);
    if let Some(stop) = record.early_stop {
        let _ = writeln!(
            lines,
            "  best on held-out rows after {} updates, stopped after {}",
            stop.best_update, stop.stopped_at
        );
    }
    let rows = [
        ("log-likelihood", last.log_likelihood),
        ("held out", last.held_out_log_likelihood),
        ("along the training", last.online_log_likelihood),
        ("pseudo-likelihood", last.pseudo_likelihood.map(|x| crate::record::Estimate::new(x, 0.0))),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            let _ = writeln!(lines, "  {name:<18} {}", text::estimate(value));
        }
    }
    if let Some(tempering) = &last.tempering {
        let _ = writeln!(
            lines,
            "  {:<18} {} rungs, exchanges accepted {}, {:.1} ways from the lowest a chain",
            "tempering",
            tempering.rungs,
            text::accepted(&tempering.acceptance),
            tempering.arrivals_per_chain
        );
    }
    if let Some(top) = last.ceiling {
        let _ = writeln!(lines, "  {:<18} {top:.4}", "ceiling");
    }
    let _ = writeln!(lines, "  model in {}", out.display());
    lines
}

/// What is said of the machine and its training.
struct Said {
    model: ModelSettings,
    train: TrainSettings,
}

impl Said {
    fn keep_checkpoints(&self) -> usize {
        self.train.keep_checkpoints.map_or(KEEP_CHECKPOINTS, |n| n as usize)
    }
}

/// The settings of the flags, as far as they are known to be wrong before the data are read.
fn said(args: &TrainArgs) -> Result<Said> {
    let (model, mut train) = (args.model.clone(), args.train.clone());
    if args.not_centred {
        train.centred = Some(false);
    }
    let problems: Vec<Problem> = model.check().into_iter().chain(train.check()).collect();
    if problems.is_empty() { Ok(Said { model, train }) } else { Err(by_flags(problems)) }
}

/// The plan of a scenario with this one stage.
fn plan_of(
    args: &TrainArgs,
    said: &Said,
    global: &Global,
    source: &Source,
    rows: usize,
    units: usize,
) -> Result<TrainPlan> {
    let path = args.data.display().to_string();
    let file = RawSource::File { path, lattice: None, temperature: None, parts: None, part: None };
    let mut scenario = RawScenario::new("train", file);
    scenario.seed = Some(global.seed());
    (scenario.model, scenario.train) = (Some(said.model.clone()), Some(said.train.clone()));
    let facts = Facts { n_visible: Some(units), ..Facts::of_data(&source.data, rows) };
    scenario::stage_of(scenario, facts, |point| point.train)
}

struct Train<'a, L, R> {
    inputs: TrainInputs<'a, R>,
    log: Option<&'a mut PointDirectory>,
    listener: &'a mut L,
}

impl<L: Listener + Send, R: RowSource> Job for Train<'_, L, R> {
    type Output = Trained;

    fn run<B: Backend>(self, backend: &B) -> Result<Trained> {
        let mut log = self.log.map(MetricLog::new).transpose()?;
        let mut emit = |metric| log.as_mut().map_or(Ok(()), |log| log.take(metric));
        train_stage(backend, self.inputs, self.listener, &mut emit)
    }
}
