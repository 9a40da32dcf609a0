//! Class margin: a drawn bit may differ from the f64 reference only where u lies within the stated margin of p.

use std::io::Write as _;
use std::ops::Range;

use gibbsite::internals::backend::gpu::shader::Precision;
use gibbsite::internals::backend::gpu::{Gpu, Selection, tile};
use gibbsite::internals::backend::{Address, Backend};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::Stream;
use half::f16;

use super::reference::{Side, between, check_draw, input, ladder, probability, unit_uniform};
use super::{LADDERS, SIZES, gpu_or_ignored, machine, on_both, states};

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

/// Gibbs steps of one row at β in f64; None where a draw was within its margin.
pub(super) fn walk(
    rbm: &Rbm,
    base: &[f32],
    beta: f64,
    v: BitMatrix,
    address: Address,
    steps: Range<u32>,
) -> Option<BitMatrix> {
    let mut v = v;
    for step in steps {
        let draw = |side, other: &BitMatrix, units: usize, stream| {
            let mut sure = true;
            let drawn = BitMatrix::from_fn(1, units, |_, j| {
                let of_base = if side == Side::Visible { base[j] } else { 0.0 };
                let (p, margin) = probability(between(input(rbm, side, other, 0, j), beta, of_base));
                let u = unit_uniform(address, stream, step, 0, j);
                sure &= (u - p).abs() > margin;
                u < p
            });
            sure.then_some(drawn)
        };
        let h = draw(Side::Hidden, &v, rbm.n_hidden, Stream::SampleHidden)?;
        v = draw(Side::Visible, &h, rbm.n_visible, Stream::SampleVisible)?;
    }
    Some(v)
}

on_both! {
    /// Each rung at its own β, the lowest one from the base alone; and at β = 1 the bits of a plain Gibbs step.
    fn rungs_follow_the_reference(backend) {
        for &(rungs, chains, n_visible, n_hidden) in LADDERS {
            let (rbm, (betas, base)) = (machine(n_visible, n_hidden, 0.5, 1), ladder(rungs, n_visible));
            let (start, address) = (states(rungs * chains, n_visible, 2), Address { seed: 1 << 40 | 5, first_chain: 70 });
            let params = backend.upload_params(&rbm, None).unwrap();
            let temperatures = backend.upload_temperatures(&params, &base, &betas, chains).unwrap();
            let mut replicas = backend.upload_states(&start).unwrap();
            backend.temper(&params, &temperatures, &mut replicas, address, 3..5);
            let found = backend.read_states(&replicas).unwrap();
            let (mut unsure, place) = (0, format!("{rungs} rungs of {chains} chains of {n_visible} × {n_hidden}"));
            for r in 0..rungs * chains {
                let address = Address { first_chain: address.first_chain + r as u32, ..address };
                let row = start.slice_rows(r..r + 1);
                match walk(&rbm, &base, betas[r / chains], row, address, 3..5) {
                    Some(expected) => assert_eq!(found.row(r), expected.row(0), "row {r}, {place}"),
                    None => unsure += 1,
                }
            }
            // Margins are near 2e-6 and a row draws at most 256 times: 0.05 % are unsure, one in twenty never.
            assert!(20 * unsure <= rungs * chains + 19, "{unsure} rows are unsure, {place}");
            let last = (rungs - 1) * chains..rungs * chains;
            let mut plain = backend.upload_states(&start.slice_rows(last.clone())).unwrap();
            let address = Address { first_chain: address.first_chain + last.start as u32, ..address };
            backend.gibbs(&params, &mut plain, address, 3..5);
            assert_eq!(backend.read_states(&plain).unwrap(), found.slice_rows(last), "{place}");
        }
    }
}

on_both! {
    /// Steps at other temperatures, over another base, of another rung's chains: none of them is taken for the right one.
    fn other_temperatures_are_noticed(backend) {
        let (rungs, chains) = (5, 33);
        let (rbm, (betas, base)) = (machine(33, 31, 0.5, 1), ladder(rungs, 33));
        let params = backend.upload_params(&rbm, None).unwrap();
        let mut temperatures = backend.upload_temperatures(&params, &base, &[0.5; 5], chains).unwrap();
        let mut run = |betas: &[f64]| {
            backend.set_betas(&mut temperatures, betas).unwrap();
            let mut replicas = backend.upload_states(&states(rungs * chains, 33, 2)).unwrap();
            backend.temper(&params, &temperatures, &mut replicas, Address::new(3), 0..2);
            backend.read_states(&replicas).unwrap()
        };
        let right = run(&betas);
        let mut other = betas.clone();
        other[2] += 0.1;
        let found = run(&other);
        let differ = |r: usize| (r * chains..(r + 1) * chains).any(|row| found.row(row) != right.row(row));
        assert_eq!([0, 1, 2, 3, 4].map(differ), [false, false, true, false, false]);
        assert_eq!(run(&betas), right, "temperatures may be set again");
        let wrong = backend.upload_temperatures(&params, &base[1..], &betas, chains).map(|_| ());
        assert!(wrong.is_err() && backend.upload_temperatures(&params, &base, &[], chains).is_err());
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
