//! Rows that lie where samples of a machine come too seldom.
//!
//! A row that its machine holds likely, and near which no sample lies, is of a mode that the samples leave out. How dense
//! these are at v is told by a kernel about each, q(v) = mean over s of ε_s^d (1 − ε_s)^(n − d) with d of n units unlike,
//! as wide as it is far from s to the next sample, ε_s n units: so a few samples in a wide mode reach as far as many in a
//! narrow one. Rows are ranked by ln p*(v) − ln q(v): neither distance finds a narrow mode within a wide one, nor
//! likelihood a wide one beside a narrow one. It is a rank and no estimate; chains that begin at the rows decide.

use crate::bits::BitMatrix;
use crate::numerics::log_sum_exp;

/// The `count` rows, at most, of the highest ranks, in their order; `log_weights` are ln p* of all rows.
#[must_use]
pub fn seldom(rows: &BitMatrix, log_weights: &[f64], samples: &BitMatrix, count: usize) -> BitMatrix {
    if count == 0 || samples.rows() < 2 {
        return rows.select_rows(&[]);
    }
    let kernels: Vec<[f64; 2]> = (0..samples.rows()).map(|s| kernel(samples, s)).collect();
    let of_kernels = |r: usize| {
        let of = |(s, [same, unlike]): (usize, &[f64; 2])| same + unlike * distance(rows.row(r), samples.row(s));
        log_sum_exp(&kernels.iter().enumerate().map(of).collect::<Vec<_>>())
    };
    let ranks: Vec<f64> = log_weights.iter().enumerate().map(|(r, weight)| weight - of_kernels(r)).collect();
    let mut order: Vec<usize> = (0..rows.rows()).collect();
    order.sort_by(|&a, &b| ranks[b].total_cmp(&ranks[a]));
    order.truncate(count);
    order.sort_unstable();
    rows.select_rows(&order)
}

/// n ln(1 − ε) and ln(ε/(1 − ε)) of the kernel about a sample.
fn kernel(samples: &BitMatrix, s: usize) -> [f64; 2] {
    let others = (0..samples.rows()).filter(|&other| other != s);
    let next = others.map(|other| distance(samples.row(s), samples.row(other))).fold(f64::INFINITY, f64::min);
    let units = samples.cols() as f64;
    // Never wider than all states alike, nor of no width where two samples are one.
    let wide = ((next + 0.5) / (units + 1.0)).min(0.5);
    [units * (1.0 - wide).ln(), (wide / (1.0 - wide)).ln()]
}

/// Units that are unlike.
fn distance(a: &[u32], b: &[u32]) -> f64 {
    f64::from(a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Philox;
    use rand::RngExt;

    /// Two modes of 60 units, all states and those within a unit or two of a template, each as likely as the other: rows of
    /// the one that has no sample rank above all of the other, whichever it is, and though one is in the midst of the other.
    #[test]
    fn rows_of_a_mode_without_samples_rank_first_be_it_wide_or_narrow() {
        let mut numbers = Philox::sequence(3, "seldom");
        let mut draw =
            |count: usize, turned: f64| BitMatrix::from_fn(count, 60, |_, _| numbers.random::<f64>() < turned);
        let [wide, narrow] = [0.5, 0.02].map(|turned| (draw(200, turned), draw(300, turned)));
        // ln of the probability of a state that differs in d units from the template.
        let log_p = |rows: &BitMatrix| -> Vec<f64> {
            let of = |d: f64| log_sum_exp(&[60.0 * 0.5f64.ln(), d * 0.02f64.ln() + (60.0 - d) * 0.98f64.ln()]);
            (0..rows.rows()).map(|r| of(f64::from(rows.row_count(r)))).collect()
        };
        for (seen, missed) in [(&wide, &narrow), (&narrow, &wide)] {
            let mut rows = seen.1.clone();
            rows.append(&missed.1.slice_rows(0..12));
            let found = seldom(&rows, &log_p(&rows), &seen.0, 12);
            assert_eq!(found, missed.1.slice_rows(0..12));
        }
        let none = seldom(&wide.1, &log_p(&wide.1), &wide.0, 0);
        assert_eq!((none.rows(), seldom(&wide.1, &log_p(&wide.1), &wide.0, 1000).rows()), (0, 300));
    }
}
