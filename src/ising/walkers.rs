//! Replicas on their way: what the engine asks of whoever moves them.

use std::ops::Range;

use crate::backend::{Acceptance, Backend, ClusterKind, ClusterRule, Rule};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::{Graph, Lattice};

use super::{ExchangeReport, Model};

/// Energy and magnetisation of one replica at one time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Measured {
    /// E of the whole system.
    pub(super) energy: f64,
    /// Spins that are up.
    pub(super) up: u32,
}

/// Many replicas of one model, each at a temperature of its own.
pub(super) trait Walkers {
    /// Sweeps with these numbers, all replicas; enqueues where there is a queue. Where `stopped` says so the rest is left
    /// out, and the replicas are of no more use.
    fn sweep(&mut self, sweeps: Range<u32>, stopped: &dyn Fn() -> bool);

    /// Notes energy and magnetisation of every replica now.
    fn record(&mut self);

    /// Takes what was noted, `[times][replicas]`.
    ///
    /// # Errors
    /// Device failures.
    fn take_record(&mut self) -> Result<Vec<Vec<Measured>>>;

    /// The spins now, `[replicas, sites]`.
    ///
    /// # Errors
    /// Device failures.
    fn spins(&self) -> Result<BitMatrix>;

    /// Waits for everything that was enqueued.
    ///
    /// # Errors
    /// Device failures.
    fn finish(&self) -> Result<()>;

    /// Spin updates so far.
    ///
    /// # Errors
    /// Device failures.
    fn updates(&self) -> Result<f64>;

    /// What exchanges of temperatures did, where there are any.
    fn exchange_report(&self) -> Option<ExchangeReport> {
        None
    }
}

/// Replicas of a uniform model on a backend.
pub(super) struct OnBackend<'a, B: Backend> {
    backend: &'a B,
    coupling: f64,
    seed: u64,
    bonds: f64,
    spins: B::Spins,
    updates: f64,
    /// None where a sweep is one cluster, whose size the backend knows.
    updates_per_sweep: Option<f64>,
}

impl<'a, B: Backend> OnBackend<'a, B> {
    /// Uploads `initial` `[replicas, sites]` to be updated spin by spin; replica r has temperature r, all bonds the coupling
    /// J. With [`one_bit_a_site`] the model's graph is not made.
    ///
    /// # Errors
    /// When the device cannot hold them.
    pub(super) fn new(
        backend: &'a B,
        model: &Model,
        coupling: f64,
        rule: Rule,
        temperatures: &[f64],
        initial: &BitMatrix,
        seed: u64,
    ) -> Result<Self> {
        let table = |degree| Acceptance::with_coupling(rule, degree, coupling, temperatures);
        let (spins, bonds) = match one_bit_a_site(model, temperatures.len()) {
            Some(lattice) => {
                let degree = 2 * lattice.dimensions();
                (backend.upload_torus(lattice, &table(degree)?, initial)?, lattice.dimensions() * model.graph.sites)
            }
            None => {
                let graph: &Graph = &model.graph;
                (backend.upload_spins(graph, &table(graph.max_degree)?, initial)?, graph.bonds())
            }
        };
        let updates_per_sweep = Some(initial.rows() as f64 * initial.cols() as f64);
        Ok(Self { backend, coupling, seed, bonds: bonds as f64, spins, updates: 0.0, updates_per_sweep })
    }

    /// The same, to be updated by clusters.
    ///
    /// # Errors
    /// When the device cannot hold them.
    pub(super) fn of_clusters(
        backend: &'a B,
        model: &Model,
        coupling: f64,
        kind: ClusterKind,
        temperatures: &[f64],
        initial: &BitMatrix,
        seed: u64,
    ) -> Result<Self> {
        let rule = ClusterRule::new(kind, coupling, temperatures);
        let spins = backend.upload_clusters(&model.graph, &rule, initial)?;
        let all = initial.rows() as f64 * initial.cols() as f64;
        let updates_per_sweep = (kind == ClusterKind::SwendsenWang).then_some(all);
        let bonds = model.graph.bonds() as f64;
        Ok(Self { backend, coupling, seed, bonds, spins, updates: 0.0, updates_per_sweep })
    }
}

/// Sites from which one bit a site is at least as fast as one bit a replica at any number of replicas, where all bits of its
/// words are used, and much smaller: a block of 256 replicas no longer fits a second-level cache, and neighbour lists take
/// fifty bytes a site.
const LARGE: usize = 512 * 512;

/// The lattice, if it is one that is packed with one bit a site rather than one bit a replica: a square or cubic
/// ferromagnet of equal, even sides that takes at most half as many words of 256 lanes so, of which rows that are no multiple of 64 sites and
/// replicas that are no multiple of 256 leave lanes idle; a large one also where it takes up to half as many again.
/// The choice is part of the random addresses, so it depends on the model and the number of replicas of all temperatures
/// only, never on the device.
pub(super) fn one_bit_a_site(model: &Model, replicas: usize) -> Option<Lattice> {
    let ferromagnet = model.uniform_coupling().is_some_and(|coupling| coupling > 0.0);
    let lattice = model.lattice.and_then(Lattice::even_torus)?;
    let (sites, length) = (lattice.sites(), lattice.length());
    let by_replica = (sites * replicas.div_ceil(256)) as f64;
    let by_site = (sites / length * length.div_ceil(64)) as f64 * replicas as f64 / 4.0;
    let most = if sites >= LARGE { 1.5 } else { 0.5 };
    (ferromagnet && by_site < most * by_replica).then_some(lattice)
}

impl<B: Backend> Walkers for OnBackend<'_, B> {
    fn sweep(&mut self, sweeps: Range<u32>, stopped: &dyn Fn() -> bool) {
        self.updates += self.updates_per_sweep.unwrap_or(0.0) * sweeps.len() as f64;
        for part in 0..self.backend.parts(&self.spins) {
            if part > 0 && stopped() {
                return;
            }
            self.backend.sweep_part(&mut self.spins, self.seed, sweeps.clone(), part);
        }
    }

    fn record(&mut self) {
        self.backend.record_sums(&mut self.spins);
    }

    fn take_record(&mut self) -> Result<Vec<Vec<Measured>>> {
        let sums = self.backend.read_sums(&mut self.spins)?;
        let bonds = self.bonds;
        let energy = |antiparallel: u32| self.coupling * (2.0 * f64::from(antiparallel) - bonds);
        let measured = |row: &Vec<crate::backend::SpinSums>| -> Vec<Measured> {
            row.iter().map(|s| Measured { energy: energy(s.antiparallel), up: s.up }).collect()
        };
        Ok(sums.iter().map(measured).collect())
    }

    fn spins(&self) -> Result<BitMatrix> {
        self.backend.read_spins(&self.spins)
    }

    fn finish(&self) -> Result<()> {
        self.backend.finish()
    }

    fn updates(&self) -> Result<f64> {
        match self.updates_per_sweep {
            Some(_) => Ok(self.updates),
            None => Ok(self.backend.read_turned(&self.spins)? as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::Cpu;

    fn square(length: usize) -> Lattice {
        Lattice::Square { length }
    }

    fn cubic(length: usize) -> Lattice {
        Lattice::Cubic { length }
    }

    #[test]
    fn large_lattices_and_few_replicas_are_packed_by_site() {
        for (lattice, replicas, by_site) in [
            (square(64), 2, true),
            (square(64), 127, true),
            (square(64), 128, false),
            (square(448), 128, false),
            (square(512), 128, true),
            (square(512), 256, true),
            (square(4096), 2, true),
            (square(4098), 2, true),
            (square(1000), 1000, true),
            // Rows of two words that are three quarters full, and of one that is an eighth.
            (square(100), 99, true),
            (square(100), 100, false),
            (square(8), 15, true),
            (square(8), 16, false),
            (cubic(64), 2, true),
            (cubic(64), 1000, true),
            (cubic(60), 120, false),
            (cubic(66), 96, true),
            (cubic(66), 256, false),
            (cubic(100), 256, true),
            (cubic(256), 2, true),
            (Lattice::Triangular { length: 64 }, 2, false),
        ] {
            let found = one_bit_a_site(&Model::on_lattice(lattice, 0.5).unwrap(), replicas);
            assert_eq!(found, by_site.then_some(lattice), "{lattice} {replicas}");
        }
        let antiferromagnet = Model::on_lattice(square(64), -1.0).unwrap();
        assert_eq!(one_bit_a_site(&antiferromagnet, 2), None, "counts of antiparallel neighbours raise the energy");
    }

    /// Energies and magnetisations of both layouts are those of the configurations.
    #[test]
    fn measured_sums_are_those_of_the_spins() {
        for (lattice, coupling, replicas) in [
            (square(64), 1.5, 3),
            (square(64), 1.5, 130),
            (square(64), -1.5, 3),
            (square(50), 1.5, 3),
            (cubic(14), 1.5, 3),
            (cubic(14), 1.5, 130),
        ] {
            let model = Model::on_lattice(lattice, coupling).unwrap();
            let temperatures: Vec<f64> = (0..replicas).map(|r| 2.0 + 0.01 * r as f64).collect();
            let start = BitMatrix::from_fn(replicas, lattice.sites(), |r, i| (r + i * i) % 3 == 0);
            let mut moved = OnBackend::new(&Cpu, &model, coupling, Rule::Metropolis, &temperatures, &start, 1).unwrap();
            moved.sweep(0..3, &|| false);
            moved.record();
            let (spins, found) = (moved.spins().unwrap(), moved.take_record().unwrap());
            assert_ne!(spins, start);
            let bonds = lattice.bonds();
            for (r, found) in found[0].iter().enumerate() {
                let sign = |a, b| if spins.get(r, a) == spins.get(r, b) { 1.0 } else { -1.0 };
                let energy: f64 = bonds.iter().map(|&(a, b)| -coupling * sign(a, b)).sum();
                assert_eq!(
                    *found,
                    Measured { energy, up: spins.row_count(r) },
                    "{lattice}, J = {coupling}, replica {r}"
                );
            }
        }
    }
}
