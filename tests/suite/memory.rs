//! Memory is counted before it is taken: what is counted is what a device is asked for.

use gibbsite::internals::backend::Descent;
use gibbsite::internals::backend::gpu::shader::Precision;
use gibbsite::internals::backend::gpu::{Gpu, Selection};
use gibbsite::internals::backend::memory::{Demand, PARAMETERS, Room, on_gpu};
use gibbsite::internals::train::{Algorithm, Settings, Trainer, initial_machine, initial_state};

use crate::parity::{gpu_or_ignored, states};

/// A training of every kind of states, and how much of a device it takes.
#[test]
fn a_training_takes_what_is_counted() {
    let _shared = gpu_or_ignored!();
    let (n_visible, n_hidden, rows) = (75, 41, 130);
    let data = states(rows, n_visible, 3);
    for precision in Precision::ALL {
        let adam = Descent::Adam { momentum: 0.9, square_decay: 0.99, epsilon: 1e-8 };
        let cases = [
            (Algorithm::Pcd, true, Descent::PLAIN),
            (Algorithm::Pcd, false, adam),
            (Algorithm::Cd, false, Descent::PLAIN),
            (Algorithm::MeanField, true, Descent::PLAIN),
            (Algorithm::Pt, false, Descent::PLAIN),
            (Algorithm::Pt, true, adam),
        ];
        for (algorithm, flip, descent) in cases {
            let selection = Selection { allow_software: true, precision, ..Selection::default() };
            let gpu = Gpu::new(&selection).unwrap();
            let settings = Settings { flip, descent, batch: 64, chains: 50, ..crate::training::settings(algorithm, 2) };
            let state = initial_state(initial_machine(&data, n_hidden, 0.1, 1), &data, &settings);
            let mut trainer = Trainer::new(&gpu, &settings, &data, &state).unwrap();
            trainer.advance(2).unwrap();
            let contrastive = !algorithm.has_chains();
            let adaptive = descent.is_adaptive();
            let demand = Demand {
                n_visible,
                n_hidden,
                rows,
                batch: 64,
                chains: 50,
                rungs: if algorithm == Algorithm::Pt { settings.rungs } else { 0 },
                contrastive,
                mean_field: algorithm == Algorithm::MeanField,
                flip,
                adaptive,
                ..Demand::default()
            };
            let counted = on_gpu(&demand, &Room { precision, ..Room::default() });
            // The parameters of kernels are no storage buffer, and rounding binds one that it does not read.
            let unread = if precision.is_half() { 16 } else { 0 };
            let storage: u64 = counted.parts.iter().filter(|part| part.what != PARAMETERS).map(|part| part.bytes).sum();
            assert_eq!(gpu.allocated_bytes() - unread, storage, "{algorithm:?} {precision:?}: {counted:?}");
        }
    }
}
