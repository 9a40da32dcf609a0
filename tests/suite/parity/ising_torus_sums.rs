//! Class exact: the recorded sums equal the reference's counts, in the layout with one bit a site.

use gibbsite::internals::backend::{Acceptance, Backend, Rule, SpinSums};
use gibbsite::internals::bits::BitMatrix;

use super::ising_torus_half_sweep::{cubic, square};
use super::{on_both, reference, states};

on_both! {
    fn sums_equal_the_reference(backend) {
        for lattice in [
            square(64), square(192), square(4), square(34), square(66), square(130),
            cubic(4), cubic(10), cubic(34), cubic(64), cubic(66),
        ] {
            let acceptance = Acceptance::new(Rule::Metropolis, 2 * lattice.dimensions(), &[2.0; 3]).unwrap();
            let graph = lattice.graph();
            let mut expected = states(3, lattice.sites(), 5);
            let mut spins = backend.upload_torus(lattice, &acceptance, &expected).unwrap();
            let mut rows = Vec::new();
            for sweep in 0..3 {
                backend.record_sums(&mut spins);
                rows.push(reference::sums(&graph, &expected));
                backend.sweep(&mut spins, 1, sweep..sweep + 1);
                expected = backend.read_spins(&spins).unwrap();
            }
            assert_eq!(backend.read_sums(&mut spins).unwrap(), rows, "{lattice}");
            assert_eq!(backend.read_sums(&mut spins).unwrap(), Vec::<Vec<SpinSums>>::new());
        }
    }
}

on_both! {
    fn every_bond_of_a_checkerboard_is_broken(backend) {
        for lattice in [square(256), square(100), cubic(12), cubic(72)] {
            let (length, sites, dimensions) = (lattice.length(), lattice.sites(), lattice.dimensions());
            let acceptance = Acceptance::new(Rule::Metropolis, 2 * dimensions, &[2.0]).unwrap();
            let parity = |i: usize| (i / length / length + i / length + i) % 2;
            let checkerboard = BitMatrix::from_fn(1, sites, |_, i| parity(i) == 0);
            let mut spins = backend.upload_torus(lattice, &acceptance, &checkerboard).unwrap();
            backend.record_sums(&mut spins);
            let all = SpinSums { antiparallel: (dimensions * sites) as u32, up: (sites / 2) as u32 };
            assert_eq!(backend.read_sums(&mut spins).unwrap(), [[all]], "{lattice}");
        }
    }
}
