//! Spins of many replicas on the device, and the record of their sums.
//!
//! Spins are `[sites, words]` with one bit a replica, so that a word is one site of 32 replicas. Sums are appended to
//! segments on the device, each twice as long as the one before; beyond a budget they are drained to the host.

use crate::backend::{Acceptance, ClusterRule, SpinSums};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::{Graph, Lattice};

use super::clusters::ClusterSpins;
use super::device::Gpu;
use super::kernels::{ising_clusters, ising_half_sweep, ising_sums, ising_torus_half_sweep, ising_torus_sums};
use super::memory::Shape;
use super::torus::TorusSpins;

/// Spins of many replicas of one graph on the device, and the record of their sums.
#[derive(Debug)]
pub struct Spins {
    packed: Packed,
    record: Record,
}

/// What a bit of a word stands for.
#[derive(Debug)]
enum Packed {
    /// A replica.
    Replicas(Box<ReplicaSpins>),
    /// A site.
    Sites(TorusSpins),
    /// A replica, and clusters are turned.
    Clusters(Box<ClusterSpins>),
}

impl Spins {
    /// Any graph, one bit a replica.
    pub(super) fn of_graph(gpu: &Gpu, graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        let spins = ReplicaSpins::upload(gpu, graph, acceptance, initial)?;
        Ok(Self { packed: Packed::Replicas(Box::new(spins)), record: Record::default() })
    }

    /// A square or cubic lattice, one bit a site.
    pub(super) fn of_torus(gpu: &Gpu, lattice: Lattice, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        let spins = TorusSpins::upload(gpu, lattice, acceptance, initial)?;
        Ok(Self { packed: Packed::Sites(spins), record: Record::default() })
    }

    /// Any graph, one bit a replica, updated by clusters.
    pub(super) fn of_clusters(gpu: &Gpu, graph: &Graph, rule: &ClusterRule, initial: &BitMatrix) -> Result<Self> {
        let spins = ClusterSpins::upload(gpu, graph, rule, initial)?;
        Ok(Self { packed: Packed::Clusters(Box::new(spins)), record: Record::default() })
    }

    pub(super) fn sweep(&mut self, gpu: &Gpu, seed: u64, sweeps: std::ops::Range<u32>) {
        match &self.packed {
            Packed::Replicas(spins) => ising_half_sweep::record(gpu, spins, seed, sweeps),
            Packed::Sites(spins) => ising_torus_half_sweep::record(gpu, spins, seed, sweeps),
            Packed::Clusters(spins) => ising_clusters::record(gpu, spins, seed, sweeps),
        }
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<BitMatrix> {
        match &self.packed {
            Packed::Replicas(spins) => spins.read(gpu),
            Packed::Sites(spins) => spins.read(gpu),
            Packed::Clusters(spins) => spins.read(gpu),
        }
    }

    pub(super) fn read_turned(&self, gpu: &Gpu) -> Result<u64> {
        match &self.packed {
            Packed::Clusters(spins) => spins.read_turned(gpu),
            Packed::Replicas(_) | Packed::Sites(_) => Ok(0),
        }
    }

    fn replicas(&self) -> usize {
        match &self.packed {
            Packed::Replicas(spins) => spins.replicas,
            Packed::Sites(spins) => spins.replicas,
            Packed::Clusters(spins) => spins.replicas,
        }
    }

    pub(super) fn record_sums(&mut self, gpu: &Gpu) -> Result<()> {
        let row_bytes = self.replicas() * size_of::<SpinSums>();
        if self.record.segments.last().is_none_or(|segment| segment.used == segment.capacity) {
            if self.record.segments.iter().map(|s| s.capacity * row_bytes).sum::<usize>() >= RECORD_BYTES {
                self.drain(gpu)?;
            }
            let rows = self.record.segments.last().map_or(FIRST_ROWS, |segment| 2 * segment.capacity);
            let most = SEGMENT_BYTES.min(gpu.largest_buffer() as usize) / row_bytes.max(1);
            let capacity = rows.min(most).max(1);
            let rows =
                gpu.allocate(Shape { what: "sums of the replicas", unit: "records", rows: capacity, row_bytes })?;
            self.record.segments.push(Segment { rows, capacity, used: 0 });
        }
        if let Some(segment) = self.record.segments.last() {
            match &self.packed {
                Packed::Replicas(spins) => ising_sums::record(gpu, &spins.counted(), &segment.rows, segment.used),
                Packed::Clusters(spins) => ising_sums::record(gpu, &spins.counted(), &segment.rows, segment.used),
                Packed::Sites(spins) => ising_torus_sums::record(gpu, spins, &segment.rows, segment.used),
            }
        }
        if let Some(segment) = self.record.segments.last_mut() {
            segment.used += 1;
        }
        Ok(())
    }

    fn drain(&mut self, gpu: &Gpu) -> Result<()> {
        let replicas = self.replicas();
        for segment in std::mem::take(&mut self.record.segments) {
            let rows: Vec<SpinSums> = gpu.read(&segment.rows, segment.used * replicas)?;
            self.record.drained.extend(rows.chunks(replicas.max(1)).map(<[SpinSums]>::to_vec));
        }
        Ok(())
    }

    pub(super) fn take_sums(&mut self, gpu: &Gpu) -> Result<Vec<Vec<SpinSums>>> {
        gpu.wait_for_all()?;
        self.drain(gpu)?;
        Ok(std::mem::take(&mut self.record.drained))
    }
}

/// Spins of many replicas of one graph, one bit a replica.
#[derive(Debug)]
pub(super) struct ReplicaSpins {
    pub(super) sites: usize,
    pub(super) replicas: usize,
    pub(super) words: usize,
    pub(super) max_degree: usize,
    /// Where the neighbours begin in `graph`.
    pub(super) neighbours_first: u32,
    /// Where lists of four neighbours begin in `graph`, in regular graphs of four neighbours or less.
    pub(super) fours_first: u32,
    /// Where (first, sites, position) of every colour begin in `graph`.
    pub(super) colours_first: u32,
    /// Where (drawn, first plane) of every degree begin in `graph`.
    pub(super) degrees_first: u32,
    /// Sites of every colour.
    pub(super) colours: Vec<u32>,
    /// Which kernels update them.
    pub(super) entry: Entry,
    /// Offsets, neighbours, sites by colour, tables of colours and degrees.
    pub(super) graph: wgpu::Buffer,
    pub(super) acceptance: wgpu::Buffer,
    pub(super) spins: wgpu::Buffer,
}

/// Spins with one bit a replica, and the graph along which sums of them are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) sites: usize,
    pub(super) replicas: usize,
    pub(super) words: usize,
    pub(super) max_degree: usize,
    /// Where the neighbours begin in `graph`, behind their offsets.
    pub(super) neighbours_first: u32,
    pub(super) graph: &'a wgpu::Buffer,
    pub(super) spins: &'a wgpu::Buffer,
}

/// Kernels by what they can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Any graph and table.
    Any,
    /// Four neighbours everywhere, two classes drawn and the others certain in all replicas.
    Two,
    /// The same number of neighbours everywhere, four at most, and any table; stored with four neighbours and five
    /// classes.
    Five,
}

/// Rows of sums: those already on the host, then those in segments on the device.
#[derive(Debug, Default)]
struct Record {
    drained: Vec<Vec<SpinSums>>,
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    rows: wgpu::Buffer,
    capacity: usize,
    used: usize,
}

/// Rows of the first segment.
const FIRST_ROWS: usize = 64;
/// Bytes of the longest segment.
const SEGMENT_BYTES: usize = 8 << 20;
/// Bytes of all segments, beyond which the record is drained to the host.
const RECORD_BYTES: usize = 64 << 20;

impl ReplicaSpins {
    fn upload(gpu: &Gpu, graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        check(graph, acceptance, initial)?;
        let mut table = graph.offsets.clone();
        let neighbours_first = table.len() as u32;
        table.extend_from_slice(&graph.neighbours);
        let (mut colours, mut position) = (Vec::with_capacity(3 * graph.colours.len()), 0);
        for sites in &graph.colours {
            colours.extend([table.len() as u32, sites.len() as u32, position]);
            position += sites.len() as u32;
            table.extend_from_slice(sites);
        }
        let colours_first = table.len() as u32;
        table.extend(colours);
        let degrees_first = table.len() as u32;
        let entry = entry_of(graph, acceptance);
        let (degrees, planes) = match entry {
            Entry::Five => (vec![0, 0, 0, 0, 0, 0, 0, 0, 5, 0], table_of_five(acceptance, graph.max_degree)),
            _ => tables_by_degree(graph, acceptance),
        };
        table.extend_from_slice(&degrees);
        let mut fours_first = neighbours_first;
        if entry == Entry::Five && graph.max_degree < 4 {
            fours_first = table.len() as u32;
            for i in 0..graph.sites {
                // A site is never antiparallel to itself.
                let list = graph.neighbours_of(i).iter().copied().chain(std::iter::repeat(i as u32));
                table.extend(list.take(4));
            }
        }
        let words = acceptance.words();
        Ok(Self {
            sites: graph.sites,
            replicas: initial.rows(),
            words,
            max_degree: graph.max_degree,
            neighbours_first,
            fours_first,
            colours_first,
            degrees_first,
            colours: graph.colours.iter().map(|sites| sites.len() as u32).collect(),
            entry,
            graph: gpu.upload("the lattice's graph", "numbers", &table)?,
            acceptance: gpu.upload("acceptance digits", "numbers", &planes)?,
            spins: gpu.upload("spins", "words of 32 spins", initial.transposed().words())?,
        })
    }

    fn counted(&self) -> Counted<'_> {
        Counted {
            sites: self.sites,
            replicas: self.replicas,
            words: self.words,
            max_degree: self.max_degree,
            neighbours_first: self.neighbours_first,
            graph: &self.graph,
            spins: &self.spins,
        }
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<BitMatrix> {
        let words = gpu.read(&self.spins, self.sites * self.words)?;
        Ok(BitMatrix::from_words(self.sites, self.replicas, words)?.transposed())
    }
}

fn entry_of(graph: &Graph, acceptance: &Acceptance) -> Entry {
    let z = graph.max_degree;
    if !(1..=4).contains(&z) || graph.neighbours.len() != z * graph.sites {
        return Entry::Any;
    }
    let classes = acceptance.classes(z);
    let certain = classes.always.iter().any(|&mask| mask != 0);
    if z == 4 && classes.drawn == 2 && !certain { Entry::Two } else { Entry::Five }
}

/// The planes of `z` neighbours with five classes, whatever their number of drawn ones: `[32, 5, words]` digits, then
/// `[5, words]` lanes that flip without a draw.
fn table_of_five(acceptance: &Acceptance, z: usize) -> Vec<u32> {
    const CLASSES: usize = 5;
    let (classes, words) = (acceptance.classes(z), acceptance.words());
    let mut planes = vec![0; 33 * CLASSES * words];
    let (digits, always) = planes.split_at_mut(32 * CLASSES * words);
    let drawn = classes.drawn * words;
    for d in 0..32 {
        digits[d * CLASSES * words..][..drawn].copy_from_slice(&classes.planes[d * drawn..][..drawn]);
    }
    always[..drawn].copy_from_slice(&classes.always);
    always[drawn..].fill(u32::MAX);
    planes
}

/// (drawn, first plane) of every degree, and the planes: `[32, drawn, words]` digits, then `[drawn, words]` lanes that
/// flip without a draw, of every degree that occurs.
fn tables_by_degree(graph: &Graph, acceptance: &Acceptance) -> (Vec<u32>, Vec<u32>) {
    let mut occurs = vec![false; graph.max_degree + 1];
    (0..graph.sites).for_each(|i| occurs[graph.neighbours_of(i).len()] = true);
    let (mut table, mut planes) = (Vec::new(), Vec::new());
    for (z, occurs) in occurs.into_iter().enumerate() {
        let first = planes.len() as u32;
        let drawn = if occurs {
            let classes = acceptance.classes(z);
            planes.extend(classes.planes);
            planes.extend(classes.always);
            classes.drawn
        } else {
            0
        };
        table.extend([drawn as u32, first]);
    }
    (table, planes)
}

fn check(graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Result<()> {
    let fault = |what: String, expected: String| Err(Error::Device(Fault::new(what).at("spins").expected(expected)));
    if initial.cols() != graph.sites || initial.rows() != acceptance.replicas || initial.rows() == 0 {
        return fault(
            format!("initial spins [{}, {}]", initial.rows(), initial.cols()),
            format!("[{}, {}]: replicas with a temperature, sites", acceptance.replicas, graph.sites),
        );
    }
    if acceptance.max_degree < graph.max_degree {
        return fault(
            format!("acceptance for at most {} neighbours", acceptance.max_degree),
            format!("{}, as the graph has", graph.max_degree),
        );
    }
    if graph.max_degree > ising_half_sweep::MAX_DEGREE {
        return fault(
            format!("a site with {} neighbours", graph.max_degree),
            format!("at most {} on this backend", ising_half_sweep::MAX_DEGREE),
        );
    }
    Ok(())
}
