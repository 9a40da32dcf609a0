//! A training allocates nothing once it runs: all buffers live with the states.
//!
//! An own program, because it counts for the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use gibbsite::backend::Backend;
use gibbsite::backend::cpu::Cpu;
use gibbsite::bits::BitMatrix;
use gibbsite::rbm::Rbm;
use gibbsite::train::{Algorithm, Schedule, Settings, Trainer, initial_machine, initial_state};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counted.
struct Counting;

#[expect(unsafe_code, reason = "an allocator's interface; every call is handed to the system's allocator")]
// SAFETY: all calls go unchanged to `System`, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A pool whose threads all have their buffers: a thread that first took part later would make them then.
fn pool(threads: usize) -> rayon::ThreadPool {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("works in memory");
    let (rbm, row) = (Rbm::zeros(1, 1), BitMatrix::zeros(1, 1));
    pool.broadcast(|_| {
        let params = Cpu.upload_params(&rbm, None).expect("works in memory");
        let states = Cpu.upload_states(&row).expect("works in memory");
        Cpu.read_free_energies(&params, &states).expect("works in memory");
    });
    pool
}

/// Allocations of 40 updates after 10.
fn allocations(algorithm: Algorithm, flip: bool, units: usize, hidden: usize, pool: &rayon::ThreadPool) -> u64 {
    let data = BitMatrix::from_fn(600, units, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
    let settings = Settings {
        algorithm,
        gibbs_steps: 2,
        chains: 150,
        batch: 200,
        updates: 1000,
        learning_rate: 0.01,
        schedule: Schedule::Cosine,
        momentum: 0.5,
        weight_decay: 1e-3,
        centred: true,
        bias_rate: 1.0,
        offset_rate: 0.1,
        flip,
        translations: None,
        rungs: 2,
        seed: 1,
    };
    let state = initial_state(initial_machine(&data, hidden, 0.01, 1), &data, &settings);
    pool.install(|| {
        let mut trainer = Trainer::new(&Cpu, &settings, &data, &state).expect("works in memory");
        trainer.advance(10).expect("works in memory");
        let before = COUNT.load(Ordering::Relaxed);
        trainer.advance(50).expect("works in memory");
        COUNT.load(Ordering::Relaxed) - before
    })
}

#[test]
fn a_training_allocates_nothing_once_it_runs() {
    // Small machines, whose chains are shared out, and one whose half-steps are.
    let pools = [1, 3].map(pool);
    for (units, hidden) in [(33, 20), (200, 97), (400, 400)] {
        for pool in &pools {
            for (algorithm, flip) in [(Algorithm::Pcd, true), (Algorithm::Cd, false)] {
                let count = allocations(algorithm, flip, units, hidden, pool);
                let threads = pool.current_num_threads();
                assert_eq!(count, 0, "{algorithm:?}, {units} x {hidden}, {threads} threads");
            }
        }
    }
    // The count is one: making the states does allocate.
    let before = COUNT.load(Ordering::Relaxed);
    std::hint::black_box(BitMatrix::zeros(3, 3));
    assert!(COUNT.load(Ordering::Relaxed) > before);
}
