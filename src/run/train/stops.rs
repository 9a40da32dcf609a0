//! The updates after which a training is looked at or kept.

/// When a training is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// So many times, at equal distances; the last one is the end.
    Even(u64),
    /// At distances that grow with what is behind, by √2, from the tenth update on: what is best after a hundred updates
    /// is not missed in a training that may take ten thousand. The last look is the end.
    Geometric,
}

/// First look.
const FIRST: f64 = 10.0;

impl Looks {
    /// First look after update `now` of `total`; the last update where there is none.
    pub(super) fn next(self, now: u64, total: u64) -> u64 {
        match self {
            Self::Even(times) if times == 0 || now >= total => total,
            Self::Even(times) => {
                let times = times.min(total);
                (u128::from(total) * u128::from(stop_from(now + 1, total, times)) / u128::from(times)) as u64
            }
            Self::Geometric => {
                let at = |k: i32| (FIRST * 2f64.powf(f64::from(k) / 2.0)).round() as u64;
                let first = (2.0 * ((now.max(1) as f64 / FIRST).log2())).floor().max(0.0) as i32;
                (first..).map(at).find(|&update| update > now).map_or(total, |update| update.min(total))
            }
        }
    }

    /// Whether update `update` of `total` is followed by a look.
    pub(super) fn is_at(self, update: u64, total: u64) -> bool {
        self != Self::Even(0) && update > 0 && self.next(update - 1, total) == update
    }

    /// Number of looks after update `after` and before update `before`.
    pub(super) fn between(self, after: u64, before: u64, total: u64) -> u64 {
        match self {
            Self::Even(times) => {
                let times = times.min(total);
                if times == 0 {
                    return 0;
                }
                stop_from(before, total, times).saturating_sub(stop_from(after + 1, total, times))
            }
            Self::Geometric => {
                std::iter::successors(Some(self.next(after, total)), |&look| Some(self.next(look, total)))
                    .take_while(|&look| look < before)
                    .count() as u64
            }
        }
    }
}

/// Number of the first of `times` equally spaced stops, from 1, that is at update `update` or later.
fn stop_from(update: u64, total: u64, times: u64) -> u64 {
    (u128::from(update) * u128::from(times)).div_ceil(u128::from(total.max(1))).max(1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks are at ⌊total k / times⌋, k from 1; with more of them than updates there is one after every update.
    #[test]
    fn even_looks_are_spaced_evenly() {
        for (total, times) in [(1, 1), (7, 3), (50, 7), (50, 50), (50, 51), (50, 4_000_000_000), (50, u64::MAX)] {
            let looks = Looks::Even(times);
            let mut all: Vec<u64> = (1..=times.min(total)).map(|k| total * k / times.min(total)).collect();
            all.dedup();
            agrees(looks, total, &all);
        }
        let none = Looks::Even(0);
        assert_eq!((none.next(3, 50), none.is_at(50, 50), none.between(1, 50, 50)), (50, false, 0));
        let total = u64::from(u32::MAX);
        assert_eq!(Looks::Even(u64::MAX).next(total - 1, total), total);
    }

    #[test]
    fn geometric_looks_come_more_and_more_seldom() {
        let all = [10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 453, 640, 905];
        agrees(Looks::Geometric, 1000, &[&all[..], &[1000]].concat());
        agrees(Looks::Geometric, 28, &all[..4]);
        agrees(Looks::Geometric, 7, &[7]);
    }

    fn agrees(looks: Looks, total: u64, all: &[u64]) {
        for now in 0..=total {
            let next = all.iter().copied().find(|&look| look > now).unwrap_or(total);
            assert_eq!(looks.next(now, total), next, "{now} of {total}, {looks:?}");
            assert_eq!(looks.is_at(now, total), all.contains(&now), "{now} of {total}, {looks:?}");
            for before in now..=total {
                let between = all.iter().filter(|&&look| now < look && look < before).count() as u64;
                assert_eq!(looks.between(now, before, total), between, "{now}..{before} of {total}, {looks:?}");
            }
        }
    }
}
