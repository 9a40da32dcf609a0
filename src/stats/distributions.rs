//! Tail probabilities for tests: χ² and normal.
//!
//! Q(a, x) = Γ(a, x)/Γ(a) by its power series below x = a + 1 and by its continued fraction above (Abramowitz and
//! Stegun 6.5.29, 6.5.31); normal tails are Q(½, z²/2)/2; the quantile solves for them by Newton's method.

/// ln Γ(x) for x > 0, by Stirling's series after shifting x above 12.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    let mut shift = 0.0;
    let mut y = x;
    while y < 12.0 {
        shift += y.ln();
        y += 1.0;
    }
    let r = 1.0 / (y * y);
    // Bernoulli numbers B_2k / (2k (2k − 1)), k = 1 … 6.
    let tail = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    let series = tail.iter().rev().fold(0.0, |sum, b| sum * r + b) / y;
    (y - 0.5) * y.ln() - y + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

/// Regularised upper incomplete gamma function Q(a, x), a > 0, x ≥ 0.
#[must_use]
pub fn gamma_upper(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut k) = (1.0 / a, 1.0 / a, a);
        while term > 1e-17 * sum {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        return (1.0 - front * sum).max(0.0);
    }
    // Lentz's evaluation of 1/(x + 1 − a − 1(1 − a)/(x + 3 − a − …)).
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (f64::MAX, 1.0 / b);
    let mut value = d;
    for i in 1..10_000 {
        let i = f64::from(i);
        let numerator = -i * (i - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * value
}

/// P(χ² ≥ `value`) with `degrees` degrees of freedom.
#[must_use]
pub fn chi_squared_survival(value: f64, degrees: usize) -> f64 {
    if degrees == 0 { 1.0 } else { gamma_upper(0.5 * degrees as f64, 0.5 * value) }
}

/// P(Z ≤ z) of the standard normal distribution, accurate in both tails.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    let tail = 0.5 * gamma_upper(0.5, 0.5 * z * z);
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// z with P(Z ≤ z) = `p`; ±∞ at 1 and 0, NaN outside.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    // ln P is concave and increasing in z: Newton's first step from z = 0 ends at or below the root, all others approach
    // it from there. Below −38 the tail leaves the range of f64.
    let target = p.ln();
    let mut z = 0.0f64;
    for _ in 0..60 {
        let tail = normal_cdf(z);
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let step = (tail.ln() - target) * tail / density;
        z = (z - step).max(-38.0);
        if step.abs() < 1e-15 * (1.0 + z.abs()) {
            break;
        }
    }
    z
}
