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

/// P(at least `found` marked ones among `drawn` of `total`, `marked` of which are marked): Fisher's exact test.
#[must_use]
pub fn hypergeometric_survival(found: usize, drawn: usize, marked: usize, total: usize) -> f64 {
    let log_factorial = |n: usize| ln_gamma(n as f64 + 1.0);
    let choose = |n: usize, k: usize| log_factorial(n) - log_factorial(k) - log_factorial(n - k);
    let of_all = choose(total, drawn);
    let most = drawn.min(marked);
    let least = found.max((drawn + marked).saturating_sub(total));
    let term = |k: usize| (choose(marked, k) + choose(total - marked, drawn - k) - of_all).exp();
    (least..=most).map(term).sum::<f64>().min(1.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, bound: f64) {
        assert!((found / expected - 1.0).abs() < bound, "{found} for {expected}");
    }

    /// Values to 30 digits by mpmath 1.3.
    #[test]
    fn tails_have_the_values_of_high_precision() {
        for (x, expected) in [
            (0.1, 2.252_712_651_734_206),
            (3.7, 1.428_072_326_665_388),
            (11.9, 17.258_477_450_595_52),
            (12.5, 18.734_347_511_936_446),
            (100.0, 359.134_205_369_575_4),
        ] {
            // Some ten roundings of numbers of the size of y ln y, 36 at y = 13.
            assert!((ln_gamma(x) - expected).abs() < 3e-14 * expected.max(1.0), "{} for {expected}", ln_gamma(x));
        }
        for (a, x, expected) in [
            (0.5, 0.1, 0.654_720_846_018_577),
            (0.5, 3.0, 0.014_305_878_435_429_64),
            (2.5, 3.4, 0.235_944_537_694_521_4),
            (2.5, 3.6, 0.206_185_919_709_555_9),
            (30.0, 20.0, 0.978_181_782_474_442_6),
            (30.0, 45.0, 0.007_337_199_297_796_504),
            (500.0, 480.0, 0.813_718_026_809_675_4),
        ] {
            close(gamma_upper(a, x), expected, 1e-11);
        }
        close(gamma_upper(0.5, 700.0), 2.101_014_516_264_217e-306, 1e-10);
        for (p, z) in [
            (1e-300, -37.047_096_299_361_2),
            (1e-12, -7.034_483_825_301_132),
            (0.2, -0.841_621_233_572_914_2),
            (0.4999, -2.506_628_300_880_075e-4),
            (0.999, 3.090_232_306_167_813),
        ] {
            close(normal_quantile(p), z, 1e-12);
        }
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(normal_quantile(0.5).abs() < 1e-15 && normal_quantile(-0.1).is_nan() && normal_quantile(1.1).is_nan());
        assert_eq!(
            (gamma_upper(2.0, 0.0), chi_squared_survival(7.0, 0), chi_squared_survival(0.0, 1)),
            (1.0, 1.0, 1.0)
        );
    }

    /// Fisher's cups of tea, 1/70, and a count that needs no sum: C(7, 3)/C(20, 3).
    #[test]
    fn hypergeometric_tails_are_those_of_counting() {
        assert!((hypergeometric_survival(4, 4, 4, 8) - 1.0 / 70.0).abs() < 1e-14);
        assert!((hypergeometric_survival(3, 3, 7, 20) - 35.0 / 1140.0).abs() < 1e-14);
        assert!((hypergeometric_survival(0, 5, 3, 9) - 1.0).abs() < 1e-12);
        assert_eq!(hypergeometric_survival(4, 5, 3, 9), 0.0);
        // All but one of nine are marked: of two drawn one is marked at least.
        assert!((hypergeometric_survival(1, 2, 8, 9) - 1.0).abs() < 1e-12);
    }
}
