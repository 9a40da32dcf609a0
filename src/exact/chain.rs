//! The Ising chain, periodic and open, in closed form; the distribution of its magnetisation by a transfer matrix.
//!
//! Periodic Z = (2 cosh K)^N + (2 sinh K)^N; open Z = 2 (2 cosh K)^{N−1}; with t = tanh K the correlations are
//! (t^r + t^{N−r})/(1 + t^N) and t^r (Ising 1925; Kramers and Wannier 1941).

use super::jet::Jet;
use super::{MagnetizationDistribution, Thermodynamics, coupling, size_fault};
use crate::error::Result;

/// Longest chain whose magnetisation is distributed exactly: the work grows as N².
pub const MAX_MAGNETIZATION_SITES: usize = 8192;

/// Periodic chain of `sites` ≥ 1 spins with `sites` bonds.
///
/// # Errors
/// [`crate::Error::Input`] for no sites or a temperature that is not positive.
pub fn periodic(sites: usize, temperature: f64) -> Result<Thermodynamics> {
    let k = check(sites, temperature)?;
    let x = Jet::variable(k);
    let ratio = power(x.tanh(), sites);
    let log_z = x.ln_2cosh().scale(sites as f64) + (Jet::constant(1.0) + ratio).ln();
    Ok(Thermodynamics::from_log_z(log_z, sites, k))
}

/// Open chain of `sites` ≥ 1 spins with `sites` − 1 bonds.
///
/// # Errors
/// As [`periodic`].
pub fn open(sites: usize, temperature: f64) -> Result<Thermodynamics> {
    let k = check(sites, temperature)?;
    let log_z = Jet::constant(std::f64::consts::LN_2) + Jet::variable(k).ln_2cosh().scale(sites as f64 - 1.0);
    Ok(Thermodynamics::from_log_z(log_z, sites, k))
}

/// ⟨s_i s_{i+r}⟩ of the periodic chain, `r` ≤ N.
///
/// # Errors
/// As [`periodic`].
pub fn periodic_correlation(sites: usize, temperature: f64, r: usize) -> Result<f64> {
    let t = check(sites, temperature)?.tanh();
    let to = |n: usize| t.powf(n as f64);
    Ok((to(r) + to(sites.saturating_sub(r))) / (1.0 + to(sites)))
}

/// ⟨s_i s_{i+r}⟩ of the open chain.
///
/// # Errors
/// As [`periodic`].
pub fn open_correlation(temperature: f64, r: usize) -> Result<f64> {
    Ok(coupling(temperature)?.tanh().powf(r as f64))
}

/// Distribution of the magnetisation, site by site: weights by (last spin, number of up spins) with the first spin up;
/// the other half follows by symmetry.
///
/// # Errors
/// As [`periodic`], and for more than [`MAX_MAGNETIZATION_SITES`] sites.
pub fn magnetization(sites: usize, temperature: f64, closed: bool) -> Result<MagnetizationDistribution> {
    let k = check(sites, temperature)?;
    if sites > MAX_MAGNETIZATION_SITES {
        let expected = format!("at most {MAX_MAGNETIZATION_SITES} sites");
        return Err(size_fault(format!("the magnetisation of a chain of {sites} sites"), expected));
    }
    let unequal = (-2.0 * k).exp();
    let (mut up, mut down) = (vec![0.0; sites + 1], vec![0.0; sites + 1]);
    up[1] = 1.0;
    for placed in 1..sites {
        for u in (0..=placed).rev() {
            let (a, b) = (up[u], down[u]);
            up[u + 1] = a + unequal * b;
            down[u] = unequal * a + b;
        }
        up[0] = 0.0;
        // One step multiplies the sum by at most 2: a scale every 512 sites keeps it in range.
        if placed % 512 == 0 {
            let scale = 1.0 / up.iter().chain(&down).sum::<f64>();
            up.iter_mut().chain(&mut down).for_each(|w| *w *= scale);
        }
    }
    let last = if closed { unequal } else { 1.0 };
    let half: Vec<f64> = up.iter().zip(&down).map(|(a, b)| a + last * b).collect();
    let weights = (0..=sites).map(|u| half[u] + half[sites - u]).collect();
    Ok(MagnetizationDistribution::from_weights(weights))
}

fn check(sites: usize, temperature: f64) -> Result<f64> {
    if sites == 0 {
        return Err(size_fault("a chain without sites".to_string(), "at least one site".to_string()));
    }
    coupling(temperature)
}

/// x^n by repeated squaring.
fn power(x: Jet, mut n: usize) -> Jet {
    let (mut base, mut out) = (x, Jet::constant(1.0));
    while n > 0 {
        if n & 1 == 1 {
            out = out * base;
        }
        base = base * base;
        n >>= 1;
    }
    out
}
