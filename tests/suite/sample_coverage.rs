//! Error bars of a machine's samples: over 200 runs the interval of one error must hold the exact value in 60 to 76 %.
//!
//! The machine is the 4 × 4 Ising model written as one, so that its observables are known; chains are correlated in time.
//! 68.3 % ± 3.3 % are expected: the check of one quantity fails for 2 % of seeds.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::events::Silent;
use gibbsite::internals::exact::enumeration::state_probabilities;
use gibbsite::internals::exact::transfer;
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::observables::exact_observables;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::run::observe::observe;
use gibbsite::internals::run::sample::{SamplePlan, Tempering, sample};
use gibbsite::internals::sample::Settings;

use crate::statistics::draw;

const RUNS: u64 = 200;

fn coverage(tempering: &Tempering, every: u32) {
    let (lattice, temperature) = (Lattice::Square { length: 4 }, 2.4);
    let (rbm, _) = Rbm::ising(16, &lattice.bonds(), 1.0 / temperature);
    let exact = exact_observables(lattice, temperature).unwrap();
    let distribution = transfer::square(4, temperature).unwrap().magnetization;
    // Of both signs as they should be: plain chains keep theirs for long.
    let probabilities = state_probabilities(16, &lattice.bonds(), temperature).unwrap();
    let mut inside = [0; 6];
    for seed in 0..RUNS {
        let start = draw(&probabilities, 16, 64, &format!("start {seed}"));
        let settings = Settings { samples: 2560, chains: 64, thermalise: 0, every, flip: false, seed };
        let plan = SamplePlan { settings, tempering: tempering.clone(), translations: None };
        let samples = sample(&Cpu, &plan, &rbm, &[0.0; 16], Some(&start), &mut Silent).unwrap().samples;
        let o = observe(&samples, lattice, temperature, 64).unwrap();
        let pairs = [
            (o.energy, exact.energy),
            (o.specific_heat, exact.specific_heat),
            (o.magnetization, exact.magnetization.unwrap()),
            (o.susceptibility, exact.susceptibility.unwrap()),
            (o.binder, distribution.binder()),
            (o.p_up, 0.5),
        ];
        for (count, (found, exact)) in inside.iter_mut().zip(pairs) {
            *count += usize::from((found.value - exact).abs() < found.error);
        }
    }
    for (count, name) in inside.iter().zip(["e", "C", "|m|", "χ", "U4", "P(m > 0)"]) {
        assert!((120..=152).contains(count), "{tempering:?}: {name} within one error in {count} of {RUNS}");
    }
}

#[test]
fn errors_of_plain_samples_are_honest() {
    coverage(&Tempering::Off, 5);
}

#[test]
fn errors_of_tempered_samples_are_honest() {
    coverage(&Tempering::Rungs(4), 3);
}
