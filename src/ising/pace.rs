//! Sweeps in pieces short enough for a run to be stopped between them.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::walkers::Walkers;
use crate::error::{Error, Result};
use crate::events::Listener;

/// Pieces shorter than this grow, longer ones than [`LONG`] shrink: a stop is noticed within a fraction of a second.
const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_millis(200);

/// How many sweeps are done at a time. Where sweeps are enqueued they are waited for at the end of a piece, so that the queue
/// stays as short; results do not depend on where a piece ends.
#[derive(Debug)]
pub(super) struct Pace {
    piece: u32,
    pending: u32,
    since: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { piece: 1, pending: 0, since: Instant::now() }
    }

    /// Does the sweeps `sweeps`.
    ///
    /// # Errors
    /// [`Error::Stopped`] on a signal, with the replicas somewhere between; device failures.
    pub(super) fn sweep(
        &mut self,
        walkers: &mut dyn Walkers,
        sweeps: Range<u32>,
        listener: &dyn Listener,
    ) -> Result<()> {
        let mut from = sweeps.start;
        while from < sweeps.end {
            if self.pending == 0 {
                self.since = Instant::now();
            }
            let to = (from + (self.piece - self.pending)).min(sweeps.end);
            walkers.sweep(from..to, &|| listener.stop_requested().is_some());
            self.pending += to - from;
            from = to;
            if self.pending >= self.piece {
                stop_if_asked(listener)?;
                walkers.finish()?;
                self.pending = 0;
                match self.since.elapsed() {
                    took if took < SHORT => self.piece = (2 * self.piece).min(1 << 20),
                    took if took > LONG => self.piece = (self.piece / 2).max(1),
                    _ => {}
                }
            }
        }
        stop_if_asked(listener)
    }
}

/// Ends a run that was asked to stop.
pub(super) fn stop_if_asked(listener: &dyn Listener) -> Result<()> {
    listener.stop_requested().map_or(Ok(()), |signal| Err(Error::Stopped(signal)))
}
