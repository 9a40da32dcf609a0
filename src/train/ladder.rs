//! Tempered chains for the model phase: replicas by temperature, or at earlier machines of the same training.
//!
//! - By temperature: rungs at β_r of the machine as it is now, the lowest one at β = 0, where chains are drawn anew. Every
//!   [`ADAPT`] updates the β move towards where all neighbours exchange equally often ([`place_evenly`]).
//! - By trajectory: the lowest rung is the machine without weights, the last one the machine as it is now. When the two
//!   highest rungs exchange less often than [`FREEZE`], the last machine that did so more often is frozen as a rung below the
//!   last. Where the training has leapt further than that, and between rungs that turn out too far apart, a machine
//!   half-way between both is put.
//!   Earlier machines mix where the present one does not, and lead to its modes in the order in which they were learned.
//!   (Béreux, Decelle, Furtlehner, Rosset and Seoane, ICLR 2025.)
//!
//! Each update reads the parameters back and gives them to the rungs anew; what the exchanges need goes over the host.

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::numerics::logit;
use crate::rbm::Rbm;
use crate::sample::{Exchanges, Moves, Tempering, TemperingState, place_evenly, tempered};

use super::{Algorithm, Settings};

/// Updates between two placements of temperatures.
pub const ADAPT: u64 = 50;
/// Acceptance between the last two rungs under which a machine is frozen.
pub const FREEZE: f64 = 0.3;

/// The ladder of a training, for its checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct LadderState {
    /// Chains and counters.
    pub tempering: TemperingState,
    /// β of all rungs; none by trajectory.
    pub betas: Vec<f64>,
    /// Machines of all rungs but the last; none by temperature.
    pub machines: Vec<Rbm>,
    /// The last machine that exchanged often enough: the next to be frozen.
    pub candidate: Option<Rbm>,
}

impl LadderState {
    /// The ladder before the first update, all rungs at `chains`; None for algorithms without one. `means` are those of
    /// the data.
    #[must_use]
    pub fn new(settings: &Settings, chains: &BitMatrix, n_hidden: usize, means: &[f64]) -> Option<Self> {
        match settings.algorithm {
            Algorithm::Cd | Algorithm::Pcd => None,
            Algorithm::Pt => {
                let rungs = settings.rungs.max(2);
                let betas = (0..rungs).map(|r| r as f64 / (rungs - 1) as f64).collect();
                Some(Self {
                    tempering: TemperingState::new(rungs, chains),
                    betas,
                    machines: Vec::new(),
                    candidate: None,
                })
            }
            Algorithm::Trajectory => {
                let mut lowest = Rbm::zeros(chains.cols(), n_hidden);
                lowest.visible_bias = base(means);
                Some(Self {
                    tempering: TemperingState::new(2, chains),
                    betas: Vec::new(),
                    machines: vec![lowest],
                    candidate: None,
                })
            }
        }
    }
}

fn base(means: &[f64]) -> Vec<f32> {
    means.iter().map(|&m| logit(m) as f32).collect()
}

/// Chains of a training in progress.
pub(super) struct Ladder<'a, B: Backend> {
    chains: Tempering<'a, B>,
    betas: Vec<f64>,
    base: Vec<f32>,
    most: usize,
    candidate: Option<Rbm>,
}

impl<'a, B: Backend> Ladder<'a, B> {
    pub(super) fn new(
        backend: &'a B,
        settings: &Settings,
        state: &LadderState,
        rbm: &Rbm,
        means: &[f64],
    ) -> Result<Self> {
        let base = base(means);
        let mut machines: Vec<Rbm> = match settings.algorithm {
            Algorithm::Pt => state.betas.iter().map(|&beta| tempered(rbm, &base, beta)).collect(),
            _ => state.machines.clone(),
        };
        if settings.algorithm != Algorithm::Pt {
            machines.push(rbm.clone());
        }
        let moves = Moves { flip: settings.flip, translations: settings.translations };
        let chains = Tempering::new(backend, machines, &state.tempering, moves, settings.seed)?;
        Ok(Self {
            chains,
            betas: state.betas.clone(),
            base,
            most: settings.rungs.max(2),
            candidate: state.candidate.clone(),
        })
    }

    /// `steps` Gibbs steps of every rung and a round of exchanges under `rbm`, the machine of update `update`.
    pub(super) fn update(&mut self, rbm: &Rbm, steps: u32, update: u64) -> Result<()> {
        let last = self.chains.machines().len() - 1;
        if self.betas.is_empty() {
            self.chains.set_machine(last, rbm.clone())?;
        }
        for (r, &beta) in self.betas.iter().enumerate() {
            self.chains.set_machine(r, tempered(rbm, &self.base, beta))?;
        }
        self.chains.round(steps, &mut |_, _, _| {})?;
        if !self.betas.is_empty() {
            if update % ADAPT == ADAPT - 1 {
                self.betas = place_evenly(&self.betas, &self.chains.recent());
            }
            return Ok(());
        }
        self.keep_connected(rbm)
    }

    /// Freezes a machine where exchanges have become too seldom.
    fn keep_connected(&mut self, rbm: &Rbm) -> Result<()> {
        let last = self.chains.machines().len() - 1;
        let (recent, latest) = (self.chains.recent(), self.chains.latest());
        // The highest pair moves and is judged by its last round; the others stand still.
        let torn = match latest {
            Some(acceptance) if acceptance < FREEZE => Some(last - 1),
            _ => (0..last - 1).find(|&pair| recent[pair] < FREEZE),
        };
        if latest.is_some_and(|acceptance| acceptance >= FREEZE) {
            self.candidate = Some(rbm.clone());
        }
        let Some(mut pair) = torn else { return Ok(()) };
        if last + 1 >= self.most {
            let Some(r) = most_dispensable(&recent, pair) else { return Ok(()) };
            self.chains.remove(r);
            pair -= usize::from(r < pair);
        }
        let candidate = if latest.is_some() && torn == Some(last - 1) { self.candidate.take() } else { None };
        let frozen = candidate.unwrap_or_else(|| {
            let machines: Vec<&Rbm> = self.chains.machines().collect();
            midway(machines[pair], machines[pair + 1])
        });
        self.chains.insert(pair + 1, frozen)
    }

    /// Chains of the machine itself.
    pub(super) fn last(&self) -> &B::States {
        self.chains.last()
    }

    pub(super) fn exchanges(&self) -> Exchanges {
        self.chains.exchanges()
    }

    pub(super) fn state(&self) -> Result<LadderState> {
        let mut machines: Vec<Rbm> = self.chains.machines().cloned().collect();
        machines.pop();
        if !self.betas.is_empty() {
            machines.clear();
        }
        Ok(LadderState {
            tempering: self.chains.state()?,
            betas: self.betas.clone(),
            machines,
            candidate: self.candidate.clone(),
        })
    }
}

/// The machine half-way between two of the same shape.
fn midway(a: &Rbm, b: &Rbm) -> Rbm {
    let mean = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| 0.5 * (x + y)).collect();
    Rbm {
        n_visible: a.n_visible,
        n_hidden: a.n_hidden,
        weights: mean(&a.weights, &b.weights),
        visible_bias: mean(&a.visible_bias, &b.visible_bias),
        hidden_bias: mean(&a.hidden_bias, &b.hidden_bias),
    }
}

/// The inner rung whose neighbours would exchange most often without it, about as often as the product of both
/// acceptances, where that is often enough; none of the two of pair `torn`.
fn most_dispensable(acceptance: &[f64], torn: usize) -> Option<usize> {
    let product = |r: usize| acceptance[r - 1] * acceptance[r];
    let inner = (1..acceptance.len()).filter(|&r| r != torn && r != torn + 1 && product(r) >= FREEZE);
    inner.max_by(|&a, &b| product(a).total_cmp(&product(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rung_that_is_least_missed_goes() {
        assert_eq!(most_dispensable(&[0.9, 0.4, 0.8, 0.9, 0.2], 4), Some(3));
        // Of the torn pair none, nor one whose neighbours would not exchange.
        assert_eq!(most_dispensable(&[0.9, 0.4, 0.8, 0.9, 0.2], 2), Some(1));
        assert_eq!(most_dispensable(&[0.5, 0.4, 0.8, 0.2], 3), Some(2));
        assert_eq!(most_dispensable(&[0.5, 0.4, 0.3], 2), None);
        assert_eq!(most_dispensable(&[0.9], 0), None);
    }
}
