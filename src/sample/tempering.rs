//! Parallel tempering over a ladder of machines.
//!
//! Rungs are machines over the same visible units, the last one the machine that is sampled. Each has as many chains; after
//! some Gibbs steps chains of the same number at neighbouring rungs a and b try to change places, accepted with
//! min(1, e^{F_a(u) + F_b(v) − F_a(v) − F_b(u)}) for states u at a and v at b, which leaves every rung's distribution as it
//! is. A lowest rung without weights is drawn anew, exactly, each time. Two ladders are common:
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
    let beta = beta as f32;
    let mut rung = rbm.clone();
    rung.weights.iter_mut().chain(&mut rung.hidden_bias).for_each(|x| *x *= beta);
    for (b, b0) in rung.visible_bias.iter_mut().zip(base) {
        *b = b0 + beta * (*b - b0);
    }
    rung
}

/// What exchanges did.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchanges {
    /// Accepted part of the attempts, by pair of neighbouring rungs from below.
    pub acceptance: Vec<f64>,
    /// Times that a chain reached the last rung having been at the first since it was last there, per chain of the last
    /// rung and round of exchanges.
    pub arrivals: f64,
    /// Rounds of exchanges.
    pub rounds: u64,
}

/// Chains on a ladder of machines.
pub struct Tempering<'a, B: Backend> {
    backend: &'a B,
    rungs: Vec<Rung<B>>,
    chains: usize,
    flip: bool,
    seed: u64,
    step: u32,
    rounds: u64,
    accepted: Vec<u64>,
    tried: Vec<u64>,
    arrived: u64,
}

struct Rung<B: Backend> {
    machine: Rbm,
    params: B::Params,
    states: B::States,
    seed: u64,
    /// Whether each chain has been at the first rung since it was last at the last one.
    fresh: Vec<bool>,
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
                seed: derive_seed(seed, &format!("rung {r}")),
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
            rounds: 0,
            accepted: vec![0; pairs],
            tried: vec![0; pairs],
            arrived: 0,
        })
    }

    /// `steps` Gibbs steps of every rung, then one round of exchanges: of the pairs that start at an even rung in even
    /// rounds, of the others in odd ones.
    ///
    /// # Errors
    /// Device failures.
    pub fn round(&mut self, steps: u32) -> Result<()> {
        let end = self.step + steps;
        for (r, rung) in self.rungs.iter_mut().enumerate() {
            let address = Address::new(rung.seed);
            if r == 0 && rung.machine.weights.iter().all(|&w| w == 0.0) {
                rung.states = self.backend.upload_states(&independent(&rung.machine, rung.seed, end, self.chains))?;
                continue;
            }
            self.backend.gibbs(&rung.params, &mut rung.states, address, self.step..end);
            if self.flip {
                self.backend.flip_move(&rung.params, &mut rung.states, address, end);
            }
        }
        self.step = end;
        for a in ((self.rounds % 2) as usize..self.rungs.len().saturating_sub(1)).step_by(2) {
            self.exchange(a)?;
        }
        self.rounds += 1;
        Ok(())
    }

    fn exchange(&mut self, a: usize) -> Result<()> {
        let (below, above) = self.rungs.split_at_mut(a + 1);
        let (low, high) = (&mut below[a], &mut above[0]);
        let free = |params: &B::Params, states: &B::States| self.backend.read_free_energies(params, states);
        let stay: Vec<f64> = sums(free(&low.params, &low.states)?, free(&high.params, &high.states)?);
        let change: Vec<f64> = sums(free(&low.params, &high.states)?, free(&high.params, &low.states)?);
        let (mut u, mut v) = (self.backend.read_states(&low.states)?, self.backend.read_states(&high.states)?);
        let words = u.words_per_row();
        let mut accepted = 0;
        for k in 0..self.chains {
            let number = uniform(unit_word(self.seed, Stream::Exchange, self.step, k as u32, a as u32));
            if f64::from(number) < (stay[k] - change[k]).exp() {
                let row = k * words..(k + 1) * words;
                u.words_mut()[row.clone()].swap_with_slice(&mut v.words_mut()[row]);
                std::mem::swap(&mut low.fresh[k], &mut high.fresh[k]);
                accepted += 1;
            }
        }
        if accepted > 0 {
            low.states = self.backend.upload_states(&u)?;
            high.states = self.backend.upload_states(&v)?;
        }
        self.accepted[a] += accepted;
        self.tried[a] += self.chains as u64;
        if a == 0 {
            low.fresh.fill(true);
        }
        if a + 2 == self.rungs.len() {
            let top = &mut self.rungs[a + 1].fresh;
            self.arrived += top.iter().filter(|&&fresh| fresh).count() as u64;
            top.fill(false);
        }
        Ok(())
    }

    /// Replaces the machine of a rung; its chains stay.
    ///
    /// # Errors
    /// When the device cannot hold it.
    pub fn set_machine(&mut self, rung: usize, machine: Rbm) -> Result<()> {
        self.rungs[rung].params = self.backend.upload_params(&machine, None)?;
        self.rungs[rung].machine = machine;
        Ok(())
    }

    /// Chains of the last rung, `[chains, n_visible]`.
    ///
    /// # Errors
    /// Device failures.
    pub fn samples(&self) -> Result<BitMatrix> {
        let last = &self.rungs[self.rungs.len() - 1];
        self.backend.read_states(&last.states)
    }

    /// What exchanges did since the start.
    #[must_use]
    pub fn exchanges(&self) -> Exchanges {
        let part = |(&accepted, &tried): (&u64, &u64)| if tried == 0 { f64::NAN } else { accepted as f64 / tried as f64 };
        Exchanges {
            acceptance: self.accepted.iter().zip(&self.tried).map(part).collect(),
            arrivals: self.arrived as f64 / (self.chains as f64 * self.rounds.max(1) as f64),
            rounds: self.rounds,
        }
    }
}

fn sums(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    a.into_iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Rows of a machine without weights, `[chains, n_visible]`.
fn independent(machine: &Rbm, seed: u64, step: u32, chains: usize) -> BitMatrix {
    BitMatrix::from_fn(chains, machine.n_visible, |k, j| {
        let u = uniform(unit_word(seed, Stream::ChainStart, step, k as u32, j as u32));
        u * (1.0 + (-machine.visible_bias[j]).exp()) < 1.0
    })
}
