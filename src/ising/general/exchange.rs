//! Replica exchange: replicas at neighbouring temperatures exchange them, the spins stay where they are.
//!
//! Replicas of the same number at all temperatures are a ladder. At every exchange the pairs (0, 1), (2, 3), … or, by
//! turns, (1, 2), (3, 4), … of every ladder are tried and accepted with min(1, e^{(β_a − β_b)(E_a − E_b)}); the number u of
//! ladder r and lower rung k is word r % 4 of the Philox block (r / 4, sweep, `Exchange`, k). A round trip of a replica is a
//! way from the lowest temperature to the highest and back.
//! (K. Hukushima and K. Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996).)

use super::Adaptation;
use crate::rng::{Stream, philox};

/// What the exchanges of a run did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ExchangeReport {
    /// Temperatures, ascending.
    pub temperatures: Vec<f64>,
    /// Accepted part of the exchanges between each temperature and the next.
    pub acceptance: Vec<f64>,
    /// Largest minus smallest of them.
    pub spread: f64,
    /// Ways from the lowest to the highest temperature and back, all replicas together.
    pub round_trips: u64,
    /// The same a replica and sweep.
    pub round_trip_rate: f64,
    /// Sweeps between exchanges.
    pub every: u32,
    /// How the temperatures were found, where they were not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<Adaptation>,
}

/// Places of all replicas on their ladders.
#[derive(Debug)]
pub(super) struct Ladder {
    every: u32,
    /// Temperature numbers in ascending order of temperature.
    order: Vec<u32>,
    temperatures: Vec<f64>,
    /// Ladders.
    ladders: usize,
    /// Replica at place `temperature · ladders + ladder`.
    replicas: Vec<u32>,
    tried: Vec<u64>,
    accepted: Vec<u64>,
    /// Sums of the probabilities with which exchanges were accepted.
    probability: Vec<f64>,
    exchanges: u64,
    /// End that each replica was at last: 1 lowest, 2 highest having been at the lowest before, 0 neither.
    way: Vec<u8>,
    round_trips: u64,
}

impl Ladder {
    pub(super) fn new(temperatures: &[f64], ladders: usize, every: u32) -> Self {
        let mut order: Vec<u32> = (0..temperatures.len() as u32).collect();
        order.sort_by(|&a, &b| temperatures[a as usize].total_cmp(&temperatures[b as usize]));
        let gaps = temperatures.len().saturating_sub(1);
        let replicas: Vec<u32> = (0..(temperatures.len() * ladders) as u32).collect();
        Self {
            every: every.max(1),
            order,
            temperatures: temperatures.to_vec(),
            ladders,
            way: vec![0; replicas.len()],
            replicas,
            tried: vec![0; gaps],
            accepted: vec![0; gaps],
            probability: vec![0.0; gaps],
            exchanges: 0,
            round_trips: 0,
        }
    }

    pub(super) fn every(&self) -> u32 {
        self.every
    }

    pub(super) fn replica_at(&self, place: usize) -> usize {
        self.replicas[place] as usize
    }

    /// Tries every other pair of rungs of every ladder after `sweep` sweeps.
    pub(super) fn exchange(&mut self, sweep: u32, key: [u32; 2], energies: &[f64], temperature_of: &mut [u32]) {
        self.exchanges += 1;
        let first = (sweep / self.every % 2) as usize;
        for rung in (first..self.tried.len()).step_by(2) {
            let (low, high) = (self.order[rung] as usize, self.order[rung + 1] as usize);
            let gap = 1.0 / self.temperatures[low] - 1.0 / self.temperatures[high];
            for ladder in 0..self.ladders {
                let (a, b) = (low * self.ladders + ladder, high * self.ladders + ladder);
                let (at_low, at_high) = (self.replicas[a], self.replicas[b]);
                let p = (gap * (energies[at_low as usize] - energies[at_high as usize])).exp();
                let counter = [ladder as u32 / 4, sweep, Stream::Exchange as u32, rung as u32];
                let u = f64::from(philox(counter, key)[ladder % 4]) / 4_294_967_296.0;
                self.tried[rung] += 1;
                self.probability[rung] += p.min(1.0);
                if u < p {
                    self.accepted[rung] += 1;
                    self.replicas.swap(a, b);
                    temperature_of.swap(at_low as usize, at_high as usize);
                }
            }
        }
        self.follow();
    }

    /// Notes who stands at the ends.
    fn follow(&mut self) {
        let ends = self.order.first().zip(self.order.last()).filter(|(low, high)| low != high);
        let Some((&low, &high)) = ends else { return };
        for ladder in 0..self.ladders {
            let at = |temperature: u32| temperature as usize * self.ladders + ladder;
            let (lowest, highest) = (self.replicas[at(low)] as usize, self.replicas[at(high)] as usize);
            self.round_trips += u64::from(self.way[lowest] == 2);
            self.way[lowest] = 1;
            if self.way[highest] == 1 {
                self.way[highest] = 2;
            }
        }
    }

    /// Forgets what was tried and accepted so far, and who was where.
    pub(super) fn count_anew(&mut self) {
        self.tried.fill(0);
        self.accepted.fill(0);
        self.probability.fill(0.0);
        self.way.fill(0);
        (self.exchanges, self.round_trips) = (0, 0);
    }

    /// Mean probability of acceptance between each temperature and the next, ascending: of the same mean as the accepted
    /// part and less noise. NaN where nothing was tried.
    pub(super) fn mean_probabilities(&self) -> Vec<f64> {
        self.probability.iter().zip(&self.tried).map(|(sum, &n)| sum / n as f64).collect()
    }

    pub(super) fn report(&self) -> ExchangeReport {
        let part = |(&a, &n): (&u64, &u64)| a as f64 / n as f64;
        let acceptance: Vec<f64> = self.accepted.iter().zip(&self.tried).map(part).collect();
        let sweeps = self.exchanges as f64 * f64::from(self.every);
        ExchangeReport {
            temperatures: self.order.iter().map(|&k| self.temperatures[k as usize]).collect(),
            spread: spread(&acceptance),
            acceptance,
            round_trips: self.round_trips,
            round_trip_rate: self.round_trips as f64 / (self.replicas.len() as f64 * sweeps),
            every: self.every,
            adaptation: None,
        }
    }
}

/// Largest minus smallest; NaN if one is NaN or there are none.
pub(super) fn spread(values: &[f64]) -> f64 {
    let end = |choose: fn(f64, f64) -> f64| values.iter().copied().reduce(choose).unwrap_or(f64::NAN);
    // f64::max and min would pass over a NaN.
    if values.iter().any(|x| x.is_nan()) { f64::NAN } else { end(f64::max) - end(f64::min) }
}
