//! Copies the rows of a minibatch out of the data set.
//!
//! Maths: row p of the batch is row π(first + p) of the data, π the epoch's Feistel permutation.
//! Shapes: data `[rows, n_visible]` packed, batch `[count, n_visible]` packed.
//! Random: keys of the permutation, see [`crate::rng::Permutation`].
//! Class: exact.

use crate::backend::Minibatch;

/// Fills `batch` from `data`, both packed with `words` words a row.
pub(crate) fn gather(data: &[u32], words: usize, minibatch: &Minibatch, batch: &mut [u32]) {
    for (p, row) in batch.chunks_exact_mut(words).enumerate() {
        let from = minibatch.permutation.row(minibatch.first + p as u32) as usize;
        row.copy_from_slice(&data[from * words..(from + 1) * words]);
    }
}
