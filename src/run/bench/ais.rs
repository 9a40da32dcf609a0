//! Annealed importance sampling of ln Z, on every device beside the plain loop, in whole runs a second.
//!
//! A run is all chains over all temperatures, for a machine with weights N(0, 0.05²) and visible biases −2, from the
//! machine without weights. The check is ln Z; the plain loop anneals a share of the chains only.

use std::fmt;
use std::str::FromStr;
use std::time::Instant;

use super::plain_machine::PlainMachine;
use super::rbm::{normal, once_or_more};
use super::{Case, Cost, Measured, Span, process_seconds};
use crate::backend::Backend;
use crate::error::{Error, Fault, Result};
use crate::events::Silent;
use crate::likelihood::{AnnealSettings, anneal, linear_ladder};
use crate::numerics::{log_sum_exp, softplus};
use crate::rbm::{MAX_WEIGHTS, Rbm};
use crate::rng::derive_seed;

/// Cases measured when none is named.
pub const DEFAULT_CASES: [&str; 2] = ["ais64x64_c1000_b1000", "ais784x500_c1000_b1000"];

/// Most chains, and most temperatures.
const MOST: usize = 1 << 20;
/// Chains of the plain loop.
const PLAIN_CHAINS: usize = 5;

/// A case: `ais784x500_c1000_b1000` is 784 visible and 500 hidden units, 1000 chains over 1000 steps of temperature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annealing {
    n_visible: usize,
    n_hidden: usize,
    chains: usize,
    betas: usize,
}

impl FromStr for Annealing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || -> Option<Self> {
            let mut parts = text.strip_prefix("ais")?.split('_');
            let (n_visible, n_hidden) = parts.next()?.split_once('x')?;
            let case = Self {
                n_visible: n_visible.parse().ok()?,
                n_hidden: n_hidden.parse().ok()?,
                chains: parts.next()?.strip_prefix('c')?.parse().ok()?,
                betas: parts.next()?.strip_prefix('b')?.parse().ok()?,
            };
            let weights = case.n_visible.checked_mul(case.n_hidden)?;
            let fits = (1..=MAX_WEIGHTS).contains(&weights)
                && (2..=MOST).contains(&case.chains)
                && (1..=MOST).contains(&case.betas);
            (fits && parts.next().is_none()).then_some(case)
        };
        read().ok_or_else(|| {
            Error::Input(
                Fault::new(format!("unknown case \"{text}\""))
                    .at("--case")
                    .expected("aisnxm_cC_bK: n visible and m hidden units, C chains, K steps of temperature")
                    .advice("use for example ais784x500_c1000_b1000"),
            )
        })
    }
}

impl fmt::Display for Annealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ais{}x{}_c{}_b{}", self.n_visible, self.n_hidden, self.chains, self.betas)
    }
}

impl Annealing {
    fn machine(&self, seed: u64) -> Rbm {
        let mut rbm = Rbm::zeros(self.n_visible, self.n_hidden);
        rbm.weights = normal(rbm.weights.len(), 0.05, seed);
        rbm.visible_bias.fill(-2.0);
        rbm
    }
}

impl Case for Annealing {
    const UNIT: &'static str = "runs/s";

    fn plain(&self, _seconds: f64, seed: u64) -> Result<Option<Measured>> {
        let machine = PlainMachine::new(self.machine(seed), derive_seed(seed, "ais"));
        let betas = linear_ladder(self.betas);
        let chains = self.chains.min(PLAIN_CHAINS);
        let (begin, cpu) = (Instant::now(), process_seconds());
        let weights: Vec<f64> = (0..chains).map(|chain| machine.anneal(&betas, chain)).collect();
        let cpu_seconds = process_seconds().zip(cpu).map(|(end, begin)| end - begin);
        let span = Span { seconds: begin.elapsed().as_secs_f64(), cpu_seconds };
        let biases = machine.rbm.visible_bias.iter();
        let log_z0 =
            biases.map(|&b| softplus(f64::from(b))).sum::<f64>() + self.n_hidden as f64 * std::f64::consts::LN_2;
        let check = log_z0 + log_sum_exp(&weights) - (chains as f64).ln();
        Ok(Some(Measured { span, work: chains as f64 / self.chains as f64, check }))
    }

    /// Two products a step and chain; the weights once a product, packed states and log-weights.
    fn cost(&self) -> Option<Cost> {
        let weights = (self.n_visible * self.n_hidden) as f64;
        let (chains, steps) = (self.chains as f64, self.betas as f64);
        let states = chains / 8.0 * (self.n_visible + self.n_hidden) as f64;
        Some(Cost {
            operations: 4.0 * chains * weights * steps,
            an_instruction: 2.0,
            bytes: steps * (8.0 * weights + 2.0 * states + 16.0 * chains),
        })
    }

    fn on<B: Backend>(&self, backend: &B, seconds: f64, seed: u64) -> Result<Measured> {
        let rbm = self.machine(seed);
        let params = backend.upload_params(&rbm, None)?;
        let settings = AnnealSettings { chains: self.chains, betas: linear_ladder(self.betas), seed };
        // A short run first: a driver compiles its kernels then, and tiles are measured for as many chains.
        let short = AnnealSettings { chains: self.chains, betas: linear_ladder(1), seed };
        anneal(backend, &rbm, &params, &rbm.visible_bias, &short, &mut Silent)?;
        let mut check = 0.0;
        let (span, runs) = once_or_more(seconds, |runs| {
            for _ in 0..runs {
                check = anneal(backend, &rbm, &params, &rbm.visible_bias, &settings, &mut Silent)?.log_z.value;
            }
            Ok(())
        })?;
        Ok(Measured { span, work: runs as f64, check })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::bench::{Effort, Rows, measure};
    use crate::run::device::{Choice, DeviceRequest};

    #[test]
    fn cases_are_read_and_refused() {
        for name in DEFAULT_CASES {
            assert_eq!(name.parse::<Annealing>().unwrap().to_string(), name);
        }
        for name in
            ["", "ais", "ais8x8", "ais8x8_c1_b5", "ais8x8_c9_b0", "ais8x8_c9_b5_", "ais0x8_c9_b5", "rbm8x8_c9_b5"]
        {
            assert!(name.parse::<Annealing>().is_err(), "{name}");
        }
    }

    /// With as few chains as the plain loop takes, both anneal the same ones: ln Z agrees to rounding. Some 10⁴ draws are
    /// decided by rounding with a probability of 10⁻⁶ each.
    #[test]
    fn the_plain_loop_and_the_engine_find_the_same_log_z() {
        let request = DeviceRequest { choice: Choice::Cpu, device: None, threads: Some(2) };
        let cases = ["ais33x20_c5_b40", "ais40x70_c4_b9"].map(|name| name.parse::<Annealing>().unwrap());
        let found = measure(&cases, &Effort { seconds: 0.05, seed: 1, rows: Rows::ALL, request }).unwrap();
        for rows in found.rows.chunks(3) {
            assert!((rows[0].check - rows[1].check).abs() < 1e-4, "{rows:?}");
            assert!(rows[1].check == rows[2].check, "threads: {rows:?}");
        }
    }
}
