//! Class exact: whole trajectories by clusters equal the reference to the last bit.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::gpu::{Gpu, Selection};
use gibbsite::internals::backend::{Backend, ClusterKind, ClusterRule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::Silent;
use gibbsite::internals::ising::{Algorithm, Model};
use gibbsite::internals::lattice::{Graph, Lattice};
use gibbsite::internals::rng::{Stream, key_of, philox};
use gibbsite::internals::run::ising::scan;

use super::{gpu_or_ignored, on_both, reference, states};
use crate::ising_exact::{compare, settings};

const KINDS: [ClusterKind; 2] = [ClusterKind::SwendsenWang, ClusterKind::Wolff];

fn lattice(name: &str) -> Graph {
    name.parse::<Lattice>().unwrap().graph()
}

/// Below and above every critical temperature; all bonds active (2³²), all but one in 2³², none.
const TEMPERATURES: [f64; 9] = [2.269_185, 1.0, 1e-3, 0.09, 4.51, 30.0, 1e12, 2.0, 3.6];

fn rule_of(kind: ClusterKind, coupling: f64, replicas: usize) -> ClusterRule {
    ClusterRule::new(kind, coupling, &TEMPERATURES.into_iter().cycle().take(replicas).collect::<Vec<f64>>())
}

fn assert_equal_to_reference<B: Backend>(backend: &B, graph: &Graph, rule: &ClusterRule, sweeps: u32) {
    let replicas = rule.thresholds.len();
    let place = format!("{:?}, {} sites, {replicas} replicas", rule.kind, graph.sites);
    let mut expected = states(replicas, graph.sites, 3);
    let mut spins = backend.upload_clusters(graph, rule, &expected).unwrap();
    assert!(backend.read_spins(&spins).unwrap() == expected, "{place}: uploaded and read");
    let (mut turned, mut rows) = (0, Vec::new());
    for sweep in 7..7 + sweeps {
        backend.sweep(&mut spins, 1 << 40 | 11, sweep..sweep + 1);
        backend.record_sums(&mut spins);
        turned += reference::cluster_sweep(graph, rule, &mut expected, 1 << 40 | 11, sweep);
        rows.push(reference::sums(graph, &expected));
        assert!(backend.read_spins(&spins).unwrap() == expected, "{place}, after sweep {sweep}");
    }
    assert_eq!(backend.read_sums(&mut spins).unwrap(), rows, "{place}");
    let counted = if rule.kind == ClusterKind::Wolff { turned } else { 0 };
    assert_eq!(backend.read_turned(&spins).unwrap(), counted, "{place}");
}

#[test]
fn thresholds_are_probabilities_in_32_bits() {
    let of = |t: f64| ClusterRule::new(ClusterKind::Wolff, -1.5, &[t]).thresholds[0];
    assert_eq!([of(1e-3), of(3.0 / 22.2), of(1e9)], [1 << 32, u64::from(u32::MAX), 13]);
    assert_eq!([of(1e30), of(3.0)], [0, (4_294_967_296.0 * (1.0 - (-1f64).exp())).round() as u64]);
}

on_both! {
    fn small_lattices_equal_the_reference_bit_for_bit(backend) {
        for kind in KINDS {
            // Bonds that are no multiple of four; as many replicas in a workgroup as fit, some, one; coins of 1 to 256 words.
            for (name, replicas, sweeps) in [
                ("open-chain:2", 1, 3), ("open-chain:2", 65, 3), ("open-chain:7", 33, 3), ("chain:6", 31, 3),
                ("square:4", 65, 3), ("square:8", 33, 3), ("triangular:5", 31, 3), ("honeycomb:6", 33, 3),
                ("cubic:4", 31, 3), ("chain:130", 33, 2), ("square:34", 9, 2), ("triangular:63", 3, 1),
                ("square:64", 3, 2), ("cubic:16", 5, 1),
            ] {
                for coupling in [1.0, -1.0] {
                    assert_equal_to_reference(backend, &lattice(name), &rule_of(kind, coupling, replicas), sweeps);
                }
            }
        }
    }
}

on_both! {
    fn large_lattices_equal_the_reference_bit_for_bit(backend) {
        for kind in KINDS {
            // Every number of lanes that a word may have; words of 32 lanes and one.
            for (name, replicas) in [
                ("chain:4098", 9), ("open-chain:4099", 3), ("square:66", 1), ("square:66", 2), ("square:70", 33),
                ("triangular:65", 5), ("honeycomb:66", 17), ("cubic:18", 9),
            ] {
                let coupling = if name == "triangular:65" { -1.0 } else { 1.0 };
                assert_equal_to_reference(backend, &lattice(name), &rule_of(kind, coupling, replicas), 2);
            }
        }
    }
}

/// Sites without bonds, with many, and two bonds of one pair; the same with so many sites that they do not fit workgroup
/// memory.
fn odd_graph(sites: usize) -> Graph {
    let star = (1..13).map(|i| (0, i * (sites - 1) / 13));
    let rest = (20..sites - 30).step_by(3).map(|i| (i + 29, i));
    Graph::from_bonds(sites, &star.chain([(3, 4), (4, 3)]).chain(rest).collect::<Vec<_>>()).unwrap()
}

on_both! {
    fn any_graph_equals_the_reference(backend) {
        for kind in KINDS {
            for (graph, replicas) in [
                (odd_graph(60), 35), (odd_graph(5001), 4), (Graph::from_bonds(5, &[]).unwrap(), 3),
                // One site more than whole blocks of coins, and nothing that joins it to others.
                (Graph::from_bonds(4609, &[]).unwrap(), 3), (Graph::from_bonds(1, &[]).unwrap(), 300),
            ] {
                assert_equal_to_reference(backend, &graph, &rule_of(kind, 0.7, replicas), 2);
            }
        }
    }
}

on_both! {
    /// ⌊N u⌋ of 64 digits, where those beyond the first 32 decide: one sweep in two million. Without active bonds the seed
    /// site is all that turns.
    fn all_digits_of_a_seed_site_count(backend) {
        for name in ["chain:4094", "chain:4098"] {
            let graph = lattice(name);
            let sites = graph.sites as u64;
            let carries = |sweep: &u32| {
                let words = philox([0, *sweep, Stream::ClusterSeed as u32, 0], key_of(5));
                let [high, low] = [words[0], words[1]].map(u64::from);
                (sites * high + ((sites * low) >> 32)) >> 32 != (sites * high) >> 32
            };
            let sweep = (0..u32::MAX).find(carries).unwrap();
            let rule = ClusterRule::new(ClusterKind::Wolff, 1.0, &[1e12]);
            let mut expected = states(1, graph.sites, 9);
            assert_eq!(reference::cluster_sweep(&graph, &rule, &mut expected, 5, sweep), 1);
            assert!(run(backend, &graph, &rule, &[sweep, sweep + 1]) == (expected, 1), "{name}");
        }
    }
}

/// Spins and counts after some ranges of sweeps that follow one another.
fn run<B: Backend>(backend: &B, graph: &Graph, rule: &ClusterRule, bounds: &[u32]) -> (BitMatrix, u64) {
    let mut spins = backend.upload_clusters(graph, rule, &states(rule.thresholds.len(), graph.sites, 9)).unwrap();
    bounds.windows(2).for_each(|pair| backend.sweep(&mut spins, 5, pair[0]..pair[1]));
    (backend.read_spins(&spins).unwrap(), backend.read_turned(&spins).unwrap())
}

on_both! {
    fn a_range_of_sweeps_may_be_split_anywhere(backend) {
        for kind in KINDS {
            for name in ["square:16", "square:66"] {
                let (graph, rule) = (lattice(name), rule_of(kind, 1.0, 5));
                let whole = run(backend, &graph, &rule, &[0, 30]);
                assert!(whole == run(backend, &graph, &rule, &[0, 1, 17, 30]), "{name}");
                assert!(whole != run(backend, &graph, &rule, &[1, 31]), "another address must give other spins");
            }
        }
    }
}

#[test]
fn cpu_and_gpu_trajectories_are_equal_over_200_sweeps() {
    let gpu = gpu_or_ignored!();
    for kind in KINDS {
        // Critical, and with long clusters of a chain.
        for (name, replicas, temperature) in [
            ("square:8", 70, 2.269_185),
            ("triangular:12", 40, 3.640_957),
            ("square:64", 3, 2.269_185),
            ("square:96", 3, 2.269_185),
            ("cubic:20", 2, 4.511_523),
            ("chain:4096", 2, 0.3),
            ("chain:6000", 2, 0.3),
        ] {
            let rule = ClusterRule::new(kind, 1.0, &vec![temperature; replicas]);
            let graph = lattice(name);
            assert!(run(&Cpu, &graph, &rule, &[0, 200]) == run(gpu, &graph, &rule, &[0, 200]), "{kind:?} {name}");
        }
    }
}

/// A first batch of so few operations that dispatches become several, down to single workgroups; products from limbs.
#[test]
fn divided_dispatches_and_limbs_give_the_same_bits() {
    let shared = gpu_or_ignored!();
    let own = |selection: Selection| Gpu::new(&Selection { allow_software: true, ..selection }).unwrap();
    for kind in KINDS {
        for (name, replicas) in [("square:8", 70), ("square:66", 33)] {
            let (graph, rule) = (lattice(name), rule_of(kind, 1.0, replicas));
            let whole = run(shared, &graph, &rule, &[0, 4]);
            let undivided = own(Selection::default());
            assert!(whole == run(&undivided, &graph, &rule, &[0, 4]), "{name}");
            for first_work in [1, 1_000_000] {
                let gpu = own(Selection { first_work: Some(first_work), ..Selection::default() });
                assert!(whole == run(&gpu, &graph, &rule, &[0, 4]), "{name}, {first_work}");
                assert!(gpu.counts().dispatches > undivided.counts().dispatches, "{name}, {first_work}");
            }
            let limbs = own(Selection { force_limbs: true, ..Selection::default() });
            assert!(whole == run(&limbs, &graph, &rule, &[0, 4]), "{name}");
        }
    }
}

/// Three dispatches a sweep, or one for many; nothing is read before the end.
#[test]
fn sweeps_stay_on_the_device() {
    let _shared = gpu_or_ignored!();
    for (name, dispatches) in [("square:66", 300), ("square:8", 1)] {
        let gpu = Gpu::new(&Selection { allow_software: true, ..Selection::default() }).unwrap();
        let graph = lattice(name);
        let rule = rule_of(ClusterKind::SwendsenWang, 1.0, 2);
        let mut spins = gpu.upload_clusters(&graph, &rule, &states(2, graph.sites, 1)).unwrap();
        gpu.sweep(&mut spins, 1, 0..100);
        gpu.record_sums(&mut spins);
        gpu.finish().unwrap();
        let counts = gpu.counts();
        assert_eq!((counts.dispatches, counts.readbacks), (dispatches + 1, 0), "{name}");
        assert!(counts.submissions < 5, "{name}: {counts:?}");
    }
}

on_both! {
    fn shapes_that_do_not_fit_are_refused(backend) {
        let graph = lattice("square:4");
        let rule = rule_of(ClusterKind::Wolff, 1.0, 2);
        for (rows, cols) in [(1, 16), (2, 15), (0, 16)] {
            let error = backend.upload_clusters(&graph, &rule, &BitMatrix::zeros(rows, cols)).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("[2, 16]"), "{error}");
        }
        let nothing = ClusterRule { thresholds: Vec::new(), ..rule };
        assert!(backend.upload_clusters(&graph, &nothing, &BitMatrix::zeros(0, 16)).is_err());
    }
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let _shared = gpu_or_ignored!();
    let selection = Selection { allow_software: true, largest: Some(1 << 16), ..Selection::default() };
    let gpu = Gpu::new(&selection).unwrap();
    let refused = |name: &str, replicas: usize| {
        let graph = lattice(name);
        let rule = rule_of(ClusterKind::SwendsenWang, 1.0, replicas);
        let error = gpu.upload_clusters(&graph, &rule, &BitMatrix::zeros(replicas, graph.sites)).map(|_| ());
        error.unwrap_err().to_string()
    };
    let labels = refused("square:66", 4);
    assert!(labels.contains("labels of clusters of 4356 sites") && labels.contains("at most 4096 sites"), "{labels}");
    assert!(refused("square:66", 1).contains("the lattice's bonds of 8712 bonds"), "two integers each");
    assert!(refused("cubic:16", 1).contains("the lattice's bonds of 12288 bonds"));
}

/// L = 4 against the sum over all states, through the whole engine; see `ising_exact` for the rates of false alarms. What
/// is drawn is what the CPU draws.
#[test]
fn small_systems_agree_with_enumeration_on_the_gpu() {
    let gpu = gpu_or_ignored!();
    for algorithm in [Algorithm::SwendsenWang, Algorithm::Wolff] {
        for (lattice, coupling) in [
            (Lattice::Square { length: 4 }, 1.0),
            (Lattice::Square { length: 4 }, -1.0),
            (Lattice::Triangular { length: 4 }, 1.0),
        ] {
            let model = Model::on_lattice(lattice, coupling).unwrap();
            let asked = settings(model, algorithm, &[1.8, 2.269_185, 3.0], 4000);
            let found = scan(gpu, &asked, &mut Silent).unwrap();
            compare(&found.records);
            let on_cpu = scan(&Cpu, &asked, &mut Silent).unwrap();
            assert_eq!((found.series, found.data), (on_cpu.series, on_cpu.data), "{algorithm:?} {lattice}");
        }
    }
}
