//! `--set KEY=VALUE`: changes the text of a scenario before anything is made of it, so that a value given on the
//! command line is checked and shown exactly like one in the file.

use super::position::Index;
use super::syntax;
use crate::error::{Error, Fault, Result};

/// Applies settings in order. Keys are dotted, values are RON; a text may leave out its quotes.
///
/// # Errors
/// [`Error::Input`] naming the setting that is malformed, unknown or of the wrong type.
pub(crate) fn apply(text: &str, settings: &[String]) -> Result<String> {
    let mut text = text.to_string();
    for setting in settings {
        text = apply_one(&text, setting)?;
    }
    Ok(text)
}

fn fault(setting: &str, what: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::new(what).at(format_args!("--set {setting}")).expected(expected)
}

fn apply_one(text: &str, setting: &str) -> Result<String> {
    let wrong =
        |what: &str| Error::Input(fault(setting, what, "--set KEY=VALUE, for example --set train.updates=1000"));
    let (key, value) = setting.split_once('=').ok_or_else(|| wrong("a setting without `=`"))?;
    let (key, value) = (key.trim(), value.trim());
    let is_name = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "_[]".contains(c));
    if !key.split('.').all(is_name) {
        return Err(wrong("this key is not a dotted name"));
    }
    if value.is_empty() {
        return Err(wrong("a setting without a value"));
    }
    let quoted = format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let plain = try_value(text, setting, key, value);
    let fault = match plain {
        Ok(text) => return Ok(text),
        Err(fault) => fault,
    };
    try_value(text, setting, key, &quoted).map_err(|_| Error::Input(fault))
}

/// The text with `key` set to `value`, when it can be read.
fn try_value(text: &str, setting: &str, key: &str, value: &str) -> std::result::Result<String, Fault> {
    let edited = edit(text, key, value).map_err(|what| fault(setting, what, "a field of the scenario"))?;
    let index = Index::new(&edited);
    if index.get(key).is_none_or(|e| &edited[e.value.clone()] != value) {
        return Err(fault(
            setting,
            format!("`{value}` is not one value"),
            "one RON value: 3, 0.5, true, \"text\", [1, 2]",
        ));
    }
    let reading = syntax::read(&edited, &index);
    match reading.mistakes.into_iter().next() {
        None => Ok(edited),
        Some(mistake) => {
            let fault = fault(setting, mistake.what, mistake.expected);
            Err(if mistake.advice.is_empty() { fault } else { fault.advice(mistake.advice) })
        }
    }
}

/// Replaces the value at `key`, or adds the field to its parent, which is made if need be.
fn edit(text: &str, key: &str, value: &str) -> std::result::Result<String, String> {
    let index = Index::new(text);
    if let Some(entry) = index.get(key) {
        let mut edited = text.to_string();
        edited.replace_range(entry.value.clone(), value);
        return Ok(edited);
    }
    if key.ends_with(']') {
        return Err(format!("there is no element `{key}`"));
    }
    let (parent, name) = key.rsplit_once('.').unwrap_or(("", key));
    match index.get(parent) {
        Some(entry) => {
            let body = &text[entry.value.clone()];
            if body == "None" {
                return edit(text, parent, &format!("({name}: {value})"));
            }
            let open = body.find('(').filter(|_| body.ends_with(')'));
            let open = entry.value.start + open.ok_or_else(|| format!("`{parent}` has no fields"))?;
            let mut edited = text.to_string();
            edited.insert_str(open + 1, &format!("{name}: {value}, "));
            Ok(edited)
        }
        None if parent.is_empty() => Err("the scenario has no fields".to_string()),
        None => edit(text, parent, &format!("({name}: {value})")),
    }
}
