//! Progress and log of running computations: a bar on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{Global, ProgressMode};
use super::signals::Signals;
use super::text::printable;
use crate::events::{Event, Listener};

/// Time between log lines where there is no bar.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// Prints events.
#[derive(Debug)]
pub(super) struct Progress {
    bars: bool,
    lines: bool,
    info: bool,
    colour: bool,
    bar: Option<(&'static str, ProgressBar)>,
    logged: Option<(&'static str, Instant)>,
    signals: Option<Signals>,
}

impl Progress {
    /// `advice` is the last word of a program that a signal ends.
    pub(super) fn new(global: &Global, colour: bool, advice: Option<String>) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let shown = !global.quiet && global.progress != ProgressMode::Never;
        let bars = shown && (terminal || global.progress == ProgressMode::Always);
        Self {
            bars,
            lines: shown && !bars,
            info: !global.quiet,
            colour,
            bar: None,
            logged: None,
            signals: Signals::listen(advice),
        }
    }

    /// Takes the bar away, before something else is printed.
    pub(super) fn clear(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Prints a line above the bar.
    pub(super) fn line(&mut self, text: &str) {
        let print = || {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        };
        match &self.bar {
            Some((_, bar)) => bar.suspend(print),
            None => print(),
        }
    }

    fn progress(&mut self, stage: &'static str, done: u64, total: u64, note: &str) {
        if self.bars {
            if self.bar.as_ref().is_none_or(|(name, _)| *name != stage) {
                self.clear();
                let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
                let template = "{prefix:>11} {bar:30} {percent:>3}%  {elapsed} < {eta}  {wide_msg}";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style.progress_chars("━╸ "));
                }
                bar.set_prefix(stage);
                self.bar = Some((stage, bar));
            }
            if let Some((_, bar)) = &self.bar {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(note.to_string());
            }
            if done >= total {
                self.clear();
            }
        } else if self.lines {
            let due = self.logged.is_none_or(|(name, at)| name != stage || at.elapsed() >= LOG_EVERY);
            if due || (done >= total && self.logged.is_some_and(|(name, _)| name == stage)) {
                self.logged = Some((stage, Instant::now()));
                self.line(&format!("{stage}: {done}/{total} {note}"));
            }
        }
    }
}

impl Listener for Progress {
    fn event(&mut self, event: Event) {
        match event {
            Event::Progress { stage, done, total, note } => self.progress(stage, done, total, &note),
            Event::Warning(text) => {
                let label = if self.colour { "\x1b[1;33mwarning\x1b[0m" } else { "warning" };
                self.line(&format!("{label}: {}", printable(&text)));
            }
            Event::Info(text) if self.info => self.line(&printable(&text)),
            Event::Info(_) => {}
        }
    }

    fn stop_requested(&self) -> Option<i32> {
        self.signals.as_ref().and_then(Signals::received)
    }

    fn answers_stops(&mut self, answers: bool) {
        if let Some(signals) = &self.signals {
            signals.answers(answers);
        }
    }
}
