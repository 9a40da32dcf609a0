//! What a signal does.
//!
//! INT, TERM, HUP, USR1 and USR2 ask to stop. Work that can be kept answers for itself: a training writes a checkpoint,
//! and [`crate::events::Listener::answers_stops`] says so. Whoever looks at requests ends in its own way. All else is ended
//! by a thread of its own within a second, whatever it is doing, and leaves no unfinished file behind.
//!
//! Signals that come together are one request: `timeout` and the starters of batch systems send theirs to a program and
//! again to its group, within microseconds or, on a busy machine, later. An INT, TERM or HUP that comes more than two
//! seconds after the first of these ends the program at once. USR1 and USR2 never do: batch systems send them some time
//! before the limit of a job and TERM at the limit, when a checkpoint may be on its way. A hang-up that whoever started
//! the program has it ignore (`nohup`) stays ignored.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[cfg(unix)]
use signal_hook::consts::{SIGHUP, SIGUSR1, SIGUSR2};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::data;
use crate::error::Error;

/// Time between looks at signals.
const LOOK: Duration = Duration::from_millis(50);
/// Time that a computation has to take note of a request before it is ended.
const NOTICE: Duration = Duration::from_millis(400);
/// Signals so close to the first are one request with it.
const TOGETHER: Duration = Duration::from_secs(2);

/// Requests to stop.
#[derive(Debug)]
pub(super) struct Signals {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The newest signal that nobody has looked at.
    received: Arc<AtomicUsize>,
    /// The signal that asked to stop, 0 before.
    request: AtomicI32,
    /// Whether the computation knows of it.
    noticed: AtomicBool,
    /// Whether the computation answers for itself.
    answers: AtomicBool,
}

impl Signals {
    /// Starts listening; None where the system refuses. `advice` is printed last when the program is ended here.
    pub(super) fn listen(advice: Option<String>) -> Option<Self> {
        let shared = Arc::new(Shared::default());
        for signal in asking() {
            flag::register_usize(signal, Arc::clone(&shared.received), signal as usize).ok()?;
        }
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("signals".into()).spawn(move || watch(&theirs, advice.as_deref())).ok()?;
        Some(Self { shared })
    }

    /// The signal that asked to stop; whoever is told ends soon.
    pub(super) fn received(&self) -> Option<i32> {
        match self.shared.request.load(Ordering::Relaxed) {
            0 => None,
            signal => {
                self.shared.noticed.store(true, Ordering::Relaxed);
                Some(signal)
            }
        }
    }

    pub(super) fn answers(&self, answers: bool) {
        self.shared.answers.store(answers, Ordering::Relaxed);
    }
}

/// Signals that ask to stop.
fn asking() -> Vec<i32> {
    #[cfg(unix)]
    let more = [SIGHUP, SIGUSR1, SIGUSR2].into_iter().filter(|&s| s != SIGHUP || !data::ignores_signal(s));
    #[cfg(not(unix))]
    let more = [];
    [SIGINT, SIGTERM].into_iter().chain(more).collect()
}

/// Whether a signal that comes late ends the program at once.
fn is_urgent(signal: i32) -> bool {
    #[cfg(unix)]
    let hangs_up = signal == SIGHUP;
    #[cfg(not(unix))]
    let hangs_up = false;
    hangs_up || signal == SIGINT || signal == SIGTERM
}

/// What has been asked so far.
#[derive(Debug, Default)]
struct Requests {
    first: Option<(i32, Duration)>,
    /// When the first signal came that the next one of its kind makes an order.
    urgent: Option<Duration>,
}

impl Requests {
    /// Takes a signal that came at `now`; whether the program ends at once.
    fn take(&mut self, signal: i32, now: Duration) -> bool {
        self.first.get_or_insert((signal, now));
        is_urgent(signal) && now - *self.urgent.get_or_insert(now) > TOGETHER
    }
}

fn watch(shared: &Shared, advice: Option<&str>) {
    let (begin, mut requests) = (Instant::now(), Requests::default());
    loop {
        std::thread::sleep(LOOK);
        let now = begin.elapsed();
        if let Ok(signal @ 1..) = i32::try_from(shared.received.swap(0, Ordering::Relaxed)) {
            let is_first = requests.first.is_none();
            if requests.take(signal, now) {
                end(signal, advice);
            }
            if is_first {
                shared.request.store(signal, Ordering::Relaxed);
                if shared.answers.load(Ordering::Relaxed) {
                    say("stopping after a checkpoint; again to stop at once");
                }
            }
        }
        if let Some((signal, at)) = requests.first
            && now - at > NOTICE
            && !shared.answers.load(Ordering::Relaxed)
            && !shared.noticed.load(Ordering::Relaxed)
        {
            end(signal, advice);
        }
    }
}

/// Ends the program; what is not finished leaves nothing behind.
fn end(signal: i32, advice: Option<&str>) -> ! {
    data::abandon_files();
    let error = Error::Stopped(signal);
    say(&format!("error: {error}"));
    if let Some(advice) = advice {
        say(advice);
    }
    signal_hook::low_level::exit(i32::from(error.exit_code()))
}

/// Prints a line, over a bar where there is one.
fn say(text: &str) {
    let mut stderr = std::io::stderr();
    let clear = if stderr.is_terminal() { "\r\x1b[2K" } else { "" };
    let _ = writeln!(stderr, "{clear}{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(signals: &[(i32, u64)]) -> Vec<bool> {
        let mut requests = Requests::default();
        signals.iter().map(|&(signal, at)| requests.take(signal, Duration::from_millis(at))).collect()
    }

    #[test]
    fn signals_that_come_together_are_one() {
        assert_eq!(ends(&[(SIGTERM, 0), (SIGTERM, 0), (SIGTERM, 1900)]), [false; 3]);
        assert_eq!(ends(&[(SIGTERM, 0), (SIGINT, 2100)]), [false, true]);
        assert_eq!(ends(&[(SIGINT, 5000), (SIGINT, 6900), (SIGINT, 7100)]), [false, false, true]);
    }

    #[cfg(unix)]
    #[test]
    fn a_notice_before_the_limit_is_no_first_request() {
        assert_eq!(ends(&[(SIGUSR1, 0), (SIGTERM, 30_000), (SIGTERM, 30_100)]), [false; 3]);
        assert_eq!(ends(&[(SIGUSR1, 0), (SIGUSR2, 9000), (SIGUSR1, 20_000)]), [false; 3]);
        assert_eq!(ends(&[(SIGHUP, 0), (SIGTERM, 3000)]), [false, true]);
    }
}
