//! Where the Binder ratios of two sizes cross: an estimate of the critical temperature.
//!
//! At T_c U4 does not depend on the size, up to corrections that shrink with it. (K. Binder, Z. Phys. B 43, 119 (1981).)

use super::solution::Solution;
use super::{MultiHistogram, spread};
use crate::error::{Error, Fault, Result};
use crate::record::Estimate;

/// Bisections: the interval shrinks to 10⁻¹² of its width.
const STEPS: usize = 40;

impl MultiHistogram {
    /// Temperature between `from` and `to` at which U4 of this system equals that of another, independent one.
    ///
    /// # Errors
    /// [`Error::Input`] unless U4 of one is above the other's at one end and below at the other, and as
    /// [`MultiHistogram::at`] at both ends.
    pub fn binder_crossing(&self, other: &Self, from: f64, to: f64) -> Result<Estimate> {
        for temperature in [from, to] {
            self.at(temperature)?;
            other.at(temperature)?;
        }
        let cross = |ours: &Solution, theirs: &Solution| {
            let difference = |t: f64| {
                let a = ours.moments(&self.levels.energies, 1.0 / t).binder();
                a - theirs.moments(&other.levels.energies, 1.0 / t).binder()
            };
            let (mut low, mut high) = (from, to);
            let sign = difference(low);
            if sign * difference(high) > 0.0 {
                return None;
            }
            for _ in 0..STEPS {
                let middle = 0.5 * (low + high);
                if difference(middle) * sign > 0.0 { low = middle } else { high = middle }
            }
            Some(0.5 * (low + high))
        };
        let missing = || {
            Error::Input(
                Fault::new(format!("the Binder ratios do not cross between T = {from} and {to}"))
                    .expected("an interval with a crossing well inside")
                    .advice("widen the interval, or take more samples"),
            )
        };
        let value = cross(&self.full, &other.full).ok_or_else(missing)?;
        let ours: Option<Vec<f64>> = self.left_out.iter().map(|s| cross(s, &other.full)).collect();
        let theirs: Option<Vec<f64>> = other.left_out.iter().map(|s| cross(&self.full, s)).collect();
        let errors = spread(&ours.ok_or_else(missing)?).hypot(spread(&theirs.ok_or_else(missing)?));
        Ok(Estimate::new(value, errors).measured())
    }
}
