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
    flip: bool,
    seed: u64,
    step: u32,
    round: u64,
    counts: Vec<Count>,
    rounds: u64,
    arrivals: u64,
}

struct Rung<B: Backend> {
    machine: Rbm,
    params: B::Params,
    states: B::States,
    address: Address,
    /// Whether each chain has been at the first rung since it was last at the last one.
    fresh: Vec<bool>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    tried: u64,
    probability: f64,
}

impl<'a, B: Backend> Tempering<'a, B> {
    /// All rungs start at `start` `[chains, n_visible]`; with `flip`, Gibbs steps end with a global flip move.
    ///
    /// # Errors
    /// [`Error::Input`] for no rungs or machines of different visible units, when the device cannot hold them.
    pub fn new(backend: &'a B, machines: Vec<Rbm>, start: &BitMatrix, flip: bool, seed: u64) -> Result<Self> {
        if machines.is_empty() || machines.iter().any(|m| m.n_visible != start.cols()) || start.rows() == 0 {
            return Err(Error::Input(
                Fault::new(format!("{} machines for chains of {} units", machines.len(), start.cols()))
                    .at("tempering")
                    .expected("at least one machine, all over the units of the chains, and at least one chain"),
            ));
        }
        let pairs = machines.len() - 1;
        let rung = |(r, machine): (usize, Rbm)| -> Result<Rung<B>> {
            Ok(Rung {
                params: backend.upload_params(&machine, None)?,
                states: backend.upload_states(start)?,
                address: Address::new(derive_seed(seed, &format!("rung {r}"))),
                fresh: vec![r == 0 && pairs > 0; start.rows()],
                machine,
            })
        };
        Ok(Self {
            backend,
            rungs: machines.into_iter().enumerate().map(rung).collect::<Result<_>>()?,
            chains: start.rows(),
            flip,
            seed: derive_seed(seed, "tempering"),
            step: 0,
            round: 0,
            counts: vec![Count::default(); pairs],
            rounds: 0,
            arrivals: 0,
        })
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
        if self.flip {
            self.backend.flip_move(&rung.params, &mut rung.states, rung.address, end);
        }
        Ok(())
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
        count.tried += self.chains as u64;
        low.states = self.backend.upload_states(&u)?;
        high.states = self.backend.upload_states(&v)?;
        if a == 0 {
            low.fresh.fill(true);
        }
        if a + 1 == self.counts.len() {
            self.arrivals += high.fresh.iter().filter(|&&fresh| fresh).count() as u64;
            high.fresh.fill(false);
        }
        Ok(())
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
        self.counts.fill(Count::default());
        (self.rounds, self.arrivals) = (0, 0);
    }
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
