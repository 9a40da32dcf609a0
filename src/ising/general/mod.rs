//! Single-spin updates of any [`Interactions`] on the CPU, by tables of thresholds.
//!
//! Maths: turning spin i over costs ΔE = 2 Σ_{t∋i} J_t π_t with π_t = Π_{j∈t} s_j = ±1. The signs of the n terms of a site
//! make a number of n digits (1 where π_t = −1), and a table, computed once on the host in f64, has the acceptance for each
//! as a 32-digit integer: the spin is turned if U is below. 32 replicas are one word; only the tables differ between their
//! temperatures, which may be exchanged while the spins stay where they are.
//! Random: U of site i, sweep t, replica r is word r % 4 of the Philox block (i, t, `IsingTable`, r / 4).
//! Sources: Metropolis et al. 1953; tables by local configuration: multispin coding after Zorn, Herrmann and Rebbi 1981.

mod exchange;
mod tables;

use std::ops::Range;

use rayon::prelude::*;

pub use exchange::ExchangeReport;
use exchange::Ladder;
use tables::{ALWAYS, Tables};

use super::walkers::{Measured, Walkers};
use super::{Interactions, Model};
use crate::backend::Rule;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::rng::{Stream, key_of, philox};

/// Spins of 32 replicas: one word a site.
#[derive(Debug, Clone)]
struct Word {
    spins: Vec<u32>,
}

/// Replicas of a model with interactions of any kind.
#[derive(Debug)]
pub(super) struct Tabled<'a> {
    interactions: &'a Interactions,
    colours: &'a [Vec<u32>],
    tables: Tables,
    key: [u32; 2],
    replicas: usize,
    words: Vec<Word>,
    /// Which temperature each replica has now, by its number among the different ones.
    temperature_of: Vec<u32>,
    ladder: Option<Ladder>,
    record: Vec<Vec<Measured>>,
    updates: f64,
}

impl<'a> Tabled<'a> {
    /// Starts from `initial` `[temperatures · replicas, sites]`. With `exchange`, replicas of the same number at
    /// neighbouring temperatures try to exchange them after every so many sweeps.
    ///
    /// # Errors
    /// When tables need too much memory.
    pub(super) fn new(
        model: &'a Model,
        interactions: &'a Interactions,
        rule: Rule,
        temperatures: &[f64],
        initial: &BitMatrix,
        (seed, exchange): (u64, Option<u32>),
    ) -> Result<Self> {
        let tables = Tables::new(interactions, rule, temperatures)?;
        let (replicas, sites) = (initial.rows(), interactions.sites);
        let of_each = replicas / temperatures.len().max(1);
        let words = (0..replicas.div_ceil(32))
            .map(|w| {
                let lanes = 32 * w..replicas.min(32 * w + 32);
                let word = |i: usize| lanes.clone().map(|r| u32::from(initial.get(r, i)) << (r % 32)).sum();
                Word { spins: (0..sites).map(word).collect() }
            })
            .collect();
        Ok(Self {
            interactions,
            colours: &model.graph.colours,
            tables,
            key: key_of(seed),
            replicas,
            words,
            temperature_of: (0..replicas).map(|r| (r / of_each.max(1)) as u32).collect(),
            ladder: exchange.map(|every| Ladder::new(temperatures, of_each, every)),
            record: Vec::new(),
            updates: 0.0,
        })
    }

    fn move_all(&mut self, sweeps: Range<u32>) {
        let (tables, colours, key) = (&self.tables, self.colours, self.key);
        let temperature_of = &self.temperature_of;
        self.words.par_iter_mut().enumerate().for_each(|(w, word)| {
            let lanes = &temperature_of[32 * w..temperature_of.len().min(32 * w + 32)];
            for sweep in sweeps.clone() {
                for &site in colours.iter().flatten() {
                    let turned = decide(tables, site, &word.spins, lanes, [key[0], key[1], sweep, w as u32]);
                    word.spins[site as usize] ^= turned;
                }
            }
        });
    }

    /// Energies of the replicas now.
    fn energies(&self) -> Vec<f64> {
        let of_word = |word: &Word| {
            let mut energies = [0.0; 32];
            for term in &self.interactions.terms {
                let negative = negative(&term.sites, &word.spins);
                for (lane, energy) in energies.iter_mut().enumerate() {
                    *energy -= if negative >> lane & 1 == 1 { -term.value } else { term.value };
                }
            }
            energies
        };
        let mut all: Vec<f64> = self.words.par_iter().map(of_word).collect::<Vec<_>>().concat();
        all.truncate(self.replicas);
        all
    }

    /// Replica that stands at a place `temperature · replicas + number` now.
    fn replica_at(&self, place: usize) -> usize {
        self.ladder.as_ref().map_or(place, |ladder| ladder.replica_at(place))
    }
}

/// Lanes in which a product of spins is negative.
fn negative(sites: &[u32], spins: &[u32]) -> u32 {
    let up = sites.iter().fold(0, |x, &i| x ^ spins[i as usize]);
    if sites.len() % 2 == 1 { !up } else { up }
}

/// Lanes in which `site` is turned over; `address` is key, sweep and number of the word.
#[inline]
fn decide(tables: &Tables, site: u32, spins: &[u32], lanes: &[u32], address: [u32; 4]) -> u32 {
    let [key_low, key_high, sweep, word] = address;
    let mut patterns = [0u32; 32];
    for (digit, members) in tables.terms_of(site).enumerate() {
        let negative = negative(members, spins);
        for (lane, pattern) in patterns.iter_mut().enumerate() {
            *pattern |= (negative >> lane & 1) << digit;
        }
    }
    let mut turned = 0;
    for (four, group) in lanes.chunks(4).enumerate() {
        let counter = [site, sweep, Stream::IsingTable as u32, 8 * word + four as u32];
        let random = philox(counter, [key_low, key_high]);
        for (k, &temperature) in group.iter().enumerate() {
            let lane = 4 * four + k;
            let threshold = tables.threshold(temperature, site, patterns[lane]);
            turned |= u32::from(random[k] < threshold || threshold == ALWAYS) << lane;
        }
    }
    turned
}

impl Walkers for Tabled<'_> {
    fn sweep(&mut self, sweeps: Range<u32>) {
        self.updates += self.replicas as f64 * self.interactions.sites as f64 * sweeps.len() as f64;
        let Some(every) = self.ladder.as_ref().map(Ladder::every) else {
            return self.move_all(sweeps);
        };
        let mut from = sweeps.start;
        while from < sweeps.end {
            let to = (from / every + 1).saturating_mul(every).min(sweeps.end);
            self.move_all(from..to);
            if to.is_multiple_of(every) {
                let energies = self.energies();
                if let Some(ladder) = &mut self.ladder {
                    ladder.exchange(to, self.key, &energies, &mut self.temperature_of);
                }
            }
            from = to;
        }
    }

    fn record(&mut self) {
        let energies = self.energies();
        let mut up = vec![0u32; self.replicas];
        for (word, counts) in self.words.iter().zip(up.chunks_mut(32)) {
            for spins in &word.spins {
                counts.iter_mut().enumerate().for_each(|(lane, n)| *n += spins >> lane & 1);
            }
        }
        let at = |place: usize| {
            let r = self.replica_at(place);
            Measured { energy: energies[r], up: up[r] }
        };
        self.record.push((0..self.replicas).map(at).collect());
    }

    fn take_record(&mut self) -> Result<Vec<Vec<Measured>>> {
        Ok(std::mem::take(&mut self.record))
    }

    fn spins(&self) -> Result<BitMatrix> {
        Ok(BitMatrix::from_fn(self.replicas, self.interactions.sites, |place, i| {
            let r = self.replica_at(place);
            self.words[r / 32].spins[i] >> (r % 32) & 1 == 1
        }))
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }

    fn updates(&self) -> f64 {
        self.updates
    }

    fn exchange_report(&self) -> Option<ExchangeReport> {
        self.ladder.as_ref().map(Ladder::report)
    }
}
