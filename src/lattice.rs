//! Lattices and the graphs they make: who is whose neighbour, and which sites may be updated together.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Fault, Result};

/// A named lattice; its text form is `chain:6`, `open-chain:6` or `square:8`.
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
}

/// Most sites a lattice may have: addresses and sums are 32-bit.
pub const MAX_SITES: usize = 1 << 28;

impl Lattice {
    /// Number of sites N.
    #[must_use]
    pub fn sites(self) -> usize {
        match self {
            Self::Chain { length } | Self::OpenChain { length } => length,
            Self::Square { length } => length * length,
        }
    }

    /// Sites along one direction.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Chain { length } | Self::OpenChain { length } | Self::Square { length } => length,
        }
    }

    /// Number of spatial dimensions.
    #[must_use]
    pub fn dimensions(self) -> usize {
        match self {
            Self::Chain { .. } | Self::OpenChain { .. } => 1,
            Self::Square { .. } => 2,
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
        let sites = if let Self::Square { .. } = self { length.checked_mul(length) } else { Some(length) };
        if sites.is_none_or(|n| n > MAX_SITES) {
            return fault(
                format!("extent {length} is too large"),
                &format!("at most {MAX_SITES} sites in all"),
                "use a smaller lattice",
            );
        }
        if self.is_periodic() && length % 2 == 1 {
            return fault(
                format!("odd extent {length} in a periodic direction"),
                "an even extent, so that no two neighbours have the same checkerboard colour",
                &format!("use {} or {}", length - 1, length + 1),
            );
        }
        if self.is_periodic() && length == 2 {
            return fault(
                "a periodic extent of 2 joins the same two sites twice".to_string(),
                "at least 4 sites in a periodic direction",
                "use 4",
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
            Self::Square { length } => (0..length * length)
                .flat_map(|i| {
                    let (row, col) = (i / length, i % length);
                    [(i, row * length + (col + 1) % length), (i, (row + 1) % length * length + col)]
                })
                .collect(),
        }
    }

    /// The graph of this lattice, coloured as a checkerboard.
    #[must_use]
    pub fn graph(self) -> Graph {
        let colour_of = move |i: usize| match self {
            Self::Chain { .. } | Self::OpenChain { .. } => i % 2,
            Self::Square { length } => (i / length + i % length) % 2,
        };
        Graph::new(self.sites(), &self.bonds(), 2, colour_of)
    }
}

impl fmt::Display for Lattice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { length } => write!(f, "chain:{length}"),
            Self::OpenChain { length } => write!(f, "open-chain:{length}"),
            Self::Square { length } => write!(f, "square:{length}"),
        }
    }
}

impl FromStr for Lattice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::Input(
                Fault::new(format!("unknown lattice \"{text}\""))
                    .expected("chain:L, open-chain:L or square:L with a whole number L")
                    .advice("write for example square:8"),
            )
        };
        let (kind, length) = text.split_once(':').ok_or_else(wrong)?;
        let length: usize = length.parse().map_err(|_| wrong())?;
        match kind {
            "chain" => Ok(Self::Chain { length }),
            "open-chain" => Ok(Self::OpenChain { length }),
            "square" => Ok(Self::Square { length }),
            _ => Err(wrong()),
        }?
        .validate()
    }
}

/// A coloured graph: what the update kernels work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Number of sites.
    pub sites: usize,
    /// Largest number of neighbours of a site.
    pub max_degree: usize,
    /// `neighbours[offsets[i] .. offsets[i + 1]]` are the neighbours of site i.
    pub offsets: Vec<u32>,
    /// Concatenated neighbour lists.
    pub neighbours: Vec<u32>,
    /// Sites of each colour, ascending; no two sites of one colour are neighbours.
    pub colours: Vec<Vec<u32>>,
}

impl Graph {
    /// From bonds and a colouring; panics when two neighbours share a colour (a bug of the caller).
    #[must_use]
    pub fn new(sites: usize, bonds: &[(usize, usize)], colours: usize, colour_of: impl Fn(usize) -> usize) -> Self {
        let mut lists = vec![Vec::new(); sites];
        for &(a, b) in bonds {
            assert!(colour_of(a) != colour_of(b), "neighbours {a} and {b} share a colour");
            lists[a].push(b as u32);
            lists[b].push(a as u32);
        }
        let mut offsets = vec![0u32];
        let mut neighbours = Vec::with_capacity(2 * bonds.len());
        for list in &lists {
            neighbours.extend_from_slice(list);
            offsets.push(neighbours.len() as u32);
        }
        let mut by_colour = vec![Vec::new(); colours];
        for i in 0..sites {
            by_colour[colour_of(i)].push(i as u32);
        }
        let max_degree = lists.iter().map(Vec::len).max().unwrap_or(0);
        Self { sites, max_degree, offsets, neighbours, colours: by_colour }
    }

    /// Neighbours of site `i`.
    #[must_use]
    pub fn neighbours_of(&self, i: usize) -> &[u32] {
        &self.neighbours[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }

    /// Number of bonds, each counted once.
    #[must_use]
    pub fn bonds(&self) -> usize {
        self.neighbours.len() / 2
    }
}
