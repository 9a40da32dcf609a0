//! Scenario files: every mistake shown at its place, sweeps, overrides, changes from the command line, promises.

mod limits;
mod promises;
mod starts;

use std::path::Path;

use gibbsite::internals::couplings::Basis;
use gibbsite::internals::error::Error;
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::scenario::{self, Changes, Facts, Plan, RawScenario, RawSource, Source};
use gibbsite::internals::settings::{ModelSettings, TrainSettings};
use gibbsite::internals::train::Algorithm;

const GOOD: &str = r#"(
    version: 1,
    name: "test",
    source: Ising(lattice: "square:4", temperature: 2.0, samples: 1000),
    model: (hidden: 8),
    train: (updates: 100, batch: 50),
    sample: (samples: 500, chains: 100),
    likelihood: (chains: 100, betas: 100),
    observe: (),
    couplings: (),
)"#;

fn parse(text: &str) -> Result<Plan, Error> {
    changed(text, &[], false)
}

fn changed(text: &str, set: &[&str], quick: bool) -> Result<Plan, Error> {
    let set = set.iter().map(ToString::to_string).collect();
    scenario::parse(text, "test.ron", Path::new("scenarios"), &Changes { set, quick })
}

fn plan(text: &str) -> Plan {
    parse(text).unwrap_or_else(|e| panic!("{e}"))
}

/// The message for a text that must not be accepted; the exit code is that of bad input.
fn message(text: &str) -> String {
    let error = parse(text).expect_err("a mistake was accepted");
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string()
}

/// `GOOD` with one part replaced.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replace(from, to)
}

/// The text above the carets of every mistake: what a reader sees marked.
fn marked(message: &str) -> Vec<String> {
    let lines: Vec<Vec<char>> = message.lines().map(|l| l.chars().collect()).collect();
    let carets = |line: &Vec<char>| line.contains(&'^') && line.iter().all(|c| " |^\t".contains(*c));
    (1..lines.len())
        .filter(|&i| carets(&lines[i]))
        .map(|i| (0..lines[i].len()).filter(|&c| lines[i][c] == '^').filter_map(|c| lines[i - 1].get(c)).collect())
        .collect()
}

#[test]
fn a_good_scenario_becomes_a_plan_with_every_default() {
    let plan = plan(GOOD);
    assert_eq!((plan.name.as_str(), plan.seed, plan.points.len(), plan.has_sweep()), ("test", 1, 1, false));
    let point = &plan.points[0];
    let train = point.train.clone().expect("training");
    let settings = &train.settings;
    assert_eq!((point.label.as_str(), point.rows, point.n_visible, point.n_hidden), ("", Some(1000), 16, Some(8)));
    assert_eq!((settings.algorithm, settings.gibbs_steps), (Algorithm::Pcd, 2));
    assert_eq!((settings.batch, settings.updates), (50, 100));
    assert_eq!((train.held_out_rows, settings.flip, settings.centred), (100, true, true));
    let likelihood = point.likelihood.clone().expect("likelihood");
    assert!(likelihood.enumerates(8), "8 hidden units can be enumerated");
    let couplings = point.couplings.clone().expect("couplings");
    assert_eq!((couplings.orders, couplings.bases), (vec![1, 2, 3], vec![Basis::Spin]));
    assert!(!point.compares_states(), "16 sites are too many");
}

#[test]
fn each_mistake_is_marked_where_it_stands() {
    let cases: [(&str, &str, &str, &str); 38] = [
        ("temperature: 2.0", "temperature: 0.0", "0.0", "positive"),
        ("temperature: 2.0", "temperature: -1.5", "-1.5", "positive"),
        ("temperature: 2.0", "temperature: NaN", "NaN", "positive"),
        ("temperature: 2.0", "temperature: \"hot\"", "\"hot\"", "a number"),
        ("square:4", "honeycomb:5", "\"honeycomb:5\"", "even extents"),
        ("square:4", "kagome:4", "\"kagome:4\"", "chain:L"),
        ("samples: 1000", "samples: 0", "0", "from 2"),
        ("samples: 1000", "samples: -7", "-7", "whole number"),
        ("samples: 1000", "samples: 1e4", "1e4", "write 10000"),
        ("samples: 1000", "samples: 99999999999", "99999999999", "or less"),
        ("samples: 1000", "samples: 1000, replicas: 2000", "2000", "as many replicas as samples"),
        ("samples: 1000", "samples: 1000, algorithm: heat-bath", "heat-bath", "write heat_bath"),
        ("samples: 1000", "sampels: 1000", "sampels", "did you mean `samples`?"),
        ("hidden: 8", "hidden: 0", "0", "from 1"),
        ("hidden: 8", "hidden: 2.5", "2.5", "whole number"),
        ("batch: 50", "batch: 901", "901", "from 1 to 900"),
        ("updates: 100", "updates: 100, epochs: 3", "3", "one of them"),
        ("updates: 100", "updates: 4000000000", "4000000000", "32 bits"),
        ("updates: 100", "learning_rte: 0.1", "learning_rte", "did you mean `learning_rate`?"),
        ("updates: 100", "learning_rate: 0", "0", "positive"),
        ("updates: 100", "momentum: 1.0", "1.0", "below 1"),
        ("updates: 100", "optimizer: adm", "adm", "did you mean `adam`?"),
        ("updates: 100", "optimizer: rmsprop, momentum: 0.9", "0.9", "leave it out"),
        ("updates: 100", "optimizer: adam, square_decay: 1.0", "1.0", "below 1"),
        ("updates: 100", "optimizer: adam, epsilon: 0", "0", "positive"),
        ("updates: 100", "l1: -0.1", "-0.1", "0 to 1"),
        ("updates: 100", "max_norm: 0", "0", "positive"),
        ("updates: 100", "clip: -1", "-1", "positive"),
        ("updates: 100", "schedule: steps(every: 0, factor: 0.5)", "steps(every: 0, factor: 0.5)", "at least 1 update"),
        ("updates: 100", "held_out: 1.0", "1.0", "below 1"),
        ("updates: 100", "schedule: cosin", "cosin", "did you mean `cosine`?"),
        ("updates: 100", "centred: 1", "1", "true or false"),
        ("chains: 100, betas: 100", "betas: 1", "1", "from 2"),
        ("couplings: ()", "couplings: (orders: [1, 4])", "4", "1, 2 or 3"),
        ("couplings: ()", "couplings: (orders: [2, 2])", "2", "every order once"),
        ("couplings: ()", "couplings: (units: [3, 16])", "16", "from 0 to 15"),
        ("version: 1", "version: 2", "2", "version 1 only"),
        ("name: \"test\"", "name: \"a/b\"", "\"a/b\"", "letters"),
    ];
    for (from, to, mark, says) in cases {
        let message = message(&with(from, to));
        assert!(message.starts_with("test.ron has 1 mistake\n"), "{to}:\n{message}");
        assert_eq!(marked(&message), [mark], "{to}:\n{message}");
        assert!(message.contains(says), "{to} should say {says:?}:\n{message}");
    }
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let text = r#"(
    version: 1,
    name: "test",
    source: Ising(lattice: "square:1", temperature: 0, samples: 1000),
    modell: (hidden: 8),
    train: (updates: fast, batch: 50, lr: 0.1),
    sample: (samples: 500, chains: 1000),
	observe: (), likelihood: (betas: "many"),
)"#;
    let message = message(text);
    let places = ["4:28", "4:53", "5:5", "6:22", "6:39", "7:36", "8:35"];
    for place in places {
        assert!(message.contains(&format!("test.ron:{place}\n")), "no mistake at {place}:\n{message}");
    }
    assert_eq!(marked(&message), ["\"square:1\"", "0", "modell", "fast", "lr", "1000", "\"many\""], "{message}");
    assert!(message.starts_with("test.ron has 7 mistakes\n"), "{message}");
    assert!(message.contains("did you mean `learning_rate`?"), "{message}");
}

#[test]
fn the_whole_look_of_a_mistake() {
    let message = message(&with("temperature: 2.0", "temperature: 0.0"));
    let expected = r#"test.ron has 1 mistake

`temperature` is 0
  where:    test.ron:4:53
  4 |     source: Ising(lattice: "square:4", temperature: 0.0, samples: 1000),
    |                                                     ^^^
  expected: a positive finite number, in units of J/k_B
  do:       the critical temperature of the square lattice is 2.269185"#;
    assert_eq!(message, expected);
}

#[test]
fn broken_brackets_and_quotes_are_named() {
    for (text, says, place) in [
        ("", "empty", "1:1"),
        ("hello", "opening round bracket", "1:1"),
        ("(\n    version: 1\n    name: \"x\",\n)", "comma", "3:5"),
        ("(\n    version: 1,\n    name: \"x,\n)", "closing quote", "3:11"),
        (&GOOD[..GOOD.len() - 1], "ends too early", "10:19"),
        (&GOOD[..GOOD.len() - 3], "comma or a closing bracket", "10:17"),
        (&format!("{GOOD} more"), "more text", "11:2"),
        (&with("name: \"test\",\n", "\n"), "`name` is missing", "11:1"),
        (&with("version: 1", "version: 1, version: 1"), "given twice", "2:17"),
    ] {
        let message = message(text);
        assert!(message.contains(says), "should say {says:?}:\n{message}");
        assert!(message.contains(&format!("test.ron:{place}\n")), "should be at {place}:\n{message}");
    }
}

#[test]
fn torn_texts_are_refused_without_a_panic() {
    for end in (0..GOOD.len()).filter(|&end| GOOD.is_char_boundary(end)) {
        assert!(parse(&GOOD[..end]).is_err(), "accepted {:?}", &GOOD[..end]);
        // Cut out of the middle: may be right or wrong, must not panic.
        let _ = parse(&format!("{}{}", &GOOD[..end / 2], &GOOD[end..]));
    }
}

#[test]
fn stages_need_what_they_work_on() {
    for (from, to, says) in [
        ("model: (hidden: 8),\n", "", "`train` without `model`"),
        ("train: (updates: 100, batch: 50),\n", "", "`model` without `train`"),
        ("sample: (samples: 500, chains: 100),\n", "", "`observe` without `sample`"),
        ("temperature: 2.0, ", "", "no temperature"),
        ("couplings: ()", "sweep: (temperature: [])", "no values"),
        ("couplings: ()", "sweep: (temperature: [2.0, 3.0, 2.0])", "2 is given twice"),
        ("couplings: ()", "sweep: (temperature: [2.0, -3.0])", "`temperature[1]` is -3"),
        ("couplings: ()", "overrides: [(at: (temperature: 9.0), train: (batch: 2))]", "no point"),
        ("chains: 100, betas: 100", "exact: always", ""),
    ] {
        let text = with(from, to);
        if says.is_empty() {
            parse(&text).unwrap_or_else(|e| panic!("{e}"));
            continue;
        }
        let message = message(&text);
        assert!(message.contains(says), "{to:?} should say {says:?}:\n{message}");
    }
    let no_enumeration = with("hidden: 8", "hidden: 64")
        .replace("square:4", "square:8")
        .replace("chains: 100, betas: 100", "exact: always");
    assert!(message(&no_enumeration).contains("cannot be enumerated"));
}

#[test]
fn missing_files_are_found_before_the_run() {
    let file = with("Ising(lattice: \"square:4\", temperature: 2.0, samples: 1000)", "File(path: \"no/such.csv\")");
    let text = message(&file);
    assert!(text.contains("no such file") && text.contains("no/such.csv"), "{text}");
    assert_eq!(marked(&text), ["\"no/such.csv\""]);
    let model = file.replace("File(path: \"no/such.csv\")", "Model(path: \"no.safetensors\")");
    assert!(message(&model).contains("no such file"));
}

#[test]
fn names_with_a_semicolon_are_refused_before_the_training() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.csv"), "a;b,c\n0,1\n1,0\n").unwrap();
    let text =
        r#"(version: 1, name: "x", source: File(path: "x.csv"), model: (hidden: 1), train: (batch: 1), couplings: ())"#;
    let error = scenario::parse(text, "test.ron", dir.path(), &Changes::default()).expect_err("semicolon");
    assert!(error.to_string().contains("semicolon"), "{error}");
}

#[test]
fn plans_put_together_by_a_program_name_flags() {
    let source = |lattice: &str| RawSource::Ising {
        lattice: lattice.into(),
        temperature: Some(2.0),
        samples: 100,
        algorithm: None,
        replicas: None,
        thermalise: None,
        every: None,
    };
    let mut raw = RawScenario::new("ising", source("square:4"));
    let facts = Facts {
        rows: Some(100),
        n_visible: Some(16),
        lattice: Some(Lattice::Square { length: 4 }),
        temperature: Some(2.0),
        ..Facts::default()
    };
    let plan = scenario::plan_of(raw.clone(), facts.clone()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((plan.points.len(), plan.points[0].n_visible, &plan.points[0].train), (1, 16, &None));
    raw.model = Some(ModelSettings { hidden: Some(0), ..ModelSettings::default() });
    raw.train = Some(TrainSettings { gibbs_steps: Some(0), ..TrainSettings::default() });
    let error = scenario::plan_of(raw, facts).expect_err("two mistakes");
    let message = error.to_string();
    assert!(matches!(error, Error::Input(_)), "{message}");
    assert!(message.contains("--hidden") && message.contains("--gibbs-steps"), "{message}");
}

const SWEPT: &str = r#"(
    version: 1,
    name: "sweep",
    seed: 7,
    source: Ising(lattice: "square:4", samples: 1000),
    model: (),
    train: (updates: 100, batch: 50, bias_rate: 1.0),
    couplings: (),
    likelihood: (),
    sweep: (temperature: [1.8, 2.269185, 3.0], hidden: [4, 16], seed: [1, 2]),
    overrides: [
        (at: (temperature: 1.8), train: (epochs: 3, bias_rate: 0.1)),
        (at: (temperature: 1.8, hidden: 16), train: (batch: 90)),
    ],
    expect: [
        (at: (temperature: 2.269185), key: "likelihood.kl", max: 0.5, in_points: 3),
        (key: "couplings.neighbour_ratio", value: 1.0, within: 0.06, sigmas: 2),
    ],
)"#;

#[test]
fn a_sweep_is_every_combination_with_its_overrides() {
    let plan = plan(SWEPT);
    let labels: Vec<&str> = plan.points.iter().map(|p| p.label.as_str()).collect();
    assert_eq!(labels.len(), 12);
    assert_eq!(labels[0], "temperature=1.8,hidden=4,seed=1");
    assert_eq!(labels[1], "temperature=1.8,hidden=4,seed=2");
    assert_eq!(labels[2], "temperature=1.8,hidden=16,seed=1");
    assert_eq!(labels[11], "temperature=3,hidden=16,seed=2");
    for point in &plan.points {
        let train = point.train.clone().expect("training");
        let settings = &train.settings;
        let Source::Ising(ising) = &point.source else { panic!("source") };
        assert_eq!(Some(ising.temperature), point.temperature);
        assert_eq!(point.values["temperature"], ising.temperature);
        assert_eq!(point.n_hidden, Some(train.n_hidden));
        let (bias_rate, batch, updates) = match (ising.temperature == 1.8, train.n_hidden) {
            (true, 4) => (0.1, 50, 3 * (900 / 50)),
            (true, _) => (0.1, 90, 3 * (900 / 90)),
            _ => (1.0, 50, 100),
        };
        assert_eq!(
            (settings.bias_rate, settings.batch, settings.updates),
            (bias_rate, batch, updates),
            "{}",
            point.label
        );
    }
    let (at_tc, everywhere) = (&plan.expect[0], &plan.expect[1]);
    assert_eq!((at_tc.points.as_slice(), at_tc.at_least), (&[4, 5, 6, 7][..], 3));
    assert_eq!((everywhere.min, everywhere.max, everywhere.at_least), (Some(0.94), Some(1.06), 12));
    let trains: Vec<_> = plan.points.iter().map(|p| p.train.as_ref().unwrap()).collect();
    for (i, train) in trains.iter().enumerate() {
        assert!(!trains[..i].iter().any(|other| other.makes_the_same(train)), "two points make the same machine");
    }
}

/// Measuring more often changes no parameter, unless patience decides by it; a learning rate does.
#[test]
fn machines_are_the_same_where_what_decides_the_parameters_is() {
    let train = |set: &[&str]| changed(GOOD, set, false).unwrap().points[0].train.clone().unwrap();
    let same = |set: &[&str]| train(&[]).makes_the_same(&train(set));
    assert!(same(&["train.metrics=3", "train.checkpoints=1", "train.keep_checkpoints=7", "likelihood.betas=50"]));
    for other in ["train.learning_rate=0.3", "model.anchor=1", "seed=2", "train.held_out=0.2", "train.patience=3"] {
        assert!(!same(&[other]), "{other}");
    }
    let patient = |metrics: &str| train(&["train.patience=3", metrics]);
    assert!(!patient("train.metrics=3").makes_the_same(&patient("train.metrics=4")));
}

#[test]
fn resolved_scenarios_read_back_to_the_same_plan() {
    for text in [GOOD, SWEPT] {
        for quick in [false, true] {
            let plan = changed(text, &[], quick).unwrap_or_else(|e| panic!("{e}"));
            let again = parse(&plan.resolved).unwrap_or_else(|e| panic!("{e}\n{}", plan.resolved));
            assert_eq!(plan, again);
        }
    }
    assert!(plan(GOOD).resolved.contains("weight_decay: 0.0"), "defaults are written out");
}

#[test]
fn set_changes_and_adds_values() {
    let plan = changed(
        GOOD,
        &[
            "train.updates=7",
            "train.algorithm=cd",
            "seed = 9",
            "source.lattice=square:8",
            "source.replicas=10",
            "sweep.temperature=[1.5, 2.5]",
            "title=a heading, quoted",
        ],
        false,
    )
    .unwrap_or_else(|e| panic!("{e}"));
    let train = &plan.points[0].train.as_ref().expect("training").settings;
    assert_eq!((train.updates, train.algorithm, train.chains), (7, Algorithm::Cd, train.batch));
    let means = changed(GOOD, &["train.algorithm=mean_field"], false).unwrap();
    let train = &means.points[0].train.as_ref().expect("training").settings;
    assert_eq!((train.algorithm, train.chains), (Algorithm::MeanField, train.batch));
    assert_eq!((plan.seed, plan.points.len(), plan.points[1].n_visible), (9, 2, 64));
    assert_eq!(plan.title.as_deref(), Some("a heading, quoted"));
    assert!(matches!(plan.points[0].source, Source::Ising(i) if i.replicas == 10));
    // A setting made last wins, as does one for a block that is not there yet.
    let twice = changed(GOOD, &["train.updates=7", "train.updates=8", "couplings.strongest=3"], false).unwrap();
    assert_eq!(twice.points[0].train.as_ref().unwrap().settings.updates, 8);
    assert_eq!(twice.points[0].couplings.as_ref().unwrap().strongest, 3);
}

#[test]
fn bad_settings_name_themselves() {
    for (setting, says) in [
        ("train.updtes=5", "did you mean `updates`?"),
        ("trian.updates=5", "did you mean `train`?"),
        ("train.updates", "without `=`"),
        ("train.updates=", "without a value"),
        ("train.updates=soon", "whole number"),
        ("train.updates=3), seed: (4", "one value"),
        ("train.updates=3, batch: 4", "one value"),
        ("tr ain=3", "dotted name"),
        ("expect[3].max=3", "expect[3]"),
    ] {
        let error = changed(GOOD, &[setting], false).expect_err(setting);
        assert!(matches!(error, Error::Input(_)) && error.exit_code() == 2);
        let message = error.to_string();
        assert!(message.contains(says) && message.contains(&format!("--set {setting}")), "{setting}:\n{message}");
    }
    // Of the right type and out of range: shown in the text as it now stands.
    let message = changed(GOOD, &["train.learning_rate=-2"], false).expect_err("negative rate").to_string();
    assert_eq!(marked(&message), ["-2"], "{message}");
}

#[test]
fn quick_is_smaller_and_promises_nothing() {
    let text = SWEPT.replace("updates: 100", "updates: 20000").replace("samples: 1000", "samples: 100000");
    let (full, quick) = (plan(&text), changed(&text, &[], true).unwrap());
    assert!(quick.expect.is_empty() && !full.expect.is_empty());
    assert_eq!(quick.points.len(), full.points.len());
    let (f, q) = (&full.points[11], &quick.points[11]);
    let settings = |point: &scenario::Point| point.train.clone().unwrap().settings;
    let steps = |point: &scenario::Point| point.likelihood.as_ref().unwrap().ladder.steps();
    assert_eq!(settings(q).updates, settings(f).updates / 20);
    assert_eq!(settings(q).chains, settings(f).chains / 10);
    assert_eq!(steps(q) + 1, (steps(f) + 1) / 10);
    assert_eq!(q.rows, Some(10_000));
    let cost = |plan: &Plan| plan.estimate().iter().map(|s| s.seconds).sum::<f64>();
    assert!(cost(&quick) < cost(&full) / 5.0, "{} against {}", cost(&quick), cost(&full));
    // Numbers that are small already stay as they are.
    let small = GOOD
        .replace("updates: 100", "updates: 3")
        .replace("samples: 1000", "samples: 60")
        .replace("batch: 50", "batch: 20");
    let quick = changed(&small, &[], true).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((settings(&quick.points[0]).updates, quick.points[0].rows), (3, Some(60)));
}

/// The formula of a Gibbs step, by hand: 4 · chains · n_v · n_h operations.
#[test]
fn estimates_count_what_the_formulas_say() {
    let plan = plan(&with("batch: 50", "batch: 50, online_chains: 64"));
    let stages = plan.estimate();
    let work = |name: &str| stages.iter().find(|s| s.stage == name).map(|s| s.work).unwrap();
    let (chains, batch, weights) = (1000.0, 50.0, 16.0 * 8.0);
    let online = 0.6 * 64.0;
    assert_eq!(work("train"), 100.0 * weights * (2.0 * 4.0 * chains + 2.0 * chains + 4.0 * (chains + batch) + online));
    assert_eq!(work("sample"), (1000.0 + 5.0 * 10.0) * 4.0 * 100.0 * weights);
    // Forward and reverse.
    assert_eq!(work("likelihood"), 2.0 * 4.0 * weights * 100.0 * 100.0);
}

#[test]
fn the_scenarios_that_come_with_the_program_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for name in ["quickstart", "chain6", "couplings-tc", "cells"] {
        let path = folder.join(format!("{name}.ron"));
        for quick in [false, true] {
            let plan = scenario::load(&path, &Changes { set: Vec::new(), quick }).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(plan.name, name);
            assert_eq!(plan.expect.is_empty(), quick);
            let again = scenario::parse(&plan.resolved, name, Path::new("/"), &Changes::default());
            assert_eq!(again.unwrap_or_else(|e| panic!("{e}")), plan);
        }
    }
    let cells = scenario::load(&folder.join("cells.ron"), &Changes::default()).unwrap();
    assert_eq!((cells.points.len(), cells.points[0].rows, cells.points[0].n_visible), (2, Some(350), 64));
    assert_eq!(cells.points[0].names.as_ref().map(|n| n[20].as_str()), Some("HLA-DRB5"));
    assert!(!cells.points[0].train.as_ref().unwrap().settings.flip, "genes are not spins");
    let chain = scenario::load(&folder.join("chain6.ron"), &Changes::default()).unwrap();
    assert!(chain.points[0].compares_states());
}

/// One limit for couplings: what is planned by default, what may be asked for, and what the stage itself takes.
#[test]
fn as_many_couplings_as_can_be_read_are_planned() {
    let wide = |units: usize, couplings: &str| {
        let text = with("square:4", &format!("chain:{units}"));
        text.replace("couplings: ()", &format!("couplings: ({couplings})"))
    };
    let planned = |units, couplings: &str| plan(&wide(units, couplings)).points[0].couplings.clone().unwrap().orders;
    // 418 · 417 · 416 / 6 = 12 085 216 are too many, 416 · 415 · 414 / 6 = 11 912 160 are not.
    for (units, orders) in
        [(290, &[1, 2, 3][..]), (300, &[1, 2, 3]), (392, &[1, 2, 3]), (416, &[1, 2, 3]), (418, &[1, 2])]
    {
        assert_eq!(planned(units, ""), orders, "{units} units");
        assert_eq!(gibbsite::internals::couplings::default_orders(units), orders, "{units} units");
    }
    assert_eq!(planned(416, "orders: [3]"), [3]);
    assert_eq!(planned(5000, "orders: [3], units: [0, 1, 2, 4999]"), [3]);
    assert!(message(&wide(418, "orders: [1, 3]")).contains("12085216 couplings of order 3"));
    // 5000 · 4999 / 2 + 5000 pairs and single units are beyond it too.
    assert!(message(&wide(5000, "")).contains("12502500 couplings of order 2"));
    assert_eq!(planned(5000, "orders: [1]"), [1]);
    let machine = |units: usize| gibbsite::internals::rbm::Rbm::zeros(units, 1);
    let asked = |units, order| gibbsite::internals::couplings::binary(&machine(units), &[order], None);
    assert!(asked(418, 3).unwrap_err().to_string().contains("12085216 couplings"));
    assert!(asked(5000, 2).unwrap_err().to_string().contains("12497500 couplings"));
    assert_eq!(asked(1000, 2).unwrap().len(), 499_500);
}

/// The numbers of a scenario have the limits of the engine, at their place, whatever they are.
#[test]
fn limits_are_those_of_the_engine() {
    let too_many = "17000000";
    for (from, to) in [
        ("batch: 50", "batch: 50, chains: 17000000"),
        ("batch: 50", "batch: 17000000"),
        ("samples: 500, chains: 100", "samples: 20000000, chains: 17000000"),
        ("chains: 100, betas: 100", "chains: 17000000, betas: 100"),
    ] {
        let message = message(&with(from, to));
        assert!(message.contains(too_many) && message.contains("16777216"), "{message}");
    }
    let message = message(&with("samples: 1000)", "samples: 34000000, replicas: 17000000)"));
    assert!(message.contains("17000000 replicas"), "{message}");
    for overflowing in ["9223372036854775808", "18446744073709551615"] {
        let text =
            with("samples: 1000)", &format!("samples: 1000, replicas: 10, thermalise: {overflowing}, every: 7)"));
        assert!(parse(&text).is_err());
    }
}
