//! The device itself: what is refused, what is reported, and that both forms of the wide product give the same bits.

use gibbsite::internals::backend::gpu::{Choice, Gpu, Selection, adapters};
use gibbsite::internals::backend::{Acceptance, Address, Backend, Rule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::lattice::Lattice;

use super::{gpu_or_ignored, machine, states};

#[test]
fn limbs_and_64_bit_products_draw_the_same_bits() {
    let shared = gpu_or_ignored!();
    let selection = Selection { allow_software: true, force_limbs: true, ..Selection::default() };
    let limbs = Gpu::new(&selection).unwrap();
    let run = |gpu: &Gpu| {
        let params = gpu.upload_params(&machine(40, 70, 0.4, 1), None).unwrap();
        let mut chains = gpu.upload_states(&states(33, 40, 2)).unwrap();
        gpu.gibbs(&params, &mut chains, Address::new(3), 0..4);
        let graph = Lattice::Square { length: 6 }.graph();
        let acceptance = Acceptance::new(Rule::HeatBath, 4, &[2.3; 40]).unwrap();
        let mut spins = gpu.upload_spins(&graph, &acceptance, &states(40, 36, 1)).unwrap();
        gpu.sweep(&mut spins, 7, 0..5);
        (gpu.read_states(&chains).unwrap(), gpu.read_spins(&spins).unwrap())
    };
    assert_eq!(run(shared), run(&limbs));
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let gpu = gpu_or_ignored!();
    let params = gpu.upload_params(&machine(100, 3, 0.1, 1), None).unwrap();
    let chains = usize::try_from(u64::MAX / 1024).unwrap();
    let error = gpu.start_annealing(&params, &[0.0; 100], chains, Address::new(1)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("at most") && error.to_string().contains("chains"), "{error}");
}

#[test]
fn more_dispatches_than_a_batch_holds_keep_their_order() {
    let gpu = gpu_or_ignored!();
    let data = states(300, 20, 1);
    let held = gpu.upload_states(&data).unwrap();
    let mut batch = gpu.upload_states(&BitMatrix::zeros(1, 20)).unwrap();
    let permutation = gibbsite::internals::rng::Permutation::new(1, 0, 300);
    for first in 0..300 {
        gpu.gather(&held, &gibbsite::internals::backend::Minibatch { permutation, first, count: 1 }, &mut batch);
    }
    let last = gpu.read_states(&batch).unwrap();
    assert_eq!(last, data.select_rows(&[permutation.row(299) as usize]));
    gpu.finish().unwrap();
}

#[test]
fn devices_are_picked_by_number_and_by_name() {
    let gpu = gpu_or_ignored!();
    let list = adapters();
    assert!(list.iter().filter(|a| a.chosen).count() <= 1);
    assert!(list.iter().all(|a| !(a.chosen && a.device.kind == "software")), "software is never chosen by itself");
    let open = |choice| Gpu::new(&Selection { choice, ..Selection::default() });
    assert_eq!(open(Choice::Index(0)).unwrap().device(), list[0].device);
    let part = list[0].device.name[..4].to_uppercase();
    assert!(open(Choice::Name(part)).is_ok());
    assert!(open(Choice::Index(99)).unwrap_err().to_string().contains("gibbsite devices"));
    assert!(open(Choice::Name("no such device".to_string())).is_err());
    assert!(!gpu.device().name.is_empty());
    let only_software = list.iter().all(|a| a.device.kind == "software");
    assert_eq!(open(Choice::Automatic).is_err(), only_software);
    assert_eq!("3".parse(), Ok(Choice::Index(3)));
    assert_eq!("auto".parse(), Ok(Choice::Automatic));
    assert_eq!("llvm".parse(), Ok(Choice::Name("llvm".to_string())));
}
