//! The pilot: until hot and cold starts agree and the autocorrelation time is known, at every temperature.

use super::Scan;
use super::engine::{Progress, series_of, stop_if_asked};
use super::walkers::Walkers;
use crate::error::{Error, Fault, Result};
use crate::numerics::readable;
use crate::observables::{Series, agreement, observables_of, pilot};
use crate::record::Observables;
use crate::stats::normal_quantile;

/// Shortest window, in sweeps.
const FIRST_WINDOW: u32 = 256;
/// Longest window before giving up.
const LAST_WINDOW: u32 = 1 << 17;
/// Autocorrelation times that the judged half of the pilot must span.
const WINDOW_TAUS: f64 = 20.0;
/// Chance that starts which have been forgotten are taken for different: 3 σ of one temperature's e and |m|.
const FALSE_ALARM: f64 = 0.0027;
/// Replica-sweeps recorded at most: 16 bytes each.
const RECORD: u64 = 1 << 24;
/// Replicas of each start whose autocorrelation is computed; more would only cost time.
const JUDGED_REPLICAS: usize = 128;

/// What the pilot found, by temperature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// τ_int of e in sweeps; NaN where nothing had to be measured.
    pub(super) tau_energy: Vec<f64>,
    /// τ_int of |m| in sweeps.
    pub(super) tau_magnetization: Vec<f64>,
    /// Rough observables and the sweeps times replicas behind them; empty where nothing was measured.
    pub(super) rough: Vec<(Observables, f64)>,
    /// Sweeps thrown away.
    pub(super) sweeps: u32,
}

impl Found {
    /// The larger τ of a temperature.
    pub(super) fn tau(&self, temperature: usize) -> f64 {
        self.tau_energy[temperature].max(self.tau_magnetization[temperature])
    }

    /// The largest τ of all.
    pub(super) fn longest(&self) -> f64 {
        (0..self.tau_energy.len()).map(|k| self.tau(k)).fold(f64::NAN, f64::max)
    }
}

/// Runs the pilot.
pub(super) fn run(scan: &Scan, walkers: &mut dyn Walkers, progress: &mut Progress<'_>) -> Result<Found> {
    let (temperatures, replicas) = (scan.temperatures.len(), scan.replicas_used());
    let mut sweeps = 0;
    if let Some(thermalise) = scan.thermalise {
        walkers.sweep(0..thermalise);
        sweeps = thermalise;
    }
    if scan.thermalise.is_some() && scan.spacing.is_some() {
        let unknown = vec![f64::NAN; temperatures];
        return Ok(Found { tau_energy: unknown.clone(), tau_magnetization: unknown, rough: Vec::new(), sweeps });
    }
    let limit = normal_quantile(1.0 - 0.5 * FALSE_ALARM / temperatures as f64);
    let mut window = FIRST_WINDOW;
    loop {
        stop_if_asked(progress.listener)?;
        let every = (u64::from(window) * (replicas * temperatures) as u64).div_ceil(RECORD).max(1) as u32;
        for _ in 0..window / every {
            walkers.sweep(sweeps..sweeps + every);
            walkers.record();
            sweeps += every;
        }
        let record = walkers.take_record()?;
        let judged = &record[record.len() / 2..];
        let mut found = Found { tau_energy: Vec::new(), tau_magnetization: Vec::new(), rough: Vec::new(), sweeps };
        let mut agrees = true;
        for k in 0..temperatures {
            let series = |from: usize, to: usize| -> Series {
                series_of(scan.model.graph.sites, judged, k * replicas + from..k * replicas + to)
            };
            let half = replicas / 2;
            let few = half.min(JUDGED_REPLICAS);
            let both = series(half - few, half + few);
            let times = pilot(&both);
            found.tau_energy.push(times.energy.tau * f64::from(every));
            found.tau_magnetization.push(times.magnetization.tau * f64::from(every));
            if !scan.precision.is_empty() {
                let rough = observables_of(&both, &scan.model.name, scan.temperatures[k])?;
                found.rough.push((rough, (2 * few) as f64 * judged.len() as f64 * f64::from(every)));
            }
            let all = 0..judged.len();
            agrees &= agreement(&series(0, half), &series(half, replicas), all)?.within(limit);
        }
        let tau = found.longest();
        progress.thermalising(sweeps, window, tau);
        // Written so that a NaN is not long enough.
        let long_enough = f64::from(window / 2) >= WINDOW_TAUS * tau;
        if long_enough && (agrees || scan.thermalise.is_some()) {
            return Ok(found);
        }
        if window >= LAST_WINDOW {
            let slowest = (0..temperatures).max_by(|&a, &b| found.tau(a).total_cmp(&found.tau(b))).unwrap_or(0);
            return Err(Error::Numerics(
                Fault::new(format!("not thermalised after {sweeps} sweeps: τ = {tau:.0} sweeps"))
                    .at(format!("{} at T = {}", scan.model.name, readable(scan.temperatures[slowest])))
                    .expected("hot and cold starts that agree over 20 autocorrelation times")
                    .advice("use heat-bath or cluster updates, a smaller lattice or a temperature further from the critical one"),
            ));
        }
        window *= 2;
    }
}
