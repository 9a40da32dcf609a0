//! Readers and writers of every file the engine shares with other programs.
//!
//! | what | read | write |
//! | --- | --- | --- |
//! | binary samples `[samples, units]` | .npy, .npz, .csv, .tsv, .txt, all also packed with gzip | .npy, .npz, .csv, .tsv |
//! | real matrices | .npy | .npy |
//! | machines | .safetensors | .safetensors |
//!
//! Samples hold {0, 1}, {−1, +1} or booleans and are taken as they are; anything else is an error that names the first
//! value in the way, never a guess. Every size in a header is checked against the file before memory is taken. Files
//! are written under a temporary name in the same directory, synced, then renamed: a reader sees the old file or the
//! whole new one.

pub(crate) mod binary;
mod bonds;
mod cache;
mod cell;
mod claim;
mod dtype;
mod endings;
pub(crate) mod file;
mod layout;
mod memory;
mod model;
mod names;
mod npy;
mod npz;
mod output;
mod packed;
mod process;
mod select;
mod table;
pub(crate) mod temporary;
pub(crate) mod tensors;

use std::path::Path;

use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::lattice::Lattice;
use crate::rbm::Values;

pub use bonds::{read_bonds, read_terms};
pub use cache::{cache_directory, read_cached, read_cached_bytes, write_cached, write_cached_bytes};
pub use claim::Claim;
pub(crate) use claim::is_claim;
pub use endings::Output;
pub use file::{ByteHash, make_directory, sha256_hex, write_bytes};
pub use memory::{host_memory, memory_limit};
pub use model::{MODEL_FORMAT, Model, ModelMeta, Provenance, read_model, write_model};
pub use npy::{RealArray, read_npy, write_npy_f32, write_npy_f64, write_npy_samples};
pub use npz::write_npz;
pub use output::{check_outputs, check_samples_name, hash_file, read_units, through_links};
pub use packed::PackedFile;
pub use process::ignores_signal;
pub(crate) use table::delimiter_of;
pub use table::{write_csv, write_table};
pub use temporary::{abandon_files, scratch_name};

/// Binary samples with whatever the file says about them.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// `[samples, units]`.
    pub samples: BitMatrix,
    /// Values under which a file of them is written; any are read.
    pub values: Values,
    /// Names of the units, `[units]`.
    pub names: Option<Vec<String>>,
    /// Lattice of the units, where the samples are spins.
    pub lattice: Option<Lattice>,
    /// T in J/k_B, where the samples are spins in equilibrium.
    pub temperature: Option<f64>,
    /// T of each sample in J/k_B, `[samples]`, where the samples have different ones.
    pub temperatures: Option<Vec<f64>>,
    /// Sweep at which each sample was taken, `[samples]`.
    pub sweeps: Option<Vec<u32>>,
    /// Replica from which each sample was taken, `[samples]`.
    pub replicas: Option<Vec<u32>>,
    /// A label of each sample, `[samples]`.
    pub labels: Option<Vec<String>>,
    /// Seed of the run that made the samples.
    pub seed: Option<u64>,
    /// The file, or what made the samples.
    pub source: String,
    /// SHA-256 of the file in hexadecimal digits; empty where there is no file.
    pub sha256: String,
}

impl DataSet {
    /// Samples alone.
    #[must_use]
    pub fn new(samples: BitMatrix, source: impl Into<String>) -> Self {
        Self {
            samples,
            values: Values::Binary,
            names: None,
            lattice: None,
            temperature: None,
            temperatures: None,
            sweeps: None,
            replicas: None,
            labels: None,
            seed: None,
            source: source.into(),
            sha256: String::new(),
        }
    }

    /// Names of the units: those of the file, else their numbers from 0.
    #[must_use]
    pub fn unit_names(&self) -> Vec<String> {
        self.names.clone().unwrap_or_else(|| (0..self.samples.cols()).map(|j| j.to_string()).collect())
    }

    /// Checks that everything has the length of the rows or columns it describes, and names and temperatures.
    pub(crate) fn validate(self) -> Result<Self> {
        let (rows, cols) = (self.samples.rows(), self.samples.cols());
        let lengths = [
            ("names", self.names.as_ref().map(Vec::len), cols, "units"),
            ("lattice sites", self.lattice.map(Lattice::sites), cols, "units"),
            ("temperatures", self.temperatures.as_ref().map(Vec::len), rows, "samples"),
            ("sweep numbers", self.sweeps.as_ref().map(Vec::len), rows, "samples"),
            ("replica numbers", self.replicas.as_ref().map(Vec::len), rows, "samples"),
            ("labels", self.labels.as_ref().map(Vec::len), rows, "samples"),
        ];
        for (what, found, expected, of) in lengths {
            if let Some(found) = found.filter(|&n| n != expected) {
                return Err(Error::Input(
                    Fault::new(format!("{found} {what} for {expected} {of}"))
                        .at(&self.source)
                        .expected(format!("{expected} {what}")),
                ));
            }
        }
        if let Some(names) = &self.names {
            names::check_names(names, &self.source).map_err(Error::Input)?;
        }
        let mut known = self.temperature.iter().chain(self.temperatures.iter().flatten());
        if let Some(temperature) = known.find(|t| !(t.is_finite() && **t > 0.0)) {
            return Err(Error::Input(
                Fault::new(format!("temperature {temperature}"))
                    .at(&self.source)
                    .expected("a positive finite number, in units of J/k_B"),
            ));
        }
        Ok(self)
    }
}

/// How a file of samples is stored, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Npy,
    Npz,
    /// Columns separated by this byte, unless the text shows another.
    Table(u8),
}

impl Format {
    /// The format of a file to be written.
    fn of_output(path: &Path) -> Result<Self> {
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        Self::by_name(&name).filter(|_| !name.ends_with(".txt")).ok_or_else(|| {
            let stem = path.with_extension("npz");
            Error::Input(
                Fault::new("samples cannot be written in this format")
                    .at(path.display())
                    .expected("a name that ends in .npy, .npz, .csv or .tsv")
                    .advice(format!("write for example {}", stem.display())),
            )
        })
    }

    /// The format of a file to be read, packed with gzip or not.
    fn of(path: &Path) -> Result<Self> {
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        Self::by_name(name.strip_suffix(".gz").unwrap_or(&name)).ok_or_else(|| {
            Error::Input(
                Fault::new("unknown file format")
                    .at(path.display())
                    .expected("a name that ends in .npy, .npz, .csv, .tsv or .txt, or in one of these and .gz")
                    .advice("rename the file if it is one of these; from Python, numpy.savez(\"data.npz\", samples=array) makes one"),
            )
        })
    }

    fn by_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Npz),
            "csv" | "txt" => Some(Self::Table(b',')),
            "tsv" => Some(Self::Table(b'\t')),
            _ => None,
        }
    }
}

/// Reads binary samples, format by the end of the name.
///
/// # Errors
/// [`Error::Input`] for a missing, unreadable, truncated or empty file, one that does not fit into memory, a shape that
/// is not `[samples, units]`, names that are no names, or a value that is neither {0, 1}, {−1, +1} nor boolean.
pub fn read(path: &Path) -> Result<DataSet> {
    read_telling(path, &mut crate::events::Silent)
}

/// [`read`], which tells `listener` how it understood the file where that is not plain.
///
/// # Errors
/// As [`read`].
pub fn read_telling(path: &Path, listener: &mut dyn Listener) -> Result<DataSet> {
    file::check_is_file(path)?;
    let format = Format::of(path)?;
    let source = path.display().to_string();
    let mut notes = Vec::new();
    let (sha256, mut data) = if format == Format::Npy && !file::starts_as_gzip(path)? {
        let (bits, sha256) = npy::read_bits(path)?;
        (sha256, DataSet::new(bits, source))
    } else {
        let mut bytes = file::read_bytes(path)?;
        let sha256 = sha256_hex(&bytes);
        if file::is_gzip(&bytes) {
            bytes = file::gunzip(&bytes, &source)?;
        }
        let data = match format {
            Format::Npy => DataSet::new(npy::decode_bits(&bytes, &source)?, source),
            Format::Npz => npz::decode(&bytes, &source, &mut notes)?,
            Format::Table(delimiter) => table::decode(&bytes, delimiter, &source)?,
        };
        (sha256, data)
    };
    data.sha256 = sha256;
    let data = data.validate()?;
    notes.into_iter().for_each(|note| listener.event(Event::Info(note)));
    Ok(data)
}

/// Size, names and physics of a file of samples, for planning.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    /// Number of samples.
    pub rows: usize,
    /// Number of units.
    pub units: usize,
    /// Names of the units.
    pub names: Option<Vec<String>>,
    /// Lattice of the units.
    pub lattice: Option<Lattice>,
    /// T in J/k_B that the file says, else the one that is wanted.
    pub temperature: Option<f64>,
}

/// Looks at a file of samples without keeping it, at those at `temperature` where it has several; of an .npy only the
/// header is read.
///
/// # Errors
/// As [`read`], except that the values of an .npy are not looked at, and [`DataSet::at_temperature`].
pub fn glance(path: &Path, temperature: Option<f64>) -> Result<Glance> {
    file::check_is_file(path)?;
    if Format::of(path)? == Format::Npy && !file::starts_as_gzip(path)? {
        let (rows, units) = npy::shape_of_file(path)?;
        return Ok(Glance { rows, units, names: None, lattice: None, temperature });
    }
    let data = read(path)?;
    let own = data.temperature;
    let data = data.at_temperature(temperature)?;
    Ok(Glance {
        rows: data.samples.rows(),
        units: data.samples.cols(),
        names: data.names,
        lattice: data.lattice,
        temperature: own.or(data.temperature),
    })
}

/// Writes samples, format by the end of the name: .npy (samples alone), .npz (everything), .csv or
/// .tsv (with names).
///
/// # Errors
/// [`Error::Input`] for an unknown format or a directory that is not there, [`Error::File`] when writing fails.
pub fn write(path: &Path, data: &DataSet) -> Result<()> {
    match Format::of_output(path)? {
        Format::Npy => write_npy_samples(path, &data.samples, data.values),
        Format::Npz => write_npz(path, data),
        Format::Table(_) => write_csv(path, &data.samples, data.values, data.names.as_deref()),
    }
}
