//! What exchanges did, told from their record: acceptance by pair, and ways of the chains along the ladder.

use crate::backend::Exchanged;
use crate::bits::BitMatrix;

/// What exchanges did.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchanges {
    /// Mean probability of acceptance by pair of neighbouring rungs, from below; NaN where nothing was tried.
    pub acceptance: Vec<f64>,
    /// Ways from the first rung to the last, of all chains.
    pub arrivals: u64,
    /// The same a chain of the last rung.
    pub arrivals_per_chain: f64,
    /// Rounds of exchanges.
    pub rounds: u64,
}

/// Exchanges between a rung and the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// Exchanges tried.
    pub tried: u64,
    /// Sum of their probabilities.
    pub probability: f64,
    /// Mean probability of the last rounds, each weighted with [`FORGET`] and what is left of older ones.
    pub recent: f64,
}

/// Weight of a round in [`Count::recent`].
pub const FORGET: f64 = 0.1;

impl Count {
    /// Nothing tried yet.
    pub const NONE: Self = Self { tried: 0, probability: 0.0, recent: 1.0 };
}

/// Counts of a ladder's exchanges.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    chains: usize,
    /// By pair.
    counts: Vec<Count>,
    /// Whether each chain has been at the first rung since it was last at the last one, by rung.
    fresh: Vec<Vec<bool>>,
    rounds: u64,
    arrivals: u64,
    /// Mean probability between the two highest rungs in the last round.
    latest: Option<f64>,
}

impl Tally {
    /// With the numbers of `state`.
    pub(super) fn new(state: &super::TemperingState) -> Self {
        let fresh = &state.fresh;
        Self {
            chains: fresh.cols(),
            counts: state.counts.clone(),
            fresh: (0..fresh.rows()).map(|r| (0..fresh.cols()).map(|k| fresh.get(r, k)).collect()).collect(),
            rounds: state.rounds,
            arrivals: state.arrivals,
            latest: None,
        }
    }

    /// Rungs of the ladder.
    pub(super) fn rungs(&self) -> usize {
        self.fresh.len()
    }

    /// Chains of a rung.
    pub(super) fn chains(&self) -> usize {
        self.chains
    }

    /// Begins a round.
    pub(super) fn begin(&mut self) {
        self.rounds += 1;
        self.latest = None;
    }

    /// Counts what became of all chains of pair `a` in this round.
    pub(super) fn pair(&mut self, a: usize, exchanged: &[Exchanged]) {
        let (below, above) = self.fresh.split_at_mut(a + 1);
        let (low, high) = (&mut below[a], &mut above[0]);
        let count = &mut self.counts[a];
        let before = count.probability;
        for (k, exchanged) in exchanged.iter().enumerate() {
            count.probability += exchanged.probability();
            if exchanged.accepted {
                std::mem::swap(&mut low[k], &mut high[k]);
            }
        }
        let mean = (count.probability - before) / self.chains as f64;
        count.recent += FORGET * (mean - count.recent);
        count.tried += self.chains as u64;
        if a == 0 {
            low.fill(true);
        }
        if a + 1 == self.counts.len() {
            self.latest = Some(mean);
            self.arrivals += high.iter().filter(|&&fresh| fresh).count() as u64;
            high.fill(false);
        }
    }

    /// There is a new rung at `at`, not the first, whose chains are copies of those of the rung that was there.
    pub(super) fn insert(&mut self, at: usize) {
        self.fresh.insert(at, self.fresh[at].clone());
        self.counts[at - 1] = Count::NONE;
        self.counts.insert(at, Count::NONE);
    }

    /// Rung `r`, neither the first nor the last, is gone.
    pub(super) fn remove(&mut self, r: usize) {
        self.fresh.remove(r);
        self.counts.remove(r);
        self.counts[r - 1] = Count::NONE;
    }

    pub(super) fn anew(&mut self) {
        self.counts.iter_mut().for_each(|c| (c.tried, c.probability) = (0, 0.0));
        (self.rounds, self.arrivals) = (0, 0);
    }

    pub(super) fn latest(&self) -> Option<f64> {
        self.latest
    }

    pub(super) fn recent(&self) -> Vec<f64> {
        self.counts.iter().map(|c| c.recent).collect()
    }

    pub(super) fn exchanges(&self) -> Exchanges {
        let part = |c: &Count| c.probability / c.tried as f64;
        Exchanges {
            acceptance: self.counts.iter().map(part).collect(),
            arrivals: self.arrivals,
            arrivals_per_chain: self.arrivals as f64 / self.chains as f64,
            rounds: self.rounds,
        }
    }

    /// The state of a ladder with these counts.
    pub(super) fn state(&self, states: Vec<BitMatrix>, step: u32, round: u64) -> super::TemperingState {
        super::TemperingState {
            states,
            fresh: BitMatrix::from_fn(self.fresh.len(), self.chains, |r, k| self.fresh[r][k]),
            step,
            round,
            counts: self.counts.clone(),
            rounds: self.rounds,
            arrivals: self.arrivals,
        }
    }
}
