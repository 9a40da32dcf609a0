//! How far correct values may lie from exact ones: a limit that follows from how many are compared.
//!
//! One of `count` standard normal values lies beyond the limit in a thousandth of correct programs (Bonferroni: the bound
//! needs no independence), so 3.8 σ for 6 values, 4.5 σ for 150 and 4.8 σ for 700. What is weaker about it than a fixed
//! number the χ² of the independent ones makes good. Of 150 seeds times 12 temperatures of an 8 × 8 lattice and of 1000
//! seeds at T = 2.5 and 3.5, 6000 samples each, z of e, C, |m| and P(m > 0) had standard deviations of 0.98 to 1.03 and
//! kurtoses of 2.9 to 3.3; those of χ and U4 are skewed at low temperatures (kurtosis 3.6, the largest −4.4 of 1800).

use gibbsite::internals::record::Estimate;
use gibbsite::internals::stats::{chi_squared_survival, normal_quantile};

/// Part of correct programs in which one of all values of a test is too far off.
const FALSE_ALARM: f64 = 1e-3;

/// The largest |z| that `count` values of a correct program may show.
pub(crate) fn limit(count: usize) -> f64 {
    normal_quantile(1.0 - 0.5 * FALSE_ALARM / count as f64)
}

/// Values of a test beside exact ones.
#[derive(Default)]
pub(crate) struct Compared {
    values: Vec<(String, f64)>,
}

impl Compared {
    /// One more value; returns its z.
    pub(crate) fn take(&mut self, found: Estimate, exact: f64, what: &str) -> f64 {
        let z = (found.value - exact) / found.error;
        self.values.push((format!("{what} = {found:?} for {exact}"), z));
        z
    }

    /// Asks that no value is too far off for how many there are.
    pub(crate) fn hold(&self) {
        let limit = limit(self.values.len());
        for (what, z) in &self.values {
            // Written so that NaN does not hold.
            let holds = z.abs() < limit;
            assert!(
                holds,
                "{what}: {z:.1} σ, of {} values none beyond {limit:.1} was to be expected",
                self.values.len()
            );
        }
    }
}

/// χ² of independent values: 0.2 % of correct programs fail.
pub(crate) fn unsuspicious(zs: &[f64]) {
    let chi_squared: f64 = zs.iter().map(|z| z * z).sum();
    let p = chi_squared_survival(chi_squared, zs.len());
    assert!((0.001..0.999).contains(&p), "χ² = {chi_squared:.1} of {}, p = {p}", zs.len());
}

/// Quantiles from a table of the normal distribution: 3.2905 for 1e-3, 3.8906 for 1e-4 and 4.4172 for 1e-5, two-sided.
#[test]
fn limits_are_quantiles() {
    for (count, expected) in [(1, 3.2905), (10, 3.8906), (100, 4.4172)] {
        assert!((limit(count) - expected).abs() < 1e-4, "{count}: {}", limit(count));
    }
    let mut compared = Compared::default();
    assert_eq!(compared.take(Estimate::new(1.0, 0.5), 3.0, "x"), -4.0);
    assert!(std::panic::catch_unwind(|| compared.hold()).is_err(), "one value 4 σ off");
    let mut unknown = Compared::default();
    unknown.take(Estimate::new(1.0, f64::NAN), 1.0, "x");
    assert!(std::panic::catch_unwind(|| unknown.hold()).is_err(), "an error that is not known");
}
