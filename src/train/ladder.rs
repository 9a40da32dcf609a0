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
//! By temperature an update reads nothing back: all rungs are those of the parameters on the device, and what became of
//! exchanges is read where temperatures move. By trajectory each update reads the parameters, of which one may be frozen,
//! and what exchanges need goes over the host.

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::likelihood::base_bias;
use crate::rbm::Rbm;
use crate::sample::{Exchanges, Moves, Rungs, Tempering, TemperingState, place_evenly};

use super::health::finite;
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
            Algorithm::Cd | Algorithm::MeanField | Algorithm::Pcd => None,
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
                lowest.visible_bias = base_bias(means);
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

/// Chains of a training in progress.
pub(super) struct Ladder<'a, B: Backend> {
    backend: &'a B,
    chains: Tempering<'a, B>,
    most: usize,
    candidate: Option<Rbm>,
}

impl<'a, B: Backend> Ladder<'a, B> {
    pub(super) fn new(
        backend: &'a B,
        params: &B::Params,
        settings: &Settings,
        state: &LadderState,
        means: &[f64],
    ) -> Result<Self> {
        let rungs = match settings.algorithm {
            Algorithm::Pt => Rungs::Temperatures { betas: state.betas.clone(), base: base_bias(means) },
            _ => Rungs::Machines(state.machines.clone()),
        };
        let moves = Moves { flip: settings.flip, translations: settings.translations };
        let chains = Tempering::new(backend, params, &rungs, &state.tempering, moves, settings.seed)?;
        Ok(Self { backend, chains, most: settings.rungs.max(2), candidate: state.candidate.clone() })
    }

    /// Gibbs steps of every rung and a round of exchanges under `params`, the machine of update `update`.
    pub(super) fn update(&mut self, params: &B::Params, settings: &Settings, update: u64) -> Result<()> {
        if !self.chains.betas().is_empty() {
            self.chains.round(params, settings.gibbs_steps)?;
            if update % ADAPT == ADAPT - 1 {
                self.settle()?;
                self.chains.set_betas(place_evenly(self.chains.betas(), &self.chains.recent()))?;
            }
            return Ok(());
        }
        let rbm = finite(self.backend.read_params(params)?.0, update, settings.learning_rate)?;
        self.chains.round(params, settings.gibbs_steps)?;
        self.settle()?;
        self.keep_connected(&rbm)
    }

    /// Counts exchanges up to now.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.chains.settle(&mut |_, _| {})
    }

    /// Freezes a machine where exchanges have become too seldom; `rbm` is that of the last rung.
    fn keep_connected(&mut self, rbm: &Rbm) -> Result<()> {
        let (recent, latest) = (self.chains.recent(), self.chains.latest());
        let last = recent.len();
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
            let machines: Vec<&Rbm> = self.chains.machines().chain([rbm]).collect();
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
        Ok(LadderState {
            tempering: self.chains.state()?,
            betas: self.chains.betas().to_vec(),
            machines: self.chains.machines().cloned().collect(),
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
