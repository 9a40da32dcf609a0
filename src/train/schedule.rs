//! How the learning rate falls over a training.

/// Shape of the learning rate over the updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// η throughout.
    Constant,
    /// η (1 − t/T).
    Linear,
    /// ½ η (1 + cos(π t/T)): long at high rates, then gentle (Loshchilov and Hutter 2017, one cycle).
    Cosine,
}

impl Schedule {
    /// Learning rate of update `t` of `total`.
    #[must_use]
    pub fn rate(self, first: f64, t: u64, total: u64) -> f64 {
        let x = t as f64 / total.max(1) as f64;
        match self {
            Self::Constant => first,
            Self::Linear => first * (1.0 - x),
            Self::Cosine => first * 0.5 * (1.0 + (std::f64::consts::PI * x).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn rates_start_at_the_given_rate_and_fall_to_zero() {
        for schedule in [Schedule::Linear, Schedule::Cosine] {
            assert!((schedule.rate(0.5, 0, 100) - 0.5).abs() < 1e-15);
            assert!((schedule.rate(0.5, 50, 100) - 0.25).abs() < 1e-15);
            assert!(schedule.rate(0.5, 100, 100).abs() < 1e-15);
        }
        assert!((Schedule::Constant.rate(0.5, 99, 100) - 0.5).abs() < 1e-15);
    }
}
