//! Ising Monte Carlo: thermalised, decorrelated configurations of many independent replicas.
//!
//! Half of the replicas start hot (random spins), half cold (all up and all down by turns). A pilot run doubles until
//! both halves agree in e and ⟨|m|⟩ over its second half and that half is long against the autocorrelation time; all of
//! it is thrown away. Samples are then taken every 2 τ_int sweeps (the larger of e's and |m|'s). With fields off, up and
//! down are equally frequent by construction of the starts, also where a replica's sign lives longer than the run.

mod settings;

use std::time::Instant;

pub use self::settings::{Settings, default_rule, parse_rule, rule_name};
use crate::backend::{Acceptance, Backend, SpinSums};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::observables::{Series, agreement, pilot};
use crate::rng::{Stream, derive_seed, unit_word};

/// Samples with everything needed to judge them.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `[samples, sites]`, 1 = up; row t · replicas + r is replica r at the t-th sampling time.
    pub samples: BitMatrix,
    /// Energies and magnetisations at the sampling times.
    pub series: Series,
    /// Sweep at which each sampling time was, counted from the start.
    pub sweeps: Vec<u32>,
    /// Independent replicas.
    pub replicas: usize,
    /// Sweeps thrown away at the start.
    pub thermalisation: u32,
    /// Sweeps between sampling times.
    pub spacing: u32,
    /// Integrated autocorrelation time in sweeps, the larger of e's and |m|'s; NaN where nothing had to be measured.
    pub tau: f64,
    /// Spin updates a nanosecond, production only, all threads.
    pub flips_per_ns: f64,
}

/// Shortest pilot window, in sweeps.
const FIRST_WINDOW: u32 = 256;
/// Longest pilot window before giving up.
const LAST_WINDOW: u32 = 1 << 17;
/// Autocorrelation times that the judged half of the pilot must span.
const WINDOW_TAUS: f64 = 20.0;
/// Largest difference between hot and cold starts, in standard deviations.
const AGREEMENT: f64 = 3.0;
/// Replica-sweeps recorded by the pilot at most: 64 Mi pairs would be half a gigabyte.
const PILOT_RECORD: u64 = 1 << 24;

/// Runs the pilot and draws the samples.
///
/// # Errors
/// [`Error::Input`] for settings that cannot be run, [`Error::Numerics`] when hot and cold starts never agree,
/// [`Error::Stopped`] on a signal, device failures.
pub fn generate<B: Backend>(backend: &B, settings: &Settings, listener: &mut dyn Listener) -> Result<Outcome> {
    settings.validate()?;
    let lattice = settings.lattice;
    let graph = lattice.graph();
    let seed = derive_seed(settings.seed, "ising");
    let replicas = settings.replicas_used();
    let acceptance = Acceptance::new(settings.rule, graph.max_degree, &vec![settings.temperature; replicas])?;
    let initial = starts(seed, replicas, lattice.sites());
    let mut spins = backend.upload_spins(&graph, &acceptance, &initial)?;
    let series = |sums: &[Vec<SpinSums>], replicas: std::ops::Range<usize>| {
        Series::from_counts(graph.sites, graph.bonds(), replicas.len(), sums.len(), |t, r| {
            let s = sums[t][replicas.start + r];
            (s.antiparallel, s.up)
        })
    };

    let mut sweep = 0u32;
    let mut window = FIRST_WINDOW;
    if let Some(thermalise) = settings.thermalise {
        backend.sweep(&mut spins, seed, 0..thermalise);
        sweep = thermalise;
    }
    let tau = loop {
        if settings.thermalise.is_some() && settings.spacing.is_some() {
            break f64::NAN;
        }
        stop_if_asked(listener)?;
        let every = (u64::from(window) * replicas as u64).div_ceil(PILOT_RECORD).max(1) as u32;
        for _ in 0..window / every {
            backend.sweep(&mut spins, seed, sweep..sweep + every);
            backend.record_sums(&mut spins);
            sweep += every;
        }
        let sums = backend.read_sums(&mut spins)?;
        let judged = &sums[sums.len() / 2..];
        let both = pilot(&series(judged, 0..replicas));
        let tau = both.tau() * f64::from(every);
        let long_enough = f64::from(window / 2) >= WINDOW_TAUS * tau;
        let half = replicas / 2;
        let agrees = half == 0 || {
            let (cold, hot) = (series(judged, 0..half), series(judged, half..replicas));
            agreement(&cold, &hot, 0..judged.len())?.within(AGREEMENT)
        };
        let note = format!("pilot of {window} sweeps, τ = {tau:.1}");
        listener.event(Event::Progress { stage: "thermalise", done: sweep.into(), total: (2 * sweep).into(), note });
        if long_enough && (agrees || settings.thermalise.is_some()) {
            break tau;
        }
        if window >= LAST_WINDOW {
            return Err(Error::Numerics(
                Fault::new(format!("not thermalised after {sweep} sweeps: τ = {tau:.0} sweeps"))
                    .at(format!("{lattice} at T = {}", settings.temperature))
                    .expected("hot and cold starts that agree over 20 autocorrelation times")
                    .advice("use a smaller lattice or a temperature further from the critical one"),
            ));
        }
        window *= 2;
    };
    let thermalisation = sweep;
    let spacing = settings.spacing.unwrap_or((2.0 * tau).ceil().max(1.0) as u32);

    let times = settings.samples.div_ceil(replicas);
    let mut samples = BitMatrix::zeros(0, graph.sites);
    let mut sums = Vec::with_capacity(times);
    let mut sweeps = Vec::with_capacity(times);
    let mut seconds = 0.0;
    for time in 0..times {
        stop_if_asked(listener)?;
        let start = Instant::now();
        backend.sweep(&mut spins, seed, sweep..sweep + spacing);
        backend.finish()?;
        seconds += start.elapsed().as_secs_f64();
        sweep += spacing;
        backend.record_sums(&mut spins);
        sums.append(&mut backend.read_sums(&mut spins)?);
        sweeps.push(sweep);
        samples.append(&backend.read_spins(&spins)?);
        let note = format!("{} of {} samples", samples.rows().min(settings.samples), settings.samples);
        listener.event(Event::Progress { stage: "ising", done: time as u64 + 1, total: times as u64, note });
    }
    let flips = graph.sites as f64 * replicas as f64 * f64::from(spacing) * times as f64;
    Ok(Outcome {
        samples: samples.slice_rows(0..settings.samples),
        series: series(&sums, 0..replicas),
        sweeps,
        replicas,
        thermalisation,
        spacing,
        tau,
        flips_per_ns: flips / (seconds * 1e9).max(1.0),
    })
}

/// The first half of the replicas cold, up and down by turns; the second half hot.
fn starts(seed: u64, replicas: usize, sites: usize) -> BitMatrix {
    BitMatrix::from_fn(replicas, sites, |r, i| {
        if r < replicas / 2 { r % 2 == 0 } else { unit_word(seed, Stream::IsingStart, 0, r as u32, i as u32) & 1 == 1 }
    })
}

fn stop_if_asked(listener: &dyn Listener) -> Result<()> {
    listener.stop_requested().map_or(Ok(()), |signal| Err(Error::Stopped(signal)))
}
