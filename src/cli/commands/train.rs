//! `gibbsite train DATA`.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;

use crate::artifact::{CheckpointStore, InputFile, PointDirectory};
use crate::backend::{Backend, KernelTime};
use crate::bits::BitMatrix;
use crate::cli::args::{Global, HeldOut, StreamSwitch, Switch, TrainAlgorithm, TrainArgs};
use crate::cli::console::Console;
use crate::cli::{command_line, text};
use crate::data::{self, DataSet, write_model};
use crate::error::{Error, Result};
use crate::events::{Event, Listener};
use crate::lattice::Lattice;
use crate::record::{TemperingRecord, TrainMetric, TrainRecord};
use crate::run::Source;
use crate::run::device::{Job, with_backend};
use crate::run::scenario::model_of;
use crate::run::train::{
    MetricLog, Split, TrainInputs, TrainPlan, Trained, split, train as train_stage, train_through_failures,
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
    data::check_output(&args.out)?;
    let kept_out = |rows: usize| held_out_rows(rows, args.held_out.fraction());
    let held_out = match &args.held_out {
        HeldOut::File(path) => Some(data::read(path)?.at_temperature(args.temperature)?),
        HeldOut::Fraction(_) => None,
    };
    let streams = match args.stream {
        StreamSwitch::On => true,
        StreamSwitch::Off => false,
        StreamSwitch::Auto => rows::too_large(&args.data)?,
    };
    if streams {
        let place = args.out.with_extension(format!("{}.rows", std::process::id()));
        let mut split = rows::split_file(&args.data, place, kept_out, global.seed())?;
        let mut about = DataSet::new(BitMatrix::zeros(0, split.train.units()), args.data.display().to_string());
        about.sha256 = split.train.sha256().to_string();
        about.temperature = args.temperature;
        let held_out = held_out.map(|rows| split.look_at(rows, &about)).transpose()?;
        return train_split(args, global, console, &Source::from_data(about), (&split, held_out), true);
    }
    let mut data = data::read(&args.data)?.at_temperature(args.temperature)?;
    let samples = std::mem::replace(&mut data.samples, BitMatrix::zeros(0, 0));
    let source = Source::from_data(data);
    let kept_out = kept_out(samples.rows());
    let mut split = split(samples, kept_out, global.seed());
    let held_out = held_out.map(|rows| split.look_at(rows, &source.data)).transpose()?;
    train_split(args, global, console, &source, (&split, held_out), false)
}

fn train_split<R: RowSource>(
    args: &TrainArgs,
    global: &Global,
    console: &mut Console,
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
    let counted = memory::Rows { all: rows, trained, streamed };
    let request = global.device_request();
    let request = memory::settle(&request, &memory::of_training(&plan, units, counted, &request)?)?;
    let store = CheckpointStore::new(args.out.with_extension("checkpoints"), args.keep_checkpoints);
    data::remove_leftovers_of(&args.out);
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}, {rows} rows of {units} units, {kept_out} kept out", global.seed())));
    let exact = source.exact.as_ref();
    let inputs = TrainInputs { plan: &plan, split, exact, checkpoints: &store, resume: args.resume };
    let mut log = args.log.as_deref().map(|path| PointDirectory::open(path, args.resume)).transpose()?;
    let trained = train_through_failures(inputs, listener, |inputs, listener| {
        with_backend(&request, Train { inputs, log: log.as_mut(), listener })
    });
    // Stopped or diverged, the tables tell of what there is.
    let tables = log.as_mut().map_or(Ok(()), PointDirectory::finish);
    let trained = trained?;
    tables?;
    let model = model_of(&trained.rbm, &source.data, &split.train, &plan, trained.updates, &command_line());
    write_model(&args.out, &model)?;
    store.remove()?;
    let record = trained.record(args.out.display().to_string());
    let mut lines = summary(&record, &trained.last, &args.out);
    lines.push_str(&text::kernels(&trained.kernels));
    let tempering = trained.last.tempering.as_ref();
    console.result(&Outcome { record: &record, tempering, kernels: &trained.kernels }, &lines)
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
