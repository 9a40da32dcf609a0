//! The pilot: until hot and cold starts agree and the autocorrelation times are known, at every temperature.

use super::Scan;
use super::engine::{Progress, series_of};
use super::lasting::lasts;
use super::overlaps::{Overlaps, SpinMemory};
use super::pace::Pace;
use super::symmetry::Symmetry;
use super::walkers::{Measured, Walkers};
use crate::error::{Fault, Result};
use crate::events::Event;
use crate::numerics::readable;
use crate::observables::{Series, agreement, observables_of, pilot};
use crate::record::Observables;
use crate::stats::{mean, normal_quantile};

/// Shortest window, in sweeps.
const FIRST_WINDOW: u32 = 256;
/// The same for disordered models: rare states that last must be met to be noticed.
const FIRST_OF_DISORDER: u32 = 2048;
/// Longest window before giving up.
const LAST_WINDOW: u32 = 1 << 17;
/// Longest window for the sake of the spins alone, where e and |m| have settled.
const LAST_FOR_SPINS: u32 = 1 << 15;
/// Window after which cold starts in which no spin has moved are taken to be frozen.
const LAST_AT_REST: u32 = 1 << 15;
/// Window from which a memory of the spins far beyond what can be waited for is believed.
const FIRST_JUDGED: u32 = 1 << 11;
/// Autocorrelation times that the judged half of the pilot must span.
const WINDOW_TAUS: f64 = 20.0;
/// Times that the judged half must be as long as the slowest thing lasts.
const WINDOW_LASTS: f64 = 4.0;
/// Chance that starts which have been forgotten are taken for different: 3 σ of one temperature's e and |m|.
const FALSE_ALARM: f64 = 0.0027;
/// Replica-sweeps recorded at most: 16 bytes each.
const RECORD: u64 = 1 << 24;
/// Replicas of each start whose autocorrelation is computed; more would only cost time.
const JUDGED_REPLICAS: usize = 128;

/// A temperature that did not thermalise.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// T in J/k_B.
    pub temperature: f64,
    /// What was seen, what was expected and what to do.
    pub fault: Fault,
}

/// What the pilot found of one temperature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// τ_int of e in sweeps; NaN where nothing had to be measured.
    pub(super) tau_energy: f64,
    /// τ_int of |m| in sweeps.
    pub(super) tau_magnetization: f64,
    /// τ of the spins in sweeps; NaN where it was not measured or cannot be known.
    pub(super) tau_spins: f64,
    /// Sweeps after which the slowest of e, |m| and the spins is forgotten; 0 but for disordered models, whose rare states
    /// may last far longer than τ.
    pub(super) lasts: f64,
    /// Whether the spins have forgotten their starts.
    pub(super) forgotten: bool,
    /// Rough observables and the sweeps times replicas behind them, where a precision is wanted.
    pub(super) rough: Option<(Observables, f64)>,
    /// Why it cannot be measured.
    pub(super) failure: Option<Fault>,
}

impl Found {
    /// The larger τ of e and |m|.
    fn tau(&self) -> f64 {
        self.tau_energy.max(self.tau_magnetization)
    }

    /// Half the time after which configurations are new: τ, of the spins too unless they remember longer than can be waited
    /// for, and half of what the slowest lasts.
    pub(super) fn spacing(&self) -> f64 {
        let tau = if self.forgotten { self.tau().max(self.tau_spins) } else { self.tau() };
        tau.max(0.5 * self.lasts)
    }
}

/// A window's verdict on one temperature.
struct Judged {
    found: Found,
    memory: Option<SpinMemory>,
    /// e and |m| of hot and cold starts agree, and the window is long enough for them.
    settled: bool,
    /// The same for the spins.
    spins_settled: bool,
    /// No spin of a cold start has moved.
    at_rest: bool,
    /// Mean e of cold and hot starts.
    energies: [f64; 2],
}

/// Runs the pilot: what it found by temperature, and the sweeps thrown away.
pub(super) fn run(scan: &Scan, walkers: &mut dyn Walkers, progress: &mut Progress<'_>) -> Result<(Vec<Found>, u32)> {
    let (temperatures, replicas) = (scan.temperatures.len(), scan.replicas_used());
    let mut pace = Pace::new();
    let mut sweeps = 0;
    if let Some(thermalise) = scan.thermalise {
        pace.sweep(walkers, 0..thermalise, progress.listener)?;
        sweeps = thermalise;
    }
    if scan.thermalise.is_some() && scan.spacing.is_some() {
        let unknown = Found {
            tau_energy: f64::NAN,
            tau_magnetization: f64::NAN,
            tau_spins: f64::NAN,
            lasts: 0.0,
            forgotten: true,
            rough: None,
            failure: None,
        };
        return Ok((vec![unknown; temperatures], sweeps));
    }
    let symmetry = Symmetry::of(&scan.model);
    let mut window = if symmetry.disordered { FIRST_OF_DISORDER } else { FIRST_WINDOW };
    loop {
        let every = (u64::from(window) * (replicas * temperatures) as u64).div_ceil(RECORD).max(1) as u32;
        let steps = window / every;
        let kept_from = steps / 2;
        let size = (temperatures, replicas, scan.model.graph.sites);
        let mut overlaps = Overlaps::new(symmetry, size, steps - kept_from);
        for step in 0..steps {
            pace.sweep(walkers, sweeps..sweeps + every, progress.listener)?;
            walkers.record();
            sweeps += every;
            if let Some(overlaps) = overlaps.as_mut().filter(|o| step >= kept_from && o.wants(step - kept_from)) {
                overlaps.take(step - kept_from, &walkers.spins()?);
            }
        }
        let record = walkers.take_record()?;
        let judged = &record[kept_from as usize..];
        let mut all: Vec<Judged> = Vec::with_capacity(temperatures);
        for k in 0..temperatures {
            let memory = overlaps.as_ref().map(|o| o.found(k));
            all.push(judge(scan, judged, k, memory, (every, window), symmetry.disordered)?);
        }
        let longest = all.iter().map(|judged| judged.found.tau()).fold(f64::NAN, f64::max);
        progress.thermalising(sweeps, window, longest);
        let last = window >= LAST_WINDOW
            || window >= LAST_AT_REST && all.iter().all(|judged| judged.settled || judged.at_rest);
        let settled = all.iter().all(|judged| judged.settled);
        if last || settled && all.iter().all(|judged| judged.spins_settled || hopeless(judged, window, every)) {
            for (judged, &temperature) in all.iter_mut().zip(&scan.temperatures).filter(|(judged, _)| !judged.settled) {
                judged.found.failure = Some(why(scan, judged, temperature, sweeps));
            }
            if let Some(warning) = remembered(scan, &all, sweeps) {
                progress.listener.event(Event::Warning(warning));
            }
            return Ok((all.into_iter().map(|judged| judged.found).collect(), sweeps));
        }
        window *= 2;
    }
}

/// Judges one temperature by the second half of a window.
fn judge(
    scan: &Scan,
    judged: &[Vec<Measured>],
    k: usize,
    memory: Option<SpinMemory>,
    (every, window): (u32, u32),
    disordered: bool,
) -> Result<Judged> {
    let (temperatures, replicas) = (scan.temperatures.len(), scan.replicas_used());
    let limit = normal_quantile(1.0 - 0.5 * FALSE_ALARM / temperatures as f64);
    let series = |from: usize, to: usize| -> Series {
        series_of(scan.model.graph.sites, judged, k * replicas + from..k * replicas + to)
    };
    let half = replicas / 2;
    let few = half.min(JUDGED_REPLICAS);
    let both = series(half - few, half + few);
    let times = pilot(&both);
    let rough = if scan.precision.is_empty() {
        None
    } else {
        let rough = observables_of(&both, &scan.model.name, scan.temperatures[k])?;
        Some((rough, (2 * few) as f64 * judged.len() as f64 * f64::from(every)))
    };
    let (cold, hot) = (series(0, half), series(half, replicas));
    let agrees = agreement(&cold, &hot, 0..judged.len())?.within(limit);
    let in_sweeps = |steps: f64| steps * f64::from(every);
    let slowest = || {
        let abs: Vec<f64> = both.magnetization.iter().map(|m| m.abs()).collect();
        let spins = memory.filter(|memory| memory.forgotten).map_or(0.0, |memory| memory.lasts);
        lasts(&both.energy, 2 * few).max(lasts(&abs, 2 * few)).max(spins)
    };
    let found = Found {
        tau_energy: in_sweeps(times.energy.tau),
        tau_magnetization: in_sweeps(times.magnetization.tau),
        tau_spins: memory.map_or(f64::NAN, |memory| in_sweeps(memory.tau)),
        lasts: if disordered { in_sweeps(slowest()) } else { 0.0 },
        forgotten: memory.is_none_or(|memory| memory.forgotten && memory.starts_agree(limit)),
        rough,
        failure: None,
    };
    // Written so that a NaN is not long enough.
    let long_enough = |tau: f64| f64::from(window / 2) >= WINDOW_TAUS * tau;
    let no_starts = scan.thermalise.is_some();
    let still = |values: &[f64]| values.chunks_exact(judged.len()).all(|of| of.iter().all(|&x| x == of[0]));
    Ok(Judged {
        settled: long_enough(found.tau()) && (agrees || no_starts),
        spins_settled: f64::from(window / 2) >= WINDOW_LASTS * found.lasts
            && memory.is_none_or(|memory| {
                memory.forgotten && long_enough(in_sweeps(memory.tau)) && (memory.starts_agree(limit) || no_starts)
            }),
        at_rest: still(&cold.energy) && still(&cold.magnetization),
        energies: [mean(&cold.energy), mean(&hot.energy)],
        memory,
        found,
    })
}

/// Whether the spins remember longer than can be waited for.
fn hopeless(judged: &Judged, window: u32, every: u32) -> bool {
    let needed = judged.memory.map_or(0.0, |memory| 2.0 * WINDOW_TAUS * memory.tau * f64::from(every));
    window >= LAST_FOR_SPINS || window >= FIRST_JUDGED && needed > f64::from(LAST_FOR_SPINS)
}

/// What helps a model that single-spin updates do not move.
fn cure(scan: &Scan) -> &'static str {
    let uniform = scan.model.uniform_coupling().is_some();
    match (uniform && !scan.algorithm.is_cluster(), scan.exchange.is_some()) {
        (true, false) => {
            "use cluster updates (swendsen-wang or wolff), or exchange of temperatures with some higher ones"
        }
        (true, true) => "use cluster updates (swendsen-wang or wolff), or a ladder up to higher temperatures",
        (false, false) if scan.algorithm.is_cluster() => "use a smaller lattice",
        (false, false) => "use exchange of temperatures with some higher ones",
        (false, true) => "let the ladder reach up to higher temperatures, with more rungs",
    }
}

fn place(scan: &Scan, temperature: f64) -> String {
    format!("{} at T = {}", scan.model.name, readable(temperature))
}

/// Why a temperature failed.
fn why(scan: &Scan, judged: &Judged, temperature: f64, sweeps: u32) -> Fault {
    let [cold, hot] = judged.energies;
    let what = if judged.at_rest {
        format!(
            "the ground state is frozen: in {sweeps} sweeps no spin of a cold start has moved (e = {cold:.4}), and hot \
             starts have not come there (e = {hot:.4})"
        )
    } else if scan.thermalise.is_none() && f64::from(sweeps) > 4.0 * WINDOW_TAUS * judged.found.tau() {
        format!("not thermalised after {sweeps} sweeps: cold starts have e = {cold:.4}, hot ones {hot:.4}")
    } else {
        format!("not thermalised after {sweeps} sweeps: τ = {:.0} sweeps", judged.found.tau())
    };
    Fault::new(what)
        .at(place(scan, temperature))
        .expected("hot and cold starts that agree over 20 autocorrelation times")
        .advice(cure(scan))
}

/// What to know of samples whose spins remember.
fn remembered(scan: &Scan, all: &[Judged], sweeps: u32) -> Option<String> {
    let at: Vec<(&Judged, f64)> = all.iter().zip(scan.temperatures.iter().copied()).collect();
    let mut at = at.into_iter().filter(|(judged, _)| judged.settled && !judged.found.forgotten);
    let (first, temperature) = at.next()?;
    let times = match first.memory {
        Some(memory) if memory.forgotten => "those of hot and cold starts still differ".to_string(),
        _ => format!("autocorrelation time about {:.0} sweeps", first.found.tau_spins),
    };
    let others: String = at.map(|(_, temperature)| format!(", {}", readable(temperature))).collect();
    Some(format!(
        "{}{others}: e and |m| have settled, but not the spins in {sweeps} sweeps ({times}); samples of one replica are \
         correlated, and states may have the weights of the starts: {}",
        place(scan, temperature),
        cure(scan)
    ))
}
