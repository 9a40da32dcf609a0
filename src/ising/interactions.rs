//! Energies beyond one coupling on all bonds: site fields, real couplings, terms of up to four spins.
//!
//! E(s) = −Σ_t J_t Π_{i∈t} s_i, a term being a set of one (field) to four sites.

use std::collections::BTreeMap;

use rand_distr::{Distribution, StandardNormal};

pub use crate::backend::tables::{MAX_ORDER, MAX_TERMS_OF_SITE};
use crate::error::{Error, Fault, Result};
use crate::lattice::{BondList, Graph, Lattice, MAX_SITES, check_numbering};
use crate::rng::Philox;

/// Largest coupling or field: squares of energies stay within the range of numbers.
pub const MAX_VALUE: f64 = 1e100;

/// One term of the energy.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Its sites, ascending.
    pub sites: Vec<u32>,
    /// J, in E = −J Π s.
    pub value: f64,
}

/// How the couplings of a spin glass are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disorder {
    /// +J or −J with equal probability.
    PlusMinus,
    /// Normal with mean 0 and standard deviation J.
    Gaussian,
}

impl Disorder {
    /// `pm` or `gaussian`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "pm" => Some(Self::PlusMinus),
            "gaussian" => Some(Self::Gaussian),
            _ => None,
        }
    }

    /// As [`Self::parse`] reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PlusMinus => "pm",
            Self::Gaussian => "gaussian",
        }
    }
}

/// All terms of an energy.
#[derive(Debug, Clone, PartialEq)]
pub struct Interactions {
    /// N.
    pub sites: usize,
    /// The terms, in the order given; terms of value 0 are left out.
    pub terms: Vec<Term>,
}

impl Interactions {
    /// From terms in any order of their sites.
    ///
    /// # Errors
    /// [`Error::Input`] for no sites or too many, a term of no sites, of more than [`MAX_ORDER`], of a site twice or of one
    /// that is not there, a value that is not finite, or a site with more than [`MAX_TERMS_OF_SITE`] terms.
    pub fn new(sites: usize, terms: impl IntoIterator<Item = (Vec<usize>, f64)>) -> Result<Self> {
        let fault =
            |what: String, expected: String| Err(Error::Input(Fault::new(what).at("interactions").expected(expected)));
        if sites == 0 || sites > MAX_SITES {
            return fault(format!("{sites} sites"), format!("1 to {MAX_SITES}"));
        }
        let mut found = Vec::new();
        let mut of_site = vec![0usize; sites];
        for (mut members, value) in terms {
            members.sort_unstable();
            let known = members.iter().all(|&i| i < sites) && members.windows(2).all(|pair| pair[0] != pair[1]);
            if !known || members.is_empty() || members.len() > MAX_ORDER {
                let expected = format!("1 to {MAX_ORDER} different sites below {sites}");
                return fault(format!("a term of the sites {members:?}"), expected);
            }
            // Written so that NaN is refused.
            let fits = value.abs() <= MAX_VALUE;
            if !fits {
                let what = format!("a term of value {}", crate::numerics::readable(value));
                return fault(what, format!("a number up to {MAX_VALUE:e} in size"));
            }
            if value != 0.0 {
                members.iter().for_each(|&i| of_site[i] += 1);
                found.push(Term { sites: members.into_iter().map(|i| i as u32).collect(), value });
            }
        }
        match of_site.iter().enumerate().find(|&(_, &n)| n > MAX_TERMS_OF_SITE) {
            Some((site, n)) => fault(
                format!("site {site} is in {n} terms"),
                format!(
                    "at most {MAX_TERMS_OF_SITE}, a field being one of them: its table has a row for each of their signs"
                ),
            ),
            None => Ok(Self { sites, terms: found }),
        }
    }

    /// Couplings of bonds, and one field h on every site.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn pairs(sites: usize, bonds: &[(usize, usize)], couplings: &[f64], field: f64) -> Result<Self> {
        let pairs = bonds.iter().zip(couplings).map(|(&(a, b), &j)| (vec![a, b], j));
        Self::new(sites, pairs.chain((0..sites).map(|i| (vec![i], field))))
    }

    /// As a file of bonds gives them, times `coupling`, and one field on every site.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_list(list: &BondList, coupling: f64, field: f64) -> Result<Self> {
        let couplings: Vec<f64> = list.couplings.iter().map(|j| j * coupling).collect();
        Self::pairs(list.sites, &list.bonds, &couplings, field)
    }

    /// A spin glass on a lattice: couplings of strength J drawn from `disorder` with `seed`, and one field on every site.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn spin_glass(lattice: Lattice, disorder: Disorder, strength: f64, field: f64, seed: u64) -> Result<Self> {
        let bonds = lattice.validate()?.bonds();
        let mut numbers = Philox::sequence(seed, "couplings");
        let couplings: Vec<f64> = bonds
            .iter()
            .map(|_| {
                let normal: f64 = StandardNormal.sample(&mut numbers);
                strength
                    * match disorder {
                        Disorder::Gaussian => normal,
                        Disorder::PlusMinus => normal.signum(),
                    }
            })
            .collect();
        Self::pairs(lattice.sites(), &bonds, &couplings, field)
    }

    /// Reads terms from text, one a line: `value site`, `value site site`, up to four sites; `#` starts a comment. A set of
    /// sites may occur once, and no number of a site may be left out, as in a [`BondList`].
    ///
    /// # Errors
    /// [`Error::Input`] with the line, and as [`Self::new`].
    pub fn parse(text: &str, source: &str) -> Result<Self> {
        let (mut terms, mut lines) = (Vec::new(), BTreeMap::new());
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|w| !w.is_empty());
            let Some(value) = words.next() else { continue };
            let members: Option<Vec<usize>> = words.map(|w| w.parse().ok().filter(|&i| i < MAX_SITES)).collect();
            match (value.parse::<f64>(), members) {
                (Ok(value), Some(mut members)) if value.is_finite() && (1..=MAX_ORDER).contains(&members.len()) => {
                    members.sort_unstable();
                    if let Some(before) = lines.insert(members.clone(), number + 1) {
                        return Err(Error::Input(
                            Fault::new(format!("the term of the sites {members:?} occurs twice"))
                                .at(format!("{source}, lines {before} and {}", number + 1))
                                .expected("every set of sites once")
                                .advice("leave one out, or write one with the sum of both values"),
                        ));
                    }
                    terms.push((members, value));
                }
                _ => {
                    return Err(Error::Input(
                        Fault::new(format!("\"{}\"", line.trim()))
                            .at(format!("{source}, line {}", number + 1))
                            .expected(format!("`value site …` with 1 to {MAX_ORDER} sites as whole numbers from 0"))
                            .advice("write for example: -0.5 3 7 for a pair"),
                    ));
                }
            }
        }
        let sites = terms.iter().flat_map(|(members, _)| members).max().map_or(0, |&i| i + 1);
        let members = || terms.iter().flat_map(|(members, _)| members.iter().copied());
        check_numbering(sites, members(), members().count(), source)?;
        Self::new(sites, terms)
    }

    /// Who must not be updated together: sites of a common term, coloured by the program.
    #[must_use]
    pub fn graph(&self) -> Graph {
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for term in &self.terms {
            for (k, &a) in term.sites.iter().enumerate() {
                pairs.extend(term.sites[k + 1..].iter().map(|&b| (a as usize, b as usize)));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        Graph::coloured(self.sites, &pairs)
    }
}
