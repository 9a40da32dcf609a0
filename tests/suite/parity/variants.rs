//! Every variant of the kernels that form products: tiles, checks and precisions.
//!
//! One tile is judged by the reference in the files of the stems; here every other tile must give its bits, with the
//! driver's checks of indices and without, in buffers that hold no byte more than the sizes need. Weights stored in
//! f16 must act as the same machine with its weights rounded on the host by another implementation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gibbsite::internals::backend::gpu::shader::Precision;
use gibbsite::internals::backend::gpu::{CompiledStore, Gpu, Selection, TileChoices, TileStore, Timed, tile};
use gibbsite::internals::backend::{
    Address, Backend, Descent, Exchanged, HostMoments, KernelTime, OptimiserState, Penalties, Phase, UpdateRule,
};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use half::f16;

use super::reference::free_energy;
use super::{SIZES, assert_bounded, gpu_or_ignored, machine, states};

/// Sizes around every tile, and two that span several tiles of the largest.
fn sizes() -> Vec<(usize, usize, usize)> {
    let more = [(1, 32, 31), (127, 129, 128), (257, 33, 259), (5, 261, 130)];
    SIZES.iter().copied().chain(more).collect()
}

/// Everything that the kernels of a machine give, from the same start.
#[derive(Debug, PartialEq)]
pub(super) struct Results {
    hidden: BitMatrix,
    chains: BitMatrix,
    energies: Vec<f64>,
    log_weights: Vec<f64>,
    tempered: (BitMatrix, Vec<Exchanged>, Vec<f64>),
    moments: HostMoments,
    fields: HostMoments,
    updated: (Rbm, OptimiserState),
    after_update: BitMatrix,
}

pub(super) fn results(gpu: &Gpu, rbm: &Rbm, rows: usize) -> Results {
    let v = states(rows, rbm.n_visible, 2);
    let address = Address { seed: 1 << 33 | 3, first_chain: 5 };
    let mut params = gpu.upload_params(rbm, None).unwrap();
    let mut chains = gpu.upload_states(&v).unwrap();
    let hidden = gpu.read_hidden(&params, &chains, address, 1).unwrap();
    gpu.gibbs(&params, &mut chains, address, 2..4);
    gpu.flip_move(&params, &mut chains, address, 4);
    let ladder = [0.0, 0.2, 1.0];
    let mut annealing = gpu.start_annealing(&params, &vec![0.3; rbm.n_visible], rows, address).unwrap();
    gpu.anneal(&params, &mut annealing, &ladder, 0..2);
    // Half of the rows once more as the last of two rungs, above others: no more chains than fit anyway.
    let half = (rows / 2).max(1);
    let mut replicas = states(half, rbm.n_visible, 4);
    replicas.append(&v.slice_rows(0..half));
    let mut replicas = gpu.upload_states(&replicas).unwrap();
    let mut temperatures = gpu.upload_temperatures(&params, &vec![0.3; rbm.n_visible], &[0.7, 1.0], half).unwrap();
    gpu.temper(&params, &temperatures, &mut replicas, address, 2..4);
    gpu.flip_replicas(&params, &temperatures, &mut replicas, address, 4);
    gpu.exchange(&params, &mut temperatures, &mut replicas, address, 6);
    let energies_at = gpu.read_tempered_energies(&params, &temperatures, &replicas).unwrap();
    let exchanged = gpu.read_exchanges(&mut temperatures).unwrap();
    let mut moments = gpu.new_moments(&params).unwrap();
    gpu.accumulate_moments(&params, &gpu.upload_states(&v).unwrap(), Phase::Data, &mut moments);
    gpu.accumulate_moments(&params, &chains, Phase::Model, &mut moments);
    let mut fields = gpu.new_moments(&params).unwrap();
    gpu.subtract_mean_field(&params, &gpu.upload_states(&v).unwrap(), 2, &mut fields);
    let drawn = gpu.read_states(&chains).unwrap();
    let energies = gpu.read_free_energies(&params, &chains).unwrap();
    let rule = UpdateRule {
        descent: Descent::Momentum { momentum: 0.5 },
        penalties: Penalties { weight_decay: 1e-3, ..Penalties::default() },
        bias_rate: 0.5,
        centred: true,
        offset_rate: 0.1,
        ..UpdateRule::plain(0.1)
    };
    gpu.update(&mut params, &moments, &rule);
    gpu.gibbs(&params, &mut chains, address, 5..6);
    Results {
        hidden,
        chains: drawn,
        energies,
        log_weights: gpu.read_log_weights(&annealing).unwrap(),
        tempered: (gpu.read_states(&replicas).unwrap(), exchanged, energies_at),
        moments: gpu.read_moments(&moments).unwrap(),
        fields: gpu.read_moments(&fields).unwrap(),
        updated: gpu.read_params(&params).unwrap(),
        after_update: gpu.read_states(&chains).unwrap(),
    }
}

fn open(selection: Selection) -> Option<Gpu> {
    Gpu::new(&Selection { allow_software: true, ..selection }).ok()
}

#[test]
fn every_tile_gives_the_same_bits_with_checks_and_without() {
    let shared = gpu_or_ignored!();
    let cases = sizes().into_iter().map(|(rows, n_visible, n_hidden)| (rows, machine(n_visible, n_hidden, 0.4, 1)));
    let cases: Vec<(usize, Rbm, Results)> =
        cases.map(|(rows, rbm)| (rows, rbm.clone(), results(shared, &rbm, rows))).collect();
    for (rows, rbm, expected) in &cases {
        let wrong = expected.energies.iter().chain(&expected.log_weights).find(|x| !x.is_finite());
        assert_eq!(wrong, None, "{rows} chains of {} × {}", rbm.n_visible, rbm.n_hidden);
    }
    // Those of any product, and what is taken for small machines.
    for tile in tile::ALL.into_iter().chain([&tile::STEPS]) {
        for checked in [false, true] {
            // A tile that the device has no room for is left out there.
            let Some(gpu) = open(Selection { tile: Some(tile), checked, ..Selection::default() }) else {
                assert!(tile.bytes() > gibbsite::internals::backend::gpu::WORKGROUP_BYTES, "{} must fit", tile.name);
                continue;
            };
            for (rows, rbm, expected) in &cases {
                let (n_visible, n_hidden) = (rbm.n_visible, rbm.n_hidden);
                let place = format!("{}, checked: {checked}, {rows} chains of {n_visible} × {n_hidden}", tile.name);
                assert!(results(&gpu, rbm, *rows) == *expected, "{place}");
            }
        }
    }
}

/// Weights of every kind of rounding: ties, below the smallest normal f16, zero of both signs.
fn awkward(n_visible: usize, n_hidden: usize) -> Rbm {
    let mut rbm = machine(n_visible, n_hidden, 0.4, 7);
    let ulp = 2f32.powi(-10);
    let special = [
        1.0 + ulp / 2.0,
        1.0 + 1.5 * ulp,
        -(1.0 + 0.499 * ulp),
        2f32.powi(-14),
        2f32.powi(-14) - 2f32.powi(-26),
        1.5 * 2f32.powi(-24),
        2.5 * 2f32.powi(-24),
        2f32.powi(-25),
        -2f32.powi(-26),
        0.0,
        -0.0,
        2047.5,
        -1e-30,
    ];
    for (w, x) in rbm.weights.iter_mut().zip(special) {
        *w = x;
    }
    rbm
}

#[test]
fn weights_in_f16_act_as_rounded_weights() {
    let plain = gpu_or_ignored!();
    // Taken apart in the shader, and as the device's own f16 where it has one.
    for force_packed in [true, false] {
        let halves = open(Selection { precision: Precision::F16, force_packed, ..Selection::default() }).unwrap();
        assert!(halves.precision() == Precision::F16 || !force_packed);
        rounded_weights(plain, &halves);
    }
}

fn rounded_weights(plain: &Gpu, halves: &Gpu) {
    for (rows, n_visible, n_hidden) in sizes() {
        let rbm = awkward(n_visible, n_hidden);
        let mut rounded = rbm.clone();
        rounded.weights.iter_mut().for_each(|w| *w = f16::from_f32(*w).to_f32());
        let place = format!("{rows} chains of {n_visible} × {n_hidden}");
        let (found, expected) = (results(halves, &rbm, rows), results(plain, &rounded, rows));
        assert_eq!(found.hidden, expected.hidden, "hidden, {place}");
        assert_eq!(found.chains, expected.chains, "chains, {place}");
        assert_eq!(found.energies, expected.energies, "F, {place}");
        assert_eq!(found.log_weights, expected.log_weights, "log-weights, {place}");
        assert_eq!(found.moments, expected.moments, "moments, {place}");
        assert_eq!(found.fields, expected.fields, "mean fields, {place}");
        // The weights that are trained stay in f32.
        let params = halves.upload_params(&rbm, None).unwrap();
        assert_eq!(halves.read_params(&params).unwrap().0.weights, rbm.weights, "{place}");
        // After an update the products read the new weights, rounded anew.
        let v = states(rows, n_visible, 3);
        let trained = &found.updated.0;
        let again = halves.upload_params(trained, None).unwrap();
        let energies = halves.read_free_energies(&again, &halves.upload_states(&v).unwrap()).unwrap();
        let mut rounded = trained.clone();
        rounded.weights.iter_mut().for_each(|w| *w = f16::from_f32(*w).to_f32());
        let expected: Vec<(f64, f64)> = (0..rows).map(|r| free_energy(&rounded, &v, r)).collect();
        assert_bounded("F of rounded weights", &energies, &expected);
    }
}

#[test]
fn an_update_reaches_the_rounded_weights() {
    let _shared = gpu_or_ignored!();
    let halves = open(Selection { precision: Precision::F16, ..Selection::default() }).unwrap();
    let (rbm, v) = (machine(33, 31, 0.4, 1), states(40, 33, 2));
    let mut params = halves.upload_params(&rbm, None).unwrap();
    let data = halves.upload_states(&v).unwrap();
    let mut moments = halves.new_moments(&params).unwrap();
    halves.accumulate_moments(&params, &data, Phase::Data, &mut moments);
    let rule = UpdateRule::plain(0.5);
    halves.update(&mut params, &moments, &rule);
    let found = halves.read_free_energies(&params, &data).unwrap();
    let fresh = halves.upload_params(&halves.read_params(&params).unwrap().0, None).unwrap();
    assert_eq!(found, halves.read_free_energies(&fresh, &data).unwrap());
    let before = halves.upload_params(&rbm, None).unwrap();
    assert_ne!(found, halves.read_free_energies(&before, &data).unwrap());
}

/// Keeps choices in memory, by device.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<(String, TileChoices)>>>);

impl TileStore for Kept {
    fn load(&self, key: &str) -> TileChoices {
        let kept = self.0.lock().unwrap();
        kept.iter().rev().find(|(k, _)| k == key).map(|(_, choices)| choices.clone()).unwrap_or_default()
    }

    fn save(&self, key: &str, choices: &TileChoices) {
        self.0.lock().unwrap().push((key.to_string(), choices.clone()));
    }
}

/// Keeps what drivers compiled in memory, with the number of loads that found something.
#[derive(Debug, Clone, Default)]
struct Compiled(Arc<Mutex<(Vec<u8>, usize)>>);

impl CompiledStore for Compiled {
    fn load(&self, _key: &str) -> Option<Vec<u8>> {
        let mut kept = self.0.lock().unwrap();
        kept.1 += usize::from(!kept.0.is_empty());
        (!kept.0.is_empty()).then(|| kept.0.clone())
    }

    fn save(&self, _key: &str, data: &[u8]) {
        self.0.lock().unwrap().0 = data.to_vec();
    }
}

#[test]
fn compiled_kernels_are_used_again() {
    let shared = gpu_or_ignored!();
    let store = Compiled::default();
    let rbm = machine(33, 65, 0.4, 1);
    let run = || results(&open(Selection::default()).unwrap().with_compiled(Box::new(store.clone())), &rbm, 40);
    assert!(run() == results(shared, &rbm, 40));
    let (bytes, found) = store.0.lock().unwrap().clone();
    assert_eq!(found, 0);
    assert!(run() == results(shared, &rbm, 40));
    // The adapter may have no such cache; where it has one, the second device began with what the first one left.
    assert_eq!(store.0.lock().unwrap().1, usize::from(!bytes.is_empty()));
}

#[test]
fn tiles_are_measured_once_for_each_class_of_shapes() {
    let shared = gpu_or_ignored!();
    let store = Kept::default();
    let tuned = || open(Selection::default()).unwrap().with_tiles(Box::new(store.clone()), true);
    let rbm = machine(33, 65, 0.4, 1);
    let first = tuned();
    assert!(results(&first, &rbm, 40) == results(shared, &rbm, 40), "the choice of a tile changes no bit");
    let measured = store.0.lock().unwrap().len();
    assert!(measured > 0 && first.counts().dispatches > 100, "nothing was measured");
    // Neither the same device nor one opened later measures again.
    let (_, again) = (results(&first, &rbm, 40), results(&tuned(), &rbm, 40));
    assert!(again == results(shared, &rbm, 40));
    assert_eq!(store.0.lock().unwrap().len(), measured);
    // One more class of one kind of choice each time: tiles of products, and whether steps are done in one kernel.
    let kept = store.0.lock().unwrap().clone();
    let last: BTreeMap<&str, usize> = kept.iter().map(|(key, choices)| (key.as_str(), choices.len())).collect();
    assert_eq!(last.values().sum::<usize>(), measured, "{last:?}");
    assert_eq!(last.keys().filter(|key| key.ends_with("steps in f32")).count(), 1, "{last:?}");
    // Software devices are measured only when that is asked for.
    if shared.device().kind == "software" {
        let other = Kept::default();
        let gpu = open(Selection::default()).unwrap().with_tiles(Box::new(other.clone()), false);
        results(&gpu, &rbm, 40);
        assert!(other.0.lock().unwrap().is_empty());
    }
}

#[test]
fn timestamps_name_every_kernel() {
    let shared = gpu_or_ignored!();
    let timed = open(Selection { timed: Timed::Always, ..Selection::default() }).unwrap();
    let rbm = machine(33, 65, 0.4, 1);
    assert!(results(&timed, &rbm, 40) == results(shared, &rbm, 40), "timestamps change no bit");
    assert!(shared.kernel_times().is_empty(), "nothing is measured unless asked for");
    let times = timed.kernel_times();
    if times.is_empty() {
        // The adapter has no timestamps.
        return;
    }
    let dispatches: u64 = times.iter().map(|time| time.dispatches).sum();
    assert_eq!(dispatches, timed.counts().dispatches, "{times:?}");
    assert!(times.iter().all(|time| time.timed == time.dispatches), "{times:?}");
    assert!(times.iter().all(|time| time.seconds >= 0.0 && time.seconds < 60.0), "{times:?}");
    assert!(times.iter().any(|time| time.kernel.starts_with("moments.multiply") && time.dispatches == 2), "{times:?}");
    assert!(times.iter().map(|time| time.seconds).sum::<f64>() > 0.0, "{times:?}");
}

#[test]
fn some_batches_stand_for_all() {
    let _shared = gpu_or_ignored!();
    let gpu = open(Selection { timed: Timed::Sampled, ..Selection::default() }).unwrap();
    let params = gpu.upload_params(&machine(33, 65, 0.4, 1), None).unwrap();
    let mut chains = gpu.upload_states(&states(9, 33, 2)).unwrap();
    for batch in 0..20 {
        gpu.gibbs(&params, &mut chains, Address::new(1), 3 * batch..3 * batch + 3);
        gpu.finish().unwrap();
    }
    let times = gpu.kernel_times();
    // The batches 0, 8 and 16 of 20, three dispatches of each direction in each.
    let (timed, dispatches) = (|t: &KernelTime| t.timed == 9, |t: &KernelTime| t.dispatches == 60);
    assert!(times.iter().all(|time| timed(time) && dispatches(time)), "{times:?}");
    assert!(times.is_empty() || times.len() == 2, "{times:?}");
}
