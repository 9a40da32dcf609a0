//! Ising updates: the packed engine on every device beside the plain loop, in flips a nanosecond.
//!
//! A flip is one decision, taken for every spin once a sweep. Metropolis from the ordered state at a third above the
//! critical temperature, where some hundred sweeps thermalise any size; Swendsen–Wang, for which there is no plain loop, at
//! the critical temperature itself. The check is the energy a site at the end of the measured pieces, which for cubic
//! lattices has no exact value but must be the same in all rows of a case.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use super::plain::Plain;
use super::{Case, Cost, Measured, PIECES, median};
use crate::backend::{Acceptance, Backend, ClusterKind, ClusterRule, Rule};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::exact::onsager::CRITICAL_TEMPERATURE;
use crate::exact::torus;
use crate::lattice::Lattice;

/// Temperature of square lattices.
pub const TEMPERATURE: f64 = 3.0;
/// Temperature of cubic lattices.
const CUBIC_TEMPERATURE: f64 = 6.0;
/// Critical temperature of cubic lattices (A. M. Ferrenberg, J. Xu and D. P. Landau, Phys. Rev. E 97, 043301 (2018)).
const CUBIC_CRITICAL_TEMPERATURE: f64 = 4.511_523_3;
/// What cases of Swendsen–Wang begin with.
const CLUSTERS: &str = "swendsen-wang-";
/// Sweeps before anything is timed.
const WARM_UP: u32 = 200;
/// Sites of a lattice that a workgroup keeps in its memory for many sweeps.
const MOST_IN_WORKGROUP: usize = 4096;
/// Cases measured when none is named.
pub const DEFAULT_CASES: [&str; 6] =
    ["square8x1000", "square32x1000", "square1024", "square4096", "cubic64", "cubic256"];

/// A case: `square1024` or `cubic64` is one lattice with one bit a site, `square8x1000` a thousand with one bit a replica,
/// `swendsen-wang-square1024` the first one updated by clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ising {
    lattice: Lattice,
    replicas: Option<usize>,
    clusters: bool,
}

impl FromStr for Ising {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::Input(
                Fault::new(format!("unknown case \"{text}\""))
                    .at("--case")
                    .expected(
                        "squareL or cubicL for one lattice, squareLxR or cubicLxR for R replicas, L even from 4; \
                         swendsen-wang- before it for clusters",
                    )
                    .advice("use for example square1024, cubic64, square8x1000 or swendsen-wang-square256"),
            )
        };
        let number = |text: &str| text.parse().map_err(|_| wrong());
        let (clusters, text) = text.strip_prefix(CLUSTERS).map_or((false, text), |rest| (true, rest));
        let (cubic, numbers) = match (text.strip_prefix("square"), text.strip_prefix("cubic")) {
            (Some(numbers), _) => (false, numbers),
            (_, Some(numbers)) => (true, numbers),
            _ => return Err(wrong()),
        };
        let (length, replicas) = match numbers.split_once('x') {
            None => (number(numbers)?, None),
            Some((length, replicas)) => (number(length)?, Some(number(replicas)?)),
        };
        // The plain loop moves one colour of a checkerboard after the other.
        if length < 4 || length % 2 == 1 {
            return Err(wrong());
        }
        let lattice = if cubic { Lattice::Cubic { length } } else { Lattice::Square { length } };
        let case = Self { lattice: lattice.validate()?, replicas, clusters };
        let spins = lattice.sites().checked_mul(replicas.unwrap_or(1));
        if replicas == Some(0) || spins.is_none_or(|spins| spins > MAX_SPINS) {
            return Err(wrong());
        }
        Ok(case)
    }
}

/// Most spins of a case: the plain loop keeps a byte for each.
const MAX_SPINS: usize = 1 << 30;

impl fmt::Display for Ising {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_cubic() { "cubic" } else { "square" };
        f.write_str(if self.clusters { CLUSTERS } else { "" })?;
        match self.replicas {
            None => write!(f, "{name}{}", self.lattice.length()),
            Some(replicas) => write!(f, "{name}{}x{replicas}", self.lattice.length()),
        }
    }
}

impl Ising {
    fn is_cubic(&self) -> bool {
        matches!(self.lattice, Lattice::Cubic { .. })
    }

    fn temperature(&self) -> f64 {
        match (self.is_cubic(), self.clusters) {
            (false, false) => TEMPERATURE,
            (true, false) => CUBIC_TEMPERATURE,
            (false, true) => CRITICAL_TEMPERATURE,
            (true, true) => CUBIC_CRITICAL_TEMPERATURE,
        }
    }

    /// All spins up.
    fn upload<B: Backend>(&self, backend: &B) -> Result<B::Spins> {
        let (lattice, temperatures) = (self.lattice, vec![self.temperature(); self.replicas.unwrap_or(1)]);
        let start = BitMatrix::from_fn(temperatures.len(), lattice.sites(), |_, _| true);
        if self.clusters {
            let rule = ClusterRule::new(ClusterKind::SwendsenWang, 1.0, &temperatures);
            return backend.upload_clusters(&lattice.graph(), &rule, &start);
        }
        let acceptance = Acceptance::new(Rule::Metropolis, 2 * lattice.dimensions(), &temperatures)?;
        match self.replicas {
            None => backend.upload_torus(lattice, &acceptance, &start),
            Some(_) => backend.upload_spins(&lattice.graph(), &acceptance, &start),
        }
    }

    fn giga_flips(&self, sweeps: u32) -> f64 {
        1e-9 * (self.lattice.sites() * self.replicas.unwrap_or(1)) as f64 * f64::from(sweeps)
    }
}

impl Case for Ising {
    const UNIT: &'static str = "flips/ns";

    fn plain(&self, seconds: f64, seed: u64) -> Result<Option<Measured>> {
        if self.clusters {
            return Ok(None);
        }
        // A part of the replicas, which are all alike, so that a case of many does not wait for the slow loop.
        let part = Self { replicas: self.replicas.map(|replicas| replicas.min(16)), ..*self };
        let (length, replicas) = (self.lattice.length(), part.replicas.unwrap_or(1));
        let layers = if self.is_cubic() { length } else { 1 };
        let mut plain = Plain::new(length, layers, replicas, self.temperature(), seed);
        let start = Instant::now();
        plain.sweep(1);
        let one = start.elapsed().as_secs_f64();
        let sweeps = sweeps_within(seconds, one, 1);
        // Large lattices thermalise as far as the time allows.
        plain.sweep(WARM_UP.min(PIECES as u32 * sweeps));
        let mut energy = 0.0;
        let span = median(|_| {
            plain.sweep(sweeps);
            energy += plain.energy() / PIECES as f64;
            Ok(())
        })?;
        Ok(Some(Measured { span, work: part.giga_flips(sweeps), check: energy }))
    }

    fn on<B: Backend>(&self, backend: &B, seconds: f64, seed: u64) -> Result<Measured> {
        let (lattice, replicas) = (self.lattice, self.replicas.unwrap_or(1));
        let mut spins = self.upload(backend)?;
        // One sweep first: a driver compiles its kernels then.
        backend.sweep(&mut spins, seed, 0..1);
        backend.finish()?;
        let (begin, mut sweep) = (Instant::now(), 1);
        while sweep < WARM_UP && begin.elapsed().as_secs_f64() < seconds {
            backend.sweep(&mut spins, seed, sweep..sweep + 20);
            backend.finish()?;
            sweep += 20;
        }
        let sweeps = sweeps_within(seconds, begin.elapsed().as_secs_f64(), sweep - 1);
        let span = median(|_| {
            backend.sweep(&mut spins, seed, sweep..sweep + sweeps);
            sweep += sweeps;
            backend.finish()?;
            // A row of sums is a thousandth of the work.
            backend.record_sums(&mut spins);
            Ok(())
        })?;
        let rows = backend.read_sums(&mut spins)?;
        let antiparallel: u64 = rows.iter().flatten().map(|sums| u64::from(sums.antiparallel)).sum();
        let sites = (rows.len() * replicas * lattice.sites()) as f64;
        let check = 2.0 * antiparallel as f64 / sites - lattice.dimensions() as f64;
        Ok(Measured { span, work: self.giga_flips(sweeps), check })
    }

    /// Metropolis, per 10⁹ flips: operations on 32-bit words as counted in the code of the GPU kernels, where their heads
    /// say how; spins once in and out and neighbours once, 12 bytes a word of 32. Lattices whose sweeps follow one another
    /// in workgroup memory move no more than the rounding of that. Cubic replicas, by the general kernel, and clusters, whose
    /// paths to their roots are of no fixed length, are not counted.
    fn cost(&self) -> Option<Cost> {
        if self.clusters {
            return None;
        }
        let (operations, bytes) = match (self.is_cubic(), self.replicas) {
            (false, None) => (8.0, 0.375),
            (true, None) => (9.6, 0.375),
            (false, Some(_)) if self.lattice.sites() <= MOST_IN_WORKGROUP => (7.5, 0.0),
            (false, Some(_)) => (7.5, 0.375),
            (true, Some(_)) => return None,
        };
        Some(Cost { operations: 1e9 * operations, an_instruction: 1.0, bytes: 1e9 * bytes })
    }

    fn exact(&self) -> Option<f64> {
        let Lattice::Square { length } = self.lattice else { return None };
        torus::thermodynamics(length, length, self.temperature()).ok().map(|exact| exact.energy)
    }
}

/// Sweeps of one piece, when `done` sweeps took `elapsed` seconds.
fn sweeps_within(seconds: f64, elapsed: f64, done: u32) -> u32 {
    (seconds / PIECES as f64 * f64::from(done) / elapsed.max(1e-9)).clamp(1.0, 1e6) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::bench::{Effort, Rows, measure};
    use crate::run::device::{Choice, DeviceRequest};

    #[test]
    fn cases_are_read_and_refused() {
        for name in DEFAULT_CASES.into_iter().chain(["square100", "cubic64", "cubic4x7", "swendsen-wang-cubic8x3"]) {
            assert_eq!(name.parse::<Ising>().unwrap().to_string(), name);
        }
        for name in [
            "",
            "square",
            "square101",
            "square8x0",
            "square7x4",
            "square8x",
            "cube8",
            "cubic1000",
            "square8000x100",
            "swendsen-wang-",
        ] {
            assert!(name.parse::<Ising>().is_err(), "{name}");
        }
    }

    /// 64 of 16 × 16 at T_c, where T² C is 7.72 (exact::torus): σ of e is √(7.72 / 16 384) = 0.022.
    #[test]
    fn clusters_have_the_right_energy_and_no_plain_loop() {
        let request = DeviceRequest { choice: Choice::Cpu, device: None, threads: Some(1) };
        let case: Ising = "swendsen-wang-square16x64".parse().unwrap();
        let found = measure(&[case], &Effort { seconds: 0.1, seed: 1, rows: Rows::ALL, request }).unwrap();
        let [row] = &found.rows[..] else { panic!("{:?}", found.rows) };
        assert!((row.check - row.exact.unwrap()).abs() < 4.0 * 0.022, "{row:?}");
        assert!(row.rate > 0.0 && row.roofline.is_none() && row.backend == "cpu", "{row:?}");
    }

    #[test]
    fn every_row_carries_the_right_energy() {
        let request = DeviceRequest { choice: Choice::Cpu, device: None, threads: Some(2) };
        let cases: [Ising; 2] = ["square8x64", "square64"].map(|name| name.parse().unwrap());
        let effort = Effort { seconds: 0.2, seed: 1, rows: Rows::ALL, request };
        let found = measure(&cases, &effort).unwrap();
        let backends: Vec<&str> = found.rows.iter().map(|row| row.backend.as_str()).collect();
        assert_eq!(backends, ["plain", "cpu", "cpu"].repeat(2));
        for row in &found.rows {
            // 64 spins of 64 replicas or 4096 of one: σ of e is √(T² C / N) = 0.033, that of five values no larger.
            assert!((row.check - row.exact.unwrap()).abs() < 4.0 * 0.033, "{row:?}");
            assert!(row.rate > 0.0 && row.seconds > 0.0, "{row:?}");
            assert_eq!(row.roofline.is_some(), row.backend == "cpu");
            assert!(
                row.roofline.is_none_or(|r| r.share_of_peak > 0.0 && r.gflops_equivalent > 7.0 * row.rate),
                "{row:?}"
            );
            assert!(row.backend == "plain" || found.devices.iter().any(|device| device.name == row.device), "{row:?}");
        }
        for seconds in [0.0, f64::NAN, 1e9] {
            assert!(measure::<Ising>(&[], &Effort { seconds, ..effort.clone() }).is_err());
        }
    }
}
