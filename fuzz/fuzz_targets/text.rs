//! Small texts: lattices, temperatures, bonds, units, precisions, schedules, lists.
#![no_main]

mod place;

use gibbsite::internals::couplings::{Basis, Method};
use gibbsite::internals::ising::{Precision, parse_temperatures};
use gibbsite::internals::lattice::{BondList, Lattice};
use gibbsite::internals::rbm::Units;
use gibbsite::internals::train::{Augment, Optimizer, Schedule};
use gibbsite::internals::{data, numerics};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let _ = data::read_bonds(&place::file("bonds.txt", bytes));
        return;
    };
    if let Ok(lattice) = text.parse::<Lattice>() {
        assert_eq!(lattice.to_string().parse::<Lattice>().expect("its own text"), lattice);
    }
    if let Ok(units) = text.parse::<Units>() {
        assert_eq!(units.to_string().parse::<Units>().expect("its own text"), units);
    }
    let _ = parse_temperatures(text);
    let _ = text.parse::<Precision>();
    let _ = text.parse::<Schedule>();
    let _ = text.parse::<Optimizer>();
    let _ = text.parse::<Augment>();
    let _ = text.parse::<Basis>();
    let _ = text.parse::<Method>();
    let _ = numerics::bytes_of(text);
    if let Ok(list) = BondList::parse(text, "bonds") {
        assert_eq!(list.bonds.len(), list.couplings.len());
    }
    let names: Vec<String> = text.split(',').take(8).map(String::from).collect();
    let _ = data::read_units(&place::file("units.txt", bytes), &names);
});
