//! One engine, two doors: commands and scenarios count, limit and default alike, and points of a sweep share what they can.

use gibbsite::internals::artifact::read_run;
use gibbsite::internals::data::{self, hash_file, read_model};
use gibbsite::internals::record::Record;
use gibbsite::internals::scenario::{self, Changes};

use super::Place;

/// A table of `rows` rows of four units, all different in their order.
fn table(rows: usize) -> String {
    let row = |r: usize| format!("{},{},{},{}\n", r & 1, r >> 1 & 1, r >> 2 & 1, (r * r / 3) & 1);
    "a,b,c,d\n".to_string() + &(0..rows).map(row).collect::<String>()
}

/// Held-out rows are round(rows · fraction) by both doors, and the machines are the same to the bit: 10.6 of 106 rows are
/// 11, not 10.
#[test]
fn both_doors_keep_the_same_rows_out() {
    for (rows, fraction, kept_out) in [(106, "0.1", 11), (104, "0.1", 10), (9, "0.5", 5), (40, "0", 0)] {
        let place = Place::new();
        place.put("d.csv", table(rows));
        let train = "--hidden 3 --updates 4 --metrics 2 --chains 20 --seed 7";
        let ended = place.run(&format!("train d.csv {train} --held-out {fraction} -o m.safetensors"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("{rows} rows of 4 units, {kept_out} kept out")), "{}", ended.stderr);
        place.put(
            "s.ron",
            format!(
                "(version: 1, name: \"s\", seed: 7, source: File(path: \"d.csv\"), model: (hidden: 3), \
                 train: (updates: 4, metrics: 2, chains: 20, held_out: {fraction}))"
            ),
        );
        place.good("run s.ron --out run");
        let plan = scenario::load(&place.path("s.ron"), &Changes::default()).unwrap();
        assert_eq!(plan.points[0].train.as_ref().unwrap().held_out_rows, kept_out);
        let [by_command, by_scenario] =
            ["m.safetensors", "run/model.safetensors"].map(|name| read_model(&place.path(name)).unwrap().rbm);
        assert_eq!(by_command, by_scenario, "{rows} rows, {fraction} kept out");
    }
}

/// What a scenario leaves out is what the help of the commands names as its default.
#[test]
fn both_doors_have_the_same_defaults() {
    let place = Place::new();
    place.put("d.csv", table(3000));
    place.put(
        "s.ron",
        "(version: 1, name: \"s\", source: File(path: \"d.csv\"), model: (hidden: 3), train: (), sample: (), \
         likelihood: (), couplings: ())",
    );
    let plan = scenario::load(&place.path("s.ron"), &Changes::default()).unwrap();
    let point = &plan.points[0];
    let (train, sample) = (point.train.clone().unwrap(), point.sample.clone().unwrap().settings);
    let (settings, likelihood) = (&train.settings, point.likelihood.clone().unwrap());
    let couplings = point.couplings.as_ref().unwrap();
    let default = |command: &str, option: &str| {
        let help = place.good(&format!("{command} --help")).split_whitespace().collect::<Vec<_>>().join(" ");
        let after = &help[help.find(&format!("--{option} <")).unwrap_or_else(|| panic!("{command} --{option}"))..];
        let text = &after[after.find("[default: ").unwrap() + "[default: ".len()..];
        text[..text.find(']').unwrap()].to_string()
    };
    for (option, value) in [
        ("gibbs-steps", u64::from(settings.gibbs_steps)),
        ("chains", settings.chains as u64),
        ("updates", settings.updates),
        ("rungs", settings.rungs as u64),
        ("online-chains", settings.online as u64),
        ("metrics", train.metrics),
        ("checkpoints", train.checkpoints),
        ("keep-checkpoints", train.keep_checkpoints as u64),
    ] {
        assert_eq!(default("train", option), value.to_string(), "train --{option}");
    }
    assert_eq!((default("train", "held-out").as_str(), train.held_out_rows), ("0.1", 300));
    assert!(default("train", "batch").starts_with(&settings.batch.to_string()));
    assert_eq!(default("train", "weight-scale"), train.start.weight_scale.to_string());
    for (option, value) in [
        ("samples", sample.samples),
        ("chains", sample.chains),
        ("thermalise", sample.thermalise as usize),
        ("every", sample.every as usize),
    ] {
        let text = default("sample", option);
        assert_eq!(text.split(',').next().unwrap(), value.to_string(), "sample --{option}");
    }
    assert_eq!(default("likelihood", "chains"), likelihood.chains.to_string());
    assert_eq!(default("likelihood", "betas"), (likelihood.ladder.steps() + 1).to_string());
    assert_eq!(default("couplings", "strongest"), couplings.strongest.to_string());
    assert_eq!((default("couplings", "basis").as_str(), couplings.bases.len()), ("spin", 1));
    assert_eq!(couplings.bases, [gibbsite::internals::couplings::Basis::Spin]);
    place.good("train d.csv --hidden 3 --updates 2 --metrics 0 --checkpoints 0 -o m.safetensors");
    let found = place.json("couplings m.safetensors -o c.csv");
    assert_eq!(super::keys(&found["orders"]), ["1", "2", "3"], "as {:?}", couplings.orders);
    assert_eq!(couplings.orders, [1, 2, 3]);
}

/// Points that differ in settings of the training alone have the same samples, seeds and temperatures their own: SHA-256
/// of data.npz. Their machines begin alike, so that with a learning rate of next to nothing they are equal.
#[test]
fn points_of_a_sweep_share_their_data() {
    let place = Place::new();
    let scenario = |name: &str, sweep: &str| {
        format!(
            "(version: 1, name: \"{name}\", source: Ising(lattice: \"chain:8\", temperature: 2.0, samples: 200, \
             replicas: 100, thermalise: 20, every: 2), model: (hidden: 3), train: (updates: 6, batch: 50, chains: 20, \
             metrics: 1), sweep: ({sweep}))"
        )
    };
    place.put("rates.ron", scenario("rates", "learning_rate: [0.1, 0.2], gibbs_steps: [1, 2], hidden: [2, 3]"));
    place.put("seeds.ron", scenario("seeds", "seed: [1, 2], temperature: [2.0, 2.5], learning_rate: [0.1, 0.2]"));
    place.put("still.ron", scenario("still", "learning_rate: [1e-30, 2e-30]"));
    place.put("one.ron", scenario("one", ""));
    for name in ["rates", "seeds", "still", "one"] {
        place.good(&format!("run {name}.ron --out {name}"));
    }
    let hash = |path: &str| hash_file(&place.path(path)).unwrap();
    let alone = hash("one/data.npz");
    for (hidden, steps, rate) in [(2, 1, "0.1"), (3, 1, "0.1"), (2, 2, "0.2"), (3, 2, "0.2")] {
        let point = format!("rates/hidden={hidden},gibbs_steps={steps},learning_rate={rate}");
        assert_eq!(hash(&format!("{point}/data.npz")), alone, "{point}");
    }
    let mut by_data = std::collections::BTreeMap::<String, Vec<String>>::new();
    for (seed, t, rate) in
        [1, 2].iter().flat_map(|s| ["2", "2.5"].map(|t| (s, t))).flat_map(|(s, t)| ["0.1", "0.2"].map(|r| (s, t, r)))
    {
        let point = format!("temperature={t},learning_rate={rate},seed={seed}");
        by_data.entry(hash(&format!("seeds/{point}/data.npz"))).or_default().push(format!("{seed} {t}"));
    }
    assert!(by_data.len() == 4 && by_data.values().all(|p| p.len() == 2 && p[0] == p[1]), "{by_data:?}");
    let machine = |path: &str| read_model(&place.path(path)).unwrap().rbm;
    let weights = ["1e-30", "2e-30"].map(|rate| {
        let label = read_run(&place.path("still")).unwrap().points.into_iter().map(|p| p.label);
        let label = label.into_iter().find(|l| l.ends_with(&rate.parse::<f64>().unwrap().to_string())).unwrap();
        machine(&format!("still/{label}/model.safetensors")).weights
    });
    assert_eq!(weights[0], weights[1], "the same weights at the start");
    let seeds =
        [1, 2].map(|seed| machine(&format!("seeds/temperature=2,learning_rate=0.1,seed={seed}/model.safetensors")));
    assert_ne!(seeds[0].weights, seeds[1].weights, "seeds draw numbers of their own");
}

/// A point that takes its samples from another one tells of them as if it had drawn them.
#[test]
fn shared_samples_are_told_in_full() {
    let place = Place::new();
    place.put(
        "s.ron",
        "(version: 1, name: \"s\", source: Ising(lattice: \"square:4\", temperature: 2.5, samples: 300), \
         model: (hidden: 3), train: (updates: 5, batch: 50, metrics: 0), likelihood: (chains: 50, betas: 50), \
         sweep: (learning_rate: [0.1, 0.2]))",
    );
    place.good("run s.ron --out run");
    let points = read_run(&place.path("run")).unwrap().points;
    let observed = |records: &[Record]| {
        records.iter().find_map(|r| if let Record::Ising(i) = r { Some(i.observables.clone()) } else { None }).unwrap()
    };
    let kl = |records: &[Record]| {
        records.iter().find_map(|r| if let Record::Likelihood(l) = r { l.kl } else { None }).unwrap().value
    };
    assert_eq!(observed(&points[0].records), observed(&points[1].records));
    assert!(kl(&points[0].records).is_finite() && kl(&points[1].records).is_finite());
    let [first, second] =
        [0, 1].map(|k| read_model(&place.path(&format!("run/{}/model.safetensors", points[k].label))).unwrap().meta);
    assert_eq!(first.provenance.data, second.provenance.data);
    assert_eq!(first.provenance.seed, second.provenance.seed);
}

/// A run whose machines are trained goes on with other things to be read out of them: nothing is trained again. Where
/// other machines are wanted it is refused.
#[test]
fn what_is_read_out_may_change_between_stop_and_resume() {
    let place = Place::new();
    place.put("d.csv", table(40));
    place.put(
        "s.ron",
        "(version: 1, name: \"s\", source: File(path: \"d.csv\"), model: (hidden: 3), \
         train: (updates: 30, batch: 20, chains: 20, metrics: 3), couplings: (orders: [1]), sweep: (seed: [1, 2]))",
    );
    place.good("run s.ron --out run");
    let model = std::fs::read(place.path("run/seed=2/model.safetensors")).unwrap();
    let metrics = || {
        let text = std::fs::read_to_string(place.path("run/seed=2/metrics.jsonl")).unwrap();
        text.lines().filter(|line| line.contains("\"metric\"")).count()
    };
    assert_eq!(metrics(), 3);
    for other in ["train.updates=31", "model.hidden=4", "sweep.seed=[1,3]", "train.learning_rate=0.3"] {
        let refused = place.run(&format!("run s.ron --out run --resume --set {other}"));
        assert!(refused.code != Some(0) && refused.stderr.contains("another scenario"), "{}", refused.stderr);
    }
    let ended = place.run("run s.ron --out run --resume --set couplings.orders=[1,2]");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("going on from the checkpoint at update 30"), "{}", ended.stderr);
    let pairs = std::fs::read_to_string(place.path("run/seed=2/couplings.csv")).unwrap();
    assert_eq!(pairs.lines().filter(|line| line.starts_with("2,")).count(), 6);
    assert!(read_model(&place.path("run/seed=2/model.safetensors")).is_ok());
    let again = read_model(&place.path("run/seed=2/model.safetensors")).unwrap().rbm;
    std::fs::write(place.path("before.safetensors"), model).unwrap();
    assert_eq!(again, read_model(&place.path("before.safetensors")).unwrap().rbm);
    assert_eq!(metrics(), 3);
    let scenario = std::fs::read_to_string(place.path("run/scenario.ron")).unwrap();
    assert!(scenario.contains("[1, 2]"), "{scenario}");
    assert!(place.run("run s.ron --out run --resume --set couplings.orders=[1,2]").code == Some(0));
}

/// Every ability of a command is one of its stage in a scenario, with the same bytes: samples with moves and replicas,
/// likelihoods with ladders and starts of their own, couplings by every method.
#[test]
fn a_command_is_a_scenario_of_one_stage() {
    let place = Place::new();
    place.put("d.csv", table(200));
    place.good("train d.csv --hidden 3 --updates 40 --metrics 0 --chains 20 -o m.safetensors");
    place.good("train d.csv --hidden 3 --updates 10 --metrics 0 --chains 20 -o early.safetensors");
    let run = |stage: &str| {
        let text = format!("(version: 1, name: \"s\", seed: 5, source: Model(path: \"m.safetensors\"), {stage})");
        place.put("s.ron", text);
        place.good("run s.ron --out run --force");
        read_run(&place.path("run")).unwrap().points.remove(0).records
    };
    for (number, (flags, settings)) in [
        ("--flip on --every 3", "flip: true, every: 3"),
        ("--tempering 3 --thermalise 50", "tempering: rungs(3), thermalise: 50"),
        ("--trajectory early.safetensors", "trajectory: [\"early.safetensors\"]"),
        ("--translations off --chains 7", "translations: false, chains: 7"),
    ]
    .into_iter()
    .enumerate()
    {
        run(&format!("sample: (samples: 300, {settings})"));
        place.good(&format!("sample m.safetensors --seed 5 --samples 300 {flags} -o {number}.npz"));
        let [by_command, by_scenario] = [format!("{number}.npz"), "run/samples.npz".to_string()]
            .map(|name| data::read(&place.path(&name)).unwrap());
        assert!(by_command.samples == by_scenario.samples && by_command.names == by_scenario.names, "{flags}");
    }
    for (flags, settings) in [
        ("--ladder linear --reverse off --exact=never", "ladder: linear, reverse: off, exact: never"),
        ("--ladder 0,0.5,1 --reverse tempering", "ladder: at([0, 0.5, 1]), reverse: tempering"),
        ("--reverse exact --exact --betas 20", "reverse: exact, exact: always, betas: 20"),
        ("--trajectory early.safetensors --exact=never", "trajectory: [\"early.safetensors\"], exact: never"),
    ] {
        let records = run(&format!("likelihood: (chains: 50, {settings})"));
        let record = records.iter().find_map(|r| if let Record::Likelihood(l) = r { Some(l) } else { None }).unwrap();
        let found = place.json(&format!("likelihood m.safetensors --seed 5 --chains 50 {flags}"));
        assert_eq!(found, serde_json::to_value(record).unwrap(), "{flags}");
    }
    let read = |name: &str| std::fs::read(place.path(name)).unwrap();
    for (flags, settings, file) in [
        ("--method gaussian", "method: gaussian", "couplings.csv"),
        ("--method cumulant:2 --orders 2", "method: cumulant(2), orders: [2]", "couplings.csv"),
        ("--basis binary --strongest 2", "bases: [binary], strongest: 2", "couplings-binary.csv"),
        ("--basis spin,binary", "bases: [spin, binary]", "couplings-binary.csv"),
    ] {
        run(&format!("couplings: ({settings})"));
        place.good(&format!("couplings m.safetensors {flags} -o c.csv --force"));
        let by_command = if flags.contains(',') { "c-binary.csv" } else { "c.csv" };
        assert_eq!(read(by_command), read(&format!("run/{file}")), "{flags}");
    }
}

/// A file of rows to be looked at, and the gradient without centring, at both doors.
#[test]
fn both_doors_train_the_same_machine() {
    let place = Place::new();
    place.put("d.csv", table(150));
    place.put("others.csv", table(40));
    for (flags, settings) in [
        ("--held-out others.csv --patience 2 --metrics 4", "held_out: \"others.csv\", patience: 2, metrics: 4"),
        ("--not-centred --offset-rate 0.5 --lr 0.05", "centred: false, offset_rate: 0.5, learning_rate: 0.05"),
        ("--algorithm mean-field --epochs 3 --augment flip", "algorithm: mean_field, epochs: 3, augment: flip"),
        ("--algorithm trajectory --rungs 3 --flip on", "algorithm: trajectory, rungs: 3, flip: true"),
        ("--optimizer adam --momentum 0.5 --l1 0.01", "optimizer: adam, momentum: 0.5, l1: 0.01"),
        ("--schedule steps:5:0.5 --sparse-target 0.2", "schedule: steps(every: 5, factor: 0.5), sparse_target: 0.2"),
    ] {
        let updates = if flags.contains("epochs") { ["", ""] } else { ["--updates 12", "updates: 12,"] };
        place.good(&format!("train d.csv --hidden 3 --chains 20 {} {flags} -o m.safetensors --force", updates[0]));
        place.put(
            "s.ron",
            format!(
                "(version: 1, name: \"s\", source: File(path: \"d.csv\"), model: (hidden: 3), \
                 train: (chains: 20, {} {settings}))",
                updates[1]
            ),
        );
        place.good("run s.ron --out run --force");
        let [by_command, by_scenario] =
            ["m.safetensors", "run/model.safetensors"].map(|name| read_model(&place.path(name)).unwrap());
        assert_eq!(by_command.rbm, by_scenario.rbm, "{flags}");
        let [by_command, by_scenario] = [by_command, by_scenario].map(|model| model.meta.provenance.training);
        assert_eq!(by_command, by_scenario, "{flags}");
    }
}
