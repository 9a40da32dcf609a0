//! Weights that are divided among several buffers, and dispatches that are divided in time: the same bits as in one.

use gibbsite::internals::backend::gpu::shader::Precision;
use gibbsite::internals::backend::gpu::{Gpu, Selection, tile};
use gibbsite::internals::backend::memory::{Demand, PARAMETERS, Room, on_gpu};
use gibbsite::internals::backend::{Descent, Penalties};
use gibbsite::internals::train::{Algorithm, Settings, Trainer, initial_machine, initial_state};

use super::variants::results;
use super::{gpu_or_ignored, machine, states};

/// A device on which no kernel sees more than `units` visible units' weights of `n_hidden` hidden ones: of 100, buffers
/// take 64.
fn divided(n_hidden: usize, units: usize, selection: &Selection) -> Gpu {
    let largest = Some((4 * n_hidden * units) as u64);
    Gpu::new(&Selection { allow_software: true, largest, ..selection.clone() }).unwrap()
}

/// Two to five buffers, the last one of one unit, of a part of a word, and full; every kernel of the machine.
#[test]
fn divided_weights_give_the_same_bits() {
    let shared = gpu_or_ignored!();
    let rounded = Selection { allow_software: true, precision: Precision::F16, ..Selection::default() };
    let half = Gpu::new(&rounded).unwrap();
    for (rows, n_visible, n_hidden) in [(33, 65, 131), (63, 128, 65), (31, 200, 64), (50, 320, 97)] {
        let rbm = machine(n_visible, n_hidden, 0.4, 1);
        let place = format!("{rows} chains of {n_visible} × {n_hidden}");
        for tile in [&tile::SMALL, &tile::LARGE, &tile::LARGE_UNROLLED] {
            let gpu = divided(n_hidden, 100, &Selection { tile: Some(tile), ..Selection::default() });
            assert!(results(&gpu, &rbm, rows) == results(shared, &rbm, rows), "{}, {place}", tile.name);
        }
        let gpu = divided(n_hidden, 100, &rounded);
        assert!(results(&gpu, &rbm, rows) == results(&half, &rbm, rows), "f16, {place}");
    }
}

#[test]
fn a_training_with_divided_weights_is_the_same_and_takes_what_is_counted() {
    let shared = gpu_or_ignored!();
    let (n_visible, n_hidden, rows) = (201, 70, 90);
    let data = states(rows, n_visible, 3);
    let plain = crate::training::settings(Algorithm::Pcd, 7);
    let penalties = Penalties { max_norm: Some(0.8), l1: 1e-3, ..plain.penalties };
    let adam = Descent::Adam { momentum: 0.9, square_decay: 0.99, epsilon: 1e-8 };
    let cases = [
        (Algorithm::Pcd, true, plain.descent, plain.penalties),
        (Algorithm::Cd, false, plain.descent, penalties),
        (Algorithm::MeanField, false, adam, penalties),
        (Algorithm::Pcd, false, adam, penalties),
        (Algorithm::Pt, true, plain.descent, plain.penalties),
    ];
    for (algorithm, flip, descent, penalties) in cases {
        // All replicas are rows of one buffer: as many as rows of a minibatch, so that one buffer of carried sums serves both.
        let chains = if algorithm == Algorithm::Pt { 10 } else { 40 };
        let settings =
            Settings { flip, batch: 40, chains, descent, penalties, ..crate::training::settings(algorithm, 7) };
        let state = initial_state(initial_machine(&data, n_hidden, 0.1, 1), &data, &settings);
        let train = |gpu: &Gpu| {
            let mut trainer = Trainer::new(gpu, &settings, &data, &state).unwrap();
            trainer.advance(7).unwrap();
            trainer.state().unwrap()
        };
        let gpu = divided(n_hidden, 100, &Selection::default());
        assert!(train(&gpu) == train(shared), "{algorithm:?}");
        let contrastive = !algorithm.has_chains();
        let adaptive = descent.is_adaptive();
        let demand = Demand {
            n_visible,
            n_hidden,
            rows,
            batch: 40,
            chains,
            rungs: if algorithm == Algorithm::Pt { settings.rungs } else { 0 },
            contrastive,
            mean_field: algorithm == Algorithm::MeanField,
            flip,
            adaptive,
            ..Demand::default()
        };
        let counted = on_gpu(&demand, &Room { largest: 4 * 100 * 70, ..Room::default() });
        let storage: u64 = counted.parts.iter().filter(|part| part.what != PARAMETERS).map(|part| part.bytes).sum();
        assert_eq!(gpu.allocated_bytes(), storage, "{counted:?}");
        assert!(counted.parts.iter().all(|part| part.largest <= 4 * 100 * 70));
    }
}

#[test]
fn what_cannot_be_divided_is_refused() {
    let _shared = gpu_or_ignored!();
    let gpu = divided(1000, 63, &Selection::default());
    let error =
        gibbsite::internals::backend::Backend::upload_params(&gpu, &machine(100, 1000, 0.1, 1), None).unwrap_err();
    assert!(error.to_string().contains("at most"), "{error}");
}

/// A first batch of so few operations that every long dispatch becomes several, down to single workgroups.
#[test]
fn divided_dispatches_give_the_same_bits() {
    let shared = gpu_or_ignored!();
    for (rows, n_visible, n_hidden) in [(97, 63, 131), (70, 200, 64)] {
        let rbm = machine(n_visible, n_hidden, 0.4, 1);
        for first_work in [1, 100_000] {
            for largest in [None, Some((4 * 100 * n_hidden) as u64)] {
                let selection =
                    Selection { allow_software: true, largest, first_work: Some(first_work), ..Selection::default() };
                let gpu = Gpu::new(&selection).unwrap();
                let place = format!("{rows} chains of {n_visible} × {n_hidden}, {first_work}, {largest:?}");
                assert!(results(&gpu, &rbm, rows) == results(shared, &rbm, rows), "{place}");
                let undivided = Gpu::new(&Selection { first_work: None, ..selection }).unwrap();
                results(&undivided, &rbm, rows);
                assert!(gpu.counts().dispatches > undivided.counts().dispatches, "{place}");
            }
        }
    }
}
