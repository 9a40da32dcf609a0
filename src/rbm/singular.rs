//! The largest singular values of a matrix with their directions, by subspace iteration with a Rayleigh–Ritz step.

use rand::RngExt;

use crate::rng::Philox;

/// A singular value and its direction in the space of the rows' numbers, of length 1 (0 for the value 0).
#[derive(Debug, Clone, PartialEq)]
pub struct Singular {
    /// σ.
    pub value: f64,
    /// u, one number for each row of the matrix.
    pub direction: Vec<f64>,
}

/// Directions that are followed besides those asked for, so that the last of these converges too.
const SPARE: usize = 4;
/// Passes over the matrix.
const PASSES: usize = 40;

/// The `count` largest singular values of `matrix`, `[rows, columns]`, largest first, with their left directions; fewer where
/// a side is smaller. Each value is a lower bound and accurate to (σ_next/σ)^80 with the next value that is not followed.
#[must_use]
pub fn singular(matrix: &[f32], columns: usize, count: usize) -> Vec<Singular> {
    let rows = matrix.len().checked_div(columns).unwrap_or(0);
    let k = (count + SPARE).min(rows).min(columns);
    let mut rng = Philox::sequence(0, "singular values");
    let mut basis: Vec<Vec<f64>> = (0..k).map(|_| (0..columns).map(|_| rng.random::<f64>() - 0.5).collect()).collect();
    let mut images = Vec::new();
    for _ in 0..PASSES {
        orthonormalise(&mut basis);
        images = basis.iter().map(|direction| image(matrix, columns, direction)).collect::<Vec<_>>();
        basis = images.iter().map(|image| back(matrix, columns, image)).collect();
    }
    // Singular values of the images of an orthonormal basis, by one-sided Jacobi rotations.
    let mut found = one_sided_jacobi(images);
    found.truncate(count.min(rows).min(columns));
    found
}

/// M x, one number a row.
fn image(matrix: &[f32], columns: usize, x: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(columns).map(|row| row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum()).collect()
}

/// Mᵀ y, one number a column.
fn back(matrix: &[f32], columns: usize, y: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    for (row, y) in matrix.chunks_exact(columns).zip(y) {
        sums.iter_mut().zip(row).for_each(|(sum, &w)| *sum += f64::from(w) * y);
    }
    sums
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Gram–Schmidt, twice each for rounding; a direction that vanishes stays zero.
fn orthonormalise(rows: &mut [Vec<f64>]) {
    for k in 0..rows.len() {
        let (before, rest) = rows.split_at_mut(k);
        let row = &mut rest[0];
        let size = inner(row, row).sqrt();
        for earlier in before.iter().chain(before.iter()) {
            let part = inner(row, earlier);
            row.iter_mut().zip(earlier).for_each(|(x, e)| *x -= part * e);
        }
        let norm = inner(row, row).sqrt();
        let scale = if norm > 1e-14 * size { 1.0 / norm } else { 0.0 };
        row.iter_mut().for_each(|x| *x *= scale);
    }
}

/// Singular values of the matrix with these rows, largest first, and their directions among columns (Hestenes 1958).
fn one_sided_jacobi(mut rows: Vec<Vec<f64>>) -> Vec<Singular> {
    for _ in 0..30 {
        let mut largest = 0.0f64;
        for q in 1..rows.len() {
            for p in 0..q {
                let (head, tail) = rows.split_at_mut(q);
                let (a, b) = (&mut head[p], &mut tail[0]);
                let (aa, bb, ab) = (inner(a, a), inner(b, b), inner(a, b));
                if ab.abs() <= 1e-15 * (aa * bb).sqrt() {
                    continue;
                }
                largest = largest.max(ab.abs() / (aa * bb).sqrt());
                let zeta = (bb - aa) / (2.0 * ab);
                let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                for (x, y) in a.iter_mut().zip(b.iter_mut()) {
                    (*x, *y) = (c * *x - c * t * *y, c * t * *x + c * *y);
                }
            }
        }
        if largest < 1e-12 {
            break;
        }
    }
    let unit = |row: Vec<f64>| {
        let value = inner(&row, &row).sqrt();
        let scale = if value > 0.0 { 1.0 / value } else { 0.0 };
        Singular { value, direction: row.into_iter().map(|x| scale * x).collect() }
    };
    let mut found: Vec<Singular> = rows.into_iter().map(unit).collect();
    found.sort_by(|a, b| b.value.total_cmp(&a.value));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 7 a bᵀ + 3 c dᵀ with a, c and b, d orthonormal.
    #[test]
    fn directions_are_those_of_a_matrix_made_of_them() {
        let half = 0.5f32;
        let (a, c) = ([half, half, half, half], [half, -half, half, -half]);
        let (b, d) = ([0.6f32, 0.8, 0.0], [0.8f32, -0.6, 0.0]);
        let matrix: Vec<f32> = (0..12).map(|k| 7.0 * a[k / 3] * b[k % 3] + 3.0 * c[k / 3] * d[k % 3]).collect();
        let found = singular(&matrix, 3, 3);
        assert_eq!(found.len(), 3);
        for (found, (value, direction)) in found.iter().zip([(7.0, a), (3.0, c)]) {
            let overlap: f64 = found.direction.iter().zip(direction).map(|(x, y)| x * f64::from(y)).sum();
            // Weights are rounded to f32.
            assert!((found.value - value).abs() < 1e-5 && (overlap.abs() - 1.0).abs() < 1e-5, "{found:?}");
        }
        assert!(found[2].value < 1e-5);
        assert!(singular(&[], 3, 2).is_empty());
    }
}
