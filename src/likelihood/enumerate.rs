//! ln Z exactly, by enumerating the states of the smaller side.
//!
//! Z = Σ_h e^{c·h} Π_j (1 + e^{y_j(h)}). Blocks of states are walked in Gray-code order: one unit changes at a time, and
//! e^{y_j} is multiplied by e^{±w}. Each block starts from directly computed inputs, so rounding grows over 2¹² steps
//! only (about 10⁻¹² relative). Products of factors are turned into logarithms in groups that cannot overflow.
//! A device lists states in plain order instead and takes their free energies in f32.

use std::borrow::Cow;

use crate::threads::prelude::*;

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::{Error, Result};
use crate::events::{Event, Listener, Silent};
use crate::numerics::{LogSum, log_sum_exp, softplus};
use crate::rbm::Rbm;
use crate::record::Estimate;

/// Units of the smaller side up to which ln Z is enumerated without being asked.
pub const MAX_ENUMERATED: usize = 25;
/// Units of the smaller side up to which it is enumerated at all.
pub const MAX_ENUMERATED_ON_DEMAND: usize = 30;

/// Terms that a device adds in f32 before it goes on in wider numbers.
const TILE_TERMS: usize = 32;
/// Gray-code steps of a block.
const BLOCK_BITS: usize = 12;
/// Blocks between looks at signals.
const BLOCKS_AT_A_TIME: usize = 512;

/// ln Z, or None when both sides have more than `limit` units.
#[must_use]
pub fn exact_log_z(rbm: &Rbm, limit: usize) -> Option<f64> {
    Enumeration::new(rbm, limit, &mut Silent).ok().flatten().map(|found| found.log_z.value)
}

/// The machine with its smaller side as the hidden one, or None when that has more than `limit` units.
fn oriented(rbm: &Rbm, limit: usize) -> Option<Cow<'_, Rbm>> {
    let machine = if rbm.n_hidden <= rbm.n_visible { Cow::Borrowed(rbm) } else { Cow::Owned(rbm.exchanged()) };
    (machine.n_hidden <= limit.min(MAX_ENUMERATED_ON_DEMAND)).then_some(machine)
}

/// All states of a machine's smaller side with the weight of every block of them.
#[derive(Debug)]
pub struct Enumeration<'a> {
    pub(super) machine: Cow<'a, Rbm>,
    /// Whether the sides of the machine were exchanged, so that its hidden units are the visible ones.
    pub(super) exchanged: bool,
    /// ln of the sum over each block.
    pub(super) blocks: Vec<f64>,
    log_z: Estimate,
}

/// Bits of the states that a device is given at a time.
const DEVICE_BITS: usize = 18;

impl<'a> Enumeration<'a> {
    /// Walks all states; None when both sides have more than `limit` units, of which
    /// [`MAX_ENUMERATED_ON_DEMAND`] is the most.
    ///
    /// # Errors
    /// [`Error::Stopped`] on a signal.
    pub fn new(rbm: &'a Rbm, limit: usize, listener: &mut dyn Listener) -> Result<Option<Self>> {
        let Some(machine) = oriented(rbm, limit) else {
            return Ok(None);
        };
        let walk = Blocks::new(&machine);
        let (mut total, mut blocks) = (LogSum::default(), Vec::with_capacity(walk.count()));
        while blocks.len() < walk.count() {
            let next = walk.count().min(blocks.len() + BLOCKS_AT_A_TIME);
            let sums: Vec<LogSum> = (blocks.len()..next).into_par_iter().map(|b| walk.sum(b)).collect();
            for sum in sums {
                blocks.push(sum.value());
                total.merge(sum);
            }
            look(listener, next, walk.count())?;
        }
        Ok(Some(Self::of(rbm, machine, blocks, Estimate::new(total.value(), 0.0))))
    }

    fn of(rbm: &Rbm, machine: Cow<'a, Rbm>, blocks: Vec<f64>, log_z: Estimate) -> Self {
        Self { machine, exchanged: rbm.n_hidden > rbm.n_visible, blocks, log_z }
    }

    /// The same from a device's free energies of all states.
    ///
    /// # Errors
    /// [`Error::Stopped`] on a signal, device failures.
    pub fn on_device<B: Backend>(
        backend: &B,
        rbm: &'a Rbm,
        limit: usize,
        listener: &mut dyn Listener,
    ) -> Result<Option<Self>> {
        let Some(machine) = oriented(rbm, limit) else {
            return Ok(None);
        };
        let units = machine.n_hidden;
        // Free energies are those of visible states.
        let params = backend.upload_params(&machine.exchanged(), None)?;
        let (states, block) = (1usize << units, 1 << units.min(BLOCK_BITS));
        let part = states.min(1 << DEVICE_BITS);
        let (mut total, mut blocks, mut largest) = (LogSum::default(), Vec::new(), 0.0f64);
        for first in (0..states).step_by(part) {
            // At most 30 units: a state is one word.
            let words = (first..first + part).map(|state| state as u32).collect();
            let rows = backend.upload_states(&BitMatrix::from_words(part, units, words)?)?;
            let weights: Vec<f64> = backend.read_free_energies(&params, &rows)?.iter().map(|f| -f).collect();
            largest = weights.iter().fold(largest, |top, w| top.max(w.abs()));
            for weights in weights.chunks(block) {
                blocks.push(log_sum_exp(weights));
                total.add(blocks[blocks.len() - 1]);
            }
            look(listener, blocks.len(), states / block)?;
        }
        let rounding = (units + TILE_TERMS) as f64 * f64::from(f32::EPSILON) / 2.0 * largest;
        Ok(Some(Self::of(rbm, machine, blocks, Estimate::new(total.value(), rounding))))
    }

    /// ln Z; its error is 0 from the host, on a device what f32 sums of one free energy may be off.
    #[must_use]
    pub fn log_z(&self) -> Estimate {
        self.log_z
    }
}

/// Hears signals and tells how far an enumeration is, where it is long enough to have parts.
fn look(listener: &mut dyn Listener, done: usize, total: usize) -> Result<()> {
    if let Some(signal) = listener.stop_requested() {
        return Err(Error::Stopped(signal));
    }
    if total > BLOCKS_AT_A_TIME {
        let (done, total) = (done as u64, total as u64);
        listener.event(Event::Progress { stage: "enumeration", done, total, note: String::new() });
    }
    Ok(())
}

/// All states of the hidden side of a machine, cut into blocks of equal upper bits.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    rbm: &'a Rbm,
    bits: usize,
    /// e^{w} and e^{−w} of the units that change inside a block, `[bits][n_visible]`.
    factors: Vec<Vec<f64>>,
    inverse: Vec<Vec<f64>>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(rbm: &'a Rbm) -> Self {
        let bits = rbm.n_hidden.min(BLOCK_BITS);
        let factors: Vec<Vec<f64>> =
            (0..bits).map(|i| (0..rbm.n_visible).map(|j| f64::from(rbm.weight(j, i)).exp()).collect()).collect();
        let inverse = factors.iter().map(|row| row.iter().map(|f| 1.0 / f).collect()).collect();
        Self { rbm, bits, factors, inverse }
    }

    pub(super) fn count(&self) -> usize {
        1 << (self.rbm.n_hidden - self.bits)
    }

    /// Sum over the states of a block.
    pub(super) fn sum(&self, block: usize) -> LogSum {
        let mut sum = LogSum::default();
        self.walk(block, |_, log_weight| sum.add(log_weight));
        sum
    }

    /// Visits the states whose upper bits are `block`, with ln Σ_v e^{−E(v, h)} of each.
    pub(super) fn walk(&self, block: usize, mut visit: impl FnMut(u64, f64)) {
        let (rbm, bits) = (self.rbm, self.bits);
        let state = (block as u64) << bits;
        let mut y: Vec<f64> = rbm.visible_bias.iter().map(|&b| f64::from(b)).collect();
        let mut field = 0.0;
        for i in (0..rbm.n_hidden).filter(|&i| state >> i & 1 == 1) {
            field += f64::from(rbm.hidden_bias[i]);
            for (j, y) in y.iter_mut().enumerate() {
                *y += f64::from(rbm.weight(j, i));
            }
        }
        // Largest |y| within the block bounds what a product of factors can reach.
        let reach = (0..rbm.n_visible)
            .map(|j| y[j].abs() + (0..bits).map(|i| f64::from(rbm.weight(j, i)).abs()).sum::<f64>())
            .fold(0.0, f64::max);
        let group = (700.0 / (reach + std::f64::consts::LN_2)) as usize;
        let mut on = 0u64;
        let mut odds: Vec<f64> = y.iter().map(|y| y.exp()).collect();
        for step in 0..1u64 << bits {
            if step > 0 {
                let i = step.trailing_zeros() as usize;
                on ^= 1 << i;
                let up = on >> i & 1 == 1;
                let sign = if up { 1.0 } else { -1.0 };
                field += sign * f64::from(rbm.hidden_bias[i]);
                if group == 0 {
                    for (j, y) in y.iter_mut().enumerate() {
                        *y += sign * f64::from(rbm.weight(j, i));
                    }
                } else {
                    for (e, f) in odds.iter_mut().zip(if up { &self.factors[i] } else { &self.inverse[i] }) {
                        *e *= f;
                    }
                }
            }
            let visible: f64 = if group == 0 {
                y.iter().map(|&y| softplus(y)).sum()
            } else {
                odds.chunks(group.min(64)).map(|part| product_of_one_plus(part).ln()).sum()
            };
            visit(state | on, field + visible);
        }
    }
}

/// Π (1 + e), four running products so that the additions overlap.
fn product_of_one_plus(values: &[f64]) -> f64 {
    let mut lanes = [1.0f64; 4];
    let mut chunks = values.chunks_exact(4);
    for chunk in &mut chunks {
        for (lane, e) in lanes.iter_mut().zip(chunk) {
            *lane *= 1.0 + e;
        }
    }
    let rest: f64 = chunks.remainder().iter().map(|e| 1.0 + e).product();
    (lanes[0] * lanes[1]) * (lanes[2] * lanes[3]) * rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Philox;
    use rand_distr::{Distribution, StandardNormal};

    fn random(n_visible: usize, n_hidden: usize, scale: f32) -> Rbm {
        let mut rng = Philox::sequence(5, "enumerate");
        let mut rbm = Rbm::zeros(n_visible, n_hidden);
        for x in rbm.weights.iter_mut().chain(&mut rbm.visible_bias).chain(&mut rbm.hidden_bias) {
            let g: f64 = StandardNormal.sample(&mut rng);
            *x = scale * g as f32;
        }
        rbm
    }

    fn brute_force(rbm: &Rbm) -> f64 {
        let mut sum = LogSum::default();
        for state in 0u64..1 << rbm.n_visible {
            let v = crate::bits::BitMatrix::from_fn(1, rbm.n_visible, |_, j| state >> j & 1 == 1);
            sum.add(-rbm.free_energy(&v, 0));
        }
        sum.value()
    }

    #[test]
    fn equals_the_sum_over_visible_states() {
        // Rounding over 2^12 steps of products is below 1e-11; scale 300 forces the path without products.
        for (n_visible, n_hidden, scale) in [(1, 1, 1.0), (7, 13, 1.0), (13, 5, 3.0), (10, 14, 0.1), (6, 9, 300.0)] {
            let rbm = random(n_visible, n_hidden, scale);
            let (exact, expected) = (exact_log_z(&rbm, 25).unwrap(), brute_force(&rbm));
            assert!(
                (exact - expected).abs() < 1e-10 * expected.abs().max(1.0),
                "{n_visible}x{n_hidden}: {exact} {expected}"
            );
        }
    }

    #[test]
    fn a_device_lists_the_same_states() {
        for (n_visible, n_hidden) in [(1, 1), (7, 13), (13, 5), (70, 20)] {
            let rbm = random(n_visible, n_hidden, 1.0);
            let exact = exact_log_z(&rbm, 25).unwrap();
            let host = Enumeration::new(&rbm, 25, &mut Silent).unwrap().unwrap();
            let device = Enumeration::on_device(&crate::backend::cpu::Cpu, &rbm, 25, &mut Silent).unwrap().unwrap();
            let found = device.log_z();
            assert!((found.value - exact).abs() <= found.error, "{n_visible}x{n_hidden}: {found:?}, exact {exact}");
            assert_eq!(host.blocks.len(), device.blocks.len());
            let off = |(a, b): (&f64, &f64)| (a - b).abs();
            assert!(host.blocks.iter().zip(&device.blocks).map(off).all(|d| d <= found.error));
        }
    }

    #[test]
    fn refuses_sides_beyond_the_limit() {
        assert!(exact_log_z(&Rbm::zeros(26, 30), 25).is_none());
        let uniform = exact_log_z(&Rbm::zeros(20, 30), 25).unwrap();
        assert!((uniform - 50.0 * std::f64::consts::LN_2).abs() < 1e-9);
    }
}
