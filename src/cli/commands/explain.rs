//! `gibbsite explain [KEY]`: what a setting does, from the settings themselves.

use std::fmt::Write;

use clap::{Args, Command};
use serde::Serialize;

use crate::cli::args::ExplainArgs;
use crate::cli::console::Console;
use crate::error::{Error, Fault, Result};
use crate::settings::{
    CouplingsSettings, LikelihoodSettings, ModelSettings, SampleSettings, TrainSettings, nearest_name,
};

/// A setting, as a scenario names it.
#[derive(Debug, Serialize)]
struct Setting {
    /// E.g. `train.learning_rate`.
    key: String,
    /// The flag of a command.
    flag: String,
    /// What it takes.
    takes: String,
    /// What is taken where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    what: String,
}

pub(in crate::cli) fn explain(args: &ExplainArgs, console: &mut Console) -> Result<()> {
    let all = settings();
    let wanted = args.key.as_deref().unwrap_or_default().replace('-', "_");
    let fits = |setting: &&Setting| {
        let key = &setting.key;
        wanted.is_empty() || *key == wanted || key.split('.').any(|part| part == wanted)
    };
    let found: Vec<&Setting> = all.iter().filter(fits).collect();
    if found.is_empty() {
        let keys: Vec<&str> =
            all.iter().flat_map(|s| [s.key.as_str(), s.key.rsplit('.').next().unwrap_or("")]).collect();
        let near = nearest_name(&wanted, &keys);
        return Err(Error::Input(
            Fault::new(format!("no setting is called `{wanted}`"))
                .expected("a block, a key, or both, as in train.learning_rate")
                .advice(near.map_or("without a key all of them are listed".into(), |n| format!("did you mean `{n}`?"))),
        ));
    }
    let text = if args.markdown { markdown(&found) } else { found.iter().map(|setting| entry(setting)).collect() };
    console.result(&found, &text)
}

fn entry(setting: &Setting) -> String {
    let Setting { key, flag, takes, default, what } = setting;
    let default = default.as_ref().map_or(String::new(), |default| format!(", default {default}"));
    format!("{key}  ({flag} {takes}{default})\n    {what}\n")
}

/// A table for each block.
fn markdown(settings: &[&Setting]) -> String {
    let (mut out, mut block) = (String::new(), "");
    for Setting { key, flag, takes, default, what } in settings {
        let (of, name) = key.split_once('.').unwrap_or(("", key));
        if of != block {
            let _ = write!(out, "\n`{of}: (…)`:\n\n| key | flag | default | what |\n| --- | --- | --- | --- |\n");
            block = of;
        }
        let cell = |text: &str| text.replace('|', "\\|");
        let default = default.as_deref().unwrap_or("none");
        let _ = writeln!(out, "| `{name}` | `{flag} {}` | {} | {} |", cell(takes), cell(default), cell(what));
    }
    out.trim_start().to_string()
}

fn settings() -> Vec<Setting> {
    let blocks = [
        ("model", ModelSettings::augment_args(Command::new("model"))),
        ("train", TrainSettings::augment_args(Command::new("train"))),
        ("sample", SampleSettings::augment_args(Command::new("sample"))),
        ("likelihood", LikelihoodSettings::augment_args(Command::new("likelihood"))),
        ("couplings", CouplingsSettings::augment_args(Command::new("couplings"))),
    ];
    blocks.iter().flat_map(|(block, command)| command.get_arguments().map(|arg| setting(block, arg))).collect()
}

fn setting(block: &str, arg: &clap::Arg) -> Setting {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let (what, default) = match help.split_once("[default: ") {
        Some((what, rest)) => (what.trim(), Some(rest.trim_end_matches(']').replace('\n', " "))),
        None => (help.trim(), arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned())),
    };
    let takes: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    Setting {
        key: format!("{block}.{}", arg.get_id()),
        flag: format!("--{}", arg.get_long().unwrap_or_default()),
        takes: takes.join(" "),
        default,
        what: what.replace('\n', " "),
    }
}
