//! The command line: parses flags, picks a command, prints its result and turns errors into exit codes.
//!
//! stdout is the result (one JSON object with `--json`), stderr is progress and log. Exit codes: 0 done, 1 the run
//! failed, 2 usage or input at fault, 3 finished but a check failed, 128 + N stopped by signal N (129 HUP, 130 INT, 138
//! USR1, 140 USR2, 143 TERM).

mod args;
mod commands;
mod console;
mod progress;
mod signals;
mod text;

use std::path::Path;
use std::process::ExitCode;

use self::args::{Cli, Command};
use self::console::{Console, written};
use crate::data;
use crate::error::{Error, Fault, Result};

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a closed pipe is no reason to complain either.
            let code = if error.use_stderr() { 2 } else { 0 };
            let printed = error.print().or_else(|error| written(&error));
            return ExitCode::from(printed.map_or_else(|error| error.exit_code().max(code), |()| code));
        }
    };
    let advice = matches!(cli.command, Command::Run(_) | Command::Train(_)).then(going_on);
    let mut console = Console::new(&cli.global, advice.clone());
    match dispatch(&cli, &mut console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&error);
            if let (Error::Stopped(_), Some(advice)) = (&error, advice) {
                console.listener().line(&advice);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(cli: &Cli, console: &mut Console) -> Result<()> {
    use self::commands as c;
    let global = &cli.global;
    match &cli.command {
        Command::Run(args) => c::run::run(args, global, console),
        Command::Check(args) => c::check::check(args, global, console),
        Command::Ising(args) => c::ising::ising(args, global, console),
        Command::Train(args) => c::train::train(args, global, console),
        Command::Sample(args) => c::sample::sample(args, global, console),
        Command::Likelihood(args) => c::likelihood::likelihood(args, global, console),
        Command::Couplings(args) => c::couplings::couplings(args, global, console),
        Command::Observe(args) => c::observe::observe(args, global, console),
        Command::Report(args) => c::report::report(args, console),
        Command::Verify(args) => c::verify::verify(args, global, console),
        Command::Bench(args) => c::bench::bench(args, global, console),
        Command::Explain(args) => c::explain::explain(args, console),
        Command::Devices => c::devices::devices(global, console),
        Command::Shaders(args) => c::shaders::shaders(args, console),
        Command::Completions(args) => c::completions::completions(args, console),
    }
}

/// The command line as it was typed; what is not Unicode in it is marked.
fn command_line() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// How a stopped command is gone on with.
fn going_on() -> String {
    let mut words = command_line();
    words.retain(|word| word != "--force" && word != "--resume");
    words.push("--resume".to_string());
    let quoted = |word: &String| {
        let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
        let is_plain = !word.is_empty() && word.chars().all(plain);
        if is_plain { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    format!("  do:       go on with: {}", words.iter().map(quoted).collect::<Vec<_>>().join(" "))
}

/// Checks outputs before any work; without `force` none may be there already.
fn check_outputs(outputs: &[&Path], inputs: &[&Path], force: bool) -> Result<()> {
    data::check_outputs(outputs, inputs)?;
    match outputs.iter().find(|path| !force && path.exists()) {
        Some(path) => Err(there_already(path, "give another name, or --force to replace it")),
        None => Ok(()),
    }
}

/// Something that is there already and was not to be replaced.
fn there_already(path: &Path, advice: &str) -> Error {
    Error::Input(
        Fault::new("this is there already").at(path.display()).expected("the name of a new file").advice(advice),
    )
}

/// A check that did not hold, as an error with exit code 3.
fn failed(text: impl Into<String>) -> Error {
    Error::Check(text.into())
}
