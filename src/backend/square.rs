//! The layout of a large square lattice with one bit a site, the same on every backend.
//!
//! A lattice of L × L sites, L a multiple of 64, is kept as two planes, one a colour, each of L rows of L / 64 words.
//! Bit k of word j of row i is column 2 (32 j + k) + (i + colour) % 2. The neighbours above, below and on one side are
//! the same bit of the same word in the other plane's rows i − 1, i + 1 and i; the other side is one bit further.
//! Memory: one bit a spin, and 640 bytes a replica for its acceptance table.

use super::Acceptance;
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::MAX_SITES;

/// Neighbours of a site.
const DEGREE: usize = 4;
/// Classes of a site: 0 to 4 antiparallel neighbours.
pub(super) const CLASSES: usize = DEGREE + 1;

/// Extents of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Square {
    /// L.
    pub(super) length: usize,
}

/// Acceptance of one replica; every word of it has one temperature, so digits are all ones or all zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SquareClasses {
    /// With this many antiparallel neighbours or more a spin flips without a draw.
    pub(super) drawn: usize,
    /// `[32, drawn]`: digit d of P_0, then of P_{a−1} ⊕ P_a.
    pub(super) planes: Vec<u32>,
}

impl Square {
    /// Checks what [`super::Backend::upload_square`] is given.
    pub(super) fn new(length: usize, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        let fault = |what: String, expected: String, advice: &str| {
            Err(Error::Input(
                Fault::new(what).at("square lattice with one bit a site").expected(expected).advice(advice),
            ))
        };
        let sites = length.checked_mul(length).filter(|&sites| sites <= MAX_SITES);
        let Some(sites) = sites.filter(|_| length > 0 && length.is_multiple_of(64)) else {
            return fault(
                format!("extent {length}"),
                format!("a multiple of 64, and at most {MAX_SITES} sites"),
                "use the layout with one bit a replica for other extents",
            );
        };
        if initial.cols() != sites || initial.rows() != acceptance.replicas || initial.rows() == 0 {
            return fault(
                format!("initial spins [{}, {}]", initial.rows(), initial.cols()),
                format!("[{}, {sites}]: replicas with a temperature, sites", acceptance.replicas),
                "give as many starts as temperatures",
            );
        }
        if acceptance.max_degree < DEGREE {
            return fault(
                format!("acceptance for at most {} neighbours", acceptance.max_degree),
                "a table for 4".to_string(),
                "make the table for the lattice's graph",
            );
        }
        Ok(Self { length })
    }

    /// Words of a row of one colour.
    pub(super) fn words_per_row(self) -> usize {
        self.length / 64
    }

    /// Words of one colour: a multiple of 64.
    pub(super) fn words(self) -> usize {
        self.length * self.words_per_row()
    }

    /// The planes of both colours, one after the other, of spins `[sites]` packed row-major.
    pub(super) fn pack(self, spins: &[u32]) -> Vec<u32> {
        let (per_row, words) = (self.words_per_row(), self.words());
        let mut planes = vec![0; 2 * words];
        for (f, pair) in spins.chunks_exact(2).enumerate() {
            let odd = f / per_row % 2;
            for shift in 0..2 {
                let word = even_bits(pair[0] >> shift) | even_bits(pair[1] >> shift) << 16;
                planes[(shift ^ odd) * words + f] = word;
            }
        }
        planes
    }

    /// Reverses [`Square::pack`]: adds the spins of the two planes to the end of `spins`.
    pub(super) fn unpack(self, [even, odd]: [&[u32]; 2], spins: &mut Vec<u32>) {
        let per_row = self.words_per_row();
        for (f, (&even, &odd)) in even.iter().zip(odd).enumerate() {
            let (first, second) = if (f / per_row).is_multiple_of(2) { (even, odd) } else { (odd, even) };
            spins.push(spread_bits(first & 0xffff) | spread_bits(second & 0xffff) << 1);
            spins.push(spread_bits(first >> 16) | spread_bits(second >> 16) << 1);
        }
    }
}

impl SquareClasses {
    /// Tables of all replicas.
    pub(super) fn of_replicas(acceptance: &Acceptance) -> Result<Vec<Self>> {
        (0..acceptance.replicas).map(|r| Self::of_replica(acceptance, r)).collect()
    }

    fn of_replica(acceptance: &Acceptance, replica: usize) -> Result<Self> {
        let (words, word, bit) = (acceptance.words(), replica / 32, replica % 32);
        let row = |a: usize| acceptance.max_degree + DEGREE - 2 * a;
        let certain = |a: usize| acceptance.always[row(a) * words + word] >> bit & 1 == 1;
        let drawn = (0..CLASSES).rev().find(|&a| !certain(a)).map_or(0, |a| a + 1);
        if (0..drawn).any(certain) {
            return Err(Error::Input(
                Fault::new("an acceptance that falls with the number of antiparallel neighbours")
                    .at("square lattice with one bit a site")
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

/// Bits 0, 2, 4, … of a word, side by side.
fn even_bits(word: u32) -> u32 {
    let x = word & 0x5555_5555;
    let x = (x | x >> 1) & 0x3333_3333;
    let x = (x | x >> 2) & 0x0f0f_0f0f;
    let x = (x | x >> 4) & 0x00ff_00ff;
    (x | x >> 8) & 0x0000_ffff
}

/// The lower 16 bits at places 0, 2, 4, ….
fn spread_bits(word: u32) -> u32 {
    let x = (word | word << 8) & 0x00ff_00ff;
    let x = (x | x << 4) & 0x0f0f_0f0f;
    let x = (x | x << 2) & 0x3333_3333;
    (x | x << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Rule;

    #[test]
    fn planes_hold_the_columns_they_say() {
        let length = 128;
        let spin = |i: usize, col: usize| (i * 7 + col * col + i * col).is_multiple_of(3);
        let start = BitMatrix::from_fn(1, length * length, |_, site| spin(site / length, site % length));
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0]).unwrap();
        let square = Square::new(length, &acceptance, &start).unwrap();
        let planes = square.pack(start.row(0));
        for colour in 0..2 {
            for i in 0..length {
                for m in 0..length / 2 {
                    let word = planes[colour * square.words() + i * square.words_per_row() + m / 32];
                    assert_eq!(word >> (m % 32) & 1 == 1, spin(i, 2 * m + (i + colour) % 2), "{colour} {i} {m}");
                }
            }
        }
        let mut spins = Vec::new();
        let (even, odd) = planes.split_at(square.words());
        square.unpack([even, odd], &mut spins);
        assert_eq!(spins, start.words());
    }

    #[test]
    fn misfits_are_refused() {
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0]).unwrap();
        for (length, sites) in [(0, 0), (8, 64), (96, 96 * 96), (64, 64), (1 << 20, 64)] {
            assert!(Square::new(length, &acceptance, &BitMatrix::zeros(1, sites)).is_err(), "{length} {sites}");
        }
        assert!(Square::new(64, &acceptance, &BitMatrix::zeros(2, 4096)).is_err());
    }
}
