//! From text to [`RawScenario`], with all mistakes of spelling and type at once.
//!
//! The RON parser stops at the first error. Here the field at fault is blanked out and the text parsed again, until it
//! parses or the error is not about one field.

use std::ops::Range;

use ron::error::{Error as RonError, SpannedError};
use ron::extensions::Extensions;
use serde::de::DeserializeOwned;

use super::mistake::{Mistake, byte_of};
use super::position::{Entry, Index};
use super::raw::RawScenario;
use crate::settings::nearest_name;

/// Most mistakes that are collected.
const MAX_MISTAKES: usize = 30;

/// The dialect of scenario files: `Some` may be left out.
pub(crate) fn dialect() -> ron::Options {
    ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME)
}

/// What reading a text gave.
#[derive(Debug)]
pub(crate) struct Reading<T> {
    /// The scenario, without the fields at fault; `None` when nothing can be made of the text.
    pub(crate) value: Option<T>,
    pub(crate) mistakes: Vec<Mistake>,
}

/// Reads a scenario.
pub(crate) fn read(text: &str, index: &Index) -> Reading<RawScenario> {
    read_as(text, index)
}

fn read_as<T: DeserializeOwned>(text: &str, index: &Index) -> Reading<T> {
    let mut blanked = text.to_string();
    let mut mistakes: Vec<Mistake> = Vec::new();
    while mistakes.len() < MAX_MISTAKES {
        let error = match dialect().from_str::<T>(&blanked) {
            Ok(value) => return Reading { value: Some(value), mistakes },
            Err(error) => error,
        };
        // Columns are those of the text that was parsed, whose characters may be fewer bytes than those blanked out.
        let at = byte_of(&blanked, error.span.start.line, error.span.start.col);
        let at = text.floor_char_boundary(at);
        if let RonError::MissingStructField { field, .. } = &error.code {
            // A field that was blanked out is missing for that reason alone.
            if mistakes.iter().any(|m| m.path.rsplit('.').next() == Some(field)) {
                break;
            }
        }
        let (mistake, removable) = translate(&error, text, at, index);
        let repeated = mistakes.iter().any(|m| m.range == mistake.range);
        if !repeated {
            mistakes.push(mistake);
        }
        match removable {
            Some(range) if !repeated => blank(&mut blanked, range),
            _ => break,
        }
    }
    Reading { value: None, mistakes }
}

/// Overwrites a field and the comma after it with spaces; line breaks stay, so that positions do.
fn blank(text: &mut String, range: Range<usize>) {
    let rest = &text[range.end..];
    let spaces = rest.len() - rest.trim_start().len();
    let comma = usize::from(rest.trim_start().starts_with(',')) * (spaces + 1);
    let spaced: String =
        text[range.start..range.end + comma].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(range.start..range.end + comma, &spaced);
}

/// The mistake behind a parser error at byte `at`, and the bytes of the field to take out to read on.
fn translate(error: &SpannedError, text: &str, at: usize, index: &Index) -> (Mistake, Option<Range<usize>>) {
    match &error.code {
        RonError::NoSuchStructField { expected, found, .. } => {
            let entry = index.named_near(found, at);
            let parent = entry.and_then(|e| e.path.rsplit_once('.')).map(|(parent, _)| parent);
            let place = parent.map_or(String::new(), |p| format!(" in `{p}`"));
            let mistake = Mistake {
                path: entry.map_or(found.clone(), |e| e.path.clone()),
                range: entry.map_or(at..at + found.len(), |e| e.key.clone()),
                what: format!("unknown field `{found}`{place}"),
                expected: one_of(expected),
                advice: nearest_name(found, expected).map_or(String::new(), |name| format!("did you mean `{name}`?")),
            };
            (mistake, entry.map(Entry::whole))
        }
        RonError::MissingStructField { field, .. } => {
            let entry = index.innermost(at);
            let path = entry.map_or("", |e| e.path.as_str());
            let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
            let mistake = Mistake {
                path: if path.is_empty() { (*field).to_string() } else { format!("{path}.{field}") },
                range: entry.filter(|e| !e.key.is_empty()).map_or(at..at, |e| e.key.clone()),
                what: format!("the field `{field}` is missing{place}"),
                expected: format!("`{field}: …`"),
                advice: format!("add `{field}`"),
            };
            (mistake, None)
        }
        RonError::DuplicateStructField { field, .. } => {
            let mistake = Mistake {
                path: (*field).to_string(),
                range: at..at + field.len(),
                what: format!("the field `{field}` is given twice"),
                expected: "every field once".to_string(),
                advice: "remove one of them".to_string(),
            };
            (mistake, None)
        }
        code => match wrong_value(code, text, at, index) {
            Some((entry, expected, advice)) => {
                let value = shorten(&text[entry.value.clone()]);
                let mistake = Mistake {
                    path: entry.path.clone(),
                    range: first_line(text, entry.value.clone()),
                    what: format!("`{}` cannot be {value}", last_name(&entry.path)),
                    expected,
                    advice,
                };
                (mistake, Some(entry.whole()))
            }
            None => (syntax(code, text, at), None),
        },
    }
}

/// The value at fault with what it should be, when the error is about the type or spelling of one value.
fn wrong_value<'a>(code: &RonError, text: &str, at: usize, index: &'a Index) -> Option<(&'a Entry, String, String)> {
    let entry = index.innermost(at).filter(|e| !e.path.is_empty())?;
    let value = &text[entry.value.clone()];
    let as_number: Option<f64> = value.replace('_', "").parse().ok();
    let whole = |x: &f64| x.fract() == 0.0 && (0.0..1e15).contains(x);
    let write_whole = || as_number.filter(whole).map_or(String::new(), |x| format!("write {x}"));
    let (expected, advice) = match code {
        RonError::ExpectedFloat | RonError::FloatUnderscore => ("a number".to_string(), String::new()),
        RonError::ExpectedInteger | RonError::InvalidIntegerDigit { .. } | RonError::IntegerOutOfBounds => {
            ("a whole number, not negative".to_string(), write_whole())
        }
        RonError::ExpectedBoolean => ("true or false".to_string(), String::new()),
        RonError::ExpectedString => {
            ("a text in double quotes".to_string(), format!("write \"{}\"", value.trim_matches('"')))
        }
        RonError::ExpectedArray => ("a list in square brackets".to_string(), format!("write [{value}]")),
        RonError::ExpectedNamedStructLike(_)
        | RonError::ExpectedStructLike
        | RonError::ExpectedDifferentStructName { .. } => ("a block in round brackets, (…)".to_string(), String::new()),
        RonError::NoSuchEnumVariant { expected, found, .. } => {
            let word: &str = value.split('(').next().unwrap_or(found);
            let near = nearest_name(&word.trim().replace('-', "_"), expected);
            (one_of(expected), near.map_or(String::new(), |name| format!("did you mean `{name}`?")))
        }
        RonError::SuggestRawIdentifier(_) if value.contains('-') => {
            ("one word, with `_` between its parts".to_string(), format!("write {}", value.replace('-', "_")))
        }
        RonError::InvalidValueForType { expected, .. } => (expected.clone(), String::new()),
        RonError::Message(expected) => (expected.clone(), String::new()),
        // The parser took the first digits or letters of a word and missed a comma after them.
        RonError::ExpectedComma
            if entry.value.start < at && at < entry.value.end && !value.contains(['(', '[', '"']) =>
        {
            match as_number {
                Some(_) => ("a whole number, not negative".to_string(), write_whole()),
                None => ("one number or word".to_string(), String::new()),
            }
        }
        _ => return None,
    };
    Some((entry, expected, advice))
}

/// A mistake in the brackets, commas and quotes.
fn syntax(code: &RonError, text: &str, at: usize) -> Mistake {
    let words = |what: &str, advice: &str| (what.to_string(), advice.to_string());
    let (what, advice) = match code {
        _ if text.trim().is_empty() => words("the scenario is empty", "start from one of the files in scenarios/"),
        RonError::ExpectedComma => words("a comma or a closing bracket is missing here", "put a comma between fields"),
        RonError::ExpectedStringEnd => words("this text has no closing quote", "add the closing \""),
        RonError::TrailingCharacters => words("there is more text after the closing bracket", "remove it"),
        RonError::UnclosedBlockComment => words("this comment is not closed", "add */"),
        RonError::Eof => words("the text ends too early", "close all brackets"),
        RonError::ExpectedMapColon => words("a colon is missing after the name of a field", "write name: value"),
        RonError::ExpectedNamedStructLike(_) | RonError::ExpectedDifferentStructName { .. } => {
            words("a scenario starts with an opening round bracket", "write ( version: 1, name: \"…\", source: … )")
        }
        other => (other.to_string().replace("Expected", "expected"), String::new()),
    };
    Mistake { path: String::new(), range: at..at, what, expected: String::new(), advice }
}

fn one_of(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn shorten(value: &str) -> String {
    let line = value.lines().next().unwrap_or_default();
    let short: String = line.chars().take(40).collect();
    if short.len() < value.len() { format!("{short}…") } else { short }
}

fn first_line(text: &str, range: Range<usize>) -> Range<usize> {
    let end = text[range.clone()].find('\n').map_or(range.end, |n| range.start + n);
    range.start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Changes, parse};

    const TEXT: &str = include_str!("../../scenarios/chain6.ron");

    /// Places in the text are bytes: none may fall inside a character, whatever stands there.
    #[test]
    fn characters_of_several_bytes_are_no_trouble_anywhere() {
        let read = |text: &str| {
            for set in [vec![], vec!["train.updates=7".to_string()], vec!["name=\u{7f6}\u{1f980}".to_string()]] {
                let changes = Changes { set, quick: false };
                let _ = parse(text, "s.ron", std::path::Path::new("."), &changes);
            }
        };
        read("//\n(e\"\"e:\u{7f6}(");
        let odd =
            ["\u{7f6}", "é", "\u{2028}", "\u{1f980}", "(", "\"", ":", "'\u{7f6}", "\\é", "r#\"é", "/*é", "a\u{7f6}:"];
        let mut state = 1u64;
        let mut draw = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..400 {
            let mut text = TEXT.to_string();
            for _ in 0..=draw(4) {
                let from = text.floor_char_boundary(draw(text.len() + 1));
                let to = text.ceil_char_boundary((from + draw(3) * draw(8)).min(text.len()));
                text.replace_range(from..to, odd[draw(odd.len())]);
            }
            read(&text);
        }
    }

    /// After a value of several bytes was taken out, the next mistake of the line still has its own place.
    #[test]
    fn a_second_mistake_of_a_line_stands_where_it_is() {
        let text = "(version: 1, name: \"x\", seed: \u{e9}\u{e9}\u{e9}, oops: 1, source: Model(path: \"m\"))";
        let reading = read(text, &Index::new(text));
        let places: Vec<&str> = reading.mistakes.iter().map(|m| &text[m.range.clone()]).collect();
        assert_eq!(places, ["\u{e9}\u{e9}\u{e9}", "oops"]);
    }
}
