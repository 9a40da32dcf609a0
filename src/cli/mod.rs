//! The command line: parses flags, picks a command, prints its result and turns errors into exit codes.
//!
//! stdout is the result (one JSON object with `--json`), stderr is progress and log. Exit codes: 0 done, 1 the run
//! failed, 2 usage or input at fault, 3 finished but a check failed, 130, 138 and 143 stopped by INT, USR1 and TERM.

mod args;
mod commands;
mod console;
mod progress;
mod signals;
mod text;

use std::process::ExitCode;

use self::args::{Cli, Command};
use self::console::Console;
use crate::error::{Error, Result};

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a closed pipe is no reason to complain either.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let mut console = Console::new(&cli.global);
    match dispatch(&cli, &mut console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.error(&error);
            if matches!(error, Error::Stopped(_)) && matches!(cli.command, Command::Run(_) | Command::Train(_)) {
                console.listener().line("  do:       the same command with --resume goes on from the last checkpoint");
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
        Command::Devices => c::devices::devices(global, console),
        Command::Shaders(args) => c::shaders::shaders(args, console),
        Command::Completions(args) => c::completions::completions(args, console),
    }
}

/// The command line as it was typed.
fn command_line() -> Vec<String> {
    std::env::args().collect()
}

/// A check that did not hold, as an error with exit code 3.
fn failed(text: impl Into<String>) -> Error {
    Error::Check(text.into())
}
