//! Single-spin updates of one colour of a graph, 256 replicas at a time.
//!
//! Maths: flip if U < P(z − 2a), a = antiparallel neighbours; U compared with the thresholds digit by digit, 12 digits
//! without a branch and the rest only where a replica is still open; exact to 2⁻³² in P.
//! Shapes: spins `[sites]` of 8 words, bit = replica; thresholds by degree as in [`Thresholds`].
//! Random: site k of the tile at position p (8 sites in the order of the colours) takes outputs 12k .. 12k + 12 of the
//! sfc32 stream at (p, sweep, `IsingFlip`, word) as digits 11 … 0, and digits from 12 on from (site, sweep, `IsingTail`,
//! word).
//! Class: exact.
//! Source: Creutz 1979 (heat bath); multispin coding after Zorn, Herrmann and Rebbi 1981.
//! Cost: 348 instructions for 256 flips with AVX2 (callgrind, 8 × 8, Metropolis): 12 times 11 for a random digit and 7
//! for its comparison, 40 for neighbours and counting, 25 for a site's share in the seeding of its stream, the rest loads,
//! addresses and tails. AVX-512 saves a third: three-operand logic, rotations, twice the registers.

use crate::backend::cpu::digits::{Digits, FlipAddress, Head, count, tail};
use crate::backend::cpu::lanes::U32x8;
use crate::backend::cpu::thresholds::{BlockClasses, Thresholds};
use crate::backend::cpu::word::{Word, dispatch};
use crate::lattice::Graph;
use crate::rng::{HEAD_DIGITS, Stream, TILE_SITES};

/// Most neighbours a site may have on this backend, plus one.
pub(crate) const MAX_CLASSES: usize = 16;

/// A colour of a graph: its sites, and the position of the first of them in the order of all colours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColourSites<'a> {
    /// Sites, ascending.
    pub(crate) sites: &'a [u32],
    /// Number of sites in the colours before.
    pub(crate) first: u32,
}

dispatch! {
    /// Updates the sites of one colour in place; `valid` masks replicas that exist.
    pub(crate) fn ising_half_sweep(
        graph: &Graph,
        colour: ColourSites<'_>,
        thresholds: &Thresholds,
        address: FlipAddress,
        valid: U32x8,
        spins: &mut [U32x8],
    ) = half_sweep
}

#[inline(always)]
fn half_sweep<W: Word>(
    graph: &Graph,
    colour: ColourSites<'_>,
    thresholds: &Thresholds,
    address: FlipAddress,
    valid: U32x8,
    spins: &mut [U32x8],
) {
    let regular = thresholds.degree.and_then(|z| thresholds.classes[z].as_ref().map(|classes| (z, classes)));
    let update = Update { graph, colour, address, valid };
    match regular {
        Some((z, classes)) if classes.always.is_empty() => match (z, classes.drawn) {
            (2, 1) => update.regular::<W, 2, 1>(classes, spins),
            (2, 3) => update.regular::<W, 2, 3>(classes, spins),
            (4, 2) => update.regular::<W, 4, 2>(classes, spins),
            (4, 5) => update.regular::<W, 4, 5>(classes, spins),
            (6, 3) => update.regular::<W, 6, 3>(classes, spins),
            (6, 7) => update.regular::<W, 6, 7>(classes, spins),
            _ => update.any_graph::<W>(thresholds, spins),
        },
        _ => update.any_graph::<W>(thresholds, spins),
    }
}

/// One half-sweep.
#[derive(Clone, Copy)]
struct Update<'a> {
    graph: &'a Graph,
    colour: ColourSites<'a>,
    address: FlipAddress,
    valid: U32x8,
}

impl Update<'_> {
    /// Head digits of the tile at `position`.
    #[inline(always)]
    fn digits<W: Word>(&self, position: usize) -> Digits<W> {
        let counter = [
            W::splat(position as u32),
            W::splat(self.address.sweep),
            W::splat(Stream::IsingFlip as u32),
            W::load(U32x8::count_from(self.address.word)),
        ];
        Digits::at(counter, self.address.seed)
    }

    /// Replicas of `open` that accept by the digits beyond the head.
    #[inline(always)]
    fn tail(&self, site: u32, open: U32x8, classes: &BlockClasses, at_least: &[U32x8]) -> U32x8 {
        let threshold = |d: usize, lane: usize| {
            let planes = &classes.planes[d * classes.drawn..(d + 1) * classes.drawn];
            let steps = planes[1..].iter().zip(at_least).map(|(plane, mask)| plane.0[lane] & mask.0[lane]);
            steps.fold(planes[0].0[lane], |threshold, step| threshold ^ step)
        };
        let position = |lane| [site, self.address.word + lane];
        tail(open, self.address, Stream::IsingTail, position, threshold)
    }

    /// A graph whose sites all have `Z` neighbours; `D` or more antiparallel ones flip in every replica.
    #[inline(always)]
    fn regular<W: Word, const Z: usize, const D: usize>(&self, classes: &BlockClasses, spins: &mut [U32x8]) {
        let (planes, _) = classes.planes.as_chunks::<D>();
        let Some(head) = planes.first_chunk::<HEAD_DIGITS>() else { return };
        let (neighbours, _) = self.graph.neighbours.as_chunks::<Z>();
        let valid = W::load(self.valid);
        for (t, tile) in self.colour.sites.chunks(TILE_SITES).enumerate() {
            let mut digits = self.digits(self.colour.first as usize + t * TILE_SITES);
            for &site in tile {
                let spin = W::load(spins[site as usize]);
                let mut at_least = [W::zero(); D];
                for &n in &neighbours[site as usize] {
                    count(&mut at_least, spin.xor(W::load(spins[n as usize])));
                }
                let certain = at_least[D - 1];
                let Head { less, equal } = Head::draw(&mut digits, head, &at_least);
                let open = equal.and_not(certain).and(valid);
                let mut flip = certain.or(less);
                if open.any() {
                    flip = flip.or(W::load(self.tail(site, open.store(), classes, &at_least.map(W::store))));
                }
                spins[site as usize] = spin.xor_and(flip, valid).store();
            }
        }
    }

    /// Any graph and any table.
    #[inline(always)]
    fn any_graph<W: Word>(&self, thresholds: &Thresholds, spins: &mut [U32x8]) {
        let valid = W::load(self.valid);
        for (t, tile) in self.colour.sites.chunks(TILE_SITES).enumerate() {
            let mut digits = self.digits::<W>(self.colour.first as usize + t * TILE_SITES);
            for &site in tile {
                let spin = W::load(spins[site as usize]);
                let neighbours = self.graph.neighbours_of(site as usize);
                let z = neighbours.len();
                let mut at_least = [W::zero(); MAX_CLASSES];
                for &n in neighbours {
                    count(&mut at_least[..z], spin.xor(W::load(spins[n as usize])));
                }
                let Some(classes) = &thresholds.classes[z] else { continue };
                let drawn = classes.drawn;
                let mut certain = if drawn == 0 { valid } else { at_least[drawn - 1] };
                for (a, always) in classes.always.iter().enumerate() {
                    let above = if a == 0 { valid } else { at_least[a - 1] };
                    certain = certain.or_and(above.and_not(at_least[a]), W::load(*always));
                }
                let mut head = Head::new();
                for d in (0..HEAD_DIGITS).rev() {
                    let planes = &classes.planes[d * drawn..(d + 1) * drawn];
                    let mut threshold = planes.first().map_or(W::zero(), |plane| W::load(*plane));
                    for (plane, mask) in planes.iter().skip(1).zip(at_least) {
                        threshold = threshold.xor_and(W::load(*plane), mask);
                    }
                    head.compare(digits.next_digit(), threshold);
                }
                let open = head.equal.and_not(certain).and(valid);
                let mut flip = certain.or(head.less);
                if drawn > 0 && open.any() {
                    flip = flip.or(W::load(self.tail(site, open.store(), classes, &at_least.map(W::store))));
                }
                spins[site as usize] = spin.xor_and(flip, valid).store();
            }
        }
    }
}
