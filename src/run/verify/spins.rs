//! Single states against their probabilities, where e and |m| alone say nothing: an antiferromagnet in a field, whose two
//! orders are equally frequent, and a glass.

use super::{Check, SIGMAS};
use crate::backend::Backend;
use crate::error::Result;
use crate::events::Silent;
use crate::exact::interactions::enumerate;
use crate::ising::{Algorithm, Disorder, Model, Scan};
use crate::lattice::Lattice;
use crate::record::Estimate;
use crate::run::ising::scan;

const LATTICE: Lattice = Lattice::Square { length: 4 };
/// States expected fewer times are counted together.
const LEAST_EXPECTED: f64 = 8.0;

pub(super) fn states<B: Backend>(backend: &B) -> Result<Vec<Check>> {
    let ordered = Model::in_field(LATTICE, -1.0, 1.0)?;
    let glass = Model::spin_glass(LATTICE, Disorder::PlusMinus, 1.0, 0.0, 1)?;
    let rows = rows(backend, &ordered, Algorithm::Metropolis, 1.5, 4096)?;
    let mut checks = vec![
        Check::statistical("antiferromagnet in a field, P(staggered m > 0)", staggered(&rows), 0.5),
        chi_squared("antiferromagnet in a field, χ² of states", &ordered, 1.5, &rows)?,
    ];
    let rows = self::rows(backend, &glass, Algorithm::HeatBath, 0.7, 512)?;
    checks.push(chi_squared("±J glass, T = 0.7, χ² of states", &glass, 0.7, &rows)?);
    Ok(checks)
}

/// 8192 configurations of 16 spins.
fn rows<B: Backend>(
    backend: &B,
    model: &Model,
    algorithm: Algorithm,
    temperature: f64,
    replicas: usize,
) -> Result<Vec<u32>> {
    let settings = Scan {
        model: model.clone(),
        temperatures: vec![temperature],
        algorithm,
        samples: 8192,
        replicas,
        thermalise: None,
        spacing: None,
        precision: Vec::new(),
        exchange: None,
        ladder: None,
        seed: 1,
    };
    let samples = scan(backend, &settings, &mut Silent)?.complete()?.data.samples;
    Ok((0..samples.rows()).map(|row| samples.row(row)[0]).collect())
}

/// P(m' > 0) + ½ P(m' = 0) of the staggered magnetisation m', from rows that are independent.
fn staggered(rows: &[u32]) -> Estimate {
    let even = (0..16).filter(|i| (i / 4 + i % 4) % 2 == 0).fold(0u32, |mask, i| mask | 1 << i);
    let of_row = |row: &u32| match (row & even).count_ones().cmp(&(row & !even & 0xffff).count_ones()) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 1.0,
    };
    let n = rows.len() as f64;
    Estimate::new(rows.iter().map(of_row).sum::<f64>() / n, 0.5 / n.sqrt())
}

/// χ² of counts of states about its mean, the number of states counted; its variance is twice that.
fn chi_squared(name: &str, model: &Model, temperature: f64, rows: &[u32]) -> Result<Check> {
    let terms: Vec<(Vec<usize>, f64)> = model
        .interactions()?
        .terms
        .into_iter()
        .map(|term| (term.sites.into_iter().map(|i| i as usize).collect(), term.value))
        .collect();
    let exact = enumerate(LATTICE.sites(), &terms, temperature)?;
    let mut counts = vec![0.0; exact.probabilities.len()];
    rows.iter().for_each(|&row| counts[row as usize] += 1.0);
    let n = rows.len() as f64;
    let (mut sum, mut cells, mut rare, mut rare_p) = (0.0, 0.0, 0.0, 0.0);
    for (count, p) in counts.iter().zip(&exact.probabilities) {
        if n * p < LEAST_EXPECTED {
            (rare, rare_p) = (rare + count, rare_p + p);
        } else {
            sum += (count - n * p).powi(2) / (n * p);
            cells += 1.0;
        }
    }
    sum += (rare - n * rare_p).powi(2) / (n * rare_p);
    Ok(Check::new(name, sum, cells, SIGMAS * (2.0f64 * cells).sqrt()))
}
