//! Exact symmetries of a model: which configurations are as good as one another, whatever the temperature.
//!
//! Ordered states that a symmetry turns into one another are equally frequent, but single-spin updates may never lead from
//! one to the other. Without fields these are the two signs, which the starts make equally frequent. In a field an
//! antiferromagnet has ordered states that lie a lattice vector apart: every configuration is handed out moved by a vector
//! drawn for it, which leaves its probability as it is. A glass without field has a sign that outlives all else and is no
//! observable: every configuration is handed out with a sign drawn for it.

use super::{Couplings, Model};
use crate::bits::BitMatrix;
use crate::lattice::{Grid, Kind, Lattice};
use crate::rng::{Stream, unit_word};

/// Symmetries of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Symmetry {
    /// All spins turned over at once.
    pub(super) flip: bool,
    /// Moves by the vectors of this lattice, looked at where there is no flip.
    pub(super) vectors: Option<Lattice>,
    /// Couplings or fields differ from place to place: states far apart may be as deep, and rare ones may last long.
    pub(super) disordered: bool,
}

impl Symmetry {
    /// Of a model: flips where no term has an odd number of sites; vectors of a periodic lattice whose bonds are equal and
    /// whose fields are.
    pub(super) fn of(model: &Model) -> Self {
        let Couplings::General(interactions) = &model.couplings else {
            return Self { flip: true, vectors: None, disordered: false };
        };
        let terms = &interactions.terms;
        let flip = terms.iter().all(|term| term.sites.len().is_multiple_of(2));
        let equal = |order: usize| {
            let mut values = terms.iter().filter(|term| term.sites.len() == order).map(|term| term.value);
            let first = values.next();
            values.all(|value| Some(value) == first)
        };
        let equal = (1..=4).all(equal);
        let uniform = terms.iter().all(|term| term.sites.len() < 3) && equal;
        let vectors = model.lattice.filter(|lattice| !flip && uniform && lattice.is_periodic());
        Self { flip, vectors, disordered: !equal }
    }

    /// Rows of replicas `[replicas, sites]`, each moved by the vector, or with the sign, drawn for it and for the sweep.
    pub(super) fn scattered(&self, mut rows: BitMatrix, seed: u64, sweep: u32) -> BitMatrix {
        if self.flip && self.disordered {
            let all = BitMatrix::from_fn(1, rows.cols(), |_, _| true);
            let words = rows.words_per_row().max(1);
            for (r, row) in rows.words_mut().chunks_exact_mut(words).enumerate() {
                if unit_word(seed, Stream::SymmetryMove, sweep, r as u32, 0) & 1 == 1 {
                    row.iter_mut().zip(all.row(0)).for_each(|(word, mask)| *word ^= mask);
                }
            }
            return rows;
        }
        let Some(lattice) = self.vectors else { return rows };
        let extents = lattice.extents();
        let vector = |row: usize| {
            let word = |axis: u32| u64::from(unit_word(seed, Stream::SymmetryMove, sweep, row as u32, axis));
            [0, 1, 2].map(|axis| ((word(axis) * extents[axis as usize] as u64) >> 32) as usize)
        };
        moved(&rows, lattice, vector)
    }

    /// Rows a site further along their last direction: with the rows themselves the two that an antiferromagnet needs.
    pub(super) fn next(&self, rows: &BitMatrix) -> Option<BitMatrix> {
        self.vectors.map(|lattice| moved(rows, lattice, |_| [0, 0, 1]))
    }
}

/// Every row moved by the (layer, row, column) that `vector` says of it.
fn moved(rows: &BitMatrix, lattice: Lattice, vector: impl Fn(usize) -> [usize; 3]) -> BitMatrix {
    let mut out = BitMatrix::zeros(rows.rows(), rows.cols());
    let words = rows.words_per_row();
    for (r, to) in out.words_mut().chunks_exact_mut(words.max(1)).enumerate() {
        let (from, vector) = (rows.row(r), vector(r));
        for site in 0..rows.cols() {
            let at = image(lattice, site, vector);
            to[site / 32] |= (from[at / 32] >> (at % 32) & 1) << (site % 32);
        }
    }
    out
}

/// Where a symmetry of the lattice takes a site: moved by a vector or, on a honeycomb whose two kinds of sites that would
/// exchange without exchanging their bonds, turned about as well.
fn image(lattice: Lattice, site: usize, vector: [usize; 3]) -> usize {
    let grid = Grid::from(lattice);
    let [_, rows, columns] = grid.extents;
    if grid.kind == Kind::Honeycomb && (vector[1] + vector[2]) % 2 == 1 {
        let (row, column) = (site / columns, site % columns);
        return (vector[1] + rows - row) % rows * columns + (vector[2] + columns - column) % columns;
    }
    grid.neighbour(site, vector).unwrap_or(site)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ising::Disorder;

    /// Bonds go over into bonds, sites into all sites, and in the antiferromagnet's way: both kinds of sites change places.
    #[test]
    fn images_of_bonds_are_bonds() {
        for name in ["chain:6", "square:4", "square:2x6", "triangular:3", "honeycomb:4", "honeycomb:4x6", "cubic:4"] {
            let lattice: Lattice = name.parse().unwrap();
            let sorted = |mut bonds: Vec<(usize, usize)>| {
                bonds.iter_mut().for_each(|(a, b)| (*a, *b) = ((*a).min(*b), (*a).max(*b)));
                bonds.sort_unstable();
                bonds
            };
            let bonds = sorted(lattice.bonds());
            for vector in [[0, 0, 1], [0, 1, 0], [0, 1, 1], [0, 2, 1], [1, 0, 1]] {
                let to = |site| image(lattice, site, vector);
                assert_eq!(sorted(bonds.iter().map(|&(a, b)| (to(a), to(b))).collect()), bonds, "{name} {vector:?}");
            }
            if let [even, odd] = &lattice.graph().colours[..] {
                let mut images: Vec<u32> = even.iter().map(|&i| image(lattice, i as usize, [0, 0, 1]) as u32).collect();
                images.sort_unstable();
                assert_eq!(images, *odd, "{name}");
            }
        }
    }

    #[test]
    fn only_what_is_symmetric_is_moved() {
        let square: Lattice = "square:4".parse().unwrap();
        let of = |model: Model| Symmetry::of(&model);
        assert_eq!(
            of(Model::on_lattice(square, -1.0).unwrap()),
            Symmetry { flip: true, vectors: None, disordered: false }
        );
        let field = of(Model::in_field(square, -1.0, 1.0).unwrap());
        assert_eq!(field, Symmetry { flip: false, vectors: Some(square), disordered: false });
        let glass = |field| of(Model::spin_glass(square, Disorder::PlusMinus, 1.0, field, 1).unwrap());
        assert_eq!(glass(0.0), Symmetry { flip: true, vectors: None, disordered: true });
        assert_eq!(glass(0.5), Symmetry { flip: false, vectors: None, disordered: true });
        let open: Lattice = "open-chain:4".parse().unwrap();
        assert_eq!(of(Model::in_field(open, -1.0, 1.0).unwrap()).vectors, None);
        let rows = BitMatrix::from_fn(4000, 16, |_, i| i % 2 == (i / 4) % 2);
        let scattered = field.scattered(rows.clone(), 3, 7);
        let kept = (0..4000).filter(|&r| scattered.row(r) == rows.row(r)).count() as f64;
        // Half of them by chance, within 5 standard deviations.
        assert!((kept - 2000.0).abs() < 5.0 * 1000f64.sqrt(), "{kept}");
        assert!(scattered.column_counts().iter().sum::<u64>() == 8 * 4000);
        // A glass without field is turned over as a whole, half of the times.
        let turned = glass(0.0).scattered(rows.clone(), 3, 7);
        let kept = (0..4000).filter(|&r| turned.row(r) == rows.row(r)).count() as f64;
        assert!((kept - 2000.0).abs() < 5.0 * 1000f64.sqrt(), "{kept}");
        let mask = (1 << 16) - 1;
        assert!((0..4000).all(|r| turned.row(r) == rows.row(r) || turned.row(r)[0] == !rows.row(r)[0] & mask));
        assert!(glass(0.5).scattered(rows.clone(), 3, 7) == rows);
    }
}
