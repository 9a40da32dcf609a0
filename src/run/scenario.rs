//! A whole scenario: the points of its plan, one after another, into a run directory.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::couplings::read_couplings;
use super::device::{DeviceRequest, Job, with_backend};
use super::earlier::take_over;
use super::failures::run_through_failures;
use super::likelihood::{HELD_OUT, likelihood, states};
use super::model::{base_of, meta_of, model_of};
use super::sample as stage;
use super::train::{MetricLog, Split, TrainInputs, TrainPlan, split, train};
use super::{Source, ising, memory, observe};
use crate::artifact::{
    InputFile, Manifest, PointDirectory, RunDirectory, names, read_run, write_results_csv, write_seeds_csv,
};
use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::couplings::Basis;
use crate::data::{self, DataSet, Model, read_model, write_model, write_npz};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::rbm::{Rbm, Units};
use crate::record::{DoneRecord, ExpectRecord, IsingRecord, KernelTime, KernelsRecord, Record};
use crate::report::write_report;
use crate::scenario::{self, Plan, Point};

/// How a scenario is to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The run directory.
    pub out: PathBuf,
    /// Go on in a directory that is there.
    pub resume: bool,
    /// Replace a directory that is there.
    pub force: bool,
    /// Device.
    pub device: DeviceRequest,
    /// The command line, for the manifest.
    pub command: Vec<String>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The run directory.
    pub out: PathBuf,
    /// The report.
    pub report: PathBuf,
    /// Every promise of the scenario.
    pub expect: Vec<ExpectRecord>,
    /// Label and records of every point, in order.
    pub points: Vec<(String, Vec<Record>)>,
}

/// Runs all points of `plan`.
///
/// # Errors
/// [`Error::Input`] when the run directory exists or the memory would not suffice; whatever a stage fails with. What was
/// finished before stays.
pub fn run(plan: &Plan, request: &RunRequest, listener: &mut (dyn Listener + Send)) -> Result<Finished> {
    check_inputs(plan, request)?;
    // Another run in the directory is in the way whatever this one would do.
    let _claim = RunDirectory::claim(&request.out)?;
    let device = memory::settle(&request.device, &memory::of_plan(plan, &request.device)?)?;
    run_through_failures(plan, request, listener, |attempt| with_backend(&device, attempt))
}

/// That a run which replaces another does not remove what it reads.
fn check_inputs(plan: &Plan, request: &RunRequest) -> Result<()> {
    let Ok(out) = request.out.canonicalize() else { return Ok(()) };
    let inside = |input: &&PathBuf| input.canonicalize().is_ok_and(|path| path.starts_with(&out));
    match plan.inputs.iter().find(inside).filter(|_| request.force) {
        Some(input) => Err(Error::Input(
            Fault::new("this file is read, and lies in the run directory that is to be replaced")
                .at(input.display())
                .expected("data outside of the run directory")
                .advice("move the file, or give another directory with --out"),
        )),
        None => Ok(()),
    }
}

/// The manifest of a run that starts now.
pub(super) fn manifest_of(plan: &Plan, request: &RunRequest) -> Result<Manifest> {
    let mut manifest = Manifest::start(&plan.name, plan.seed, request.command.clone());
    manifest.points = plan.points.iter().map(|p| p.label.clone()).collect();
    for input in &plan.inputs {
        manifest.inputs.push(InputFile { path: input.display().to_string(), sha256: data::hash_file(input)? });
    }
    Ok(manifest)
}

/// That a run goes on with the data that it began with.
fn check_goes_on(before: &Manifest, now: &Manifest) -> Result<()> {
    let mut pairs = before.inputs.iter().zip(&now.inputs);
    match pairs.find(|(before, now)| before.sha256 != now.sha256) {
        Some((_, now)) => Err(has_changed(&now.path)),
        None => Ok(()),
    }
}

/// An input that is not what it was when the run began.
fn has_changed(path: &str) -> Error {
    Error::Checkpoint(
        Fault::new("this file has changed since the run began")
            .at(path)
            .expected("the same data for all points of a run")
            .advice("put the file back as it was, or run the scenario anew in another directory"),
    )
}

/// One attempt at a run, to be given to a device.
pub struct Attempt<'a> {
    pub(super) plan: &'a Plan,
    pub(super) request: &'a RunRequest,
    pub(super) manifest: Manifest,
    /// Set once the run directory is this run's.
    pub(super) begun: &'a AtomicBool,
    pub(super) listener: &'a mut (dyn Listener + Send),
}

impl Job for Attempt<'_> {
    type Output = Finished;

    fn run<B: Backend>(mut self, backend: &B) -> Result<Finished> {
        let device = backend.device();
        self.listener.event(Event::Info(format!("running on {} ({}, {})", device.name, device.backend, device.driver)));
        self.manifest.device = Some(device);
        let out = &self.request.out;
        let earlier = if self.request.resume { RunDirectory::resume(out)? } else { None };
        let directory = match earlier {
            Some((directory, before)) => {
                check_goes_on(&before, &self.manifest)?;
                take_over(&directory, self.plan)?;
                let ended = directory.last_change(&before);
                self.manifest.follow(before, ended);
                directory
            }
            None => {
                if self.request.resume {
                    self.listener.event(Event::Info("there is no run to go on with: a new one begins".into()));
                }
                RunDirectory::create(out, self.request.force, &self.manifest, &self.plan.resolved)?
            }
        };
        directory.write_manifest(&self.manifest)?;
        self.begun.store(true, Ordering::Relaxed);
        for (index, point) in self.plan.points.iter().enumerate() {
            let place = directory.point(&point.label)?;
            let drawn = self.plan.same_samples(index).map(|other| directory.point(&other.label)).transpose()?;
            let seed = point.stage_seed();
            let (resume, listener, times_before) = (self.request.resume, &mut *self.listener, backend.kernel_times());
            let inputs = &self.manifest.inputs;
            let mut stage = PointRun { backend, point, seed, place, drawn, resume, listener, times_before, inputs };
            let which = if point.label.is_empty() { self.plan.name.clone() } else { point.label.clone() };
            stage.listener.event(Event::Info(format!("point {} of {}: {which}", index + 1, self.plan.points.len())));
            stage.run(&self.request.command)?;
        }
        let mut points: Vec<(String, Vec<Record>)> =
            read_run(out)?.points.into_iter().map(|p| (p.label, p.records)).collect();
        let expect = self.judge(&directory, &mut points)?;
        write_results_csv(&out.join(names::RESULTS), &points)?;
        if self.plan.points.iter().any(|point| point.values.contains_key("seed")) {
            write_seeds_csv(&out.join(names::SEEDS), &points)?;
        }
        self.manifest.finish();
        directory.write_manifest(&self.manifest)?;
        let report = write_report(out)?;
        Ok(Finished { out: out.clone(), report, expect, points })
    }
}

impl Attempt<'_> {
    /// Evaluates the promises: of each what became of it at every point, among the records of that, and in a run of several
    /// points the verdict on the whole, among records of the run's own. Returns the verdicts.
    fn judge(&self, directory: &RunDirectory, points: &mut [(String, Vec<Record>)]) -> Result<Vec<ExpectRecord>> {
        let several = points.len() > 1;
        let mut of_points = vec![Vec::new(); points.len()];
        let mut verdicts = Vec::new();
        for expect in &self.plan.expect {
            for &at in &expect.points {
                of_points[at].push(ExpectRecord { part: several, ..scenario::evaluate(expect, &points[at].1) });
            }
            let about = expect.points.iter().map(|&at| (points[at].0.as_str(), &points[at].1[..]));
            verdicts.extend(several.then(|| scenario::whole(expect, &about.collect::<Vec<_>>())));
        }
        for ((label, records), expected) in points.iter_mut().zip(&of_points) {
            write_promises(directory.point(label)?, expected)?;
            records.retain(|record| !matches!(record, Record::Expect(_)));
            records.extend(expected.iter().cloned().map(Record::Expect));
        }
        if !several {
            return Ok(of_points.into_iter().flatten().collect());
        }
        if !verdicts.is_empty() {
            write_promises(directory.point("")?, &verdicts)?;
        }
        Ok(verdicts)
    }
}

/// Writes these in place of what was judged before.
fn write_promises(mut place: PointDirectory, promises: &[ExpectRecord]) -> Result<()> {
    place.retain(|record| !matches!(record, Record::Expect(_)))?;
    promises.iter().try_for_each(|promise| place.append(&Record::Expect(promise.clone())))?;
    place.finish()
}

/// One point on its way through the stages.
struct PointRun<'a, B: Backend> {
    backend: &'a B,
    point: &'a Point,
    /// Seed of all stages of this point.
    seed: u64,
    place: PointDirectory,
    /// An earlier point with the same samples.
    drawn: Option<PointDirectory>,
    resume: bool,
    listener: &'a mut (dyn Listener + Send),
    /// Device times when the point was begun.
    times_before: Vec<KernelTime>,
    /// Files that the run reads, as they were when it began.
    inputs: &'a [InputFile],
}

/// A machine with what is known about its data.
struct Machine {
    rbm: Rbm,
    names: Vec<String>,
    base: Vec<f32>,
    chains: Option<BitMatrix>,
    /// Values of the units in files.
    units: Units,
}

impl<B: Backend> PointRun<'_, B> {
    fn run(&mut self, command: &[String]) -> Result<()> {
        let clock = Instant::now();
        let before = if self.resume { self.place.records()? } else { Vec::new() };
        if before.iter().any(|r| matches!(r, Record::Done(_))) {
            self.listener.event(Event::Info("finished before: kept as it is".into()));
            return Ok(());
        }
        // A training goes on from its checkpoint; everything else of an unfinished point is done again.
        let point = self.point;
        let about = Record::Point(point.record());
        if before.first() == Some(&about) {
            self.place.retain(|r| matches!(r, Record::Metric(_)) || *r == about)?;
        } else {
            self.place.begin(&about, |r| matches!(r, Record::Metric(_)))?;
        }
        let (mut source, mut machine) = self.source()?;
        let mut split_rows = None;
        if let (Some(plan), Some(source)) = (&point.train, &mut source) {
            let samples = std::mem::replace(&mut source.data.samples, BitMatrix::zeros(0, 0));
            let mut rows = split(samples, plan.held_out_rows, self.seed);
            let mut plan = plan.clone();
            if let Some(file) = &plan.held_out_file {
                let others = data::read_telling(file, self.listener)?.at_temperature(self.point.temperature)?;
                plan.held_out = Some(rows.look_at(others, &source.data)?);
            }
            // Whatever looks at the samples from here on looks at those trained on, which are shared.
            source.data.samples = rows.train.clone();
            machine = Some(self.train(&plan, source, &rows, command)?);
            split_rows = Some(rows);
        }
        let Some(machine) = machine else {
            return self.done(clock);
        };
        self.sample(&machine, source.as_ref())?;
        self.likelihood(&machine, source.as_ref(), split_rows.as_ref())?;
        self.couplings(&machine)?;
        self.done(clock)
    }

    fn done(&mut self, clock: Instant) -> Result<()> {
        let kernels = KernelsRecord::since(&self.backend.kernel_times(), &self.times_before);
        if !kernels.kernels.is_empty() {
            self.place.append(&Record::Kernels(kernels))?;
        }
        self.place.append(&Record::Done(DoneRecord { seconds: clock.elapsed().as_secs_f64() }))?;
        self.place.finish()
    }

    fn source(&mut self) -> Result<(Option<Source>, Option<Machine>)> {
        match &self.point.source {
            scenario::Source::Ising(plan) => {
                let settings = plan.settings(self.seed);
                let (record, source) = match self.drawn_before(&settings) {
                    Some(drawn) => drawn,
                    None => ising::ising(self.backend, &settings, self.listener)?,
                };
                self.place.append(&Record::Ising(record))?;
                write_npz(&self.place.file(names::DATA), &source.data)?;
                Ok((Some(source), None))
            }
            scenario::Source::File(path, part) => {
                let mut data = data::read_telling(path, self.listener)?;
                let name = path.display().to_string();
                if self.inputs.iter().any(|input| input.path == name && input.sha256 != data.sha256) {
                    return Err(has_changed(&name));
                }
                data = data.at_temperature(self.point.temperature)?;
                if let Some(part) = part {
                    data = data.select_rows(&part.rows(data.samples.rows()));
                }
                data.lattice = data.lattice.or(self.point.lattice);
                Ok((Some(Source::from_data(data)), None))
            }
            scenario::Source::Model(path) => Ok((None, Some(machine_of(read_model(path)?)))),
        }
    }

    /// What an earlier point has found with these settings, where its files still tell.
    fn drawn_before(&mut self, settings: &crate::ising::Settings) -> Option<(IsingRecord, Source)> {
        let earlier = self.drawn.as_ref()?;
        let record = earlier.records().ok()?.into_iter().find_map(|record| match record {
            Record::Ising(record) => Some(record),
            _ => None,
        })?;
        let mut data = data::read(&earlier.file(names::DATA)).ok()?;
        if data.samples.rows() != settings.samples || data.lattice != Some(settings.lattice) {
            return None;
        }
        // As fresh samples: what they are, and the seed to its last digit.
        data.source = ising::title(&settings.lattice.to_string(), &[settings.temperature], settings.algorithm);
        (data.seed, data.sha256) = (Some(settings.seed), String::new());
        let which = earlier.path().file_name().unwrap_or_default().to_string_lossy();
        self.listener.event(Event::Info(format!("the same samples as {which}: they are taken from there")));
        Some((record, Source::from_data(data)))
    }

    fn train(&mut self, plan: &TrainPlan, source: &Source, rows: &Split, command: &[String]) -> Result<Machine> {
        let about = meta_of(&source.data, &rows.train, plan, command);
        let store = self.place.checkpoints(plan.keep_checkpoints).about(about);
        // Metrics of updates after the last checkpoint come again.
        let mut log = MetricLog::new(&mut self.place)?;
        let exact = source.exact.as_ref();
        let inputs =
            TrainInputs { plan, split: rows, exact, checkpoints: &store, resume: self.resume, each: None, start: None };
        let trained = train(self.backend, inputs, self.listener, &mut |metric| log.take(metric))?;
        let model = model_of(&trained.rbm, &source.data, &rows.train, &trained.plan, trained.updates, command);
        write_model(&self.place.file(names::MODEL), &model)?;
        self.place.append(&Record::Train(trained.record(names::MODEL.to_string())))?;
        // What a stop from here on costs is done again in little time.
        self.listener.answers_stops(false);
        let mut machine = machine_of(model);
        machine.chains = plan.settings.algorithm.has_chains().then_some(trained.chains);
        Ok(machine)
    }

    fn sample(&mut self, machine: &Machine, source: Option<&Source>) -> Result<()> {
        let Some(plan) = &self.point.sample else {
            return Ok(());
        };
        let start = machine.chains.as_ref();
        let sampled = stage::sample(self.backend, plan, &machine.rbm, &machine.base, start, self.listener)?;
        if let Some(exchanges) = &sampled.exchanges {
            let rungs = exchanges.acceptance.len() + 1;
            let arrivals = exchanges.arrivals_per_chain;
            self.listener.event(Event::Info(format!("samples on {rungs} rungs, {arrivals:.1} round trips a chain")));
        }
        let chains = stage::chains(&sampled);
        let effective_samples = chains.effective_samples;
        self.place.append(&Record::Chains(chains))?;
        let mut data = DataSet::new(sampled.samples, "samples of the trained model");
        data.values = machine.units.visible;
        data.names = source.and_then(|s| s.data.names.clone()).or_else(|| self.point.names.clone());
        data.lattice = self.point.lattice;
        data.temperature = self.point.temperature;
        data.seed = Some(self.seed);
        write_npz(&self.place.file(names::SAMPLES), &data)?;
        if let (true, Some(lattice), Some(temperature)) = (self.point.observe, data.lattice, data.temperature) {
            let mut observed = observe::observe(&data.samples, lattice, temperature, plan.settings.chains)?;
            // No observable knows more than the chains are worth.
            observed.effective_samples = observed.effective_samples.map(|n| n.min(effective_samples));
            self.place.append(&Record::Sample(observed))?;
        }
        Ok(())
    }

    fn likelihood(&mut self, machine: &Machine, source: Option<&Source>, rows: Option<&Split>) -> Result<()> {
        if let Some(plan) = &self.point.likelihood {
            let mut sets: Vec<(&str, &BitMatrix)> = Vec::new();
            match (rows, source) {
                (Some(rows), _) => {
                    sets.push(("train", &rows.train));
                    sets.extend(rows.held_out.as_ref().map(|r| (HELD_OUT, r)));
                }
                (None, Some(source)) => sets.push(("data", &source.data.samples)),
                (None, None) => {}
            }
            let record = likelihood(self.backend, plan, &machine.rbm, &machine.base, &sets, source, self.listener)?;
            let constant = machine.rbm.in_units(machine.units).1;
            self.place.append(&Record::Likelihood(record.in_units(machine.units, constant)))?;
        }
        if let Some(source) = source.filter(|_| self.point.compares_states())
            && let Some(record) = states(self.backend, &machine.rbm, source)?
        {
            self.place.append(&Record::States(record))?;
        }
        Ok(())
    }

    fn couplings(&mut self, machine: &Machine) -> Result<()> {
        let Some(plan) = &self.point.couplings else {
            return Ok(());
        };
        for &basis in &plan.bases {
            let (list, matrix) = match basis {
                Basis::Spin => (names::COUPLINGS, names::MATRIX),
                Basis::Binary => (names::COUPLINGS_BINARY, names::MATRIX_BINARY),
            };
            self.listener.event(Event::Info(format!("couplings in the {basis} basis")));
            let truth = self.point.lattice.zip(self.point.temperature);
            let record = read_couplings(
                plan,
                basis,
                &machine.rbm,
                &machine.names,
                truth,
                &self.place.file(list),
                Some(&self.place.file(matrix)),
            )?;
            self.place.append(&Record::Couplings(record))?;
        }
        Ok(())
    }
}

/// A machine ready for the stages after training.
fn machine_of(model: Model) -> Machine {
    let names = model.unit_names();
    let base = base_of(&model);
    Machine { units: model.meta.units, rbm: model.rbm, names, base, chains: None }
}

/// Default place of a run directory.
#[must_use]
pub fn default_out(plan: &Plan) -> PathBuf {
    Path::new("runs").join(&plan.name)
}
