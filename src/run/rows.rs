//! Rows of a file that is too large for memory, split as rows in memory are.

use std::path::{Path, PathBuf};

use super::train::Split;
use crate::bits::BitMatrix;
use crate::data::{PackedFile, glance, memory_limit};
use crate::error::Result;
use crate::rng::{Permutation, derive_seed};
use crate::train::RowSource;

/// Whether the packed rows of an .npy file would take more than half of the memory: as read, and as a backend that does not
/// share them holds them.
///
/// # Errors
/// [`crate::error::Error::Input`] when the file cannot be read.
pub fn too_large(samples: &Path) -> Result<bool> {
    if samples.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("npy")) {
        return Ok(false);
    }
    let glance = glance(samples, None)?;
    let bytes = (2 * 4 * glance.rows as u64).saturating_mul(glance.units.div_ceil(32) as u64);
    Ok(memory_limit()?.is_some_and(|limit| bytes > limit / 2))
}

/// Rows of a packed file that are trained on, in the shuffled order of [`super::train::split`].
#[derive(Debug)]
pub struct FileRows {
    file: PackedFile,
    order: Permutation,
    kept_out: usize,
    ones: Vec<u64>,
}

/// Packs the samples of an .npy file into `place` and splits its rows; `kept_out` gives the number kept out from that of
/// all rows.
///
/// # Errors
/// As [`PackedFile::pack`].
pub fn split_file(
    samples: &Path,
    place: PathBuf,
    kept_out: impl FnOnce(usize) -> usize,
    seed: u64,
) -> Result<Split<FileRows>> {
    let file = PackedFile::pack(samples, place)?;
    let kept_out = kept_out(file.rows());
    let order = Permutation::new(derive_seed(seed, "held-out"), 0, file.rows() as u32);
    let numbers: Vec<u32> = (0..kept_out as u32).map(|p| order.row(p)).collect();
    let held_out = file.fetch(&numbers)?;
    let ones = file.ones().iter().zip(held_out.column_counts()).map(|(all, out)| all - out).collect();
    let train = FileRows { file, order, kept_out, ones };
    Ok(Split { train, held_out: (kept_out > 0).then_some(held_out) })
}

impl FileRows {
    /// SHA-256 of the file of samples, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        self.file.sha256()
    }
}

impl RowSource for FileRows {
    fn rows(&self) -> usize {
        self.file.rows() - self.kept_out
    }

    fn units(&self) -> usize {
        self.file.units()
    }

    fn fetch(&self, rows: &[u32]) -> Result<BitMatrix> {
        let numbers: Vec<u32> = rows.iter().map(|row| self.order.row(self.kept_out as u32 + row)).collect();
        self.file.fetch(&numbers)
    }

    fn ones(&self) -> Vec<u64> {
        self.ones.clone()
    }
}
