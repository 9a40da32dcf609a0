//! A ladder of machines: every rung has parameters and chains of its own, and exchanges go over the host.

use crate::backend::{Address, Backend, Exchanged, pairs};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::rbm::Rbm;
use crate::rng::{Stream, derive_seed, uniform, unit_word};
use crate::sample::independent;

use super::{Round, TemperingState};

/// The rungs below the last, and the chains of the last, whose parameters are the caller's.
pub(super) struct Machines<B: Backend> {
    lower: Vec<Rung<B>>,
    last: B::States,
    addresses: Vec<Address>,
    chains: usize,
    seed: u64,
    record: Vec<Exchanged>,
}

struct Rung<B: Backend> {
    machine: Rbm,
    params: B::Params,
    states: B::States,
}

impl<B: Backend> Machines<B> {
    pub(super) fn new(backend: &B, lower: &[Rbm], state: &TemperingState, seed: u64) -> Result<Self> {
        let rung = |(machine, states): (&Rbm, &BitMatrix)| -> Result<Rung<B>> {
            Ok(Rung {
                params: backend.upload_params(machine, None)?,
                states: backend.upload_states(states)?,
                machine: machine.clone(),
            })
        };
        Ok(Self {
            lower: lower.iter().zip(&state.states).map(rung).collect::<Result<_>>()?,
            last: backend.upload_states(&state.states[lower.len()])?,
            addresses: (0..=lower.len()).map(|r| address(seed, r)).collect(),
            chains: state.fresh.cols(),
            seed,
            record: Vec::new(),
        })
    }

    pub(super) fn machines(&self) -> impl ExactSizeIterator<Item = &Rbm> {
        self.lower.iter().map(|rung| &rung.machine)
    }

    pub(super) fn last(&self) -> &B::States {
        &self.last
    }

    fn states(&self, r: usize) -> &B::States {
        self.lower.get(r).map_or(&self.last, |rung| &rung.states)
    }

    fn params<'p>(&'p self, r: usize, own: &'p B::Params) -> &'p B::Params {
        self.lower.get(r).map_or(own, |rung| &rung.params)
    }

    fn set_states(&mut self, r: usize, states: B::States) {
        match self.lower.get_mut(r) {
            Some(rung) => rung.states = states,
            None => self.last = states,
        }
    }

    pub(super) fn read(&self, backend: &B) -> Result<Vec<BitMatrix>> {
        (0..=self.lower.len()).map(|r| backend.read_states(self.states(r))).collect()
    }

    /// Puts a rung of `machine` below rung `at`, which is not the first, with a copy of its chains.
    pub(super) fn insert(&mut self, backend: &B, at: usize, machine: Rbm) -> Result<()> {
        let copy = Rung {
            params: backend.upload_params(&machine, None)?,
            states: backend.upload_states(&backend.read_states(self.states(at))?)?,
            machine,
        };
        self.lower.insert(at, copy);
        self.addresses.push(address(self.seed, self.lower.len()));
        Ok(())
    }

    /// Takes out a rung that is not the last.
    pub(super) fn remove(&mut self, r: usize) {
        self.lower.remove(r);
        self.addresses.pop();
    }

    /// Every rung from the chains of the one below it, after Gibbs steps of each.
    pub(super) fn climb(&mut self, backend: &B, params: &B::Params, round: &Round) -> Result<()> {
        for r in 0..=self.lower.len() {
            if r > 0 {
                let below = backend.read_states(self.states(r - 1))?;
                self.set_states(r, backend.upload_states(&below)?);
            }
            self.gibbs(backend, params, r, round)?;
        }
        Ok(())
    }

    /// Gibbs steps of every rung, then exchanges.
    pub(super) fn round(&mut self, backend: &B, params: &B::Params, round: &Round) -> Result<()> {
        for r in 0..=self.lower.len() {
            self.gibbs(backend, params, r, round)?;
        }
        for a in pairs(self.lower.len() + 1, round.number) {
            self.exchange(backend, params, a, round.number)?;
        }
        Ok(())
    }

    fn gibbs(&mut self, backend: &B, params: &B::Params, r: usize, round: &Round) -> Result<()> {
        let (address, steps) = (self.addresses[r], round.steps.clone());
        let step = |params: &B::Params, states: &mut B::States| {
            backend.gibbs(params, states, address, steps);
            round.moves.apply(backend, params, states, address, round.steps.end, round.number)
        };
        match self.lower.get_mut(r) {
            // Independent units are drawn anew, exactly.
            Some(rung) if r == 0 && rung.machine.weights.iter().all(|&w| w == 0.0) => {
                let drawn = independent(&rung.machine, address.seed, round.steps.end, self.chains);
                rung.states = backend.upload_states(&drawn)?;
                Ok(())
            }
            Some(rung) => step(&rung.params, &mut rung.states),
            None => step(params, &mut self.last),
        }
    }

    fn exchange(&mut self, backend: &B, own: &B::Params, a: usize, round: u64) -> Result<()> {
        let free = |rung: usize, at: usize| backend.read_free_energies(self.params(rung, own), self.states(at));
        let up = differences(free(a, a)?, free(a + 1, a)?);
        let down = differences(free(a + 1, a + 1)?, free(a, a + 1)?);
        let (mut u, mut v) = (backend.read_states(self.states(a))?, backend.read_states(self.states(a + 1))?);
        let words = u.words_per_row();
        for (k, (&up, &down)) in up.iter().zip(&down).enumerate() {
            let number = uniform(unit_word(self.seed, Stream::Exchange, round as u32, k as u32, a as u32));
            let exchanged = Exchanged::decide(up, down, number);
            if exchanged.accepted {
                let row = k * words..(k + 1) * words;
                u.words_mut()[row.clone()].swap_with_slice(&mut v.words_mut()[row]);
            }
            self.record.push(exchanged);
        }
        self.set_states(a, backend.upload_states(&u)?);
        self.set_states(a + 1, backend.upload_states(&v)?);
        Ok(())
    }

    /// Takes the record of exchanges.
    pub(super) fn take(&mut self) -> Vec<Exchanged> {
        std::mem::take(&mut self.record)
    }
}

fn address(seed: u64, rung: usize) -> Address {
    Address::new(derive_seed(seed, &format!("rung {rung}")))
}

fn differences(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    a.into_iter().zip(b).map(|(a, b)| a - b).collect()
}
