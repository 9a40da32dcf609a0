//! Moves by exact symmetries of the data: the global flip and translations of a lattice.
//!
//! A machine that learns symmetric data is symmetric only in part, so that each move v → Sv is a proposal, accepted with
//! min(1, e^{F(v) − F(Sv)}): the machine's distribution stays as it is for any S that is its own inverse, or is proposed as
//! often as its inverse. Flips carry chains between the two signs of a magnetised state, which Gibbs steps do not reach;
//! translations carry stripes and domain walls around the lattice. Flips are a kernel of their own; translations go over
//! the host, and are proposed only every [`TRANSLATE_EVERY`] rounds.

use crate::backend::{Address, Backend};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::Lattice;
use crate::rng::{Stream, derive_seed, uniform, unit_word};

/// Which symmetries a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moves {
    /// v → 1 − v.
    pub flip: bool,
    /// Translations of this lattice.
    pub translations: Option<Lattice>,
}

/// Rounds, or updates of a training, between translations.
pub const TRANSLATE_EVERY: u64 = 10;

impl Moves {
    /// None.
    pub const NONE: Self = Self { flip: false, translations: None };

    /// Makes the moves of round `round` after Gibbs steps; flips are drawn at (chain, `step`, `SymmetryMove`).
    ///
    /// # Errors
    /// Device failures.
    pub fn apply<B: Backend>(
        self,
        backend: &B,
        params: &B::Params,
        chains: &mut B::States,
        address: Address,
        step: u32,
        round: u64,
    ) -> Result<()> {
        self.apply_at(backend, params, None, chains, address, step, round)
    }

    /// The same at temperatures of a ladder, where there are any.
    #[expect(clippy::too_many_arguments, reason = "what a move is made of")]
    pub(super) fn apply_at<B: Backend>(
        self,
        backend: &B,
        params: &B::Params,
        temperatures: Option<&B::Temperatures>,
        chains: &mut B::States,
        address: Address,
        step: u32,
        round: u64,
    ) -> Result<()> {
        match temperatures {
            Some(temperatures) if self.flip => backend.flip_replicas(params, temperatures, chains, address, step),
            None if self.flip => backend.flip_move(params, chains, address, step),
            _ => {}
        }
        match self.translations {
            Some(lattice) if round % TRANSLATE_EVERY == TRANSLATE_EVERY - 1 => {
                translate_at(backend, params, temperatures, chains, lattice, address, step)
            }
            _ => Ok(()),
        }
    }
}

/// The lattice, if translations of it map Ising data to Ising data: where it is periodic and the shift by one site in every
/// direction maps bonds to bonds.
#[must_use]
pub fn translations_of(lattice: Option<Lattice>) -> Option<Lattice> {
    lattice.filter(|l| l.is_periodic() && !matches!(l, Lattice::Honeycomb { .. }))
}

/// Proposes a translation by a random vector to every chain.
///
/// # Errors
/// Device failures.
pub fn translate<B: Backend>(
    backend: &B,
    params: &B::Params,
    chains: &mut B::States,
    lattice: Lattice,
    address: Address,
    step: u32,
) -> Result<()> {
    translate_at(backend, params, None, chains, lattice, address, step)
}

fn translate_at<B: Backend>(
    backend: &B,
    params: &B::Params,
    temperatures: Option<&B::Temperatures>,
    chains: &mut B::States,
    lattice: Lattice,
    address: Address,
    step: u32,
) -> Result<()> {
    let mut states = backend.read_states(chains)?;
    let seed = derive_seed(address.seed, "translation");
    let word = |chain: usize, unit: u32| {
        unit_word(seed, Stream::SymmetryMove, step, address.first_chain.wrapping_add(chain as u32), unit)
    };
    let length = lattice.length() as u64;
    let shift = |chain: usize| [0u32, 1, 2].map(|axis| ((u64::from(word(chain, axis)) * length) >> 32) as usize);
    let shifts: Vec<[usize; 3]> = (0..states.rows()).map(shift).collect();
    let moved = translated(&states, lattice, &shifts);
    let uploaded = backend.upload_states(&moved)?;
    let energies = |states: &B::States| match temperatures {
        Some(temperatures) => backend.read_tempered_energies(params, temperatures, states),
        None => backend.read_free_energies(params, states),
    };
    let (before, after) = (energies(chains)?, energies(&uploaded)?);
    let words = states.words_per_row();
    for (chain, (before, after)) in before.iter().zip(&after).enumerate() {
        if f64::from(uniform(word(chain, 3))) < (before - after).exp() {
            let row = chain * words..(chain + 1) * words;
            states.words_mut()[row].copy_from_slice(moved.row(chain));
        }
    }
    backend.write_states(chains, &states)
}

/// Rows shifted by (column, row, layer) each: site s takes the state of the site that the shift brings to it.
fn translated(states: &BitMatrix, lattice: Lattice, shifts: &[[usize; 3]]) -> BitMatrix {
    let (length, dimensions) = (lattice.length(), lattice.dimensions());
    BitMatrix::from_fn(states.rows(), states.cols(), |chain, site| {
        let (mut rest, mut from, mut scale) = (site, 0, 1);
        for shift in &shifts[chain][..dimensions] {
            from += (rest % length + shift) % length * scale;
            rest /= length;
            scale *= length;
        }
        states.get(chain, from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translations_map_bonds_to_bonds() {
        for lattice in [Lattice::Chain { length: 6 }, Lattice::Triangular { length: 4 }, Lattice::Cubic { length: 4 }] {
            let sites = lattice.sites();
            let state = BitMatrix::from_fn(1, sites, |_, i| i * i % 7 < 3);
            let energy = |v: &BitMatrix| lattice.bonds().iter().filter(|(a, b)| v.get(0, *a) != v.get(0, *b)).count();
            for shift in [[1, 0, 0], [2, 3, 1], [0, 1, 3]] {
                let moved = translated(&state, lattice, &[shift]);
                assert_eq!((energy(&moved), moved.row_count(0)), (energy(&state), state.row_count(0)), "{lattice}");
            }
            assert_eq!(translated(&state, lattice, &[[0; 3]]), state);
            assert_ne!(translated(&state, lattice, &[[1, 0, 0]]), state, "{lattice}");
        }
    }
}
