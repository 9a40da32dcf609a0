//! Class exact: whole trajectories equal the reference to the last bit, in the layout with one bit a site.

use gibbsite::backend::cpu::Cpu;
use gibbsite::backend::{Acceptance, Backend, Rule};
use gibbsite::bits::BitMatrix;

use super::{gpu_or_ignored, on_both, reference, states};

const RULES: [Rule; 3] = [Rule::Metropolis, Rule::MetropolisWithCoin, Rule::HeatBath];

/// Temperatures with 2, 3, 4 and 5 drawn classes.
fn acceptances(rule: Rule) -> Acceptance {
    Acceptance::new(rule, 4, &[2.269_185, 0.3, 1.1]).unwrap()
}

on_both! {
    fn trajectories_equal_the_reference_bit_for_bit(backend) {
        for rule in RULES {
            // Rows of 1, 2, 3, 4, 5 and 8 words: each way to find the words beside.
            for length in [64, 128, 192, 256, 320, 512] {
                let acceptance = acceptances(rule);
                let mut expected = states(3, length * length, 3);
                let mut spins = backend.upload_square(length, &acceptance, &expected).unwrap();
                for sweep in 7..if length > 200 { 8 } else { 10 } {
                    backend.sweep(&mut spins, 11, sweep..sweep + 1);
                    reference::square_sweep(length, &acceptance, &mut expected, 11, sweep);
                    assert!(backend.read_spins(&spins).unwrap() == expected, "{rule:?} {length}, after sweep {sweep}");
                }
            }
        }
    }
}

on_both! {
    fn replicas_beyond_a_word_of_temperatures_have_their_own(backend) {
        for rule in RULES {
            let temperatures: Vec<f64> = (0..37).map(|r| 0.3 + 0.1 * f64::from(r / 2)).collect();
            let acceptance = Acceptance::new(rule, 4, &temperatures).unwrap();
            let mut expected = states(37, 4096, 5);
            let mut spins = backend.upload_square(64, &acceptance, &expected).unwrap();
            backend.sweep(&mut spins, 3, 0..2);
            (0..2).for_each(|sweep| reference::square_sweep(64, &acceptance, &mut expected, 3, sweep));
            assert!(backend.read_spins(&spins).unwrap() == expected, "{rule:?}");
        }
    }
}

on_both! {
    fn a_range_of_sweeps_may_be_split_anywhere(backend) {
        let acceptance = acceptances(Rule::Metropolis);
        let start = states(3, 128 * 128, 9);
        let run = |bounds: &[u32]| {
            let mut spins = backend.upload_square(128, &acceptance, &start).unwrap();
            for pair in bounds.windows(2) {
                backend.sweep(&mut spins, 5, pair[0]..pair[1]);
            }
            backend.read_spins(&spins).unwrap()
        };
        assert!(run(&[0, 30]) == run(&[0, 1, 17, 30]));
        assert!(run(&[0, 30]) != run(&[1, 31]), "another address must give other spins");
    }
}

on_both! {
    fn lengths_that_do_not_fill_words_are_refused(backend) {
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0]).unwrap();
        for length in [0, 8, 100] {
            let error = backend.upload_square(length, &acceptance, &BitMatrix::zeros(1, length * length)).map(|_| ());
            assert!(error.unwrap_err().to_string().contains("multiple of 64"), "{length}");
        }
        let other = backend.upload_square(64, &acceptance, &BitMatrix::zeros(2, 4096)).map(|_| ());
        assert!(other.is_err(), "a replica without a temperature");
        let narrow = Acceptance::new(Rule::Metropolis, 2, &[2.0]).unwrap();
        assert!(backend.upload_square(64, &narrow, &BitMatrix::zeros(1, 4096)).is_err());
    }
}

/// Threads and bands do not show in the result, whatever the range of sweeps; one flipped spin does. 512, 1088 and 1600
/// are cut into bands for some of the numbers of threads, the latter two with blocks across the ends of rows.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.3]).unwrap();
    for length in [192, 512, 1088, 1600] {
        let start = states(1, length * length, 2);
        let run = |threads: usize, start: &BitMatrix, bounds: &[u32]| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut spins = Cpu.upload_square(length, &acceptance, start).unwrap();
                bounds.windows(2).for_each(|pair| Cpu.sweep(&mut spins, 1, pair[0]..pair[1]));
                Cpu.read_spins(&spins).unwrap()
            })
        };
        let one = run(1, &start, &[0, 120]);
        for threads in [2, 3, 4, 7] {
            assert!(one == run(threads, &start, &[0, 120]), "{length}, {threads} threads");
            assert!(one == run(threads, &start, &[0, 1, 70, 120]), "{length}, {threads} threads, split");
        }
        let mut altered = start.clone();
        // One spin may be forgotten within these sweeps, a half of them is not.
        (0..length * length / 2).for_each(|i| altered.set(0, i, !start.get(0, i)));
        assert!(one != run(2, &altered, &[0, 120]), "{length}");
    }
}

#[test]
fn cpu_and_gpu_trajectories_are_equal_over_200_sweeps() {
    let gpu = gpu_or_ignored!();
    for rule in RULES {
        let acceptance = acceptances(rule);
        let start = states(3, 128 * 128, 1);
        let mut on_cpu = Cpu.upload_square(128, &acceptance, &start).unwrap();
        let mut on_gpu = gpu.upload_square(128, &acceptance, &start).unwrap();
        Cpu.sweep(&mut on_cpu, 21, 0..200);
        gpu.sweep(&mut on_gpu, 21, 0..200);
        assert!(Cpu.read_spins(&on_cpu).unwrap() == gpu.read_spins(&on_gpu).unwrap(), "{rule:?}");
    }
}
