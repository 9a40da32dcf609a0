//! What is simulated: a graph with its couplings.
//!
//! Uniform: E(s) = `−J Σ_<ij> s_i s_j` over the bonds of a lattice or of any graph, on every backend. J may have either sign;
//! on a bipartite lattice the antiferromagnet has the ferromagnet's energies, on others it is frustrated. General: any
//! [`Interactions`].

use crate::backend::Rule;
use crate::error::{Error, Fault, Result};
use crate::exact::interactions::{MAX_SITES, enumerate};
use crate::lattice::{BondList, Graph, Lattice};
use crate::numerics::readable;
use crate::observables::exact_observables;
use crate::record::ExactObservables;

use super::{Disorder, Interactions, LazyGraph, MAX_VALUE};

/// What the energy is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Couplings {
    /// One J on every bond of the graph.
    Uniform(f64),
    /// Terms of their own; the graph only says who must not be updated together.
    General(Interactions),
}

/// An Ising model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What it is called in results, e.g. `square:8` or `square:8, J = -1`.
    pub name: String,
    /// The lattice, if it is a named one.
    pub lattice: Option<Lattice>,
    /// Who is whose neighbour.
    pub graph: LazyGraph,
    /// The energy.
    pub couplings: Couplings,
}

impl Model {
    /// The ferromagnet, J = 1, on a lattice.
    ///
    /// # Errors
    /// As [`Lattice::validate`].
    pub fn ferromagnet(lattice: Lattice) -> Result<Self> {
        Self::on_lattice(lattice, 1.0)
    }

    /// Coupling J on every bond of a lattice.
    ///
    /// # Errors
    /// As [`Lattice::validate`]; [`Error::Input`] for a coupling that is zero or not finite.
    pub fn on_lattice(lattice: Lattice, coupling: f64) -> Result<Self> {
        let graph = lattice.validate()?.into();
        let name = match coupling {
            1.0 => lattice.to_string(),
            _ => format!("{lattice}, J = {}", readable(coupling)),
        };
        let couplings = Couplings::Uniform(checked(coupling, &name)?);
        Ok(Self { name, lattice: Some(lattice), graph, couplings })
    }

    /// Coupling J on every bond of a lattice and a field h on every site.
    ///
    /// # Errors
    /// As [`Self::on_lattice`]; [`Error::Input`] for a field that is not finite.
    pub fn in_field(lattice: Lattice, coupling: f64, field: f64) -> Result<Self> {
        if field == 0.0 {
            return Self::on_lattice(lattice, coupling);
        }
        let bonds = lattice.validate()?.bonds();
        let couplings = vec![checked(coupling, &lattice.to_string())?; bonds.len()];
        let interactions = Interactions::pairs(lattice.sites(), &bonds, &couplings, field)?;
        let name = format!("{lattice}, J = {}, h = {}", readable(coupling), readable(field));
        Ok(Self { lattice: Some(lattice), ..Self::general(&name, interactions) })
    }

    /// A spin glass: couplings of strength J drawn with `seed`, and a field h on every site.
    ///
    /// # Errors
    /// As [`Self::in_field`].
    pub fn spin_glass(lattice: Lattice, disorder: Disorder, strength: f64, field: f64, seed: u64) -> Result<Self> {
        let strength = checked(strength, &lattice.to_string())?;
        let interactions = Interactions::spin_glass(lattice, disorder, strength, field, seed)?;
        let (disorder, strength, field) = (disorder.name(), readable(strength), readable(field));
        let name = format!("{lattice}, {disorder} couplings of {strength}, h = {field}, seed {seed}");
        Ok(Self { lattice: Some(lattice), ..Self::general(&name, interactions) })
    }

    /// A graph from a list of bonds, its couplings times `coupling`, with a field h on every site. One coupling for all
    /// bonds and no field make a uniform model.
    ///
    /// # Errors
    /// As [`Graph::from_bonds`] and [`Interactions::new`]; [`Error::Input`] for a uniform coupling of zero.
    pub fn on_graph(name: &str, list: &BondList, coupling: f64, field: f64) -> Result<Self> {
        match list.uniform_coupling().filter(|_| field == 0.0) {
            Some(shared) => {
                let graph = Graph::from_bonds(list.sites, &list.bonds)?.into();
                let couplings = Couplings::Uniform(checked(coupling * shared, name)?);
                Ok(Self { name: name.to_string(), lattice: None, graph, couplings })
            }
            None => Ok(Self::general(name, Interactions::of_list(list, coupling, field)?)),
        }
    }

    /// Any interactions.
    #[must_use]
    pub fn general(name: &str, interactions: Interactions) -> Self {
        let graph = interactions.graph().into();
        Self { name: name.to_string(), lattice: None, graph, couplings: Couplings::General(interactions) }
    }

    /// Whether this is the model that a lattice name alone stands for, J = 1.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.lattice.is_some() && self.couplings == Couplings::Uniform(1.0)
    }

    /// The form of Metropolis that is ergodic on this model: with a coin for free moves on chains, on graphs whose shape
    /// is not known and below 36 sites; elsewhere the states without any move that costs energy are too rare to matter
    /// (fewer than one in 2²⁰ of all, and no other state leads to them).
    #[must_use]
    pub fn metropolis(&self) -> Rule {
        match self.lattice.filter(|lattice| lattice.dimensions() > 1) {
            Some(_) if self.graph.sites >= 36 => Rule::Metropolis,
            _ => Rule::MetropolisWithCoin,
        }
    }

    /// J of a uniform model.
    #[must_use]
    pub fn uniform_coupling(&self) -> Option<f64> {
        match self.couplings {
            Couplings::Uniform(coupling) => Some(coupling),
            Couplings::General(_) => None,
        }
    }

    /// All terms of the energy; those of a uniform model are its bonds.
    ///
    /// # Errors
    /// As [`Interactions::new`].
    pub fn interactions(&self) -> Result<Interactions> {
        match &self.couplings {
            Couplings::General(interactions) => Ok(interactions.clone()),
            Couplings::Uniform(coupling) => {
                let bonds = self.graph.bond_pairs();
                Interactions::pairs(self.graph.sites, &bonds, &vec![*coupling; bonds.len()], 0.0)
            }
        }
    }

    /// Exact values at a temperature, where they are known: closed forms for lattices with one coupling (for J ≠ 1 only
    /// what depends on |J|/T and the energy alone), else the sum over all states of up to 18 sites.
    #[must_use]
    pub fn exact(&self, temperature: f64) -> Option<ExactObservables> {
        let closed = match (self.lattice, self.uniform_coupling()) {
            (Some(lattice), Some(coupling)) if coupling > 0.0 || lattice.is_bipartite() => {
                exact_observables(lattice, temperature / coupling.abs()).map(|found| scaled(&found, coupling))
            }
            _ => None,
        };
        match &closed {
            Some(found) if found.magnetization.is_some() => closed,
            _ => self.summed(temperature).or(closed),
        }
    }

    fn summed(&self, temperature: f64) -> Option<ExactObservables> {
        if self.graph.sites > MAX_SUMMED_SITES.min(MAX_SITES) {
            return None;
        }
        let terms = self.interactions().ok()?.terms;
        let terms: Vec<(Vec<usize>, f64)> =
            terms.into_iter().map(|t| (t.sites.into_iter().map(|i| i as usize).collect(), t.value)).collect();
        let found = enumerate(self.graph.sites, &terms, temperature).ok()?;
        Some(ExactObservables {
            energy: found.thermodynamics.energy,
            specific_heat: found.thermodynamics.specific_heat,
            magnetization: Some(found.magnetization.mean_abs()),
            susceptibility: Some(found.magnetization.susceptibility(temperature)),
            binder: Some(found.magnetization.binder()),
            p_up: Some(found.magnetization.p_up()),
            log_z: found.thermodynamics.log_z,
            entropy: found.thermodynamics.entropy,
        })
    }
}

/// Most sites whose states are summed: a tenth of a second a temperature.
const MAX_SUMMED_SITES: usize = 18;

fn checked(coupling: f64, name: &str) -> Result<f64> {
    if coupling.abs() <= MAX_VALUE && coupling != 0.0 {
        return Ok(coupling);
    }
    Err(Error::Input(
        Fault::new(format!("coupling {}", readable(coupling)))
            .at(name)
            .expected("a number other than 0, up to 1e100 in size: 1 for a ferromagnet, -1 for an antiferromagnet"),
    ))
}

/// Values of J = 1 at T/|J| as those of J at T.
fn scaled(found: &ExactObservables, coupling: f64) -> ExactObservables {
    let (scale, ferromagnet) = (coupling.abs(), coupling > 0.0);
    ExactObservables {
        energy: found.energy * scale,
        magnetization: found.magnetization.filter(|_| ferromagnet),
        binder: found.binder.filter(|_| ferromagnet),
        susceptibility: found.susceptibility.filter(|_| ferromagnet).map(|chi| chi / scale),
        ..found.clone()
    }
}
