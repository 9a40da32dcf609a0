//! Parallel tempering over a ladder of distributions.
//!
//! Rungs are distributions over the same visible units, the last one that of the machine that is sampled. Each has as many
//! chains; after some Gibbs steps chains of the same number at neighbouring rungs a and b try to change places, accepted
//! with min(1, p_a(v) p_b(u) / p_a(u) p_b(v)) for states u at a and v at b, which leaves every rung's distribution as it is.
//! Pairs that start at an even rung try in even rounds, the others in odd ones. A lowest rung without weights is drawn
//! anew, exactly, each round. Two ladders are common ([`Rungs`]):
//! - by temperature: w, c times β and visible biases b0 + β (b − b0), b0 fitted to the data, all of one machine
//!   ([`replicas`]);
//! - by trajectory: earlier machines of the same training, which have the same modes where they still mix ([`machines`]).
//!
//! (Desjardins et al., AISTATS 2010; Cho, Raiko and Ilin, IJCNN 2010; Béreux et al., ICLR 2025 for trajectories.)

mod machines;
mod replicas;
mod tally;

use std::ops::Range;

use self::machines::Machines;
use self::replicas::Replicas;
use self::tally::Tally;
pub use self::tally::{Count, Exchanges, FORGET};
use crate::backend::{Backend, Exchanged, RECORDED, pairs};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::rbm::Rbm;
use crate::rng::{Stream, uniform, unit_word};

use super::moves::Moves;

/// Most rungs of a ladder that is asked for.
pub const MAX_RUNGS: usize = 256;

/// What the chains of a machine exchange with.
#[derive(Debug, Clone, PartialEq)]
pub enum Rungs {
    /// Nothing.
    None,
    /// Replicas at β from 0 to 1, over independent units with visible biases `base`.
    Temperatures {
        /// β_0 = 0 < … < 1.
        betas: Vec<f64>,
        /// b0, `[n_visible]`.
        base: Vec<f32>,
    },
    /// Replicas at these machines, the lowest first; the sampled one comes after the last.
    Machines(Vec<Rbm>),
}

impl Rungs {
    /// Rungs of the ladder, that of the machine itself included.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::None => 1,
            Self::Temperatures { betas, .. } => betas.len(),
            Self::Machines(machines) => machines.len() + 1,
        }
    }

    /// Whether all rungs are over `units` visible units.
    fn fit(&self, units: usize) -> bool {
        match self {
            Self::None => true,
            Self::Temperatures { betas, base } => !betas.is_empty() && base.len() == units,
            Self::Machines(machines) => machines.iter().all(|machine| machine.n_visible == units),
        }
    }
}

/// The machine at inverse temperature β over the base b0: at 0 independent units, at 1 the machine itself.
#[must_use]
pub fn tempered(rbm: &Rbm, base: &[f32], beta: f64) -> Rbm {
    let mut rung = rbm.clone();
    let scaled = |x: f32| (beta * f64::from(x)) as f32;
    rung.weights.iter_mut().chain(&mut rung.hidden_bias).for_each(|x| *x = scaled(*x));
    for (b, &b0) in rung.visible_bias.iter_mut().zip(base) {
        *b = (beta * f64::from(*b) + (1.0 - beta) * f64::from(b0)) as f32;
    }
    rung
}

/// Takes, for a pair (a, a + 1) by a, what became of its chains: what [`crate::likelihood::bridge_rungs`] is made of.
pub type Hear<'a> = &'a mut dyn FnMut(usize, &[Exchanged]);

/// All of a [`Tempering`] but its rungs: what it takes to go on to the same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct TemperingState {
    /// Chains of every rung, `[rungs][chains, n_visible]`.
    pub states: Vec<BitMatrix>,
    /// Whether each has been at the first rung since it was last at the last one, `[rungs, chains]`.
    pub fresh: BitMatrix,
    /// Gibbs steps done.
    pub step: u32,
    /// Rounds done.
    pub round: u64,
    /// By pair.
    pub counts: Vec<Count>,
    /// Rounds counted.
    pub rounds: u64,
    /// Ways from the first rung to the last among them.
    pub arrivals: u64,
}

impl TemperingState {
    /// `rungs` rungs that all start at `start` `[chains, n_visible]`.
    #[must_use]
    pub fn new(rungs: usize, start: &BitMatrix) -> Self {
        Self {
            states: vec![start.clone(); rungs],
            fresh: BitMatrix::from_fn(rungs, start.rows(), |r, _| r == 0 && rungs > 1),
            step: 0,
            round: 0,
            counts: vec![Count::NONE; rungs.saturating_sub(1)],
            rounds: 0,
            arrivals: 0,
        }
    }
}

/// Gibbs steps of a round, what they end with, and its number.
struct Round {
    steps: Range<u32>,
    moves: Moves,
    number: u64,
}

/// Where the rungs are.
enum Ladder<B: Backend> {
    Machines(Machines<B>),
    Replicas(Replicas<B>),
}

/// Chains on a ladder. The parameters of the machine that is sampled are the caller's and may change between rounds.
pub struct Tempering<'a, B: Backend> {
    backend: &'a B,
    ladder: Ladder<B>,
    moves: Moves,
    step: u32,
    round: u64,
    /// Rounds that are in the tally.
    settled: u64,
    tally: Tally,
}

impl<'a, B: Backend> Tempering<'a, B> {
    /// Chains on `rungs` below the machine of `params` where `state` left them; Gibbs steps end with `moves`.
    ///
    /// # Errors
    /// [`Error::Input`] for no rungs, no chains, or shapes that do not fit; when the device cannot hold them.
    pub fn new(
        backend: &'a B,
        params: &B::Params,
        rungs: &Rungs,
        state: &TemperingState,
        moves: Moves,
        seed: u64,
    ) -> Result<Self> {
        let (count, chains) = (rungs.count(), state.fresh.cols());
        let units = state.states.first().map_or(0, BitMatrix::cols);
        if chains == 0
            || (state.states.len(), state.fresh.rows(), state.counts.len() + 1) != (count, count, count)
            || !rungs.fit(units)
            || state.states.iter().any(|states| (states.rows(), states.cols()) != (chains, units))
        {
            return Err(Error::Input(
                Fault::new(format!("{count} rungs for chains of {} rungs, {chains} each", state.states.len()))
                    .at("tempering")
                    .expected("at least one rung, all over the units of the chains, and at least one chain"),
            ));
        }
        let ladder = match rungs {
            Rungs::None => Ladder::Machines(Machines::new(backend, &[], state, seed)?),
            Rungs::Machines(lower) => Ladder::Machines(Machines::new(backend, lower, state, seed)?),
            Rungs::Temperatures { betas, base } => {
                Ladder::Replicas(Replicas::new(backend, params, (betas, base), state, seed)?)
            }
        };
        let (step, round) = (state.step, state.round);
        Ok(Self { backend, ladder, moves, step, round, settled: round, tally: Tally::new(state) })
    }

    /// Reads everything but the rungs.
    ///
    /// # Errors
    /// Device failures.
    ///
    /// # Panics
    /// Before [`Tempering::settle`].
    pub fn state(&self) -> Result<TemperingState> {
        assert_eq!(self.settled, self.round, "rounds that are counted");
        let states = match &self.ladder {
            Ladder::Machines(machines) => machines.read(self.backend)?,
            Ladder::Replicas(replicas) => replicas.read(self.backend)?,
        };
        Ok(self.tally.state(states, self.step, self.round))
    }

    /// Machines from the first rung to the last but one; none by temperature.
    pub fn machines(&self) -> impl Iterator<Item = &Rbm> {
        match &self.ladder {
            Ladder::Machines(machines) => Some(machines.machines()),
            Ladder::Replicas(_) => None,
        }
        .into_iter()
        .flatten()
    }

    /// β from the first rung to the last; none by machines.
    #[must_use]
    pub fn betas(&self) -> &[f64] {
        match &self.ladder {
            Ladder::Machines(_) => &[],
            Ladder::Replicas(replicas) => replicas.betas(),
        }
    }

    /// Moves the temperatures; nothing by machines.
    ///
    /// # Errors
    /// When the device cannot take them.
    pub fn set_betas(&mut self, betas: Vec<f64>) -> Result<()> {
        match &mut self.ladder {
            Ladder::Machines(_) => Ok(()),
            Ladder::Replicas(replicas) => replicas.set_betas(self.backend, betas),
        }
    }

    /// Puts a rung of `machine` below rung `at`, which is not the first, with a copy of its chains; nothing by temperature.
    ///
    /// # Errors
    /// Device failures.
    pub fn insert(&mut self, at: usize, machine: Rbm) -> Result<()> {
        if let Ladder::Machines(machines) = &mut self.ladder {
            machines.insert(self.backend, at, machine)?;
            self.tally.insert(at);
        }
        Ok(())
    }

    /// Takes out a rung that is neither the first nor the last; nothing by temperature.
    pub fn remove(&mut self, r: usize) {
        if let Ladder::Machines(machines) = &mut self.ladder {
            machines.remove(r);
            self.tally.remove(r);
        }
    }

    fn next(&self, steps: u32) -> Result<Round> {
        let end = self.step.checked_add(steps).ok_or_else(|| {
            Error::Input(Fault::new("2^32 Gibbs steps of tempering").at("tempering").advice("go on with another seed"))
        })?;
        Ok(Round { steps: self.step..end, moves: self.moves, number: self.round })
    }

    /// Starts every rung from the chains of the one below it, after `steps` Gibbs steps of each.
    ///
    /// # Errors
    /// Device failures, [`Error::Input`] after 2³² steps.
    pub fn climb(&mut self, params: &B::Params, steps: u32) -> Result<()> {
        let round = self.next(steps)?;
        match &mut self.ladder {
            Ladder::Machines(machines) => machines.climb(self.backend, params, &round)?,
            Ladder::Replicas(replicas) => replicas.climb(self.backend, params, &round)?,
        }
        self.step = round.steps.end;
        Ok(())
    }

    /// `steps` Gibbs steps of every rung, then one round of exchanges; by temperature nothing is waited for. Of rounds
    /// that are not settled, [`RECORDED`] are kept, then they settle unheard.
    ///
    /// # Errors
    /// Device failures, [`Error::Input`] after 2³² steps.
    pub fn round(&mut self, params: &B::Params, steps: u32) -> Result<()> {
        if self.round - self.settled == RECORDED as u64 {
            self.settle(&mut |_, _| {})?;
        }
        let round = self.next(steps)?;
        match &mut self.ladder {
            Ladder::Machines(machines) => machines.round(self.backend, params, &round)?,
            Ladder::Replicas(replicas) => replicas.round(self.backend, params, &round)?,
        }
        self.step = round.steps.end;
        self.round += 1;
        Ok(())
    }

    /// Counts what became of the exchanges of all rounds since this was last done.
    ///
    /// # Errors
    /// Device failures.
    pub fn settle(&mut self, hear: Hear<'_>) -> Result<()> {
        let record = match &mut self.ladder {
            Ladder::Machines(machines) => machines.take(),
            Ladder::Replicas(replicas) => replicas.take(self.backend)?,
        };
        let mut rest = &record[..];
        for round in self.settled..self.round {
            self.tally.begin();
            for a in pairs(self.tally.rungs(), round) {
                let (exchanged, later) = rest.split_at(self.tally.chains());
                hear(a, exchanged);
                self.tally.pair(a, exchanged);
                rest = later;
            }
        }
        self.settled = self.round;
        Ok(())
    }

    /// Chains of the last rung on the device.
    #[must_use]
    pub fn last(&self) -> &B::States {
        match &self.ladder {
            Ladder::Machines(machines) => machines.last(),
            Ladder::Replicas(replicas) => replicas.last(),
        }
    }

    /// Mean probability of the exchanges between the two highest rungs in the last settled round; None where it was not
    /// their turn.
    #[must_use]
    pub fn latest(&self) -> Option<f64> {
        self.tally.latest()
    }

    /// Mean probability of exchanges of the last settled rounds, by pair from below.
    #[must_use]
    pub fn recent(&self) -> Vec<f64> {
        self.tally.recent()
    }

    /// Chains of the last rung, `[chains, n_visible]`.
    ///
    /// # Errors
    /// Device failures.
    pub fn samples(&self) -> Result<BitMatrix> {
        self.backend.read_states(self.last())
    }

    /// What the exchanges that are settled did since they were counted anew.
    #[must_use]
    pub fn exchanges(&self) -> Exchanges {
        self.tally.exchanges()
    }

    /// Forgets what the settled exchanges did so far, but not where chains have been.
    pub fn count_anew(&mut self) {
        self.tally.anew();
    }
}

/// Rows of a machine without weights, `[chains, n_visible]`.
pub(crate) fn independent(machine: &Rbm, seed: u64, step: u32, chains: usize) -> BitMatrix {
    BitMatrix::from_fn(chains, machine.n_visible, |k, j| {
        let u = uniform(unit_word(seed, Stream::ChainStart, step, k as u32, j as u32));
        u * (1.0 + (-machine.visible_bias[j]).exp()) < 1.0
    })
}
