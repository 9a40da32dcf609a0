//! What long computations tell whoever started them; they neither print nor write files themselves.

/// A message from a running computation.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// `done` of `total` units of work of a named stage; `note` holds the numbers that matter now.
    Progress {
        /// Name of the stage, e.g. `train`.
        stage: &'static str,
        /// Work done so far.
        done: u64,
        /// All the work.
        total: u64,
        /// One short line, e.g. `log-likelihood −25.9 ± 0.1`.
        note: String,
    },
    /// Something the user should know though the run goes on.
    Warning(String),
    /// A fact for the log.
    Info(String),
}

/// Receives events and says whether to stop.
pub trait Listener {
    /// Takes one event.
    fn event(&mut self, event: Event);

    /// The signal that asked the run to stop, if one did; polled between updates. Whoever is told of one ends soon.
    fn stop_requested(&self) -> Option<i32> {
        None
    }

    /// Says whether from now on the computation polls [`Self::stop_requested`] and keeps its work before it ends. Whoever
    /// started one that does not may end it where it is.
    fn answers_stops(&mut self, answers: bool) {
        let _ = answers;
    }
}

/// Ignores everything; for tests and library use.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Listener for Silent {
    fn event(&mut self, _event: Event) {}
}

/// Keeps progress to itself: that of a part of what is going on.
pub struct Quiet<'a>(pub &'a mut dyn Listener);

impl std::fmt::Debug for Quiet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Quiet")
    }
}

impl Listener for Quiet<'_> {
    fn event(&mut self, event: Event) {
        if !matches!(event, Event::Progress { .. }) {
            self.0.event(event);
        }
    }

    fn stop_requested(&self) -> Option<i32> {
        self.0.stop_requested()
    }
}
