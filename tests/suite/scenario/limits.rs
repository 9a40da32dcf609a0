//! The ends of every range: the last value that is taken and the first that is not, what is filled in where nothing is
//! said, and what a plan costs by formulas worked out by hand.

use gibbsite::internals::backend::Descent;
use gibbsite::internals::couplings::Basis;
use gibbsite::internals::scenario::{Plan, Source, SpinRule};
use gibbsite::internals::settings::Tempering;
use gibbsite::internals::train::{Algorithm, Schedule};

use super::{GOOD, changed, plan};

/// `GOOD` with settings, each `key=value`, separated by blanks.
fn taken(settings: &str) -> Result<Plan, String> {
    changed(GOOD, &settings.split_whitespace().collect::<Vec<_>>(), false).map_err(|e| e.to_string())
}

#[test]
fn every_range_ends_where_it_says() {
    // Taken, refused.
    let cases = [
        ("seed=9007199254740992", "seed=9007199254740993"),
        ("source.temperature=1e-3", "source.temperature=0"),
        ("source.samples=56", "source.samples=55"),
        ("source.replicas=1", "source.replicas=0"),
        ("source.replicas=1000", "source.replicas=1001"),
        ("source.thermalise=1073741824", "source.thermalise=1073741825"),
        ("source.every=1 source.thermalise=0", "source.every=0"),
        ("source.every=1073741824 source.replicas=1000", "source.every=1073741825 source.replicas=1000"),
        (
            "source.every=1000000 source.replicas=1 source.samples=4000 source.thermalise=294967295",
            "source.every=1000000 source.replicas=1 source.samples=4000 source.thermalise=294967296",
        ),
        ("source.lattice=square:64 source.samples=16777216", "source.lattice=square:64 source.samples=16777217"),
        ("model.hidden=1", "model.hidden=0"),
        ("model.hidden=134217728 couplings.orders=[1]", "model.hidden=134217729 couplings.orders=[1]"),
        ("model.weight_scale=0", "model.weight_scale=-0.1"),
        ("model.weight_scale=10", "model.weight_scale=10.1"),
        ("model.anchor=0", "model.anchor=-0.1"),
        ("model.anchor=10", "model.anchor=10.1"),
        ("train.learning_rate=1000", "train.learning_rate=1000.1"),
        ("train.gibbs_steps=1", "train.gibbs_steps=0"),
        ("train.gibbs_steps=1000000", "train.gibbs_steps=1000001"),
        ("train.gibbs_steps=2 train.updates=2147483647", "train.gibbs_steps=2 train.updates=2147483648"),
        ("train.chains=1", "train.chains=0"),
        ("train.chains=16777216", "train.chains=16777217"),
        ("train.batch=1", "train.batch=0"),
        ("train.batch=900", "train.batch=901"),
        ("train.held_out=0", "train.held_out=-0.01"),
        ("train.held_out=0.5", "train.held_out=1"),
        ("train.updates=1", "train.updates=0"),
        ("train.bias_rate=0", "train.bias_rate=-0.1"),
        ("train.bias_rate=10", "train.bias_rate=10.1"),
        ("train.offset_rate=0", "train.offset_rate=-0.1"),
        ("train.offset_rate=1", "train.offset_rate=1.1"),
        ("train.rungs=2", "train.rungs=1"),
        ("train.rungs=256", "train.rungs=257"),
        ("train.online_chains=64", "train.online_chains=48"),
        ("train.online_chains=80", "train.online_chains=72"),
        ("train.online_chains=1048576", "train.online_chains=1048592"),
        ("train.metrics=0", "train.metrics=1000001"),
        ("train.checkpoints=1000000", "train.checkpoints=1000001"),
        ("train.keep_checkpoints=1", "train.keep_checkpoints=0"),
        ("train.patience=1", "train.patience=0"),
        ("train.patience=1000000", "train.patience=1000001"),
        ("train.patience=3", "train.patience=3 train.held_out=0"),
        ("train.patience=3 train.metrics=1", "train.patience=3 train.metrics=0"),
        ("sample.samples=100", "sample.samples=99"),
        ("sample.samples=2 sample.chains=1", "sample.samples=1 sample.chains=1"),
        ("sample.samples=4294967295 sample.every=1", "sample.samples=4294967296 sample.every=1"),
        ("sample.chains=500", "sample.chains=501"),
        ("sample.thermalise=1073741824", "sample.thermalise=1073741825"),
        ("sample.every=1", "sample.every=0"),
        (
            "sample.samples=4000 sample.chains=1 sample.every=1000000 sample.thermalise=294967295",
            "sample.samples=4000 sample.chains=1 sample.every=1000000 sample.thermalise=294967296",
        ),
        ("sample.tempering=rungs(2)", "sample.tempering=rungs(1)"),
        ("sample.tempering=rungs(256)", "sample.tempering=rungs(257)"),
        ("likelihood.chains=2", "likelihood.chains=1"),
        ("likelihood.betas=2", "likelihood.betas=1"),
        ("likelihood.betas=16777216", "likelihood.betas=16777217"),
        (
            "source.lattice=open-chain:31 model.hidden=30 likelihood.exact=always",
            "source.lattice=open-chain:31 model.hidden=31 likelihood.exact=always",
        ),
        ("couplings.strongest=100000", "couplings.strongest=100001"),
        ("couplings.orders=[3]", "couplings.orders=[]"),
        ("couplings.orders=[1,3,2]", "couplings.orders=[0]"),
        ("couplings.bases=[binary]", "couplings.bases=[]"),
        ("couplings.bases=[binary,spin]", "couplings.bases=[spin,spin]"),
        ("couplings.units=[0,15]", "couplings.units=[0,16]"),
        ("couplings.units=[3,2]", "couplings.units=[3,3]"),
        // 417 · 416 · 415 / 6 = 11 998 480 triples, and 12 085 216 of 418.
        ("source.lattice=open-chain:417 couplings.orders=[3]", "source.lattice=open-chain:418 couplings.orders=[3]"),
        ("sweep.hidden=[1,2]", "sweep.hidden=[0,2]"),
        ("sweep.gibbs_steps=[1,2]", "sweep.gibbs_steps=[1,0]"),
        ("sweep.learning_rate=[0.1,1000]", "sweep.learning_rate=[0.1,1001]"),
        ("sweep.seed=[1,2]", "sweep.seed=[1,9007199254740993]"),
    ];
    for (good, bad) in cases {
        if let Err(message) = taken(good) {
            panic!("{good} is refused:\n{message}");
        }
        let message = taken(bad).expect_err(bad);
        assert!(message.contains("1 mistake\n"), "{bad}:\n{message}");
    }
}

fn training(point: &gibbsite::internals::scenario::Point) -> gibbsite::internals::train::Settings {
    point.train.clone().unwrap().settings
}

#[test]
fn what_is_not_said_is_filled_in() {
    let text = r#"(
        version: 1,
        name: "x",
        source: Ising(lattice: "square:4", temperature: 2.0, samples: 5000),
        model: (hidden: 8),
        train: (),
        sample: (),
        likelihood: (),
        observe: (),
        couplings: (),
    )"#;
    let defaults = plan(text);
    let point = &defaults.points[0];
    let Source::Ising(ising) = &point.source else { panic!("{:?}", point.source) };
    assert_eq!((defaults.seed, ising.replicas, ising.algorithm), (1, 1000, SpinRule::Metropolis));
    assert_eq!((ising.thermalise, ising.every), (None, None));
    let train = point.train.clone().unwrap();
    let settings = &train.settings;
    let counts = (settings.gibbs_steps, settings.chains, settings.batch, settings.updates);
    assert_eq!((settings.algorithm, counts), (Algorithm::Pcd, (2, 1000, 250, 20_000)));
    assert_eq!((settings.schedule, settings.learning_rate), (Schedule::Cosine, 0.2));
    assert_eq!((train.held_out_rows, settings.centred, settings.flip), (500, true, true));
    assert!(settings.translations.is_some() && settings.augment.flip && settings.augment.translations.is_some());
    assert_eq!((settings.bias_rate, settings.offset_rate, settings.rungs, settings.online), (0.1, 0.01, 8, 0));
    assert_eq!((train.start.weight_scale, train.start.anchor), (0.01, 4.0));
    assert_eq!((train.metrics, train.checkpoints, train.keep_checkpoints), (10, 10, 2));
    assert_eq!((train.patience, train.keep_going), (None, false));
    let plan_of_samples = point.sample.clone().unwrap();
    let sample = &plan_of_samples.settings;
    assert_eq!((sample.samples, sample.chains, sample.thermalise, sample.every), (10_000, 1000, 1000, 10));
    assert_eq!(plan_of_samples.tempering, Tempering::Off);
    assert!(sample.flip && plan_of_samples.translations.is_some());
    let likelihood = point.likelihood.clone().unwrap();
    assert_eq!((likelihood.chains, likelihood.ladder.steps(), likelihood.enumerates(25)), (1000, 999, true));
    let couplings = point.couplings.clone().unwrap();
    assert_eq!((couplings.orders, couplings.bases), (vec![1, 2, 3], vec![Basis::Spin]));
    assert_eq!((couplings.strongest, couplings.units), (30, None));
    // Few samples are fewer replicas, chains and rows of a minibatch.
    let few = plan(&text.replace("samples: 5000", "samples: 200").replace("sample: ()", "sample: (samples: 30)"));
    let point = &few.points[0];
    assert!(matches!(point.source, Source::Ising(ising) if ising.replicas == 200));
    assert_eq!((training(point).batch, point.sample.as_ref().unwrap().settings.chains), (180, 30));
    // Rows kept out are the nearest whole number.
    for (samples, fraction, kept_out) in [(1004, "0.1", 100), (1006, "0.1", 101), (1000, "0.25", 250), (1000, "0.0", 0)]
    {
        let settings = format!("source.samples={samples} source.replicas=1 train.held_out={fraction}");
        assert_eq!(taken(&settings).unwrap().points[0].train.as_ref().unwrap().held_out_rows, kept_out, "{settings}");
    }
    // Where triples are too many they are left out unless asked for.
    let large = plan(&text.replace("square:4", "square:22"));
    assert_eq!(large.points[0].couplings.clone().unwrap().orders, [1, 2]);
    assert!(!large.points[0].compares_states());
    let not_spins = training(&taken("train.flip=false").unwrap().points[0]);
    assert_eq!((not_spins.flip, not_spins.bias_rate), (false, 1.0));
    // An epoch is at least one update: 900 rows are one minibatch, three of 300, and one of 500 with some left over.
    for (batch, updates) in [(900, 7), (300, 21), (500, 7)] {
        let text = GOOD.replace("updates: 100, batch: 50", &format!("epochs: 7, batch: {batch}"));
        assert_eq!(training(&plan(&text).points[0]).updates, updates, "{batch}");
    }
    let promised = plan(&GOOD.replace("couplings: ()", "expect: [(key: \"train.updates\", min: 100, max: 100)]"));
    assert_eq!((promised.expect[0].sigmas, promised.expect[0].at_least), (0.0, 1));
    // A momentum of some points asks for an optimiser that has one at all of them.
    let set = "overrides=[(at:(temperature:2.0),train:(momentum:0.5))]";
    assert_eq!(training(&taken(set).unwrap().points[0]).descent, Descent::Momentum { momentum: 0.5 });
}

/// Operations are multiplications and additions of products: 4 · chains · n_v · n_h for a Gibbs step.
#[test]
fn costs_are_those_of_the_formulas() {
    let of = |settings: &str, stage: &str| {
        let plan = taken(settings).unwrap_or_else(|e| panic!("{e}"));
        let found = plan.estimate().into_iter().find(|s| s.stage == stage).unwrap();
        (found.work, found.bytes, found.seconds)
    };
    let near = |found: (f64, f64, f64), expected: (f64, f64, f64), what: &str| {
        let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-12;
        let is_near = close(found.0, expected.0) && close(found.1, expected.1) && close(found.2, expected.2);
        assert!(is_near, "{what}: {found:?} for {expected:?}");
    };
    // (sweeps before + 10 times · sweeps between) · replicas · sites; packed rows, and 8 bytes a replica and sweep.
    let settings = "source.replicas=100 source.thermalise=50 source.every=7";
    near(of(settings, "ising"), (192_000.0, 60_000.0, 192_000.0 / 5e9), settings);
    near(of("source.replicas=100", "ising"), (4e6, 404_000.0, 4e6 / 5e9), "chosen sweeps");
    // Four metrics, each an annealing of 100 chains over 100 temperatures and an enumeration of 2⁸ states of 16 terms.
    let metrics = 4.0 * (4.0 * 128.0 * 1e4 / 4e10 + 4096.0 / 2e8);
    let rows = 4000.0 + 4.0 * 1050.0;
    for (settings, work, bytes, rate) in [
        ("train.gibbs_steps=3", 128.0 * (14_000.0 + 4200.0), rows + 20.0 * 128.0, 4e10),
        ("train.flip=false", 128.0 * (8000.0 + 4200.0), rows + 20.0 * 128.0, 4e10),
        ("train.optimizer=sgd", 128.0 * (10_000.0 + 4200.0), rows + 16.0 * 128.0, 4e10),
        ("train.online_chains=160", 128.0 * (10_000.0 + 4200.0 + 96.0), rows + 20.0 * 128.0, 4e10),
        ("train.algorithm=cd", 128.0 * (500.0 + 400.0), 4400.0 + 20.0 * 128.0, 4e10),
        ("train.algorithm=mean_field", 128.0 * (400.0 + 400.0), 4400.0 + 20.0 * 128.0, 2e10),
        ("train.algorithm=pt train.rungs=3", 128.0 * (36_000.0 + 4200.0), rows + 20.0 * 128.0, 4e10),
        ("train.algorithm=trajectory train.rungs=3", 128.0 * (42_000.0 + 4200.0), rows + 20.0 * 128.0, 4e10),
    ] {
        let found = of(&format!("train.metrics=4 {settings}"), "train");
        near(found, (100.0 * work, bytes, 100.0 * work / rate + metrics), settings);
    }
    let steps = 1050.0 * 4.0 * 100.0 * 128.0;
    for (tempering, rungs) in [("off", 1.0), ("auto", 8.0), ("rungs(3)", 3.0)] {
        let found = of(&format!("sample.tempering={tempering}"), "sample");
        near(found, (rungs * steps, 2512.0, rungs * steps / 4e10), tempering);
    }
    let annealing = 4.0 * 128.0 * 1e4;
    let enumerated = (2.0 * annealing, 912.0, 2.0 * annealing / 4e10 + 4096.0 / 2e8);
    near(of("", "likelihood"), enumerated, "an enumeration and two annealings");
    let tempered = (8.0 * annealing, 912.0, 8.0 * annealing / 4e10);
    near(of("likelihood.exact=never", "likelihood"), tempered, "two annealings and tempering");
    // 16 fields, 120 pairs and 560 triples in two bases, 200 nodes for each hidden unit.
    let all = 2.0 * 696.0 * 8.0 * 200.0;
    near(of("couplings.bases=[spin,binary]", "couplings"), (all, 16.0 * (696.0 + 256.0), all / 2e9), "all couplings");
    let few = 137.0 * 8.0 * 200.0;
    let settings = "couplings.units=[0,1,2] couplings.bases=[spin]";
    near(of(settings, "couplings"), (few, 8.0 * (137.0 + 256.0), few / 2e9), settings);
}
