//! From numbers to bits: one encoding a file, {0, 1} or {−1, +1}, and an error for everything else.

use std::fmt::Display;

use crate::bits::BitMatrix;
use crate::data::memory::check_room;
use crate::error::{Error, Fault, Result};

/// Most rows a file may have: rows are addressed with 32 bits.
pub(crate) const MAX_ROWS: usize = u32::MAX as usize;
/// Most units a file may have.
pub(crate) const MAX_UNITS: usize = 1 << 28;

/// Checks the number of rows and units before anything is allocated.
pub(crate) fn check_shape(rows: usize, units: usize, source: &str) -> Result<()> {
    let fault = |what: String, expected: String| Err(Error::Input(Fault::new(what).at(source).expected(expected)));
    if rows == 0 || units == 0 {
        return fault(format!("{rows} samples of {units} units"), "at least one sample and one unit".to_string());
    }
    if rows > MAX_ROWS {
        return fault(format!("{rows} samples"), format!("at most {MAX_ROWS}"));
    }
    if units > MAX_UNITS {
        return fault(format!("{units} units"), format!("at most {MAX_UNITS}"));
    }
    Ok(())
}

/// Tells {0, 1} from {−1, +1} as values come, and refuses a mixture of both.
#[derive(Debug, Default)]
pub(crate) struct Encoding {
    zero: Option<(usize, usize)>,
    pub(crate) minus: Option<(usize, usize)>,
}

/// Why a value is not a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotBinary {
    /// Neither 0, 1 nor −1.
    Value,
    /// 0 after −1 or −1 after 0; the other one is at this row and column.
    Mixed(usize, usize),
}

impl Encoding {
    /// The bit of `value` at a row and column, counted from 0.
    pub(crate) fn bit(&mut self, value: f64, row: usize, column: usize) -> std::result::Result<bool, NotBinary> {
        if value == 1.0 {
            return Ok(true);
        }
        let (own, other) = if value == 0.0 {
            (&mut self.zero, self.minus)
        } else if value == -1.0 {
            (&mut self.minus, self.zero)
        } else {
            return Err(NotBinary::Value);
        };
        if let Some((r, c)) = other {
            return Err(NotBinary::Mixed(r, c));
        }
        own.get_or_insert((row, column));
        Ok(false)
    }
}

/// The error for the first value in the way; row and column counted from 1, as a person would.
pub(crate) fn not_binary(why: NotBinary, value: f64, shown: impl Display, place: impl Display) -> Error {
    let fault = match why {
        NotBinary::Value if value.is_nan() => missing(place),
        NotBinary::Value => {
            // What −1 becomes in an array without signs.
            let unsigned = [8, 16, 32, 64].iter().any(|&bits| value == (2f64.powi(bits) - 1.0));
            let advice = if unsigned {
                "this is -1 in a type without sign: make the array anew with a signed type, for example \
                 numpy.where(spins > 0, 1, -1).astype(\"i1\")"
            } else {
                "binarise the data first, for example (x > 0) for counts, then run again"
            };
            Fault::new(format!("value {shown} is not binary"))
                .at(place)
                .expected("only 0 and 1, only -1 and +1, or booleans")
                .advice(advice)
        }
        NotBinary::Mixed(row, column) => {
            let other = if value < 0.0 { "0" } else { "-1" };
            Fault::new(format!("value {shown}, but row {}, column {} has {other}", row + 1, column + 1))
                .at(place)
                .expected("only 0 and 1, or only -1 and +1, in one file")
                .advice("binarise the data first: three values need a decision which of them are 1")
        }
    };
    Error::Input(fault)
}

/// A gap in the data, however it is written.
pub(crate) fn missing(place: impl Display) -> Fault {
    Fault::new("a value is missing").at(place).expected("a value in every cell").advice(
        "leave out the row or the column, or fill the gap; a threshold such as (x > 0) would make it a 0 unseen",
    )
}

/// Bits of `[rows, units]` numbers that `value(r, j)` yields, row after row. `known` is a number of values that are
/// sure to come: for so many, room is taken at once, for others as they come.
pub(crate) fn bits_of(
    rows: usize,
    units: usize,
    known: usize,
    source: &str,
    mut value: impl FnMut(usize, usize) -> f64,
) -> Result<BitMatrix> {
    check_shape(rows, units, source)?;
    let mut encoding = Encoding::default();
    let per_row = units.div_ceil(32);
    check_room((rows as u64 * 4).saturating_mul(per_row as u64), "the samples", source)?;
    let mut words = Vec::with_capacity((rows * per_row).min(known));
    for r in 0..rows {
        let start = words.len();
        words.resize(start + per_row, 0);
        for j in 0..units {
            let x = value(r, j);
            let bit = encoding
                .bit(x, r, j)
                .map_err(|why| not_binary(why, x, x, format_args!("{source}, row {}, column {}", r + 1, j + 1)))?;
            words[start + j / 32] |= u32::from(bit) << (j % 32);
        }
    }
    BitMatrix::from_words(rows, units, words)
}
