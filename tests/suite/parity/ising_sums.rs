//! Class exact: the recorded sums equal the reference's counts.

use gibbsite::internals::backend::{Acceptance, Backend, Rule, SpinSums};
use gibbsite::internals::lattice::{Graph, Lattice};

use super::{on_both, reference, states};

fn sums_of<B: Backend>(backend: &B, graph: &Graph, replicas: usize, seed: u64) -> (Vec<SpinSums>, Vec<SpinSums>) {
    let acceptance = Acceptance::new(Rule::Metropolis, graph.max_degree, &vec![2.0; replicas]).unwrap();
    let start = states(replicas, graph.sites, seed);
    let mut spins = backend.upload_spins(graph, &acceptance, &start).unwrap();
    backend.record_sums(&mut spins);
    let found = backend.read_sums(&mut spins).unwrap();
    assert_eq!(found.len(), 1);
    (found[0].clone(), reference::sums(graph, &start))
}

on_both! {
    fn sums_equal_the_reference(backend) {
        // 66² is more than one workgroup's share of sites; its last turn is a part of one.
        for (lattice, replicas) in
            [("open-chain:2", 1), ("chain:6", 31), ("square:8", 33), ("square:66", 40), ("chain:130", 64)]
        {
            let graph = lattice.parse::<Lattice>().unwrap().graph();
            let (found, expected) = sums_of(backend, &graph, replicas, 2);
            assert_eq!(found, expected, "{lattice}");
        }
    }
}

on_both! {
    fn counters_do_not_overflow_when_every_bond_is_broken(backend) {
        let length = 70;
        let graph = Lattice::Square { length }.graph();
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0; 2]).unwrap();
        let checkerboard =
            gibbsite::internals::bits::BitMatrix::from_fn(2, length * length, |_, i| (i / length + i % length) % 2 == 0);
        let mut spins = backend.upload_spins(&graph, &acceptance, &checkerboard).unwrap();
        backend.record_sums(&mut spins);
        let all = SpinSums { antiparallel: 2 * 4900, up: 2450 };
        assert_eq!(backend.read_sums(&mut spins).unwrap(), [[all, all]]);
    }
}

on_both! {
    fn the_record_grows_keeps_its_order_and_starts_anew(backend) {
        let graph = Lattice::Square { length: 4 }.graph();
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0; 5]).unwrap();
        let mut expected = states(5, 16, 7);
        let mut spins = backend.upload_spins(&graph, &acceptance, &expected).unwrap();
        let mut rows = Vec::new();
        for sweep in 0..200 {
            backend.record_sums(&mut spins);
            backend.sweep(&mut spins, 1, sweep..sweep + 1);
            rows.push(reference::sums(&graph, &expected));
            reference::sweep(&graph, &acceptance, &mut expected, 1, sweep);
        }
        assert_eq!(backend.read_sums(&mut spins).unwrap(), rows);
        assert_eq!(backend.read_sums(&mut spins).unwrap(), Vec::<Vec<SpinSums>>::new(), "taken records are gone");
        backend.record_sums(&mut spins);
        assert_eq!(backend.read_sums(&mut spins).unwrap(), [reference::sums(&graph, &expected)]);
    }
}

on_both! {
    fn one_other_spin_changes_the_sums(backend) {
        let graph = Lattice::Square { length: 8 }.graph();
        let (found, mut expected) = sums_of(backend, &graph, 33, 4);
        expected[32].up ^= 1;
        assert_ne!(found, expected);
    }
}

on_both! {
    /// Rows of 200 000 replicas are 1.6 MB: 45 of them are more than the device keeps, and none may be lost.
    fn a_long_record_is_drained_without_losing_rows(backend) {
        let graph = Lattice::OpenChain { length: 2 }.graph();
        let replicas = 200_000;
        let acceptance = Acceptance::new(Rule::Metropolis, 1, &vec![2.0; replicas]).unwrap();
        let start = states(replicas, 2, 1);
        let mut spins = backend.upload_spins(&graph, &acceptance, &start).unwrap();
        for sweep in 0..45 {
            backend.record_sums(&mut spins);
            backend.sweep(&mut spins, 3, sweep..sweep + 1);
        }
        let rows = backend.read_sums(&mut spins).unwrap();
        assert_eq!(rows.len(), 45);
        assert!(rows[0] == reference::sums(&graph, &start), "the first row");
        let mut again = backend.upload_spins(&graph, &acceptance, &start).unwrap();
        backend.sweep(&mut again, 3, 0..44);
        assert!(rows[44] == reference::sums(&graph, &backend.read_spins(&again).unwrap()), "the last row");
    }
}
