//! Killed without notice at random moments: what is left can be read, and `--resume` ends it as if nothing had happened.
#![cfg(unix)]

use std::process::Stdio;
use std::time::{Duration, Instant};

use gibbsite::internals::artifact::{read_checkpoint, read_records};
use gibbsite::internals::data::read_model;
use gibbsite::internals::record::Record;
use gibbsite::internals::rng::Philox;
use rand::RngExt;

use super::Place;

/// Kills of all runs together; each of the four has its part.
const KILLS: usize = 52;
const RUNS: usize = 4;

/// Starts a command and kills it after `delay`, unless it has ended by then.
fn kill_after(place: &Place, arguments: &str, delay: Duration) {
    let mut child = place.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(delay);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(status.code().is_none_or(|code| code == 0), "{arguments}: {status}");
}

/// Fails where a file under its final name is not whole.
fn assert_whole(place: &Place) {
    for name in place.files() {
        let path = place.path(&name);
        if name.contains("checkpoint-") && name.ends_with(".safetensors") {
            read_checkpoint(&path).unwrap_or_else(|error| panic!("{error}"));
            read_model(&path).unwrap_or_else(|error| panic!("{error}"));
        } else if name.ends_with(".safetensors") {
            read_model(&path).unwrap_or_else(|error| panic!("{error}"));
        } else if name.ends_with("metrics.jsonl") {
            read_records(&path).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// Runs `first`, kills it and its continuations at random moments, and lets the last one end.
fn killed_often(place: &Place, first: &str, whole: Duration, moments: &mut Philox) {
    let resumed = format!("{first} --resume");
    for kill in 0..KILLS / RUNS {
        let part: f64 = moments.random();
        kill_after(place, if kill == 0 { first } else { &resumed }, whole.mul_f64(0.3 * part));
        assert_whole(place);
    }
    place.good(&resumed);
    assert_whole(place);
    let left: Vec<String> =
        place.files().into_iter().filter(|name| name.ends_with(".tmp") || name.ends_with(".owner")).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn timed(place: &Place, arguments: &str) -> Duration {
    let clock = Instant::now();
    place.good(arguments);
    clock.elapsed()
}

#[test]
fn a_killed_training_always_goes_on() {
    let place = Place::new();
    let mut moments = Philox::sequence(11, "moments");
    place.good("ising --lattice square:4 --temperature 2.2 --samples 1000 --replicas 100 -o data.npy");
    let train = |name: &str, more: &str| {
        format!(
            "train data.npy --hidden 24 --updates 6000 --batch 100 --chains 100 --metrics 2 --checkpoints 60 {more}-o \
             {name}.safetensors"
        )
    };
    let model = |name: &str| read_model(&place.path(&format!("{name}.safetensors"))).unwrap().rbm;
    let whole = timed(&place, &train("whole", ""));
    for (name, more) in [("resident", ""), ("streamed", "--stream on "), ("tempered", "--algorithm trajectory ")] {
        if name == "tempered" {
            place.good(&train("whole", &format!("{more}--force ")));
        }
        killed_often(&place, &train(name, more), whole, &mut moments);
        assert!(model(name) == model("whole"), "{name}: another machine");
        let kept = std::fs::read_dir(place.path(&format!("{name}.safetensors.checkpoints"))).unwrap().count();
        assert_eq!(kept, 1, "checkpoints of a finished training");
    }
}

const SCENARIO: &str = "(
    version: 1,
    name: \"killed\",
    source: Ising(lattice: \"square:4\", temperature: 2.0, samples: 1000, replicas: 100, thermalise: 50, every: 2),
    model: (hidden: 12),
    train: (updates: 4000, batch: 100, chains: 100, metrics: 20, checkpoints: 25, keep_checkpoints: 3),
    sample: (samples: 500, chains: 100, thermalise: 20, every: 2),
    likelihood: (chains: 50, betas: 30),
    couplings: (orders: [1, 2]),
)";

#[test]
fn a_killed_run_always_goes_on() {
    let place = Place::new();
    place.put("s.ron", SCENARIO);
    let whole = timed(&place, "run s.ron --out whole");
    killed_often(&place, "run s.ron --out parts", whole, &mut Philox::sequence(12, "moments"));
    let records = |run: &str| {
        let all = read_records(&place.path(run).join("metrics.jsonl")).unwrap();
        // Kept as written but for the times.
        let untimed = |record: &Record| matches!(record, Record::Train(_) | Record::Done(_) | Record::Ising(_));
        let metrics: Vec<Record> = all.iter().filter(|r| matches!(r, Record::Metric(_))).cloned().collect();
        let others = all.into_iter().filter(|r| !untimed(r) && !matches!(r, Record::Metric(_)));
        (metrics, others.collect::<Vec<_>>())
    };
    let (of_parts, of_whole) = (records("parts"), records("whole"));
    // As text, since an error that cannot be known is no number.
    assert_eq!(format!("{of_parts:?}"), format!("{of_whole:?}"));
    assert_eq!(of_parts.0.len(), 20);
    for file in ["model.safetensors", "samples.npz", "couplings.csv"] {
        let read = |run: &str| std::fs::read(place.path(run).join(file)).unwrap();
        // The command of a continuation is another one, and stands in the model.
        if file == "model.safetensors" {
            let model = |run: &str| read_model(&place.path(run).join(file)).unwrap().rbm;
            assert!(model("parts") == model("whole"));
        } else {
            assert!(read("parts") == read("whole"), "{file}");
        }
    }
}
