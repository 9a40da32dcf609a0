//! Where the rows of a data set are: in memory, or somewhere that gives them by number.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::{Settings, minibatch};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::rng::derive_seed;
use crate::sample::Moves;

/// Rows of a data set by number.
pub trait RowSource: Sync {
    /// Number of rows.
    fn rows(&self) -> usize;

    /// Units of a row.
    fn units(&self) -> usize;

    /// The rows named, in that order.
    ///
    /// # Errors
    /// When they cannot be read.
    fn fetch(&self, rows: &[u32]) -> Result<BitMatrix>;

    /// Number of ones of every unit, `[units]`.
    fn ones(&self) -> Vec<u64>;

    /// All rows, where they are in memory.
    fn in_memory(&self) -> Option<&BitMatrix> {
        None
    }
}

impl RowSource for BitMatrix {
    fn rows(&self) -> usize {
        BitMatrix::rows(self)
    }

    fn units(&self) -> usize {
        self.cols()
    }

    fn fetch(&self, rows: &[u32]) -> Result<BitMatrix> {
        let rows: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
        Ok(self.select_rows(&rows))
    }

    fn ones(&self) -> Vec<u64> {
        self.column_counts()
    }

    fn in_memory(&self) -> Option<&BitMatrix> {
        Some(self)
    }
}

/// Bytes of packed rows that are fetched at once: many minibatches of small rows, in one pass over a file.
const CHUNK_BYTES: usize = 8 << 20;
/// Chunks that wait to be used, besides the one that is fetched.
const WAITING: usize = 1;

/// Minibatches that are fetched while earlier ones are used.
pub(super) struct Fetched {
    chunks: Receiver<Result<BitMatrix>>,
    chunk: BitMatrix,
    used: usize,
}

/// Fetches the minibatches of `updates` in order; ends when nobody takes them any more.
fn fetch(source: &dyn RowSource, settings: &Settings, updates: Range<u64>, chunks: &SyncSender<Result<BitMatrix>>) {
    let rows = source.rows() as u32;
    let at_once = (CHUNK_BYTES / (4 * source.units().div_ceil(32) * settings.batch)).max(1);
    for first in updates.clone().step_by(at_once) {
        let updates_of_chunk = first..updates.end.min(first + at_once as u64);
        let row_numbers = |t| {
            let batch = minibatch(settings, rows, t);
            (0..batch.count).map(move |i| batch.permutation.row(batch.first + i))
        };
        let numbers: Vec<u32> = updates_of_chunk.clone().flat_map(row_numbers).collect();
        let chunk = source.fetch(&numbers).map(|rows| moved(rows, settings, &updates_of_chunk));
        let failed = chunk.is_err();
        if chunks.send(chunk).is_err() || failed {
            return;
        }
    }
}

/// The rows of the minibatches of `updates`, each moved by a random symmetry where the settings say so.
fn moved(rows: BitMatrix, settings: &Settings, updates: &Range<u64>) -> BitMatrix {
    if settings.augment == Moves::NONE {
        return rows;
    }
    let (first, batch) = (updates.start, settings.batch);
    let place = |row: usize| ((first + (row / batch) as u64) as u32, (row % batch) as u32);
    settings.augment.scatter(rows, derive_seed(settings.seed, "augmentation"), place)
}

impl Fetched {
    /// Fetches the minibatches of `updates` beside `task`, which takes them one by one.
    pub(super) fn beside<T>(
        source: &dyn RowSource,
        settings: &Settings,
        updates: Range<u64>,
        task: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let (sender, chunks) = sync_channel(WAITING);
        std::thread::scope(|scope| {
            scope.spawn(move || fetch(source, settings, updates, &sender));
            // Taken along and dropped before the scope waits: a fetch that nobody takes then ends.
            let mut fetched = Self { chunks, chunk: BitMatrix::zeros(0, source.units()), used: 0 };
            task(&mut fetched)
        })
    }

    /// The next minibatch of `count` rows.
    ///
    /// # Errors
    /// When its rows could not be read.
    pub(super) fn next(&mut self, count: usize) -> Result<BitMatrix> {
        if self.used == self.chunk.rows() {
            // The fetching thread sends as many minibatches as there are, or an error.
            let ended = || crate::error::Error::device("the thread that reads rows ended early");
            self.chunk = self.chunks.recv().map_err(|_| ended())??;
            self.used = 0;
        }
        let batch = self.chunk.slice_rows(self.used..self.used + count);
        self.used += count;
        Ok(batch)
    }
}
