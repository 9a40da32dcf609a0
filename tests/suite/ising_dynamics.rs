//! How autocorrelation times grow at the critical point: τ ~ L^z.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::events::Silent;
use gibbsite::internals::ising::Algorithm;
use gibbsite::internals::run::verify::dynamics::{Effort, dynamics};

/// Slopes from 8 to 32 are 2.0, on their way to 2.17; the error of this one is 0.04, the window ± 4 of them.
#[test]
fn single_spin_updates_slow_down_at_the_critical_point() {
    let effort = Effort { replicas: 256, times: 800, seed: 5 };
    let found = dynamics(&Cpu::new(), Algorithm::Metropolis, &[8, 16, 32], effort, &mut Silent).unwrap();
    assert!(found.exponent.error < 0.06 && (found.exponent.value - 2.02).abs() < 0.22, "{found:?}");
}

#[test]
fn cluster_updates_hardly_slow_down() {
    for (algorithm, times) in [(Algorithm::SwendsenWang, 1500), (Algorithm::Wolff, 3000)] {
        let effort = Effort { replicas: 16, times, seed: 5 };
        let found = dynamics(&Cpu::new(), algorithm, &[8, 16, 32, 64], effort, &mut Silent).unwrap();
        assert!(found.exponent.error < 0.1 && (-0.1..0.5).contains(&found.exponent.value), "{found:?}");
    }
}
