//! Spins of many replicas that are updated by tables: `[word][site]`, bit = replica.
//!
//! The 32 replicas of a word are a simulation of their own; threads take whole words and run all sweeps of a call on each.

use std::ops::Range;

use crate::threads::prelude::*;

use super::kernels::ising_table_half_sweep::{Lanes, TableAddress, ising_table_half_sweep};
use crate::backend::FlipTables;
use crate::backend::tables::check_temperatures;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::rng::{colour_order, key_of};

/// Spins and tables in memory.
#[derive(Debug, Clone)]
pub struct CpuTableSpins {
    tables: FlipTables,
    replicas: usize,
    lanes: Vec<Lanes>,
    words: Vec<Vec<u32>>,
}

impl CpuTableSpins {
    pub(crate) fn new(tables: &FlipTables, temperature_of: &[u32], initial: &BitMatrix) -> Result<Self> {
        tables.check(temperature_of, initial)?;
        let by_site = initial.transposed();
        let word = |w: usize| (0..tables.sites()).map(|i| by_site.row(i)[w]).collect();
        Ok(Self {
            replicas: initial.rows(),
            lanes: temperature_of.chunks(32).map(|of_word| Lanes::new(tables, of_word)).collect(),
            words: (0..by_site.words_per_row()).map(word).collect(),
            tables: tables.clone(),
        })
    }

    pub(crate) fn set_temperatures(&mut self, temperature_of: &[u32]) -> Result<()> {
        check_temperatures(self.tables.temperatures(), temperature_of, self.replicas)?;
        self.lanes = temperature_of.chunks(32).map(|of_word| Lanes::new(&self.tables, of_word)).collect();
        Ok(())
    }

    pub(crate) fn sweep(&mut self, seed: u64, sweeps: &Range<u32>) {
        let (tables, key) = (&self.tables, key_of(seed));
        self.words.par_iter_mut().zip(&self.lanes).enumerate().for_each(|(w, (spins, lanes))| {
            for sweep in sweeps.clone() {
                let address = TableAddress { key, sweep, word: w as u32 };
                for colour in colour_order(seed, sweep, tables.colours.len()) {
                    ising_table_half_sweep(tables, &tables.colours[colour], lanes, address, spins);
                }
            }
        });
    }

    /// `[sites, replicas]`.
    pub(crate) fn to_host(&self) -> Result<BitMatrix> {
        let words = (0..self.tables.sites()).flat_map(|i| self.words.iter().map(move |word| word[i])).collect();
        BitMatrix::from_words(self.tables.sites(), self.replicas, words)
    }
}
