//! Ladders of temperatures between two ends, spaced so that all exchanges are accepted equally often.
//!
//! Maths: replicas at neighbouring temperatures with normal energies of equal heat capacity exchange with probability
//! A = erfc(d / 2), d growing in proportion to the distance of their β: d = −√2 Φ⁻¹(A / 2) is a length along the ladder. A
//! round measures every A, lays the lengths end to end, linear in β between temperatures, and cuts the whole into equal
//! pieces; the next round measures there. Rounds get longer, the first half of each is thrown away, and the temperatures at
//! which the A differ by less than [`TOLERANCE`] are kept. Rounds have random numbers of their own, and the run that follows
//! starts anew: the temperatures are fixed before anything that is reported is measured.
//! Sources: Kofke, J. Chem. Phys. 117, 6911 (2002), with its erratum (A for normal energies); Rathore, Chopra and de Pablo,
//! J. Chem. Phys. 122, 024111 (2005) (equal acceptance).

use super::Tabled;
use super::exchange::spread;
use crate::backend::{Backend, Rule};
use crate::error::Result;
use crate::events::Event;
use crate::ising::Scan;
use crate::ising::engine::{Progress, starts};
use crate::ising::pace::Pace;
use crate::ising::walkers::Walkers;
use crate::numerics::equal_parts;
use crate::rng::derive_seed;
use crate::stats::normal_quantile;

/// Most temperatures of a ladder.
pub const MAX_RUNGS: usize = 1024;
/// Most sweeps between exchanges of a ladder that is adapted: all rounds together stay within 32 bits.
pub(in crate::ising) const MAX_EVERY: u32 = 100_000;
/// Largest difference of acceptance between two pairs of neighbours.
const TOLERANCE: f64 = 0.02;
/// Exchanges of the first round.
const FIRST_ROUND: u32 = 64;
/// Exchanges of the longest rounds.
const LONGEST_ROUND: u32 = 4096;
/// Shortest round whose acceptances are believed: in half of it everyone has thermalised and enough is tried.
const SHORTEST_JUDGED: u32 = 512;
/// Most rounds.
const MOST_ROUNDS: u32 = 10;
/// Replicas at each temperature during rounds; more would only cost time.
const MOST_REPLICAS: usize = 128;
/// Acceptances below this are not measured but only known to be small.
const LEAST_ACCEPTANCE: f64 = 1e-6;

/// How the temperatures of a ladder were found.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Adaptation {
    /// Rounds.
    pub rounds: u32,
    /// Sweeps of all rounds, which are no part of the run.
    pub sweeps: u32,
    /// Largest minus smallest acceptance in the round whose temperatures were kept.
    pub spread: f64,
}

/// Temperatures between the lowest and the highest of `scan`, ascending, as many as its ladder has.
///
/// # Errors
/// As [`Tabled::new`]; [`crate::Error::Stopped`] on a signal; device failures.
pub(in crate::ising) fn adapt<B: Backend>(
    backend: &B,
    scan: &Scan,
    rule: Rule,
    progress: &mut Progress<'_>,
) -> Result<(Vec<f64>, Adaptation)> {
    let every = scan.exchange.unwrap_or(1);
    let seed = derive_seed(scan.seed, "ladder");
    let interactions = scan.model.interactions()?;
    let replicas = scan.replicas_used().min(MOST_REPLICAS);
    let rungs = scan.ladder.unwrap_or(scan.temperatures.len());
    let mut temperatures = geometric(&scan.temperatures, rungs);
    let mut spins = starts(seed, rungs, replicas, scan.model.graph.sites);
    let (mut sweeps, mut exchanges) = (0, FIRST_ROUND);
    let mut best: Option<(Vec<f64>, f64)> = None;
    let mut pace = Pace::new();
    for round in 1..=MOST_ROUNDS {
        let at = (&scan.model, &interactions);
        let mut moved = Tabled::new(backend, at, rule, &temperatures, &spins, (seed, Some(every)))?;
        for half in 0..2 {
            if half == 1 {
                moved.count_anew();
            }
            for _ in 0..exchanges / FIRST_ROUND {
                let more = FIRST_ROUND / 2 * every;
                pace.sweep(&mut moved, sweeps..sweeps + more, progress.listener)?;
                sweeps += more;
            }
        }
        spins = moved.spins()?;
        let acceptance = moved.mean_probabilities();
        let now = spread(&acceptance);
        progress.listener.event(Event::Progress {
            stage: "ladder",
            done: round.into(),
            total: MOST_ROUNDS.into(),
            note: format!("{rungs} temperatures, acceptances differ by {now:.3}"),
        });
        let judged = exchanges >= SHORTEST_JUDGED;
        if judged && best.as_ref().is_none_or(|&(_, least)| now < least) {
            best = Some((temperatures.clone(), now));
        }
        if judged && now <= TOLERANCE || round == MOST_ROUNDS {
            let (temperatures, spread) = best.unwrap_or((temperatures, now));
            return Ok((temperatures, Adaptation { rounds: round, sweeps, spread }));
        }
        temperatures = respaced(&temperatures, &acceptance);
        exchanges = (2 * exchanges).min(LONGEST_ROUND);
    }
    // The last round returns.
    Ok((temperatures, Adaptation { rounds: MOST_ROUNDS, sweeps, spread: f64::NAN }))
}

/// `rungs` temperatures in equal ratios between the lowest and the highest, ascending.
fn geometric(temperatures: &[f64], rungs: usize) -> Vec<f64> {
    let low = temperatures.iter().copied().fold(f64::INFINITY, f64::min);
    let high = temperatures.iter().copied().fold(0.0, f64::max);
    let between = |k: usize| low * (high / low).powf(k as f64 / (rungs - 1) as f64);
    tidy((0..rungs).map(between).collect(), low, high)
}

/// As many temperatures at equal distances, by the acceptances between the old ones.
fn respaced(temperatures: &[f64], acceptance: &[f64]) -> Vec<f64> {
    let lengths: Vec<f64> = acceptance
        .iter()
        .map(|a| -normal_quantile(0.5 * a.clamp(LEAST_ACCEPTANCE, 1.0 - LEAST_ACCEPTANCE)) * std::f64::consts::SQRT_2)
        .collect();
    let place = |(gap, part): (usize, f64)| 1.0 / ((1.0 - part) / temperatures[gap] + part / temperatures[gap + 1]);
    let found = equal_parts(&lengths, lengths.len()).map(place).collect();
    tidy(found, temperatures[0], temperatures[temperatures.len() - 1])
}

/// Exact ends, and between them six significant digits where that leaves all temperatures different.
fn tidy(mut temperatures: Vec<f64>, low: f64, high: f64) -> Vec<f64> {
    let last = temperatures.len() - 1;
    (temperatures[0], temperatures[last]) = (low, high);
    let short: Vec<f64> = temperatures
        .iter()
        .enumerate()
        .map(|(k, &t)| if k == 0 || k == last { t } else { format!("{t:.5e}").parse().unwrap_or(t) })
        .collect();
    if short.windows(2).all(|pair| pair[0] < pair[1]) { short } else { temperatures }
}

impl<B: Backend> Tabled<'_, B> {
    fn count_anew(&mut self) {
        self.ladder.iter_mut().for_each(super::Ladder::count_anew);
    }

    fn mean_probabilities(&self) -> Vec<f64> {
        self.ladder.as_ref().map_or_else(Vec::new, super::Ladder::mean_probabilities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With constant heat capacity in β the equal spacing is known, and is reached in one step.
    #[test]
    fn lengths_are_cut_into_equal_pieces() {
        let betas = [1.0, 0.9, 0.5, 0.2];
        let temperatures: Vec<f64> = betas.iter().map(|b| 1.0 / b).collect();
        // A = erfc(d / 2) = 2 Φ(−d / √2) with d = 3 Δβ.
        let acceptance = |t: &[f64]| -> Vec<f64> {
            let one = |pair: &[f64]| {
                let d = 3.0 * (1.0 / pair[0] - 1.0 / pair[1]);
                2.0 * crate::stats::normal_cdf(-d / std::f64::consts::SQRT_2)
            };
            t.windows(2).map(one).collect()
        };
        let found = respaced(&temperatures, &acceptance(&temperatures));
        for (k, t) in found.iter().enumerate() {
            assert!((1.0 / t - (1.0 - 0.8 * k as f64 / 3.0)).abs() < 1e-5, "{found:?}");
        }
        assert!(spread(&acceptance(&found)) < 1e-4);
        assert_eq!((found[0], found[3]), (1.0, 5.0));
    }

    #[test]
    fn starts_and_ends_are_kept_and_numbers_short() {
        let found = geometric(&[3.0, 1.0], 4);
        assert_eq!(found, [1.0, 1.44225, 2.08008, 3.0]);
        let close = tidy(vec![2.0, 2.000_000_1, 2.000_000_2], 2.0, 2.000_000_2);
        assert!(close.windows(2).all(|pair| pair[0] < pair[1]));
        // Exchanges never or always accepted leave numbers.
        for acceptance in [[0.0; 3], [1.0; 3], [0.0, 1.0, 0.5]] {
            let found = respaced(&[1.0, 2.0, 3.0, 4.0], &acceptance);
            assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{found:?}");
        }
    }
}
