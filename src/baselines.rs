//! What simple models say of rows, exactly: a machine that does not surpass them has learned nothing worth its name.
//!
//! *Independent units* have the smoothed means of the training rows. The *tree* is that of Chow and Liu (IEEE Trans. Inf.
//! Theory 14, 462, 1968): of all distributions p(v) = p(v_r) Π_j p(v_j | v_parent(j)) over trees the one that makes the
//! training rows the most likely, which is the spanning tree of the largest sum of mutual informations between the pairs
//! that it joins. Tables are of counts to each of which ½ is added (a quarter for each state of a pair, so that both
//! margins are those of independent units).

use crate::bits::BitMatrix;

/// A tree of conditional probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// Units in an order in which parents come before their children, each with its parent.
    order: Vec<(usize, Option<usize>)>,
    /// ln p(v_j = b | v_parent = a) at `[j][a][b]`; both rows are the same for the root.
    log_p: Vec<[[f64; 2]; 2]>,
}

/// Largest number of units for which a tree is made: the time grows with their square.
pub const MOST_UNITS: usize = 4096;

/// Rows that are counted at a time: a word of each unit.
type Columns = Vec<Vec<u64>>;

fn columns(rows: &BitMatrix) -> Columns {
    let mut columns = vec![vec![0u64; rows.rows().div_ceil(64)]; rows.cols()];
    for r in 0..rows.rows() {
        for (j, column) in columns.iter_mut().enumerate() {
            column[r / 64] |= u64::from(rows.get(r, j)) << (r % 64);
        }
    }
    columns
}

fn both(a: &[u64], b: &[u64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| u64::from((a & b).count_ones())).sum::<u64>() as f64
}

/// Joint probabilities `[a][b]` of two units of which `ones` rows have a 1, and `joint` both.
fn pair(rows: f64, ones: [f64; 2], joint: f64) -> [[f64; 2]; 2] {
    let p = |count: f64| (count + 0.25) / (rows + 1.0);
    [[p(rows - ones[0] - ones[1] + joint), p(ones[1] - joint)], [p(ones[0] - joint), p(joint)]]
}

fn mutual_information(p: [[f64; 2]; 2]) -> f64 {
    let a = [p[0][0] + p[0][1], p[1][0] + p[1][1]];
    let b = [p[0][0] + p[1][0], p[0][1] + p[1][1]];
    (0..4).map(|k| (k / 2, k % 2)).map(|(x, y)| p[x][y] * (p[x][y] / (a[x] * b[y])).ln()).sum()
}

impl Tree {
    /// The tree of the largest likelihood of `rows`.
    ///
    /// # Panics
    /// When there are no units.
    #[must_use]
    pub fn of(rows: &BitMatrix) -> Self {
        let n = rows.cols();
        assert!(n > 0, "a tree of at least one unit");
        let columns = columns(rows);
        let ones: Vec<f64> = columns.iter().map(|column| both(column, column)).collect();
        let table = |i: usize, j: usize| pair(rows.rows() as f64, [ones[i], ones[j]], both(&columns[i], &columns[j]));
        // Prim's way to the spanning tree of the largest weight, from unit 0.
        let mut nearest = vec![(f64::NEG_INFINITY, 0); n];
        let mut is_in = vec![false; n];
        let mut order = vec![(0, None)];
        is_in[0] = true;
        let mut newest = 0;
        while order.len() < n {
            for j in (0..n).filter(|&j| !is_in[j]) {
                let weight = mutual_information(table(newest, j));
                if weight > nearest[j].0 {
                    nearest[j] = (weight, newest);
                }
            }
            let outside = (0..n).filter(|&j| !is_in[j]);
            newest = outside.max_by(|&a, &b| nearest[a].0.total_cmp(&nearest[b].0)).unwrap_or(0);
            is_in[newest] = true;
            order.push((newest, Some(nearest[newest].1)));
        }
        let mut log_p = vec![[[0.0; 2]; 2]; n];
        for &(j, parent) in &order {
            let p = parent.map_or_else(
                || {
                    let p = (ones[j] + 0.5) / (rows.rows() as f64 + 1.0);
                    [[(1.0 - p) / 2.0, p / 2.0]; 2]
                },
                |parent| table(parent, j),
            );
            log_p[j] = p.map(|row| row.map(|x| (x / (row[0] + row[1])).ln()));
        }
        Self { order, log_p }
    }

    /// ln p of every row.
    ///
    /// # Panics
    /// When the rows have other units.
    #[must_use]
    pub fn log_likelihoods(&self, rows: &BitMatrix) -> Vec<f64> {
        assert_eq!(rows.cols(), self.log_p.len(), "units of rows and tree");
        let of = |r: usize, &(j, parent): &(usize, Option<usize>)| {
            let above = parent.is_some_and(|parent| rows.get(r, parent));
            self.log_p[j][usize::from(above)][usize::from(rows.get(r, j))]
        };
        (0..rows.rows()).map(|r| self.order.iter().map(|unit| of(r, unit)).sum()).collect()
    }

    /// Units with their parents, parents first.
    #[must_use]
    pub fn edges(&self) -> &[(usize, Option<usize>)] {
        &self.order
    }
}

/// ln p of every row of independent units with these means, none of which is 0 or 1.
///
/// # Panics
/// When the rows have other units.
#[must_use]
pub fn independent(means: &[f64], rows: &BitMatrix) -> Vec<f64> {
    assert_eq!(rows.cols(), means.len(), "units of rows and means");
    let of = |r: usize, j: usize| if rows.get(r, j) { means[j].ln() } else { (-means[j]).ln_1p() };
    (0..rows.rows()).map(|r| (0..means.len()).map(|j| of(r, j)).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Stream, uniform, unit_word};
    use crate::stats::{mean, variance};

    /// Rows of a chain 0 → 1 → 2 …, each unit like the one before it with probability 0.9.
    fn chain(rows: usize, units: usize, seed: u64) -> BitMatrix {
        let number = |r: usize, j: usize| f64::from(uniform(unit_word(seed, Stream::Resample, r as u32, j as u32, 0)));
        let mut values = vec![vec![false; units]; rows];
        for (r, row) in values.iter_mut().enumerate() {
            for j in 0..units {
                let same = number(r, j) < 0.9;
                row[j] = if j == 0 { number(r, j) < 0.3 } else { row[j - 1] == same };
            }
        }
        BitMatrix::from_fn(rows, units, |r, j| values[r][j])
    }

    #[test]
    fn the_tree_of_a_chain_is_the_chain_and_has_its_likelihood() {
        let (rows, others) = (chain(4000, 7, 1), chain(4000, 7, 2));
        let tree = Tree::of(&rows);
        for &(j, parent) in tree.edges() {
            assert!(parent.is_none_or(|parent| parent.abs_diff(j) == 1), "{:?}", tree.edges());
        }
        // −H(0.3) − 6 H(0.1), by the definition of the entropy.
        let h = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
        let found = tree.log_likelihoods(&others);
        let (value, error) = (mean(&found), (variance(&found) / found.len() as f64).sqrt());
        assert!((value + h(0.3) + 6.0 * h(0.1)).abs() < 4.0 * error, "{value} ± {error}");
        let means: Vec<f64> = rows.column_counts().iter().map(|&n| (n as f64 + 0.5) / 4001.0).collect();
        assert!(mean(&independent(&means, &others)) < value - 1.0);
    }

    /// Probabilities of all states add up to one, with constant columns and with few rows too.
    #[test]
    fn trees_are_distributions() {
        for (rows, units) in [(1, 1), (2, 4), (50, 6)] {
            let data = BitMatrix::from_fn(rows, units, |r, j| j == 1 || (j > 1 && (r + r * j) % 3 == 0));
            let all = BitMatrix::from_fn(1 << units, units, |s, j| s >> j & 1 == 1);
            let total: f64 = Tree::of(&data).log_likelihoods(&all).iter().map(|x| x.exp()).sum();
            assert!((total - 1.0).abs() < 1e-12, "{rows} × {units}: {total}");
        }
    }

    /// Of all trees over four units none makes the rows likelier.
    #[test]
    fn no_other_tree_is_likelier() {
        let rows = BitMatrix::from_fn(300, 4, |r, j| [r % 3 == 0, r % 3 != 1 || r % 7 == 0, r % 5 < 2, r % 15 < 4][j]);
        let columns = columns(&rows);
        let ones: Vec<f64> = columns.iter().map(|column| both(column, column)).collect();
        let weight =
            |a: usize, b: usize| mutual_information(pair(300.0, [ones[a], ones[b]], both(&columns[a], &columns[b])));
        let tree = Tree::of(&rows);
        let found: f64 = tree.edges().iter().filter_map(|&(j, parent)| Some(weight(parent?, j))).sum();
        // The sixteen trees over four units by their Prüfer sequences.
        for code in 0..16 {
            let sequence = [code / 4, code % 4];
            let mut degree = [1usize; 4];
            sequence.iter().for_each(|&unit| degree[unit] += 1);
            let mut sum = 0.0;
            for &unit in &sequence {
                let leaf = (0..4).find(|&j| degree[j] == 1).unwrap();
                sum += weight(leaf, unit);
                degree[leaf] -= 1;
                degree[unit] -= 1;
            }
            let last: Vec<usize> = (0..4).filter(|&j| degree[j] == 1).collect();
            sum += weight(last[0], last[1]);
            assert!(sum <= found + 1e-12, "{code}: {sum} beyond {found}");
        }
    }
}
