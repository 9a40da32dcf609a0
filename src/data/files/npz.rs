//! NumPy's .npz: a zip archive of .npy members, here with the keys `samples`, `temperature`, `lattice`, `names`,
//! `labels`, `sweep`, `replica`, `seed` and `version`; only `samples` must be there, and an archive without it may have
//! one other array of two dimensions. `temperature` is one number, or one for every sample.

use std::io::{self, Cursor, Read, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::dtype::Role;
use super::file::{read_within, write_atomic};
use super::npy::{self, Header, MAX_HEADER};
use crate::bits::BitMatrix;
use crate::data::DataSet;
use crate::data::names::check_names;
use crate::error::{Error, Fault, Result};

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;
type Member<'a, 'b> = zip::read::ZipFile<'a, Cursor<&'b [u8]>>;

/// Keys that say something about the samples.
const ABOUT: [&str; 8] = ["temperature", "lattice", "names", "labels", "sweep", "replica", "seed", "version"];
/// Most members that are looked at for samples, and keys that are listed in a message.
const MOST: usize = 1000;
const LISTED: usize = 8;

/// What to do about an archive that is packed in another way.
const PLAIN: &str = "write it with numpy.savez or numpy.savez_compressed";

fn broken(error: &ZipError, place: &str) -> Error {
    let fault = Fault::new(format!("cannot unpack: {error}")).at(place).expected("a whole NumPy .npz archive");
    let is_unknown = |e: &io::Error| e.kind() == io::ErrorKind::Unsupported;
    Error::Input(match error {
        ZipError::Io(e) if is_unknown(e) => fault.advice(PLAIN),
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => fault.advice(PLAIN),
        _ => fault.advice("the file is truncated or damaged: write it again with numpy.savez"),
    })
}

/// Member `key`, if the archive has it.
fn find<'a, 'b>(archive: &'a mut Archive<'b>, key: &str, source: &str) -> Result<Option<Member<'a, 'b>>> {
    match archive.by_name(&format!("{key}.npy")) {
        Ok(entry) => Ok(Some(entry)),
        Err(ZipError::FileNotFound) => Ok(None),
        Err(error) => Err(broken(&error, &place(source, key))),
    }
}

/// Bytes of member `key`, if the archive has it.
fn member(archive: &mut Archive<'_>, key: &str, source: &str) -> Result<Option<Vec<u8>>> {
    let Some(entry) = find(archive, key, source)? else { return Ok(None) };
    let place = place(source, key);
    read_within(entry, &place)?.map(Some).map_err(|e| broken(&ZipError::Io(e), &place))
}

fn place(source: &str, key: &str) -> String {
    format!("{source}, key `{key}`")
}

/// Header at the start of a member.
fn header(entry: &mut Member<'_, '_>, place: &str) -> Result<Header> {
    let unpacked = |e| broken(&ZipError::Io(e), place);
    let mut start = Vec::new();
    (&mut *entry).take(12).read_to_end(&mut start).map_err(unpacked)?;
    let more = npy::header_length(&start).saturating_sub(start.len()).min(MAX_HEADER);
    (&mut *entry).take(more as u64).read_to_end(&mut start).map_err(unpacked)?;
    npy::parse_header(&start, place)
}

/// Samples of member `key`, packed as they are unpacked: they may be many times the size of the archive of `all` bytes.
fn samples(archive: &mut Archive<'_>, key: &str, all: usize, source: &str) -> Result<BitMatrix> {
    let place = place(source, key);
    let Some(mut entry) = find(archive, key, source)? else { return Err(broken(&ZipError::FileNotFound, &place)) };
    let header = header(&mut entry, &place)?;
    header.dtype(Role::Samples, &place)?;
    header.check_length(entry.size(), &place)?;
    let packed = usize::try_from(entry.compressed_size()).unwrap_or(0).min(all);
    let bits = npy::bits_from(&mut entry, &header, packed, &place, &|e| broken(&ZipError::Io(e), &place))?;
    // The sum over all bytes is compared at their end.
    match entry.read(&mut [0]) {
        Ok(0) => Ok(bits),
        Ok(_) => Err(broken(&ZipError::InvalidArchive("the member is longer than it says".into()), &place)),
        Err(error) => Err(broken(&ZipError::Io(error), &place)),
    }
}

/// The key of the samples, and what to say about it where it is not `samples`.
fn key_of_samples(archive: &mut Archive<'_>, source: &str) -> Result<(String, Option<String>)> {
    if archive.index_for_name("samples.npy").is_some() {
        return Ok(("samples".to_string(), None));
    }
    let names = archive.file_names().filter_map(std::result::Result::ok);
    let keys: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".npy")?.to_string())).take(MOST).collect();
    let mut matrices = Vec::new();
    for key in keys.iter().filter(|key| !ABOUT.contains(&key.as_str())) {
        let place = place(source, key);
        let Some(mut entry) = find(archive, key, source)? else { continue };
        if header(&mut entry, &place).is_ok_and(|header| header.is_matrix()) {
            matrices.push(key.clone());
        }
    }
    if let [only] = &matrices[..] {
        let note = format!("{source} has no key `samples`: its only array of two dimensions, `{only}`, is taken");
        return Ok((only.clone(), Some(note)));
    }
    let listed = |keys: &[String]| {
        let more = if keys.len() > LISTED { format!(" and {} more", keys.len() - LISTED) } else { String::new() };
        format!("{}{more}", keys.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    let what = match (keys.is_empty(), matrices.is_empty()) {
        (true, _) => "the archive has no arrays".to_string(),
        (_, true) => format!("the archive has no key `samples`, only: {}", listed(&keys)),
        _ => format!("the archive has no key `samples`, and several arrays of two dimensions: {}", listed(&matrices)),
    };
    Err(Error::Input(
        Fault::new(what)
            .at(source)
            .expected("a key `samples` with the array [samples, units]")
            .advice("write it with numpy.savez(name, samples=array)"),
    ))
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

/// A whole archive; `notes` takes what should be known about the way it was read.
pub(crate) fn decode(bytes: &[u8], source: &str, notes: &mut Vec<String>) -> Result<DataSet> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e, source))?;
    let place = |key: &str| place(source, key);
    let (key, note) = key_of_samples(&mut archive, source)?;
    notes.extend(note);
    let mut data = DataSet::new(samples(&mut archive, &key, bytes.len(), source)?, source);
    if let Some(bytes) = member(&mut archive, "temperature", source)? {
        let values = npy::decode_reals(&bytes, &place("temperature"))?.values;
        if values.len() == data.samples.rows() && values.iter().any(|t| *t != values[0]) {
            data.temperatures = Some(values);
        } else {
            data.temperature = Some(one_number(&bytes, &place("temperature"))?);
        }
    }
    if let Some(bytes) = member(&mut archive, "lattice", source)? {
        let texts = npy::decode_texts(&bytes, Role::Names, &place("lattice"))?;
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
        let names = npy::decode_texts(&bytes, Role::Names, &place("names"))?;
        let names: Vec<String> = names.iter().map(|name| name.trim().to_string()).collect();
        check_names(&names, place("names")).map_err(Error::Input)?;
        data.names = Some(names);
    }
    if let Some(bytes) = member(&mut archive, "labels", source)? {
        // Nothing is computed from labels: those that cannot be read are left out.
        match npy::decode_texts(&bytes, Role::Labels, &place("labels")) {
            Ok(labels) if labels.len() == data.samples.rows() => data.labels = Some(labels),
            Ok(labels) => {
                notes.push(format!("{source}: {} labels for {} samples, left out", labels.len(), data.samples.rows()));
            }
            Err(Error::Input(fault)) => notes.push(format!("{source}: the labels are left out: {}", fault.what)),
            Err(error) => return Err(error),
        }
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
