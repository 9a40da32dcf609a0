//! Types of the numbers and texts in NumPy's files, and what to do about those that cannot be read.

use crate::error::{Error, Fault};

/// What the bytes of an element stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    /// UTF-32 text, filled up with zeros.
    Text,
    /// UTF-8 text, filled up with zeros.
    Bytes,
}

/// Type of the elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dtype {
    pub(crate) kind: Kind,
    /// Bytes of one element.
    pub(crate) size: usize,
    /// Whether the most significant byte is the first.
    big: bool,
}

impl Dtype {
    /// From NumPy's spelling, such as `<f8`; `None` for what cannot be read.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars();
        let order = characters.next()?;
        let letter = characters.next()?;
        let count: usize = characters.as_str().parse().ok()?;
        let (kind, size) = match (letter, count) {
            ('b', 1) => (Kind::Bool, 1),
            ('i', 1 | 2 | 4 | 8) => (Kind::Int, count),
            ('u', 1 | 2 | 4 | 8) => (Kind::Uint, count),
            ('f', 2 | 4 | 8) => (Kind::Float, count),
            ('U', 0..=0x0fff_ffff) => (Kind::Text, 4 * count),
            ('S' | 'a', 0..=0x3fff_ffff) => (Kind::Bytes, count),
            _ => return None,
        };
        let big = match order {
            '<' | '|' => false,
            '>' => true,
            '=' => cfg!(target_endian = "big"),
            _ => return None,
        };
        Some(Self { kind, size, big })
    }

    /// Element `index` of `body` as f64; texts are not numbers. Integers beyond 2⁵³ are rounded.
    pub(crate) fn number(self, body: &[u8], index: usize) -> f64 {
        let n = self.size;
        let bytes = &body[index * n..(index + 1) * n];
        let mut wide = [0u8; 8];
        if self.big {
            wide.iter_mut().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
        } else {
            wide[..n.min(8)].copy_from_slice(&bytes[..n.min(8)]);
        }
        let unsigned = u64::from_le_bytes(wide);
        match (self.kind, n) {
            (Kind::Bool | Kind::Uint, _) => unsigned as f64,
            (Kind::Int, _) => {
                let unused = 64 - 8 * n;
                ((unsigned << unused) as i64 >> unused) as f64
            }
            (Kind::Float, 2) => half::f16::from_bits(unsigned as u16).to_f64(),
            (Kind::Float, 4) => f64::from(f32::from_bits(unsigned as u32)),
            (Kind::Float, _) => f64::from_bits(unsigned),
            (Kind::Text | Kind::Bytes, _) => f64::NAN,
        }
    }

    /// Element `index` of `body` as text, or what is wrong with it.
    pub(crate) fn text(self, body: &[u8], index: usize) -> Result<String, String> {
        let bytes = &body[index * self.size..(index + 1) * self.size];
        match self.kind {
            Kind::Text => {
                let code = |c: &[u8]| match (self.big, c) {
                    (true, &[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
                    (false, &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
                    _ => 0,
                };
                let codes = bytes.chunks_exact(4).map(code).take_while(|&code| code != 0);
                let letter = |code: u32| {
                    char::from_u32(code).ok_or_else(|| format!("text {index} holds the invalid character {code:#x}"))
                };
                codes.map(letter).collect()
            }
            Kind::Bytes => {
                let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
                String::from_utf8(bytes[..end].to_vec()).map_err(|_| format!("text {index} is not UTF-8"))
            }
            _ => Ok(self.number(body, index).to_string()),
        }
    }
}

/// What an array is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Samples,
    Names,
    Labels,
    Numbers,
}

impl Role {
    /// Whether arrays of this type can be it.
    pub(crate) fn takes(self, dtype: Dtype) -> bool {
        match self {
            Self::Samples | Self::Numbers => !matches!(dtype.kind, Kind::Text | Kind::Bytes),
            Self::Names => dtype.kind != Kind::Float,
            Self::Labels => true,
        }
    }

    /// The error for an array of the type `descr`, with a way to make one that can be read.
    pub(crate) fn refuse(self, descr: &str, source: &str) -> Error {
        let letter = if descr.starts_with('[') { 'V' } else { descr.chars().nth(1).unwrap_or('?') };
        let kind = match letter {
            'V' => "records of named fields",
            'O' | 'T' => "Python objects, which only Python can read",
            'U' | 'S' | 'a' => "texts",
            'f' | 'g' => "numbers whose layout depends on the machine",
            'c' => "complex numbers",
            'M' | 'm' => "dates",
            _ => "elements of an unknown type",
        };
        let text = matches!(self, Self::Names | Self::Labels);
        let what = if letter == 'f' && text { "real numbers" } else { kind };
        let expected = match self {
            Self::Samples => "numbers or booleans: bool, i1..i8, u1..u8 or f2..f8, in either byte order",
            Self::Numbers => "numbers: bool, i1..i8, u1..u8 or f2..f8, in either byte order",
            Self::Names => "texts or whole numbers",
            Self::Labels => "texts or numbers",
        };
        let advice = match (self, letter) {
            (Self::Names, _) => "save them as texts: names=numpy.array(names, dtype=str)",
            (Self::Labels, _) => "save them as texts: labels=numpy.array(labels, dtype=str)",
            (_, 'V') => {
                "save a plain array: numpy.save(name, frame.to_numpy()) for a pandas frame, \
                 numpy.lib.recfunctions.structured_to_unstructured(array) for records"
            }
            (Self::Samples, 'O' | 'T' | 'U' | 'S' | 'a') => {
                "convert first: array.astype(\"i1\"), where no value is missing"
            }
            (_, 'c') => "save the real part: array.real",
            (Self::Samples, 'M' | 'm') => "save the columns of 0 and 1 alone",
            _ => "convert first: array.astype(\"f8\")",
        };
        Error::Input(
            Fault::new(format!("the array holds {what} (type {})", shorten(descr)))
                .at(source)
                .expected(expected)
                .advice(advice),
        )
    }
}

/// The start of a long list of fields.
fn shorten(descr: &str) -> String {
    let short: String = descr.chars().take(60).collect();
    if short.len() < descr.len() { format!("{short}…") } else { short }
}
