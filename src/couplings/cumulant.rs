//! Both bases, approximately: each hidden unit's log-weight as a power series in its input, cut after K terms.
//!
//! softplus(x₀ + y) = softplus(x₀) + Σ_k κ⁽ᵏ⁾(x₀) yᵏ/k!, with the cumulants κ⁽¹⁾ = sig, κ⁽²⁾ = sig (1 − sig), … of a binary
//! unit. The series converges only for |y| < √(x₀² + π²), the distance to the poles of the sigmoid: beyond it more terms
//! make it worse, which is why the exact forms are the default.
//!
//! Binary basis: x₀ = c_i, y = Σ_{j∈R} w_ji in the exact inclusion–exclusion. Spin basis: x₀ = c_i + ½ Σ_j w_ji,
//! y = Σ_j u_j s_j with u = w/2, whose moments come from their generating function:
//! ⟨yᵏ Π_S s⟩/k! is the coefficient of tᵏ in Π_{j∈S} sinh(u_j t) Π_{j∉S} cosh(u_j t) = Π_j cosh(u_j t) · Π_{j∈S} tanh(u_j t).

use crate::threads::prelude::*;

use super::Coupling;
use super::selection::Selection;
use crate::error::{Error, Fault, Result};
use crate::numerics::{sigmoid, softplus};
use crate::rbm::Rbm;

/// Highest power: beyond it the coefficients of the cumulants no longer fit the digits of an f64.
pub(super) const MAX_POWER: usize = 16;

pub(super) fn check(power: usize) -> Result<()> {
    if (1..=MAX_POWER).contains(&power) {
        return Ok(());
    }
    Err(Error::Input(Fault::new(format!("cumulant expansion to power {power}")).expected(format!("1 to {MAX_POWER}"))))
}

pub(super) fn binary(rbm: &Rbm, selection: &Selection, power: usize) -> Result<Vec<Coupling>> {
    check(power)?;
    // Coefficients of the polynomial in y, of each hidden unit.
    let series: Vec<Vec<f64>> = rbm
        .hidden_bias
        .iter()
        .map(|&c| {
            let mut factorial = 1.0;
            let divided = |(k, kappa): (usize, f64)| {
                factorial *= (k + 1) as f64;
                kappa / factorial
            };
            let mut coefficients = vec![softplus(f64::from(c))];
            coefficients.extend(cumulants(f64::from(c), power).into_iter().enumerate().map(divided));
            coefficients
        })
        .collect();
    super::binary::interactions(rbm, selection, |i, y| series[i].iter().rev().fold(0.0, |sum, a| sum * y + a))
}

pub(super) fn spin(rbm: &Rbm, selection: &Selection, power: usize) -> Result<Vec<Coupling>> {
    check(power)?;
    let terms = (power + 1) as f64;
    let per_hidden =
        rbm.n_visible as f64 + selection.orders.iter().map(|&o| selection.count_of(o) as f64 * o as f64).sum::<f64>();
    Selection::check_work(rbm.n_hidden as f64 * per_hidden * terms * terms)?;
    let mut couplings: Vec<Coupling> =
        selection.orders.iter().flat_map(|&order| selection.list(order, |_| 0.0)).collect();
    for i in 0..rbm.n_hidden {
        let u: Vec<f64> = (0..rbm.n_visible).map(|j| 0.5 * f64::from(rbm.weight(j, i))).collect();
        let kappas = cumulants(f64::from(rbm.hidden_bias[i]) + u.iter().sum::<f64>(), power);
        let all = u.iter().fold(constant_one(power), |product, &u| multiply(&product, &hyperbolic(u, power, 0)));
        let tanh: Vec<Vec<f64>> = u.iter().map(|&u| tanh_series(u, power)).collect();
        couplings.par_iter_mut().for_each(|coupling| {
            let moments = coupling.units.iter().fold(all.clone(), |product, &j| multiply(&product, &tanh[j]));
            coupling.value += kappas.iter().zip(&moments[1..]).map(|(kappa, m)| kappa * m).sum::<f64>();
        });
    }
    for coupling in couplings.iter_mut().filter(|c| c.units.len() == 1) {
        coupling.value += 0.5 * f64::from(rbm.visible_bias[coupling.units[0]]);
    }
    Ok(couplings)
}

/// κ⁽¹⁾ … κ⁽ᴷ⁾ at x: the sigmoid and its derivatives, as polynomials in it (dσ/dx = σ − σ²).
fn cumulants(x: f64, power: usize) -> Vec<f64> {
    let sigma = sigmoid(x);
    let mut polynomial = vec![0.0, 1.0];
    let mut out = Vec::with_capacity(power);
    for _ in 0..power {
        out.push(polynomial.iter().rev().fold(0.0, |sum, a| sum * sigma + a));
        let mut next = vec![0.0; polynomial.len() + 1];
        for (degree, a) in polynomial.iter().enumerate() {
            next[degree] += degree as f64 * a;
            next[degree + 1] -= degree as f64 * a;
        }
        polynomial = next;
    }
    out
}

fn constant_one(power: usize) -> Vec<f64> {
    let mut one = vec![0.0; power + 1];
    one[0] = 1.0;
    one
}

/// Series of cosh(ut) (`parity` 0) or sinh(ut) (1) up to tᴷ.
fn hyperbolic(u: f64, power: usize, parity: usize) -> Vec<f64> {
    let mut term = 1.0;
    (0..=power)
        .map(|k| {
            if k > 0 {
                term *= u / k as f64;
            }
            if k % 2 == parity { term } else { 0.0 }
        })
        .collect()
}

/// Series of tanh(ut): sinh divided by cosh.
fn tanh_series(u: f64, power: usize) -> Vec<f64> {
    let (sinh, cosh) = (hyperbolic(u, power, 1), hyperbolic(u, power, 0));
    let mut out = vec![0.0; power + 1];
    for k in 0..=power {
        let known: f64 = (1..=k).map(|m| cosh[m] * out[k - m]).sum();
        out[k] = sinh[k] - known;
    }
    out
}

/// Product of two series, cut at the same power.
fn multiply(a: &[f64], b: &[f64]) -> Vec<f64> {
    (0..a.len()).map(|k| (0..=k).map(|m| a[m] * b[k - m]).sum()).collect()
}
