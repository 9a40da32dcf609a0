//! Files of binary samples, their format by the end of the name.

use std::path::Path;

use super::{file, npy, npz, table, write_csv, write_npy_samples, write_npz};
use crate::data::names::check_names;
use crate::data::{DataSet, sha256_hex};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::lattice::Lattice;

impl DataSet {
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
            check_names(names, &self.source).map_err(Error::Input)?;
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
pub(super) enum Format {
    Npy,
    Npz,
    /// Columns separated by this byte, unless the text shows another.
    Table(u8),
}

impl Format {
    /// The format of a file to be written.
    pub(super) fn of_output(path: &Path) -> Result<Self> {
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
    pub(super) fn of(path: &Path) -> Result<Self> {
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
