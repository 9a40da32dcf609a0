//! NumPy's .npy: a magic number, a header in Python's literal syntax, then the numbers.
//!
//! Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`, versions 1.0 to 3.0. Numbers of either byte order.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;

use super::binary;
use super::dtype::{Dtype, Kind, Role};
use super::file::{cannot_read, is_gzip, read_bytes, write_atomic};
use crate::bits::BitMatrix;
use crate::data::ByteHash;
use crate::data::memory::check_room;
use crate::error::{Error, Fault, Result};
use crate::rbm::Values;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest header that is read: NumPy's own limit is 10 000 bytes.
pub(super) const MAX_HEADER: usize = 1 << 16;

/// What an .npy header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The type as it is written.
    descr: String,
    /// The type, where it is one that can be read.
    dtype: Option<Dtype>,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<usize>,
    /// Bytes before the numbers.
    pub(crate) length: usize,
}

impl Header {
    /// Number of elements; `None` when it does not fit.
    pub(crate) fn elements(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
    }

    /// Type of the elements, which are needed for `role`.
    pub(crate) fn dtype(&self, role: Role, source: &str) -> Result<Dtype> {
        self.dtype.filter(|dtype| role.takes(*dtype)).ok_or_else(|| role.refuse(&self.descr, source))
    }

    /// Bytes of the numbers by shape and type; 0 for a type that is not known.
    pub(crate) fn body(&self) -> Option<u64> {
        self.elements()?.checked_mul(self.dtype.map_or(0, |dtype| dtype.size)).map(|n| n as u64)
    }

    /// Checks that the file has exactly the bytes that shape and type ask for.
    pub(crate) fn check_length(&self, file: u64, source: &str) -> Result<()> {
        let found = file.saturating_sub(self.length as u64);
        match self.body() {
            _ if self.dtype.is_none() => Ok(()),
            Some(expected) if expected == found => Ok(()),
            Some(expected) => {
                let state = if found < expected { "truncated" } else { "longer than its header says" };
                Err(Error::Input(
                    Fault::new(format!("the file is {state}: {found} bytes of numbers"))
                        .at(source)
                        .expected(format!("{expected} bytes for shape {:?}", self.shape))
                        .advice("write the file again with numpy.save"),
                ))
            }
            None => Err(Error::Input(
                Fault::new(format!("shape {:?} is larger than any memory", self.shape))
                    .at(source)
                    .expected(format!("a shape that fits the {found} bytes of numbers in the file")),
            )),
        }
    }

    /// Whether this could be an array of samples: two dimensions of numbers.
    pub(crate) fn is_matrix(&self) -> bool {
        let texts = self.dtype.is_some_and(|dtype| matches!(dtype.kind, Kind::Text | Kind::Bytes));
        !texts && matches!(self.shape[..], [rows, units] if rows > 0 && units > 0)
    }
}

fn broken(what: impl Into<String>, source: &str) -> Error {
    Error::Input(
        Fault::new(what)
            .at(source)
            .expected("a NumPy .npy file of version 1, 2 or 3")
            .advice("write the file again with numpy.save"),
    )
}

/// Bytes of the header that begins with these bytes, as far as they say.
pub(crate) fn header_length(start: &[u8]) -> usize {
    match *start {
        [_, _, _, _, _, _, 1, _, a, b, ..] => 10 + usize::from(u16::from_le_bytes([a, b])),
        [_, _, _, _, _, _, 2 | 3, _, a, b, c, d, ..] => 12 + u32::from_le_bytes([a, b, c, d]) as usize,
        _ => 0,
    }
}

/// Reads the header at the start of `bytes`, which may end after it.
pub(crate) fn parse_header(bytes: &[u8], source: &str) -> Result<Header> {
    if is_gzip(bytes) {
        return Err(Error::Input(
            Fault::new("the file is packed with gzip")
                .at(source)
                .expected("a plain .npy file")
                .advice("gunzip it first"),
        ));
    }
    if bytes.len() < 10 || !bytes.starts_with(MAGIC) {
        return Err(broken("the file does not start as an .npy file", source));
    }
    let start = match bytes[6] {
        1 => 10,
        2 | 3 if bytes.len() >= 12 => 12,
        2 | 3 => return Err(broken("the header is truncated", source)),
        version => return Err(broken(format!("unknown .npy version {version}"), source)),
    };
    let length = header_length(bytes) - start;
    if length > MAX_HEADER {
        return Err(broken(format!("a header of {length} bytes"), source));
    }
    let text = bytes.get(start..start + length).ok_or_else(|| broken("the header is truncated", source))?;
    let text = std::str::from_utf8(text).map_err(|_| broken("the header is not text", source))?;
    let (descr, fortran, shape) = parse_dictionary(text)
        .ok_or_else(|| broken("cannot read the header (one dictionary with descr, fortran_order and shape)", source))?;
    let descr = descr.to_string();
    Ok(Header { dtype: Dtype::parse(&descr), descr, fortran, shape, length: start + length })
}

/// The length of a list in square brackets at the start of `text`; texts in it may hold brackets.
fn list(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + c.len_utf8());
        }
    }
    None
}

/// `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }` in any order of keys.
fn parse_dictionary(text: &str) -> Option<(&str, bool, Vec<usize>)> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (key, after) = rest[1..].split_once(quote)?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        let after = match key {
            // Fields with names, each with a type of its own.
            "descr" if value.starts_with('[') => {
                let (text, after) = value.split_at(list(value)?);
                descr = Some(text);
                after
            }
            "descr" => {
                let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
                let (text, after) = value[1..].split_once(quote)?;
                descr = Some(text);
                after
            }
            "fortran_order" => {
                let word = value.find([',', ' ']).map_or(value, |end| &value[..end]);
                fortran = Some(match word {
                    "True" => true,
                    "False" => false,
                    _ => return None,
                });
                &value[word.len()..]
            }
            "shape" => {
                let (inside, after) = value.strip_prefix('(')?.split_once(')')?;
                let sizes = inside.split(',').map(str::trim).filter(|s| !s.is_empty());
                shape = Some(sizes.map(|s| s.trim_end_matches('L').parse().ok()).collect::<Option<Vec<usize>>>()?);
                after
            }
            _ => return None,
        };
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some((descr?, fortran?, shape?))
}

/// Header and numbers of a whole .npy file, lengths checked.
pub(crate) fn split<'a>(bytes: &'a [u8], source: &str) -> Result<(Header, &'a [u8])> {
    let header = parse_header(bytes, source)?;
    header.check_length(bytes.len() as u64, source)?;
    let body = &bytes[header.length..];
    Ok((header, body))
}

/// Rows and columns of a header that must be a matrix.
fn matrix_shape(header: &Header, source: &str) -> Result<(usize, usize)> {
    let advice = match header.shape[..] {
        [rows, units] => {
            binary::check_shape(rows, units, source)?;
            return Ok((rows, units));
        }
        [] => "write an array of samples, for example numpy.save(name, array)",
        [_] => "reshape it: array.reshape(-1, 1) for samples of one unit, array.reshape(1, -1) for one sample",
        _ => "reshape first: numpy.save(name, array.reshape(len(array), -1))",
    };
    Err(Error::Input(
        Fault::new(format!("an array of {} dimensions, shape {:?}", header.shape.len(), header.shape))
            .at(source)
            .expected("two dimensions, [samples, units]")
            .advice(advice),
    ))
}

/// Bits of a whole .npy file `[samples, units]`.
pub(crate) fn decode_bits(bytes: &[u8], source: &str) -> Result<BitMatrix> {
    let (header, body) = split(bytes, source)?;
    bits_from(body, &header, body.len(), source, &|e| broken(format!("cannot read the numbers: {e}"), source))
}

/// Bits of the numbers after `header`, which `reader` yields. Of them `known` bytes are sure to come; `failed` words what
/// else happens.
///
/// Rows are packed as they are read: a million samples of 784 bytes take 100 MB, not 900. An array in Fortran's order is
/// read whole.
pub(crate) fn bits_from(
    mut reader: impl Read,
    header: &Header,
    known: usize,
    source: &str,
    failed: &dyn Fn(io::Error) -> Error,
) -> Result<BitMatrix> {
    let dtype = header.dtype(Role::Samples, source)?;
    let (rows, units) = matrix_shape(header, source)?;
    let body = header.body().unwrap_or(u64::MAX);
    if header.fortran {
        check_room(body, "the samples, which are in Fortran order,", source)?;
        let mut bytes = Vec::with_capacity(known);
        reader.take(body).read_to_end(&mut bytes).map_err(failed)?;
        if (bytes.len() as u64) < body {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        return binary::bits_of(rows, units, known, source, |r, j| dtype.number(&bytes, j * rows + r));
    }
    let row = units.checked_mul(dtype.size).ok_or_else(|| broken("a row is larger than any memory", source))?;
    check_room(row as u64, "a row of the samples", source)?;
    // A row that the file may not have is read before there is room for it.
    let mut buffer = Vec::with_capacity(row.min(known));
    let mut error = None;
    let bits = binary::bits_of(rows, units, known, source, |_, j| {
        if j == 0 && error.is_none() {
            buffer.clear();
            match (&mut reader).take(row as u64).read_to_end(&mut buffer) {
                Ok(count) if count == row => {}
                Ok(_) => error = Some(io::ErrorKind::UnexpectedEof.into()),
                Err(found) => error = Some(found),
            }
        }
        if error.is_some() { f64::NAN } else { dtype.number(&buffer, j) }
    });
    match error {
        Some(error) => Err(failed(error)),
        None => bits,
    }
}

/// An .npy file of samples and its header, lengths checked.
fn open(path: &Path, source: &str) -> Result<(File, Header)> {
    let mut file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    let meta = file.metadata().map_err(|e| cannot_read(path, &e))?;
    if !meta.is_file() || meta.len() == 0 {
        // The full reader words these cases.
        read_bytes(path)?;
    }
    let mut start = Vec::new();
    (&mut file).take(MAX_HEADER as u64 + 12).read_to_end(&mut start).map_err(|e| cannot_read(path, &e))?;
    let header = parse_header(&start, source)?;
    header.dtype(Role::Samples, source)?;
    header.check_length(meta.len(), source)?;
    file.rewind().map_err(|e| cannot_read(path, &e))?;
    Ok((file, header))
}

/// Rows and units of an .npy file from its header and length alone.
pub(crate) fn shape_of_file(path: &Path) -> Result<(usize, usize)> {
    let source = path.display().to_string();
    matrix_shape(&open(path, &source)?.1, &source)
}

/// Samples of an .npy file, to be read row after row.
pub(super) struct Rows {
    /// Number of rows.
    pub(super) rows: usize,
    /// Units of a row.
    pub(super) units: usize,
    /// Type of the numbers.
    pub(super) dtype: Dtype,
    pub(super) header: Header,
    /// The file, at the first number.
    pub(super) reader: Hashed<BufReader<File>>,
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let source = path.display().to_string();
        let (file, header) = open(path, &source)?;
        let (rows, units) = matrix_shape(&header, &source)?;
        let dtype = header.dtype(Role::Samples, &source)?;
        let mut reader = Hashed { reader: BufReader::with_capacity(1 << 20, file), hash: ByteHash::default() };
        reader.read_exact(&mut vec![0; header.length]).map_err(|e| cannot_read(path, &e))?;
        Ok(Self { rows, units, dtype, header, reader })
    }
}

/// A reader that hashes what it yields.
pub(super) struct Hashed<R> {
    reader: R,
    pub(super) hash: ByteHash,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hash.add(&buffer[..count]);
        Ok(count)
    }
}

/// Bits of an .npy file `[samples, units]` and the file's SHA-256.
pub(crate) fn read_bits(path: &Path) -> Result<(BitMatrix, String)> {
    let source = path.display().to_string();
    let Rows { header, mut reader, .. } = Rows::open(path)?;
    let body = header.body().map_or(0, |n| n as usize);
    let bits = bits_from(&mut reader, &header, body, &source, &|e| cannot_read(path, &e))?;
    Ok((bits, reader.hash.hex()))
}

/// A real array of any shape, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct RealArray {
    /// Extents, slowest index first.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f64>,
}

/// Numbers of a whole .npy file as f64, row-major whatever the order in the file.
pub(crate) fn decode_reals(bytes: &[u8], source: &str) -> Result<RealArray> {
    let (header, body) = split(bytes, source)?;
    let dtype = header.dtype(Role::Numbers, source)?;
    let n = header.elements().unwrap_or(0);
    let shape = header.shape.clone();
    let values = (0..n)
        .map(|index| dtype.number(body, if header.fortran { fortran_index(index, &shape) } else { index }))
        .collect();
    Ok(RealArray { shape, values })
}

/// Position in column-major order of the element at row-major position `index`.
fn fortran_index(mut index: usize, shape: &[usize]) -> usize {
    let mut position = 0;
    let mut stride: usize = shape.iter().product();
    for &extent in shape.iter().rev() {
        stride /= extent;
        position += index % extent * stride;
        index /= extent;
    }
    position
}

/// Texts of a whole .npy file, or its numbers as texts.
pub(crate) fn decode_texts(bytes: &[u8], role: Role, source: &str) -> Result<Vec<String>> {
    let (header, body) = split(bytes, source)?;
    let dtype = header.dtype(role, source)?;
    let n = header.elements().unwrap_or(0);
    if dtype.size == 0 && n > bytes.len() {
        return Err(Error::Input(Fault::new(format!("{n} empty texts")).at(source).expected("texts")));
    }
    (0..n)
        .map(|i| dtype.text(body, i).map_err(|what| Error::Input(Fault::new(what).at(source).expected("texts"))))
        .collect()
}

/// Reads real numbers of any shape, for example a coupling matrix.
///
/// # Errors
/// [`Error::Input`] for a missing, truncated or foreign file.
pub fn read_npy(path: &Path) -> Result<RealArray> {
    decode_reals(&read_bytes(path)?, &path.display().to_string())
}

/// Bytes of a version 1.0 header, padded so that the numbers start at a multiple of 64.
pub(crate) fn header_bytes(descr: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let padded = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text.extend(std::iter::repeat_n(' ', padded - 1 - text.len()));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// Writes samples as u8 {0, 1} or i8 {−1, +1}, row after row, after their header.
pub(crate) fn encode_samples(writer: &mut impl Write, samples: &BitMatrix, values: Values) -> io::Result<()> {
    // −1 in two's complement.
    let (descr, low) = if values == Values::Spin { ("|i1", 0xff) } else { ("|u1", 0) };
    writer.write_all(&header_bytes(descr, &[samples.rows(), samples.cols()]))?;
    let mut row = vec![0u8; samples.cols()];
    for r in 0..samples.rows() {
        for (j, byte) in row.iter_mut().enumerate() {
            *byte = if samples.get(r, j) { 1 } else { low };
        }
        writer.write_all(&row)?;
    }
    Ok(())
}

/// Text array `<U…` with the width of its longest text.
pub(crate) fn encode_texts(texts: &[String], shape: &[usize]) -> Vec<u8> {
    let width = texts.iter().map(|t| t.chars().count()).max().unwrap_or(0).max(1);
    let mut bytes = header_bytes(&format!("<U{width}"), shape);
    for text in texts {
        let codes = text.chars().map(u32::from).chain(std::iter::repeat(0));
        bytes.extend(codes.take(width).flat_map(u32::to_le_bytes));
    }
    bytes
}

fn check_elements(shape: &[usize], found: usize) -> Result<()> {
    if shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) == Some(found) {
        return Ok(());
    }
    Err(Error::Input(Fault::new(format!("{found} values for shape {shape:?}")).expected("as many values as the shape")))
}

/// Writes samples as u8 {0, 1} or i8 {−1, +1}, `[samples, units]`.
///
/// # Errors
/// [`Error::Input`] when the directory is not there, [`Error::File`] when writing fails.
pub fn write_npy_samples(path: &Path, samples: &BitMatrix, values: Values) -> Result<()> {
    write_atomic(path, |w| encode_samples(w, samples, values))
}

/// Writes f64 numbers of a row-major array.
///
/// # Errors
/// [`Error::Input`] when shape and values disagree or the directory is not there, [`Error::File`] when writing fails.
pub fn write_npy_f64(path: &Path, shape: &[usize], values: &[f64]) -> Result<()> {
    check_elements(shape, values.len())?;
    write_atomic(path, |w| {
        w.write_all(&header_bytes("<f8", shape))?;
        values.iter().try_for_each(|x| w.write_all(&x.to_le_bytes()))
    })
}

/// Writes f32 numbers of a row-major array.
///
/// # Errors
/// As [`write_npy_f64`].
pub fn write_npy_f32(path: &Path, shape: &[usize], values: &[f32]) -> Result<()> {
    check_elements(shape, values.len())?;
    write_atomic(path, |w| {
        w.write_all(&header_bytes("<f4", shape))?;
        values.iter().try_for_each(|x| w.write_all(&x.to_le_bytes()))
    })
}
