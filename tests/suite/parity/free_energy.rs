//! Class bounded: F(v) within the f32 error of its terms.

use gibbsite::internals::backend::Backend;
use gibbsite::internals::bits::BitMatrix;

use super::{SIZES, assert_bounded, machine, on_both, reference, states, worst};

fn expected(rbm: &gibbsite::internals::rbm::Rbm, v: &BitMatrix) -> Vec<(f64, f64)> {
    (0..v.rows()).map(|r| reference::free_energy(rbm, v, r)).collect()
}

on_both! {
    fn free_energies_are_within_their_bound(backend) {
        for &(chains, n_visible, n_hidden) in SIZES {
            for scale in [0.1, 3.0, 60.0] {
                let rbm = machine(n_visible, n_hidden, scale, 1);
                let v = states(chains, n_visible, 2);
                let params = backend.upload_params(&rbm, None).unwrap();
                let found = backend.read_free_energies(&params, &backend.upload_states(&v).unwrap()).unwrap();
                assert_bounded("F", &found, &expected(&rbm, &v));
            }
        }
    }
}

on_both! {
    /// A cut of softplus at x = 10 loses ln(1 + e^{−10}) = 4.5e-5 a unit: the bound must see it.
    fn a_cut_softplus_would_be_noticed(backend) {
        let mut rbm = gibbsite::internals::rbm::Rbm::zeros(5, 64);
        rbm.hidden_bias.fill(10.0);
        let v = states(3, 5, 1);
        let params = backend.upload_params(&rbm, None).unwrap();
        let found = backend.read_free_energies(&params, &backend.upload_states(&v).unwrap()).unwrap();
        let expected = expected(&rbm, &v);
        assert_bounded("F", &found, &expected);
        assert!(worst(&[-640.0; 3], &expected).0 > 1.0, "a sum of cut softplus must lie outside the bound");
    }
}

on_both! {
    fn one_altered_weight_is_noticed(backend) {
        let rbm = machine(33, 65, 0.5, 1);
        let v = BitMatrix::from_fn(4, 33, |_, _| true);
        let mut altered = rbm.clone();
        altered.weights[32 * 65 + 64] += 1e-2;
        let params = backend.upload_params(&altered, None).unwrap();
        let found = backend.read_free_energies(&params, &backend.upload_states(&v).unwrap()).unwrap();
        assert!(worst(&found, &expected(&rbm, &v)).0 > 1.0);
    }
}
