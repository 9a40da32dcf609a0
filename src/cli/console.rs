//! Results to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::args::Global;
use super::progress::Progress;
use super::text::printable;
use crate::error::{Error, Fault, Result};

/// The two streams and how to use them.
#[derive(Debug)]
pub(super) struct Console {
    json: bool,
    colour: bool,
    progress: Progress,
}

impl Console {
    /// `advice` is the last word of a program that a signal ends.
    pub(super) fn new(global: &Global, advice: Option<String>) -> Self {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { json: global.json, colour, progress: Progress::new(global, colour, advice) }
    }

    /// Shows progress and log of a computation.
    pub(super) fn listener(&mut self) -> &mut Progress {
        &mut self.progress
    }

    /// Prints the result: `value` as JSON, or `text`. A closed pipe is quiet; a full disk is an error.
    pub(super) fn result(&mut self, value: &impl Serialize, text: &str) -> Result<()> {
        self.progress.clear();
        if self.json {
            let json = serde_json::to_string(value)
                .map_err(|e| Error::Numerics(Fault::new(format!("a result cannot be written as JSON: {e}"))))?;
            print(format!("{json}\n").as_bytes())
        } else {
            print(format!("{}\n", printable(text.trim_end())).as_bytes())
        }
    }

    /// Prints text as it is.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        print(bytes)
    }

    /// Prints an error to stderr.
    pub(super) fn error(&mut self, error: &Error) {
        self.progress.clear();
        let label = if self.colour { "\x1b[1;31merror\x1b[0m" } else { "error" };
        let text = match error {
            Error::Check(text) => format!("{label}: {}", printable(text)),
            Error::Scenario(text) => printable(text).into_owned(),
            other => format!("{label}: {}", printable(&other.to_string())),
        };
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

fn print(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).or_else(|error| written(&error))
}

/// What a failure to write to stdout means: nothing where the reader has gone.
pub(super) fn written(error: &io::Error) -> Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(Error::File(
        Fault::new(format!("the result cannot be written: {error}"))
            .at("stdout")
            .advice("check the free space where stdout goes"),
    ))
}
