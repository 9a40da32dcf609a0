//! Autocovariances at all lags at once, from the power spectrum.
//!
//! Γ(t) is the inverse transform of Σ_r |x̂_r|², the series padded with zeros to twice their length or the next power of
//! two above (Wiener and Khinchin): n log n operations instead of one pass over the data for every lag.

use crate::threads::prelude::*;
use realfft::RealFftPlanner;

/// Groups of replicas whose spectra are added up side by side; fixed, so that sums do not depend on the threads.
const GROUPS: usize = 8;

/// Γ(t) for t = 0 … `last` (at most `times` − 1) of `centred` `[replica][time]`, over all replicas.
pub(super) fn covariances(centred: &[f64], times: usize, last: usize) -> Vec<f64> {
    let replicas = centred.len() / times;
    let length = (times + last + 1).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let of_group = |group: &[f64]| {
        let (mut room, mut spectrum) = (forward.make_input_vec(), forward.make_output_vec());
        let mut power = vec![0.0; spectrum.len()];
        for series in group.chunks_exact(times) {
            room.fill(0.0);
            room[..times].copy_from_slice(series);
            // Lengths are those of the plan, so nothing can fail.
            let done = forward.process(&mut room, &mut spectrum);
            debug_assert!(done.is_ok(), "{done:?}");
            power.iter_mut().zip(&spectrum).for_each(|(p, x)| *p += x.norm_sqr());
        }
        power
    };
    let groups: Vec<Vec<f64>> = centred.par_chunks(times * replicas.div_ceil(GROUPS)).map(of_group).collect();
    let mut spectrum = inverse.make_input_vec();
    for (k, s) in spectrum.iter_mut().enumerate() {
        s.re = groups.iter().map(|power| power[k]).sum();
    }
    let mut sums = inverse.make_output_vec();
    let done = inverse.process(&mut spectrum, &mut sums);
    debug_assert!(done.is_ok(), "{done:?}");
    let scale = |t: usize| length as f64 * (replicas * (times - t)) as f64;
    sums.iter().enumerate().take(last + 1).map(|(t, sum)| sum / scale(t)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the definition, for lengths that are no powers of two and more replicas than groups.
    #[test]
    fn all_lags_are_those_of_the_definition() {
        for (replicas, times, last) in [(1, 1, 0), (1, 7, 6), (3, 50, 20), (21, 64, 63)] {
            let series: Vec<f64> =
                (0..replicas * times).map(|k| ((k * k * 7919 + 13 * k) % 101) as f64 - 50.0).collect();
            let found = covariances(&series, times, last);
            assert_eq!(found.len(), last + 1);
            for (t, &found) in found.iter().enumerate() {
                let sum: f64 =
                    series.chunks(times).flat_map(|x| x[..times - t].iter().zip(&x[t..])).map(|(a, b)| a * b).sum();
                let expected = sum / (replicas * (times - t)) as f64;
                assert!((found - expected).abs() < 1e-9, "{replicas} × {times}, lag {t}: {found} for {expected}");
            }
        }
    }
}
