//! Class exact: whole trajectories equal the reference to the last bit.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Acceptance, Backend, Rule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::lattice::{Graph, Lattice};

use super::{gpu_or_ignored, on_both, reference, states};

const RULES: [Rule; 3] = [Rule::Metropolis, Rule::MetropolisWithCoin, Rule::HeatBath];

/// The same temperature for everyone, or a ladder, so that lanes of a word differ.
fn temperatures(replicas: usize, ladder: bool) -> Vec<f64> {
    (0..replicas).map(|r| if ladder { 1.0 + 0.1 * r as f64 } else { 2.269_185 }).collect()
}

fn compare<B: Backend>(backend: &B, graph: &Graph, acceptance: &Acceptance, start: &BitMatrix, sweeps: u32) {
    let mut expected = start.clone();
    let mut spins = backend.upload_spins(graph, acceptance, start).unwrap();
    for sweep in 0..sweeps {
        backend.sweep(&mut spins, 11, sweep..sweep + 1);
        reference::sweep(graph, acceptance, &mut expected, 11, sweep);
        assert_eq!(backend.read_spins(&spins).unwrap(), expected, "after sweep {sweep}");
    }
}

fn cases() -> Vec<(Graph, usize)> {
    let lattices = ["chain:6", "open-chain:2", "open-chain:7", "square:4", "square:10"];
    let mut cases: Vec<(Graph, usize)> =
        lattices.iter().map(|l| l.parse::<Lattice>().unwrap().graph()).zip([1, 31, 33, 64, 70]).collect();
    // A star: one site with 15 neighbours, the most that is counted, and a lonely site without any.
    let bonds: Vec<(usize, usize)> = (1..16).map(|i| (0, i)).collect();
    cases.push((Graph::new(17, &bonds, 2, |i| usize::from(i > 0)), 40));
    cases
}

on_both! {
    fn trajectories_equal_the_reference_bit_for_bit(backend) {
        for (graph, replicas) in cases() {
            for (rule, ladder) in RULES.into_iter().map(|rule| (rule, true)).chain([(Rule::Metropolis, false)]) {
                let acceptance = Acceptance::new(rule, graph.max_degree, &temperatures(replicas, ladder)).unwrap();
                compare(backend, &graph, &acceptance, &states(replicas, graph.sites, 3), 6);
            }
        }
    }
}

on_both! {
    fn replicas_at_the_ends_of_words_and_blocks_equal_the_reference(backend) {
        let square = Lattice::Square { length: 4 }.graph();
        let ring = Lattice::Chain { length: 10 }.graph();
        let triangles = Lattice::Triangular { length: 3 }.graph();
        for rule in RULES {
            for replicas in [1, 32, 255, 256, 257, 513] {
                for (graph, coupling) in [(&square, 1.0), (&square, -0.7), (&ring, 1.0), (&triangles, -1.0)] {
                    let temperatures = temperatures(replicas, true);
                    let acceptance =
                        Acceptance::with_coupling(rule, graph.max_degree, coupling, &temperatures).unwrap();
                    compare(backend, graph, &acceptance, &states(replicas, graph.sites, 4), 2);
                }
            }
        }
    }
}

/// Regular graphs that have kernels of their own: a lattice too large for workgroup memory, a ring, a cubic torus.
#[test]
fn regular_graphs_equal_the_reference_on_the_cpu_and_large_ones_on_the_gpu() {
    let cube: Vec<(usize, usize)> = (0..64)
        .flat_map(|i| {
            let step = |unit: usize| i - i / unit % 4 * unit + (i / unit + 1) % 4 * unit;
            [(i, step(1)), (i, step(4)), (i, step(16))]
        })
        .collect();
    let cube = Graph::new(64, &cube, 2, |i| (i + i / 4 + i / 16) % 2);
    let large = Lattice::Square { length: 66 }.graph();
    for rule in RULES {
        for (graph, replicas, sweeps) in
            [(&cube, 70, 6), (&large, 3, 2), (&Lattice::Chain { length: 20 }.graph(), 300, 4)]
        {
            let acceptance = Acceptance::new(rule, graph.max_degree, &temperatures(replicas, true)).unwrap();
            compare(&Cpu, graph, &acceptance, &states(replicas, graph.sites, 8), sweeps);
        }
    }
    let gpu = gpu_or_ignored!();
    for rule in RULES {
        let acceptance = Acceptance::new(rule, 4, &temperatures(33, true)).unwrap();
        compare(gpu, &large, &acceptance, &states(33, large.sites, 8), 2);
    }
    let acceptance = Acceptance::new(Rule::HeatBath, 6, &temperatures(33, true)).unwrap();
    compare(gpu, &cube, &acceptance, &states(33, 64, 8), 3);
}

/// Where only some replicas flip for certain: e^{−8/T} below 2⁻³³ rounds the heat bath's largest probability to 1.
#[test]
fn replicas_that_are_certain_beside_others_that_are_not() {
    let graph = Lattice::Square { length: 4 }.graph();
    let mixed: Vec<f64> = (0..40).map(|r| if r % 3 == 0 { 0.2 } else { 2.0 }).collect();
    let acceptance = Acceptance::new(Rule::HeatBath, 4, &mixed).unwrap();
    assert_ne!(acceptance.classes(4).always.iter().copied().fold(0, |a, b| a | b), 0);
    compare(&Cpu, &graph, &acceptance, &states(40, 16, 3), 20);
    let gpu = gpu_or_ignored!();
    compare(gpu, &graph, &acceptance, &states(40, 16, 3), 20);
}

on_both! {
    fn a_table_for_more_neighbours_serves_as_well(backend) {
        let graph = Lattice::Chain { length: 8 }.graph();
        let acceptance = Acceptance::new(Rule::HeatBath, 6, &temperatures(33, true)).unwrap();
        compare(backend, &graph, &acceptance, &states(33, 8, 5), 4);
    }
}

on_both! {
    fn a_range_of_sweeps_may_be_split_anywhere(backend) {
        let graph = Lattice::Square { length: 6 }.graph();
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &temperatures(40, true)).unwrap();
        let start = states(40, 36, 9);
        let run = |bounds: &[u32]| {
            let mut spins = backend.upload_spins(&graph, &acceptance, &start).unwrap();
            for pair in bounds.windows(2) {
                backend.sweep(&mut spins, 5, pair[0]..pair[1]);
            }
            backend.read_spins(&spins).unwrap()
        };
        assert_eq!(run(&[0, 300]), run(&[0, 1, 170, 300]));
        assert_ne!(run(&[0, 300]), run(&[1, 301]), "another address must give other spins");
    }
}

on_both! {
    fn one_flipped_bit_is_noticed(backend) {
        let graph = Lattice::Square { length: 4 }.graph();
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &temperatures(33, false)).unwrap();
        let start = states(33, 16, 1);
        let mut altered = start.clone();
        altered.set(32, 7, !start.get(32, 7));
        let sabotage = std::panic::AssertUnwindSafe(|| {
            let mut expected = start.clone();
            let mut spins = backend.upload_spins(&graph, &acceptance, &altered).unwrap();
            backend.sweep(&mut spins, 11, 0..1);
            reference::sweep(&graph, &acceptance, &mut expected, 11, 0);
            backend.read_spins(&spins).unwrap() == expected
        });
        assert!(!sabotage(), "a start with one other spin must not end in the same state");
    }
}

#[test]
fn misfits_are_refused_before_anything_runs() {
    let gpu = gpu_or_ignored!();
    let graph = Lattice::Square { length: 4 }.graph();
    let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0; 3]).unwrap();
    assert!(gpu.upload_spins(&graph, &acceptance, &states(2, 16, 1)).is_err(), "replicas without a temperature");
    assert!(gpu.upload_spins(&graph, &acceptance, &states(3, 15, 1)).is_err(), "too few sites");
    let narrow = Acceptance::new(Rule::Metropolis, 2, &[2.0; 3]).unwrap();
    assert!(gpu.upload_spins(&graph, &narrow, &states(3, 16, 1)).is_err(), "a table for fewer neighbours");
    let star: Vec<(usize, usize)> = (1..17).map(|i| (0, i)).collect();
    let star = Graph::new(17, &star, 2, |i| usize::from(i > 0));
    let wide = Acceptance::new(Rule::Metropolis, 16, &[2.0]).unwrap();
    let error = gpu.upload_spins(&star, &wide, &states(1, 17, 1)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("at most 15"), "{error}");
}

/// The tests of this layout and of the one with a bit a site that compare the CPU with the reference, run again by a
/// process that may not use the widest instructions.
#[test]
fn lesser_instructions_equal_the_reference_as_well() {
    const TESTS: [&str; 7] = [
        "parity::ising_half_sweep::trajectories_equal_the_reference_bit_for_bit::cpu",
        "parity::ising_half_sweep::replicas_at_the_ends_of_words_and_blocks_equal_the_reference::cpu",
        "parity::ising_half_sweep::a_table_for_more_neighbours_serves_as_well::cpu",
        "parity::ising_torus_half_sweep::trajectories_equal_the_reference_bit_for_bit::cpu",
        "parity::ising_torus_half_sweep::replicas_beyond_a_word_of_temperatures_have_their_own::cpu",
        "parity::ising_sums::sums_equal_the_reference::cpu",
        "parity::ising_torus_sums::sums_equal_the_reference::cpu",
    ];
    for variable in ["GIBBSITE_AVX2", "GIBBSITE_PORTABLE"] {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = again.arg("--exact").args(TESTS).env(variable, "1").output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{variable}: {said}");
        assert!(said.contains(&format!(" {} passed", TESTS.len())), "a test of the list has another name: {said}");
    }
}

/// Both backends from all spins up, a checkerboard and random spins: equal to the last bit over 200 sweeps.
#[test]
fn cpu_and_gpu_trajectories_are_equal_over_200_sweeps() {
    let gpu = gpu_or_ignored!();
    let lattice = Lattice::Square { length: 10 };
    let (graph, replicas) = (lattice.graph(), 70);
    let starts = [
        BitMatrix::from_fn(replicas, 100, |_, _| true),
        BitMatrix::from_fn(replicas, 100, |r, i| (r + i / 10 + i % 10) % 2 == 0),
        states(replicas, 100, 1),
    ];
    for rule in RULES {
        for beta in [0.2, 0.44, 1.0] {
            let acceptance = Acceptance::new(rule, 4, &vec![1.0 / beta; replicas]).unwrap();
            for start in &starts {
                let mut on_cpu = Cpu.upload_spins(&graph, &acceptance, start).unwrap();
                let mut on_gpu = gpu.upload_spins(&graph, &acceptance, start).unwrap();
                for quarter in 0..4 {
                    let sweeps = 50 * quarter..50 * (quarter + 1);
                    Cpu.sweep(&mut on_cpu, 21, sweeps.clone());
                    gpu.sweep(&mut on_gpu, 21, sweeps);
                    Cpu.record_sums(&mut on_cpu);
                    gpu.record_sums(&mut on_gpu);
                    let (cpu, gpu) = (Cpu.read_spins(&on_cpu).unwrap(), gpu.read_spins(&on_gpu).unwrap());
                    assert_eq!(cpu, gpu, "{rule:?}, β = {beta}, quarter {quarter}");
                }
                assert_eq!(Cpu.read_sums(&mut on_cpu).unwrap(), gpu.read_sums(&mut on_gpu).unwrap());
            }
        }
    }
}

/// Some software devices leave a loop after 65 535 rounds without a word; a long range must not come near.
#[test]
fn a_long_range_on_a_small_lattice_is_run_to_its_end() {
    let gpu = gpu_or_ignored!();
    for length in [4, 8, 64] {
        let graph = Lattice::Square { length }.graph();
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.3]).unwrap();
        let start = states(1, length * length, 4);
        let sweeps = if length == 64 { 0..1200 } else { 0..6000 };
        let mut on_cpu = Cpu.upload_spins(&graph, &acceptance, &start).unwrap();
        let mut on_gpu = gpu.upload_spins(&graph, &acceptance, &start).unwrap();
        Cpu.sweep(&mut on_cpu, 2, sweeps.clone());
        gpu.sweep(&mut on_gpu, 2, sweeps);
        assert_eq!(Cpu.read_spins(&on_cpu).unwrap(), gpu.read_spins(&on_gpu).unwrap(), "length {length}");
    }
}
