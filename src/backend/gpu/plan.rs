//! Memory that the machine's work takes on a device, buffer by buffer.

use super::kernels::{free_energy, moments};
use super::memory::allocated;
use super::recorder::{BATCH, SLOT};
use super::shader::Precision;
use crate::backend::memory::{Demand, MemoryPlan, Part, Use};

/// What a device gives room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of the largest buffer that a kernel can see.
    pub largest: u64,
    /// How products read the weights.
    pub precision: Precision,
}

impl Default for Room {
    /// What most drivers offer.
    fn default() -> Self {
        Self { largest: (1 << 31) - 1, precision: Precision::F32 }
    }
}

/// Buffers of parameters, states and steps on a device.
#[must_use]
pub fn plan(demand: &Demand, room: &Room) -> MemoryPlan {
    let Demand { n_visible, n_hidden, rows, batch, chains, flip, annealed, energies, .. } = *demand;
    let (visible, hidden) = (n_visible.div_ceil(32), n_hidden.div_ceil(32));
    let weights = n_visible.saturating_mul(n_hidden);
    let moved = demand.moved();
    let mut plan = MemoryPlan::default();
    let mut add = |purpose, what, count: usize, bytes: usize| {
        let bytes = allocated((count as u64).saturating_mul(bytes as u64));
        plan.push(Part { purpose, what, bytes, largest: bytes });
    };
    add(Use::Parameters, "weights", weights, 4);
    let pairs = if room.precision == Precision::F16 { weights.div_ceil(2) } else { 1 };
    add(Use::Parameters, "weights in f16", pairs, 4);
    add(Use::Parameters, "biases", n_visible + n_hidden, 4);
    add(Use::Optimiser, "velocities", weights, 4);
    add(Use::Optimiser, "velocities of biases, offsets", 2 * (n_visible + n_hidden), 4);
    if rows > 0 {
        add(Use::Data, "packed rows", rows, 4 * visible);
    }
    if chains > 0 {
        add(Use::Chains, "chains", chains, 4 * visible);
    }
    if demand.trains() {
        add(Use::Chains, "minibatch", batch, 4 * visible);
        add(Use::Moments, "products", weights, 4);
        add(Use::Moments, "means", n_visible + 2 * n_hidden, 4);
        let slice = moments::slice(demand.measured(), n_hidden);
        add(Use::Scratch, "hidden means of chains", slice, 4 * n_hidden);
    }
    if moved > 0 {
        add(Use::Scratch, "hidden states", moved, 4 * hidden);
        if flip {
            add(Use::Scratch, "gains of flips", moved, 4 * hidden);
        }
    }
    if annealed > 0 {
        add(Use::Parameters, "base biases", n_visible, 4);
        add(Use::Chains, "annealed chains", annealed, 4 * visible);
        add(Use::Scratch, "hidden states of annealing", annealed, 4 * hidden);
        add(Use::Scratch, "log-weights", annealed, 8 * hidden);
    }
    if energies > 0 {
        add(Use::Scratch, "rows with free energies", energies, 4 * visible);
        add(Use::Scratch, "free energies", free_energy::rows_at_a_time(energies, n_hidden), 4 * hidden);
    }
    add(Use::Scratch, "parameters of kernels", BATCH, SLOT);
    plan
}
