//! Runs that end early: temperatures that do not thermalise, signals, and what is kept then; errors that cannot be known.

use gibbsite::Error;
use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::events::{Event, Listener, Silent};
use gibbsite::internals::ising::{Algorithm, Model};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::observables::{Series, observables_of};
use gibbsite::internals::record::Estimate;
use gibbsite::internals::run::ising::{failed, ising, scan};

use super::ising_exact::{compare, settings};

fn square(length: usize) -> Model {
    Model::ferromagnet(Lattice::Square { length }).unwrap()
}

#[test]
fn one_temperature_that_does_not_thermalise_does_not_sink_a_scan() {
    // At T = 0.1 stripes of hot starts stay for ever: turning a spin at their edge costs 4.
    let mut asked = settings(square(4), Algorithm::Metropolis, &[0.1, 2.5, 3.5], 2000);
    asked.replicas = 40;
    let found = scan(&Cpu::new(), &asked, &mut Silent).unwrap();
    assert_eq!(found.records.iter().map(|r| r.observables.temperature).collect::<Vec<_>>(), [2.5, 3.5]);
    compare(&found.records);
    assert_eq!(found.data.samples.rows(), 4000);
    assert_eq!(found.failures.iter().map(|f| f.temperature).collect::<Vec<_>>(), [0.1]);
    let fault = failed(&found.failures).unwrap();
    let (what, advice) = (fault.what.clone(), fault.advice.clone().unwrap());
    assert!(what.contains("frozen") && advice.contains("swendsen-wang") && advice.contains("exchange"), "{fault:?}");
    assert!(fault.place.as_ref().unwrap().contains("T = 0.1"));
    assert!(matches!(found.complete(), Err(Error::Numerics(_))));
    // Alone it is an error at once; by clusters it is none.
    asked.temperatures = vec![0.1];
    assert!(matches!(scan(&Cpu::new(), &asked, &mut Silent), Err(Error::Numerics(_))));
    asked.algorithm = Algorithm::SwendsenWang;
    assert!(scan(&Cpu::new(), &asked, &mut Silent).unwrap().failures.is_empty());
}

/// Asks to stop once a stage has told of so many steps.
struct Stopping(&'static str, u32);

impl Listener for Stopping {
    fn event(&mut self, event: Event) {
        if matches!(event, Event::Progress { stage, .. } if stage == self.0) {
            self.1 = self.1.saturating_sub(1);
        }
    }

    fn stop_requested(&self) -> Option<i32> {
        (self.1 == 0).then_some(15)
    }
}

#[test]
fn a_stopped_run_hands_over_the_samples_it_has() {
    for algorithm in [Algorithm::Metropolis, Algorithm::Wolff] {
        let mut asked = settings(square(4), algorithm, &[2.5, 3.5], 400);
        asked.replicas = 20;
        let whole = scan(&Cpu::new(), &asked, &mut Silent).unwrap();
        let found = scan(&Cpu::new(), &asked, &mut Stopping("ising", 3)).unwrap();
        // The first three of twenty times of the whole run, at both temperatures.
        assert_eq!((found.stopped, found.data.samples.rows()), (Some(15), 120));
        for (ours, theirs) in [(0, 0), (60, 400)] {
            let (a, b) = (&found.data.samples, &whole.data.samples);
            assert!(a.slice_rows(ours..ours + 60) == b.slice_rows(theirs..theirs + 60), "{algorithm:?}");
        }
        assert_eq!(found.records[0].observables.samples, 60);
        assert_eq!(found.complete().map(|_| ()), Err(Error::Stopped(15)));
        // Before the first samples there is nothing to hand over.
        let early = scan(&Cpu::new(), &asked, &mut Stopping("ising", 0));
        assert_eq!(early.map(|_| ()), Err(Error::Stopped(15)));
        // A stage of a scenario has all its samples or none.
        let one = gibbsite::internals::ising::Settings {
            lattice: Lattice::Square { length: 4 },
            temperature: 2.5,
            samples: 400,
            algorithm,
            replicas: 20,
            thermalise: Some(10),
            spacing: Some(1),
            seed: 1,
        };
        assert_eq!(ising(&Cpu::new(), &one, &mut Stopping("ising", 2)).map(|_| ()), Err(Error::Stopped(15)));
    }
}

/// Sixteen replicas of ten times, all alike but for the first values of each.
fn series(first: f64) -> Series {
    let values = |rest: f64| (0..160).map(|k| if k == 0 { first } else { rest }).collect::<Vec<f64>>();
    Series { sites: 64, replicas: 16, times: 10, energy: values(-2.0), magnetization: values(1.0) }
}

#[test]
fn errors_that_cannot_be_known_are_null() {
    let still = observables_of(&series(-2.0), "square:8", 0.5).unwrap();
    // The first magnetisation differs from the others, the energy does not.
    assert!(still.energy.error.is_nan() && still.specific_heat.error.is_nan());
    assert!(still.magnetization.error > 0.0);
    let same = Series { magnetization: vec![-1.0; 160], ..series(-2.0) };
    let same = observables_of(&same, "square:8", 0.5).unwrap();
    for estimate in [same.energy, same.specific_heat, same.magnetization, same.susceptibility, same.binder, same.p_up] {
        assert!(estimate.error.is_nan(), "{same:?}");
        assert_eq!(estimate.deviation(&Estimate::new(-1.999_999, 0.0)), None);
    }
    let text = serde_json::to_value(same.energy).unwrap();
    assert!(text["error"].is_null() && text["value"] == -2.0, "{text}");
    let back: Estimate = serde_json::from_value(text).unwrap();
    assert!(back.error.is_nan() && back.value == -2.0);
    // Records of old: a number, also 0 for exact ones.
    let old: Estimate = serde_json::from_str("{\"value\": 1.5, \"error\": 0.0}").unwrap();
    assert_eq!(old, Estimate::new(1.5, 0.0));
    assert_eq!(Estimate::new(3.0, 1.0).deviation(&Estimate::new(1.0, 0.0)), Some(2.0));
    // Two samples: nothing is known of the error of their variance.
    let two = Series { sites: 64, replicas: 2, times: 1, energy: vec![-1.5, -1.6], magnetization: vec![0.5, 0.7] };
    let two = observables_of(&two, "square:8", 2.0).unwrap();
    assert!(two.specific_heat.error.is_nan() && two.energy.error > 0.0, "{two:?}");
}

#[test]
fn there_are_never_more_effective_samples_than_samples() {
    let energy = vec![-1.5, -1.7, -1.5, -1.7, -1.5, -1.7];
    let magnetization = vec![0.5, 0.7, 0.5, 0.7, 0.5, 0.7];
    let found = observables_of(&Series { sites: 64, replicas: 1, times: 6, energy, magnetization }, "x", 2.3).unwrap();
    assert_eq!(found.effective_samples, Some(6.0));
    assert!(found.few_samples().unwrap().contains("6 effective samples"));
    let mut enough = found.clone();
    enough.effective_samples = Some(400.0);
    assert_eq!(enough.few_samples(), None);
}
