//! Packed states as the kernels of the machine read them: all first words of the rows, then all second words, and so on.
//!
//! A kernel takes 32 inputs of every row at a time and writes 32 outputs of every row, both runs of memory then.

use super::sparse::{MANY, Sparse};

/// Rows of packed bits: word w of row r is `words[w · rows + r]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// All words.
    pub(crate) words: &'a [u32],
    /// Number of rows.
    pub(crate) rows: usize,
    /// Their bits that are set, where these are few.
    pub(crate) sparse: Option<&'a Sparse>,
}

impl<'a> Columns<'a> {
    /// Rows as they are.
    pub(crate) fn new(words: &'a [u32], rows: usize) -> Self {
        Self { words, rows, sparse: None }
    }

    /// Rows looked at: with their set bits, if these are few, or the rows.
    pub(crate) fn looked_at(words: &'a [u32], rows: usize, sparse: &'a mut Sparse) -> Self {
        let columns = Self::new(words, rows);
        if sparse.set(columns) { Self { sparse: Some(sparse), ..columns } } else { columns }
    }

    /// The same where rows are few, whose bits are soon counted; many are taken as they are.
    pub(crate) fn looked_at_if_few(words: &'a [u32], rows: usize, sparse: &'a mut Sparse) -> Self {
        if rows < MANY { Self::looked_at(words, rows, sparse) } else { Self::new(words, rows) }
    }

    /// Word `w` of `count` rows from `first` on.
    #[inline(always)]
    pub(crate) fn column(&self, w: usize, first: usize, count: usize) -> &[u32] {
        &self.words[w * self.rows + first..][..count]
    }
}

/// Rows `[rows, words]` as columns `[words, rows]`; the other way round with the sizes exchanged.
pub(crate) fn exchange(from: &[u32], words: usize, to: &mut [u32]) {
    let rows = from.len() / words.max(1);
    // Sixteen rows at a time: their cache lines are used for all words before they go.
    for (block, piece) in from.chunks(16 * words.max(1)).enumerate() {
        for w in 0..words {
            for (r, row) in piece.chunks_exact(words).enumerate() {
                to[w * rows + 16 * block + r] = row[w];
            }
        }
    }
}

/// Σ_j b_j v_j for many rows: the 256 partial sums of each byte of a row, in f64.
#[derive(Debug, Clone, Default)]
pub(crate) struct BiasTables(Vec<[[f64; 256]; 4]>);

impl BiasTables {
    /// Bytes held.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.0[..])
    }

    /// Makes the tables of a bias, one number for each unit.
    pub(crate) fn set(&mut self, bias: impl ExactSizeIterator<Item = f64>) {
        self.0.resize(bias.len().div_ceil(32), [[0.0; 256]; 4]);
        for (j, b) in bias.enumerate() {
            let table = &mut self.0[j / 32][j % 32 / 8];
            let half = 1 << (j % 8);
            for e in 0..half {
                table[half + e] = table[e] + b;
            }
        }
    }

    /// Adds `scale` times the sums to `out`, one for each row.
    pub(crate) fn add(&self, rows: Columns<'_>, first: usize, scale: f64, out: &mut [f64]) {
        for (w, tables) in self.0.iter().enumerate() {
            let words = rows.column(w, first, out.len());
            for (out, word) in out.iter_mut().zip(words) {
                let [a, b, c, d] = word.to_le_bytes().map(usize::from);
                *out += scale * ((tables[0][a] + tables[1][b]) + (tables[2][c] + tables[3][d]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::BitMatrix;

    #[test]
    fn exchanged_twice_is_as_before_and_biases_are_summed() {
        for (rows, units) in [(1, 1), (7, 33), (40, 130)] {
            let states = BitMatrix::from_fn(rows, units, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
            let words = states.words_per_row();
            let (mut columns, mut back) = (vec![0; rows * words], vec![0; rows * words]);
            exchange(states.words(), words, &mut columns);
            exchange(&columns, rows, &mut back);
            assert_eq!(back, states.words());
            let mut sums = vec![1.0; rows];
            let mut tables = BiasTables::default();
            tables.set((0..units).map(|j| 1.0 + j as f64));
            tables.add(Columns::new(&columns, rows), 0, -2.0, &mut sums);
            for (r, sum) in sums.into_iter().enumerate() {
                let expected: usize = (0..units).filter(|&j| states.get(r, j)).map(|j| 1 + j).sum();
                assert_eq!(sum, 1.0 - 2.0 * expected as f64, "integers are exact");
            }
        }
    }
}
