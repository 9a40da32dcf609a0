//! Tables of binary values: a header with the units' names, then one row a sample.
//!
//! A first row of values is a sample and the units are nameless. So are they below a header that only counts the
//! columns, `0,1,2`, as pandas writes it. Of one or two columns, such a row may be a sample too: it is a header where the
//! rows below it show that it is none of them, and refused otherwise. The program itself writes `v0,v1`.

use std::io::Write;
use std::path::Path;

use csv::ByteRecord;

use super::binary::{self, Encoding, NotBinary, missing};
use super::cell::{has_decimal_comma, is_binary, is_missing, is_word, parse};
use super::file::{BYTE_ORDER_MARK, packed_as, write_atomic, write_bytes};
use super::layout::{Layout, cells};
use crate::bits::BitMatrix;
use crate::data::DataSet;
use crate::data::names::check_names;
use crate::error::{Error, Fault, Result};
use crate::rbm::Values;

/// What to do about a column that names or numbers the rows.
const NO_INDEX: &str = "write the table without its index: to_csv(name, index=False) in pandas, row.names=FALSE in R";

fn fault(what: impl Into<String>, place: impl std::fmt::Display, expected: &str, advice: &str) -> Error {
    Error::Input(Fault::new(what).at(place).expected(expected).advice(advice))
}

/// What a first row is.
#[derive(Debug, PartialEq, Eq)]
enum First {
    /// Names of the units, or their numbers.
    Header(Option<Vec<String>>),
    Sample,
    /// `0` or `0,1`, which may be either.
    Unclear,
}

/// Whether the cells count up from 0.
fn counts_up<'a>(cells: impl IntoIterator<Item = &'a [u8]>) -> bool {
    cells.into_iter().enumerate().all(|(j, cell)| cell.trim_ascii() == j.to_string().as_bytes())
}

fn judge(first: &ByteRecord, quoted: bool, place: &str) -> Result<First> {
    let numbers_only = first.iter().all(|cell| parse(cell).is_some_and(f64::is_finite));
    if quoted {
        return if counts_up(first) { Ok(First::Header(None)) } else { header(first, place) };
    }
    if first.iter().all(is_binary) {
        return Ok(if counts_up(first) { First::Unclear } else { First::Sample });
    }
    if numbers_only {
        return if counts_up(first) {
            Ok(First::Header(None))
        } else {
            Err(fault(
                "the first row is all numbers, but not all of them 0, 1 or -1",
                place,
                "a header with the units' names, or binary values",
                "put a row of names first; binarise the data if this row is a sample",
            ))
        };
    }
    let is_index = first.get(0).is_some_and(|cell| cell.trim_ascii().is_empty()) && counts_up(first.iter().skip(1));
    let has_number = first.iter().any(|cell| parse(cell).is_some_and(f64::is_finite));
    if has_number && !is_index && first.iter().all(|cell| parse(cell).is_some() || is_missing(cell)) {
        let column = first.iter().position(is_missing).unwrap_or(0);
        return Err(Error::Input(missing(format_args!("{place}, column {}", column + 1))));
    }
    header(first, place)
}

/// Names from the first row.
fn header(first: &ByteRecord, place: &str) -> Result<First> {
    let mut names = Vec::new();
    for (j, cell) in first.iter().enumerate() {
        let name = std::str::from_utf8(cell).map_err(|_| {
            fault(
                format!("column {} has a name that is not UTF-8", j + 1),
                place,
                "UTF-8 text",
                "save the table as UTF-8",
            )
        })?;
        let name = name.trim();
        let advice = match name {
            "Unnamed: 0" => NO_INDEX,
            "" if j == 0 => NO_INDEX,
            "" if j + 1 == first.len() => "name the unit, or remove the separator at the end of the lines",
            "" => "name the unit",
            _ => {
                names.push(name.to_string());
                continue;
            }
        };
        let what = if j == 0 { ": it seems to name or number the rows" } else { "" };
        return Err(fault(format!("column {} has no name{what}", j + 1), place, "a name for every unit", advice));
    }
    check_names(&names, place).map_err(Error::Input)?;
    Ok(First::Header(Some(names)))
}

/// Names in a comment above a table whose first row is a sample; `None` where it is another comment.
fn names_in(comment: &[u8], delimiter: u8, units: usize, place: &str) -> Result<Option<Vec<String>>> {
    let words: ByteRecord = cells(comment, delimiter).into_iter().map(<[u8]>::trim_ascii).collect();
    if words.len() != units || words.iter().all(|word| parse(word).is_some()) || words.iter().any(<[u8]>::is_empty) {
        return Ok(None);
    }
    match header(&words, place)? {
        First::Header(names) => Ok(names),
        _ => Ok(None),
    }
}

/// Samples as they are read, and where.
struct Rows<'a> {
    source: &'a str,
    names: Option<Vec<String>>,
    units: usize,
    /// Lines above the records.
    skipped: u64,
    words: Vec<u32>,
    encoding: Encoding,
    count: usize,
    /// Whether all values are boolean words.
    words_only: bool,
}

impl Rows<'_> {
    fn add(&mut self, record: &ByteRecord) -> Result<()> {
        let line = record.position().map_or(0, csv::Position::line) + self.skipped;
        if record.len() != self.units {
            return Err(self.wrong_length(record.len(), line));
        }
        let (start, row) = (self.words.len(), self.count);
        self.words.resize(start + self.units.div_ceil(32), 0);
        for (j, cell) in record.iter().enumerate() {
            let bit = parse(cell).ok_or(NotBinary::Value).and_then(|value| self.encoding.bit(value, row, j));
            match bit {
                Ok(bit) => self.words[start + j / 32] |= u32::from(bit) << (j % 32),
                Err(why) => return Err(self.wrong_cell(why, cell, j, line)),
            }
            self.words_only = self.words_only && is_word(cell);
        }
        self.count += 1;
        binary::check_shape(self.count, self.units, self.source)
    }

    fn wrong_length(&self, found: usize, line: u64) -> Error {
        let (row, units) = (self.count + 1, self.units);
        let advice = if found == units + 1 && self.count == 0 && self.names.is_some() {
            "the first column seems to name the rows: leave it out (row.names=FALSE in R)"
        } else if found == 2 * units {
            "if these are numbers with decimal commas, save them with decimal points"
        } else {
            "the file may be truncated, or hold text with a separator in it that is not in quotes"
        };
        fault(
            format!("row {row} has {found} values"),
            format_args!("{}, line {line}", self.source),
            &format!("{units} values, as many as the first row"),
            advice,
        )
    }

    /// The error for a cell that is no bit.
    fn wrong_cell(&self, why: NotBinary, cell: &[u8], j: usize, line: u64) -> Error {
        let name = self.names.as_ref().map_or(String::new(), |names| format!(" ({})", names[j]));
        let place = format!("{}, row {}, column {}{name}, line {line}", self.source, self.count + 1, j + 1);
        if is_missing(cell) {
            return Error::Input(missing(place));
        }
        let text = String::from_utf8_lossy(cell).trim().to_string();
        let Some(value) = parse(cell) else {
            let expected = "0 and 1 in every column below the names";
            let separator =
                [';', '\t', '|', ',', ' '].into_iter().find(|&c| text.contains(c)).filter(|_| self.units == 1);
            return match separator {
                _ if has_decimal_comma(cell) => {
                    let advice = "save the numbers with decimal points, 0 and 1 as whole numbers";
                    fault(format!("\"{text}\" has a decimal comma"), place, expected, advice)
                }
                Some(separator) => fault(
                    format!("\"{text}\" is not a number"),
                    place,
                    expected,
                    &format!(
                        "if {separator:?} separates the columns, give every row as many of them, or save with commas"
                    ),
                ),
                None if j == 0 => fault(
                    format!("\"{text}\" is not a number"),
                    place,
                    expected,
                    &format!("if this column names the rows, {NO_INDEX}"),
                ),
                None => {
                    let advice = "remove columns that are labels rather than units";
                    fault(format!("\"{text}\" is not a number"), place, expected, advice)
                }
            };
        };
        if why == NotBinary::Value && j == 0 && value.fract() == 0.0 && value > 1.0 {
            let first = (0..self.count).map(|row| f64::from(self.words[row * self.units.div_ceil(32)] & 1));
            let counts = |from: f64| {
                value == self.count as f64 + from && first.clone().zip(0..).all(|(x, n)| x == f64::from(n) + from)
            };
            if counts(0.0) || counts(1.0) {
                let what = format!("column 1{name} counts the rows");
                return fault(what, place, "0 and 1 in every column, each of them a unit", NO_INDEX);
            }
            let advice = format!("binarise counts, for example (x > 0); if this column numbers the rows, {NO_INDEX}");
            return fault(
                format!("value {text} is not binary"),
                place,
                "only 0 and 1, only -1 and +1, or booleans",
                &advice,
            );
        }
        binary::not_binary(why, value, text, place)
    }
}

/// A whole table whose columns should be separated by `expected`.
pub(crate) fn decode(bytes: &[u8], expected: u8, source: &str) -> Result<DataSet> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if let Some(kind) = packed_as(bytes) {
        let advice = "unpack it, or name it by what it is; text is read as UTF-8";
        return Err(fault(format!("the file is {kind}"), source, "a table of text", advice));
    }
    let Layout { body, delimiter, skipped, comment, quoted_header } = Layout::of(bytes, expected);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .delimiter(delimiter)
        .from_reader(&body[..]);
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord| loop {
        let more = reader.read_byte_record(record).map_err(|e| {
            fault(format!("cannot read the table: {e}"), source, "a table of separated values", "save it again")
        })?;
        // A line of blanks is one cell of blanks.
        let blank =
            record.len() == 1 && record.get(0).is_some_and(|cell| !cell.is_empty() && cell.trim_ascii().is_empty());
        if !(more && blank) {
            return Ok::<bool, Error>(more);
        }
    };
    if !next(&mut record)? {
        return Err(fault("the table has no rows", source, "a header and at least one sample", "check the file"));
    }
    let units = record.len();
    binary::check_shape(1, units, source)?;
    let line = record.position().map_or(0, csv::Position::line) + skipped;
    let first = judge(&record, quoted_header, &format!("{source}, line {line}"))?;
    let mut rows = Rows {
        source,
        names: None,
        units,
        skipped,
        words: Vec::new(),
        encoding: Encoding::default(),
        count: 0,
        words_only: true,
    };
    let above = match (&first, comment) {
        (First::Sample | First::Unclear, Some(comment)) => {
            names_in(comment, delimiter, units, &format!("{source}, comment"))?
        }
        _ => None,
    };
    // Below names in a comment, the first row is a sample.
    let mut unclear = None;
    match first {
        First::Header(names) => rows.names = names,
        First::Unclear if above.is_none() => unclear = Some(record.clone()),
        First::Unclear | First::Sample => {
            rows.names = above;
            rows.add(&record)?;
        }
    }
    while next(&mut record)? {
        rows.add(&record)?;
    }
    // With −1 there is no 0, and among words no number.
    let is_header = rows.encoding.minus.is_some() || (rows.count > 0 && rows.words_only);
    if let Some(first) = unclear.filter(|_| !is_header) {
        let text = if first.len() == 1 { "0" } else { "0,1" };
        return Err(fault(
            format!("the first row, {text}, may number the columns or be a sample"),
            format_args!("{source}, line {line}"),
            "a header of names that are no numbers, such as v0,v1",
            "put one in its place if it numbers the columns (pandas: frame.add_prefix(\"v\")), above it if it is a sample",
        ));
    }
    if rows.count == 0 {
        return Err(fault("the table has a header and no samples", source, "at least one sample", "check the file"));
    }
    let mut data = DataSet::new(BitMatrix::from_words(rows.count, units, rows.words)?, source);
    data.names = rows.names;
    Ok(data)
}

/// The separator of a table that is written to `path`: tabs where its name ends in .tsv, else commas.
pub(crate) fn delimiter_of(path: &Path) -> u8 {
    let tabs = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tsv"));
    if tabs { b'\t' } else { b',' }
}

/// Writes samples as a table of 0 and 1, or of −1 and 1, with a header; without names the units are `v0`, `v1`, ….
/// Columns are separated by tabs where the name ends in .tsv, else by commas.
///
/// # Errors
/// [`Error::Input`] when there are not as many names as units or the directory is not there, [`Error::File`] when
/// writing fails.
pub fn write_csv(path: &Path, samples: &BitMatrix, values: Values, names: Option<&[String]>) -> Result<()> {
    let numbered: Vec<String>;
    let names = match names {
        Some(names) => names,
        None => {
            numbered = (0..samples.cols()).map(|j| format!("v{j}")).collect();
            &numbered
        }
    };
    if names.len() != samples.cols() {
        return Err(Error::Input(
            Fault::new(format!("{} names for {} units", names.len(), samples.cols())).at(path.display()),
        ));
    }
    let delimiter = delimiter_of(path);
    // Names that could be values are told from them by their quotes.
    let like_values = names.iter().all(|name| parse(name.as_bytes()).is_some() || is_missing(name.as_bytes()));
    let quotes = if like_values { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
    write_atomic(path, |w| {
        let mut writer =
            csv::WriterBuilder::new().delimiter(delimiter).comment(Some(b'#')).quote_style(quotes).from_writer(&mut *w);
        writer.write_record(names)?;
        writer.flush()?;
        drop(writer);
        let low = if values == Values::Spin { "-1" } else { "0" };
        let mut line = String::with_capacity(3 * samples.cols());
        for r in 0..samples.rows() {
            line.clear();
            for j in 0..samples.cols() {
                line.push_str(if samples.get(r, j) { "1" } else { low });
                line.push(if j + 1 == samples.cols() { '\n' } else { char::from(delimiter) });
            }
            w.write_all(line.as_bytes())?;
        }
        Ok(())
    })
}

/// Writes a table of numbers whose columns are separated by commas; by tabs where the name ends in .tsv.
///
/// # Errors
/// [`Error::Input`] when the directory is not there, [`Error::File`] when writing fails.
pub fn write_table(path: &Path, text: &str) -> Result<()> {
    let delimiter = char::from(delimiter_of(path)).to_string();
    write_bytes(path, text.replace(',', &delimiter).as_bytes())
}
