//! Energies and magnetisations of packed replicas, on the host in f64.
//!
//! E = Σ_t |J_t| (2 v_t − 1), v_t = 1 in replicas that violate term t (J_t π_t < 0). Terms of equal |J| are counted as
//! integers, 32 replicas a word, so that only as many products are summed as there are different strengths.

use std::collections::BTreeMap;

use crate::threads::prelude::*;

use crate::bits::BitMatrix;
use crate::ising::Interactions;
use crate::ising::walkers::Measured;

/// Terms of one strength.
#[derive(Debug)]
struct Group {
    strength: f64,
    count: u32,
    /// Of each term: `sites + 8 · c`, then its sites; violated in lanes where the ⊕ of its spins is not c.
    terms: Vec<u32>,
}

/// Bit of every lane.
const BITS: [u32; 32] = {
    let mut bits = [1; 32];
    let mut lane = 1;
    while lane < 32 {
        bits[lane] = 2 * bits[lane - 1];
        lane += 1;
    }
    bits
};

/// All terms of an energy, by strength.
#[derive(Debug)]
pub(super) struct Energies(Vec<Group>);

/// 32 counts side by side: bit r of plane d is digit d of count r.
struct Counter([u32; 32]);

impl Counter {
    fn new() -> Self {
        Self([0; 32])
    }

    #[inline(always)]
    fn add(&mut self, word: u32) {
        let mut carry = word;
        for plane in &mut self.0 {
            let next = *plane & carry;
            *plane ^= carry;
            carry = next;
            if carry == 0 {
                break;
            }
        }
    }

    fn counts(&self) -> [u32; 32] {
        std::array::from_fn(|lane| self.0.iter().enumerate().map(|(d, plane)| (plane >> lane & 1) << d).sum())
    }
}

impl Energies {
    pub(super) fn new(interactions: &Interactions) -> Self {
        let mut groups: BTreeMap<u64, Group> = BTreeMap::new();
        for term in &interactions.terms {
            let strength = term.value.abs();
            let group =
                groups.entry(strength.to_bits()).or_insert_with(|| Group { strength, count: 0, terms: Vec::new() });
            let odd = term.sites.len() % 2 == 1;
            group.count += 1;
            group.terms.push(term.sites.len() as u32 + 8 * u32::from(odd != (term.value < 0.0)));
            group.terms.extend(&term.sites);
        }
        Self(groups.into_values().collect())
    }

    /// Energy and up spins of every replica of `spins` `[sites, replicas]`.
    pub(super) fn measure(&self, spins: &BitMatrix) -> Vec<Measured> {
        let words: Vec<usize> = (0..spins.words_per_row()).collect();
        let mut all: Vec<Measured> = words.par_iter().map(|&w| self.of_word(spins, w)).collect::<Vec<_>>().concat();
        all.truncate(spins.cols());
        all
    }

    fn of_word(&self, spins: &BitMatrix, w: usize) -> [Measured; 32] {
        let (rows, words) = (spins.words(), spins.words_per_row());
        let mut energies = [0.0; 32];
        for group in &self.0 {
            let mut terms = &group.terms[..];
            let mut violated = || {
                let (sites, rest) = terms[1..].split_at(terms[0] as usize & 7);
                let complement = (terms[0] >> 3).wrapping_neg();
                terms = rest;
                sites.iter().fold(complement, |x, &i| x ^ rows[i as usize * words + w])
            };
            if group.count == 1 {
                let violated = violated();
                for (energy, bit) in energies.iter_mut().zip(&BITS) {
                    *energy += if violated & bit == 0 { -group.strength } else { group.strength };
                }
                continue;
            }
            let mut counter = Counter::new();
            (0..group.count).for_each(|_| counter.add(violated()));
            for (energy, count) in energies.iter_mut().zip(counter.counts()) {
                *energy += group.strength * (2.0 * f64::from(count) - f64::from(group.count));
            }
        }
        let mut up = Counter::new();
        (0..spins.rows()).for_each(|i| up.add(rows[i * words + w]));
        let up = up.counts();
        std::array::from_fn(|lane| Measured { energy: energies[lane], up: up[lane] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Stream, unit_word};

    #[test]
    fn energies_are_those_of_the_definition() {
        let terms = [
            (vec![0], 0.5),
            (vec![1], -0.5),
            (vec![0, 1], 1.0),
            (vec![1, 2], -1.0),
            (vec![2, 3], 0.3),
            (vec![0, 1, 2], 1.0),
            (vec![0, 1, 3], -0.7),
            (vec![0, 1, 2, 3], -1.0),
        ];
        let interactions = Interactions::new(5, terms.clone()).unwrap();
        let spins = BitMatrix::from_fn(5, 70, |i, r| unit_word(1, Stream::IsingStart, 0, i as u32, r as u32) & 1 == 1);
        for (r, found) in Energies::new(&interactions).measure(&spins).into_iter().enumerate() {
            let s = |i: usize| if spins.get(i, r) { 1.0 } else { -1.0 };
            let energy: f64 = terms.iter().map(|(sites, j)| -j * sites.iter().map(|&i| s(i)).product::<f64>()).sum();
            assert!((found.energy - energy).abs() < 1e-12, "replica {r}");
            assert_eq!(found.up as usize, (0..5).filter(|&i| spins.get(i, r)).count());
        }
    }
}
