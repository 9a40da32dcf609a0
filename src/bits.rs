//! Packed bits: the states of binary units, 32 to a word.

use std::sync::Arc;

use crate::error::{Error, Fault, Result};

/// A matrix of bits, row-major: bit `j` of row `r` is bit `j % 32` of word `r · words_per_row + j / 32`.
///
/// Bits beyond `cols` in the last word of a row are zero; every writer keeps that. A clone shares the words until one of
/// the two is written to: handing a data set to a backend takes no memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMatrix {
    rows: usize,
    cols: usize,
    words: Arc<Vec<u32>>,
}

impl BitMatrix {
    /// All zero, `[rows, cols]`.
    #[must_use]
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, words: Arc::new(vec![0; rows * cols.div_ceil(32)]) }
    }

    /// Bit (r, j) = `bit(r, j)`.
    pub fn from_fn(rows: usize, cols: usize, mut bit: impl FnMut(usize, usize) -> bool) -> Self {
        let mut words = vec![0; rows * cols.div_ceil(32)];
        for (r, row) in words.chunks_exact_mut(cols.div_ceil(32).max(1)).enumerate() {
            for j in 0..cols {
                row[j / 32] |= u32::from(bit(r, j)) << (j % 32);
            }
        }
        Self { rows, cols, words: Arc::new(words) }
    }

    /// Takes packed words as they are; the length must fit and padding bits must be zero.
    ///
    /// # Errors
    /// [`Error::Input`] when the number of words is wrong or a padding bit is set.
    pub fn from_words(rows: usize, cols: usize, words: Vec<u32>) -> Result<Self> {
        let per_row = cols.div_ceil(32);
        if Some(words.len()) != rows.checked_mul(per_row) {
            return Err(Error::Input(
                Fault::new(format!("packed states have {} words", words.len()))
                    .expected(format!("{rows} rows of {per_row} words for {cols} units")),
            ));
        }
        let padding = padding_mask(cols);
        if per_row > 0 && words.chunks(per_row).any(|row| row[per_row - 1] & padding != 0) {
            return Err(Error::Input(
                Fault::new("packed states have bits set beyond their last unit")
                    .expected(format!("zeros after unit {cols} in every row")),
            ));
        }
        Ok(Self { rows, cols, words: Arc::new(words) })
    }

    /// Number of rows (chains, samples, replicas).
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of bits in a row (units, sites).
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// 32-bit words in a row.
    #[must_use]
    pub fn words_per_row(&self) -> usize {
        self.cols.div_ceil(32)
    }

    /// All words, row after row.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// All words, row after row; the writer keeps padding bits zero.
    pub fn words_mut(&mut self) -> &mut [u32] {
        Arc::<Vec<u32>>::make_mut(&mut self.words)
    }

    /// Words of one row.
    #[must_use]
    pub fn row(&self, r: usize) -> &[u32] {
        let per_row = self.words_per_row();
        &self.words[r * per_row..(r + 1) * per_row]
    }

    /// Bit `j` of row `r`.
    #[must_use]
    pub fn get(&self, r: usize, j: usize) -> bool {
        debug_assert!(j < self.cols, "unit {j} of {}", self.cols);
        self.row(r)[j / 32] >> (j % 32) & 1 == 1
    }

    /// Sets bit `j` of row `r`.
    pub fn set(&mut self, r: usize, j: usize, value: bool) {
        debug_assert!(j < self.cols, "unit {j} of {}", self.cols);
        let index = r * self.words_per_row() + j / 32;
        let mask = 1u32 << (j % 32);
        let word = &mut self.words_mut()[index];
        if value {
            *word |= mask;
        } else {
            *word &= !mask;
        }
    }

    /// Rows `range` as a matrix of their own.
    #[must_use]
    pub fn slice_rows(&self, range: std::ops::Range<usize>) -> Self {
        let per_row = self.words_per_row();
        let words = self.words[range.start * per_row..range.end * per_row].to_vec();
        Self { rows: range.len(), cols: self.cols, words: Arc::new(words) }
    }

    /// The rows named, in that order.
    #[must_use]
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        let mut words = Vec::with_capacity(rows.len() * self.words_per_row());
        for &r in rows {
            words.extend_from_slice(self.row(r));
        }
        Self { rows: rows.len(), cols: self.cols, words: Arc::new(words) }
    }

    /// Row `from(r)` becomes row r, for all rows: `from` is a permutation of them. Takes a bit a row besides, where the words
    /// are not shared.
    pub fn permute_rows(&mut self, from: impl Fn(usize) -> usize) {
        let (rows, per_row) = (self.rows, self.words_per_row());
        let mut moved = vec![0u32; rows.div_ceil(32)];
        let words = self.words_mut();
        let mut first_row = vec![0; per_row];
        for first in 0..rows {
            if moved[first / 32] >> (first % 32) & 1 == 1 {
                continue;
            }
            // Along the cycle: every row goes to the place of the one before.
            first_row.copy_from_slice(&words[first * per_row..][..per_row]);
            let mut to = first;
            loop {
                moved[to / 32] |= 1 << (to % 32);
                let row = from(to);
                if row == first {
                    break;
                }
                words.copy_within(row * per_row..(row + 1) * per_row, to * per_row);
                to = row;
            }
            words[to * per_row..][..per_row].copy_from_slice(&first_row);
        }
    }

    /// Takes the first `count` rows out; the others stay in the memory in which they are.
    #[must_use]
    pub fn take_rows(&mut self, count: usize) -> Self {
        let taken = self.slice_rows(0..count);
        let per_row = self.words_per_row();
        Arc::<Vec<u32>>::make_mut(&mut self.words).drain(..count * per_row);
        self.rows -= count;
        taken
    }

    /// Appends the rows of `other`, which must have as many columns.
    pub fn append(&mut self, other: &Self) {
        assert_eq!(self.cols, other.cols, "rows of different length");
        Arc::<Vec<u32>>::make_mut(&mut self.words).extend_from_slice(&other.words);
        self.rows += other.rows;
    }

    /// Rows and columns exchanged.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut out = Self::zeros(self.cols, self.rows);
        let (per_row, words) = (out.words_per_row(), out.words_mut());
        for r in 0..self.rows {
            for (w, &word) in self.row(r).iter().enumerate() {
                let mut rest = word;
                while rest != 0 {
                    let j = 32 * w + rest.trailing_zeros() as usize;
                    words[j * per_row + r / 32] |= 1 << (r % 32);
                    rest &= rest - 1;
                }
            }
        }
        out
    }

    /// Number of ones in each column.
    #[must_use]
    pub fn column_counts(&self) -> Vec<u64> {
        let mut counts = vec![0u64; self.cols];
        for r in 0..self.rows {
            for (w, &word) in self.row(r).iter().enumerate() {
                let mut rest = word;
                while rest != 0 {
                    counts[32 * w + rest.trailing_zeros() as usize] += 1;
                    rest &= rest - 1;
                }
            }
        }
        counts
    }

    /// Number of ones in row `r`.
    #[must_use]
    pub fn row_count(&self, r: usize) -> u32 {
        self.row(r).iter().map(|w| w.count_ones()).sum()
    }
}

/// Bits of the last word of a row of `cols` bits that lie beyond its end.
#[must_use]
pub fn padding_mask(cols: usize) -> u32 {
    match cols % 32 {
        0 => 0,
        used => u32::MAX << used,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_in_order_and_taken_where_they_are() {
        for rows in [0, 1, 2, 33, 100] {
            let bits = BitMatrix::from_fn(rows, 40, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
            let from = |r: usize| (r * 37 + 5) % rows;
            let all: Vec<usize> = (0..rows).map(from).collect();
            let mut ordered = bits.clone();
            ordered.permute_rows(from);
            assert_eq!(ordered, bits.select_rows(&all), "{rows} rows: 37 is prime to their number");
            let place = ordered.words().as_ptr();
            let taken = ordered.take_rows(rows / 3);
            assert_eq!(
                (taken, ordered.clone()),
                (bits.select_rows(&all[..rows / 3]), bits.select_rows(&all[rows / 3..]))
            );
            assert_eq!(ordered.words().as_ptr(), place, "no copy");
        }
    }
}
