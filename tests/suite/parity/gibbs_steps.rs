//! Class margin; and to the last bit what the same backend draws by half-steps, one step at a time.

use gibbsite::internals::backend::gpu::shader::Precision;
use gibbsite::internals::backend::gpu::{Counts, Gpu, Selection, tile};
use gibbsite::internals::backend::{Address, Backend};
use gibbsite::internals::bits::BitMatrix;

use super::gibbs_half_step::walk;
use super::{SIZES, gpu_or_ignored, machine, on_both, states};

/// The chains after the steps between the first and the last of `cuts`, taken from each to the next.
fn after<B: Backend>(backend: &B, sizes: (usize, usize, usize), cuts: &[u32]) -> BitMatrix {
    let (chains, n_visible, n_hidden) = sizes;
    let params = backend.upload_params(&machine(n_visible, n_hidden, 0.5, 1), None).unwrap();
    let mut v = backend.upload_states(&states(chains, n_visible, 2)).unwrap();
    for pair in cuts.windows(2) {
        backend.gibbs(&params, &mut v, Address { seed: 1 << 40 | 5, first_chain: 70 }, pair[0]..pair[1]);
    }
    backend.read_states(&v).unwrap()
}

/// A device that does all steps in one kernel, or one with the same settings that does not.
fn open(in_one: bool, precision: Precision, checked: bool) -> Gpu {
    let tile = in_one.then_some(&tile::STEPS);
    Gpu::new(&Selection { allow_software: true, tile, precision, checked, ..Selection::default() }).unwrap()
}

/// Every row as the reference walks, but for those where a draw was within its margin.
fn follow<B: Backend>(backend: &B) {
    for &(chains, n_visible, n_hidden) in SIZES {
        let found = after(backend, (chains, n_visible, n_hidden), &[3, 6]);
        let (rbm, start) = (machine(n_visible, n_hidden, 0.5, 1), states(chains, n_visible, 2));
        let mut unsure = 0;
        for r in 0..chains {
            let address = Address { seed: 1 << 40 | 5, first_chain: 70 + r as u32 };
            match walk(&rbm, &vec![0.0; n_visible], 1.0, start.slice_rows(r..r + 1), address, 3..6) {
                Some(expected) => assert_eq!(found.row(r), expected.row(0), "row {r} of {n_visible} × {n_hidden}"),
                None => unsure += 1,
            }
        }
        // Margins are near 2e-6 and a row draws some 400 times at most: 0.1 % are unsure, one in twenty never.
        assert!(20 * unsure <= chains + 19, "{unsure} rows are unsure");
    }
}

on_both! {
    fn chains_follow_the_reference_step_by_step(backend) {
        follow(backend);
    }
}

on_both! {
    fn steps_may_be_cut_anywhere(backend) {
        for sizes in [(1, 65, 7), (33, 65, 31), (70, 31, 130)] {
            let whole = after(backend, sizes, &[3, 9]);
            assert_eq!(whole, after(backend, sizes, &[3, 4, 8, 8, 9]), "{sizes:?}");
            assert_ne!(whole, after(backend, sizes, &[4, 10]), "other steps, other numbers");
        }
    }
}

#[test]
fn many_steps_of_one_kernel_follow_the_reference() {
    let _shared = gpu_or_ignored!();
    follow(&open(true, Precision::F32, false));
}

/// Sizes around those of its tile, and machines whose side fills the kernel's memory, or is too large for it.
#[test]
fn many_steps_of_one_kernel_are_as_many_half_steps() {
    let _shared = gpu_or_ignored!();
    let around = [(1, 1, 1), (15, 63, 64), (16, 64, 65), (17, 65, 63), (47, 130, 7), (40, 3, 257)];
    let large = [(5, 1024, 33), (3, 31, 1023), (3, 1025, 20)];
    for (precision, checked) in [(Precision::F32, false), (Precision::F32, true), (Precision::F16, false)] {
        let [together, apart] = [true, false].map(|in_one| open(in_one, precision, checked));
        for sizes in around.into_iter().chain(large) {
            let place = format!("{sizes:?}, {precision:?}, checked: {checked}");
            assert_eq!(after(&together, sizes, &[3, 8]), after(&apart, sizes, &[3, 8]), "{place}");
        }
    }
}

#[test]
fn many_steps_of_one_kernel_are_one_dispatch() {
    let _shared = gpu_or_ignored!();
    let gpu = open(true, Precision::F32, false);
    let params = gpu.upload_params(&machine(70, 40, 0.3, 1), None).unwrap();
    let mut chains = gpu.upload_states(&states(33, 70, 2)).unwrap();
    let before = gpu.counts();
    gpu.gibbs(&params, &mut chains, Address::new(1), 0..25);
    gpu.finish().unwrap();
    let Counts { dispatches, submissions, .. } = gpu.counts();
    assert_eq!((dispatches - before.dispatches, submissions - before.submissions), (1, 1));
}
