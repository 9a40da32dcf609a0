//! Samples too many for memory: packed once into a file of their own, from which rows are read by number.
//!
//! The file is the rows of a [`BitMatrix`] one after another and nothing else. Its name goes as soon as it is open, where
//! the system lets go of names of open files, and with the value elsewhere: a killed process leaves nothing behind. Rows
//! are read in the order of the file, whatever the order they are asked for.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::binary::{Encoding, not_binary};
use super::file::{cannot_read, cannot_write};
use super::npy;
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};

/// Packed samples in a file.
#[derive(Debug)]
pub struct PackedFile {
    file: Mutex<File>,
    path: PathBuf,
    rows: usize,
    units: usize,
    ones: Vec<u64>,
    sha256: String,
}

impl PackedFile {
    /// Packs the samples of an .npy file into a new file at `path`, whose room is given back when this value goes.
    ///
    /// # Errors
    /// [`Error::Input`] for a file that is no .npy of binary samples in C order, or where `path` exists;
    /// [`Error::File`] when there is no room for it.
    pub fn pack(samples: &Path, path: PathBuf) -> Result<Self> {
        let source = samples.display().to_string();
        if samples.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("npy")) {
            return Err(Error::Input(
                Fault::new("samples of this format cannot be streamed")
                    .at(&source)
                    .expected("an .npy file")
                    .advice("make one with numpy.save, or read them into memory"),
            ));
        }
        let rows = npy::Rows::open(samples)?;
        if rows.header.fortran {
            return Err(Error::Input(
                Fault::new("the samples are in Fortran order")
                    .at(&source)
                    .expected("rows one after another")
                    .advice("write them with numpy.save(name, numpy.ascontiguousarray(samples))"),
            ));
        }
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(|e| cannot_write(&path, &e))?;
        #[cfg(unix)]
        std::fs::remove_file(&path).map_err(|e| cannot_write(&path, &e))?;
        let ones = vec![0; rows.units];
        let sha256 = String::new();
        let packed = Self { file: Mutex::new(file), path, rows: rows.rows, units: rows.units, ones, sha256 };
        packed.fill(samples, rows)
    }

    fn fill(mut self, samples: &Path, mut rows: npy::Rows) -> Result<Self> {
        let source = samples.display().to_string();
        let mut encoding = Encoding::default();
        let mut row = vec![0; self.units * rows.dtype.size];
        let mut words = vec![0u32; self.units.div_ceil(32)];
        let path = &self.path;
        {
            let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
            let mut writer = BufWriter::with_capacity(1 << 20, file);
            for r in 0..self.rows {
                rows.reader.read_exact(&mut row).map_err(|e| cannot_read(samples, &e))?;
                words.fill(0);
                for (j, ones) in self.ones.iter_mut().enumerate() {
                    let x = rows.dtype.number(&row, j);
                    let place = format_args!("{source}, row {}, column {}", r + 1, j + 1);
                    if encoding.bit(x, r, j).map_err(|why| not_binary(why, x, x, place))? {
                        words[j / 32] |= 1 << (j % 32);
                        *ones += 1;
                    }
                }
                writer.write_all(bytemuck::cast_slice(&words)).map_err(|e| cannot_write(path, &e))?;
            }
            writer.flush().map_err(|e| cannot_write(path, &e))?;
        }
        self.sha256 = rows.reader.hash.hex();
        Ok(self)
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Units of a row.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// Number of ones of every unit, `[units]`.
    #[must_use]
    pub fn ones(&self) -> &[u64] {
        &self.ones
    }

    /// SHA-256 of the file of samples, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The rows named, in that order.
    ///
    /// # Errors
    /// [`Error::Input`] when they cannot be read.
    pub fn fetch(&self, rows: &[u32]) -> Result<BitMatrix> {
        let mut order: Vec<(u32, usize)> = rows.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let per_row = self.units.div_ceil(32);
        let mut words = vec![0u32; rows.len() * per_row];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = None;
        for (row, at) in order {
            let to: &mut [u8] = bytemuck::cast_slice_mut(&mut words[at * per_row..(at + 1) * per_row]);
            let first = u64::from(row) * to.len() as u64;
            let read = if next == Some(first) { Ok(first) } else { file.seek(SeekFrom::Start(first)) };
            read.and_then(|_| file.read_exact(to)).map_err(|e| cannot_read(&self.path, &e))?;
            next = Some(first + to.len() as u64);
        }
        BitMatrix::from_words(rows.len(), self.units, words)
    }
}

#[cfg(not(unix))]
impl Drop for PackedFile {
    fn drop(&mut self) {
        // Whoever cannot remove it cannot say so here; it holds nothing that is not in the samples' own file.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{read, write_npy_samples};
    use crate::rbm::Values;

    #[test]
    fn rows_come_as_they_were_and_the_file_goes() {
        let directory = tempfile::tempdir().unwrap();
        let samples = directory.path().join("samples.npy");
        for (rows, units) in [(1, 1), (50, 33), (70, 64)] {
            let bits = BitMatrix::from_fn(rows, units, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
            write_npy_samples(&samples, &bits, Values::Binary).unwrap();
            let place = directory.path().join("packed");
            let packed = PackedFile::pack(&samples, place.clone()).unwrap();
            assert_eq!((packed.rows(), packed.units()), (rows, units));
            assert_eq!(packed.ones(), bits.column_counts());
            assert_eq!(packed.sha256(), read(&samples).unwrap().sha256);
            let numbers: Vec<u32> = (0..2 * rows as u32).map(|k| (k * 7 + 3) % rows as u32).collect();
            let wanted: Vec<usize> = numbers.iter().map(|&n| n as usize).collect();
            assert_eq!(packed.fetch(&numbers).unwrap(), bits.select_rows(&wanted));
            assert!(cfg!(not(unix)) || !place.exists(), "a killed process would leave it behind");
            drop(packed);
            assert!(!place.exists());
            std::fs::write(&place, b"somebody's").unwrap();
            assert!(PackedFile::pack(&samples, place.clone()).is_err(), "nothing is overwritten");
            std::fs::remove_file(&place).unwrap();
        }
    }

    #[test]
    fn what_is_not_binary_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let samples = directory.path().join("samples.npy");
        crate::data::write_npy_f64(&samples, &[2, 2], &[0.0, 1.0, 0.5, 1.0]).unwrap();
        let place = directory.path().join("packed");
        let error = PackedFile::pack(&samples, place.clone()).unwrap_err().to_string();
        assert!(error.contains("0.5") && error.contains("row 2, column 1"), "{error}");
        assert!(!place.exists());
        assert!(PackedFile::pack(&directory.path().join("samples.csv"), place).is_err());
    }
}
