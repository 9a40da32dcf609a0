//! The square Ising model on a finite n × m torus, in closed form.
//!
//! Z = ½ (2 sinh 2K)^{mn/2} { Π 2cosh(m g_{2k+1}/2) + Π 2sinh(m g_{2k+1}/2) + Π 2cosh(m g_{2k}/2) + Π 2sinh(m g_{2k}/2) },
//! k = 0 … n−1, cosh g_l = cosh² 2K / sinh 2K − cos(πl/n), g_0 = 2K + ln tanh K with its sign (negative above T_c).
//! (B. Kaufman, Phys. Rev. 76, 1232 (1949).)
//!
//! With s = sinh 2K, cosh g_l − 1 = (1 − s)²/s + 2 sin²(πl/2n) has no cancellation, so g_l = 2 asinh √((cosh g_l − 1)/2).
//! The first product is taken out of the braces: what remains are ratios, so that no term overflows at any size.
//! Derivatives in K are carried along with the values.

use std::f64::consts::{LN_2, PI};

use super::jet::Jet;
use super::{Thermodynamics, coupling, size_fault};
use crate::error::Result;

/// Above this K all excitations together, N e^{−8K} ≤ 10⁻⁷⁷, vanish in f64 and the two ground states are all there is.
const FROZEN: f64 = 25.0;

/// Thermodynamics of the n × m torus with periodic bonds in both directions; `n`, `m` ≥ 1 (an extent of 2 has double
/// bonds, an extent of 1 a bond of a spin with itself).
///
/// # Errors
/// [`crate::Error::Input`] for an extent of 0, more than 2³² sites, or a temperature that is not positive.
pub fn thermodynamics(n: usize, m: usize, temperature: f64) -> Result<Thermodynamics> {
    let k = coupling(temperature)?;
    let sites = n.checked_mul(m).filter(|&s| s > 0 && s <= 1 << 32);
    let sites = sites.ok_or_else(|| size_fault(format!("a torus of {n} × {m} sites"), "1 to 2³² sites".to_string()))?;
    if k > FROZEN {
        let log_z = 2.0 * sites as f64 * k + LN_2;
        return Ok(Thermodynamics { log_z, energy: -2.0, specific_heat: 0.0, entropy: LN_2 });
    }
    Ok(Thermodynamics::from_log_z(log_z(n, m, k), sites, k))
}

fn log_z(n: usize, m: usize, k: f64) -> Jet {
    let one = Jet::constant(1.0);
    let x = Jet::variable(k);
    let s = x.scale(2.0).sinh();
    let gap = (one - s) * (one - s) * s.recip();
    let half_m = 0.5 * m as f64;
    let argument = |l: usize| {
        let g = if l == 0 {
            x.scale(2.0) + x.tanh().ln()
        } else {
            let rise = (PI * l as f64 / (2.0 * n as f64)).sin();
            (gap + Jet::constant(2.0 * rise * rise)).scale(0.5).sqrt().asinh().scale(2.0)
        };
        g.scale(half_m)
    };
    // Σ ln 2cosh and Π tanh over one family of g.
    let products = |first: usize| {
        (0..n)
            .map(|i| argument(first + 2 * i))
            .fold((Jet::constant(0.0), one), |(sum, product), a| (sum + a.ln_2cosh(), product * tanh(a)))
    };
    let (odd, odd_tanh) = products(1);
    let (even, even_tanh) = products(0);
    let braces = one + odd_tanh + (even - odd).exp() * (one + even_tanh);
    s.scale(2.0).ln().scale(half_m * n as f64) + odd + braces.ln() - Jet::constant(LN_2)
}

/// tanh whose derivatives stay finite for large arguments.
fn tanh(x: Jet) -> Jet {
    if x.value.abs() > 300.0 { Jet::constant(x.value.signum()) } else { x.tanh() }
}
