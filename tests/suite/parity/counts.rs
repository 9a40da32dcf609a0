//! What the host asks of the device: dispatches, submissions and readbacks, counted.

use gibbsite::internals::backend::gpu::{Counts, Gpu};
use gibbsite::internals::backend::{Address, Backend, Descent, Penalties, RECORDED};
use gibbsite::internals::train::{Algorithm, Schedule, Settings, Trainer, initial_machine, initial_state};

use super::{gpu_or_ignored, machine, states};

/// A device of its own: the shared one works for other tests at the same time.
fn own() -> Gpu {
    let selection = gibbsite::internals::backend::gpu::Selection { allow_software: true, ..Default::default() };
    Gpu::new(&selection).unwrap()
}

fn since(gpu: &Gpu, before: Counts) -> Counts {
    let now = gpu.counts();
    Counts {
        dispatches: now.dispatches - before.dispatches,
        submissions: now.submissions - before.submissions,
        readbacks: now.readbacks - before.readbacks,
    }
}

#[test]
fn a_gibbs_step_is_two_dispatches() {
    let _shared = gpu_or_ignored!();
    let gpu = own();
    let params = gpu.upload_params(&machine(70, 40, 0.3, 1), None).unwrap();
    let mut chains = gpu.upload_states(&states(33, 70, 2)).unwrap();
    let before = gpu.counts();
    gpu.gibbs(&params, &mut chains, Address::new(1), 0..25);
    gpu.finish().unwrap();
    assert_eq!(since(&gpu, before), Counts { dispatches: 50, submissions: 1, readbacks: 0 });
}

#[test]
fn a_rung_of_annealing_is_two_dispatches() {
    let _shared = gpu_or_ignored!();
    let gpu = own();
    let params = gpu.upload_params(&machine(70, 40, 0.3, 1), None).unwrap();
    let betas: Vec<f64> = (0..=20).map(|k| f64::from(k) / 20.0).collect();
    let mut annealing = gpu.start_annealing(&params, &[0.0; 70], 33, Address::new(1)).unwrap();
    let before = gpu.counts();
    gpu.anneal(&params, &mut annealing, &betas, 0..20);
    gpu.finish().unwrap();
    assert_eq!(since(&gpu, before), Counts { dispatches: 40, submissions: 1, readbacks: 0 });
}

/// Dispatches of an update besides its Gibbs steps: the minibatch, two products a phase, and the update in three.
const BESIDES: u64 = 1 + 2 * 2 + 3;
/// A flip move: its gains, its decision.
const FLIP: u64 = 2;
/// An exchange of all rungs: likewise.
const EXCHANGE: u64 = 2;

#[test]
fn a_hundred_updates_stay_on_the_device() {
    let _shared = gpu_or_ignored!();
    let gpu = own();
    let data = states(256, 64, 3);
    let cases = [
        (Algorithm::Pcd, false, 1),
        (Algorithm::Pcd, true, 10),
        (Algorithm::Cd, false, 3),
        (Algorithm::MeanField, false, 3),
        (Algorithm::Pt, false, 2),
        (Algorithm::Pt, true, 2),
    ];
    for (algorithm, flip, k) in cases {
        let settings = Settings {
            algorithm,
            gibbs_steps: k,
            chains: 64,
            batch: 64,
            updates: 102,
            learning_rate: 0.1,
            schedule: Schedule::Cosine,
            descent: Descent::Momentum { momentum: 0.5 },
            penalties: Penalties { weight_decay: 1e-4, ..Penalties::default() },
            centred: true,
            bias_rate: 1.0,
            offset_rate: 0.1,
            flip,
            translations: None,
            augment: gibbsite::internals::sample::Moves::NONE,
            rungs: 4,
            online: 0,
            average: 0.0,
            seed: 1,
        };
        let rbm = initial_machine(&data, 64, 0.01, 1);
        let state = initial_state(rbm, &data, &settings);
        let mut trainer = Trainer::new(&gpu, &settings, &data, &state).unwrap();
        trainer.advance(2).unwrap();
        let (before, made) = (gpu.counts(), gpu.bindings_made());
        assert!(made > 0);
        trainer.advance(102).unwrap();
        assert_eq!(gpu.bindings_made(), made, "{algorithm:?}: buffers are bound once");
        let counts = since(&gpu, before);
        let mut update = 2 * u64::from(k) + BESIDES + if flip { FLIP } else { 0 };
        let mut readbacks = 0;
        if algorithm == Algorithm::Pt {
            // Whatever the number of rungs; the record is read where it is full, where temperatures move (updates 49 and 99)
            // and at the end, the parameters never.
            update += EXCHANGE;
            readbacks = [50 - 2, 50, 102 - 100].map(|rounds: u64| rounds.div_ceil(RECORDED as u64)).iter().sum();
        }
        assert_eq!(counts.dispatches, 100 * update, "{algorithm:?}");
        assert_eq!(counts.readbacks, readbacks, "{algorithm:?}");
        assert!(counts.submissions < 10 + readbacks, "{algorithm:?}: {} submissions", counts.submissions);
    }
}
