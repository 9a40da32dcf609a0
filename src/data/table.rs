//! Comma- and tab-separated tables of binary values: a header with the units' names, then one row a sample.
//!
//! A file without a header is accepted when its first row is all 0, 1 or −1; its units are then nameless.

use std::io::Write;
use std::path::Path;

use super::DataSet;
use super::binary::{self, Encoding, NotBinary};
use super::file::write_atomic;
use crate::bits::{BitMatrix, padding_mask};
use crate::error::{Error, Fault, Result};
use crate::rbm::Values;

fn fault(what: impl Into<String>, place: impl std::fmt::Display, expected: &str, advice: &str) -> Error {
    Error::Input(Fault::new(what).at(place).expected(expected).advice(advice))
}

fn is_binary(cell: &[u8]) -> bool {
    parse(cell).is_some_and(|x| x == 0.0 || x == 1.0 || x == -1.0)
}

/// Value of a cell: a number or a boolean word.
fn parse(cell: &[u8]) -> Option<f64> {
    match cell {
        b"0" => Some(0.0),
        b"1" => Some(1.0),
        _ => match std::str::from_utf8(cell).ok()?.trim() {
            "true" | "True" | "TRUE" => Some(1.0),
            "false" | "False" | "FALSE" => Some(0.0),
            text => text.parse().ok(),
        },
    }
}

/// Names from the first row, or `None` when the first row is data.
fn header(first: &csv::ByteRecord, source: &str) -> Result<Option<Vec<String>>> {
    if first.iter().all(is_binary) {
        return Ok(None);
    }
    let place = format!("{source}, line 1");
    let numbers: Vec<Option<f64>> = first.iter().map(parse).collect();
    let counts_up = numbers.iter().enumerate().all(|(j, x)| *x == Some(j as f64));
    if numbers.iter().all(Option::is_some) && !counts_up {
        return Err(fault(
            "the first row is all numbers, but not all of them 0, 1 or -1",
            place,
            "a header with the units' names, or binary values",
            "put a row of names first; binarise the data if this row is a sample",
        ));
    }
    let mut names = Vec::new();
    for (j, cell) in first.iter().enumerate() {
        let name = std::str::from_utf8(cell).map_err(|_| {
            fault(
                format!("column {} has a name that is not UTF-8", j + 1),
                &place,
                "UTF-8 text",
                "save the table as UTF-8",
            )
        })?;
        let name = name.trim().to_string();
        if name.is_empty() {
            return Err(fault(
                format!("column {} has no name", j + 1),
                &place,
                "a name for every column",
                "remove the index column (pandas: to_csv(name, index=False)) or name the unit",
            ));
        }
        names.push(name);
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(fault(
            format!("two columns are named \"{}\"", pair[0]),
            &place,
            "different names",
            "rename one of them",
        ));
    }
    Ok(Some(names))
}

/// A whole table.
pub(crate) fn decode(bytes: &[u8], delimiter: u8, source: &str) -> Result<DataSet> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
    let mut record = csv::ByteRecord::new();
    let mut next = |record: &mut csv::ByteRecord| {
        reader.read_byte_record(record).map_err(|e| {
            fault(
                format!("cannot read the table: {e}"),
                source,
                "a table of comma- or tab-separated values",
                "save it again",
            )
        })
    };
    if !next(&mut record)? {
        return Err(fault("the table has no rows", source, "a header and at least one sample", "check the file"));
    }
    let units = record.len();
    binary::check_shape(1, units, source)?;
    let names = header(&record, source)?;
    let mut more = if names.is_some() { next(&mut record)? } else { true };
    let name_of = |j: usize| names.as_ref().map_or(String::new(), |names| format!(" ({})", names[j]));

    let words_per_row = units.div_ceil(32);
    let mut words: Vec<u32> = Vec::new();
    let mut encoding = Encoding::default();
    let mut rows = 0;
    while more {
        let line = record.position().map_or(0, csv::Position::line);
        let place = |j: usize| format!("{source}, row {}, column {}{}, line {line}", rows + 1, j + 1, name_of(j));
        if record.len() != units {
            return Err(fault(
                format!("row {} has {} values", rows + 1, record.len()),
                format_args!("{source}, line {line}"),
                &format!("{units} values, as many as the first row"),
                "the file may be truncated, or use another separator than its name says",
            ));
        }
        let start = words.len();
        words.resize(start + words_per_row, 0);
        for (j, cell) in record.iter().enumerate() {
            let text = || String::from_utf8_lossy(cell).trim().to_string();
            let Some(value) = parse(cell) else {
                return Err(if text().is_empty() {
                    fault("a value is missing", place(j), "0 or 1 in every cell", "fill the gap or leave out the row")
                } else {
                    fault(
                        format!("\"{}\" is not a number", text()),
                        place(j),
                        "0 and 1 in every column below the names",
                        "remove columns that are labels rather than units",
                    )
                });
            };
            let bit =
                encoding.bit(value, rows, j).map_err(|why: NotBinary| binary::not_binary(why, text(), place(j)))?;
            words[start + j / 32] |= u32::from(bit) << (j % 32);
        }
        debug_assert!(words[words.len() - 1] & padding_mask(units) == 0);
        rows += 1;
        binary::check_shape(rows, units, source)?;
        more = next(&mut record)?;
    }
    if rows == 0 {
        return Err(fault("the table has a header and no samples", source, "at least one sample", "check the file"));
    }
    let mut data = DataSet::new(BitMatrix::from_words(rows, units, words)?, source);
    data.names = names;
    Ok(data)
}

/// Writes samples as a table of 0 and 1, or of −1 and 1, with a header.
///
/// # Errors
/// [`Error::Input`] when there are not as many names as units or the directory is not there, [`Error::File`] when
/// writing fails.
pub fn write_csv(path: &Path, samples: &BitMatrix, values: Values, names: &[String]) -> Result<()> {
    if names.len() != samples.cols() {
        return Err(Error::Input(
            Fault::new(format!("{} names for {} units", names.len(), samples.cols())).at(path.display()),
        ));
    }
    write_atomic(path, |w| {
        let mut writer = csv::WriterBuilder::new().from_writer(&mut *w);
        writer.write_record(names)?;
        writer.flush()?;
        drop(writer);
        let low = if values == Values::Spin { "-1" } else { "0" };
        let mut line = String::with_capacity(3 * samples.cols());
        for r in 0..samples.rows() {
            line.clear();
            for j in 0..samples.cols() {
                line.push_str(if samples.get(r, j) { "1" } else { low });
                line.push(if j + 1 == samples.cols() { '\n' } else { ',' });
            }
            w.write_all(line.as_bytes())?;
        }
        Ok(())
    })
}
