//! Square and cubic lattices with one bit a site on the device, in the layout of `crate::backend::torus`.

use crate::backend::Acceptance;
use crate::backend::torus::{Torus, TorusClasses};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::Lattice;

use super::device::Gpu;

/// Lattices with one bit a site.
#[derive(Debug)]
pub(super) struct TorusSpins {
    pub(super) torus: Torus,
    pub(super) replicas: usize,
    /// Which kernel updates them.
    pub(super) entry: Entry,
    /// `[replicas, 32, classes]` digits, then `[replicas]` numbers of drawn classes.
    pub(super) acceptance: wgpu::Buffer,
    /// `[replicas, 2, words]`.
    pub(super) spins: wgpu::Buffer,
}

/// Kernels by what they can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Square lattices and any table.
    Any,
    /// Square lattices where two classes are drawn in all replicas.
    Two,
    /// Cubic lattices and any table.
    Cubic,
    /// Cubic lattices where three classes are drawn in all replicas.
    Three,
}

impl TorusSpins {
    pub(super) fn upload(gpu: &Gpu, lattice: Lattice, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        let torus = Torus::new(lattice, acceptance, initial)?;
        let (replicas, count) = (initial.rows(), torus.classes());
        let classes = TorusClasses::of_replicas(acceptance, torus.degree())?;
        let mut table = vec![0u32; replicas * 32 * count];
        for (rows, classes) in table.chunks_exact_mut(32 * count).zip(&classes) {
            for (row, planes) in rows.chunks_exact_mut(count).zip(classes.planes.chunks(classes.drawn.max(1))) {
                row[..planes.len()].copy_from_slice(planes);
            }
        }
        table.extend(classes.iter().map(|classes| classes.drawn as u32));
        let planes: Vec<u32> = (0..replicas).flat_map(|r| torus.pack(initial.row(r))).collect();
        let entry = match torus.dimensions {
            2 if classes.iter().all(|classes| classes.drawn == 2) => Entry::Two,
            2 => Entry::Any,
            _ if classes.iter().all(|classes| classes.drawn == 3) => Entry::Three,
            _ => Entry::Cubic,
        };
        Ok(Self {
            torus,
            replicas,
            entry,
            acceptance: gpu.upload("acceptance digits", "numbers", &table)?,
            spins: gpu.upload("spins", "words of 32 spins", &planes)?,
        })
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<BitMatrix> {
        let words = 2 * self.torus.words;
        let planes: Vec<u32> = gpu.read(&self.spins, self.replicas * words)?;
        let mut spins = Vec::with_capacity(self.replicas * self.torus.sites().div_ceil(32));
        for planes in planes.chunks_exact(words) {
            let (even, odd) = planes.split_at(words / 2);
            self.torus.unpack([even, odd], &mut spins);
        }
        BitMatrix::from_words(self.replicas, self.torus.sites(), spins)
    }
}
