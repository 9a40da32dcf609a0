//! A ladder of temperatures: the chains of all rungs are rows of one block of states under one machine's parameters.
//!
//! States and not temperatures change places in an exchange. A rung is then a run of rows whatever was exchanged: a
//! chain's random address is its place on the ladder, a checkpoint holds the block as it is, and the chains of the machine
//! itself are the last rows, copied on the device for whoever looks at them alone. A state takes a bit a unit, which is
//! nothing to move beside the product that decides about it.

use crate::backend::{Address, Backend, Exchanged};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::rng::derive_seed;

use super::{Round, TemperingState};

/// Replicas at all temperatures, and the chains of the last.
pub(super) struct Replicas<B: Backend> {
    betas: Vec<f64>,
    base: Vec<f32>,
    temperatures: B::Temperatures,
    states: B::States,
    last: B::States,
    chains: usize,
    address: Address,
}

impl<B: Backend> Replicas<B> {
    pub(super) fn new(
        backend: &B,
        params: &B::Params,
        (betas, base): (&[f64], &[f32]),
        state: &TemperingState,
        seed: u64,
    ) -> Result<Self> {
        let (chains, last) = (state.fresh.cols(), betas.len() - 1);
        let mut rows = state.states[0].clone();
        state.states[1..].iter().for_each(|rung| rows.append(rung));
        Ok(Self {
            temperatures: backend.upload_temperatures(params, base, betas, chains)?,
            states: backend.upload_states(&rows)?,
            last: backend.upload_states(&state.states[last])?,
            betas: betas.to_vec(),
            base: base.to_vec(),
            chains,
            address: Address::new(derive_seed(seed, "replicas")),
        })
    }

    pub(super) fn betas(&self) -> &[f64] {
        &self.betas
    }

    pub(super) fn set_betas(&mut self, backend: &B, betas: Vec<f64>) -> Result<()> {
        self.betas = betas;
        backend.set_betas(&mut self.temperatures, &self.betas)
    }

    pub(super) fn last(&self) -> &B::States {
        &self.last
    }

    pub(super) fn read(&self, backend: &B) -> Result<Vec<BitMatrix>> {
        let rows = backend.read_states(&self.states)?;
        let rung = |r: usize| rows.slice_rows(r * self.chains..(r + 1) * self.chains);
        Ok((0..self.betas.len()).map(rung).collect())
    }

    /// Every rung from the chains of the one below it, after Gibbs steps of each.
    pub(super) fn climb(&mut self, backend: &B, params: &B::Params, round: &Round) -> Result<()> {
        let mut one = backend.upload_temperatures(params, &self.base, &self.betas[..1], self.chains)?;
        backend.copy_rows(&self.states, 0, &mut self.last);
        let mut rows = BitMatrix::zeros(0, backend.read_states(&self.last)?.cols());
        for (r, &beta) in self.betas.iter().enumerate() {
            backend.set_betas(&mut one, &[beta])?;
            let address = Address { first_chain: (r * self.chains) as u32, ..self.address };
            backend.temper(params, &one, &mut self.last, address, round.steps.clone());
            let Round { moves, steps, number } = round;
            moves.apply_at(backend, params, Some(&one), &mut self.last, address, steps.end, *number)?;
            rows.append(&backend.read_states(&self.last)?);
        }
        backend.write_states(&mut self.states, &rows)
    }

    /// Gibbs steps of every rung, then exchanges.
    pub(super) fn round(&mut self, backend: &B, params: &B::Params, round: &Round) -> Result<()> {
        let Self { temperatures, states, address, .. } = self;
        let Round { moves, steps, number } = round;
        backend.temper(params, temperatures, states, *address, steps.clone());
        moves.apply_at(backend, params, Some(temperatures), states, *address, steps.end, *number)?;
        backend.exchange(params, temperatures, states, *address, *number as u32);
        backend.copy_rows(states, (self.betas.len() - 1) * self.chains, &mut self.last);
        Ok(())
    }

    /// Takes the record of exchanges.
    pub(super) fn take(&mut self, backend: &B) -> Result<Vec<Exchanged>> {
        backend.read_exchanges(&mut self.temperatures)
    }
}
