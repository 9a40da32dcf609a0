//! Spins of many replicas on the device, and the record of their sums.
//!
//! Spins are `[sites, words]` with one bit a replica, so that a word is one site of 32 replicas. Sums are appended to
//! segments on the device, each twice as long as the one before; beyond a budget they are drained to the host.

use crate::backend::{Acceptance, SpinSums};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::Graph;

use super::device::Gpu;
use super::kernels::{ising_half_sweep, ising_sums};
use super::memory::Shape;

/// Spins of many replicas of one graph on the device.
#[derive(Debug)]
pub struct Spins {
    pub(super) sites: usize,
    pub(super) replicas: usize,
    pub(super) words: usize,
    pub(super) max_degree: usize,
    /// Where the neighbours begin in `graph`.
    pub(super) neighbours_first: u32,
    /// Of every colour: where its sites begin in `graph`, and how many there are.
    pub(super) colours: Vec<(u32, u32)>,
    /// Offsets, neighbours, sites by colour.
    pub(super) graph: wgpu::Buffer,
    pub(super) digits: wgpu::Buffer,
    pub(super) always: wgpu::Buffer,
    pub(super) spins: wgpu::Buffer,
    record: Record,
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

impl Spins {
    pub(super) fn upload(gpu: &Gpu, graph: &Graph, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        check(graph, acceptance, initial)?;
        let mut colours = Vec::with_capacity(graph.colours.len());
        let mut table = graph.offsets.clone();
        let neighbours_first = table.len() as u32;
        table.extend_from_slice(&graph.neighbours);
        for sites in &graph.colours {
            colours.push((table.len() as u32, sites.len() as u32));
            table.extend_from_slice(sites);
        }
        let words = acceptance.words();
        Ok(Self {
            sites: graph.sites,
            replicas: initial.rows(),
            words,
            max_degree: acceptance.max_degree,
            neighbours_first,
            colours,
            graph: gpu.upload("the lattice's graph", "numbers", &table)?,
            digits: gpu.upload("acceptance digits", "numbers", &acceptance.digits)?,
            always: gpu.upload("acceptance masks", "numbers", &acceptance.always)?,
            spins: gpu.upload("spins", "words of 32 spins", initial.transposed().words())?,
            record: Record::default(),
        })
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<BitMatrix> {
        let words = gpu.read(&self.spins, self.sites * self.words)?;
        Ok(BitMatrix::from_words(self.sites, self.replicas, words)?.transposed())
    }

    pub(super) fn record_sums(&mut self, gpu: &Gpu) -> Result<()> {
        let row_bytes = self.replicas * size_of::<SpinSums>();
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
            ising_sums::record(gpu, self, &segment.rows, segment.used);
        }
        if let Some(segment) = self.record.segments.last_mut() {
            segment.used += 1;
        }
        Ok(())
    }

    fn drain(&mut self, gpu: &Gpu) -> Result<()> {
        for segment in std::mem::take(&mut self.record.segments) {
            let rows: Vec<SpinSums> = gpu.read(&segment.rows, segment.used * self.replicas)?;
            self.record.drained.extend(rows.chunks(self.replicas.max(1)).map(<[SpinSums]>::to_vec));
        }
        Ok(())
    }

    pub(super) fn take_sums(&mut self, gpu: &Gpu) -> Result<Vec<Vec<SpinSums>>> {
        gpu.wait_for_all()?;
        self.drain(gpu)?;
        Ok(std::mem::take(&mut self.record.drained))
    }
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
