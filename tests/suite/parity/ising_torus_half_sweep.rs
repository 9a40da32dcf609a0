//! Class exact: whole trajectories equal the reference to the last bit, in the layout with one bit a site.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Acceptance, Backend, Rule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::lattice::Lattice;

use super::{gpu_or_ignored, on_both, reference, states};

const RULES: [Rule; 3] = [Rule::Metropolis, Rule::MetropolisWithCoin, Rule::HeatBath];

pub(super) fn square(length: usize) -> Lattice {
    Lattice::Square { length }
}

pub(super) fn cubic(length: usize) -> Lattice {
    Lattice::Cubic { length }
}

/// Temperatures with 2, 3, 4 and 5 drawn classes on square lattices, with 3, 4, 6 and 7 on cubic ones.
fn acceptances(rule: Rule, lattice: Lattice) -> Acceptance {
    Acceptance::new(rule, 2 * lattice.dimensions(), &[2.269_185, 0.3, 1.1]).unwrap()
}

fn assert_equal_to_reference<B: Backend>(backend: &B, rule: Rule, lattice: Lattice, sweeps: u32) {
    let acceptance = acceptances(rule, lattice);
    let mut expected = states(3, lattice.sites(), 3);
    let mut spins = backend.upload_torus(lattice, &acceptance, &expected).unwrap();
    assert!(backend.read_spins(&spins).unwrap() == expected, "{lattice}: uploaded and read");
    for sweep in 7..7 + sweeps {
        backend.sweep(&mut spins, 11, sweep..sweep + 1);
        reference::torus_sweep(lattice, &acceptance, &mut expected, 11, sweep);
        assert!(backend.read_spins(&spins).unwrap() == expected, "{rule:?} {lattice}, after sweep {sweep}");
    }
}

on_both! {
    fn trajectories_equal_the_reference_bit_for_bit(backend) {
        for rule in RULES {
            // Rows of 1, 2, 3, 4, 5 and 8 words: each way to find the words beside.
            for length in [64, 128, 192, 256, 320, 512] {
                assert_equal_to_reference(backend, rule, square(length), if length > 200 { 1 } else { 3 });
            }
        }
    }
}

on_both! {
    fn rows_that_do_not_fill_their_words_equal_the_reference(backend) {
        // One word that is less than full, full but for a bit, a bit of a second; rows of 2, 3, 4 and 8 words; numbers of
        // words that are no multiple of 8.
        for length in [4, 6, 10, 34, 62, 66, 100, 126, 130, 198, 482] {
            for rule in RULES {
                assert_equal_to_reference(backend, rule, square(length), if length > 100 { 1 } else { 3 });
            }
        }
    }
}

on_both! {
    fn cubic_trajectories_equal_the_reference_bit_for_bit(backend) {
        for rule in RULES {
            // Layers that are parts of a block and of a vector, and that are no whole number of vectors.
            for length in [4, 6, 10, 16, 34, 62, 64, 66] {
                assert_equal_to_reference(backend, rule, cubic(length), if length > 34 { 1 } else { 3 });
            }
        }
    }
}

/// Rows of more than two words, on a part of the rules: the reference takes a second for each.
#[test]
fn large_cubic_lattices_equal_the_reference() {
    assert_equal_to_reference(&Cpu, Rule::Metropolis, cubic(100), 1);
    assert_equal_to_reference(&Cpu, Rule::HeatBath, cubic(128), 1);
    assert_equal_to_reference(&Cpu, Rule::Metropolis, cubic(130), 1);
}

/// Rows of four and eight words, against the GPU: their sizes are too much for the reference.
#[test]
fn cpu_and_gpu_agree_on_large_cubic_lattices() {
    let gpu = gpu_or_ignored!();
    for length in [196, 256] {
        let lattice = cubic(length);
        let acceptance = Acceptance::new(Rule::Metropolis, 6, &[4.5]).unwrap();
        let start = states(1, lattice.sites(), 1);
        let mut on_cpu = Cpu.upload_torus(lattice, &acceptance, &start).unwrap();
        let mut on_gpu = gpu.upload_torus(lattice, &acceptance, &start).unwrap();
        Cpu.sweep(&mut on_cpu, 21, 0..2);
        gpu.sweep(&mut on_gpu, 21, 0..2);
        assert!(Cpu.read_spins(&on_cpu).unwrap() == gpu.read_spins(&on_gpu).unwrap(), "{lattice}");
    }
}

on_both! {
    fn replicas_beyond_a_word_of_temperatures_have_their_own(backend) {
        for (rule, lattice) in RULES.into_iter().flat_map(|rule| [(rule, square(64)), (rule, square(38)), (rule, cubic(14))]) {
            let temperatures: Vec<f64> = (0..37).map(|r| 0.3 + 0.1 * f64::from(r / 2)).collect();
            let acceptance = Acceptance::new(rule, 2 * lattice.dimensions(), &temperatures).unwrap();
            let mut expected = states(37, lattice.sites(), 5);
            let mut spins = backend.upload_torus(lattice, &acceptance, &expected).unwrap();
            backend.sweep(&mut spins, 3, 0..2);
            (0..2).for_each(|sweep| reference::torus_sweep(lattice, &acceptance, &mut expected, 3, sweep));
            assert!(backend.read_spins(&spins).unwrap() == expected, "{rule:?} {lattice}");
        }
    }
}

on_both! {
    fn a_range_of_sweeps_may_be_split_anywhere(backend) {
        for lattice in [square(128), square(90), cubic(20)] {
            let acceptance = acceptances(Rule::Metropolis, lattice);
            let start = states(3, lattice.sites(), 9);
            let run = |bounds: &[u32]| {
                let mut spins = backend.upload_torus(lattice, &acceptance, &start).unwrap();
                for pair in bounds.windows(2) {
                    backend.sweep(&mut spins, 5, pair[0]..pair[1]);
                }
                backend.read_spins(&spins).unwrap()
            };
            assert!(run(&[0, 30]) == run(&[0, 1, 17, 30]), "{lattice}");
            assert!(run(&[0, 30]) != run(&[1, 31]), "another address must give other spins");
        }
    }
}

on_both! {
    fn lattices_without_such_a_layout_are_refused(backend) {
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0]).unwrap();
        for (lattice, advice) in [
            (square(0), "at least 2 sites"),
            (square(2), "even sides from 4 on"),
            (square(65), "even sides from 4 on"),
            (Lattice::Triangular { length: 8 }, "a square or cubic lattice"),
            (Lattice::Chain { length: 64 }, "a square or cubic lattice"),
            (cubic(4), "a table for 6"),
        ] {
            let start = BitMatrix::zeros(1, lattice.sites());
            let error = backend.upload_torus(lattice, &acceptance, &start).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(advice), "{error}");
        }
        let other = backend.upload_torus(square(64), &acceptance, &BitMatrix::zeros(2, 4096)).map(|_| ());
        assert!(other.is_err(), "a replica without a temperature");
        let narrow = Acceptance::new(Rule::Metropolis, 2, &[2.0]).unwrap();
        assert!(backend.upload_torus(square(64), &narrow, &BitMatrix::zeros(1, 4096)).is_err());
    }
}

/// Threads and bands do not show in the result, whatever the range of sweeps; one flipped spin does. All but the smallest
/// are cut into bands for some of the numbers of threads; 1088, 1600 and 1000 with blocks across the ends of rows, the
/// cubes with blocks of several layers, across the ends of layers and within one.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for (lattice, sweeps) in [
        (square(192), 120),
        (square(512), 120),
        (square(1088), 120),
        (square(1600), 60),
        (square(1000), 120),
        (cubic(30), 120),
        (cubic(64), 120),
        (cubic(100), 60),
        (cubic(130), 30),
    ] {
        let acceptance = Acceptance::new(Rule::Metropolis, 2 * lattice.dimensions(), &[2.3]).unwrap();
        let start = states(1, lattice.sites(), 2);
        let run = |threads: usize, start: &BitMatrix, bounds: &[u32]| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut spins = Cpu.upload_torus(lattice, &acceptance, start).unwrap();
                bounds.windows(2).for_each(|pair| Cpu.sweep(&mut spins, 1, pair[0]..pair[1]));
                Cpu.read_spins(&spins).unwrap()
            })
        };
        let one = run(1, &start, &[0, sweeps]);
        for threads in [2, 3, 4, 7] {
            assert!(one == run(threads, &start, &[0, sweeps]), "{lattice}, {threads} threads");
            assert!(one == run(threads, &start, &[0, 1, sweeps - 20, sweeps]), "{lattice}, {threads} threads, split");
        }
        let mut altered = start.clone();
        // One spin may be forgotten within these sweeps, a half of them is not.
        (0..lattice.sites() / 2).for_each(|i| altered.set(0, i, !start.get(0, i)));
        assert!(one != run(2, &altered, &[0, sweeps]), "{lattice}");
    }
}

#[test]
fn cpu_and_gpu_trajectories_are_equal_over_200_sweeps() {
    let gpu = gpu_or_ignored!();
    for rule in RULES {
        for lattice in [square(128), square(82), cubic(18)] {
            let acceptance = acceptances(rule, lattice);
            let start = states(3, lattice.sites(), 1);
            let mut on_cpu = Cpu.upload_torus(lattice, &acceptance, &start).unwrap();
            let mut on_gpu = gpu.upload_torus(lattice, &acceptance, &start).unwrap();
            Cpu.sweep(&mut on_cpu, 21, 0..200);
            gpu.sweep(&mut on_gpu, 21, 0..200);
            assert!(Cpu.read_spins(&on_cpu).unwrap() == gpu.read_spins(&on_gpu).unwrap(), "{rule:?} {lattice}");
        }
    }
}
