//! A cell of a table: a number, a boolean word, or the mark of a missing value.

/// Value of a cell: a number or a boolean word.
pub(crate) fn parse(cell: &[u8]) -> Option<f64> {
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

/// Whether a cell is a boolean word.
pub(crate) fn is_word(cell: &[u8]) -> bool {
    parse(cell).is_some() && cell.trim_ascii().first().is_some_and(u8::is_ascii_alphabetic)
}

/// Whether a cell is 0, 1, −1 or a boolean word.
pub(crate) fn is_binary(cell: &[u8]) -> bool {
    parse(cell).is_some_and(|x| x == 0.0 || x == 1.0 || x == -1.0)
}

/// Whether a cell says that its value is missing, as pandas, R, spreadsheets and databases do.
pub(crate) fn is_missing(cell: &[u8]) -> bool {
    const MARKS: [&str; 13] =
        ["", "na", "nan", "-nan", "n/a", "#n/a", "#na", "<na>", "null", "none", "nil", "missing", "."];
    let cell = cell.trim_ascii();
    MARKS.iter().any(|mark| cell.eq_ignore_ascii_case(mark.as_bytes()))
}

/// Whether a cell is a number with a comma in front of its decimals.
pub(crate) fn has_decimal_comma(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let cell = cell.strip_prefix(b"-").unwrap_or(cell);
    cell.iter().position(|&b| b == b',').is_some_and(|at| digits(&cell[..at]) && digits(&cell[at + 1..]))
}

/// Whether a cell, quotes as they stand, may stand in a row of values that `delimiter` separates.
pub(crate) fn is_value(cell: &[u8], delimiter: u8) -> bool {
    let cell = cell.trim_ascii();
    let cell = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell);
    parse(cell).is_some() || is_missing(cell) || (delimiter != b',' && has_decimal_comma(cell))
}
