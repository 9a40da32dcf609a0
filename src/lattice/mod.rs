//! Lattices and the graphs they make: who is whose neighbour, and which sites may be updated together.

mod bond_list;
mod graph;
mod grid;
mod text;

pub use self::bond_list::BondList;
pub(crate) use self::bond_list::check_numbering;
pub use self::graph::{Graph, MAX_DEGREE};
pub use self::grid::{Grid, Kind};
use crate::error::{Error, Fault, Result};

/// A named lattice; its text form is `chain:6`, `open-chain:6`, `square:8`, `triangular:6`, `honeycomb:8`, `cubic:4`, or
/// that of a [`Grid`] of unequal sides or open ends, `square:4x6` or `open-square:4`.
///
/// Bonds lead around periodic lattices: an extent of 2 then joins the same two sites twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lattice {
    /// Periodic chain of `length` sites.
    Chain {
        /// Number of sites.
        length: usize,
    },
    /// Open chain of `length` sites.
    OpenChain {
        /// Number of sites.
        length: usize,
    },
    /// Periodic square lattice of `length` × `length` sites, site = row · length + column.
    Square {
        /// Sites along one side.
        length: usize,
    },
    /// Periodic triangular lattice of `length` × `length` sites: a square lattice with one diagonal in every cell.
    Triangular {
        /// Sites along one side.
        length: usize,
    },
    /// Periodic honeycomb lattice of `length` × `length` sites, drawn as a brick wall: rows are chains, and every other
    /// site has a bond to the next row.
    Honeycomb {
        /// Sites along one side.
        length: usize,
    },
    /// Periodic simple cubic lattice of `length`³ sites, site = (layer · length + row) · length + column.
    Cubic {
        /// Sites along one side.
        length: usize,
    },
    /// Any other; one that has a name above is made into that by [`Lattice::from`].
    Grid(Grid),
}

/// Most sites a lattice may have: addresses and sums are 32-bit.
pub const MAX_SITES: usize = 1 << 28;

impl Lattice {
    /// Number of sites N.
    #[must_use]
    pub fn sites(self) -> usize {
        Grid::from(self).extents.iter().product()
    }

    /// Layers, rows and columns; 1 in directions that it does not have.
    #[must_use]
    pub fn extents(self) -> [usize; 3] {
        Grid::from(self).extents
    }

    /// Sites of a row: its columns.
    #[must_use]
    pub fn length(self) -> usize {
        self.extents()[2]
    }

    /// Sites along one side, where all sides are equal.
    #[must_use]
    pub fn side(self) -> Option<usize> {
        let grid = Grid::from(self);
        Some(grid.extents[2]).filter(|length| grid.sides().iter().all(|side| side == length))
    }

    /// Number of spatial dimensions.
    #[must_use]
    pub fn dimensions(self) -> usize {
        self.kind().dimensions()
    }

    /// How its sites are joined.
    #[must_use]
    pub fn kind(self) -> Kind {
        Grid::from(self).kind
    }

    /// Whether the sites fall into two classes with bonds only between them: the antiferromagnet is then the
    /// ferromagnet with one class turned over.
    #[must_use]
    pub fn is_bipartite(self) -> bool {
        Grid::from(self).is_bipartite()
    }

    /// Whether bonds lead around it.
    #[must_use]
    pub fn is_periodic(self) -> bool {
        !Grid::from(self).open
    }

    /// The lattice, if it is a square or cubic one that bonds lead around, of equal and even sides from 4 on.
    #[must_use]
    pub fn even_torus(self) -> Option<Self> {
        match self {
            Self::Square { length } | Self::Cubic { length } if length >= 4 && length.is_multiple_of(2) => Some(self),
            _ => None,
        }
    }

    /// Checks extents; every command calls this before anything is allocated.
    ///
    /// # Errors
    /// [`Error::Input`] for an extent that is too small or too large, and for an odd one around a honeycomb.
    pub fn validate(self) -> Result<Self> {
        let grid = Grid::from(self);
        let fault = |what: String, expected: &str, advice: &str| {
            Err(Error::Input(Fault::new(what).at(format!("lattice {self}")).expected(expected).advice(advice)))
        };
        if let Some(side) = grid.sides().iter().find(|&&side| side < 2) {
            let advice = if *side == 1 && self.dimensions() > 1 && grid.sides().iter().any(|&side| side > 1) {
                "leave out the directions of one site: use a chain, or a square lattice for a single layer"
            } else {
                "use for example square:8"
            };
            return fault(format!("extent {side} is too small"), "at least 2 sites a side", advice);
        }
        if grid.checked_sites().is_none_or(|n| n > MAX_SITES) {
            let side = grid.sides().iter().max().unwrap_or(&0);
            return fault(
                format!("extent {side} is too large"),
                &format!("at most {MAX_SITES} sites in all"),
                "use a smaller lattice",
            );
        }
        if let Some(side) =
            grid.sides().iter().find(|&&side| side % 2 == 1 && grid.kind == Kind::Honeycomb && !grid.open)
        {
            return fault(
                format!("odd extent {side} around a honeycomb"),
                "even extents: every other site of a row has a bond to the next row, and of those around",
                &format!("use {} or {}, or open-honeycomb", side - 1, side + 1),
            );
        }
        Ok(self)
    }

    /// Pairs of neighbours, each bond once, in a fixed order.
    #[must_use]
    pub fn bonds(self) -> Vec<(usize, usize)> {
        Grid::from(self).bonds()
    }

    /// The graph of this lattice: two colours as a checkerboard where it is bipartite, three on triangular lattices
    /// whose extents are multiples of 3, else as many as a greedy colouring needs.
    #[must_use]
    pub fn graph(self) -> Graph {
        Grid::from(self).graph()
    }
}
