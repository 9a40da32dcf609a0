//! Spins of many replicas that are updated by tables, `[sites, words]` with one bit a replica.

use crate::backend::FlipTables;
use crate::backend::tables::check_temperatures;
use crate::bits::BitMatrix;
use crate::error::Result;

use super::device::Gpu;

/// Spins, tables and temperatures on the device.
#[derive(Debug)]
pub struct TableSpins {
    pub(super) sites: usize,
    pub(super) replicas: usize,
    /// Entries of the tables of one temperature.
    pub(super) entries: u32,
    /// Where the sites of each colour begin in `graph`, and how many they are.
    pub(super) colours: Vec<(u32, u32)>,
    /// Sites by colour, `[sites]`; starts of their descriptions, `[sites]`; descriptions.
    pub(super) graph: wgpu::Buffer,
    pub(super) thresholds: wgpu::Buffer,
    /// Number of each replica's temperature.
    pub(super) temperatures: wgpu::Buffer,
    pub(super) spins: wgpu::Buffer,
    /// Temperatures that have tables.
    known: usize,
}

impl TableSpins {
    pub(super) fn upload(gpu: &Gpu, tables: &FlipTables, temperature_of: &[u32], initial: &BitMatrix) -> Result<Self> {
        tables.check(temperature_of, initial)?;
        let mut graph: Vec<u32> = tables.colours.concat();
        let mut first = 0;
        let colours = tables.colours.iter().map(|sites| {
            first += sites.len() as u32;
            (first - sites.len() as u32, sites.len() as u32)
        });
        let colours = colours.collect();
        graph.extend(&tables.starts);
        graph.extend(&tables.program);
        Ok(Self {
            sites: tables.sites(),
            replicas: initial.rows(),
            entries: tables.entries as u32,
            colours,
            graph: gpu.upload("the interactions", "numbers", &graph)?,
            thresholds: gpu.upload("acceptance tables", "entries", &tables.thresholds)?,
            temperatures: upload_temperatures(gpu, temperature_of)?,
            spins: gpu.upload("spins", "words of 32 spins", initial.transposed().words())?,
            known: tables.temperatures(),
        })
    }

    /// A new buffer, so that dispatches recorded before keep the old one.
    pub(super) fn set_temperatures(&mut self, gpu: &Gpu, temperature_of: &[u32]) -> Result<()> {
        check_temperatures(self.known, temperature_of, self.replicas)?;
        self.temperatures = upload_temperatures(gpu, temperature_of)?;
        Ok(())
    }

    pub(super) fn words(&self) -> usize {
        self.replicas.div_ceil(32)
    }

    /// `[sites, replicas]`.
    pub(super) fn read(&self, gpu: &Gpu) -> Result<BitMatrix> {
        BitMatrix::from_words(self.sites, self.replicas, gpu.read(&self.spins, self.sites * self.words())?)
    }
}

fn upload_temperatures(gpu: &Gpu, temperature_of: &[u32]) -> Result<wgpu::Buffer> {
    gpu.upload("temperatures of the replicas", "replicas", temperature_of)
}
