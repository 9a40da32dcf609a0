//! Tempered chains: exact on machines whose states can be listed, repaired where plain chains freeze, and resumed.
//!
//! χ² counts independent chains, each read once; seeds are fixed and each check fails by chance once in [`LUCK`]⁻¹ seeds.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Address, Backend, Descent};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::Silent;
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::likelihood::Length;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::sample::{
    Moves, Rungs, Settings, Tempering, TemperingState, sample_tempered, tempered, translate,
};
use gibbsite::internals::train::{Algorithm, Trainer, initial_machine, initial_state};

use crate::parity::on_both;
use crate::small::{counts, oracle, p_value, small_machine};
use crate::statistics::draw;
use crate::training::settings;

const LUCK: f64 = 1e-4;
/// What the same number of chains must give for a machine that is only a little different.
const CAUGHT: f64 = 1e-9;
const CHAINS: usize = 16_000;

fn probabilities(rbm: &Rbm) -> Vec<f64> {
    oracle(rbm).probabilities()
}

/// By temperature, and by machines that have little in common with the last one, which is the small machine.
fn ladders() -> [Rungs; 2] {
    let base = vec![0.4, -0.3, 0.2, 0.1, -0.5, 0.3];
    let other = crate::parity::machine(6, 5, 0.8, 11);
    [Rungs::Temperatures { betas: vec![0.0, 0.3, 0.7, 1.0], base }, Rungs::Machines(vec![Rbm::zeros(6, 5), other])]
}

/// States of every rung below `rbm` in its own distribution, and these distributions.
fn distributions(rungs: &Rungs, rbm: &Rbm) -> Vec<Vec<f64>> {
    match rungs {
        Rungs::None => vec![probabilities(rbm)],
        Rungs::Temperatures { betas, base } => {
            betas.iter().map(|&beta| probabilities(&tempered(rbm, base, beta))).collect()
        }
        Rungs::Machines(machines) => machines.iter().chain([rbm]).map(probabilities).collect(),
    }
}

/// All rungs below `rbm` start in their own distributions and must be in them after `rounds`; returns the least p-value
/// of the last rung under `expected`, and that of the others.
fn walk<B: Backend>(
    backend: &B,
    (rungs, rbm): (&Rungs, &Rbm),
    moves: Moves,
    rounds: usize,
    expected: &[Vec<f64>],
) -> (f64, f64) {
    let mut state = TemperingState::new(rungs.count(), &BitMatrix::zeros(CHAINS, 6));
    for (r, of_rung) in distributions(rungs, rbm).iter().enumerate() {
        state.states[r] = draw(of_rung, 6, CHAINS, &format!("rung {r}"));
    }
    let params = backend.upload_params(rbm, None).unwrap();
    let mut ladder = Tempering::new(backend, &params, rungs, &state, moves, 7).unwrap();
    for _ in 0..rounds {
        ladder.round(&params, 1).unwrap();
    }
    ladder.settle(&mut |_, _| {}).unwrap();
    let end = ladder.state().unwrap();
    let p: Vec<f64> = end.states.iter().zip(expected).map(|(s, p)| p_value(&counts(s), p)).collect();
    let (last, others) = p.split_last().unwrap();
    (*last, others.iter().copied().fold(1.0, f64::min))
}

on_both! {
    fn every_rung_keeps_its_distribution(backend) {
        let all = Moves { flip: true, translations: Some(Lattice::Chain { length: 6 }) };
        let rbm = small_machine();
        for rungs in ladders() {
            let expected = distributions(&rungs, &rbm);
            for (moves, rounds) in [(Moves::NONE, 1), (Moves::NONE, 6), (all, 11)] {
                let (last, others) = walk(backend, (&rungs, &rbm), moves, rounds, &expected);
                assert!(last > LUCK && others > LUCK, "{moves:?}, {rounds} rounds: p = {last:e}, {others:e}");
            }
        }
    }
}

on_both! {
    /// A machine that is a little off must show at its own rung, and temperatures that are at theirs.
    fn another_machine_and_other_temperatures_show(backend) {
        let (rbm, [rungs, _]) = (small_machine(), ladders());
        let expected = distributions(&rungs, &rbm);
        let mut altered = rbm.clone();
        altered.weights[..5].iter_mut().for_each(|w| *w += 0.4);
        let (last, _) = walk(backend, (&rungs, &altered), Moves::NONE, 4, &expected);
        assert!(last < CAUGHT, "p = {last:e}");
        let Rungs::Temperatures { mut betas, base } = rungs else { unreachable!("by temperature") };
        betas[1] = 0.45;
        let (last, others) = walk(backend, (&Rungs::Temperatures { betas, base }, &rbm), Moves::NONE, 4, &expected);
        assert!(last > LUCK && others < CAUGHT, "p = {last:e}, {others:e}");
    }
}

on_both! {
    /// Translations alone, many times over; and nothing but translations: the chains' numbers of ones stay.
    fn translations_keep_the_distribution(backend) {
        let rbm = small_machine();
        let expected = probabilities(&rbm);
        let start = draw(&expected, 6, CHAINS, "translations");
        let params = backend.upload_params(&rbm, None).unwrap();
        let mut chains = backend.upload_states(&start).unwrap();
        for step in 0..3 {
            translate(backend, &params, &mut chains, Lattice::Chain { length: 6 }, Address::new(3), step).unwrap();
        }
        let end = backend.read_states(&chains).unwrap();
        assert!(p_value(&counts(&end), &expected) > LUCK);
        let moved = (0..CHAINS).filter(|&r| end.row(r) != start.row(r)).count();
        assert!(moved > CHAINS / 10, "only {moved} chains moved");
        assert!((0..CHAINS).all(|r| end.row_count(r) == start.row_count(r)));
    }
}

/// The 4 × 4 Ising model at T = 1.2 as a machine: plain chains keep the sign they start with, tempered ones do not.
#[test]
fn tempering_repairs_frozen_chains() {
    let (rbm, _) = Rbm::ising(16, &Lattice::Square { length: 4 }.bonds(), 1.0 / 1.2);
    let base = vec![0.0; 16];
    let up = BitMatrix::from_fn(1, 16, |_, _| true);
    let settings = Settings { samples: 4000, chains: 200, thermalise: 300, every: 10, flip: false, seed: 3 };
    let length = Length::measure(&Cpu, &Cpu.upload_params(&rbm, None).unwrap(), &base, 1).unwrap();
    let ladder = Rungs::Temperatures { betas: length.ladder(length.rungs() - 1), base };
    let go = |rungs: &Rungs| sample_tempered(&Cpu, &rbm, &settings, rungs, None, Some(&up), &mut Silent).unwrap();
    let part_up = |rows: &BitMatrix| {
        let up = |r| f64::from(u8::from(rows.row_count(r) > 8)) + 0.5 * f64::from(u8::from(rows.row_count(r) == 8));
        (0..rows.rows()).map(up).sum::<f64>() / rows.rows() as f64
    };
    let plain = go(&Rungs::None);
    assert!(part_up(&plain.samples) > 0.95 && plain.exchanges.is_none(), "{}", part_up(&plain.samples));
    let found = go(&ladder);
    let exchanges = found.exchanges.unwrap();
    // The number of ones is ± the same in both signs: its effective samples are those of the sign. Four errors.
    let error = 0.5 / found.ones.effective_samples().sqrt();
    let p_up = part_up(&found.samples);
    assert!((p_up - 0.5).abs() < 4.0 * error && error < 0.05, "P(up) = {p_up} ± {error}, {exchanges:?}");
    assert!(exchanges.acceptance.iter().all(|&a| a > 0.2), "{exchanges:?}");
    assert!(exchanges.arrivals_per_chain > 1.0, "{exchanges:?}");
    // Placed while thermalising: neighbours exchange about equally often.
    let (low, high) = exchanges.acceptance.iter().fold((1.0f64, 0.0f64), |(l, h), &a| (l.min(a), h.max(a)));
    assert!(high - low < 0.2, "{exchanges:?}");
    assert!(found.free_energy.tau >= 0.4 && found.betas.len() == exchanges.acceptance.len() + 1);
}

/// A training whose machine moves fast freezes rungs on its way, never more than it may have, and the first stays.
#[test]
fn a_trajectory_freezes_rungs() {
    let bonds = Lattice::Square { length: 4 }.bonds();
    let data = draw(
        &gibbsite::internals::exact::enumeration::state_probabilities(16, &bonds, 1.8).unwrap(),
        16,
        500,
        "trajectory",
    );
    for (rungs, least) in [(2, 2), (3, 3), (12, 3)] {
        let settings = gibbsite::internals::train::Settings {
            rungs,
            learning_rate: 0.5,
            descent: Descent::PLAIN,
            ..settings(Algorithm::Trajectory, 300)
        };
        let state = initial_state(initial_machine(&data, 12, 0.01, 1), &data, &settings);
        let mut trainer = Trainer::new(&Cpu, &settings, &data, &state).unwrap();
        trainer.advance(300).unwrap();
        let ladder = trainer.state().unwrap().ladder.unwrap();
        let found = ladder.machines.len() + 1;
        assert!((least..=rungs).contains(&found), "{found} rungs of {rungs}");
        // With as many as it wants the rungs stay connected: each was frozen in time.
        let recent = ladder.tempering.counts.iter().map(|c| c.recent).fold(1.0, f64::min);
        assert!(rungs < 12 || recent > 0.2, "least acceptance {recent}");
        assert!(ladder.machines[0].weights.iter().all(|&w| w == 0.0));
        assert!(ladder.machines[1..].iter().all(|m| m.weights.iter().any(|&w| w != 0.0)));
        assert!(trainer.exchanges().unwrap().arrivals_per_chain > 1.0, "{:?}", trainer.exchanges());
    }
}
