//! A training allocates nothing once it runs: all buffers live with the states. And until then it takes a bit a unit for
//! the rows, which are put into the order in which they are trained on where they are.
//!
//! An own program, because it counts for the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Backend, Descent, Penalties, Sparsity};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::train::{Algorithm, Schedule, Settings, Trainer, initial_machine, initial_state};

static COUNT: AtomicU64 = AtomicU64::new(0);
/// Bytes in use, and the most there ever were.
static BYTES: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

/// Tests take turns: all count for the whole process.
static TURN: Mutex<()> = Mutex::new(());

fn taken(bytes: usize) {
    COUNT.fetch_add(1, Ordering::Relaxed);
    MOST.fetch_max(BYTES.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
}

/// The system's allocator, counted.
struct Counting;

#[expect(unsafe_code, reason = "an allocator's interface; every call is handed to the system's allocator")]
// SAFETY: all calls go unchanged to `System`, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both pieces may be there for a moment.
        taken(size);
        // SAFETY: the caller keeps the contract of `realloc`.
        let moved = unsafe { System.realloc(pointer, layout, size) };
        BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        moved
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

fn settings(algorithm: Algorithm, flip: bool) -> Settings {
    Settings {
        algorithm,
        gibbs_steps: 2,
        chains: 150,
        batch: 200,
        updates: 1000,
        learning_rate: 0.01,
        schedule: Schedule::Cosine,
        descent: match algorithm {
            Algorithm::Cd => Descent::Adam { momentum: 0.5, square_decay: 0.9, epsilon: 1e-8 },
            _ => Descent::Momentum { momentum: 0.5 },
        },
        penalties: Penalties {
            weight_decay: 1e-3,
            l1: 1e-3,
            max_norm: Some(1.0),
            clip: Some(0.5),
            sparsity: Some(Sparsity { target: 0.2, cost: 0.1 }),
        },
        centred: true,
        bias_rate: 1.0,
        offset_rate: 0.1,
        flip,
        translations: None,
        augment: gibbsite::internals::sample::Moves::NONE,
        rungs: 2,
        online: 0,
        average: 0.0,
        seed: 1,
    }
}

/// Allocations of `updates` updates after 10.
fn allocations(
    updates: u64,
    algorithm: Algorithm,
    flip: bool,
    units: usize,
    hidden: usize,
    pool: &rayon::ThreadPool,
) -> u64 {
    let data = BitMatrix::from_fn(600, units, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
    let settings = settings(algorithm, flip);
    let state = initial_state(initial_machine(&data, hidden, 0.01, 1), &data, &settings);
    pool.install(|| {
        let mut trainer = Trainer::new(&Cpu, &settings, &data, &state).expect("works in memory");
        trainer.advance(10).expect("works in memory");
        let before = COUNT.load(Ordering::Relaxed);
        trainer.advance(10 + updates).expect("works in memory");
        COUNT.load(Ordering::Relaxed) - before
    })
}

#[test]
fn a_training_allocates_nothing_once_it_runs() {
    let _turn = TURN.lock();
    // Small machines, whose chains are shared out, and one whose half-steps are.
    let pools = [1, 3].map(pool);
    for (units, hidden) in [(33, 20), (200, 97), (400, 400)] {
        for pool in &pools {
            for (algorithm, flip) in [(Algorithm::Pcd, true), (Algorithm::Cd, false), (Algorithm::MeanField, false)] {
                let threads = pool.current_num_threads();
                let [one, many] = [1, 40].map(|updates| allocations(updates, algorithm, flip, units, hidden, pool));
                assert_eq!(one, many, "{algorithm:?}, {units} x {hidden}, {threads} threads");
                // Other threads are told once that steps are to come.
                assert!(one <= if threads == 1 { 0 } else { 4 }, "{one} allocations, {threads} threads");
            }
        }
    }
    // The count is one: making the states does allocate.
    let before = COUNT.load(Ordering::Relaxed);
    std::hint::black_box(BitMatrix::zeros(3, 3));
    assert!(COUNT.load(Ordering::Relaxed) > before);
}

/// Reading, ordering and training 60 000 rows of 784 units. A row is 25 words, 100 bytes, and is put into the order of
/// training where it is; machine, moments and buffers take less than 4 MB. A copy of the rows, 6 MB, would be too much, and
/// so would the 47 MB of the file. A million rows: 100 MB.
#[test]
fn rows_take_a_bit_a_unit() {
    let _turn = TURN.lock();
    let place = tempfile::tempdir().expect("a place for files");
    let path = place.path().join("rows.npy");
    let rows = 60_000;
    let bits = BitMatrix::from_fn(rows, 784, |r, j| (r * 7 + j * 13 + r * j) % 5 < 2);
    gibbsite::internals::data::write_npy_samples(&path, &bits, gibbsite::internals::rbm::Values::Binary)
        .expect("is written");
    drop(bits);
    let before = BYTES.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let data = gibbsite::internals::data::read(&path).expect("is there");
    let split = gibbsite::internals::run::train::split(data.samples, 0, 1);
    let settings = settings(Algorithm::Pcd, false);
    let state = initial_state(initial_machine(&split.train, 64, 0.01, 1), &split.train, &settings);
    let mut trainer = Trainer::new(&Cpu, &settings, &split.train, &state).expect("works in memory");
    trainer.advance(3).expect("works in memory");
    let most = MOST.load(Ordering::Relaxed) - before;
    let packed = rows as u64 * 100;
    assert!(most >= packed, "{most} bytes: the rows are counted");
    assert!(most < packed + rows as u64 / 8 + 4_000_000, "{most} bytes for {rows} rows");
}
