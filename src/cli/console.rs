//! Results to stdout, everything else to stderr.

use std::io::{IsTerminal, Write};

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
    pub(super) fn new(global: &Global) -> Self {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { json: global.json, colour, progress: Progress::new(global, colour) }
    }

    /// Shows progress and log of a computation.
    pub(super) fn listener(&mut self) -> &mut Progress {
        &mut self.progress
    }

    /// Prints the result: `value` as JSON, or `text`. A closed pipe is quiet.
    pub(super) fn result(&mut self, value: &impl Serialize, text: &str) -> Result<()> {
        self.progress.clear();
        if self.json {
            let json = serde_json::to_string(value)
                .map_err(|e| Error::Numerics(Fault::new(format!("a result cannot be written as JSON: {e}"))))?;
            print(&json);
        } else {
            print(&printable(text.trim_end()));
        }
        Ok(())
    }

    /// Prints text as it is.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        let _ = std::io::stdout().write_all(bytes);
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

fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
}
