//! NumPy's .npy: a magic number, a header in Python's literal syntax, then the numbers.
//!
//! Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`, versions 1.0 to 3.0. Little-endian numbers only.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::Path;

use super::binary;
use super::file::{ByteHash, cannot_read, read_bytes, sha256_hex, write_atomic};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::rbm::Values;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest header that is read: NumPy's own limit is 10 000 bytes.
pub(super) const MAX_HEADER: usize = 1 << 16;

/// Type of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dtype {
    Bool,
    Int(usize),
    Uint(usize),
    Float(usize),
    /// UTF-32 text of so many characters.
    Text(usize),
}

impl Dtype {
    fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars();
        let order = characters.next()?;
        let kind = characters.next()?;
        let size: usize = characters.as_str().parse().ok()?;
        if order == '>' && size != 1 && kind != 'b' {
            return None;
        }
        match (kind, size) {
            ('b', 1) => Some(Self::Bool),
            ('i', 1 | 2 | 4 | 8) => Some(Self::Int(size)),
            ('u', 1 | 2 | 4 | 8) => Some(Self::Uint(size)),
            ('f', 2 | 4 | 8) => Some(Self::Float(size)),
            ('U', 0..=0x0fff_ffff) => Some(Self::Text(size)),
            _ => None,
        }
    }

    /// Bytes of one element.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int(n) | Self::Uint(n) | Self::Float(n) => n,
            Self::Text(n) => 4 * n,
        }
    }
}

/// What an .npy header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) dtype: Dtype,
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

    /// Checks that the file has exactly the bytes that shape and type ask for.
    fn check_length(&self, file: u64, source: &str) -> Result<()> {
        let body = self.elements().and_then(|n| n.checked_mul(self.dtype.bytes())).map(|n| n as u64);
        let found = file.saturating_sub(self.length as u64);
        match body {
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
}

fn broken(what: impl Into<String>, source: &str) -> Error {
    Error::Input(
        Fault::new(what)
            .at(source)
            .expected("a NumPy .npy file of version 1, 2 or 3")
            .advice("write the file again with numpy.save"),
    )
}

/// Reads the header at the start of `bytes`, which may end after it.
pub(crate) fn parse_header(bytes: &[u8], source: &str) -> Result<Header> {
    if bytes.len() < 10 || !bytes.starts_with(MAGIC) {
        return Err(broken("the file does not start as an .npy file", source));
    }
    let (start, length) = match bytes[6] {
        1 => (10, u32::from(u16::from_le_bytes([bytes[8], bytes[9]]))),
        2 | 3 if bytes.len() >= 12 => (12, u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]])),
        2 | 3 => return Err(broken("the header is truncated", source)),
        version => return Err(broken(format!("unknown .npy version {version}"), source)),
    };
    let length = length as usize;
    if length > MAX_HEADER {
        return Err(broken(format!("a header of {length} bytes"), source));
    }
    let text = bytes.get(start..start + length).ok_or_else(|| broken("the header is truncated", source))?;
    let text = std::str::from_utf8(text).map_err(|_| broken("the header is not text", source))?;
    let (descr, fortran, shape) = parse_dictionary(text)
        .ok_or_else(|| broken("cannot read the header (one dictionary with descr, fortran_order and shape)", source))?;
    let dtype = Dtype::parse(descr).ok_or_else(|| {
        Error::Input(
            Fault::new(format!("numbers of type {descr}"))
                .at(source)
                .expected("bool, i1..i8, u1..u8 or f2..f8, little-endian")
                .advice("convert first: numpy.save(name, array.astype(\"u1\"))"),
        )
    })?;
    Ok(Header { dtype, fortran, shape, length: start + length })
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

/// Element `index` of `body` as f64. Integers beyond 2⁵³ are rounded.
pub(super) fn number(dtype: Dtype, body: &[u8], index: usize) -> f64 {
    let n = dtype.bytes();
    let bytes = &body[index * n..(index + 1) * n];
    let mut wide = [0u8; 8];
    wide[..n.min(8)].copy_from_slice(&bytes[..n.min(8)]);
    let unsigned = u64::from_le_bytes(wide);
    match dtype {
        Dtype::Bool | Dtype::Uint(_) => unsigned as f64,
        Dtype::Int(_) => {
            let unused = 64 - 8 * n;
            ((unsigned << unused) as i64 >> unused) as f64
        }
        Dtype::Float(2) => half::f16::from_le_bytes([wide[0], wide[1]]).to_f64(),
        Dtype::Float(4) => f64::from(f32::from_bits(unsigned as u32)),
        Dtype::Float(_) => f64::from_bits(unsigned),
        Dtype::Text(_) => f64::NAN,
    }
}

/// Rows and columns of a header that must be a matrix of numbers.
fn matrix_shape(header: &Header, source: &str) -> Result<(usize, usize)> {
    if let Dtype::Text(_) = header.dtype {
        return Err(Error::Input(Fault::new("the array holds text").at(source).expected("numbers")));
    }
    match header.shape[..] {
        [rows, units] => {
            binary::check_shape(rows, units, source)?;
            Ok((rows, units))
        }
        _ => Err(Error::Input(
            Fault::new(format!("an array of {} dimensions, shape {:?}", header.shape.len(), header.shape))
                .at(source)
                .expected("two dimensions, [samples, units]")
                .advice("reshape first: numpy.save(name, array.reshape(len(array), -1))"),
        )),
    }
}

/// Bits of a whole .npy file `[samples, units]`.
pub(crate) fn decode_bits(bytes: &[u8], source: &str) -> Result<BitMatrix> {
    let (header, body) = split(bytes, source)?;
    let (rows, units) = matrix_shape(&header, source)?;
    let at = |r: usize, j: usize| if header.fortran { j * rows + r } else { r * units + j };
    binary::bits_of(rows, units, source, |r, j| number(header.dtype, body, at(r, j)))
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
    header.check_length(meta.len(), source)?;
    Ok((file, header))
}

/// Rows and units of an .npy file from its header and length alone.
pub(crate) fn shape_of_file(path: &Path) -> Result<(usize, usize)> {
    let source = path.display().to_string();
    matrix_shape(&open(path, &source)?.1, &source)
}

/// Bits of an .npy file `[samples, units]` and the file's SHA-256.
///
/// Rows are packed as they are read: a million samples of 784 bytes take 100 MB, not 900. An array in Fortran's order is
/// read whole.
pub(crate) fn read_bits(path: &Path) -> Result<(BitMatrix, String)> {
    let source = path.display().to_string();
    let (mut file, header) = open(path, &source)?;
    if header.fortran {
        let bytes = read_bytes(path)?;
        return Ok((decode_bits(&bytes, &source)?, sha256_hex(&bytes)));
    }
    let (rows, units) = matrix_shape(&header, &source)?;
    let mut hash = ByteHash::default();
    let mut buffer = vec![0; header.length];
    file.rewind().and_then(|()| file.read_exact(&mut buffer)).map_err(|e| cannot_read(path, &e))?;
    hash.add(&buffer);
    buffer.resize(units * header.dtype.bytes(), 0);
    let (mut file, mut failed) = (BufReader::with_capacity(1 << 20, file), None);
    let bits = binary::bits_of(rows, units, &source, |_, j| {
        if j == 0 {
            match file.read_exact(&mut buffer) {
                Ok(()) => hash.add(&buffer),
                Err(error) => failed = Some(error),
            }
        }
        if failed.is_some() { f64::NAN } else { number(header.dtype, &buffer, j) }
    });
    if let Some(error) = failed {
        return Err(cannot_read(path, &error));
    }
    Ok((bits?, hash.hex()))
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
    if let Dtype::Text(_) = header.dtype {
        return Err(Error::Input(Fault::new("the array holds text").at(source).expected("numbers")));
    }
    let n = header.elements().unwrap_or(0);
    let shape = header.shape.clone();
    let values = (0..n)
        .map(|index| number(header.dtype, body, if header.fortran { fortran_index(index, &shape) } else { index }))
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

/// Texts of a whole .npy file, or its integers as texts.
pub(crate) fn decode_texts(bytes: &[u8], source: &str) -> Result<Vec<String>> {
    let (header, body) = split(bytes, source)?;
    let n = header.elements().unwrap_or(0);
    let width = match header.dtype {
        Dtype::Text(0) if n > bytes.len() => {
            return Err(Error::Input(Fault::new(format!("{n} empty texts")).at(source).expected("texts")));
        }
        Dtype::Text(width) => width,
        Dtype::Float(_) => {
            return Err(Error::Input(
                Fault::new("the array holds real numbers").at(source).expected("texts or integers"),
            ));
        }
        dtype => return Ok((0..n).map(|i| number(dtype, body, i).to_string()).collect()),
    };
    (0..n)
        .map(|i| {
            let characters = body[4 * width * i..4 * width * (i + 1)].chunks_exact(4);
            let mut text = String::new();
            for code in characters.map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).take_while(|&c| c != 0) {
                text.push(char::from_u32(code).ok_or_else(|| {
                    Error::Input(Fault::new(format!("text {i} holds the invalid character {code:#x}")).at(source))
                })?);
            }
            Ok(text)
        })
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
