//! Data that are not on the device, or not in memory: the same training to the last bit.

use std::sync::atomic::{AtomicUsize, Ordering};

use gibbsite::internals::backend::Backend;
use gibbsite::internals::backend::gpu::{Gpu, Selection};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::data::{PackedFile, write_npy_samples};
use gibbsite::internals::error::{Error, Result};
use gibbsite::internals::run::rows::split_file;
use gibbsite::internals::run::train::{fingerprint, split};
use gibbsite::internals::train::{
    Algorithm, RowSource, Settings, Start, State, Trainer, initial_machine, initial_state, initial_state_of,
};

use crate::parity::{gpu_or_ignored, on_both, states};

/// Rows that are never handed out as a whole; the fetch number `fails_at` fails.
struct ByNumber<'a> {
    rows: &'a BitMatrix,
    fetches: AtomicUsize,
    fails_at: usize,
}

impl<'a> ByNumber<'a> {
    fn new(rows: &'a BitMatrix) -> Self {
        Self { rows, fetches: AtomicUsize::new(0), fails_at: usize::MAX }
    }
}

impl RowSource for ByNumber<'_> {
    fn rows(&self) -> usize {
        self.rows.rows()
    }

    fn units(&self) -> usize {
        self.rows.cols()
    }

    fn fetch(&self, rows: &[u32]) -> Result<BitMatrix> {
        if self.fetches.fetch_add(1, Ordering::Relaxed) == self.fails_at {
            return Err(Error::input("the disk is gone"));
        }
        self.rows.fetch(rows)
    }

    fn ones(&self) -> Vec<u64> {
        self.rows.ones()
    }
}

/// Four updates an epoch, and some rows that no minibatch of an epoch takes.
fn case(algorithm: Algorithm, flip: bool) -> (BitMatrix, Settings) {
    let settings = Settings { batch: 60, chains: 45, flip, ..crate::training::settings(algorithm, 13) };
    (states(250, 67, 5), settings)
}

/// Trains up to each stop.
fn trained<B: Backend>(backend: &B, data: &dyn RowSource, settings: &Settings, stops: &[u64]) -> (State, bool) {
    let state = initial_state_of(initial_machine(data, 33, 0.1, 1), data, settings).unwrap();
    let mut trainer = Trainer::new(backend, settings, data, &state).unwrap();
    stops.iter().for_each(|&stop| trainer.advance(stop).unwrap());
    (trainer.state().unwrap(), trainer.is_streaming())
}

on_both! {
    fn streamed_is_resident(backend) {
        for (algorithm, flip) in [(Algorithm::Pcd, true), (Algorithm::Cd, false)] {
            let (data, settings) = case(algorithm, flip);
            let (resident, streams) = trained(backend, &data, &settings, &[13]);
            assert!(!streams);
            for stops in [&[13][..], &[1, 2, 9, 13]] {
                let (streamed, streams) = trained(backend, &ByNumber::new(&data), &settings, stops);
                assert!(streams);
                assert!(streamed == resident, "{algorithm:?} {stops:?}");
            }
            // A minibatch that went missing would be noticed.
            let other = data.select_rows(&(0..250).map(|r| if r == 7 { 8 } else { r }).collect::<Vec<_>>());
            assert!(trained(backend, &ByNumber::new(&other), &settings, &[13]).0 != resident);
        }
    }
}

on_both! {
    fn a_failing_disk_ends_the_training(backend) {
        let (data, settings) = case(Algorithm::Pcd, false);
        let state = initial_state(initial_machine(&data, 33, 0.1, 1), &data, &settings);
        let rows = ByNumber { fails_at: 1, ..ByNumber::new(&data) };
        let mut trainer = Trainer::new(backend, &settings, &rows, &state).unwrap();
        trainer.advance(3).unwrap();
        assert_eq!(trainer.advance(6), Err(Error::input("the disk is gone")));
    }
}

#[test]
fn data_too_large_for_a_binding_are_streamed_from_memory() {
    let shared = gpu_or_ignored!();
    let (data, settings) = case(Algorithm::Pcd, true);
    // 2000 rows of three words do not fit, 67 × 33 weights do.
    let selection = Selection { allow_software: true, largest: Some(13_000), ..Selection::default() };
    let data = data.select_rows(&(0..2000).map(|r| r % 250).collect::<Vec<_>>());
    let (resident, streams) = trained(shared, &data, &settings, &[13]);
    assert!(!streams);
    let (streamed, streams) = trained(&Gpu::new(&selection).unwrap(), &data, &settings, &[13]);
    assert!(streams && streamed == resident);
}

/// A file is split, hashed and trained on as the same rows in memory.
#[test]
fn a_file_is_the_rows_it_holds() {
    let (data, settings) = case(Algorithm::Pcd, false);
    let directory = tempfile::tempdir().unwrap();
    let samples = directory.path().join("samples.npy");
    write_npy_samples(&samples, &data, gibbsite::internals::rbm::Values::Binary).unwrap();
    for kept_out in [0, 25] {
        let in_memory = split(data.clone(), kept_out, 9);
        let in_file = split_file(&samples, directory.path().join("rows"), |_| kept_out, 9).unwrap();
        assert_eq!(in_file.held_out, in_memory.held_out);
        assert_eq!(in_file.train.ones(), in_memory.train.column_counts());
        let start = Start { weight_scale: 0.1, anchor: 2.0 };
        let plan = gibbsite::internals::run::train::TrainPlan::new(settings.clone(), 33, start);
        assert_eq!(fingerprint(&plan, &in_file.train), fingerprint(&plan, &in_memory.train));
        let from_file = trained(&gibbsite::internals::backend::cpu::Cpu, &in_file.train, &settings, &[5, 13]);
        assert!(from_file.1);
        assert!(from_file.0 == trained(&gibbsite::internals::backend::cpu::Cpu, &in_memory.train, &settings, &[13]).0);
    }
    assert!(PackedFile::pack(&samples, directory.path().join("none").join("rows")).is_err());
}
