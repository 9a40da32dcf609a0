//! Spin basis, exactly: all pairs at once as a product of matrices over (hidden unit, node).
//!
//! With C = Π_j cos(w'_j t) over all units and X_j = tan(w'_j t), the products of the integrals (see [`super::quadrature`])
//! are C X_j, C X_j X_k, C X_j X_k X_l: J_j = linear part + Σ odd·C·X_j, J_jk = Σ even·C·X_j·X_k, J_jkl = −Σ odd·C·X_j·X_k·X_l
//! over all nodes of all hidden units.
//!
//! Where a cosine vanishes, C is tiny and X huge, but both hold the same computed cosine, which cancels to rounding:
//! no term loses accuracy. |cos x| of an f64 is never under 10⁻¹⁹ and C underflows only where every term is under
//! 10⁻²⁵⁰; such nodes are dropped with all others that cannot matter.

use crate::threads::prelude::*;

use super::Coupling;
use super::quadrature::{HiddenUnit, linear_part};
use super::selection::Selection;
use crate::error::Result;
use crate::rbm::Rbm;

/// Terms that are dropped; a million of them sum to less than rounding.
const NEGLIGIBLE: f64 = 1e-21;
/// No cosine of an f64 is smaller; keeps the quotient finite whatever the library does.
const SMALLEST_COSINE: f64 = 1e-30;
/// Numbers X in memory at once: 32 MB.
const CHUNK: usize = 1 << 22;
/// Rows of the pair matrix that share a pass over the nodes.
const ROWS: usize = 8;
/// A sine, a cosine and a quotient in units of one multiplication.
const NODE_COST: f64 = 20.0;

/// Nodes that matter, of some hidden units: factors and rows of X over the selected units.
#[derive(Default)]
struct Table {
    even: Vec<f64>,
    odd: Vec<f64>,
    tangents: Vec<f64>,
}

pub(super) fn exact(rbm: &Rbm, selection: &Selection) -> Result<Vec<Coupling>> {
    let n = selection.units.len();
    let hidden: Vec<HiddenUnit> = (0..rbm.n_hidden).map(|i| HiddenUnit::new(rbm, i, 0.0)).collect();
    let nodes: f64 = hidden.iter().map(|unit| unit.nodes as f64).sum();
    Selection::check_work(nodes * (NODE_COST * rbm.n_visible as f64 + selection.count() as f64))?;

    let mut singles: Vec<f64> = selection.units.iter().map(|&j| linear_part(rbm, j)).collect();
    let mut pairs = vec![0.0; if selection.has(2) { n * n } else { 0 }];
    let mut triples: Vec<Vec<f64>> = vec![Vec::new(); if selection.has(3) { n } else { 0 }];
    triples.iter_mut().enumerate().for_each(|(a, plane)| plane.resize((n - a) * (n - a), 0.0));
    for chunk in chunks(&hidden, n) {
        let tables: Vec<Table> = chunk.par_iter().map(|unit| table(unit, selection)).collect();
        for table in &tables {
            for (row, odd) in table.tangents.chunks_exact(n).zip(&table.odd) {
                singles.iter_mut().zip(row).for_each(|(s, x)| *s += odd * x);
            }
        }
        if !pairs.is_empty() {
            pairs
                .par_chunks_mut(ROWS * n)
                .enumerate()
                .for_each(|(block, rows)| add_pairs(&tables, n, block * ROWS, rows));
        }
        triples.par_iter_mut().enumerate().for_each(|(a, plane)| add_triples(&tables, n, a, plane));
    }
    let value = |at: &[usize]| match *at {
        [a] => singles[a],
        [a, b] => pairs[a * n + b],
        [a, b, c] => -triples[a][(b - a) * (n - a) + (c - a)],
        _ => f64::NAN,
    };
    Ok(selection.orders.iter().flat_map(|&order| selection.list(order, value)).collect())
}

/// Runs of hidden units whose tables fit in memory together.
fn chunks(hidden: &[HiddenUnit], n: usize) -> Vec<&[HiddenUnit]> {
    let (mut out, mut start, mut size) = (Vec::new(), 0, 0);
    for (i, unit) in hidden.iter().enumerate() {
        size += unit.nodes * n;
        if size > CHUNK && i > start {
            out.push(&hidden[start..i]);
            (start, size) = (i, unit.nodes * n);
        }
    }
    out.push(&hidden[start..]);
    out
}

fn table(unit: &HiddenUnit, selection: &Selection) -> Table {
    let mut table = Table::default();
    let mut tangents = vec![0.0; unit.weights.len()];
    for node in unit.nodes() {
        let mut product = 1.0;
        for (tangent, w) in tangents.iter_mut().zip(&unit.weights) {
            let (sin, mut cos) = (w * node.t).sin_cos();
            if cos.abs() < SMALLEST_COSINE {
                cos = SMALLEST_COSINE;
            }
            product *= cos;
            *tangent = sin / cos;
        }
        let (even, odd) = (node.even * product, node.odd * product);
        if matters(even, odd, &tangents, selection) {
            table.even.push(even);
            table.odd.push(odd);
            table.tangents.extend(selection.units.iter().map(|&j| tangents[j]));
        }
    }
    table
}

/// Whether the largest term of any order asked for is worth adding.
fn matters(even: f64, odd: f64, tangents: &[f64], selection: &Selection) -> bool {
    let mut largest = [0.0f64; 3];
    for &j in &selection.units {
        let mut x = tangents[j].abs();
        for slot in &mut largest {
            if x > *slot {
                std::mem::swap(slot, &mut x);
            }
        }
    }
    let [first, second, third] = largest;
    selection.orders.iter().any(|order| {
        let bound = match order {
            1 => odd.abs() * first,
            2 => even.abs() * first * second,
            _ => odd.abs() * first * second * third,
        };
        bound > NEGLIGIBLE
    })
}

/// Adds Σ even · X_a · X_b to rows `first …` of the pair matrix, columns from `first` on.
fn add_pairs(tables: &[Table], n: usize, first: usize, rows: &mut [f64]) {
    for table in tables {
        for (x, even) in table.tangents.chunks_exact(n).zip(&table.even) {
            for (sums, &xa) in rows.chunks_exact_mut(n).zip(&x[first..]) {
                let factor = even * xa;
                sums[first..].iter_mut().zip(&x[first..]).for_each(|(sum, xb)| *sum += factor * xb);
            }
        }
    }
}

/// Adds Σ odd · X_a · X_b · X_c for one a to its plane `[n − a, n − a]` of (b − a, c − a), c > b > a.
fn add_triples(tables: &[Table], n: usize, a: usize, plane: &mut [f64]) {
    let width = n - a;
    for table in tables {
        for (x, odd) in table.tangents.chunks_exact(n).zip(&table.odd) {
            let (xa, later) = (odd * x[a], &x[a..]);
            for (b, sums) in plane.chunks_exact_mut(width).enumerate().skip(1) {
                let factor = xa * later[b];
                sums[b..].iter_mut().zip(&later[b..]).for_each(|(sum, xc)| *sum += factor * xc);
            }
        }
    }
}
