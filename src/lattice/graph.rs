//! Coloured graphs: who is whose neighbour, and which sites may be updated together.
//!
//! A named lattice knows its colouring; for any other graph sites are coloured greedily, largest degree first (Welsh and
//! Powell, Comput. J. 10, 85 (1967)), which needs at most one colour more than the largest degree.

use crate::error::{Error, Fault, Result};

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
        let mut offsets = vec![0u32; sites + 1];
        for &(a, b) in bonds {
            assert!(colour_of(a) != colour_of(b), "neighbours {a} and {b} share a colour");
            offsets[a + 1] += 1;
            offsets[b + 1] += 1;
        }
        let max_degree = offsets.iter().copied().max().unwrap_or(0) as usize;
        for i in 0..sites {
            offsets[i + 1] += offsets[i];
        }
        // The next free place of every list, in the order of the bonds.
        let mut next = offsets.clone();
        let mut neighbours = vec![0u32; 2 * bonds.len()];
        for (from, to) in bonds.iter().flat_map(|&(a, b)| [(a, b), (b, a)]) {
            neighbours[next[from] as usize] = to as u32;
            next[from] += 1;
        }
        let mut by_colour = vec![Vec::new(); colours];
        for i in 0..sites {
            by_colour[colour_of(i)].push(i as u32);
        }
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

    /// Sites in the colours before each colour.
    #[must_use]
    pub fn first_of_colours(&self) -> Vec<u32> {
        let before = |sum: &mut u32, sites: &Vec<u32>| {
            *sum += sites.len() as u32;
            Some(*sum - sites.len() as u32)
        };
        self.colours.iter().scan(0, before).collect()
    }

    /// From bonds alone, coloured by the program. A pair that occurs twice is a double bond.
    ///
    /// # Errors
    /// [`Error::Input`] for a bond that leaves the graph, one of a site with itself (which no colouring allows), or a
    /// site with more than [`MAX_DEGREE`] neighbours.
    pub fn from_bonds(sites: usize, bonds: &[(usize, usize)]) -> Result<Self> {
        let advised = |what: String, expected: String, advice: &str| {
            Err(Error::Input(Fault::new(what).at("graph").expected(expected).advice(advice)))
        };
        let fault = |what, expected| advised(what, expected, "correct the list of bonds");
        if sites == 0 || sites > super::MAX_SITES {
            return fault(format!("a graph of {sites} sites"), format!("1 to {} sites", super::MAX_SITES));
        }
        let mut degrees = vec![0usize; sites];
        for &(a, b) in bonds {
            if a >= sites || b >= sites {
                return fault(format!("a bond between sites {a} and {b}"), format!("sites below {sites}"));
            }
            if a == b {
                return fault(
                    format!("a bond of site {a} with itself, which cannot be coloured"),
                    "two different sites in every bond".to_string(),
                );
            }
            degrees[a] += 1;
            degrees[b] += 1;
        }
        if let Some((site, degree)) = degrees.iter().copied().enumerate().find(|&(_, d)| d > MAX_DEGREE) {
            return advised(
                format!("site {site} has {degree} neighbours"),
                format!("at most {MAX_DEGREE} neighbours of a site, whose numbers are counted in the bits of words"),
                "leave bonds out, or spread the site over several that strong bonds hold together",
            );
        }
        Ok(Self::coloured(sites, bonds))
    }

    /// Colours any graph without a bond of a site with itself, however many neighbours its sites have.
    pub(crate) fn coloured(sites: usize, bonds: &[(usize, usize)]) -> Self {
        let colours = greedy_colouring(sites, bonds);
        let count = colours.iter().max().map_or(1, |&c| c + 1);
        Self::new(sites, bonds, count, |i| colours[i])
    }

    /// Bonds as pairs (a, b) with a < b, in the order of their lower sites.
    #[must_use]
    pub fn bond_pairs(&self) -> Vec<(usize, usize)> {
        let of_site = |i: usize| self.neighbours_of(i).iter().map(move |&n| (i, n as usize)).filter(|&(i, n)| i < n);
        (0..self.sites).flat_map(of_site).collect()
    }
}

/// Most neighbours a site may have: the update kernels count them in four binary digits.
pub const MAX_DEGREE: usize = 15;

/// A colour for every site, no two neighbours alike.
fn greedy_colouring(sites: usize, bonds: &[(usize, usize)]) -> Vec<usize> {
    let mut lists = vec![Vec::new(); sites];
    for &(a, b) in bonds {
        lists[a].push(b);
        lists[b].push(a);
    }
    let mut order: Vec<usize> = (0..sites).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lists[i].len()), i));
    let mut colours = vec![usize::MAX; sites];
    for site in order {
        let taken = |c: usize| lists[site].iter().any(|&n| colours[n] == c);
        colours[site] = (0..=lists[site].len()).find(|&c| !taken(c)).unwrap_or(0);
    }
    colours
}
