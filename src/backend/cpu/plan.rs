//! Memory that the machine's work takes here, buffer by buffer.

use super::machine::ENERGY_ROWS;
use super::sparse::{BLOCK_WORDS, most_listed};
use super::tile::{TILE, Tile};
use crate::backend::memory::{Demand, MemoryPlan, Use};
use crate::backend::{Exchanged, RECORDED};

/// Bytes of a tile.
const BYTES: usize = size_of::<Tile>();
/// Tiles of a thread's tables and sums.
const WORKSPACE: usize = 256 + 1024;
/// Bytes of a table of f64 sums for the units of a word.
const BIAS_TABLE: usize = size_of::<[[f64; 256]; 4]>();

/// Name of the parts that are taken only where few bits are set, or rows are few.
const RARE_BITS: &str = "lists of set bits, where they are few";

/// Name of the part that holds rows whose free energies are asked for.
const ENERGY_STATES: &str = "rows with free energies";

/// Name of the part that every thread has, whatever it computes.
const PARTIAL_SUMS: &str = "partial sums of weights";

/// Most bytes of the list of the set bits of `rows` rows of `words` words.
fn listed(rows: usize, words: usize) -> usize {
    most_listed(rows, words).saturating_mul(2).saturating_add(4 * rows * words.div_ceil(BLOCK_WORDS) + 4)
}

/// Buffers of parameters, states and steps with `threads` threads; data and chains once, as the backend holds them.
#[must_use]
pub fn plan(demand: &Demand, threads: usize) -> MemoryPlan {
    let Demand { n_visible, n_hidden, rows, batch, chains, flip, annealed, energies, .. } = *demand;
    let moved = demand.moved();
    let (visible, hidden) = (n_visible.div_ceil(TILE), n_hidden.div_ceil(TILE));
    let mut plan = MemoryPlan::default();
    let mut add = |purpose, what, count: usize, bytes| plan.add(purpose, what, count, bytes);
    let times = usize::saturating_mul;
    add(Use::Parameters, "weights", times(hidden, n_visible), BYTES);
    add(Use::Parameters, "weights, transposed", times(visible, n_hidden), BYTES);
    add(Use::Parameters, "biases", visible + hidden, BYTES);
    add(Use::Optimiser, "velocities of weights", times(hidden, n_visible), BYTES);
    add(Use::Optimiser, "velocities of biases, offsets", 2 * n_visible + n_hidden, 4);
    if demand.adaptive {
        add(Use::Optimiser, "second moments of weights", times(hidden, n_visible), BYTES);
        add(Use::Optimiser, "second moments of biases", n_visible + n_hidden, 4);
    }
    add(Use::Optimiser, "hidden offsets and gradient", 2 * hidden, BYTES);
    add(Use::Optimiser, "gradient of visible units", times(hidden, n_visible), 4);
    add(Use::Data, "packed rows", times(rows, visible), 4);
    add(Use::Chains, "chains", times(chains, visible), 4);
    if demand.trains() {
        add(Use::Chains, "minibatch", times(batch, visible), 4);
        add(Use::Moments, "products", times(n_visible + 1, hidden), BYTES);
        add(Use::Moments, "means of units", 2 * n_visible, 4);
        add(Use::Moments, "means of hidden units", hidden, BYTES);
        let most = demand.measured();
        add(Use::Scratch, "hidden means of chains", times(most, hidden), BYTES);
        if demand.mean_field {
            add(Use::Scratch, "visible means of chains", times(most, visible), BYTES);
        }
        add(Use::Scratch, "states by columns", times(most, visible), 4);
        add(Use::Scratch, "states by units", times(most.div_ceil(32), n_visible + 1), 4);
    }
    add(Use::Scratch, "states of Gibbs steps", times(moved, visible + hidden), 4);
    if (flip || demand.rungs > 0) && moved > 0 {
        add(Use::Scratch, "gains of moves", times(moved, hidden), 4);
        add(Use::Scratch, "sums of moves", moved, 8);
        add(Use::Tables, "sums of visible biases", visible, BIAS_TABLE);
    }
    if flip && moved > 0 {
        add(Use::Scratch, "inputs of both signs", hidden, BYTES);
    }
    if demand.rungs > 0 {
        let replicas = demand.replicas();
        add(Use::Chains, "replicas", times(replicas, visible), 4);
        add(Use::Parameters, "base biases of a ladder", visible, BYTES);
        add(Use::Scratch, "temperatures of replicas", replicas, size_of::<[f32; 3]>());
        let record = times(times(RECORDED, demand.rungs / 2), chains);
        add(Use::Scratch, "record of exchanges", record, size_of::<Exchanged>());
    }
    if annealed > 0 {
        add(Use::Chains, "annealed chains", times(annealed, visible), 4);
        add(Use::Scratch, "states of annealing", times(annealed, visible + 2 * hidden), 4);
        add(Use::Scratch, "log-weights", annealed, 8);
        add(Use::Parameters, "base biases", visible, BYTES);
        add(Use::Tables, "sums of annealing", visible, BIAS_TABLE);
    }
    if energies > 0 {
        let at_once = energies.min(ENERGY_ROWS);
        add(Use::Scratch, ENERGY_STATES, times(energies, visible), 4);
        add(Use::Scratch, "free energies", times(at_once, visible + hidden), 4);
        add(Use::Scratch, "sums of free energies", energies, 8);
        add(Use::Tables, "sums of free energies", visible, BIAS_TABLE);
    }
    add(Use::Scratch, RARE_BITS, listed(moved, visible.max(hidden)), 1);
    if demand.trains() {
        let most = demand.measured();
        add(Use::Scratch, RARE_BITS, listed(most, visible) + listed(n_visible + 1, most.div_ceil(32)), 1);
    }
    add(Use::Tables, PARTIAL_SUMS, times(threads, WORKSPACE), BYTES);
    if let Some(follower) = demand.follower() {
        plan.add_times(&self::plan(&follower, threads), 1, &[PARTIAL_SUMS, ENERGY_STATES]);
    }
    if let Some(average) = demand.average() {
        plan.add_times(&self::plan(&average, threads), 1, &[PARTIAL_SUMS]);
    }
    if let Some(other) = demand.other_machine() {
        plan.add_times(&self::plan(&other, threads), demand.machines, &[PARTIAL_SUMS]);
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::{Cpu, CpuStates};
    use crate::backend::{Address, Backend, Descent, Minibatch, OptimiserState, Phase, UpdateRule};
    use crate::bits::BitMatrix;
    use crate::rbm::Rbm;
    use crate::rng::Permutation;

    /// What a training really holds after an update is what was counted.
    #[test]
    fn counted_is_held() {
        counted(Descent::PLAIN, false);
        counted(Descent::RmsProp { square_decay: 0.9, epsilon: 1e-8, scale: 1.0 }, false);
        counted(Descent::PLAIN, true);
    }

    fn states_of(rows: usize, units: usize) -> CpuStates {
        Cpu.upload_states(&BitMatrix::from_fn(rows, units, |r, j| (r + j) % 2 == 0)).unwrap()
    }

    /// Bytes but for those that are taken only where few bits are set: half of them are here.
    fn unlisted(counted: &MemoryPlan) -> u64 {
        counted.parts.iter().filter(|part| part.what != RARE_BITS).map(|part| part.bytes).sum()
    }

    /// The same of a ladder.
    #[test]
    fn counted_replicas_are_held() {
        let (n_visible, n_hidden, chains, rungs) = (70, 40, 31, 4);
        for flip in [false, true] {
            let params = Cpu.upload_params(&Rbm::zeros(n_visible, n_hidden), None).unwrap();
            let mut ladder = Cpu.upload_temperatures(&params, &[0.1; 70], &[0.0, 0.3, 0.6, 1.0], chains).unwrap();
            let (mut replicas, mut own) = (states_of(rungs * chains, n_visible), states_of(chains, n_visible));
            Cpu.temper(&params, &ladder, &mut replicas, Address::new(1), 0..2);
            if flip {
                Cpu.flip_replicas(&params, &ladder, &mut replicas, Address::new(1), 0);
            }
            for round in 1..=RECORDED as u32 {
                Cpu.exchange(&params, &mut ladder, &mut replicas, Address::new(1), round);
            }
            Cpu.copy_rows(&replicas, (rungs - 1) * chains, &mut own);
            let counted = plan(&Demand { n_visible, n_hidden, chains, rungs, flip, ..Demand::default() }, 0);
            let held = params.bytes() + ladder.bytes() + replicas.bytes() + own.bytes();
            assert_eq!(unlisted(&counted), held, "{counted:?}");
        }
    }

    /// A machine with chains takes what one takes alone, as often as there are.
    #[test]
    fn other_machines_are_counted() {
        let alone = Demand { n_visible: 70, n_hidden: 40, chains: 31, flip: true, ..Demand::default() };
        let [one, four] = [0, 3].map(|machines| plan(&Demand { machines, ..alone }, 0).bytes());
        assert_eq!(four, 4 * one);
    }

    fn counted(descent: Descent, mean_field: bool) {
        let (n_visible, n_hidden, rows, batch, chains) = (70, 40, 200, 37, 90);
        let states = |rows| states_of(rows, n_visible);
        let rbm = Rbm::zeros(n_visible, n_hidden);
        let rest = OptimiserState::at_rest(&rbm, &descent, vec![0.5; n_visible]);
        let mut params = Cpu.upload_params(&rbm, Some(&rest)).unwrap();
        let (data, mut minibatch, mut chain) = (states(rows), states(batch), states(chains));
        let mut moments = Cpu.new_moments(&params).unwrap();
        let permutation = Permutation::new(1, 0, rows as u32);
        Cpu.gather(&data, &Minibatch { permutation, first: 0, count: batch as u32 }, &mut minibatch);
        Cpu.accumulate_moments(&params, &minibatch, Phase::Data, &mut moments);
        if mean_field {
            Cpu.subtract_mean_field(&params, &minibatch, 2, &mut moments);
        } else {
            Cpu.gibbs(&params, &mut chain, Address::new(1), 0..2);
            Cpu.flip_move(&params, &mut chain, Address::new(1), 0);
            Cpu.accumulate_moments(&params, &chain, Phase::Model, &mut moments);
        }
        let rule = UpdateRule { descent, centred: true, offset_rate: 0.1, ..UpdateRule::plain(0.1) };
        Cpu.update(&mut params, &moments, &rule);
        let demand = Demand {
            n_visible,
            n_hidden,
            rows,
            batch,
            chains,
            flip: true,
            contrastive: mean_field,
            mean_field,
            adaptive: descent.is_adaptive(),
            ..Demand::default()
        };
        let counted = plan(&demand, 0);
        let states = data.bytes() + minibatch.bytes() + chain.bytes();
        assert_eq!(unlisted(&counted), params.bytes() + moments.bytes() + states, "{counted:?}");
        assert_eq!(counted.bytes_of(Use::Data), data.bytes());
    }
}
