//! Moves by exact symmetries of the data: the global flip and translations of a lattice.
//!
//! A machine that learns symmetric data is symmetric only in part, so that each move v → Sv is a proposal, accepted with
//! min(1, e^{F(v) − F(Sv)}): the machine's distribution stays as it is for any S that is its own inverse, or is proposed as
//! often as its inverse. Flips carry chains between the two signs of a magnetised state, which Gibbs steps do not reach;
//! translations carry stripes and domain walls around the lattice. Flips are a kernel of their own; translations go over
//! the host, and are proposed only every [`TRANSLATE_EVERY`] rounds.

use crate::backend::{Address, Backend};
use crate::bits::{BitMatrix, padding_mask};
use crate::error::Result;
use crate::lattice::{Kind, Lattice};
use crate::rng::{Stream, derive_seed, uniform, unit_word};

/// Which symmetries a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
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

    /// Every row moved by a symmetry drawn at random, at the step and chain that `place` says of it: rows of data that are as
    /// likely as their images.
    #[must_use]
    pub(crate) fn scatter(self, mut rows: BitMatrix, seed: u64, place: impl Fn(usize) -> (u32, u32)) -> BitMatrix {
        let word = |row: usize, unit: u32| {
            let (step, chain) = place(row);
            unit_word(seed, Stream::SymmetryMove, step, chain, unit)
        };
        if let Some(lattice) = self.translations {
            let shifts: Vec<[usize; 3]> = (0..rows.rows()).map(|r| shift(lattice, |axis| word(r, axis))).collect();
            rows = translated(&rows, lattice, &shifts);
        }
        if self.flip {
            let (words, used) = (rows.words_per_row(), !padding_mask(rows.cols()));
            let flipped = (0..rows.rows()).filter(|&r| word(r, FLIP) & 1 == 1).collect::<Vec<_>>();
            let all = rows.words_mut();
            for row in flipped {
                let row = &mut all[row * words..(row + 1) * words];
                row.iter_mut().for_each(|bits| *bits = !*bits);
                if let Some(last) = row.last_mut() {
                    *last &= used;
                }
            }
        }
        rows
    }
}

/// Numbers of the words of a row that are drawn: a shift along each axis, the acceptance of a translation, and a flip.
const ACCEPT: u32 = 3;
const FLIP: u32 = 4;

/// A random vector of the lattice.
fn shift(lattice: Lattice, word: impl Fn(u32) -> u32) -> [usize; 3] {
    let extents = lattice.extents();
    [0, 1, 2].map(|axis| ((u64::from(word(axis)) * extents[2 - axis as usize] as u64) >> 32) as usize)
}

/// The lattice, if translations of it map Ising data to Ising data: where it is periodic and the shift by one site in every
/// direction maps bonds to bonds.
#[must_use]
pub fn translations_of(lattice: Option<Lattice>) -> Option<Lattice> {
    lattice.filter(|l| l.is_periodic() && l.kind() != Kind::Honeycomb)
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
    let shifts: Vec<[usize; 3]> = (0..states.rows()).map(|chain| shift(lattice, |axis| word(chain, axis))).collect();
    let moved = translated(&states, lattice, &shifts);
    let uploaded = backend.upload_states(&moved)?;
    let energies = |states: &B::States| match temperatures {
        Some(temperatures) => backend.read_tempered_energies(params, temperatures, states),
        None => backend.read_free_energies(params, states),
    };
    let (before, after) = (energies(chains)?, energies(&uploaded)?);
    let words = states.words_per_row();
    for (chain, (before, after)) in before.iter().zip(&after).enumerate() {
        if f64::from(uniform(word(chain, ACCEPT))) < (before - after).exp() {
            let row = chain * words..(chain + 1) * words;
            states.words_mut()[row].copy_from_slice(moved.row(chain));
        }
    }
    backend.write_states(chains, &states)
}

/// Rows shifted by (column, row, layer) each: site s takes the state of the site that the shift brings to it.
fn translated(states: &BitMatrix, lattice: Lattice, shifts: &[[usize; 3]]) -> BitMatrix {
    let [_, rows, length] = lattice.extents();
    let lines = states.cols() / length;
    let mut moved = BitMatrix::zeros(states.rows(), states.cols());
    let words = states.words_per_row();
    for ((chain, shift), to) in shifts.iter().enumerate().zip(moved.words_mut().chunks_exact_mut(words)) {
        let from = states.row(chain);
        for line in 0..lines {
            let (row, layer) = ((line % rows + shift[1]) % rows, (line / rows + shift[2]) % (lines / rows));
            let source = (layer * rows + row) * length;
            if length <= 32 {
                // A line lies in one or two words: the shift along it is a rotation.
                let bits = bits_at(from, source, length);
                let turned = u64::from(bits) << length | u64::from(bits);
                put_bits(to, line * length, (turned >> shift[0]) as u32 & (u32::MAX >> (32 - length)));
                continue;
            }
            let mut column = shift[0];
            for site in line * length..(line + 1) * length {
                let at = source + column;
                to[site / 32] |= (from[at / 32] >> (at % 32) & 1) << (site % 32);
                column = if column + 1 == length { 0 } else { column + 1 };
            }
        }
    }
    moved
}

/// `count` bits of packed words, 1 to 32, from bit `at` on.
fn bits_at(words: &[u32], at: usize, count: usize) -> u32 {
    let (word, bit) = (at / 32, at % 32);
    let high = words.get(word + 1).copied().unwrap_or(0);
    ((u64::from(high) << 32 | u64::from(words[word])) >> bit) as u32 & (u32::MAX >> (32 - count))
}

/// Sets the bits of `value` in packed words that are 0 there, from bit `at` on.
fn put_bits(words: &mut [u32], at: usize, value: u32) {
    let (word, moved) = (at / 32, u64::from(value) << (at % 32));
    words[word] |= moved as u32;
    if moved >> 32 != 0 {
        words[word + 1] |= (moved >> 32) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Site (x, y, z) takes the state of the site at (x + a, y + b, z + c) around the lattice, one site at a time.
    #[test]
    fn sites_take_the_states_of_shifted_sites() {
        let lattices = [
            Lattice::Chain { length: 12 },
            Lattice::Chain { length: 32 },
            Lattice::Chain { length: 70 },
            Lattice::Square { length: 8 },
            Lattice::Square { length: 10 },
            Lattice::Square { length: 34 },
            Lattice::Cubic { length: 6 },
        ];
        for lattice in lattices {
            let (sites, l, d) = (lattice.sites(), lattice.extents()[2], lattice.dimensions());
            let state = BitMatrix::from_fn(2, sites, |r, i| (i * i + 3 * i + r) % 7 < 3);
            let shifts = [[l - 1, 3 % l, 1], [5 % l, 0, l - 2]];
            let moved = translated(&state, lattice, &shifts);
            for (r, site) in (0..2).flat_map(|r| (0..sites).map(move |site| (r, site))) {
                let along = |k: u32| (site / l.pow(k) + shifts[r][k as usize]) % l * l.pow(k);
                let from: usize = (0..d as u32).map(along).sum();
                assert_eq!(moved.get(r, site), state.get(r, from), "{lattice}, row {r}, site {site}");
            }
        }
    }

    #[test]
    fn translations_map_bonds_to_bonds() {
        for name in ["chain:6", "triangular:4", "cubic:4", "square:2", "square:3x5", "cubic:2x3x4", "triangular:2x5"] {
            let lattice: Lattice = name.parse().unwrap();
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

    /// All images of a row come up equally often: by χ² over the 2 × 12 images of a state of a ring without symmetry, at a
    /// level of 10⁻⁵.
    #[test]
    fn images_of_a_row_are_equally_frequent() {
        let lattice = Lattice::Chain { length: 12 };
        let bits = 0b0000_0010_0110u32;
        let count = 24_000;
        let rows = BitMatrix::from_fn(count, 12, |_, j| bits >> j & 1 == 1);
        let moves = Moves { flip: true, translations: Some(lattice) };
        let moved = moves.scatter(rows, 3, |r| (7, r as u32));
        let mut counts = std::collections::BTreeMap::new();
        for r in 0..count {
            *counts.entry(moved.row(r)[0]).or_insert(0u32) += 1;
        }
        let images = |k: u32| [(bits << k | bits >> (12 - k)) & 0xfff, !(bits << k | bits >> (12 - k)) & 0xfff];
        let expected: Vec<u32> = (0..12).flat_map(images).collect();
        assert_eq!(counts.len(), 24);
        let chi2: f64 = expected.iter().map(|image| (f64::from(counts[image]) - 1000.0).powi(2) / 1000.0).sum();
        // 23 degrees of freedom.
        assert!(chi2 < 65.0, "{chi2}");
        assert!(Moves::NONE.scatter(moved.clone(), 3, |r| (7, r as u32)) == moved);
    }
}
