//! Lattices of any extents: their bonds and colours.

use super::{Graph, Lattice};

/// How the sites of a lattice are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A line.
    Chain,
    /// Rows and columns.
    Square,
    /// Rows and columns with one diagonal in every cell.
    Triangular,
    /// A brick wall: rows are chains, and every other site has a bond to the next row.
    Honeycomb,
    /// Layers, rows and columns.
    Cubic,
}

/// A lattice by its extents; site = (layer · rows + row) · columns + column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    /// How its sites are joined.
    pub kind: Kind,
    /// Layers, rows and columns; 1 for those that the kind does not have.
    pub extents: [usize; 3],
    /// Whether it ends at its sides. Else bonds lead around, and an extent of 2 joins the same two sites twice.
    pub open: bool,
}

impl Kind {
    /// Number of spatial dimensions.
    #[must_use]
    pub fn dimensions(self) -> usize {
        match self {
            Self::Chain => 1,
            Self::Square | Self::Triangular | Self::Honeycomb => 2,
            Self::Cubic => 3,
        }
    }

    /// Bonds of a site in the positive directions, as (layer, row, column); all of a honeycomb's.
    fn steps(self) -> &'static [[usize; 3]] {
        match self {
            Self::Chain => &[[0, 0, 1]],
            Self::Square | Self::Honeycomb => &[[0, 0, 1], [0, 1, 0]],
            Self::Triangular => &[[0, 0, 1], [0, 1, 0], [0, 1, 1]],
            Self::Cubic => &[[0, 0, 1], [0, 1, 0], [1, 0, 0]],
        }
    }
}

impl Grid {
    /// Sites in all; None beyond the range of numbers.
    #[must_use]
    pub fn checked_sites(&self) -> Option<usize> {
        self.extents.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent))
    }

    /// The extents of the directions that there are, the last first: columns, rows, layers.
    #[must_use]
    pub fn sides(&self) -> &[usize] {
        &self.extents[3 - self.kind.dimensions()..]
    }

    /// (layer, row, column) of a site.
    fn place(&self, site: usize) -> [usize; 3] {
        let [_, rows, columns] = self.extents;
        [site / (columns * rows), site / columns % rows, site % columns]
    }

    /// The site that lies `step` (layer, row, column) from `site`: around the lattice, or None beyond an open end.
    #[must_use]
    pub fn neighbour(&self, site: usize, step: [usize; 3]) -> Option<usize> {
        let place = self.place(site);
        let mut to = 0;
        for axis in 0..3 {
            let along = place[axis] + step[axis] % self.extents[axis];
            if self.open && place[axis] + step[axis] >= self.extents[axis] {
                return None;
            }
            to = to * self.extents[axis] + along % self.extents[axis];
        }
        Some(to)
    }

    /// Pairs of neighbours, each bond once, in the order of the sites.
    #[must_use]
    pub fn bonds(&self) -> Vec<(usize, usize)> {
        let is_bond = |site: usize, step: &[usize; 3]| {
            let [_, row, column] = self.place(site);
            self.kind != Kind::Honeycomb || step[1] == 0 || (row + column) % 2 == 0
        };
        let of_site = |site: usize| {
            let steps = self.kind.steps().iter().filter(move |step| is_bond(site, step));
            steps.filter_map(move |&step| self.neighbour(site, step).map(|to| (site, to)))
        };
        (0..self.extents.iter().product()).flat_map(of_site).collect()
    }

    /// Whether every way around the lattice is a multiple of `count` sites, or there is none.
    fn closes(&self, count: usize) -> bool {
        self.open || self.sides().iter().all(|side| side.is_multiple_of(count))
    }

    /// Whether the sites fall into two classes with bonds only between them.
    #[must_use]
    pub fn is_bipartite(&self) -> bool {
        self.kind != Kind::Triangular && self.closes(2)
    }

    /// Two colours as a checkerboard where the lattice is bipartite, three on triangular lattices around which three fit,
    /// else as many as a greedy colouring needs.
    #[must_use]
    pub fn graph(&self) -> Graph {
        let sites = self.extents.iter().product();
        let sum = |site: usize| self.place(site).iter().sum::<usize>();
        match self.kind {
            Kind::Triangular if self.closes(3) => Graph::new(sites, &self.bonds(), 3, |i| sum(i) % 3),
            _ if self.is_bipartite() => Graph::new(sites, &self.bonds(), 2, |i| sum(i) % 2),
            _ => Graph::coloured(sites, &self.bonds()),
        }
    }
}

impl From<Lattice> for Grid {
    fn from(lattice: Lattice) -> Self {
        let (kind, length, open) = match lattice {
            Lattice::Grid(grid) => return grid,
            Lattice::Chain { length } => (Kind::Chain, length, false),
            Lattice::OpenChain { length } => (Kind::Chain, length, true),
            Lattice::Square { length } => (Kind::Square, length, false),
            Lattice::Triangular { length } => (Kind::Triangular, length, false),
            Lattice::Honeycomb { length } => (Kind::Honeycomb, length, false),
            Lattice::Cubic { length } => (Kind::Cubic, length, false),
        };
        let mut extents = [1; 3];
        extents[3 - kind.dimensions()..].fill(length);
        Self { kind, extents, open }
    }
}

impl From<Grid> for Lattice {
    /// By the shortest name: a lattice of equal sides is the same whichever way it was written.
    fn from(grid: Grid) -> Self {
        let length = grid.extents[2];
        match (grid.kind, grid.open) {
            _ if grid.sides().iter().any(|&side| side != length) => Self::Grid(grid),
            (Kind::Chain, false) => Self::Chain { length },
            (Kind::Chain, true) => Self::OpenChain { length },
            (Kind::Square, false) => Self::Square { length },
            (Kind::Triangular, false) => Self::Triangular { length },
            (Kind::Honeycomb, false) => Self::Honeycomb { length },
            (Kind::Cubic, false) => Self::Cubic { length },
            _ => Self::Grid(grid),
        }
    }
}
