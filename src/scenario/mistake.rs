//! Mistakes in a scenario and how they look: all at once, each with its line and a caret under the text.

use std::fmt::Write;
use std::ops::Range;

use super::position::Index;
use crate::error::Error;
use crate::settings::Problem;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Dotted path of the field.
    pub(crate) path: String,
    /// Bytes to mark; empty ranges are widened to one character.
    pub(crate) range: Range<usize>,
    pub(crate) what: String,
    pub(crate) expected: String,
    pub(crate) advice: String,
}

/// Mistakes as they are found, with the text they are in.
#[derive(Debug)]
pub(crate) struct Mistakes<'a> {
    index: &'a Index,
    text: &'a str,
    found: Vec<Mistake>,
}

impl<'a> Mistakes<'a> {
    pub(crate) fn new(text: &'a str, index: &'a Index) -> Self {
        Self { index, text, found: Vec::new() }
    }

    /// Notes a mistake in the value at `path`, or in its nearest parent where it is not written down.
    pub(crate) fn at(
        &mut self,
        path: &str,
        what: impl Into<String>,
        expected: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let range = match self.index.nearest(path) {
            Some((entry, own)) => {
                let one_line = !self.text[entry.value.clone()].contains('\n');
                if (own && one_line) || entry.key.is_empty() { entry.value.clone() } else { entry.key.clone() }
            }
            None => 0..0,
        };
        self.push(Mistake {
            path: path.to_string(),
            range,
            what: what.into(),
            expected: expected.into(),
            advice: advice.into(),
        });
    }

    /// Notes what another part of the engine says about the value at `path`.
    pub(crate) fn error_at(&mut self, path: &str, error: Error) {
        match error {
            Error::Input(fault) | Error::File(fault) | Error::Checkpoint(fault) => {
                let what = match &fault.place {
                    Some(place) if !fault.what.contains(place.as_str()) => format!("{} ({place})", fault.what),
                    _ => fault.what,
                };
                self.at(path, what, fault.expected.unwrap_or_default(), fault.advice.unwrap_or_default());
            }
            other => self.at(path, other.to_string(), "", ""),
        }
    }

    /// Notes problems of the settings in the block at `path`.
    pub(crate) fn all(&mut self, path: &str, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.at(&format!("{path}.{}", problem.path), problem.what, problem.expected, problem.advice);
        }
    }

    pub(crate) fn push(&mut self, mistake: Mistake) {
        let repeated = self.found.iter().any(|m| m.what == mistake.what && m.range == mistake.range);
        if !repeated {
            self.found.push(mistake);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Mistake> {
        self.found
    }
}

/// Longest part of a line that is shown.
const SHOWN: usize = 110;

/// All mistakes in the order of the text, as one message.
pub(crate) fn render(file: &str, text: &str, mut mistakes: Vec<Mistake>) -> String {
    mistakes.sort_by_key(|m| m.range.start);
    let count = match mistakes.len() {
        1 => "1 mistake".to_string(),
        n => format!("{n} mistakes"),
    };
    let mut out = format!("{file} has {count}");
    for mistake in &mistakes {
        out.push('\n');
        render_one(&mut out, file, text, mistake);
    }
    out
}

fn render_one(out: &mut String, file: &str, text: &str, mistake: &Mistake) {
    let at = mistake.range.start.min(text.len());
    let (line, column) = line_and_column(text, at);
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    let shown: Vec<char> = text[start..end].trim_end().chars().collect();
    let before = column - 1;
    let first = if shown.len() > SHOWN { before.saturating_sub(SHOWN / 2) } else { 0 };
    let last = shown.len().min(first + SHOWN);
    let visible: String = shown.get(first..last).unwrap_or_default().iter().collect();
    // Tabs stay tabs, so that the caret stands under its text whatever their width.
    let blank = |c: &char| if *c == '\t' { '\t' } else { ' ' };
    let indent: String = shown.get(first..before.min(last)).unwrap_or_default().iter().map(blank).collect();
    let marked = text.get(at..mistake.range.end.min(end)).map_or(1, |t| t.chars().count());
    let carets = "^".repeat(marked.clamp(1, (first + SHOWN).saturating_sub(before).max(1)));
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let _ = write!(
        out,
        "\n{}\n  where:    {file}:{line}:{column}\n  {number} | {visible}\n  {gutter} | {indent}{carets}",
        mistake.what
    );
    if !mistake.expected.is_empty() {
        let _ = write!(out, "\n  expected: {}", mistake.expected);
    }
    if !mistake.advice.is_empty() {
        let _ = write!(out, "\n  do:       {}", mistake.advice);
    }
}

/// Line and column of a byte, both from 1, columns in characters.
pub(crate) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte.min(text.len())];
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    (1 + before.matches('\n').count(), 1 + before[start..].chars().count())
}

/// Byte of a line and column, both from 1, columns in characters.
pub(crate) fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line {
        match text[start..].find('\n') {
            Some(n) => start += n + 1,
            None => return text.len(),
        }
    }
    let end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    text[start..end].char_indices().nth(column.saturating_sub(1)).map_or(end, |(i, _)| start + i)
}
