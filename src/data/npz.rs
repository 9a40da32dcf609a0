//! NumPy's .npz: a zip archive of .npy members, here with the keys `samples`, `temperature`, `lattice`, `names`,
//! `labels`, `sweep`, `replica`, `seed` and `version`; only `samples` must be there. `temperature` is one number, or one for
//! every sample.

use std::io::{self, Cursor, Read, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::DataSet;
use super::file::{MAX_UNPACKED, write_atomic};
use super::npy;
use crate::error::{Error, Fault, Result};

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

fn broken(error: &dyn std::fmt::Display, place: &str) -> Error {
    Error::Input(
        Fault::new(format!("cannot unpack: {error}"))
            .at(place)
            .expected("a whole NumPy .npz archive")
            .advice("the file is truncated or damaged: write it again with numpy.savez"),
    )
}

/// Bytes of member `key`, if the archive has it.
fn member(archive: &mut Archive<'_>, key: &str, source: &str) -> Result<Option<Vec<u8>>> {
    let place = format!("{source}, key `{key}`");
    let entry = match archive.by_name(&format!("{key}.npy")) {
        Ok(entry) => entry,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(broken(&error, &place)),
    };
    let mut bytes = Vec::new();
    entry.take(MAX_UNPACKED + 1).read_to_end(&mut bytes).map_err(|e| broken(&e, &place))?;
    if bytes.len() as u64 > MAX_UNPACKED {
        return Err(broken(&"the member unpacks to too much", &place));
    }
    Ok(Some(bytes))
}

/// One number from an array that holds one value, however often.
fn one_number(bytes: &[u8], place: &str) -> Result<f64> {
    let values = npy::decode_reals(bytes, place)?.values;
    match values.split_first() {
        Some((first, rest)) if rest.iter().all(|x| x == first) => Ok(*first),
        _ => Err(Error::Input(
            Fault::new(format!("{} different values", values.len()))
                .at(place)
                .expected("one value for the whole file")
                .advice("write one file for each value"),
        )),
    }
}

/// Whole numbers of 32 bits.
fn counts(bytes: &[u8], place: &str) -> Result<Vec<u32>> {
    let array = npy::decode_reals(bytes, place)?;
    let whole = |x: &f64| (x.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(x)).then_some(*x as u32);
    array.values.iter().map(whole).collect::<Option<_>>().ok_or_else(|| {
        Error::Input(Fault::new("a value is not a whole number of 32 bits").at(place).expected("whole numbers from 0"))
    })
}

/// A whole archive.
pub(crate) fn decode(bytes: &[u8], source: &str) -> Result<DataSet> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e, source))?;
    let place = |key: &str| format!("{source}, key `{key}`");
    let Some(samples) = member(&mut archive, "samples", source)? else {
        let keys = archive.file_names().filter_map(std::result::Result::ok);
        let keys: Vec<String> = keys.map(|name| name.trim_end_matches(".npy").to_string()).collect();
        return Err(Error::Input(
            Fault::new(format!("the archive has no key `samples`, only: {}", keys.join(", ")))
                .at(source)
                .expected("a key `samples` with the array [samples, units]")
                .advice("write it with numpy.savez(name, samples=array)"),
        ));
    };
    let mut data = DataSet::new(npy::decode_bits(&samples, &place("samples"))?, source);
    drop(samples);
    if let Some(bytes) = member(&mut archive, "temperature", source)? {
        let values = npy::decode_reals(&bytes, &place("temperature"))?.values;
        if values.len() == data.samples.rows() && values.iter().any(|t| *t != values[0]) {
            data.temperatures = Some(values);
        } else {
            data.temperature = Some(one_number(&bytes, &place("temperature"))?);
        }
    }
    if let Some(bytes) = member(&mut archive, "lattice", source)? {
        let texts = npy::decode_texts(&bytes, &place("lattice"))?;
        let Some(text) = texts.first().filter(|first| texts.iter().all(|t| t == *first)) else {
            return Err(Error::Input(
                Fault::new(format!("{} different lattices", texts.len()))
                    .at(place("lattice"))
                    .expected("one lattice for the whole file"),
            ));
        };
        data.lattice = Some(text.parse()?);
    }
    if let Some(bytes) = member(&mut archive, "names", source)? {
        data.names = Some(npy::decode_texts(&bytes, &place("names"))?);
    }
    if let Some(bytes) = member(&mut archive, "labels", source)? {
        data.labels = Some(npy::decode_texts(&bytes, &place("labels"))?);
    }
    if let Some(bytes) = member(&mut archive, "sweep", source)? {
        data.sweeps = Some(counts(&bytes, &place("sweep"))?);
    }
    if let Some(bytes) = member(&mut archive, "replica", source)? {
        data.replicas = Some(counts(&bytes, &place("replica"))?);
    }
    if let Some(bytes) = member(&mut archive, "seed", source)? {
        data.seed = Some(one_number(&bytes, &place("seed"))? as u64);
    }
    Ok(data)
}

/// Writes everything a [`DataSet`] holds; `numpy.load` reads it without pickling.
///
/// # Errors
/// [`Error::Input`] when lengths disagree or the directory is not there, [`Error::File`] when writing fails.
pub fn write_npz(path: &Path, data: &DataSet) -> Result<()> {
    let data = data.clone().validate()?;
    write_atomic(path, |writer| {
        let mut archive = ZipWriter::new(writer);
        let rows = data.samples.rows();
        let bytes = rows as u64 * data.samples.cols() as u64;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(1))
            .large_file(bytes > u64::from(u32::MAX) - (1 << 16));
        let start = |archive: &mut ZipWriter<_>, key: &str| {
            archive.start_file(format!("{key}.npy"), options).map_err(io::Error::other)
        };
        start(&mut archive, "samples")?;
        npy::encode_samples(&mut archive, &data.samples, data.values)?;
        let mut members: Vec<(&str, Vec<u8>)> = Vec::new();
        let scalar = |descr: &str, bytes: &[u8]| [npy::header_bytes(descr, &[]), bytes.to_vec()].concat();
        if let Some(temperature) = data.temperature {
            members.push(("temperature", scalar("<f8", &temperature.to_le_bytes())));
        } else if let Some(temperatures) = &data.temperatures {
            let mut bytes = npy::header_bytes("<f8", &[temperatures.len()]);
            bytes.extend(temperatures.iter().flat_map(|t| t.to_le_bytes()));
            members.push(("temperature", bytes));
        }
        if let Some(lattice) = data.lattice {
            members.push(("lattice", npy::encode_texts(&[lattice.to_string()], &[])));
        }
        if let Some(names) = &data.names {
            members.push(("names", npy::encode_texts(names, &[names.len()])));
        }
        if let Some(labels) = &data.labels {
            members.push(("labels", npy::encode_texts(labels, &[labels.len()])));
        }
        for (key, numbers) in [("sweep", &data.sweeps), ("replica", &data.replicas)] {
            if let Some(numbers) = numbers {
                let mut bytes = npy::header_bytes("<u4", &[numbers.len()]);
                bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
                members.push((key, bytes));
            }
        }
        if let Some(seed) = data.seed {
            members.push(("seed", scalar("<u8", &seed.to_le_bytes())));
        }
        members.push(("version", scalar("<i8", &1i64.to_le_bytes())));
        for (key, bytes) in members {
            start(&mut archive, key)?;
            archive.write_all(&bytes)?;
        }
        archive.finish().map_err(io::Error::other)?;
        Ok(())
    })
}
