//! What is simulated: a graph with its couplings.
//!
//! E(s) = −J Σ_<ij> s_i s_j over the bonds of a lattice or of any graph. J may have either sign; on a bipartite lattice
//! the antiferromagnet has the ferromagnet's energies, on others it is frustrated.

use crate::error::{Error, Fault, Result};
use crate::lattice::{BondList, Graph, Lattice};
use crate::observables::exact_observables;
use crate::record::ExactObservables;

/// An Ising model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What it is called in results, e.g. `square:8` or `square:8, J = -1`.
    pub name: String,
    /// The lattice, if it is a named one.
    pub lattice: Option<Lattice>,
    /// Who is whose neighbour.
    pub graph: Graph,
    /// J of all bonds.
    pub coupling: f64,
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
        let graph = lattice.validate()?.graph();
        let name = if coupling == 1.0 { lattice.to_string() } else { format!("{lattice}, J = {coupling}") };
        Self { name, lattice: Some(lattice), graph, coupling }.checked()
    }

    /// A graph from a list of bonds that share one coupling, times `coupling`.
    ///
    /// # Errors
    /// As [`Graph::from_bonds`]; [`Error::Input`] for couplings that differ or a coupling that is zero or not finite.
    pub fn on_graph(name: &str, list: &BondList, coupling: f64) -> Result<Self> {
        let graph = Graph::from_bonds(list.sites, &list.bonds)?;
        let Some(shared) = list.uniform_coupling() else {
            return Err(Error::Input(
                Fault::new("bonds with different couplings").at(name).expected("one coupling for all bonds"),
            ));
        };
        Self { name: name.to_string(), lattice: None, graph, coupling: coupling * shared }.checked()
    }

    fn checked(self) -> Result<Self> {
        if self.coupling.is_finite() && self.coupling != 0.0 {
            return Ok(self);
        }
        Err(Error::Input(
            Fault::new(format!("coupling {}", self.coupling))
                .at(&self.name)
                .expected("a finite number other than 0: 1 for a ferromagnet, -1 for an antiferromagnet"),
        ))
    }

    /// Whether this is the model that a lattice name alone stands for, J = 1.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.lattice.is_some() && self.coupling == 1.0
    }

    /// Total energy of a state with that many antiparallel bonds.
    #[must_use]
    pub fn energy(&self, antiparallel: u32) -> f64 {
        self.coupling * (2.0 * f64::from(antiparallel) - self.graph.bonds() as f64)
    }

    /// Exact values at a temperature, where they are known. For J ≠ 1 only what depends on |J|/T and the energy alone.
    #[must_use]
    pub fn exact(&self, temperature: f64) -> Option<ExactObservables> {
        let lattice = self.lattice?;
        let scale = self.coupling.abs();
        if self.coupling < 0.0 && !lattice.is_bipartite() {
            return None;
        }
        let found = exact_observables(lattice, temperature / scale)?;
        let ferromagnet = self.coupling > 0.0;
        Some(ExactObservables {
            energy: found.energy * scale,
            magnetization: found.magnetization.filter(|_| ferromagnet),
            susceptibility: found.susceptibility.filter(|_| ferromagnet).map(|chi| chi / scale),
            ..found
        })
    }
}
