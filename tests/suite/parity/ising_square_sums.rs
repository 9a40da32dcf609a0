//! Class exact: the recorded sums equal the reference's counts, in the layout with one bit a site.

use gibbsite::backend::{Acceptance, Backend, Rule, SpinSums};
use gibbsite::bits::BitMatrix;
use gibbsite::lattice::Lattice;

use super::{on_both, reference, states};

on_both! {
    fn sums_equal_the_reference(backend) {
        for length in [64, 192] {
            let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0; 3]).unwrap();
            let graph = Lattice::Square { length }.graph();
            let mut expected = states(3, length * length, 5);
            let mut spins = backend.upload_square(length, &acceptance, &expected).unwrap();
            let mut rows = Vec::new();
            for sweep in 0..3 {
                backend.record_sums(&mut spins);
                rows.push(reference::sums(&graph, &expected));
                backend.sweep(&mut spins, 1, sweep..sweep + 1);
                expected = backend.read_spins(&spins).unwrap();
            }
            assert_eq!(backend.read_sums(&mut spins).unwrap(), rows, "{length}");
            assert_eq!(backend.read_sums(&mut spins).unwrap(), Vec::<Vec<SpinSums>>::new());
        }
    }
}

on_both! {
    fn every_bond_of_a_checkerboard_is_broken(backend) {
        let length = 256;
        let acceptance = Acceptance::new(Rule::Metropolis, 4, &[2.0]).unwrap();
        let checkerboard = BitMatrix::from_fn(1, length * length, |_, i| (i / length + i % length) % 2 == 0);
        let mut spins = backend.upload_square(length, &acceptance, &checkerboard).unwrap();
        backend.record_sums(&mut spins);
        let all = SpinSums { antiparallel: 2 * 65536, up: 32768 };
        assert_eq!(backend.read_sums(&mut spins).unwrap(), [[all]]);
    }
}
