//! Square lattices with one bit a site on the device, in the layout of `crate::backend::square`.

use crate::backend::Acceptance;
use crate::backend::square::{CLASSES, Square, SquareClasses};
use crate::bits::BitMatrix;
use crate::error::Result;

use super::device::Gpu;

/// Lattices with one bit a site.
#[derive(Debug)]
pub(super) struct SquareSpins {
    pub(super) square: Square,
    pub(super) replicas: usize,
    /// Whether two classes are drawn in all replicas, which has a kernel of its own.
    pub(super) two_classes: bool,
    /// `[replicas, 32, 5]` digits, then `[replicas]` numbers of drawn classes.
    pub(super) acceptance: wgpu::Buffer,
    /// `[replicas, 2, words]`.
    pub(super) spins: wgpu::Buffer,
}

impl SquareSpins {
    pub(super) fn upload(gpu: &Gpu, length: usize, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        let square = Square::new(length, acceptance, initial)?;
        let replicas = initial.rows();
        let classes = SquareClasses::of_replicas(acceptance)?;
        let mut table = vec![0u32; replicas * 32 * CLASSES];
        for (rows, classes) in table.chunks_exact_mut(32 * CLASSES).zip(&classes) {
            for (row, planes) in rows.chunks_exact_mut(CLASSES).zip(classes.planes.chunks(classes.drawn.max(1))) {
                row[..planes.len()].copy_from_slice(planes);
            }
        }
        table.extend(classes.iter().map(|classes| classes.drawn as u32));
        let planes: Vec<u32> = (0..replicas).flat_map(|r| square.pack(initial.row(r))).collect();
        Ok(Self {
            square,
            replicas,
            two_classes: classes.iter().all(|classes| classes.drawn == 2),
            acceptance: gpu.upload("acceptance digits", "numbers", &table)?,
            spins: gpu.upload("spins", "words of 32 spins", &planes)?,
        })
    }

    pub(super) fn read(&self, gpu: &Gpu) -> Result<BitMatrix> {
        let words = 2 * self.square.words();
        let planes: Vec<u32> = gpu.read(&self.spins, self.replicas * words)?;
        let mut spins = Vec::with_capacity(planes.len());
        for planes in planes.chunks_exact(words) {
            let (even, odd) = planes.split_at(words / 2);
            self.square.unpack([even, odd], &mut spins);
        }
        BitMatrix::from_words(self.replicas, self.square.length * self.square.length, spins)
    }
}
