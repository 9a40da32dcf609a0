//! Lattices and the graphs they make: who is whose neighbour, and which sites may be updated together.

mod bond_list;
mod graph;

use std::fmt;
use std::str::FromStr;

pub use self::bond_list::BondList;
pub(crate) use self::bond_list::check_numbering;
pub use self::graph::{Graph, MAX_DEGREE};
use crate::error::{Error, Fault, Result};

/// A named lattice; its text form is `chain:6`, `open-chain:6`, `square:8`, `triangular:6`, `honeycomb:8` or `cubic:4`.
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
}

/// Most sites a lattice may have: addresses and sums are 32-bit.
pub const MAX_SITES: usize = 1 << 28;

impl Lattice {
    /// Number of sites N.
    #[must_use]
    pub fn sites(self) -> usize {
        self.length().pow(self.dimensions() as u32)
    }

    /// Sites along one direction.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Chain { length }
            | Self::OpenChain { length }
            | Self::Square { length }
            | Self::Triangular { length }
            | Self::Honeycomb { length }
            | Self::Cubic { length } => length,
        }
    }

    /// Number of spatial dimensions.
    #[must_use]
    pub fn dimensions(self) -> usize {
        match self {
            Self::Chain { .. } | Self::OpenChain { .. } => 1,
            Self::Square { .. } | Self::Triangular { .. } | Self::Honeycomb { .. } => 2,
            Self::Cubic { .. } => 3,
        }
    }

    /// Whether the sites fall into two classes with bonds only between them: the antiferromagnet is then the
    /// ferromagnet with one class turned over.
    #[must_use]
    pub fn is_bipartite(self) -> bool {
        !matches!(self, Self::Triangular { .. })
    }

    /// Least periodic extent: below it two sites would be joined twice.
    fn least_length(self) -> usize {
        match self {
            Self::OpenChain { .. } => 2,
            Self::Triangular { .. } => 3,
            _ => 4,
        }
    }

    /// Whether translations are symmetries.
    #[must_use]
    pub fn is_periodic(self) -> bool {
        !matches!(self, Self::OpenChain { .. })
    }

    /// Checks extents; every command calls this before anything is allocated.
    ///
    /// # Errors
    /// [`Error::Input`] for an extent that is too small, odd in a periodic direction, or too large.
    pub fn validate(self) -> Result<Self> {
        let length = self.length();
        let fault = |what: String, expected: &str, advice: &str| {
            Err(Error::Input(Fault::new(what).at(format!("lattice {self}")).expected(expected).advice(advice)))
        };
        if length < 2 {
            return fault(
                format!("extent {length} is too small"),
                "at least 2 sites a side",
                "use for example square:8",
            );
        }
        let sites = length.checked_pow(self.dimensions() as u32);
        if sites.is_none_or(|n| n > MAX_SITES) {
            return fault(
                format!("extent {length} is too large"),
                &format!("at most {MAX_SITES} sites in all"),
                "use a smaller lattice",
            );
        }
        if self.is_periodic() && self.is_bipartite() && length % 2 == 1 {
            return fault(
                format!("odd extent {length} in a periodic direction"),
                "an even extent, so that no two neighbours have the same checkerboard colour",
                &format!("use {} or {}", length - 1, length + 1),
            );
        }
        let least = self.least_length();
        if length < least {
            return fault(
                format!("a periodic extent of {length} joins the same two sites twice"),
                &format!("at least {least} sites in a periodic direction"),
                &format!("use {least}"),
            );
        }
        Ok(self)
    }

    /// Pairs of neighbours, each bond once, in a fixed order.
    #[must_use]
    pub fn bonds(self) -> Vec<(usize, usize)> {
        match self {
            Self::Chain { length } => (0..length).map(|i| (i, (i + 1) % length)).collect(),
            Self::OpenChain { length } => (0..length.saturating_sub(1)).map(|i| (i, i + 1)).collect(),
            Self::Square { .. } => self.bonds_to(&[[0, 0, 1], [0, 1, 0]]),
            Self::Triangular { .. } => self.bonds_to(&[[0, 0, 1], [0, 1, 0], [0, 1, 1]]),
            Self::Cubic { .. } => self.bonds_to(&[[0, 0, 1], [0, 1, 0], [1, 0, 0]]),
            Self::Honeycomb { length } => (0..length * length)
                .flat_map(|i| {
                    let (row, col) = (i / length, i % length);
                    let beside = (i, row * length + (col + 1) % length);
                    let below = (i, (row + 1) % length * length + col);
                    [Some(beside), ((row + col) % 2 == 0).then_some(below)].into_iter().flatten()
                })
                .collect(),
        }
    }

    /// Bonds from every site in the directions `steps` (layer, row, column), with periodic boundaries.
    fn bonds_to(self, steps: &[[usize; 3]]) -> Vec<(usize, usize)> {
        let length = self.length();
        let to = |i: usize, step: [usize; 3]| {
            let (column, row, layer) = (i % length, i / length % length, i / (length * length));
            let [layer, row, column] =
                [(layer + step[0]) % length, (row + step[1]) % length, (column + step[2]) % length];
            (layer * length + row) * length + column
        };
        (0..self.sites()).flat_map(|i| steps.iter().map(move |&step| (i, to(i, step)))).collect()
    }

    /// The graph of this lattice: two colours as a checkerboard where it is bipartite, three on triangular lattices
    /// whose extent is a multiple of 3, else as many as a greedy colouring needs.
    #[must_use]
    pub fn graph(self) -> Graph {
        let length = self.length();
        let (column, row) = (move |i: usize| i % length, move |i: usize| i / length % length);
        match self {
            Self::Chain { .. } | Self::OpenChain { .. } => Graph::new(self.sites(), &self.bonds(), 2, |i| i % 2),
            Self::Triangular { length } if length % 3 == 0 => {
                Graph::new(self.sites(), &self.bonds(), 3, |i| (row(i) + column(i)) % 3)
            }
            Self::Triangular { .. } => Graph::coloured(self.sites(), &self.bonds()),
            Self::Square { .. } | Self::Honeycomb { .. } | Self::Cubic { .. } => {
                Graph::new(self.sites(), &self.bonds(), 2, |i| (i / (length * length) + row(i) + column(i)) % 2)
            }
        }
    }
}

impl fmt::Display for Lattice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { length } => write!(f, "chain:{length}"),
            Self::OpenChain { length } => write!(f, "open-chain:{length}"),
            Self::Square { length } => write!(f, "square:{length}"),
            Self::Triangular { length } => write!(f, "triangular:{length}"),
            Self::Honeycomb { length } => write!(f, "honeycomb:{length}"),
            Self::Cubic { length } => write!(f, "cubic:{length}"),
        }
    }
}

impl FromStr for Lattice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::Input(
                Fault::new(format!("unknown lattice \"{text}\""))
                    .expected(
                        "chain:L, open-chain:L, square:L, triangular:L, honeycomb:L or cubic:L with a whole number L",
                    )
                    .advice("write for example square:8"),
            )
        };
        let (kind, length) = text.split_once(':').ok_or_else(wrong)?;
        let length: usize = length.parse().map_err(|_| wrong())?;
        match kind {
            "chain" => Ok(Self::Chain { length }),
            "open-chain" => Ok(Self::OpenChain { length }),
            "square" => Ok(Self::Square { length }),
            "triangular" => Ok(Self::Triangular { length }),
            "honeycomb" => Ok(Self::Honeycomb { length }),
            "cubic" => Ok(Self::Cubic { length }),
            _ => Err(wrong()),
        }?
        .validate()
    }
}
