//! How a table of text is laid out: comments above it, the separator of its columns, blanks around quotes.
//!
//! The separator is the one that its file's name promises, unless the rows are values under another one only.

use std::borrow::Cow;

use super::cell;

/// Rows that are looked at to find the separator.
const LOOKED_AT: usize = 5;

/// A table ready for the reader of records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layout<'a> {
    /// Text below the comments, blanks between columns made into one each.
    pub(crate) body: Cow<'a, [u8]>,
    pub(crate) delimiter: u8,
    /// Lines above the body.
    pub(crate) skipped: u64,
    /// The last comment above the body, without its mark: `numpy.savetxt` writes its header so.
    pub(crate) comment: Option<&'a [u8]>,
    /// Whether the first row alone is quoted, as names are above numbers.
    pub(crate) quoted_header: bool,
}

impl<'a> Layout<'a> {
    /// Looks at a text whose columns should be separated by `expected`.
    pub(crate) fn of(text: &'a [u8], expected: u8) -> Self {
        let (mut at, mut skipped, mut comment) = (0, 0, None);
        while at < text.len() {
            let end = text[at..].iter().position(|&b| b == b'\n').map_or(text.len(), |n| at + n + 1);
            let line = text[at..end].trim_ascii();
            match line.strip_prefix(b"#") {
                Some(words) => comment = Some(words.trim_ascii()).filter(|words| !words.is_empty()).or(comment),
                None if line.is_empty() => {}
                None => break,
            }
            (at, skipped) = (end, skipped + 1);
        }
        let body = &text[at..];
        let lines = body.split(|&b| b == b'\n' || b == b'\r').map(<[u8]>::trim_ascii);
        let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty() && line[0] != b'#').take(LOOKED_AT).collect();
        let delimiter = delimiter(&lines, expected);
        let quoted_header = matches!(&lines[..], [first, second, ..] if first[0] == b'"' && second[0] != b'"');
        Self { body: tidied(body, delimiter), delimiter, skipped, comment, quoted_header }
    }
}

/// Cells of a line, quotes as they stand; runs of blanks count once where they separate.
pub(crate) fn cells(line: &[u8], delimiter: u8) -> Vec<&[u8]> {
    let (mut cells, mut start, mut quoted, mut fresh) = (Vec::new(), 0, false, true);
    for (at, &byte) in line.iter().enumerate() {
        let ends = if delimiter == b' ' { byte == b' ' || byte == b'\t' } else { byte == delimiter };
        match byte {
            b'"' if quoted || fresh => (quoted, fresh) = (!quoted, false),
            _ if ends && !quoted => {
                if delimiter != b' ' || at > start {
                    cells.push(&line[start..at]);
                }
                (start, fresh) = (at + 1, true);
            }
            _ => fresh = fresh && byte.is_ascii_whitespace(),
        }
    }
    if delimiter != b' ' || start < line.len() {
        cells.push(&line[start..]);
    }
    cells
}

/// The separator under which the rows are values; `expected` where that is so or nothing is clear.
fn delimiter(lines: &[&[u8]], expected: u8) -> u8 {
    let others = [b',', b';', b'\t', b'|', b' '].into_iter().filter(|&other| other != expected);
    let all = || std::iter::once(expected).chain(others.clone());
    let data = if lines.len() > 1 { &lines[1..] } else { lines };
    // The first cell may be the name of a row, and names may stand above all columns but that one.
    let fits = |delimiter: u8, rows: usize| {
        let count = lines.first().map_or(0, |line| cells(line, delimiter).len());
        data.iter().take(rows).all(|line| {
            let cells = cells(line, delimiter);
            let values = cells.iter().skip(1).all(|text| cell::is_value(text, delimiter));
            count > 1 && (cells.len() == count || cells.len() == count + 1) && values
        })
    };
    let same = |&delimiter: &u8| {
        let counts: Vec<usize> = lines.iter().map(|line| cells(line, delimiter).len()).collect();
        delimiter != b' ' && counts.len() > 1 && counts[0] > 1 && counts.iter().all(|&count| count == counts[0])
    };
    // Later rows may be torn or wrong.
    let by_rows = |rows: usize| all().find(|&delimiter| fits(delimiter, rows));
    by_rows(LOOKED_AT).or_else(|| by_rows(1)).or_else(|| all().find(same)).unwrap_or(expected)
}

/// The text with single blanks where blanks separate, and without those between a separator and a quote, which the
/// reader of records would take for a part of the cell.
fn tidied(text: &[u8], delimiter: u8) -> Cow<'_, [u8]> {
    let blanks = delimiter == b' ';
    if !blanks && !text.contains(&b'"') {
        return Cow::Borrowed(text);
    }
    let blank = |byte: u8| byte == b' ' || (byte == b'\t' && delimiter != b'\t');
    let mut out = Vec::with_capacity(text.len());
    // Where the blanks began that may have to go: at the start of a cell, outside of quotes.
    let (mut quoted, mut fresh) = (false, Some(0));
    for &byte in text {
        match byte {
            b'"' if quoted => (quoted, fresh) = (false, None),
            b'"' => {
                if let Some(start) = fresh {
                    out.truncate(start);
                    (quoted, fresh) = (true, None);
                }
            }
            _ if quoted => {}
            b'\n' | b'\r' => {
                while blanks && out.last() == Some(&b' ') {
                    out.pop();
                }
                out.push(byte);
                fresh = Some(out.len());
                continue;
            }
            _ if blanks && blank(byte) => {
                if fresh.is_none() {
                    out.push(b' ');
                    fresh = Some(out.len());
                }
                continue;
            }
            _ if byte == delimiter => {
                out.push(byte);
                fresh = Some(out.len());
                continue;
            }
            _ if blank(byte) => {}
            _ => fresh = None,
        }
        out.push(byte);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, expected: u8) -> (u8, String) {
        let layout = Layout::of(text.as_bytes(), expected);
        (layout.delimiter, String::from_utf8_lossy(&layout.body).into_owned())
    }

    #[test]
    fn separators_are_those_under_which_rows_are_values() {
        for (text, expected, delimiter) in [
            ("a,b\n0,1\n", b',', b','),
            ("a;b\n0;1\n", b',', b';'),
            ("a\tb\n0\t1\n", b',', b'\t'),
            ("a,b\n0,1\n", b'\t', b','),
            ("a b\n0 1\n", b',', b' '),
            ("0.0e+00 1.0e+00\n1.0e+00 0.0e+00\n", b',', b' '),
            ("0,0;1,0\n1,0;0,0\n", b',', b';'),
            ("\"x,y\";b\n0;1\n", b',', b';'),
            ("x y,b\n0, 1\n", b',', b','),
            ("one\n0\n1\n", b',', b','),
            ("one;two\n0;x\n", b',', b';'),
            ("cell,b\nAAAC-1,0\n", b',', b','),
            ("\"a\" \"b\"\n\"r1\" 0 1\n", b',', b' '),
            ("", b',', b','),
        ] {
            assert_eq!(char::from(found(text, expected).0), char::from(delimiter), "{text:?}");
        }
    }

    #[test]
    fn blanks_go_where_they_are_no_part_of_a_cell() {
        for (text, tidy) in [
            ("\"a\", \"b, c\" ,\"d \"\"e\"\" \"\n0, 1, 1\n", "\"a\",\"b, c\" ,\"d \"\"e\"\" \"\n0, 1, 1\n"),
            ("  0   1\t1 \n1 0  0\r\n", "0 1 1\n1 0 0\r\n"),
            ("a  \"b  c\"\n0  1\n", "a \"b  c\"\n0 1\n"),
            ("5\" pipe,b\n0,1\n", "5\" pipe,b\n0,1\n"),
        ] {
            assert_eq!(found(text, b',').1, tidy, "{text:?}");
        }
    }

    #[test]
    fn comments_above_the_table_are_not_part_of_it() {
        let layout = Layout::of(b"# exported\n\n#  a,b \n0,1\n", b',');
        assert_eq!((&layout.body[..], layout.skipped, layout.comment), (&b"0,1\n"[..], 3, Some(&b"a,b"[..])));
    }
}
