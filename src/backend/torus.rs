//! The layout of a periodic square or cubic lattice with one bit a site, the same on every backend.
//!
//! A lattice of L × L or L × L × L sites, L even, is kept as two planes, one a colour, each of all L or L² rows of
//! ⌈L / 64⌉ words. Bit k of word j of row y in layer z is column 2 (32 j + k) + (y + z + colour) % 2; the bits of a row
//! beyond column L are zero. The neighbours in the rows and layers around, and the one on one side, are the same bit of
//! a word of the other plane; the one on the other side is one bit further.
//! Memory: one bit a spin where L is a multiple of 64, and 640 or 896 bytes a replica for its acceptance table.

use super::Acceptance;
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::Lattice;

/// What faults name as their place.
const PLACE: &str = "lattice with one bit a site";

/// Extents of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Torus {
    /// L.
    pub(super) length: usize,
    /// 2 or 3.
    pub(super) dimensions: usize,
    /// Words of a row of one colour.
    pub(super) words_per_row: usize,
    /// Words of a layer of one colour; a square lattice is one layer.
    pub(super) layer: usize,
    /// Words of one colour.
    pub(super) words: usize,
    /// Last bit that is used in the last word of a row: 31 where L is a multiple of 64.
    pub(super) last_bit: u32,
}

/// Acceptance of one replica; every word of it has one temperature, so digits are all ones or all zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TorusClasses {
    /// With this many antiparallel neighbours or more a spin flips without a draw.
    pub(super) drawn: usize,
    /// `[32, drawn]`: digit d of P_0, then of P_{a−1} ⊕ P_a.
    pub(super) planes: Vec<u32>,
}

impl Torus {
    /// Checks what [`super::Backend::upload_torus`] is given.
    pub(super) fn new(lattice: Lattice, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        let fault = |what: String, expected: String, advice: &str| {
            Err(Error::Input(Fault::new(what).at(PLACE).expected(expected).advice(advice)))
        };
        let torus = match lattice.validate()?.even_torus() {
            Some(lattice) => Self::of(lattice.length(), lattice.dimensions()),
            None => {
                return fault(
                    format!("lattice {lattice}"),
                    "a square or cubic lattice of equal, even sides from 4 on".to_string(),
                    "use the layout with one bit a replica for other lattices",
                );
            }
        };
        let sites = lattice.sites();
        if initial.cols() != sites || initial.rows() != acceptance.replicas || initial.rows() == 0 {
            return fault(
                format!("initial spins [{}, {}]", initial.rows(), initial.cols()),
                format!("[{}, {sites}]: replicas with a temperature, sites", acceptance.replicas),
                "give as many starts as temperatures",
            );
        }
        if acceptance.max_degree < torus.degree() {
            return fault(
                format!("acceptance for at most {} neighbours", acceptance.max_degree),
                format!("a table for {}", torus.degree()),
                "make the table for the lattice's graph",
            );
        }
        Ok(torus)
    }

    /// Of a valid lattice.
    pub(super) fn of(length: usize, dimensions: usize) -> Self {
        let words_per_row = length.div_ceil(64);
        let layer = length * words_per_row;
        let words = if dimensions == 3 { length * layer } else { layer };
        Self { length, dimensions, words_per_row, layer, words, last_bit: ((length / 2 - 1) % 32) as u32 }
    }

    /// Sites in all.
    pub(super) fn sites(&self) -> usize {
        self.length.pow(self.dimensions as u32)
    }

    /// Neighbours of a site.
    pub(super) fn degree(&self) -> usize {
        2 * self.dimensions
    }

    /// Classes of a site: every number of antiparallel neighbours.
    #[cfg(feature = "gpu")]
    pub(super) fn classes(&self) -> usize {
        self.degree() + 1
    }

    /// Bits that are used in the last word of a row.
    pub(super) fn last_mask(&self) -> u32 {
        u32::MAX >> (31 - self.last_bit)
    }

    /// The colour of the even columns of a row, numbered through all layers: (y + z) % 2.
    fn parity(&self, row: usize) -> usize {
        (row + row / self.length) % 2
    }

    /// The planes of both colours, one after the other, of spins `[sites]` packed row-major.
    pub(super) fn pack(&self, spins: &[u32]) -> Vec<u32> {
        let mut planes = vec![0; 2 * self.words];
        for row in 0..self.words / self.words_per_row {
            let odd = self.parity(row);
            for j in 0..self.words_per_row {
                let pair = bits_at(spins, row * self.length + 64 * j, (self.length - 64 * j).min(64));
                let f = row * self.words_per_row + j;
                for shift in 0..2 {
                    planes[(shift ^ odd) * self.words + f] = even_bits(pair >> shift);
                }
            }
        }
        planes
    }

    /// Reverses [`Torus::pack`]: adds the spins of the two planes to the end of `spins`.
    pub(super) fn unpack(&self, planes: [&[u32]; 2], spins: &mut Vec<u32>) {
        let begin = spins.len();
        spins.resize(begin + self.sites().div_ceil(32), 0);
        for row in 0..self.words / self.words_per_row {
            let odd = self.parity(row);
            for j in 0..self.words_per_row {
                let f = row * self.words_per_row + j;
                let pair = spread_bits(planes[odd][f]) | spread_bits(planes[1 - odd][f]) << 1;
                add_bits(&mut spins[begin..], row * self.length + 64 * j, pair);
            }
        }
    }
}

/// `count` bits, at most 64, from bit `first` of `words` on; `first` is even.
fn bits_at(words: &[u32], first: usize, count: usize) -> u64 {
    let word = |k: usize| words.get(first / 32 + k).map_or(0, |&word| u128::from(word));
    let bits = (word(0) | word(1) << 32 | word(2) << 64) >> (first % 32);
    bits as u64 & u64::MAX >> (64 - count)
}

/// Sets the bits of `bits` in `words`, whose bits from `first` on are zero.
fn add_bits(words: &mut [u32], first: usize, bits: u64) {
    let bits = u128::from(bits) << (first % 32);
    for (word, shift) in words[first / 32..].iter_mut().zip([0, 32, 64]) {
        *word |= (bits >> shift) as u32;
    }
}

impl TorusClasses {
    /// Tables of all replicas, for sites with `degree` neighbours.
    pub(super) fn of_replicas(acceptance: &Acceptance, degree: usize) -> Result<Vec<Self>> {
        (0..acceptance.replicas).map(|r| Self::of_replica(acceptance, degree, r)).collect()
    }

    fn of_replica(acceptance: &Acceptance, degree: usize, replica: usize) -> Result<Self> {
        let (words, word, bit) = (acceptance.words(), replica / 32, replica % 32);
        let row = |a: usize| acceptance.max_degree + degree - 2 * a;
        let certain = |a: usize| acceptance.always[row(a) * words + word] >> bit & 1 == 1;
        let drawn = (0..=degree).rev().find(|&a| !certain(a)).map_or(0, |a| a + 1);
        if (0..drawn).any(certain) {
            return Err(Error::Input(
                Fault::new("an acceptance that falls with the number of antiparallel neighbours")
                    .at(PLACE)
                    .expected("a ferromagnet's table")
                    .advice("use the layout with one bit a replica"),
            ));
        }
        let digit =
            |a: usize, d: usize| 0u32.wrapping_sub(acceptance.digits[(row(a) * 32 + d) * words + word] >> bit & 1);
        let step = |d: usize, a: usize| digit(a, d) ^ if a == 0 { 0 } else { digit(a - 1, d) };
        Ok(Self { drawn, planes: (0..32).flat_map(|d| (0..drawn).map(move |a| step(d, a))).collect() })
    }
}

/// Bits 0, 2, 4, … of a pair of words, side by side.
fn even_bits(pair: u64) -> u32 {
    let x = pair & 0x5555_5555_5555_5555;
    let x = (x | x >> 1) & 0x3333_3333_3333_3333;
    let x = (x | x >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    let x = (x | x >> 4) & 0x00ff_00ff_00ff_00ff;
    let x = (x | x >> 8) & 0x0000_ffff_0000_ffff;
    (x | x >> 16) as u32
}

/// The bits of a word at places 0, 2, 4, ….
fn spread_bits(word: u32) -> u64 {
    let x = u64::from(word);
    let x = (x | x << 16) & 0x0000_ffff_0000_ffff;
    let x = (x | x << 8) & 0x00ff_00ff_00ff_00ff;
    let x = (x | x << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let x = (x | x << 2) & 0x3333_3333_3333_3333;
    (x | x << 1) & 0x5555_5555_5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Rule;

    #[test]
    fn planes_hold_the_columns_they_say() {
        for lattice in [
            Lattice::Square { length: 4 },
            Lattice::Square { length: 34 },
            Lattice::Square { length: 128 },
            Lattice::Square { length: 130 },
            Lattice::Cubic { length: 6 },
            Lattice::Cubic { length: 64 },
            Lattice::Cubic { length: 66 },
        ] {
            let length = lattice.length();
            let spin = |row: usize, col: usize| (row * 7 + col * col + row * col).is_multiple_of(3);
            let start = BitMatrix::from_fn(1, lattice.sites(), |_, site| spin(site / length, site % length));
            let acceptance = Acceptance::new(Rule::Metropolis, 6, &[2.0]).unwrap();
            let torus = Torus::new(lattice, &acceptance, &start).unwrap();
            let planes = torus.pack(start.row(0));
            assert_eq!(planes.iter().map(|word| word.count_ones()).sum::<u32>(), start.row_count(0), "idle bits");
            for colour in 0..2 {
                for row in 0..lattice.sites() / length {
                    let (y, z) = (row % length, row / length);
                    for m in 0..length / 2 {
                        let word = planes[colour * torus.words + row * torus.words_per_row + m / 32];
                        let expected = spin(row, 2 * m + (y + z + colour) % 2);
                        assert_eq!(word >> (m % 32) & 1 == 1, expected, "{lattice} {colour} {row} {m}");
                    }
                }
            }
            // Behind the spins of another replica.
            let mut spins = vec![7];
            let (even, odd) = planes.split_at(torus.words);
            torus.unpack([even, odd], &mut spins);
            assert_eq!(spins[1..], *start.words(), "{lattice}");
        }
    }

    #[test]
    fn misfits_are_refused() {
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0]).unwrap();
        let new = |lattice, rows, sites| Torus::new(lattice, &acceptance, &BitMatrix::zeros(rows, sites));
        for (length, sites) in [(0, 0), (2, 4), (9, 81), (64, 64), (1 << 20, 64)] {
            assert!(new(Lattice::Square { length }, 1, sites).is_err(), "{length} {sites}");
        }
        assert!(new(Lattice::Square { length: 64 }, 2, 4096).is_err(), "a replica without a temperature");
        assert!(new(Lattice::Square { length: 64 }, 1, 4096).is_ok());
        assert!(new(Lattice::Cubic { length: 4 }, 1, 64).is_err(), "a table for four neighbours");
        assert!(new(Lattice::Honeycomb { length: 8 }, 1, 64).is_err());
    }
}
