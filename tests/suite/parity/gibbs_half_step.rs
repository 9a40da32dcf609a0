//! Class margin: a drawn bit may differ from the f64 reference only where u lies within the stated margin of p.

use std::io::Write as _;

use gibbsite::backend::gpu::shader::Precision;
use gibbsite::backend::gpu::{Gpu, Selection, tile};
use gibbsite::backend::{Address, Backend};
use gibbsite::bits::BitMatrix;
use gibbsite::rbm::Rbm;
use gibbsite::rng::Stream;
use half::f16;

use super::reference::{Side, check_draw, input, probability, unit_uniform};
use super::{SIZES, gpu_or_ignored, machine, on_both, states};

/// Checks `drawn` as a sample of one side given `other`.
fn check(
    rbm: &Rbm,
    side: Side,
    other: &BitMatrix,
    drawn: &BitMatrix,
    address: Address,
    step: u32,
) -> Result<usize, String> {
    let stream = if side == Side::Hidden { Stream::SampleHidden } else { Stream::SampleVisible };
    check_draw(
        drawn,
        |r, j| probability(input(rbm, side, other, r, j)),
        |r, j| unit_uniform(address, stream, step, r, j),
    )
}

/// h by one half-step, then v by the whole step, both checked; returns v.
fn step<B: Backend>(backend: &B, rbm: &Rbm, v: &BitMatrix, address: Address, step: u32) -> BitMatrix {
    let params = backend.upload_params(rbm, None).unwrap();
    let mut chains = backend.upload_states(v).unwrap();
    let h = backend.read_hidden(&params, &chains, address, step).unwrap();
    let place = format!("{} chains of {} × {}", v.rows(), rbm.n_visible, rbm.n_hidden);
    let other_ways = check(rbm, Side::Hidden, v, &h, address, step).unwrap_or_else(|e| panic!("h, {place}: {e}"));
    backend.gibbs(&params, &mut chains, address, step..step + 1);
    let next = backend.read_states(&chains).unwrap();
    let more = check(rbm, Side::Visible, &h, &next, address, step).unwrap_or_else(|e| panic!("v, {place}: {e}"));
    // A margin is some 1e-6 wide, so that one bit in a million may differ; four of them would be 1e-12 of luck at most.
    assert!(other_ways + more < 4, "{} bits within the margin were drawn the other way", other_ways + more);
    next
}

on_both! {
    fn samples_follow_the_reference_within_the_margin(backend) {
        for &(chains, n_visible, n_hidden) in SIZES {
            let rbm = machine(n_visible, n_hidden, 0.5, 1);
            let mut v = states(chains, n_visible, 2);
            for (k, address) in [Address::new(3), Address { seed: 1 << 40 | 5, first_chain: 1000 }].into_iter().enumerate()
            {
                v = step(backend, &rbm, &v, address, 7 + k as u32);
            }
        }
    }
}

on_both! {
    fn saturated_units_are_decided(backend) {
        let mut rbm = machine(40, 70, 100.0, 4);
        rbm.hidden_bias[3] = 1e30;
        rbm.hidden_bias[4] = -1e30;
        step(backend, &rbm, &states(33, 40, 5), Address::new(6), 0);
    }
}

on_both! {
    fn steps_may_be_split_anywhere(backend) {
        let rbm = machine(50, 30, 0.3, 1);
        let params = backend.upload_params(&rbm, None).unwrap();
        let run = |bounds: &[u32]| {
            let mut chains = backend.upload_states(&states(20, 50, 2)).unwrap();
            for pair in bounds.windows(2) {
                backend.gibbs(&params, &mut chains, Address::new(9), pair[0]..pair[1]);
            }
            backend.read_states(&chains).unwrap()
        };
        assert_eq!(run(&[0, 200]), run(&[0, 77, 78, 200]));
    }
}

on_both! {
    fn a_chain_does_not_depend_on_its_neighbours(backend) {
        let params = backend.upload_params(&machine(50, 30, 0.3, 1), None).unwrap();
        let all = states(70, 50, 2);
        let run = |rows: std::ops::Range<usize>| {
            let mut chains = backend.upload_states(&all.slice_rows(rows.clone())).unwrap();
            backend.gibbs(&params, &mut chains, Address { seed: 9, first_chain: rows.start as u32 }, 0..5);
            backend.read_states(&chains).unwrap()
        };
        assert_eq!(run(0..70).slice_rows(41..60), run(41..60));
    }
}

on_both! {
    fn one_flipped_bit_and_one_altered_weight_are_noticed(backend) {
        let (rbm, v, address) = (machine(33, 65, 0.5, 1), states(40, 33, 2), Address::new(3));
        let params = backend.upload_params(&rbm, None).unwrap();
        let chains = backend.upload_states(&v).unwrap();
        let mut h = backend.read_hidden(&params, &chains, address, 0).unwrap();
        check(&rbm, Side::Hidden, &v, &h, address, 0).unwrap();
        h.set(39, 64, !h.get(39, 64));
        assert!(check(&rbm, Side::Hidden, &v, &h, address, 0).is_err(), "one flipped bit");
        let mut altered = rbm.clone();
        altered.weights[32 * 65 + 64] += 0.5;
        let params = backend.upload_params(&altered, None).unwrap();
        let drawn = backend.read_hidden(&params, &backend.upload_states(&v).unwrap(), address, 0).unwrap();
        let seen = (1..40).any(|step| {
            let drawn = backend.read_hidden(&params, &chains, address, step).unwrap();
            check(&rbm, Side::Hidden, &v, &drawn, address, step).is_err()
        });
        assert!(check(&rbm, Side::Hidden, &v, &drawn, address, 0).is_err() || seen, "one altered weight");
    }
}

/// Their sums are in an order of the device's own: the same margin, not the same bits as by the other tiles.
#[test]
fn cooperative_matrices_follow_the_reference_within_the_margin() {
    let _shared = gpu_or_ignored!();
    let open = |tile| {
        let precision = Precision::F16;
        Gpu::new(&Selection { allow_software: true, tile: Some(tile), precision, ..Selection::default() })
    };
    let Some(gpu) = tile::MATRICES.into_iter().find_map(|tile| open(tile).ok()) else {
        writeln!(std::io::stderr(), "ignored: cooperative matrices: the device has none that fit").ok();
        return;
    };
    for &(chains, n_visible, n_hidden) in SIZES.iter().chain(&[(127, 129, 128), (257, 33, 259), (5, 261, 130)]) {
        let mut rbm = machine(n_visible, n_hidden, 0.5, 1);
        rbm.weights.iter_mut().for_each(|w| *w = f16::from_f32(*w).to_f32());
        let mut v = states(chains, n_visible, 2);
        for k in 0..2 {
            v = step(&gpu, &rbm, &v, Address { seed: 1 << 40 | 5, first_chain: 1000 }, 7 + k);
        }
    }
}
