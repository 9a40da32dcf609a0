//! INT, TERM and USR1 ask a run to stop after a checkpoint; a second INT or TERM ends the program at once.
//!
//! Batch systems send USR1 some time before the limit of a job and TERM at the limit: the one does not make the other a
//! second signal, so a checkpoint that is being written is finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(unix)]
use signal_hook::consts::SIGUSR1;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signal received, if any.
#[derive(Debug)]
pub(super) struct Signals {
    received: Arc<AtomicUsize>,
}

impl Signals {
    /// Starts listening; None where the system refuses.
    pub(super) fn listen() -> Option<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the second signal finds the flag of the first already set.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again)).ok()?;
            flag::register(signal, Arc::clone(&again)).ok()?;
            flag::register_usize(signal, Arc::clone(&received), signal as usize).ok()?;
        }
        #[cfg(unix)]
        flag::register_usize(SIGUSR1, Arc::clone(&received), SIGUSR1 as usize).ok()?;
        Some(Self { received })
    }

    pub(super) fn received(&self) -> Option<i32> {
        match self.received.load(Ordering::Relaxed) {
            0 => None,
            signal => i32::try_from(signal).ok(),
        }
    }
}
