//! How what is as large as the weights is divided among buffers, so that none is larger than a kernel may see.
//!
//! Each buffer holds the rows of some visible units, whole words and whole lanes of 64 of them, so that the sums which
//! go from one buffer to the next are cut where no addition is: results do not depend on the division.

use std::ops::Range;

/// Visible units by buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Division {
    n_visible: usize,
    /// Rows of every buffer but the last.
    rows: usize,
}

/// Rows are divided at multiples of this: the lanes of a sum over visible units, two packed words.
const QUANTUM: usize = 64;

impl Division {
    /// The fewest buffers of at most `largest` bytes for rows of `row_bytes` bytes, about equally long. Rows so long
    /// that not even the fewest fit are divided all the same: the buffers are refused when they are made.
    pub(super) fn new(n_visible: usize, row_bytes: usize, largest: u64) -> Self {
        let fitting = usize::try_from(largest / (row_bytes as u64).max(1)).unwrap_or(usize::MAX);
        if n_visible <= fitting {
            return Self { n_visible, rows: n_visible };
        }
        let most = (fitting / QUANTUM * QUANTUM).max(QUANTUM);
        let buffers = n_visible.div_ceil(most);
        Self { n_visible, rows: n_visible.div_ceil(buffers).next_multiple_of(QUANTUM) }
    }

    /// Number of buffers.
    pub(super) fn buffers(&self) -> usize {
        self.n_visible.div_ceil(self.rows.max(1))
    }

    /// Visible units of each buffer.
    pub(super) fn parts(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.n_visible).step_by(self.rows.max(1)).map(move |first| first..self.n_visible.min(first + self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fit_and_cover_all_units() {
        for n_visible in [1, 63, 64, 65, 128, 1000, 100_000] {
            for fitting in [64, 65, 127, 128, 500, 1 << 20] {
                let division = Division::new(n_visible, 12, 12 * fitting as u64);
                let parts: Vec<_> = division.parts().collect();
                assert_eq!(parts.len(), division.buffers());
                assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, n_visible));
                assert!(parts.windows(2).all(|two| two[0].end == two[1].start && two[1].start % QUANTUM == 0));
                assert!(parts.iter().all(|part| (1..=fitting).contains(&part.len())), "{parts:?}");
                assert_eq!(parts.len() == 1, n_visible <= fitting);
            }
        }
        assert_eq!(Division::new(1000, 1 << 20, 1 << 20).parts().next(), Some(0..64), "refused when it is made");
    }
}
