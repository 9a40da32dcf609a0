//! Class bounded: parameters that moved a part of their way, and free energies of the machine that they are then.

use gibbsite::internals::backend::{Backend, Descent, OptimiserState};
use gibbsite::internals::rbm::Rbm;

use super::reference::{Bounded, U};
use super::{SIZES, assert_bounded, machine, on_both, states, wide, worst};

/// Numbers of a machine, one after the other.
fn flat(rbm: &Rbm) -> Vec<f64> {
    [&rbm.weights, &rbm.visible_bias, &rbm.hidden_bias].into_iter().flat_map(|part| wide(part)).collect()
}

/// x + a (y − x): a difference, a product and a sum, each rounded once or not at all.
fn between(from: &Rbm, to: &Rbm, part: f32) -> Vec<Bounded> {
    let (from, to, a) = (flat(from), flat(to), f64::from(part));
    let of = |(x, y): (&f64, &f64)| {
        let step = a * (y - x);
        (x + step, U * (2.0 * step.abs() + (x + step).abs()) * (1.0 + 4.0 * U))
    };
    from.iter().zip(&to).map(of).collect()
}

fn moved<B: Backend>(backend: &B, from: &Rbm, to: &Rbm, parts: &[f32]) -> (Rbm, OptimiserState, Vec<f64>) {
    let mut params = backend.upload_params(from, None).unwrap();
    let towards = backend.upload_params(to, None).unwrap();
    parts.iter().for_each(|&part| backend.approach(&mut params, &towards, part));
    let (rbm, state) = backend.read_params(&params).unwrap();
    let rows = backend.upload_states(&states(40, from.n_visible, 5)).unwrap();
    (rbm, state, backend.read_free_energies(&params, &rows).unwrap())
}

on_both! {
    /// Every parameter, at all sizes, and what kernels read of them besides: weights in another order or rounded.
    fn parameters_move_a_part_of_their_way(backend) {
        for &(_, n_visible, n_hidden) in SIZES {
            let (from, to) = (machine(n_visible, n_hidden, 0.5, 1), machine(n_visible, n_hidden, 0.5, 2));
            for part in [0.0, 0.002, 0.7, 1.0] {
                let (found, state, energies) = moved(backend, &from, &to, &[part]);
                assert_bounded(&format!("{n_visible} × {n_hidden}, {part}"), &flat(&found), &between(&from, &to, part));
                let params = backend.upload_params(&found, None).unwrap();
                let rows = backend.upload_states(&states(40, n_visible, 5)).unwrap();
                assert_eq!(backend.read_free_energies(&params, &rows).unwrap(), energies, "{n_visible} × {n_hidden}, {part}");
                assert!(state == OptimiserState::at_rest(&from, &Descent::PLAIN, vec![0.5; n_visible]), "nothing else moves");
            }
        }
    }
}

on_both! {
    fn another_part_and_another_machine_are_noticed(backend) {
        let [from, to, other] = [1, 2, 3].map(|seed| machine(33, 17, 0.5, seed));
        let expected = between(&from, &to, 0.3);
        for (to, parts) in [(&to, &[0.303f32][..]), (&other, &[0.3]), (&to, &[0.3, 0.3]), (&to, &[])] {
            let (found, _, _) = moved(backend, &from, to, parts);
            assert!(worst(&flat(&found), &expected).0 > 1.0, "{parts:?}");
        }
    }
}
