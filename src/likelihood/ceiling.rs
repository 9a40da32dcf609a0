//! Upper bounds of any model's log-likelihood on given rows.

use crate::bits::BitMatrix;

/// Entropy in nats of the empirical distribution of the rows: −LL of a model that memorises them.
#[must_use]
pub fn plug_in_entropy(data: &BitMatrix) -> f64 {
    let mut rows: Vec<&[u32]> = (0..data.rows()).map(|r| data.row(r)).collect();
    rows.sort_unstable();
    let n = data.rows() as f64;
    rows.chunk_by(|a, b| a == b)
        .map(|group| {
            let p = group.len() as f64 / n;
            -p * p.ln()
        })
        .sum()
}

/// The rows without repetitions, in the order of their bits.
#[must_use]
pub fn distinct_rows(data: &BitMatrix) -> BitMatrix {
    let mut order: Vec<usize> = (0..data.rows()).collect();
    order.sort_unstable_by(|&a, &b| data.row(a).cmp(data.row(b)));
    order.dedup_by(|a, b| data.row(*a) == data.row(*b));
    data.select_rows(&order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plug_in_entropy_of_known_counts() {
        let rows = BitMatrix::from_fn(8, 40, |r, j| j == r % 2 * 39 && r < 4);
        // Two rows with unit 0, two with unit 39, four empty ones.
        let expected = -(2.0 * 0.25 * 0.25f64.ln() + 0.5 * 0.5f64.ln());
        assert!((plug_in_entropy(&rows) - expected).abs() < 1e-12);
    }

    #[test]
    fn repetitions_are_left_out() {
        let rows = BitMatrix::from_fn(9, 40, |r, j| (r % 3) >> (j % 2) & 1 == 1);
        let distinct = distinct_rows(&rows);
        assert_eq!(distinct.rows(), 3);
        assert!((plug_in_entropy(&rows) - 3f64.ln()).abs() < 1e-12 && plug_in_entropy(&distinct) > 1.098);
    }
}
