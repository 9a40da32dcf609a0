//! Ising updates: the packed engine on every device beside the plain loop, in flips a nanosecond.
//!
//! A flip is one decision, taken for every spin once a sweep. Metropolis at T = 3 from the ordered state, where some
//! hundred sweeps thermalise any size; the check is the energy a site at the end of the measured pieces.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use super::plain::Plain;
use super::{Case, Measured, PIECES, median};
use crate::backend::{Acceptance, Backend, Rule};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::exact::torus;
use crate::lattice::Lattice;

/// Temperature of all cases.
pub const TEMPERATURE: f64 = 3.0;
/// Sweeps before anything is timed.
const WARM_UP: u32 = 200;
/// Cases measured when none is named.
pub const DEFAULT_CASES: [&str; 4] = ["square8x1000", "square32x1000", "square1024", "square4096"];

/// A case: `square1024` is one lattice with one bit a site, `square8x1000` a thousand with one bit a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Square {
    length: usize,
    replicas: Option<usize>,
}

impl FromStr for Square {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::Input(
                Fault::new(format!("unknown case \"{text}\""))
                    .at("--case")
                    .expected("squareL for one lattice, L a multiple of 64, or squareLxR for R replicas of an even L")
                    .advice("use for example square1024 or square8x1000"),
            )
        };
        let numbers = text.strip_prefix("square").ok_or_else(wrong)?;
        let (length, replicas) = match numbers.split_once('x') {
            None => (numbers.parse().map_err(|_| wrong())?, None),
            Some((length, replicas)) => {
                (length.parse().map_err(|_| wrong())?, Some(replicas.parse().map_err(|_| wrong())?))
            }
        };
        let case = Self { length, replicas };
        Lattice::Square { length }.validate()?;
        let spins = case.spins();
        let fits = match replicas {
            None => length.is_multiple_of(64),
            Some(replicas) => replicas > 0,
        };
        if !fits || spins.is_none_or(|spins| spins > MAX_SPINS) {
            return Err(wrong());
        }
        Ok(case)
    }
}

/// Most spins of a case: the plain loop keeps a byte for each.
const MAX_SPINS: usize = 1 << 30;

impl fmt::Display for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.replicas {
            None => write!(f, "square{}", self.length),
            Some(replicas) => write!(f, "square{}x{replicas}", self.length),
        }
    }
}

impl Square {
    fn spins(&self) -> Option<usize> {
        self.length.checked_mul(self.length)?.checked_mul(self.replicas.unwrap_or(1))
    }

    fn giga_flips(&self, sweeps: u32) -> f64 {
        1e-9 * (self.length * self.length * self.replicas.unwrap_or(1)) as f64 * f64::from(sweeps)
    }
}

impl Case for Square {
    const UNIT: &'static str = "flips/ns";

    fn plain(&self, seconds: f64, seed: u64) -> Result<Option<Measured>> {
        // A part of the replicas, which are all alike, so that a case of many does not wait for the slow loop.
        let part = Self { replicas: self.replicas.map(|replicas| replicas.min(16)), ..*self };
        let mut plain = Plain::new(part.length, part.replicas.unwrap_or(1), TEMPERATURE, seed);
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
        let (length, replicas) = (self.length, self.replicas.unwrap_or(1));
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &vec![TEMPERATURE; replicas])?;
        let start = BitMatrix::from_fn(replicas, length * length, |_, _| true);
        let mut spins = match self.replicas {
            None => backend.upload_square(length, &acceptance, &start)?,
            Some(_) => backend.upload_spins(&Lattice::Square { length }.graph(), &acceptance, &start)?,
        };
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
        let sites = (rows.len() * replicas * length * length) as f64;
        Ok(Measured { span, work: self.giga_flips(sweeps), check: 2.0 * antiparallel as f64 / sites - 2.0 })
    }

    fn exact(&self) -> Option<f64> {
        torus::thermodynamics(self.length, self.length, TEMPERATURE).ok().map(|exact| exact.energy)
    }
}

/// Sweeps of one piece, when `done` sweeps took `elapsed` seconds.
fn sweeps_within(seconds: f64, elapsed: f64, done: u32) -> u32 {
    (seconds / PIECES as f64 * f64::from(done) / elapsed.max(1e-9)).clamp(1.0, 1e6) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::bench::{Effort, measure};
    use crate::run::device::{Choice, DeviceRequest};

    #[test]
    fn cases_are_read_and_refused() {
        for name in DEFAULT_CASES {
            assert_eq!(name.parse::<Square>().unwrap().to_string(), name);
        }
        for name in ["", "square", "square100", "square8x0", "square7x4", "square8x", "cube8", "square1000000x1000000"]
        {
            assert!(name.parse::<Square>().is_err(), "{name}");
        }
    }

    #[test]
    fn every_row_carries_the_right_energy() {
        let request = DeviceRequest { choice: Choice::Cpu, device: None, threads: Some(2) };
        let cases: [Square; 2] = ["square8x64", "square64"].map(|name| name.parse().unwrap());
        let effort = Effort { seconds: 0.2, seed: 1, plain: true, request };
        let found = measure(&cases, &effort).unwrap();
        let backends: Vec<&str> = found.rows.iter().map(|row| row.backend.as_str()).collect();
        assert_eq!(backends, ["plain", "cpu", "cpu"].repeat(2));
        for row in &found.rows {
            // 64 spins of 64 replicas or 4096 of one: σ of e is √(T² C / N) = 0.033, that of five values no larger.
            assert!((row.check - row.exact.unwrap()).abs() < 4.0 * 0.033, "{row:?}");
            assert!(row.rate > 0.0 && row.seconds > 0.0, "{row:?}");
            assert!(row.backend == "plain" || found.devices.iter().any(|device| device.name == row.device), "{row:?}");
        }
        for seconds in [0.0, f64::NAN, 1e9] {
            assert!(measure::<Square>(&[], &Effort { seconds, ..effort.clone() }).is_err());
        }
    }
}
