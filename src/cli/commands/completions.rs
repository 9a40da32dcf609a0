//! `gibbsite completions SHELL`.

use clap::CommandFactory;

use crate::cli::args::{Cli, CompletionsArgs};
use crate::cli::console::Console;
use crate::error::Result;

pub(in crate::cli) fn completions(args: &CompletionsArgs, console: &mut Console) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gibbsite", &mut script);
    console.raw(&script)
}
