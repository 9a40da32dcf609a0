//! Points of a sweep are runs of their own.

use super::Place;
use crate::parity::states;
use gibbsite::internals::data::{read, read_model, write_csv};
use gibbsite::internals::rbm::Values;

/// Even rows of eight units, no two of which are equal by more than chance.
fn write_rows(place: &Place, rows: usize) {
    let samples = states(rows, 8, 3);
    let names: Vec<String> = (0..8).map(|j| j.to_string()).collect();
    write_csv(&place.path("rows.csv"), &samples, Values::Binary, Some(&names)).unwrap();
}

/// Settings apart by one part in 10⁹ would give the same numbers from the same random ones.
#[test]
fn points_of_a_sweep_draw_their_own_numbers() {
    let place = Place::new();
    place.put(
        "t.ron",
        "(version: 1, name: \"t\", source: Ising(lattice: \"square:4\", temperature: 3.5, samples: 200, replicas: 20, \
         thermalise: 50, every: 5), sweep: (temperature: [3.5, 3.5000000001], seed: [1, 2]))",
    );
    place.good("run t.ron --quiet");
    let data = |t: &str, seed: u32| {
        read(&place.path(&format!("runs/t/temperature={t},seed={seed}/data.npz"))).unwrap().samples
    };
    let all = [("3.5", 1), ("3.5", 2), ("3.5000000001", 1), ("3.5000000001", 2)].map(|(t, seed)| data(t, seed));
    for (k, a) in all.iter().enumerate() {
        for b in &all[..k] {
            let equal = (0..200).filter(|&r| a.row(r) == b.row(r)).count();
            // Two states of 4 × 4 spins at T = 3.5 are equal once in 400: Σ p² = 0.00245.
            assert!(equal < 10, "{equal} of 200 states are equal");
        }
    }
}

/// Points that differ in a setting of the training alone have their numbers in common: what differs is due to the setting,
/// and a rate apart by one part in 10⁹ is due to nothing. Another seed is another training.
#[test]
fn settings_of_a_training_are_compared_on_the_same_numbers() {
    let place = Place::new();
    write_rows(&place, 105);
    place.put(
        "m.ron",
        "(version: 1, name: \"m\", source: File(path: \"rows.csv\"), model: (hidden: 5), train: (updates: 20, batch: 10, \
         chains: 10), sweep: (learning_rate: [0.1, 0.1000000001], seed: [1, 2]))",
    );
    place.good("run m.ron --quiet");
    let weights = |rate: &str, seed: u32| {
        let model = format!("runs/m/learning_rate={rate},seed={seed}/model.safetensors");
        read_model(&place.path(&model)).unwrap().rbm.weights
    };
    let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).filter(|(a, b)| (*a - *b).abs() > 1e-4).count();
    let one = weights("0.1", 1);
    assert_eq!(apart(&one, &weights("0.1000000001", 1)), 0);
    let other = apart(&one, &weights("0.1", 2));
    assert!(other > one.len() / 2, "{other} of {} weights differ", one.len());
}
