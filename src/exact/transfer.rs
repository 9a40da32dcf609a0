//! The square Ising model on a small torus by a transfer matrix that carries the magnetisation.
//!
//! The first row is fixed; sites are then added one by one, each summing over the spin it hides, and every one of the
//! 2^L frontier states holds its weight by number of up spins, a polynomial with positive coefficients: no cancellation,
//! every P(M) to full relative precision. The last row added must equal the first. First rows that are rotations,
//! reflections or inversions of each other are done once. Work: classes · N · 2^L · N/2 multiplications for N sites in rows of L, 15 million
//! for L = 8.

use super::{MagnetizationDistribution, coupling, size_fault};
use crate::error::Result;

/// Longest side: a few seconds, 40 MB.
pub const MAX_LENGTH: usize = 12;

/// Exact results of one torus at one temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallTorus {
    /// ln Z.
    pub log_z: f64,
    /// Distribution of the magnetisation.
    pub magnetization: MagnetizationDistribution,
}

/// Sums all states of the `length` × `length` torus.
///
/// # Errors
/// As [`torus`].
pub fn square(length: usize, temperature: f64) -> Result<SmallTorus> {
    torus(length, length, temperature)
}

/// Sums all states of the torus of `n` × `m` sites.
///
/// # Errors
/// [`crate::Error::Input`] for an extent outside 2 … [`MAX_LENGTH`] (an extent of 2 has double bonds) or a temperature
/// that is not positive.
pub fn torus(n: usize, m: usize, temperature: f64) -> Result<SmallTorus> {
    let k = coupling(temperature)?;
    // Rows along the shorter side have fewer states.
    let (length, rows) = (n.min(m), n.max(m));
    if length < 2 || rows > MAX_LENGTH {
        let expected = format!("extents of 2 to {MAX_LENGTH}");
        return Err(size_fault(format!("a transfer matrix for a {n} × {m} torus"), expected));
    }
    let sites = length * rows;
    let mut half = vec![0.0; sites + 1];
    for (row, members) in first_rows(length) {
        let weights = from_first_row(length, rows, row, k);
        half.iter_mut().zip(&weights).for_each(|(h, w)| *h += members as f64 * w);
    }
    let weights: Vec<f64> = (0..=sites).map(|up| 0.5 * (half[up] + half[sites - up])).collect();
    // Every site's factor was divided by e^{2K}, that of its two bonds satisfied.
    let log_z = weights.iter().sum::<f64>().ln() + 2.0 * k * sites as f64;
    Ok(SmallTorus { log_z, magnetization: MagnetizationDistribution::from_weights(weights) })
}

/// Smallest member and size of every class of rows under rotation, reflection and inversion.
fn first_rows(length: usize) -> Vec<(usize, usize)> {
    let full = (1usize << length) - 1;
    let smallest = |row: usize| {
        let reflected = (0..length).fold(0, |r, c| r | (row >> c & 1) << (length - 1 - c));
        [row, reflected, row ^ full, reflected ^ full]
            .into_iter()
            .flat_map(|r| (0..length).map(move |s| (r << s | r >> (length - s)) & full))
            .fold(usize::MAX, usize::min)
    };
    let mut members = vec![0usize; full + 1];
    (0..=full).for_each(|row| members[smallest(row)] += 1);
    members.into_iter().enumerate().filter(|&(_, n)| n > 0).collect()
}

/// Weights by number of up spins, `[sites + 1]`, of all states of `rows` rows of `length` sites whose first is `first`.
fn from_first_row(length: usize, rows: usize, first: usize, k: f64) -> Vec<f64> {
    let sites = length * rows;
    let width = sites + 1;
    let mut table = vec![0.0; width << length];
    table[first * width] = 1.0;
    let mut hidden = vec![0.0; width];
    // Factor by number of unsatisfied bonds.
    let price = [0.0f64, 1.0, 2.0, 3.0].map(|unequal| (-2.0 * k * unequal).exp());
    for placed in 0..sites {
        let column = placed % length;
        // Up-spin counts reach `placed` so far; columns left of this one hold the new row, the others the old one.
        let used = placed + 1;
        for below in (0..1usize << length).filter(|state| state >> column & 1 == 0) {
            let above = below | 1 << column;
            // Horizontal bonds that the new spin closes: to its left, and round the row to column 0.
            let beside = (column > 0).then(|| below >> (column - 1) & 1);
            let around = (column == length - 1).then_some(below & 1);
            let factor = |new: usize, old: usize| {
                let horizontal = [beside, around].into_iter().flatten().filter(|&b| b != new).count();
                price[usize::from(new != old) + horizontal]
            };
            let [[f00, f01], [f10, f11]] = [[factor(0, 0), factor(0, 1)], [factor(1, 0), factor(1, 1)]];
            let (low, high) = table.split_at_mut(above * width);
            let down = &mut low[below * width..below * width + used];
            let up = &mut high[..used + 1];
            hidden[..used].copy_from_slice(&up[..used]);
            for u in 0..used {
                up[u + 1] = f10 * down[u] + f11 * hidden[u];
                down[u] = f00 * down[u] + f01 * hidden[u];
            }
            up[0] = 0.0;
        }
    }
    table[first * width..(first + 1) * width].to_vec()
}
