//! Parallel tempering over a ladder of machines.
//!
//! Rungs are machines over the same visible units, the last one the machine that is sampled. Each has as many chains; after
//! some Gibbs steps chains of the same number at neighbouring rungs a and b try to change places, accepted with
//! min(1, e^{F_a(u) + F_b(v) − F_a(v) − F_b(u)}) for states u at a and v at b, which leaves every rung's distribution as it
//! is. Pairs that start at an even rung try in even rounds, the others in odd ones. A lowest rung without weights is drawn
//! anew, exactly, each round. Two ladders are common:
//! - by temperature: w, c times β and visible biases b0 + β (b − b0), b0 fitted to the data ([`tempered`]);
//! - by trajectory: earlier machines of the same training, which have the same modes where they still mix.
//!
//! (Desjardins et al., AISTATS 2010; Cho, Raiko and Ilin, IJCNN 2010; Béreux et al., ICLR 2025 for trajectories.)

use crate::backend::{Address, Backend};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::rbm::Rbm;
use crate::rng::{Stream, derive_seed, uniform, unit_word};

use super::moves::Moves;

/// Most rungs of a ladder that is asked for.
pub const MAX_RUNGS: usize = 256;

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

/// Takes, for a pair (a, a + 1) by a, ln p*_{a+1} − ln p*_a of the chains at a and the negative of it at a + 1, before the
/// exchange: what [`crate::likelihood::bridge_rungs`] is made of.
pub type Hear<'a> = &'a mut dyn FnMut(usize, &[f64], &[f64]);

/// Chains on a ladder of machines.
pub struct Tempering<'a, B: Backend> {
    backend: &'a B,
    rungs: Vec<Rung<B>>,
    chains: usize,
    moves: Moves,
    seed: u64,
    step: u32,
    round: u64,
    counts: Vec<Count>,
    rounds: u64,
    arrivals: u64,
    latest: Option<f64>,
}

struct Rung<B: Backend> {
    machine: Rbm,
    params: B::Params,
    states: B::States,
    address: Address,
    /// Whether each chain has been at the first rung since it was last at the last one.
    fresh: Vec<bool>,
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

/// All of a [`Tempering`] but its machines: what it takes to go on to the same bits.
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

impl<'a, B: Backend> Tempering<'a, B> {
    /// Chains of `machines` where `state` left them; Gibbs steps end with `moves`.
    ///
    /// # Errors
    /// [`Error::Input`] for no rungs, no chains, or shapes that do not fit; when the device cannot hold them.
    pub fn new(backend: &'a B, machines: Vec<Rbm>, state: &TemperingState, moves: Moves, seed: u64) -> Result<Self> {
        let (rungs, chains) = (machines.len(), state.fresh.cols());
        let fits = |(m, s): (&Rbm, &BitMatrix)| m.n_visible == s.cols() && s.rows() == chains;
        if rungs == 0
            || chains == 0
            || (state.states.len(), state.fresh.rows(), state.counts.len() + 1) != (rungs, rungs, rungs)
            || !machines.iter().zip(&state.states).all(fits)
        {
            return Err(Error::Input(
                Fault::new(format!("{rungs} machines for {} rungs of {chains} chains", state.states.len()))
                    .at("tempering")
                    .expected(
                        "at least one machine, as many rungs, all over the units of the chains, and at least one chain",
                    ),
            ));
        }
        let rung = |(r, machine): (usize, Rbm)| -> Result<Rung<B>> {
            Ok(Rung {
                params: backend.upload_params(&machine, None)?,
                states: backend.upload_states(&state.states[r])?,
                address: address(seed, r),
                fresh: (0..chains).map(|k| state.fresh.get(r, k)).collect(),
                machine,
            })
        };
        Ok(Self {
            backend,
            rungs: machines.into_iter().enumerate().map(rung).collect::<Result<_>>()?,
            chains,
            moves,
            seed,
            step: state.step,
            round: state.round,
            counts: state.counts.clone(),
            rounds: state.rounds,
            arrivals: state.arrivals,
            latest: None,
        })
    }

    /// Reads everything but the machines.
    ///
    /// # Errors
    /// Device failures.
    pub fn state(&self) -> Result<TemperingState> {
        let states = self.rungs.iter().map(|rung| self.backend.read_states(&rung.states));
        Ok(TemperingState {
            states: states.collect::<Result<_>>()?,
            fresh: BitMatrix::from_fn(self.rungs.len(), self.chains, |r, k| self.rungs[r].fresh[k]),
            step: self.step,
            round: self.round,
            counts: self.counts.clone(),
            rounds: self.rounds,
            arrivals: self.arrivals,
        })
    }

    /// Machines from the first rung to the last.
    pub fn machines(&self) -> impl ExactSizeIterator<Item = &Rbm> {
        self.rungs.iter().map(|rung| &rung.machine)
    }

    /// Gives a rung another machine of the same shape; its chains stay.
    ///
    /// # Errors
    /// When the device cannot hold it.
    pub fn set_machine(&mut self, r: usize, machine: Rbm) -> Result<()> {
        self.rungs[r].params = self.backend.upload_params(&machine, None)?;
        self.rungs[r].machine = machine;
        Ok(())
    }

    /// Puts a rung of `machine` below rung `at`, which is not the first, with a copy of its chains.
    ///
    /// # Errors
    /// Device failures.
    pub fn insert(&mut self, at: usize, machine: Rbm) -> Result<()> {
        let above = &self.rungs[at];
        let copy = Rung {
            params: self.backend.upload_params(&machine, None)?,
            states: self.backend.upload_states(&self.backend.read_states(&above.states)?)?,
            address: above.address,
            fresh: above.fresh.clone(),
            machine,
        };
        self.rungs.insert(at, copy);
        self.counts[at - 1] = Count::NONE;
        self.counts.insert(at, Count::NONE);
        self.number_anew();
        Ok(())
    }

    /// Takes out a rung that is neither the first nor the last.
    pub fn remove(&mut self, r: usize) {
        self.rungs.remove(r);
        self.counts.remove(r);
        self.counts[r - 1] = Count::NONE;
        self.number_anew();
    }

    fn number_anew(&mut self) {
        for (r, rung) in self.rungs.iter_mut().enumerate() {
            rung.address = address(self.seed, r);
        }
    }

    /// Starts every rung from the chains of the one below it, after `steps` Gibbs steps of each.
    ///
    /// # Errors
    /// Device failures, [`Error::Input`] after 2³² steps.
    pub fn climb(&mut self, steps: u32) -> Result<()> {
        for r in 0..self.rungs.len() {
            if r > 0 {
                let below = self.backend.read_states(&self.rungs[r - 1].states)?;
                self.rungs[r].states = self.backend.upload_states(&below)?;
            }
            self.gibbs(r, self.step..self.step + steps)?;
        }
        self.step = self.end(steps)?;
        Ok(())
    }

    fn end(&self, steps: u32) -> Result<u32> {
        self.step.checked_add(steps).ok_or_else(|| {
            Error::Input(Fault::new("2^32 Gibbs steps of tempering").at("tempering").advice("go on with another seed"))
        })
    }

    fn gibbs(&mut self, r: usize, steps: std::ops::Range<u32>) -> Result<()> {
        let rung = &mut self.rungs[r];
        if r == 0 && rung.machine.weights.iter().all(|&w| w == 0.0) {
            let drawn = independent(&rung.machine, rung.address.seed, steps.end, self.chains);
            rung.states = self.backend.upload_states(&drawn)?;
            return Ok(());
        }
        let end = steps.end;
        self.backend.gibbs(&rung.params, &mut rung.states, rung.address, steps);
        self.moves.apply(self.backend, &rung.params, &mut rung.states, rung.address, end, self.round)
    }

    /// `steps` Gibbs steps of every rung, then one round of exchanges.
    ///
    /// # Errors
    /// Device failures, [`Error::Input`] after 2³² steps.
    pub fn round(&mut self, steps: u32, hear: Hear<'_>) -> Result<()> {
        let end = self.end(steps)?;
        for r in 0..self.rungs.len() {
            self.gibbs(r, self.step..end)?;
        }
        self.step = end;
        self.latest = None;
        for a in ((self.round % 2) as usize..self.counts.len()).step_by(2) {
            self.exchange(a, hear)?;
        }
        self.round += 1;
        self.rounds += 1;
        Ok(())
    }

    fn exchange(&mut self, a: usize, hear: Hear<'_>) -> Result<()> {
        let (below, above) = self.rungs.split_at_mut(a + 1);
        let (low, high) = (&mut below[a], &mut above[0]);
        let free = |params: &B::Params, states: &B::States| self.backend.read_free_energies(params, states);
        let up = differences(free(&low.params, &low.states)?, free(&high.params, &low.states)?);
        let down = differences(free(&high.params, &high.states)?, free(&low.params, &high.states)?);
        hear(a, &up, &down);
        let (mut u, mut v) = (self.backend.read_states(&low.states)?, self.backend.read_states(&high.states)?);
        let words = u.words_per_row();
        let count = &mut self.counts[a];
        let before = count.probability;
        for k in 0..self.chains {
            let number = uniform(unit_word(self.seed, Stream::Exchange, self.round as u32, k as u32, a as u32));
            let probability = (up[k] + down[k]).exp().min(1.0);
            count.probability += probability;
            if f64::from(number) < probability {
                let row = k * words..(k + 1) * words;
                u.words_mut()[row.clone()].swap_with_slice(&mut v.words_mut()[row]);
                std::mem::swap(&mut low.fresh[k], &mut high.fresh[k]);
            }
        }
        let mean = (count.probability - before) / self.chains as f64;
        count.recent += FORGET * (mean - count.recent);
        count.tried += self.chains as u64;
        low.states = self.backend.upload_states(&u)?;
        high.states = self.backend.upload_states(&v)?;
        if a == 0 {
            low.fresh.fill(true);
        }
        if a + 1 == self.counts.len() {
            self.latest = Some(mean);
            self.arrivals += high.fresh.iter().filter(|&&fresh| fresh).count() as u64;
            high.fresh.fill(false);
        }
        Ok(())
    }

    /// Chains of the last rung on the device.
    #[must_use]
    pub fn last(&self) -> &B::States {
        &self.rungs[self.rungs.len() - 1].states
    }

    /// Mean probability of the exchanges between the two highest rungs in the last round; None where it was not their turn.
    #[must_use]
    pub fn latest(&self) -> Option<f64> {
        self.latest
    }

    /// Mean probability of exchanges of the last rounds, by pair from below.
    #[must_use]
    pub fn recent(&self) -> Vec<f64> {
        self.counts.iter().map(|c| c.recent).collect()
    }

    /// Chains of the last rung, `[chains, n_visible]`.
    ///
    /// # Errors
    /// Device failures.
    pub fn samples(&self) -> Result<BitMatrix> {
        self.backend.read_states(&self.rungs[self.rungs.len() - 1].states)
    }

    /// What exchanges did since they were counted anew.
    #[must_use]
    pub fn exchanges(&self) -> Exchanges {
        let part = |c: &Count| c.probability / c.tried as f64;
        Exchanges {
            acceptance: self.counts.iter().map(part).collect(),
            arrivals: self.arrivals,
            arrivals_per_chain: self.arrivals as f64 / self.chains as f64,
            rounds: self.rounds,
        }
    }

    /// Forgets what exchanges did so far, but not where chains have been.
    pub fn count_anew(&mut self) {
        self.counts.iter_mut().for_each(|c| (c.tried, c.probability) = (0, 0.0));
        (self.rounds, self.arrivals) = (0, 0);
    }
}

fn address(seed: u64, rung: usize) -> Address {
    Address::new(derive_seed(seed, &format!("rung {rung}")))
}

fn differences(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    a.into_iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Rows of a machine without weights, `[chains, n_visible]`.
pub(super) fn independent(machine: &Rbm, seed: u64, step: u32, chains: usize) -> BitMatrix {
    BitMatrix::from_fn(chains, machine.n_visible, |k, j| {
        let u = uniform(unit_word(seed, Stream::ChainStart, step, k as u32, j as u32));
        u * (1.0 + (-machine.visible_bias[j]).exp()) < 1.0
    })
}
