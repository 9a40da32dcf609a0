//! Replicas updated by clusters on the device, `[sites, words]` with one bit a replica.

use crate::backend::{ClusterKind, ClusterRule};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::Graph;

use super::device::Gpu;
use super::ising::Counted;
use super::kernels::{ising_clusters, ising_sums};
use super::memory::Shape;

/// Replicas of one graph with the labels of their sites.
#[derive(Debug)]
pub(super) struct ClusterSpins {
    pub(super) sites: usize,
    pub(super) replicas: usize,
    pub(super) bonds: usize,
    pub(super) kind: ClusterKind,
    pub(super) ferromagnetic: bool,
    max_degree: usize,
    /// Offsets and neighbours, for sums.
    graph: wgpu::Buffer,
    /// `[bonds, 2]`.
    pairs: wgpu::Buffer,
    /// `[replicas, 2]`.
    thresholds: wgpu::Buffer,
    spins: wgpu::Buffer,
    /// `[sites, replicas]`; idle on lattices that fit workgroup memory, as are the coins.
    labels: wgpu::Buffer,
    /// `[4 ⌈sites/128⌉, replicas]`, or seed sites `[replicas]`.
    coins: wgpu::Buffer,
    /// Spins turned by Wolff clusters, low half first.
    turned: wgpu::Buffer,
    /// Stands for the spins where a kernel knows them by another name.
    idle: wgpu::Buffer,
}

impl ClusterSpins {
    pub(super) fn upload(gpu: &Gpu, graph: &Graph, rule: &ClusterRule, initial: &BitMatrix) -> Result<Self> {
        rule.check(graph, initial)?;
        let (sites, replicas, bonds) = (graph.sites, initial.rows(), graph.bonds());
        check_numbers(gpu, graph, replicas)?;
        let is_small = ising_clusters::is_small(sites);
        let room = |what, unit, rows: usize, columns: usize| {
            let shape = Shape { what, unit, rows, row_bytes: 4 * columns };
            gpu.allocate(if is_small { Shape { rows: 0, ..shape } } else { shape })
        };
        // What is largest comes first, before anything is made for it.
        let labels = room("labels of clusters", "sites", sites, replicas)?;
        let pairs = gpu.allocate(Shape { what: "the lattice's bonds", unit: "bonds", rows: bonds, row_bytes: 8 })?;
        let coins = match rule.kind {
            ClusterKind::SwendsenWang => room("coins of clusters", "words", 4 * sites.div_ceil(128), replicas)?,
            ClusterKind::Wolff => room("seeds of clusters", "replicas", replicas, 1)?,
        };
        let list: Vec<[u32; 2]> = graph.bond_pairs().into_iter().map(|(a, b)| [a as u32, b as u32]).collect();
        gpu.write(&pairs, &list)?;
        let mut table = graph.offsets.clone();
        table.extend_from_slice(&graph.neighbours);
        let halves: Vec<[u32; 2]> = rule.thresholds.iter().map(|&t| [t as u32, (t >> 32) as u32]).collect();
        Ok(Self {
            sites,
            replicas,
            bonds,
            kind: rule.kind,
            ferromagnetic: rule.ferromagnetic,
            max_degree: graph.max_degree,
            graph: gpu.upload("the lattice's graph", "numbers", &table)?,
            pairs,
            thresholds: gpu.upload("thresholds of bonds", "replicas", &halves)?,
            spins: gpu.upload("spins", "words of 32 spins", initial.transposed().words())?,
            labels,
            coins,
            turned: gpu.upload("turned spins", "numbers", &[0u32; 2])?,
            idle: gpu.upload("nothing", "numbers", &[0u32])?,
        })
    }

    pub(super) fn words(&self) -> usize {
        self.replicas.div_ceil(32)
    }

    /// Buffers in the order of the kernels' bindings: spins that one workgroup writes, or several.
    pub(super) fn bound(&self) -> [&wgpu::Buffer; 7] {
        let [own, shared] =
            if ising_clusters::is_small(self.sites) { [&self.idle, &self.spins] } else { [&self.spins, &self.idle] };
        [&self.pairs, &self.thresholds, &self.labels, &self.coins, own, shared, &self.turned]
    }

    pub(super) fn counted(&self) -> Counted<'_> {
        Counted {
            sites: self.sites,
            replicas: self.replicas,
            words: self.words(),
            max_degree: self.max_degree,
            neighbours_first: self.sites as u32 + 1,
            graph: &self.graph,
            spins: &self.spins,
        }
    }

    pub(super) fn read_turned(&self, gpu: &Gpu) -> Result<u64> {
        let halves: Vec<u32> = gpu.read(&self.turned, 2)?;
        Ok(u64::from(halves[0]) | u64::from(halves[1]) << 32)
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<BitMatrix> {
        let words = gpu.read(&self.spins, self.sites * self.words())?;
        Ok(BitMatrix::from_words(self.sites, self.replicas, words)?.transposed())
    }
}

/// Refuses what the kernels cannot count: invocations in 32 bits, neighbours in [`ising_sums::PLANE_LIMIT`].
fn check_numbers(gpu: &Gpu, graph: &Graph, replicas: usize) -> Result<()> {
    let refused = |what: String, expected: String| {
        let fault = Fault::new(what).at(&gpu.description.name).expected(expected);
        Err(Error::Device(fault.advice("use fewer replicas at a time, or --backend cpu")))
    };
    // A word of 32 replicas has an invocation for each of them, used or not.
    let lanes = replicas.next_multiple_of(32) as u128;
    let places = lanes * graph.sites.max(graph.bonds().div_ceil(4)) as u128;
    if places >= u128::from(u32::MAX) {
        return refused(
            format!("{replicas} replicas of {} sites and {} bonds", graph.sites, graph.bonds()),
            format!("fewer than {} sites and quarters of bonds of all replicas", u32::MAX),
        );
    }
    if graph.max_degree > ising_sums::PLANE_LIMIT {
        return refused(
            format!("a site with {} neighbours", graph.max_degree),
            format!("at most {}", ising_sums::PLANE_LIMIT),
        );
    }
    Ok(())
}
