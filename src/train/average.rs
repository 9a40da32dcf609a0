//! The running mean of the machine in training.
//!
//! At a constant learning rate parameters wander about where they are driven, by the noise of minibatches and chains: with
//! the rate the likelihood of the newest machine lies nats below that of their mean (Polyak and Juditsky, SIAM J. Control
//! Optim. 30, 838, 1992). The mean θ̄ ← θ̄ + a_t (θ − θ̄) has a_t = [`MEMORY`] / t at first, so that it looks back over a
//! tenth of the way and forgets the start, and never less than a part that is chosen: [`AVERAGE`] looks back over 500
//! updates.
//!
//! Neighbouring machines are nearly the same, so that the mean takes every [`EVERY`]th only, with as much weight as all of
//! them together: on a device where an update is a few launches another one for each would be felt.

/// Part of each machine in the mean, unless said.
pub const AVERAGE: f64 = 0.002;
/// The mean looks back over one part in this many of all updates so far.
const MEMORY: f64 = 10.0;
/// Updates of which the mean takes one, and those up to which it takes all.
const EVERY: u64 = 8;
const ALL: u64 = 64;

/// Whether the mean takes the machine after this many updates.
pub(super) fn averages(update: u64) -> bool {
    update <= ALL || update.is_multiple_of(EVERY)
}

/// Part of that machine in the mean: of all those since the last one that was taken.
pub(super) fn share(least: f64, update: u64) -> f64 {
    let updates = if update <= ALL { 1 } else { EVERY as i32 };
    let each = (MEMORY / update as f64).max(least).min(1.0);
    1.0 - (1.0 - each).powi(updates)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The weights of all machines add up to one, and lie as far back as is said.
    #[test]
    fn the_mean_looks_back_over_a_tenth_and_then_over_as_much_as_is_said() {
        for (least, end, back) in [(0.002, 10, 0.0), (0.002, 1000, 91.0), (0.002, 40_000, 500.0), (0.1, 4000, 10.0)] {
            let (mut rest, mut age) = (1.0, 0.0);
            for k in (1..=end).rev().filter(|&t| averages(t)) {
                age += rest * share(least, k) * (end - k) as f64;
                rest *= 1.0 - share(least, k);
            }
            assert!(rest < 1e-9, "{rest} of the start in the mean of {end}");
            // Machines between two that are taken count as the later one.
            assert!((age - back).abs() < 0.01 * back + EVERY as f64 / 2.0, "{least} {end}: {age}");
        }
    }
}
