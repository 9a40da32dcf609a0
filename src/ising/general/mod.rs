//! Single-spin updates of any [`Interactions`] on any backend, by tables of thresholds ([`FlipTables`]).
//!
//! 32 replicas are one word; only the tables differ between their temperatures, which may be exchanged while the spins stay
//! where they are. Updates are integers and equal on all backends to the last bit. Energies are real numbers: the host
//! sums them in f64 from the packed spins, read back when something is measured and at exchanges, and at no other time.

mod energies;
mod exchange;
mod ladder;

use std::ops::Range;

pub use exchange::ExchangeReport;
use exchange::Ladder;
pub use ladder::{Adaptation, MAX_RUNGS};
pub(super) use ladder::{MAX_EVERY, adapt};

use self::energies::Energies;
use super::walkers::{Measured, Walkers};
use super::{Interactions, Model};
use crate::backend::{Backend, FlipTables, Rule};
use crate::bits::BitMatrix;
use crate::error::{Error, Result};
use crate::rng::key_of;

/// Replicas of a model with interactions of any kind.
#[derive(Debug)]
pub(super) struct Tabled<'a, B: Backend> {
    backend: &'a B,
    energies: Energies,
    seed: u64,
    spins: B::TableSpins,
    /// Which temperature each replica has now, by its number among the different ones.
    temperature_of: Vec<u32>,
    ladder: Option<Ladder>,
    /// Energies of the spins as they are, if they are known.
    measured: Option<Vec<Measured>>,
    record: Vec<Vec<Measured>>,
    updates: f64,
    updates_per_sweep: f64,
    /// What went wrong since the last read.
    failure: Option<Error>,
}

impl<'a, B: Backend> Tabled<'a, B> {
    /// Starts from `initial` `[temperatures · replicas, sites]`. With `exchange`, replicas of the same number at
    /// neighbouring temperatures try to exchange them after every so many sweeps.
    ///
    /// # Errors
    /// When tables need too much memory, or more than the device has.
    pub(super) fn new(
        backend: &'a B,
        (model, interactions): (&Model, &Interactions),
        rule: Rule,
        temperatures: &[f64],
        initial: &BitMatrix,
        (seed, exchange): (u64, Option<u32>),
    ) -> Result<Self> {
        let terms = interactions.terms.iter().map(|term| (&term.sites[..], term.value));
        let tables = FlipTables::new(&model.graph.colours, terms, rule, temperatures)?;
        let of_each = (initial.rows() / temperatures.len().max(1)).max(1);
        let temperature_of: Vec<u32> = (0..initial.rows()).map(|r| (r / of_each) as u32).collect();
        Ok(Self {
            backend,
            energies: Energies::new(interactions),
            seed,
            spins: backend.upload_table_spins(&tables, &temperature_of, initial)?,
            temperature_of,
            ladder: exchange.map(|every| Ladder::new(temperatures, of_each, every)),
            measured: None,
            record: Vec::new(),
            updates: 0.0,
            updates_per_sweep: initial.rows() as f64 * interactions.sites as f64,
            failure: None,
        })
    }

    /// Energies and magnetisations of the replicas now.
    fn measure(&mut self) -> Result<&[Measured]> {
        if self.measured.is_none() {
            self.measured = Some(self.energies.measure(&self.backend.read_table_spins(&self.spins)?));
        }
        Ok(self.measured.as_deref().unwrap_or_default())
    }

    fn move_all(&mut self, sweeps: Range<u32>) {
        self.measured = None;
        self.backend.sweep_by_tables(&mut self.spins, self.seed, sweeps);
    }

    /// Tries exchanges after `sweep` sweeps.
    fn exchange(&mut self, sweep: u32) -> Result<()> {
        let energies: Vec<f64> = self.measure()?.iter().map(|now| now.energy).collect();
        if let Some(ladder) = &mut self.ladder {
            ladder.exchange(sweep, key_of(self.seed), &energies, &mut self.temperature_of);
            self.backend.set_temperatures(&mut self.spins, &self.temperature_of)?;
        }
        Ok(())
    }

    fn try_record(&mut self) -> Result<()> {
        let now = self.measure()?.to_vec();
        let row = match &self.ladder {
            None => now,
            Some(ladder) => (0..now.len()).map(|place| now[ladder.replica_at(place)]).collect(),
        };
        self.record.push(row);
        Ok(())
    }

    /// Keeps the first failure for the next call that can return it.
    fn keep(&mut self, result: Result<()>) {
        if let (Err(error), None) = (result, &self.failure) {
            self.failure = Some(error);
        }
    }

    fn check(&self) -> Result<()> {
        self.failure.clone().map_or(Ok(()), Err)
    }
}

impl<B: Backend> Walkers for Tabled<'_, B> {
    fn sweep(&mut self, sweeps: Range<u32>, stopped: &dyn Fn() -> bool) {
        self.updates += self.updates_per_sweep * sweeps.len() as f64;
        let Some(every) = self.ladder.as_ref().map(Ladder::every) else {
            return self.move_all(sweeps);
        };
        let mut from = sweeps.start;
        while from < sweeps.end && self.failure.is_none() && !stopped() {
            let to = (from / every + 1).saturating_mul(every).min(sweeps.end);
            self.move_all(from..to);
            if to.is_multiple_of(every) {
                let done = self.exchange(to);
                self.keep(done);
            }
            from = to;
        }
    }

    fn record(&mut self) {
        let done = self.try_record();
        self.keep(done);
    }

    fn take_record(&mut self) -> Result<Vec<Vec<Measured>>> {
        self.check()?;
        Ok(std::mem::take(&mut self.record))
    }

    fn spins(&self) -> Result<BitMatrix> {
        self.check()?;
        let by_replica = self.backend.read_table_spins(&self.spins)?.transposed();
        Ok(match &self.ladder {
            None => by_replica,
            Some(ladder) => {
                let replicas: Vec<usize> = (0..by_replica.rows()).map(|place| ladder.replica_at(place)).collect();
                by_replica.select_rows(&replicas)
            }
        })
    }

    fn finish(&self) -> Result<()> {
        self.check()?;
        self.backend.finish()
    }

    fn updates(&self) -> Result<f64> {
        Ok(self.updates)
    }

    fn exchange_report(&self) -> Option<ExchangeReport> {
        self.ladder.as_ref().map(Ladder::report)
    }
}
