//! The engine: pilot, samples, and measurement until the precision is reached.

use std::ops::Range;
use std::time::Instant;

use super::general::{Tabled, adapt};
use super::pace::Pace;
use super::pilot::{self, Failure, Found};
use super::symmetry::Symmetry;
use super::walkers::{Measured, OnBackend, Walkers};
use super::{Algorithm, ExchangeReport, Scan, Settings};
use crate::backend::{Backend, ClusterKind};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::numerics::readable;
use crate::observables::{Series, observables_of};
use crate::rng::{Stream, derive_seed, unit_word};

/// Samples of one temperature with everything needed to judge them.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// T in J/k_B.
    pub temperature: f64,
    /// `[samples, sites]`, 1 = up; row t · replicas + r is replica r at the t-th sampling time.
    pub samples: BitMatrix,
    /// Energies and magnetisations at all measuring times: those of the samples first, then any that precision needed.
    pub series: Series,
    /// Sweep at which each measuring time was, counted from the start.
    pub sweeps: Vec<u32>,
    /// Independent replicas.
    pub replicas: usize,
    /// Sweeps thrown away at the start.
    pub thermalisation: u32,
    /// Sweeps between measuring times.
    pub spacing: u32,
    /// Integrated autocorrelation time of e in sweeps; NaN where nothing had to be measured.
    pub tau_energy: f64,
    /// The same of |m|.
    pub tau_magnetization: f64,
    /// The same of the spins themselves, modulo a global flip where that is a symmetry; NaN too where it cannot be known.
    pub tau_spins: f64,
    /// Whether the spins forgot their starts: where not, samples of one replica are correlated.
    pub spins_forgotten: bool,
    /// Spin updates a nanosecond, production only, all threads and temperatures.
    pub flips_per_ns: f64,
}

/// Most spin updates that a precision may cost: a day at 10 a nanosecond.
const MOST_UPDATES: f64 = 1e15;
/// Most measured values (times × replicas × temperatures) that are kept: 16 bytes each.
const MOST_VALUES: f64 = 268_435_456.0;
/// Largest growth of a run in one round: early errors are not precise enough to plan further.
const MOST_GROWTH: f64 = 4.0;

/// Reports of the engine's progress.
pub(super) struct Progress<'a> {
    pub(super) listener: &'a mut dyn Listener,
}

impl Progress<'_> {
    pub(super) fn thermalising(&mut self, sweeps: u32, window: u32, tau: f64) {
        let note = format!("pilot of {window} sweeps, τ = {tau:.1}");
        let (done, total) = (sweeps.into(), (2 * u64::from(sweeps)).max(1));
        self.listener.event(Event::Progress { stage: "thermalise", done, total, note });
    }

    fn sampling(&mut self, done: usize, total: usize, note: String) {
        self.listener.event(Event::Progress { stage: "ising", done: done as u64, total: total as u64, note });
    }
}

/// Everything a scan gives.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanOutcome {
    /// By temperature, in the order of the settings, without those that did not thermalise.
    pub points: Vec<Outcome>,
    /// Temperatures that did not thermalise.
    pub failures: Vec<Failure>,
    /// The signal that ended the run early, after fewer samples than were asked for.
    pub stopped: Option<i32>,
    /// What exchanges of temperatures did, where there were any; the pilot counts too.
    pub exchange: Option<ExchangeReport>,
}

/// Runs the pilot and draws the samples of one temperature.
///
/// # Errors
/// As [`scan`].
pub fn generate<B: Backend>(backend: &B, settings: &Settings, listener: &mut dyn Listener) -> Result<Outcome> {
    settings.validate()?;
    let mut found = scan(backend, &settings.scan()?, listener)?;
    match found.stopped {
        Some(signal) => Err(Error::Stopped(signal)),
        None => Ok(found.points.swap_remove(0)),
    }
}

/// Runs the pilot and draws the samples of all temperatures, in their order; those of an adapted ladder are found first.
///
/// # Errors
/// [`Error::Input`] for settings that cannot be run or a precision that is out of reach, [`Error::Numerics`] when hot and
/// cold starts never agree at any temperature, [`Error::Stopped`] on a signal before the first samples, device failures.
pub fn scan<B: Backend>(backend: &B, scan: &Scan, listener: &mut dyn Listener) -> Result<ScanOutcome> {
    scan.validate()?;
    let mut progress = Progress { listener };
    let Some(rule) = scan.rule().filter(|_| scan.ladder.is_some()) else {
        return at_temperatures(backend, scan, &mut progress);
    };
    let (temperatures, adaptation) = adapt(backend, scan, rule, &mut progress)?;
    let fixed = Scan { temperatures, ladder: None, ..scan.clone() };
    let mut found = at_temperatures(backend, &fixed, &mut progress)?;
    found.exchange.iter_mut().for_each(|report| report.adaptation = Some(adaptation));
    Ok(found)
}

/// Runs all temperatures of a scan as they are given.
fn at_temperatures<B: Backend>(backend: &B, scan: &Scan, progress: &mut Progress<'_>) -> Result<ScanOutcome> {
    let seed = derive_seed(scan.seed, "ising");
    let (model, replicas) = (&scan.model, scan.replicas_used());
    let of_replicas: Vec<f64> = scan.temperatures.iter().flat_map(|&t| vec![t; replicas]).collect();
    let initial = starts(seed, scan.temperatures.len(), replicas, model.graph.sites);
    let Some(rule) = scan.rule() else {
        let wolff = scan.algorithm == Algorithm::Wolff;
        let kind = if wolff { ClusterKind::Wolff } else { ClusterKind::SwendsenWang };
        // Settings with another model than a uniform one were refused for cluster updates.
        let coupling = model.uniform_coupling().unwrap_or(1.0);
        let mut moved = OnBackend::of_clusters(backend, model, coupling, kind, &of_replicas, &initial, seed)?;
        return run(scan, &mut moved, progress);
    };
    match model.uniform_coupling() {
        Some(coupling) if scan.exchange.is_none() => {
            run(scan, &mut OnBackend::new(backend, model, coupling, rule, &of_replicas, &initial, seed)?, progress)
        }
        _ => {
            let interactions = model.interactions()?;
            let (temperatures, numbers) = (&scan.temperatures, (seed, scan.exchange));
            let moved = Tabled::new(backend, (model, &interactions), rule, temperatures, &initial, numbers);
            run(scan, &mut moved?, progress)
        }
    }
}

fn run(scan: &Scan, walkers: &mut dyn Walkers, progress: &mut Progress<'_>) -> Result<ScanOutcome> {
    let (replicas, temperatures) = (scan.replicas_used(), scan.temperatures.len());
    let (found, thermalisation) = pilot::run(scan, walkers, progress)?;
    let (kept, failures) = sorted_out(scan, &found)?;
    let spacing = scan.spacing.unwrap_or_else(|| spacing(scan, kept.iter().map(|&k| &found[k])));
    let updates_before = walkers.updates()?;
    let mut production = Production {
        scan,
        walkers,
        kept: &kept,
        pace: Pace::new(),
        spacing,
        sweep: thermalisation,
        record: Vec::new(),
        sweeps: Vec::new(),
        seconds: 0.0,
        updates_before,
    };
    for (rough, behind) in kept.iter().filter_map(|&k| found[k].rough.as_ref()) {
        // The pilot's values are as good as that many independent times at the spacing of the run.
        let times = behind / (replicas as f64 * f64::from(spacing));
        production.affordable(times, rough)?;
    }

    let times = scan.samples.div_ceil(replicas);
    production.check(times as f64, "samples")?;
    let mut samples = vec![BitMatrix::zeros(0, scan.model.graph.sites); temperatures];
    let done = production.sample(times, &mut samples, progress).and_then(|()| production.reach_precision(progress));
    // Who is asked to stop hands over what there is.
    let stopped = match done {
        Err(Error::Stopped(signal)) if !production.record.is_empty() => Some(signal),
        other => other.map(|()| None)?,
    };

    let exchange = production.walkers.exchange_report();
    let updates = production.walkers.updates()? - production.updates_before;
    let Production { record, sweeps, seconds, .. } = production;
    let flips_per_ns = updates / (seconds * 1e9).max(1.0);
    let outcome = |&k: &usize| Outcome {
        temperature: scan.temperatures[k],
        samples: samples[k].slice_rows(0..samples[k].rows().min(scan.samples)),
        series: series_of(scan.model.graph.sites, &record, k * replicas..(k + 1) * replicas),
        sweeps: sweeps.clone(),
        replicas,
        thermalisation,
        spacing,
        tau_energy: found[k].tau_energy,
        tau_magnetization: found[k].tau_magnetization,
        tau_spins: found[k].tau_spins,
        spins_forgotten: found[k].forgotten,
        flips_per_ns,
    };
    Ok(ScanOutcome { points: kept.iter().map(outcome).collect(), failures, stopped, exchange })
}

/// Temperatures that can be measured, by number, and the others with the reason; an error where there is none.
fn sorted_out(scan: &Scan, found: &[Found]) -> Result<(Vec<usize>, Vec<Failure>)> {
    let failures: Vec<Failure> = found
        .iter()
        .zip(&scan.temperatures)
        .filter_map(|(found, &temperature)| Some(Failure { temperature, fault: found.failure.clone()? }))
        .collect();
    let kept: Vec<usize> = (0..found.len()).filter(|&k| found[k].failure.is_none()).collect();
    match failures.first() {
        Some(first) if kept.is_empty() => Err(Error::Numerics(first.fault.clone())),
        _ => Ok((kept, failures)),
    }
}

/// Sweeps between samples: 2 τ, or as long as the slowest of a disordered model lasts.
fn spacing<'a>(scan: &Scan, found: impl Iterator<Item = &'a Found>) -> u32 {
    let sweeps = (2.0 * found.map(Found::spacing).fold(f64::NAN, f64::max)).ceil().max(1.0) as u32;
    // Most Wolff clusters are those that turn the sign: after an even number of them it is the same again.
    if scan.algorithm == Algorithm::Wolff { sweeps | 1 } else { sweeps }
}

/// A run after its pilot.
struct Production<'a> {
    scan: &'a Scan,
    walkers: &'a mut dyn Walkers,
    /// Temperatures that are measured, by number.
    kept: &'a [usize],
    pace: Pace,
    spacing: u32,
    /// Sweeps done.
    sweep: u32,
    /// `[times][temperature · replicas + replica]`.
    record: Vec<Vec<Measured>>,
    /// Sweep of each time.
    sweeps: Vec<u32>,
    seconds: f64,
    /// Spin updates of the pilot.
    updates_before: f64,
}

impl Production<'_> {
    /// Samples at so many times, added to those of each temperature.
    fn sample(&mut self, times: usize, samples: &mut [BitMatrix], progress: &mut Progress<'_>) -> Result<()> {
        let (replicas, symmetry) = (self.scan.replicas_used(), Symmetry::of(&self.scan.model));
        let seed = derive_seed(self.scan.seed, "symmetry");
        for time in 0..times {
            self.step(progress)?;
            let now = symmetry.scattered(self.walkers.spins()?, seed, self.sweep);
            for &k in self.kept {
                samples[k].append(&now.slice_rows(k * replicas..(k + 1) * replicas));
            }
            let note = format!("{} of {} samples", ((time + 1) * replicas).min(self.scan.samples), self.scan.samples);
            progress.sampling(time + 1, times, note);
        }
        Ok(())
    }

    /// One more measuring time.
    fn step(&mut self, progress: &Progress<'_>) -> Result<()> {
        let start = Instant::now();
        self.pace.sweep(self.walkers, self.sweep..self.sweep + self.spacing, progress.listener)?;
        self.walkers.finish()?;
        self.seconds += start.elapsed().as_secs_f64();
        self.sweep += self.spacing;
        self.walkers.record();
        self.record.append(&mut self.walkers.take_record()?);
        self.sweeps.push(self.sweep);
        Ok(())
    }

    /// Refuses a number of measuring times that cannot be run.
    fn check(&self, times: f64, what: &str) -> Result<()> {
        let values = times * (self.scan.replicas_used() * self.scan.temperatures.len()) as f64;
        let sweeps = times * f64::from(self.spacing);
        let updates = values * f64::from(self.spacing) * self.scan.model.graph.sites as f64;
        // The first test is written so that NaN fails it.
        if values <= MOST_VALUES && updates <= MOST_UPDATES && sweeps + f64::from(self.sweep) < f64::from(u32::MAX) {
            return Ok(());
        }
        Err(Error::Input(
            Fault::new(format!(
                "{what}: {updates:.1e} spin updates in {sweeps:.1e} sweeps, {values:.1e} measured values"
            ))
            .at(&self.scan.model.name)
            .expected(format!("at most {MOST_UPDATES:.0e} updates, 4e9 sweeps and {MOST_VALUES:.1e} values"))
            .advice("ask for less, or spread the work over more replicas"),
        ))
    }

    /// Refuses a precision out of reach, judging by observables of `times` measuring times.
    fn affordable(&self, times: f64, observables: &crate::record::Observables) -> Result<()> {
        for precision in &self.scan.precision {
            let what = format!(
                "a precision of {:e} in the {} at T = {}",
                precision.error,
                precision.quantity.name(),
                readable(observables.temperature)
            );
            self.check(times * precision.growth(observables), &what)?;
        }
        Ok(())
    }

    /// Measures on until every precision is reached at every temperature.
    fn reach_precision(&mut self, progress: &mut Progress<'_>) -> Result<()> {
        if self.scan.precision.is_empty() {
            return Ok(());
        }
        let replicas = self.scan.replicas_used();
        // Two times at least: a derived quantity of a single one is judged badly.
        while self.record.len() < 2 {
            self.step(progress)?;
        }
        loop {
            let mut growth = 0.0f64;
            for &k in self.kept {
                let series = series_of(self.scan.model.graph.sites, &self.record, k * replicas..(k + 1) * replicas);
                let now = observables_of(&series, &self.scan.model.name, self.scan.temperatures[k])?;
                self.affordable(self.record.len() as f64, &now)?;
                growth = self.scan.precision.iter().map(|p| p.growth(&now)).fold(growth, f64::max);
            }
            if growth <= 1.0 {
                return Ok(());
            }
            let have = self.record.len();
            let wanted = (have as f64 * (1.05 * growth).min(MOST_GROWTH)).ceil().max(have as f64 + 1.0) as usize;
            for time in have..wanted {
                self.step(progress)?;
                let note = format!("errors must fall by another factor of {:.2}", growth.sqrt());
                progress.sampling(time + 1, wanted, note);
            }
        }
    }
}

/// Energy and magnetisation per site of some replicas of a record `[times][replicas]`.
pub(super) fn series_of(sites: usize, record: &[Vec<Measured>], replicas: Range<usize>) -> Series {
    let n = sites as f64;
    let (energy, magnetization) = replicas
        .clone()
        .flat_map(|r| record.iter().map(move |row| row[r]))
        .map(|now| (now.energy / n, (2.0 * f64::from(now.up) - n) / n))
        .unzip();
    Series { sites, replicas: replicas.len(), times: record.len(), energy, magnetization }
}

/// At each temperature the first half of the replicas cold, up and down by turns; the second half hot.
pub(super) fn starts(seed: u64, temperatures: usize, replicas: usize, sites: usize) -> BitMatrix {
    BitMatrix::from_fn(temperatures * replicas, sites, |row, i| {
        let r = row % replicas;
        if r < replicas / 2 {
            r.is_multiple_of(2)
        } else {
            unit_word(seed, Stream::IsingStart, 0, row as u32, i as u32) & 1 == 1
        }
    })
}
