//! Placement of temperatures by the acceptance that was measured.

use crate::numerics::equal_parts;

/// Smallest rejection that a placement counts with: no two temperatures fall together.
const LEAST_REJECTION: f64 = 0.01;

/// β half-way to where exchanges would be rejected equally often between all neighbours, from the `acceptance` between
/// those at `betas`; both ends stay. Rejections between neighbours add up along β whatever the rungs are, so that equal
/// parts of their sum are found by interpolation.
/// (Syed, Bouchard-Côté, Deligiannidis and Doucet, J. R. Stat. Soc. B 84, 321 (2022).)
#[must_use]
pub fn place_evenly(betas: &[f64], acceptance: &[f64]) -> Vec<f64> {
    let rejections: Vec<f64> = acceptance.iter().map(|a| (1.0 - a).clamp(LEAST_REJECTION, 1.0)).collect();
    let last = rejections.len();
    let place = |(k, (gap, part)): (usize, (usize, f64))| match k {
        0 => betas[0],
        _ if k == last => betas[last],
        _ => 0.5 * (betas[k] + betas[gap] + part * (betas[gap + 1] - betas[gap])),
    };
    equal_parts(&rejections, last).enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placement_evens_out_rejections() {
        // Rejections grow with β at a rate of 4 below ½ and of 1 above.
        let barrier = |b: f64| if b < 0.5 { 4.0 * b } else { 1.5 + b };
        let mut betas: Vec<f64> = (0..6).map(|k| f64::from(k) / 5.0).collect();
        // A rung that lies beyond the bend comes back by an eighth of its distance at a time.
        for _ in 0..60 {
            let acceptance: Vec<f64> = betas.windows(2).map(|p| 1.0 - 0.3 * (barrier(p[1]) - barrier(p[0]))).collect();
            betas = place_evenly(&betas, &acceptance);
            assert!(betas.windows(2).all(|pair| pair[0] < pair[1]) && betas[0] == 0.0 && betas[5] == 1.0, "{betas:?}");
        }
        // Four fifths of the barrier lie below ½: four of five gaps.
        assert!(betas.windows(2).all(|p| (barrier(p[1]) - barrier(p[0]) - 0.5).abs() < 1e-3), "{betas:?}");
    }
}
