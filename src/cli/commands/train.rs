//! `gibbsite train DATA`.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use crate::artifact::{CheckpointStore, InputFile, PointDirectory, names};
use crate::backend::{Backend, KernelTime};
use crate::bits::BitMatrix;
use crate::cli::args::{Global, HeldOut, StreamSwitch, Switch, TrainAlgorithm, TrainArgs};
use crate::cli::console::Console;
use crate::cli::{command_line, text, there_already};
use crate::data::{self, Claim, DataSet, read_model, write_model};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener, Silent};
use crate::lattice::Lattice;
use crate::record::{TemperingRecord, TrainMetric, TrainRecord};
use crate::run::Source;
use crate::run::device::{Job, with_backend};
use crate::run::scenario::{meta_of, model_of};
use crate::run::train::{
    MetricLog, Split, TrainInputs, TrainPlan, Trained, fingerprint, split, train as train_stage, train_through_failures,
};
use crate::run::{memory, rows};
use crate::sample::translations_of;
use crate::train::limits::{counts, mistakes, numbers};
use crate::train::{
    Algorithm, Augment, BATCH, Mistake, OFFSET_RATE, RowSource, Settings, Start, check, default_anchor,
    default_bias_rate, held_out_rows,
};

pub(in crate::cli) fn train(args: &TrainArgs, global: &Global, console: &mut Console) -> Result<()> {
    check_numbers(args)?;
    let looked_at = match &args.held_out {
        HeldOut::File(path) => Some(path),
        HeldOut::Fraction(_) => None,
    };
    let inputs: Vec<&Path> = [&args.data].into_iter().chain(looked_at).map(|path| &**path).collect();
    data::check_outputs(&[&args.out], &inputs)?;
    data::Output::Model.check_ending(&args.out)?;
    let _claim = Claim::of_file(&args.out)?;
    let store = CheckpointStore::beside(&args.out, args.keep_checkpoints)?;
    if !args.resume && !args.force {
        let checkpoints = (!store.list()?.is_empty()).then(|| store.path());
        if let Some(there) = Some(&*args.out).filter(|out| out.exists()).or(checkpoints) {
            let advice = "--resume to go on with the training, --force to replace it, or -o with another name";
            return Err(there_already(there, advice));
        }
    }
    let log = args.log.as_deref().map(|path| PointDirectory::open(path, args.resume, args.force)).transpose()?;
    let store = log.iter().fold(store, |store, log| store.after(log.file(names::METRICS)));
    let kept_out = |rows: usize| held_out_rows(rows, args.held_out.fraction());
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
        return train_split(args, place, store, log, &Source::from_data(about), (&split, held_out), true);
    }
    let mut data = data::read_telling(&args.data, place.1.listener())?.at_temperature(args.temperature)?;
    let samples = std::mem::replace(&mut data.samples, BitMatrix::zeros(0, 0));
    let source = Source::from_data(data);
    let kept_out = kept_out(samples.rows());
    let mut split = split(samples, kept_out, global.seed());
    let held_out = held_out.map(|rows| split.look_at(rows, &source.data)).transpose()?;
    train_split(args, place, store, log, &source, (&split, held_out), false)
}

fn train_split<R: RowSource>(
    args: &TrainArgs,
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
    let plan = TrainPlan { held_out, ..plan_of(args, global, source, trained)? };
    first(mistakes(&plan.settings))?;
    check(&plan.settings, &split.train, plan.n_hidden)?;
    let store = store.about(meta_of(&source.data, &split.train, &plan, &command_line()));
    let (store, finished) = if args.resume { goes_on(args, &plan, split, store, console)? } else { (store, None) };
    if let Some(updates) = finished {
        keep_end(args, &store)?;
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
    let inputs = TrainInputs { plan: &plan, split, exact, checkpoints: &store, resume: args.resume };
    let trained = train_through_failures(inputs, listener, |inputs, listener| {
        with_backend(&request, Train { inputs, log: log.as_mut(), listener })
    });
    // Stopped or diverged, the tables tell of what there is.
    let tables = log.as_mut().map_or(Ok(()), PointDirectory::finish);
    let trained = trained?;
    tables?;
    let mut model = model_of(&trained.rbm, &source.data, &split.train, &plan, trained.updates, &command_line());
    model.meta.provenance.fingerprint = Some(trained.fingerprint.clone());
    write_model(&data::through_links(&args.out), &model)?;
    keep_end(args, &store)?;
    let record = trained.record(args.out.display().to_string());
    let mut lines = summary(&record, &trained.last, &args.out);
    lines.push_str(&text::kernels(&trained.kernels));
    let tempering = trained.last.tempering.as_ref();
    console.result(&Outcome { record: &record, tempering, kernels: &trained.kernels }, &lines)
}

/// Of the checkpoints of a finished training the last one stays, from which it can go on to more updates, if any are
/// wanted.
fn keep_end(args: &TrainArgs, store: &CheckpointStore) -> Result<()> {
    if args.checkpoints == 0 { store.remove() } else { store.keep_last() }
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
    if !store.list()?.is_empty() {
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

/// What can be said about numbers before the data are read; the flag is named like the setting.
fn check_numbers(args: &TrainArgs) -> Result<()> {
    let schedule = args.schedule.mistake().map(|fault| ("schedule", fault));
    let all = [
        counts::HIDDEN.mistake(args.hidden as u64),
        args.epochs.and_then(|epochs| counts::EPOCHS.mistake(epochs)),
        counts::METRICS.mistake(args.metrics),
        counts::CHECKPOINTS.mistake(args.checkpoints),
        counts::KEEP_CHECKPOINTS.mistake(args.keep_checkpoints as u64),
        args.patience.and_then(|patience| counts::PATIENCE.mistake(patience)),
        args.optimizer.learning_rate.and_then(|rate| numbers::LEARNING_RATE.mistake(rate)),
        args.bias_rate.and_then(|rate| numbers::BIAS_RATE.mistake(rate)),
        numbers::HELD_OUT.mistake(args.held_out.fraction()),
        numbers::WEIGHT_SCALE.mistake(args.weight_scale),
        args.anchor.and_then(|anchor| numbers::ANCHOR.mistake(anchor)),
        schedule,
    ];
    first(all.into_iter().flatten().chain(args.optimizer.choice().mistakes()))
}

/// The first of some mistakes as an error that names its flag.
fn first(mistakes: impl IntoIterator<Item = Mistake>) -> Result<()> {
    let flag = |key: &str| format!("--{}", key.replace('_', "-"));
    mistakes.into_iter().next().map_or(Ok(()), |(key, mistake)| Err(Error::Input(mistake.at(flag(key)))))
}

fn plan_of(args: &TrainArgs, global: &Global, source: &Source, rows: usize) -> Result<TrainPlan> {
    let flip = match args.flip {
        Switch::Auto => source.data.lattice.is_some(),
        Switch::On => true,
        Switch::Off => false,
    };
    let lattice = source.data.lattice;
    let augment = args.augment.unwrap_or(Augment::usual(lattice, flip, args.translations != Switch::Off));
    let batch = args.batch.unwrap_or(BATCH.min(rows));
    let per_epoch = (rows / batch.max(1)).max(1) as u64;
    let choice = args.optimizer.choice();
    let algorithm = match args.algorithm {
        TrainAlgorithm::Cd => Algorithm::Cd,
        TrainAlgorithm::MeanField => Algorithm::MeanField,
        TrainAlgorithm::Pcd => Algorithm::Pcd,
        TrainAlgorithm::Pt => Algorithm::Pt,
        TrainAlgorithm::Trajectory => Algorithm::Trajectory,
    };
    let (descent, penalties) = choice.resolve(batch, if algorithm.has_chains() { args.chains } else { batch });
    Ok(TrainPlan {
        settings: Settings {
            algorithm,
            gibbs_steps: args.gibbs_steps,
            chains: args.chains,
            batch,
            updates: args.epochs.map_or(args.updates, |epochs| epochs.saturating_mul(per_epoch)),
            learning_rate: choice.learning_rate.unwrap_or(choice.optimizer().default_rate()),
            schedule: args.schedule,
            descent,
            penalties,
            centred: !args.not_centred,
            bias_rate: args.bias_rate.unwrap_or(default_bias_rate(flip)),
            offset_rate: OFFSET_RATE,
            flip,
            translations: translations(args.translations, source.data.lattice),
            augment: augment.moves(source.data.lattice).map_err(Error::Input)?,
            rungs: args.rungs,
            online: args.online_chains,
            seed: global.seed(),
        },
        n_hidden: args.hidden,
        start: Start {
            weight_scale: args.weight_scale,
            anchor: args.anchor.unwrap_or(default_anchor(source.data.lattice.is_some())),
        },
        units: args.units,
        metrics: args.metrics,
        checkpoints: args.checkpoints,
        patience: args.patience,
        held_out: None,
        keep_going: args.keep_going,
    })
}

/// Translations where they are asked for and the lattice has them.
pub(super) fn translations(switch: Switch, lattice: Option<Lattice>) -> Option<Lattice> {
    translations_of(lattice.filter(|_| switch != Switch::Off))
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
