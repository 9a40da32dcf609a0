//! The exact distribution of the magnetisation and what follows from it.

/// P(number of up spins = u), u = 0 … N; m = (2u − N)/N.
#[derive(Debug, Clone, PartialEq)]
pub struct MagnetizationDistribution {
    /// `[N + 1]`, sums to 1.
    pub probabilities: Vec<f64>,
}

impl MagnetizationDistribution {
    /// From weights that need not sum to one.
    pub(super) fn from_weights(mut weights: Vec<f64>) -> Self {
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        Self { probabilities: weights }
    }

    /// N.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.probabilities.len() - 1
    }

    /// ⟨f(m)⟩ with m per site.
    fn mean(&self, f: impl Fn(f64) -> f64) -> f64 {
        let n = self.sites() as f64;
        self.probabilities.iter().enumerate().map(|(up, p)| p * f((2.0 * up as f64 - n) / n)).sum()
    }

    /// ⟨|m|⟩.
    #[must_use]
    pub fn mean_abs(&self) -> f64 {
        self.mean(f64::abs)
    }

    /// ⟨m²⟩.
    #[must_use]
    pub fn mean_square(&self) -> f64 {
        self.mean(|m| m * m)
    }

    /// χ = (N/T)(⟨m²⟩ − ⟨|m|⟩²).
    #[must_use]
    pub fn susceptibility(&self, temperature: f64) -> f64 {
        let centre = self.mean_abs();
        self.sites() as f64 / temperature * self.mean(|m| (m.abs() - centre).powi(2))
    }

    /// U4 = 1 − ⟨m⁴⟩/(3⟨m²⟩²).
    #[must_use]
    pub fn binder(&self) -> f64 {
        1.0 - self.mean(|m| m.powi(4)) / (3.0 * self.mean_square().powi(2))
    }

    /// P(m > 0) + ½ P(m = 0).
    #[must_use]
    pub fn p_up(&self) -> f64 {
        self.mean(|m| {
            if m > 0.0 {
                1.0
            } else if m < 0.0 {
                0.0
            } else {
                0.5
            }
        })
    }
}
