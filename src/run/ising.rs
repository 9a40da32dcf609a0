//! The Monte Carlo stage: samples, observables, exact values beside them.

use super::Source;
use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::data::{DataSet, memory_limit};
use crate::error::{Error, Fault, Result};
use crate::events::Listener;
use crate::ising::{Algorithm, ExchangeReport, Failure, Memory, Model, Outcome, Scan, Settings};
use crate::numerics::readable;
use crate::observables::{MultiHistogram, ReweightedPoint, Series, correlations, energy_histogram, observables_of};
use crate::record::{Estimate, IsingRecord};

/// Runs the Monte Carlo at one temperature and measures on the recorded sums and on the configurations.
///
/// # Errors
/// As [`crate::ising::generate`].
pub fn ising<B: Backend>(
    backend: &B,
    settings: &Settings,
    listener: &mut dyn Listener,
) -> Result<(IsingRecord, Source)> {
    settings.validate()?;
    let scanned = scan(backend, &settings.scan()?, listener)?;
    let scanned = scanned.complete()?;
    let record = scanned.records.into_iter().next();
    let record = record.ok_or_else(|| Error::input("no temperature"))?;
    Ok((record.clone(), Source { data: scanned.data, exact: record.exact }))
}

/// Results of a scan over temperatures.
#[derive(Debug, Clone, PartialEq)]
pub struct Scanned {
    /// One for each temperature that thermalised, in their order.
    pub records: Vec<IsingRecord>,
    /// Those that did not.
    pub failures: Vec<Failure>,
    /// The signal that ended the run early, with fewer samples than were asked for.
    pub stopped: Option<i32>,
    /// Samples of all temperatures, `[temperature][time][replica]`; replicas are numbered at each temperature.
    pub data: DataSet,
    /// What was measured, by temperature: for reweighting.
    pub series: Vec<Series>,
    /// What exchanges of temperatures did, where there were any.
    pub exchange: Option<ExchangeReport>,
}

impl Scanned {
    /// The same, if all temperatures have all their samples.
    ///
    /// # Errors
    /// [`Error::Stopped`] after a signal, [`Error::Numerics`] naming the temperatures that did not thermalise.
    pub fn complete(self) -> Result<Self> {
        match (self.stopped, failed(&self.failures)) {
            (Some(signal), _) => Err(Error::Stopped(signal)),
            (None, Some(fault)) => Err(Error::Numerics(fault)),
            (None, None) => Ok(self),
        }
    }

    /// Observables at other temperatures, by multi-histogram reweighting.
    ///
    /// # Errors
    /// As [`MultiHistogram::new`] and [`MultiHistogram::at`].
    pub fn reweight(&self, temperatures: &[f64]) -> Result<Vec<ReweightedPoint>> {
        let runs: Vec<(f64, &Series)> =
            self.records.iter().map(|r| r.observables.temperature).zip(&self.series).collect();
        let combined = MultiHistogram::new(&runs)?;
        temperatures.iter().map(|&t| combined.at(t)).collect()
    }

    /// Energy histograms of all temperatures as CSV: `temperature,energy,count`, energies per site.
    #[must_use]
    pub fn histogram_csv(&self) -> String {
        let mut text = String::from("temperature,energy,count\n");
        for (record, series) in self.records.iter().zip(&self.series) {
            for (energy, count) in energy_histogram(series) {
                text += &format!("{},{energy},{count}\n", record.observables.temperature);
            }
        }
        text
    }
}

/// What became of temperatures that did not thermalise; None where there are none.
#[must_use]
pub fn failed(failures: &[Failure]) -> Option<Fault> {
    let first = failures.first()?;
    match failures.len() {
        1 => Some(first.fault.clone()),
        count => {
            let all: Vec<String> = failures.iter().map(|failure| readable(failure.temperature)).collect();
            let what = format!("{count} temperatures, {}: the first {}", all.join(", "), first.fault.what);
            Some(Fault { what, ..first.fault.clone() })
        }
    }
}

/// Reweighted observables as CSV, every value followed by its one-sigma error, if that is known.
#[must_use]
pub fn curves_csv(curves: &[ReweightedPoint]) -> String {
    let names = ["energy", "specific_heat", "magnetization", "susceptibility", "binder"];
    let mut text = String::from("temperature");
    names.iter().for_each(|name| text += &format!(",{name},{name}_error"));
    text += ",effective_samples\n";
    for p in curves {
        text += &p.temperature.to_string();
        for e in [p.energy, p.specific_heat, p.magnetization, p.susceptibility, p.binder] {
            let error = if e.error.is_nan() { String::new() } else { e.error.to_string() };
            text += &format!(",{},{error}", e.value);
        }
        text += &format!(",{}\n", p.effective_samples);
    }
    text
}

/// Runs the Monte Carlo at all temperatures at once.
///
/// The `tau` of e and |m| are those of the pilot, in sweeps; those of the other quantities are of the series at the
/// sampling times, in sweeps too, and thus at least half their spacing.
///
/// # Errors
/// [`crate::error::Error::Input`] where the run needs more memory than may be used; as [`crate::ising::scan`].
pub fn scan<B: Backend>(backend: &B, scan: &Scan, listener: &mut dyn Listener) -> Result<Scanned> {
    scan.validate()?;
    if let Some(limit) = memory_limit()? {
        Memory::of(scan).check(&scan.model.name, limit)?;
    }
    let found = crate::ising::scan(backend, scan, listener)?;
    let outcomes = found.points;
    let records = outcomes.iter().map(|o| record(o, &scan.model, scan.algorithm)).collect::<Result<_>>()?;
    let (data, series) = taken_apart(outcomes, scan);
    Ok(Scanned { records, data, series, exchange: found.exchange, failures: found.failures, stopped: found.stopped })
}

fn record(outcome: &Outcome, model: &Model, algorithm: Algorithm) -> Result<IsingRecord> {
    let mut observed = observables_of(&outcome.series, &model.name, outcome.temperature)?;
    let in_sweeps = |steps: Option<f64>| steps.map(|tau| tau * f64::from(outcome.spacing));
    let measured = |tau: f64, e: Estimate| if tau.is_nan() { in_sweeps(e.tau) } else { Some(tau) };
    observed.energy.tau = measured(outcome.tau_energy, observed.energy);
    observed.magnetization.tau = measured(outcome.tau_magnetization, observed.magnetization);
    for other in [&mut observed.specific_heat, &mut observed.susceptibility, &mut observed.binder, &mut observed.p_up] {
        other.tau = in_sweeps(other.tau);
    }
    // G(r) from whole sampling times, so that replicas stay aligned.
    let whole = outcome.samples.rows() / outcome.replicas * outcome.replicas;
    if let (true, Some(lattice)) = (whole > 0, model.lattice) {
        let found = correlations(&outcome.samples.slice_rows(0..whole), lattice, outcome.replicas, 0.5)?;
        observed.correlation = found.along_axis;
        observed.correlation_length = found.length;
    }
    let remembered = "the spins have not forgotten their starts, whose weights states may have".to_string();
    let remembered = Some(remembered).filter(|_| !outcome.spins_forgotten);
    let warnings = observed.few_samples().into_iter().chain(remembered).collect();
    Ok(IsingRecord {
        observables: observed,
        exact: model.exact(outcome.temperature),
        algorithm: algorithm.name().to_string(),
        replicas: outcome.replicas,
        thermalisation: outcome.thermalisation,
        spacing: outcome.spacing,
        tau_spins: Some(outcome.tau_spins).filter(|tau| tau.is_finite()),
        warnings,
        flips_per_ns: outcome.flips_per_ns,
    })
}

/// What samples are, in words.
pub(super) fn title(model: &str, temperatures: &[f64], algorithm: Algorithm) -> String {
    let list: Vec<String> = temperatures.iter().map(|&t| readable(t)).collect();
    format!("{model} at T = {}, {}", list.join(", "), algorithm.name())
}

/// The samples of all outcomes as one data set, and their series.
fn taken_apart(outcomes: Vec<Outcome>, scan: &Scan) -> (DataSet, Vec<Series>) {
    let mut samples = BitMatrix::zeros(0, scan.model.graph.sites);
    let (mut temperatures, mut sweeps, mut replicas) = (Vec::new(), Vec::new(), Vec::new());
    let mut series = Vec::with_capacity(outcomes.len());
    let list: Vec<f64> = outcomes.iter().map(|o| o.temperature).collect();
    let one = outcomes.first().map(|o| o.temperature).filter(|_| outcomes.len() == 1);
    for outcome in outcomes {
        let rows = outcome.samples.rows();
        samples.append(&outcome.samples);
        temperatures.extend(std::iter::repeat_n(outcome.temperature, rows));
        sweeps.extend((0..rows).map(|row| outcome.sweeps[row / outcome.replicas]));
        replicas.extend((0..rows).map(|row| (row % outcome.replicas) as u32));
        series.push(outcome.series);
    }
    let source = title(&scan.model.name, &list, scan.algorithm);
    let mut data = DataSet::new(samples, source);
    // A lattice in a file stands for J = 1: readers know exact values for it.
    data.lattice = scan.model.lattice.filter(|_| scan.model.is_plain());
    data.temperature = one;
    data.temperatures = Some(temperatures).filter(|_| one.is_none());
    data.sweeps = Some(sweeps);
    data.replicas = Some(replicas);
    data.seed = Some(scan.seed);
    (data, series)
}
