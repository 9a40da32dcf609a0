//! Chains that start in the enumerated distribution of a machine stay there, and chains that start elsewhere get there.
//!
//! Chains are independent, so the number of chains in each state is multinomial and χ² has its own law. Seeds are fixed;
//! each of the checks below would fail by chance once in [`LUCK`]⁻¹ seeds.

use gibbsite::internals::backend::{Address, Backend};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::Silent;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::sample::{Settings, sample};

use crate::parity::on_both;
use crate::small::{counts, oracle, p_value, small_machine};
use crate::statistics::draw;

/// False-alarm rate of one check.
const LUCK: f64 = 1e-4;
/// What the same number of chains must give for a machine that is only a little different.
const CAUGHT: f64 = 1e-9;
const CHAINS: usize = 16_000;

/// Which moves a chain makes in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moves {
    Gibbs,
    Flips,
    Both,
}

fn walk<B: Backend>(backend: &B, rbm: &Rbm, start: &BitMatrix, moves: Moves, steps: u32) -> BitMatrix {
    let params = backend.upload_params(rbm, None).unwrap();
    let mut chains = backend.upload_states(start).unwrap();
    for step in 0..steps {
        if moves != Moves::Flips {
            backend.gibbs(&params, &mut chains, Address::new(5), step..step + 1);
        }
        if moves != Moves::Gibbs {
            backend.flip_move(&params, &mut chains, Address::new(5), step);
        }
    }
    backend.read_states(&chains).unwrap()
}

on_both! {
    fn chains_stay_in_the_distribution_of_the_machine(backend) {
        let rbm = small_machine();
        let probabilities = oracle(&rbm).probabilities();
        let start = draw(&probabilities, 6, CHAINS, "stationary");
        assert!(p_value(&counts(&start), &probabilities) > LUCK, "the start itself");
        for (moves, steps) in [(Moves::Gibbs, 1), (Moves::Gibbs, 8), (Moves::Flips, 1), (Moves::Flips, 3), (Moves::Both, 6)] {
            let end = walk(backend, &rbm, &start, moves, steps);
            let p = p_value(&counts(&end), &probabilities);
            assert!(p > LUCK, "{moves:?}, {steps} steps: p = {p:e}");
        }
    }
}

on_both! {
    /// Moves that are made by another machine, five weights of thirty moved by a fifth of their range, must show.
    fn another_machines_moves_leave_the_distribution(backend) {
        let rbm = small_machine();
        let probabilities = oracle(&rbm).probabilities();
        let start = draw(&probabilities, 6, CHAINS, "stationary");
        let mut altered = rbm.clone();
        altered.weights[..5].iter_mut().for_each(|w| *w += 0.3);
        let end = walk(backend, &altered, &start, Moves::Gibbs, 8);
        assert!(p_value(&counts(&end), &probabilities) < CAUGHT, "Gibbs steps");
        let mut tilted = rbm.clone();
        tilted.visible_bias[2] += 0.4;
        let end = walk(backend, &tilted, &start, Moves::Flips, 3);
        assert!(p_value(&counts(&end), &probabilities) < CAUGHT, "flip moves");
        let end = walk(backend, &rbm, &start, Moves::Flips, 1);
        let moved = (0..CHAINS).filter(|&r| end.row(r) != start.row(r)).count();
        assert!(moved > CHAINS / 10 && moved < CHAINS, "{moved} chains moved");
        let turned: Vec<f64> = probabilities.iter().rev().copied().collect();
        assert!(p_value(&counts(&start), &turned) < CAUGHT, "flips that are all accepted");
    }
}

on_both! {
    fn chains_from_one_state_reach_the_distribution(backend) {
        let rbm = small_machine();
        let probabilities = oracle(&rbm).probabilities();
        let start = BitMatrix::from_fn(CHAINS, 6, |_, _| true);
        assert!(p_value(&counts(&walk(backend, &rbm, &start, Moves::Gibbs, 1)), &probabilities) < CAUGHT, "one step");
        for moves in [Moves::Gibbs, Moves::Both] {
            let p = p_value(&counts(&walk(backend, &rbm, &start, moves, 60)), &probabilities);
            assert!(p > LUCK, "{moves:?}: p = {p:e}");
        }
    }
}

on_both! {
    /// The sampling stage: every chain is read once, so that its rows are independent.
    fn samples_of_a_machine_have_its_distribution(backend) {
        let rbm = small_machine();
        let probabilities = oracle(&rbm).probabilities();
        for (flip, seed) in [(false, 1), (true, 2)] {
            let settings = Settings { samples: 16_000, chains: 16_000, thermalise: 60, every: 1, flip, seed };
            let rows = sample(backend, &rbm, &settings, None, &mut Silent).unwrap();
            let p = p_value(&counts(&rows), &probabilities);
            assert!(p > LUCK, "flip {flip}: p = {p:e}");
        }
    }
}
