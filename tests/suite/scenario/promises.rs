//! Promises of a scenario: their bounds, the values they name, and when they hold.

use std::collections::BTreeMap;

use gibbsite::internals::record::{
    Bounds, CouplingTruth, CouplingsRecord, Estimate, ExactObservables, ExpectPoints, IsingRecord, LikelihoodRecord,
    NamedCoupling, Observables, OrderSummary, Record, StatesRecord, TrainRecord,
};
use gibbsite::internals::scenario::{self, Expect};

use super::{message, with};

#[test]
fn promises_that_cannot_be_kept_are_mistakes() {
    for (expect, says) in [
        ("key: \"likelihood.kl\"", "without bounds"),
        ("key: \"likelihood.kl\", max: 1, value: 2, within: 1", "beside"),
        ("key: \"likelihood.kl\", value: 2", "without `within`"),
        ("key: \"likelihood.kl\", min: 2, max: 1", "above `max`"),
        ("key: \"likelihood.kl\", max: NaN", "`max` is NaN"),
        ("key: \"likelihood.kl\", max: 1, in_points: 2", "about 1 points"),
        ("key: \"likelihood.lk\", max: 1", "did you mean `kl`?"),
        ("key: \"likelyhood.kl\", max: 1", "did you mean `likelihood`?"),
        ("key: \"states.kl\", max: 1", "at most 12 sites"),
        ("key: \"ising.ratio.enrgy\", max: 1", "did you mean `energy`?"),
        ("key: \"couplings.rank:0-1\", max: 3", "joined by `;`"),
        ("key: \"couplings.rank:0;99\", max: 3", "no unit is named \"99\""),
        ("key: \"couplings.rank:0;1\", max: 31", "at most 30"),
        ("key: \"couplings.binary.others_rms\", max: 1", "spin basis only"),
        ("at: (temperature: 5.0), key: \"likelihood.kl\", max: 1", "no point"),
    ] {
        let message =
            message(&with("couplings: ()", &format!("couplings: (bases: [spin, binary]), expect: [({expect})]")));
        assert!(message.contains(says), "{expect} should say {says:?}:\n{message}");
        assert!(message.starts_with("test.ron has 1 mistake\n"), "{message}");
    }
    let without = with("likelihood: (chains: 100, betas: 100),", "").replace(
        "couplings: ()",
        "expect: [(key: \"likelihood.kl\", max: 1), (key: \"couplings.orders.2.rms\", max: 1)]",
    );
    let message = message(&without);
    assert!(message.contains("likelihood is not computed") && message.contains("no couplings are read"), "{message}");
}

fn records() -> Vec<Record> {
    let best = |x: f64, e: f64| Bounds { forward: Some(Estimate::new(x, e)), ..Bounds::default() };
    let pair = |a: &str, b: &str, value| NamedCoupling { units: vec![0, 1], names: vec![a.into(), b.into()], value };
    let couplings = |basis: &str, rms| CouplingsRecord {
        basis: basis.into(),
        method: "exact".into(),
        orders: BTreeMap::from([("2".to_string(), OrderSummary { count: 3, rms })]),
        file: "couplings.csv".into(),
        matrix: None,
        strongest: vec![pair("HLA-DRB1", "HLA-DRB5", 0.7), pair("CD3D", "CD3E", 0.4)],
        truth: (basis == "spin").then_some(CouplingTruth {
            expected: 0.5,
            neighbours: Estimate::new(0.45, 0.02),
            neighbour_ratio: 0.9,
            others_rms: 0.03,
        }),
    };
    let one = |value| Estimate::new(value, 0.5);
    let ising = IsingRecord {
        observables: Observables {
            temperature: 2.0,
            lattice: "square:8".into(),
            sites: 64,
            samples: 100,
            energy: one(-1.5),
            specific_heat: one(1.0),
            magnetization: one(0.9),
            susceptibility: one(1.0),
            binder: one(0.6),
            p_up: one(0.5),
            correlation: Vec::new(),
            correlation_length: None,
            effective_samples: None,
        },
        exact: Some(ExactObservables {
            energy: -2.0,
            specific_heat: 1.0,
            magnetization: None,
            susceptibility: None,
            binder: None,
            p_up: Some(0.5),
            log_z: 60.0,
            entropy: 10.0,
        }),
        algorithm: "metropolis".into(),
        replicas: 10,
        thermalisation: 10,
        spacing: 1,
        tau_spins: None,
        warnings: Vec::new(),
        flips_per_ns: 1.0,
    };
    let of_rows = Bounds { forward: Some(Estimate::of_rows(-25.5, 0.25, 1.0)), ..Bounds::default() };
    vec![
        Record::Ising(ising),
        Record::Train(TrainRecord {
            updates: 100,
            log_likelihood: None,
            pseudo_likelihood: None,
            held_out_log_likelihood: None,
            ceiling: None,
            free_energy_gap: None,
            seed: None,
            settings: None,
            updates_per_second: 10.0,
            seconds: 10.0,
            early_stop: None,
            fit: None,
            model: "model.safetensors".into(),
        }),
        Record::Likelihood(LikelihoodRecord {
            log_z: Bounds { exact: Some(Estimate::new(40.0, 0.0)), ..best(39.0, 0.5) },
            log_likelihood: BTreeMap::from([("train".to_string(), of_rows)]),
            over_independent: BTreeMap::from([("train".to_string(), Estimate::of_rows(-3.0, 0.3, 0.4))]),
            ceiling: Some(-25.0),
            kl: Some(Estimate::new(0.5, 0.25)),
            ..LikelihoodRecord::default()
        }),
        Record::Couplings(couplings("binary", 2.0)),
        Record::Couplings(couplings("spin", 1.0)),
        Record::States(StatesRecord { units: 1, truth: vec![0.5, 0.5], learned: vec![0.5, 0.5], kl: f64::NAN }),
    ]
}

fn expect(key: &str, min: Option<f64>, max: Option<f64>, sigmas: f64) -> Expect {
    Expect { key: key.into(), min, max, sigmas, points: vec![0], at_least: 1 }
}

#[test]
fn promises_find_their_values() {
    let records = records();
    for (key, value) in [
        ("train.updates", Some(100.0)),
        ("likelihood.kl", Some(0.5)),
        ("likelihood.log_z", Some(40.0)),
        ("likelihood.log_z.forward", Some(39.0)),
        ("likelihood.log_likelihood.train", Some(-25.5)),
        ("likelihood.above_ceiling", Some(-0.5)),
        ("likelihood.over_independent.train", Some(-3.0)),
        ("likelihood.log_likelihood.held_out", None),
        ("couplings.neighbour_ratio", Some(0.9)),
        ("couplings.neighbours", Some(0.45)),
        ("couplings.orders.2.rms", Some(1.0)),
        ("couplings.binary.orders.2.rms", Some(2.0)),
        ("couplings.rank:HLA-DRB5;HLA-DRB1", Some(1.0)),
        ("couplings.rank:CD3D; CD3E", Some(2.0)),
        ("couplings.rank:CD3D;LYZ", None),
        ("states.kl", None),
        ("ising.energy", Some(-1.5)),
        ("ising.ratio.energy", Some(0.75)),
        ("ising.ratio.magnetization", None),
        ("sample.energy", None),
    ] {
        let record = scenario::evaluate(&expect(key, None, None, 0.0), &records);
        assert_eq!(record.found, value, "{key}");
        assert_eq!(record.holds, value.is_some(), "{key}: what is missing or not a number does not hold");
    }
}

/// Rows do not scatter about their own ceiling, but they do about that of their source: 0.5 below, the error of ln Z is 0.25,
/// that of the rows 1.
#[test]
fn promises_reckon_with_the_error_that_counts() {
    let holds = |key: &str, min: f64, kind: Option<&str>| {
        let mut records = records();
        for record in &mut records {
            if let Record::Likelihood(l) = record {
                l.ceiling_kind = kind.map(Into::into);
            }
        }
        scenario::evaluate(&expect(key, Some(min), None, 1.0), &records).holds
    };
    assert!(!holds("likelihood.above_ceiling", 0.0, Some(LikelihoodRecord::ENTROPY_OF_ROWS)));
    assert!(holds("likelihood.above_ceiling", 0.0, Some(LikelihoodRecord::ENTROPY_OF_SOURCE)));
    assert!(
        holds("likelihood.log_likelihood.train", -24.5, None) && !holds("likelihood.log_likelihood.train", -24.4, None)
    );
    assert!(
        holds("likelihood.over_independent.train", -2.5, None)
            && !holds("likelihood.over_independent.train", -2.4, None)
    );
}

#[test]
fn promises_hold_within_their_bounds_alone() {
    let records = records();
    let holds = |min, max, sigmas| scenario::evaluate(&expect("likelihood.kl", min, max, sigmas), &records).holds;
    assert!(holds(Some(0.5), Some(0.5), 0.0));
    assert!(!holds(None, Some(0.49), 0.0) && !holds(Some(0.51), None, 0.0));
    assert!(holds(None, Some(0.25), 1.0) && !holds(None, Some(0.24), 1.0));
    assert!(holds(Some(1.0), None, 2.0) && !holds(Some(1.01), None, 2.0));
}

/// Values 0.2, 0.9 and none at all against "at most 0.5": what holds at one of them says nothing of the others, and the one
/// farthest off is the worst, be it the only one.
#[test]
fn a_promise_as_a_whole_counts_its_points_and_names_the_worst() {
    let at = |kl: f64| vec![Record::States(StatesRecord { units: 1, truth: Vec::new(), learned: Vec::new(), kl })];
    let (low, high, none) = (at(0.2), at(0.9), Vec::new());
    let promise = |at_least: usize, points: usize| Expect {
        points: (0..points).collect(),
        at_least,
        ..expect("states.kl", None, Some(0.5), 0.0)
    };
    let own = scenario::evaluate(&promise(2, 3), &low);
    assert_eq!((own.promise.as_str(), own.found, own.holds, own.points), ("at most 0.5", Some(0.2), true, None));
    let three = [("a", &low[..]), ("b", &none[..]), ("c", &high[..])];
    let told = |at_least: usize, points: &[(&str, &[Record])]| {
        let whole = scenario::whole(&promise(at_least, points.len()), points);
        let ExpectPoints { hold, all, worst } = whole.points.unwrap();
        (whole.promise, whole.found, whole.holds, hold, all, worst)
    };
    let of = |words: &str, found, holds, hold, all, worst: &str| {
        (words.to_string(), found, holds, hold, all, worst.to_string())
    };
    assert_eq!(told(1, &three), of("at most 0.5, at 1 of 3 points", None, true, 1, 3, "b"));
    assert_eq!(told(2, &three), of("at most 0.5, at 2 of 3 points", None, false, 1, 3, "b"));
    let [a, _, c] = three;
    assert_eq!(told(2, &[a, c]), of("at most 0.5", Some(0.9), false, 1, 2, "c"));
    assert_eq!(told(1, &[a]), of("at most 0.5", Some(0.2), true, 1, 1, "a"));
}
