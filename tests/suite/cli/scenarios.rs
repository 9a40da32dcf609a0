//! Whole scenarios: run directories, what is kept of them, and how they are gone on with.

use gibbsite::internals::record::Record;

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
fn results(place: &Place, run: &str) -> Vec<(gibbsite::internals::rbm::Rbm, String)> {
    let point = |t: &str| {
        let directory = place.path(run).join(format!("temperature={t}"));
        let model = gibbsite::internals::data::read_model(&directory.join("model.safetensors")).unwrap().rbm;
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

/// A promise that holds at one of two points, T = 2 and not 3 (e by the sum over all states), and one that need hold at one
/// of them only: each point tells of itself, a line and a record of the run tell of the whole.
#[test]
fn a_promise_that_fails_at_one_point_holds_at_the_other() {
    let place = Place::new();
    place.put(
        "two.ron",
        "(
            version: 1, name: \"two\",
            source: Ising(lattice: \"square:4\", samples: 100, replicas: 50, thermalise: 5, every: 1),
            sweep: (temperature: [2.0, 3.0]),
            expect: [(key: \"ising.exact.energy\", max: -1.5), (key: \"ising.exact.energy\", max: -1.6, in_points: 1)],
        )",
    );
    let ended = place.run("run two.ron --out two");
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 of 2 promises"), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().filter(|line| line.contains("ising.exact.energy")).collect();
    assert_eq!(
        lines,
        [
            "  ✓ ising.exact.energy at most -1.5: found -1.75538",
            "  ✓ ising.exact.energy at most -1.6: found -1.75538",
            "  ✗ ising.exact.energy at most -1.5: found -1.01707",
            "  ✗ ising.exact.energy at most -1.6: found -1.01707",
            "✗ ising.exact.energy at most -1.5: holds at 1 of 2 points, the worst -1.01707 at temperature=3",
            "✓ ising.exact.energy at most -1.6, at 1 of 2 points: holds at 1 of 2 points, the worst -1.01707 at temperature=3",
        ],
    );
    let holds = |file: &str| -> Vec<bool> {
        let records = gibbsite::internals::artifact::read_records(&place.path(file)).unwrap();
        let of = |r: &Record| if let Record::Expect(e) = r { Some(e.holds) } else { None };
        records.iter().filter_map(of).collect()
    };
    let all = || ["two/temperature=2", "two/temperature=3", "two"].map(|at| holds(&format!("{at}/metrics.jsonl")));
    assert_eq!(all(), [vec![true, true], vec![false, false], vec![false, true]]);
    assert_eq!(gibbsite::internals::artifact::read_run(&place.path("two")).unwrap().points.len(), 2);
    let page = std::fs::read_to_string(place.path("two/report.html")).unwrap();
    assert!(
        page.contains("1 of 2 expectations of the scenario fails") && page.contains("1 of 2, worst T = 3"),
        "{page}"
    );
    assert!(page.contains("Each expectation at each point: 2 of 4 hold"), "{page}");
    // Judged again, not twice.
    assert_eq!(place.run("run two.ron --out two --resume").code, Some(3));
    assert_eq!(all(), [vec![true, true], vec![false, false], vec![false, true]]);
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
    // The page shows what the scenario asks for: two points with four metrics each, and every part of the run.
    let page = gibbsite::internals::report::read_run(&place.path("parts")).unwrap();
    let metrics = |point: &gibbsite::internals::report::PointView| {
        point.records.iter().filter(|r| matches!(r, gibbsite::internals::record::Record::Metric(_))).count()
    };
    assert_eq!(page.points.iter().map(metrics).collect::<Vec<_>>(), [4, 4]);
    assert!(page.command.is_some_and(|command| !command.contains("--resume")), "the command of the first part");
    assert!(page.notes.iter().any(|note| note.contains("stopped 2 times")), "{:?}", page.notes);
}

/// Runs of earlier versions that were gone on with have metrics before the record of their point.
#[cfg(unix)]
#[test]
fn a_report_has_no_point_too_many() {
    let place = small();
    place.good("run small.ron --quick");
    let file = place.path("runs/small/temperature=3/metrics.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let (metrics, others): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.contains("\"record\":\"metric\""));
    assert!(!metrics.is_empty() && others[0].contains("temperature=3"), "{text}");
    let moved = [&metrics[..1], &others[..1], &others[..1], &metrics[1..], &others[1..]].concat();
    std::fs::write(&file, moved.join("\n") + "\n").unwrap();
    place.good("report runs/small");
    let page = std::fs::read_to_string(place.path("runs/small/report.html")).unwrap();
    assert!(page.contains("(2 points)"), "no other number of points");
}

/// What a run reads must stay what it was, for points that are done and for those that are not.
#[cfg(unix)]
#[test]
fn data_that_changed_are_noticed_before_anything_is_written() {
    let place = Place::new();
    place.good("ising --lattice square:4 --temperature 2 --samples 600 --replicas 100 -o data.npz");
    place.good("ising --lattice square:4 --temperature 3 --samples 600 --replicas 100 -o other.npz");
    let scenario = "(version: 1, name: \"s\", source: File(path: \"data.npz\"), model: (hidden: 6),
        train: (updates: 20000, batch: 100, chains: 100, metrics: 0, checkpoints: 20), sweep: (seed: [1, 2, 3]))";
    place.put("s.ron", scenario);
    let (code, words) = super::signals::interrupted(&place, "run s.ron --out o", "point 2 of 3", "TERM", 0);
    assert_eq!(code, Some(143), "{words}");
    let manifest = std::fs::read(place.path("o/manifest.json")).unwrap();
    std::fs::rename(place.path("data.npz"), place.path("first.npz")).unwrap();
    std::fs::rename(place.path("other.npz"), place.path("data.npz")).unwrap();
    let files = place.files();
    let ended = place.run("run s.ron --out o --resume");
    assert!(ended.code == Some(1) && ended.stderr.contains("data.npz"), "{:?} {}", ended.code, ended.stderr);
    assert!(ended.stderr.contains("has changed since the run began"), "{}", ended.stderr);
    assert!(place.files() == files && manifest == std::fs::read(place.path("o/manifest.json")).unwrap());
    std::fs::rename(place.path("first.npz"), place.path("data.npz")).unwrap();
    place.good("run s.ron --out o --resume");
    // A run that would replace its own input is none.
    std::fs::copy(place.path("data.npz"), place.path("o/data.npz")).unwrap();
    place.put("inside.ron", scenario.replace("data.npz", "o/data.npz"));
    let own = place.run("run inside.ron --out o --force");
    assert!(own.code == Some(2) && place.path("o/data.npz").exists(), "{}", own.stderr);
}

/// A second process in a directory is told of the first, and takes nothing from it.
#[cfg(unix)]
#[test]
fn a_run_directory_has_one_owner() {
    use std::io::{BufRead, BufReader};
    let place = small();
    place.put("data.csv", (0..50).map(|k| format!("{},{}\n", k % 2, k / 2 % 2)).collect::<String>());
    let run = "run small.ron --out o --set train.updates=1000000 --set sweep.temperature=[2.0]";
    let train =
        "train data.csv --hidden 3 --updates 4000000 --batch 10 --chains 10 --metrics 0 --log log -o m.safetensors";
    for (first, seconds) in [
        (run, vec![format!("{run} --resume"), run.to_string(), format!("{run} --force")]),
        (train, vec![format!("{train} --resume"), format!("{train} --force")]),
    ] {
        let mut child = place.command(first).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("train:")));
        for second in seconds {
            let ended = place.run(&second);
            assert_eq!(ended.code, Some(1), "{second}: {}", ended.stderr);
            assert!(ended.stderr.contains(&format!("process {} on", child.id())), "{second}: {}", ended.stderr);
        }
        super::signals::send(&child, "TERM");
        lines.for_each(drop);
        assert_eq!(child.wait().unwrap().code(), Some(143), "{first}: the owner goes on undisturbed");
        assert!(!place.files().iter().any(|file| file.ends_with("owner")), "{:?}", place.files());
    }
    // One that was killed owns nothing any more.
    let (code, _) = super::signals::interrupted(&place, &format!("{run} --resume"), "train:", "KILL", 0);
    assert_eq!(code, None);
    assert!(place.path("o/.owner").exists());
    let (code, words) = super::signals::interrupted(&place, &format!("{run} --resume"), "going on", "TERM", 0);
    assert_eq!(code, Some(143), "{words}");
}
