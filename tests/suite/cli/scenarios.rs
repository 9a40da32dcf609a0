//! Whole scenarios: run directories, what is kept of them, and how they are gone on with.

use super::{Place, assert_keys};

/// Two small points with every stage.
const SMALL: &str = "(
    version: 1,
    name: \"small\",
    source: Ising(lattice: \"square:6\", samples: 1000, replicas: 100),
    model: (hidden: 40),
    train: (updates: 500, batch: 200, chains: 200, metrics: 4, checkpoints: 5),
    sample: (samples: 400, chains: 100, thermalise: 50, every: 5),
    likelihood: (chains: 100, betas: 50),
    observe: (),
    couplings: (orders: [1, 2]),
    sweep: (temperature: [2.0, 3.0]),
    expect: [(key: \"sample.p_up\", min: 0.0, max: 1.0)],
)";

fn small() -> Place {
    let place = Place::new();
    place.put("small.ron", SMALL);
    place
}

/// What a run found: parameters of both points, and their records without times and speeds.
fn results(place: &Place, run: &str) -> Vec<(gibbsite::rbm::Rbm, String)> {
    let point = |t: &str| {
        let directory = place.path(run).join(format!("temperature={t}"));
        let model = gibbsite::data::read_model(&directory.join("model.safetensors")).unwrap().rbm;
        let text = std::fs::read_to_string(directory.join("metrics.jsonl")).unwrap();
        let timed = ["seconds", "updates_per_second", "flips_per_ns"];
        let mut records: Vec<String> = text
            .lines()
            .map(|line| {
                let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
                let object = value.as_object_mut().unwrap();
                for inner in object.values_mut().filter_map(|v| v.as_object_mut()) {
                    timed.iter().for_each(|key| drop(inner.remove(*key)));
                }
                timed.iter().for_each(|key| drop(object.remove(*key)));
                value.to_string()
            })
            .collect();
        // Metrics that were kept stand before what is done again.
        records.sort();
        (model, records.join("\n"))
    };
    ["2", "3"].map(point).into()
}

#[test]
fn a_run_leaves_everything_in_its_directory() {
    let place = small();
    let plan = place.json("check small.ron");
    assert_keys(&plan, &["scenario", "seed", "points", "estimate", "resolved"]);
    assert_eq!(place.files(), ["small.ron"], "a check writes nothing");
    let result = place.json("run small.ron");
    assert_keys(&result, &["run", "report", "seed", "points", "expect"]);
    assert_eq!(result["points"].as_array().unwrap().len(), 2);
    let files = place.files();
    let here = |name: &str| assert!(files.contains(&format!("runs/small/{name}")), "{name} is missing: {files:?}");
    ["scenario.ron", "manifest.json", "report.html"].into_iter().for_each(here);
    for t in ["2", "3"] {
        for name in [
            "metrics.jsonl",
            "metrics.csv",
            "events.out.tfevents.gibbsite",
            "samples.npz",
            "observables.csv",
            "couplings.csv",
            "model.safetensors",
        ] {
            here(&format!("temperature={t}/{name}"));
        }
    }
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("runs/small/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["finished"], true);
    assert_eq!(manifest["seed"].as_u64(), Some(1));
    // The resolved scenario is a scenario.
    place.good("check runs/small/scenario.ron");
    // The report is made of the files alone, and again the same.
    let report = std::fs::read(place.path("runs/small/report.html")).unwrap();
    std::fs::remove_file(place.path("runs/small/report.html")).unwrap();
    place.good("report runs/small");
    assert!(report == std::fs::read(place.path("runs/small/report.html")).unwrap(), "another report");

    // Never overwritten unasked, not even by the same scenario.
    let again = place.run("run small.ron");
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("--resume") && again.stderr.contains("--force"), "{}", again.stderr);
    // Finished points are kept as they are.
    let before = results(&place, "runs/small");
    assert_eq!(place.run("run small.ron --resume").code, Some(0));
    assert!(before == results(&place, "runs/small"));
    // Other settings are another run.
    let other = place.run("run small.ron --resume --set train.updates=501");
    assert_eq!(other.code, Some(1), "{}", other.stderr);
    assert!(other.stderr.contains("another scenario"), "{}", other.stderr);
    let replaced = place.run("run small.ron --force --quick --set seed=5");
    assert_eq!(replaced.code, Some(0), "{}", replaced.stderr);
    assert!(before[0].0 != results(&place, "runs/small")[0].0, "replaced by another seed's run");
}

#[test]
fn force_is_for_run_directories_only() {
    let place = small();
    std::fs::create_dir(place.path("thesis")).unwrap();
    place.put("thesis/chapter.tex", "words");
    for flag in ["", "--force", "--resume"] {
        let ended = place.run(&format!("run small.ron --out thesis {flag}"));
        assert_eq!(ended.code, Some(2), "{flag}: {}", ended.stderr);
        assert_eq!(std::fs::read_to_string(place.path("thesis/chapter.tex")).unwrap(), "words");
    }
    assert_eq!(place.run("run small.ron --out small.ron --force").code, Some(2), "a file");
    assert_eq!(place.files(), ["small.ron", "thesis", "thesis/chapter.tex"]);
}

#[test]
fn promises_that_are_missed_exit_with_3() {
    let place = small();
    place.put("bold.ron", SMALL.replace("min: 0.0, max: 1.0", "min: 0.99, max: 1.0"));
    let ended = place.run("run bold.ron --set train.updates=20 --set sweep.temperature=[3.0]");
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 of 1 promises") && ended.stdout.contains("✗ sample.p_up"), "{}", ended.stdout);
    assert!(place.path("runs/small/report.html").exists(), "the run is finished all the same");
}

/// TERM in the first training, then kill −9 in what follows, then to the end: the same as in one go.
#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_the_same() {
    let place = small();
    place.good("run small.ron --out whole");
    let (code, words) = super::signals::interrupted(&place, "run small.ron --out parts", "train:", "TERM", 100);
    assert_eq!(code, Some(143), "{words}");
    let (code, words) =
        super::signals::interrupted(&place, "run small.ron --out parts --resume", "point 2 of 2", "KILL", 150);
    assert_eq!(code, None, "killed: {words}");
    let ended = place.run("run small.ron --out parts --resume");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (whole, parts) = (results(&place, "whole"), results(&place, "parts"));
    for (point, (a, b)) in whole.iter().zip(&parts).enumerate() {
        assert!(a.0 == b.0, "parameters of point {point}");
        assert_eq!(a.1, b.1, "records of point {point}");
    }
}
