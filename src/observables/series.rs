//! Energy and magnetisation of every replica at every time.

use std::ops::Range;

use crate::threads::prelude::*;

use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::Lattice;

/// Time series of all replicas, per site.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// N.
    pub sites: usize,
    /// Number of replicas.
    pub replicas: usize,
    /// Length of each replica's series.
    pub times: usize,
    /// E/N, `[replica][time]`.
    pub energy: Vec<f64>,
    /// M/N with its sign, `[replica][time]`.
    pub magnetization: Vec<f64>,
}

impl Series {
    /// From integer sums: `counts(time, replica)` is (antiparallel bonds, up spins); E = 2 · antiparallel − bonds,
    /// M = 2 · up − N.
    #[must_use]
    pub fn from_counts(
        sites: usize,
        bonds: usize,
        replicas: usize,
        times: usize,
        counts: impl Fn(usize, usize) -> (u32, u32),
    ) -> Self {
        let n = sites as f64;
        let (energy, magnetization) = (0..replicas)
            .flat_map(|r| (0..times).map(move |t| (t, r)))
            .map(|(t, r)| {
                let (antiparallel, up) = counts(t, r);
                ((2.0 * f64::from(antiparallel) - bonds as f64) / n, (2.0 * f64::from(up) - n) / n)
            })
            .unzip();
        Self { sites, replicas, times, energy, magnetization }
    }

    /// From configurations `[times · replicas, sites]` (1 = up), row = time · replicas + replica.
    ///
    /// # Errors
    /// [`Error::Input`] when rows have another number of sites than the lattice or are no whole number of times.
    pub fn from_samples(samples: &BitMatrix, lattice: Lattice, replicas: usize) -> Result<Self> {
        let times = times_of(samples, lattice, replicas)?;
        let bonds = lattice.bonds();
        let count = |row: usize| {
            let unequal = bonds.iter().filter(|&&(a, b)| samples.get(row, a) != samples.get(row, b)).count();
            (unequal as u32, samples.row_count(row))
        };
        let counts: Vec<(u32, u32)> = (0..samples.rows()).into_par_iter().map(count).collect();
        Ok(Self::from_counts(lattice.sites(), bonds.len(), replicas, times, |t, r| counts[t * replicas + r]))
    }

    /// The series of some replicas.
    #[must_use]
    pub fn replicas(&self, range: Range<usize>) -> Self {
        self.part(range, 0..self.times)
    }

    /// The series of all replicas over some times.
    #[must_use]
    pub fn window(&self, range: Range<usize>) -> Self {
        self.part(0..self.replicas, range)
    }

    fn part(&self, replicas: Range<usize>, times: Range<usize>) -> Self {
        let replicas = replicas.start.min(self.replicas)..replicas.end.min(self.replicas);
        let times = times.start.min(self.times)..times.end.min(self.times);
        let cut = |values: &[f64]| -> Vec<f64> {
            let rows = replicas.clone().map(|r| &values[r * self.times..(r + 1) * self.times]);
            rows.flat_map(|row| row[times.clone()].iter().copied()).collect()
        };
        Self {
            sites: self.sites,
            replicas: replicas.len(),
            times: times.len(),
            energy: cut(&self.energy),
            magnetization: cut(&self.magnetization),
        }
    }
}

/// Number of times in configurations of `replicas` replicas, after all checks of their shape.
pub(super) fn times_of(samples: &BitMatrix, lattice: Lattice, replicas: usize) -> Result<usize> {
    if samples.cols() != lattice.sites() {
        return Err(Error::Input(
            Fault::new(format!("samples of {} units", samples.cols()))
                .expected(format!("{} sites for lattice {lattice}", lattice.sites()))
                .advice("name the lattice that the samples were made on"),
        ));
    }
    if replicas == 0 || !samples.rows().is_multiple_of(replicas) {
        return Err(Error::Input(
            Fault::new(format!("{} samples of {replicas} replicas", samples.rows()))
                .expected("as many samples of each replica"),
        ));
    }
    Ok(samples.rows() / replicas)
}
