//! Inverse temperatures of a ladder of replicas, and the record of its exchanges, on the device.

use crate::backend::{Exchanged, RECORDED};
use crate::error::{Error, Fault, Result};

use super::device::Gpu;
use super::machine::{Params, States};
use super::memory::Shape;

/// Numbers of the record of two chains that tried to change places: up, down, and whether they did.
pub(super) const RECORD: usize = 3;

/// Temperatures of a ladder and the record of its exchanges.
#[derive(Debug)]
pub struct Temperatures {
    pub(super) rungs: usize,
    /// Of each rung.
    pub(super) chains: usize,
    /// β of all rungs, of their partners in even rounds and of those in odd ones: `[3, rungs]`.
    pub(super) betas: wgpu::Buffer,
    /// b0 `[n_visible]`.
    pub(super) base: wgpu::Buffer,
    /// `[rounds, 3, pairs · chains]`, without gaps.
    pub(super) record: wgpu::Buffer,
    /// Pairs of chains of each round in the record.
    rounds: Vec<usize>,
}

/// Of all rungs, of their partners in even and in odd rounds; a rung without one is its own.
fn planes(betas: &[f64]) -> Vec<f32> {
    let rungs = betas.len();
    let partner = |parity: usize, r: usize| match (r + parity) % 2 {
        0 if r + 1 < rungs => r + 1,
        1 if r > 0 => r - 1,
        _ => r,
    };
    let plane = |of: &dyn Fn(usize) -> usize| (0..rungs).map(|r| betas[of(r)] as f32).collect::<Vec<_>>();
    [plane(&|r| r), plane(&|r| partner(0, r)), plane(&|r| partner(1, r))].concat()
}

impl Temperatures {
    pub(super) fn upload(gpu: &Gpu, params: &Params, base: &[f32], betas: &[f64], chains: usize) -> Result<Self> {
        let rungs = betas.len();
        if rungs == 0 || chains == 0 || base.len() != params.n_visible {
            return Err(Error::Input(
                Fault::new(format!("{rungs} rungs of {chains} chains over a base of {} units", base.len()))
                    .at("tempering")
                    .expected(format!("at least one of each, and {} units", params.n_visible)),
            ));
        }
        let record =
            Shape { what: "record of exchanges", unit: "chains", rows: chains, row_bytes: record_bytes(rungs) };
        Ok(Self {
            rungs,
            chains,
            betas: gpu.upload("inverse temperatures", "rungs", &planes(betas))?,
            base: gpu.upload("base biases", "units", base)?,
            record: gpu.allocate(record)?,
            rounds: Vec::with_capacity(RECORDED),
        })
    }

    /// That `states` are the replicas of `params` on this ladder.
    pub(super) fn assert_rows(&self, params: &Params, states: &States) {
        assert_eq!(states.cols, params.n_visible, "visible units of replicas and machine");
        assert_eq!(states.rows, self.rungs * self.chains, "replicas of the ladder");
    }

    pub(super) fn set(&self, gpu: &Gpu, betas: &[f64]) -> Result<()> {
        assert_eq!(betas.len(), self.rungs, "temperatures of the ladder");
        gpu.write(&self.betas, &planes(betas))
    }

    /// Where in the record a round with so many pairs of chains begins, which is in it from now on.
    pub(super) fn recorded(&mut self, pairs: usize) -> u32 {
        assert!(self.rounds.len() < RECORDED, "rounds in the record");
        let at = RECORD * self.rounds.iter().sum::<usize>();
        self.rounds.push(pairs);
        at as u32
    }

    pub(super) fn read(&mut self, gpu: &Gpu) -> Result<Vec<Exchanged>> {
        let count = self.rounds.iter().sum::<usize>();
        if count == 0 {
            return Ok(Vec::new());
        }
        let values = gpu.read::<f32>(&self.record, RECORD * count)?;
        let (mut all, mut at) = (Vec::with_capacity(count), 0);
        for pairs in self.rounds.drain(..) {
            let [up, down, accepted] = [0, 1, 2].map(|part| &values[at + part * pairs..][..pairs]);
            all.extend(up.iter().zip(down).zip(accepted).map(|((&up, &down), &accepted)| Exchanged {
                up: up.into(),
                down: down.into(),
                accepted: accepted > 0.0,
            }));
            at += RECORD * pairs;
        }
        Ok(all)
    }
}

/// Bytes of the record of one chain number.
pub(super) fn record_bytes(rungs: usize) -> usize {
    4 * RECORD * RECORDED * (rungs / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::pairs;

    #[test]
    fn partners_are_those_of_the_pairs() {
        for rungs in [1, 2, 3, 4, 5] {
            let betas: Vec<f64> = (0..rungs).map(|r| r as f64).collect();
            let planes = planes(&betas);
            for round in 0..2 {
                let mut partners = betas.clone();
                for pair in pairs(rungs, round) {
                    partners.swap(pair, pair + 1);
                }
                let found: Vec<f64> =
                    planes[(1 + round as usize) * rungs..][..rungs].iter().map(|&b| b.into()).collect();
                assert_eq!(found, partners, "{rungs} rungs, round {round}");
            }
        }
    }
}
