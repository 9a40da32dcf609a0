//! Training of a machine: whole updates, on every device beside the plain loop, in updates a second.
//!
//! An update is what any program of this kind does: gather a minibatch, average over it, k Gibbs steps of the chains,
//! average over them, move the parameters (plain gradient, no momentum). The check is the mean free energy of some rows
//! after the first updates: every row of the table draws the same numbers at the same places, so it is the same on all,
//! up to draws that rounding decides.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use rand_distr::{Distribution, StandardNormal};

use super::plain_machine::{PlainMachine, bytes};
use super::{Case, Cost, Measured, PIECES, Span, median, process_seconds};
use crate::backend::{Backend, Descent, Penalties};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::rbm::{MAX_WEIGHTS, Rbm};
use crate::rng::{Permutation, Philox, Stream, uniform, unit_word};
use crate::train::{Algorithm, Schedule, Settings, Trainer, initial_machine, initial_state};

/// Cases measured when none is named.
pub const DEFAULT_CASES: [&str; 9] = [
    "ising64x64_b500_pcd10",
    "ising64x64_b1000_pcd10",
    "mnist784x500_b500_cd1",
    "mnist784x500_b500_pcd1",
    "mnist784x500_b500_pcd10",
    "mnist784x1000_b500_pcd1",
    "mnist784x1000_b500_pcd10",
    "dense2048x1024_b500_pcd10",
    "cells20000x200_b500_cd1",
];

/// Updates before the check.
const CHECK_UPDATES: u64 = 2;
/// Rows whose free energy is the check.
const CHECK_ROWS: usize = 100;
/// Plain gradient steps of a size that moves the weights.
const RATE: f64 = 0.05;
/// Most rows of a minibatch: the plain loop keeps a byte for each unit.
const MAX_BATCH: usize = 1 << 20;

/// What the data look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Two signs, half of the units on, as an Ising model near `T_c`.
    Ising,
    /// An eighth of the units on, as in pictures of digits.
    Mnist,
    /// Half of the units on.
    Dense,
    /// A thirtieth of the units on, as genes in a cell.
    Cells,
}

const KINDS: [(&str, Kind); 4] =
    [("ising", Kind::Ising), ("mnist", Kind::Mnist), ("dense", Kind::Dense), ("cells", Kind::Cells)];

/// A case: `mnist784x500_b500_pcd10` is data like digits, 784 visible and 500 hidden units, 500 rows a minibatch and as
/// many chains, PCD with 10 Gibbs steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Training {
    kind: Kind,
    n_visible: usize,
    n_hidden: usize,
    batch: usize,
    algorithm: Algorithm,
    gibbs_steps: u32,
}

/// Name of an algorithm in that of a case.
fn short(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Pcd => "pcd",
        Algorithm::Cd => "cd",
        Algorithm::MeanField => "mf",
        Algorithm::Pt => "pt",
        Algorithm::Trajectory => "trajectory",
    }
}

impl FromStr for Training {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || -> Option<Self> {
            let (&(prefix, kind), rest) =
                KINDS.iter().find_map(|kind| text.strip_prefix(kind.0).map(|rest| (kind, rest)))?;
            let _: &str = prefix;
            let mut parts = rest.split('_');
            let (n_visible, n_hidden) = parts.next()?.split_once('x')?;
            let batch = parts.next()?.strip_prefix('b')?;
            let steps = parts.next()?;
            let (algorithm, steps) = [Algorithm::Pcd, Algorithm::Cd, Algorithm::MeanField]
                .into_iter()
                .find_map(|algorithm| Some((algorithm, steps.strip_prefix(short(algorithm))?)))?;
            let case = Self {
                kind,
                n_visible: n_visible.parse().ok()?,
                n_hidden: n_hidden.parse().ok()?,
                batch: batch.parse().ok()?,
                algorithm,
                gibbs_steps: steps.parse().ok()?,
            };
            let weights = case.n_visible.checked_mul(case.n_hidden)?;
            let fits = (1..=MAX_WEIGHTS).contains(&weights)
                && (1..=MAX_BATCH).contains(&case.batch)
                && (1..=1000).contains(&case.gibbs_steps);
            (fits && parts.next().is_none()).then_some(case)
        };
        read().ok_or_else(|| {
            Error::Input(
                Fault::new(format!("unknown case \"{text}\""))
                    .at("--case")
                    .expected("KINDnxm_bB_pcdK, KINDnxm_bB_cdK or KINDnxm_bB_mfK: n visible and m hidden units, B rows a minibatch, K Gibbs steps; KIND is ising, mnist, dense or cells")
                    .advice("use for example mnist784x500_b500_pcd10"),
            )
        })
    }
}

impl fmt::Display for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = KINDS.iter().find(|kind| kind.1 == self.kind).map_or("", |kind| kind.0);
        let algorithm = short(self.algorithm);
        let Self { n_visible, n_hidden, batch, gibbs_steps, .. } = self;
        write!(f, "{kind}{n_visible}x{n_hidden}_b{batch}_{algorithm}{gibbs_steps}")
    }
}

impl Training {
    /// Rows with structure: a unit's probability follows one of eight patterns, which a row picks.
    fn data(&self, rows: usize, seed: u64) -> BitMatrix {
        let number = |r: usize, j: usize| uniform(unit_word(seed, Stream::Sequence, 1, r as u32, j as u32));
        let pattern = |p: usize, j: usize| uniform(unit_word(seed, Stream::Sequence, 2, p as u32, (j / 4) as u32));
        BitMatrix::from_fn(rows, self.n_visible, |r, j| {
            let u = pattern(r % 8, j);
            let p = match self.kind {
                Kind::Ising => 0.1 + 0.8 * (r % 2) as f32,
                Kind::Mnist => {
                    if u < 0.15 {
                        0.75
                    } else {
                        0.02
                    }
                }
                Kind::Dense => {
                    if u < 0.5 {
                        0.8
                    } else {
                        0.2
                    }
                }
                Kind::Cells => {
                    if u < 0.05 {
                        0.5
                    } else {
                        0.01
                    }
                }
            };
            number(r, j) < p
        })
    }

    fn settings(&self, seed: u64) -> Settings {
        Settings {
            algorithm: self.algorithm,
            gibbs_steps: self.gibbs_steps,
            chains: self.batch,
            batch: self.batch,
            // More than any measurement does, and few enough for 32-bit steps.
            updates: u64::from(u32::MAX / self.gibbs_steps),
            learning_rate: RATE,
            schedule: Schedule::Constant,
            descent: Descent::PLAIN,
            penalties: Penalties::default(),
            centred: false,
            bias_rate: 1.0,
            offset_rate: 0.0,
            flip: false,
            translations: None,
            augment: crate::sample::Moves::NONE,
            rungs: 2,
            online: 0,
            average: 0.0,
            seed,
        }
    }

    fn start(&self, seed: u64) -> (BitMatrix, Rbm) {
        let rows = (2 * self.batch).max(1000);
        let data = self.data(rows, seed);
        let machine = initial_machine(&data, self.n_hidden, 0.01, seed);
        (data, machine)
    }
}

/// Runs of one piece, when one run took `elapsed` seconds.
fn within(seconds: f64, elapsed: f64) -> u64 {
    (seconds / PIECES as f64 / elapsed.max(1e-9)).clamp(1.0, 1e6) as u64
}

/// Standard normal numbers times `scale`.
pub(super) fn normal(count: usize, scale: f64, seed: u64) -> Vec<f32> {
    let mut rng = Philox::sequence(seed, "bench");
    (0..count)
        .map(|_| {
            let x: f64 = StandardNormal.sample(&mut rng);
            (scale * x) as f32
        })
        .collect()
}

/// Times one run of `work`, and goes on to the median of pieces where that is within `seconds`.
pub(super) fn once_or_more(seconds: f64, mut work: impl FnMut(u64) -> Result<()>) -> Result<(Span, u64)> {
    let (begin, cpu) = (Instant::now(), process_seconds());
    work(1)?;
    let elapsed = begin.elapsed().as_secs_f64();
    if elapsed > seconds / PIECES as f64 {
        let cpu_seconds = process_seconds().zip(cpu).map(|(end, begin)| end - begin);
        return Ok((Span { seconds: elapsed, cpu_seconds }, 1));
    }
    let runs = within(seconds, elapsed);
    Ok((median(|_| work(runs))?, runs))
}

impl Case for Training {
    const UNIT: &'static str = "updates/s";

    fn plain(&self, seconds: f64, seed: u64) -> Result<Option<Measured>> {
        let (data, rbm) = self.start(seed);
        let settings = self.settings(seed);
        let state = initial_state(rbm, &data, &settings);
        let mut machine = PlainMachine::new(state.rbm, seed);
        let (rows, mut chains) = (bytes(&data), bytes(&state.chains));
        let per_epoch = (rows.len() / self.batch) as u64;
        let mut done = 0;
        let mut advance = |machine: &mut PlainMachine, count: u64| {
            for t in done..done + count {
                let order = Permutation::new(seed, (t / per_epoch) as u32, rows.len() as u32);
                let first = (t % per_epoch) as u32 * self.batch as u32;
                let batch: Vec<Vec<u8>> =
                    (0..self.batch as u32).map(|p| rows[order.row(first + p) as usize].clone()).collect();
                if self.algorithm == Algorithm::Cd {
                    chains.clone_from(&batch);
                }
                if self.algorithm == Algorithm::MeanField {
                    let fields: Vec<Vec<f32>> = batch.iter().map(|v| machine.mean_field(v, self.gibbs_steps)).collect();
                    machine.update(&batch, &fields, RATE as f32);
                    continue;
                }
                for (r, v) in chains.iter_mut().enumerate() {
                    for step in 0..self.gibbs_steps {
                        machine.gibbs_step(v, t as u32 * self.gibbs_steps + step, r);
                    }
                }
                machine.update(&batch, &chains, RATE as f32);
            }
            done += count;
        };
        // The first updates are timed too, and alone where they take long.
        let (begin, cpu) = (Instant::now(), process_seconds());
        advance(&mut machine, CHECK_UPDATES);
        let elapsed = begin.elapsed().as_secs_f64();
        let cpu_seconds = process_seconds().zip(cpu).map(|(end, begin)| end - begin);
        let check = rows.iter().take(CHECK_ROWS).map(|v| machine.free_energy(v)).sum::<f64>() / CHECK_ROWS as f64;
        if elapsed > seconds {
            let span = Span { seconds: elapsed, cpu_seconds };
            return Ok(Some(Measured { span, work: CHECK_UPDATES as f64, check }));
        }
        let count = within(seconds, elapsed / CHECK_UPDATES as f64);
        let span = median(|_| {
            advance(&mut machine, count);
            Ok(())
        })?;
        Ok(Some(Measured { span, work: count as f64, check }))
    }

    /// An update of plain gradient, chains as many as rows: k Gibbs steps of two products, both phases' inputs and
    /// moments. Of numbers: the weights once a product; moments written, read and written again, read twice by the update;
    /// weights read and written by it, velocities too; hidden means written and read. Packed states count little.
    fn cost(&self) -> Option<Cost> {
        let weights = (self.n_visible * self.n_hidden) as f64;
        let (rows, k) = (self.batch as f64, f64::from(self.gibbs_steps));
        let products = 4.0 * k * rows + 8.0 * rows;
        let states = rows / 8.0 * (self.n_visible + self.n_hidden) as f64;
        let numbers = weights * (2.0 * k + 2.0 + 3.0 + 2.0 + 2.0 + 2.0) + 4.0 * rows * self.n_hidden as f64;
        Some(Cost {
            operations: products * weights,
            an_instruction: 2.0,
            bytes: 4.0 * numbers + (4.0 * k + 4.0) * states,
        })
    }

    fn on<B: Backend>(&self, backend: &B, seconds: f64, seed: u64) -> Result<Measured> {
        let (data, rbm) = self.start(seed);
        let settings = self.settings(seed);
        let state = initial_state(rbm, &data, &settings);
        let mut trainer = Trainer::new(backend, &settings, &data, &state)?;
        trainer.advance(CHECK_UPDATES)?;
        let rows = backend.upload_states(&data.slice_rows(0..CHECK_ROWS))?;
        let energies = backend.read_free_energies(trainer.params(), &rows)?;
        let check = energies.iter().sum::<f64>() / CHECK_ROWS as f64;
        let (span, updates) = once_or_more(seconds, |count| trainer.advance(trainer.update_count() + count))?;
        Ok(Measured { span, work: updates as f64, check })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::bench::{Effort, Rows, measure};
    use crate::run::device::{Choice, DeviceRequest};

    #[test]
    fn cases_are_read_and_refused() {
        for name in DEFAULT_CASES.into_iter().chain(["mnist784x500_b500_mf3"]) {
            assert_eq!(name.parse::<Training>().unwrap().to_string(), name);
        }
        for name in [
            "",
            "mnist",
            "mnist784x500",
            "mnist784x500_b500",
            "mnist784x500_b0_pcd1",
            "mnist0x500_b5_pcd1",
            "mnist784x500_b500_pcd0",
            "mnist784x500_b500_pcd1_x",
            "mnist1000000x1000000_b5_pcd1",
            "faces784x500_b500_pcd1",
        ] {
            assert!(name.parse::<Training>().is_err(), "{name}");
        }
    }

    /// The plain loop and the engine draw the same numbers: after two updates the free energies agree to rounding. Each of
    /// some 10⁵ draws is decided by rounding with a probability of 10⁻⁶, and one that is moves the mean by less than 10⁻³.
    #[test]
    fn the_plain_loop_and_the_engine_train_the_same_machine() {
        let request = DeviceRequest { choice: Choice::Cpu, device: None, threads: Some(2) };
        let cases = ["ising33x20_b40_pcd3", "cells300x7_b70_cd1", "mnist50x65_b33_cd2", "dense40x33_b35_mf2"]
            .map(|name| name.parse::<Training>().unwrap());
        let found = measure(&cases, &Effort { seconds: 0.05, seed: 1, rows: Rows::ALL, request }).unwrap();
        for rows in found.rows.chunks(3) {
            assert_eq!(rows.iter().map(|row| row.backend.as_str()).collect::<Vec<_>>(), ["plain", "cpu", "cpu"]);
            assert!((rows[0].check - rows[1].check).abs() < 1e-3, "{rows:?}");
            assert!(rows[1].check == rows[2].check, "threads: {rows:?}");
            assert!(rows.iter().all(|row| row.rate > 0.0));
        }
    }
}
