//! Memory that the machine's work takes on a device, buffer by buffer.

use super::division::Division;
use super::kernels::{free_energy, mean_field, moments};
use super::machine::LANES;
use super::memory::allocated;
use super::recorder::{BATCH, MOST_SENT, SLOT};
use super::shader::Precision;
use super::temperatures::record_bytes;
use crate::backend::memory::{Demand, MemoryPlan, Part, Use};

/// Name of the part that holds the parameters of kernels, which is no storage buffer.
pub const PARAMETERS: &str = "parameters of kernels";

/// Name of the part that holds rows whose free energies are asked for.
const ENERGY_STATES: &str = "rows with free energies";

/// Name of the part that all machines share where weights lie in several buffers.
const SUMS: &str = "sums of inputs";

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
    let division = Division::new(n_visible, 4 * n_hidden, room.largest);
    let moved = demand.moved();
    let times = usize::saturating_mul;
    let mut plan = MemoryPlan::default();
    // What is divided like the weights; `values` of so many visible units.
    let mut divided = |purpose, what, values: &dyn Fn(usize) -> usize| {
        let parts = division.parts().map(|units| allocated(4 * values(units.len()) as u64));
        let (bytes, largest) = parts.fold((0u64, 0), |(sum, most), n| (sum.saturating_add(n), n.max(most)));
        plan.push(Part { purpose, what, bytes, largest });
    };
    let weights = |units| times(units, n_hidden);
    divided(Use::Parameters, "weights", &weights);
    if room.precision.is_half() {
        divided(Use::Parameters, "weights in f16", &|units| weights(units).div_ceil(2));
    }
    divided(Use::Optimiser, "velocities", &weights);
    divided(Use::Optimiser, "second moments", &|units| if demand.adaptive { weights(units) } else { 1 });
    if demand.trains() {
        divided(Use::Moments, "products", &weights);
    }
    if demand.mean_field {
        let slice = mean_field::slice(batch, n_visible, n_hidden);
        divided(Use::Scratch, "visible means of chains", &|units| times(slice, units));
    }
    let mut add = |purpose, what, count: usize, bytes: usize| {
        let bytes = allocated((count as u64).saturating_mul(bytes as u64));
        plan.push(Part { purpose, what, bytes, largest: bytes });
    };
    add(Use::Parameters, "biases", n_visible + n_hidden, 4);
    let lanes = if division.buffers() > 1 { times(LANES, n_hidden) } else { 0 };
    let kept = 3 * (n_visible + n_hidden) + n_hidden + lanes;
    add(Use::Optimiser, "velocities and second moments of biases, offsets", kept, 4);
    let streamed = (rows as u64).saturating_mul(4 * visible as u64) > room.largest;
    if rows > 0 && !streamed {
        add(Use::Data, "packed rows", rows, 4 * visible);
    }
    if chains > 0 {
        add(Use::Chains, "chains", chains, 4 * visible);
    }
    let mut summed = moved;
    if demand.trains() {
        add(Use::Chains, "minibatch", batch, 4 * visible);
        add(Use::Moments, "means", n_visible + 2 * n_hidden, 4);
        let slice = moments::slice(demand.measured(), n_hidden);
        add(Use::Scratch, "hidden means of chains", slice, 4 * n_hidden);
        summed = summed.max(slice);
    }
    if moved > 0 {
        add(Use::Scratch, "hidden states", moved, 4 * hidden);
        if flip || demand.rungs > 0 {
            add(Use::Scratch, "gains of moves", moved, 4 * hidden);
        }
    }
    if demand.rungs > 0 {
        add(Use::Chains, "replicas", demand.replicas(), 4 * visible);
        add(Use::Parameters, "base biases of a ladder", n_visible, 4);
        add(Use::Scratch, "temperatures", 3 * demand.rungs, 4);
        add(Use::Scratch, "record of exchanges", chains, record_bytes(demand.rungs));
    }
    if annealed > 0 {
        add(Use::Parameters, "base biases", n_visible, 4);
        add(Use::Chains, "annealed chains", annealed, 4 * visible);
        add(Use::Scratch, "hidden states of annealing", annealed, 4 * hidden);
        add(Use::Scratch, "log-weights", annealed, 8 * hidden);
    }
    if energies > 0 {
        let at_once = free_energy::rows_at_a_time(energies, n_hidden, division.buffers());
        add(Use::Scratch, ENERGY_STATES, energies, 4 * visible);
        add(Use::Scratch, "free energies", at_once, 4 * hidden);
        summed = summed.max(at_once);
    }
    if division.buffers() > 1 {
        add(Use::Scratch, SUMS, summed.max(annealed).max(demand.followers) + 1, 4 * n_hidden);
    }
    // No kernel sees these as storage.
    let mut add = |purpose, what, bytes| plan.push(Part { purpose, what, bytes, largest: 0 });
    add(Use::Scratch, PARAMETERS, (BATCH * SLOT) as u64);
    if streamed {
        add(Use::Data, "rows on their way", MOST_SENT);
    }
    if let Some(follower) = demand.follower() {
        plan.add_times(&self::plan(&follower, room), 1, &[PARAMETERS, SUMS, ENERGY_STATES]);
    }
    if let Some(average) = demand.average() {
        plan.add_times(&self::plan(&average, room), 1, &[PARAMETERS, SUMS]);
    }
    if let Some(other) = demand.other_machine() {
        plan.add_times(&self::plan(&other, room), demand.machines, &[PARAMETERS, SUMS]);
    }
    plan
}
