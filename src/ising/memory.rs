//! What a run needs in memory, estimated before anything is allocated.
//!
//! Moving spins: one bit a spin where sites are packed, in rows of whole words for each colour; a word of 256 lanes a
//! site for every 256 replicas begun otherwise; for cluster updates a byte and what finds the clusters, a label
//! (Swendsen–Wang) or a mark and the sites of the largest cluster (Wolff); and two copies of all spins, one bit each (the
//! starts and a reading). That is so on the CPU; a GPU has memory of its own. Lists of neighbours, where the model has any: while they are made, 64 bytes a site and
//! 40 a bond. Samples: four copies at the most, of one bit a spin (collected, handed on, correlated). Beside these 16 MiB
//! for the program, its threads and tables.

use super::walkers::one_bit_a_site;
use super::{Algorithm, Model, Scan};
use crate::error::{Error, Fault, Result};
use crate::lattice::{Kind, Lattice};
use crate::numerics::readable_bytes;

/// The program itself.
const PROGRAM: f64 = 16.0 * 1_048_576.0;

/// Bytes of a run at its peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// Moving spins and their copies.
    pub spins: f64,
    /// Lists of neighbours.
    pub neighbours: f64,
    /// Samples and their copies.
    pub samples: f64,
}

impl Memory {
    /// Estimates what a scan needs.
    #[must_use]
    pub fn of(scan: &Scan) -> Self {
        let sites = scan.model.graph.sites as f64;
        let temperatures = scan.ladder.unwrap_or(scan.temperatures.len());
        let replicas = scan.replicas_used().saturating_mul(temperatures);
        let by_site = one_bit_a_site(&scan.model, replicas).filter(|_| !scan.algorithm.is_cluster());
        let moving = match (by_site.map(Lattice::length), scan.algorithm) {
            (Some(length), _) => replicas as f64 * 8.0 * length.div_ceil(64) as f64 / length as f64,
            (None, Algorithm::SwendsenWang) => 5.0 * replicas as f64,
            (None, Algorithm::Wolff) => 6.0 * replicas as f64,
            (None, Algorithm::Metropolis | Algorithm::HeatBath) => 32.0 * replicas.div_ceil(256) as f64,
        };
        let bonds = bonds_a_site(&scan.model);
        let samples = scan.samples.saturating_mul(temperatures) as f64;
        Self {
            spins: sites * (moving + replicas as f64 / 4.0),
            neighbours: if by_site.is_some() { 0.0 } else { sites * (64.0 + 40.0 * bonds) },
            samples: sites * samples / 2.0,
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.spins + self.neighbours + self.samples + PROGRAM
    }

    /// Refuses what does not fit into `limit` bytes; `name` is that of the model.
    ///
    /// # Errors
    /// [`Error::Input`] with the estimate.
    pub fn check(&self, name: &str, limit: u64) -> Result<()> {
        let limit = limit as f64;
        if self.total() <= limit {
            return Ok(());
        }
        let size = |bytes: f64| readable_bytes(bytes as u64);
        Err(Error::Input(
            Fault::new(format!(
                "a run that needs about {}: {} for moving spins, {} for lists of neighbours, {} for samples",
                size(self.total()),
                size(self.spins),
                size(self.neighbours),
                size(self.samples)
            ))
            .at(name)
            .expected(format!("at most {}, the memory that may be used", size(limit)))
            .advice(
                "use fewer samples or replicas or a smaller lattice; large squares and cubes with metropolis or heat-bath \
                 need no lists",
            ),
        ))
    }
}

fn bonds_a_site(model: &Model) -> f64 {
    match model.lattice.map(Lattice::kind) {
        Some(Kind::Chain) => 1.0,
        Some(Kind::Honeycomb) => 1.5,
        Some(Kind::Square) => 2.0,
        Some(Kind::Triangular | Kind::Cubic) => 3.0,
        // The graph of a file is there already.
        None => model.graph.bonds() as f64 / model.graph.sites.max(1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ising::Settings;

    fn scan(lattice: &str, replicas: usize, samples: usize) -> Scan {
        let settings = Settings {
            lattice: lattice.parse().unwrap(),
            temperature: 2.0,
            samples,
            algorithm: Algorithm::Metropolis,
            replicas,
            thermalise: None,
            spacing: None,
            seed: 1,
        };
        settings.scan().unwrap()
    }

    #[test]
    fn large_squares_and_cubes_need_bits_and_other_lattices_lists() {
        let square = Memory::of(&scan("square:16384", 2, 2));
        assert_eq!(square.neighbours, 0.0);
        // 2²⁸ sites are 32 MiB of bits: three copies of two replicas, four of two samples.
        assert_eq!(square.total() - PROGRAM, 14.0 * 33_554_432.0);
        let cube = Memory::of(&scan("cubic:512", 2, 2));
        assert_eq!(cube.total() - PROGRAM, 14.0 * 16_777_216.0);
        // Two replicas in rows of 2 · 64 words for 4034 sites, and their two copies of full bits.
        let rest = Memory::of(&scan("square:4034", 2, 2));
        let expected = 4034.0 * (2.0 * 8.0 * 64.0 + 4034.0 / 2.0);
        assert!(rest.neighbours == 0.0 && (rest.spins / expected - 1.0).abs() < 1e-12, "{rest:?}");
        let other = Memory::of(&scan("triangular:16382", 2, 2));
        assert!(other.neighbours > 100.0 * 16382.0 * 16382.0 && other.spins > 32.0 * 16382.0 * 16382.0);
    }

    #[test]
    fn clusters_need_their_labels() {
        let of = |algorithm| Memory::of(&Scan { algorithm, ..scan("square:1024", 4, 4) }).spins / 1_048_576.0;
        assert_eq!([Algorithm::SwendsenWang, Algorithm::Wolff].map(of), [4.0 * 5.25, 4.0 * 6.25]);
    }

    #[test]
    fn too_much_is_refused_with_the_estimate() {
        let memory = Memory::of(&scan("triangular:11584", 2, 2));
        assert!(memory.check("triangular:11584", 1_000_000_000_000).is_ok());
        let message = memory.check("triangular:11584", 8_000_000_000).unwrap_err().to_string();
        assert!(message.contains("27.") && message.contains("lists of neighbours"), "{message}");
    }
}
