//! Kills and pairs of signals over all commands, at random moments: nothing is lost, nothing is torn, nothing stays.
//!
//! `GIBBSITE_KILLS=1000 cargo test --test suite -- --ignored campaign` makes as many of each, in some minutes; a seed of
//! its own in `GIBBSITE_KILLS_SEED`.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use gibbsite::internals::data::{self, read_model};
use gibbsite::internals::rng::Philox;
use rand::RngExt;

use super::{Ended, Place};

/// A command with the names of its outputs in it as `OUT`.
struct Work {
    command: &'static str,
    /// What is added to go on after a stop, or to begin again.
    again: &'static str,
    /// Everything that begins so is of the command.
    out: &'static str,
}

const fn work(command: &'static str, again: &'static str, out: &'static str) -> Work {
    Work { command, again, out }
}

const WORKS: [Work; 10] = [
    work(
        "train data.npy --hidden 24 --updates 3000 --batch 100 --chains 100 --metrics 6 --checkpoints 30 --log OUT.log -o \
         OUT.safetensors",
        "--resume",
        "pcd",
    ),
    work(
        "train data.npy --hidden 12 --updates 1200 --batch 100 --chains 60 --algorithm trajectory --rungs 4 --patience 4 \
         --online-chains 64 --metrics 12 --checkpoints 12 --log OUT.log -o OUT.safetensors",
        "--resume",
        "trajectory",
    ),
    work(
        "train data.npy --hidden 12 --updates 2000 --batch 100 --stream on -o OUT.safetensors",
        "--resume",
        "streamed",
    ),
    work("run s.ron --out OUT", "--resume", "run"),
    work(
        "ising --lattice square:16 --temperature 2.0:2.4:0.2 --samples 4000 --replicas 100 -o OUT.npz --histogram OUT.csv \
         --reweight 2.1 --curves OUT.curves.csv",
        "--force",
        "ising",
    ),
    work("sample m.safetensors --samples 20000 --chains 500 --thermalise 300 -o OUT.npy", "--force", "sample"),
    work("couplings wide.safetensors --orders 1,2 -o OUT.csv --matrix OUT.npy", "--force", "couplings"),
    work("likelihood m.safetensors data.npy --chains 500 --betas 500", "", "likelihood"),
    work("observe data.npy --lattice square:4 --temperature 2.2", "", "observe"),
    work("report whole-run", "", "report"),
];

const SCENARIO: &str = "(
    version: 1,
    name: \"s\",
    source: Ising(lattice: \"square:4\", samples: 600, replicas: 100, thermalise: 50, every: 2),
    model: (hidden: 12),
    train: (updates: 1000, batch: 100, chains: 100, metrics: 10, checkpoints: 12),
    sample: (samples: 300, chains: 100, thermalise: 20, every: 2),
    likelihood: (chains: 50, betas: 30),
    couplings: (orders: [1, 2]),
    sweep: (temperature: [2.0, 3.0]),
)";

fn kills() -> usize {
    std::env::var("GIBBSITE_KILLS").map_or(20, |text| text.parse().unwrap())
}

/// What a work left, without times: tables and samples as they are, parameters of models, lines of metrics.
fn results(place: &Place, out: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in place.files().into_iter().filter(|name| name.starts_with(out)) {
        let path = place.path(&name);
        let kept = name.replacen(out, "OUT", 1);
        if !path.is_file() || name.contains("checkpoints/") {
            continue;
        }
        if name.ends_with(".safetensors") {
            let rbm = read_model(&path).unwrap().rbm;
            let numbers = rbm.weights.iter().chain(&rbm.visible_bias).chain(&rbm.hidden_bias);
            found.insert(kept, numbers.flat_map(|x| x.to_le_bytes()).collect());
        } else if name.ends_with("metrics.jsonl") {
            let text = std::fs::read_to_string(&path).unwrap();
            let untimed = |line: &&str| line.contains("\"record\":\"metric\"") || line.contains("\"record\":\"point\"");
            found.insert(kept, text.lines().filter(untimed).collect::<Vec<_>>().join("\n").into_bytes());
        } else if [".csv", ".npy", ".npz", ".ron"].iter().any(|end| name.ends_with(end)) {
            found.insert(kept, std::fs::read(&path).unwrap());
        }
    }
    if place.path(out).join("manifest.json").exists() && place.path(out).join("report.html").exists() {
        let page = gibbsite::internals::report::read_run(&place.path(out)).unwrap();
        found.insert("points".into(), page.points.len().to_string().into_bytes());
    }
    found
}

fn setting() -> Place {
    let place = Place::new();
    place.put("s.ron", SCENARIO);
    place.good("ising --lattice square:4 --temperature 2.2 --samples 1000 --replicas 100 -o data.npy");
    place.good("train data.npy --hidden 16 --updates 300 --chains 100 --metrics 0 -o m.safetensors");
    place.good("ising --lattice square:16 --temperature 2.2 --samples 100 --replicas 100 -o wide.npy");
    place.good("train wide.npy --hidden 32 --updates 10 --batch 50 --chains 20 --metrics 0 -o wide.safetensors");
    for work in &WORKS {
        place.good(&work.command.replace("OUT", &format!("whole-{}", work.out)));
    }
    place
}

/// Disturbs all works by `disturb`, which gets a running child and how long it may go on before, and says whether it came
/// to its end; compares what they leave with what undisturbed ones leave.
fn campaign(name: &str, mut disturb: impl FnMut(&Place, std::process::Child, Duration, &mut Philox) -> bool) {
    let place = setting();
    let seed = std::env::var("GIBBSITE_KILLS_SEED").map_or(1, |text| text.parse().unwrap());
    let mut moments = Philox::sequence(seed, name);
    let wholes: Vec<_> = WORKS.iter().map(|work| results(&place, &format!("whole-{}", work.out))).collect();
    let lengths: Vec<Duration> = WORKS
        .iter()
        .map(|work| {
            let clock = Instant::now();
            place.good(&format!("{} {}", work.command.replace("OUT", &format!("timed-{}", work.out)), work.again));
            clock.elapsed()
        })
        .collect();
    let mut begun = [false; WORKS.len()];
    for time in 0..kills() {
        let at = time % WORKS.len();
        let (work, whole) = (&WORKS[at], &wholes[at]);
        let again = if begun[at] { work.again } else { "" };
        let arguments = format!("{} {again}", work.command.replace("OUT", work.out));
        let child = place.command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let part: f64 = moments.random();
        let ended = disturb(&place, child, lengths[at].mul_f64(part), &mut moments);
        begun[at] = true;
        // What has its final name is whole: of works that are done at once the results themselves.
        let now = results(&place, work.out);
        if ended {
            assert_eq!(&now, whole, "{name} {time}: {arguments}");
        } else if work.out == "ising" && name == "signals" {
            // A stopped run writes what it has: fewer samples, in whole tables.
            for (file, bytes) in now.iter().filter(|(file, _)| file.ends_with(".csv")) {
                let [table, all] = [bytes, &whole[file]].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
                let columns = |line: &str| line.lines().next().map_or(0, |line| line.split(',').count());
                assert!(table.ends_with('\n') && table.lines().next() == all.lines().next(), "{name} {time}: {file}");
                assert!(table.lines().all(|line| columns(line) == columns(&all)), "{name} {time}: {file}");
            }
            if now.contains_key("OUT.npz") {
                let [found, all] = ["ising.npz", "whole-ising.npz"].map(|name| data::read(&place.path(name)).unwrap());
                assert!(found.samples.rows() <= all.samples.rows(), "{name} {time}");
            }
        } else if work.again == "--force" {
            now.iter().for_each(|(file, bytes)| assert!(whole[file] == *bytes, "{name} {time}: {arguments}: {file}"));
        }
        if ended && work.again == "--resume" && time + 2 * WORKS.len() < kills() {
            for file in place.files().into_iter().filter(|file| file.starts_with(work.out)).rev() {
                let path = place.path(&file);
                if path.is_dir() { std::fs::remove_dir(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
            }
            begun[at] = false;
        }
    }
    for (work, whole) in WORKS.iter().zip(&wholes) {
        let arguments = format!("{} {}", work.command.replace("OUT", work.out), work.again);
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(0), "{arguments}: {}", ended.stderr);
        assert_eq!(&results(&place, work.out), whole, "{name}: {arguments}");
    }
    let left: Vec<String> =
        place.files().into_iter().filter(|file| file.ends_with(".tmp") || file.ends_with(".owner")).collect();
    assert!(left.is_empty(), "{left:?}");
    for run in ["report whole-run", "report run"] {
        place.good(run);
    }
}

#[test]
#[ignore = "minutes of kills, more than every test run has"]
fn campaign_of_kills() {
    campaign("kills", |_, mut child, after, _| {
        std::thread::sleep(after);
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let ended = Ended::from(output);
        assert!(ended.code.is_none_or(|code| code == 0), "{ended:?}");
        ended.code == Some(0)
    });
}

#[test]
#[ignore = "minutes of signals, more than every test run has"]
fn campaign_of_signals_in_pairs() {
    const PAIRS: [(&str, &str, i32); 6] = [
        ("TERM", "TERM", 15),
        ("INT", "INT", 2),
        ("HUP", "TERM", 1),
        ("USR1", "TERM", 10),
        ("TERM", "INT", 15),
        ("USR2", "USR2", 12),
    ];
    let mut pairs = PAIRS.iter().cycle();
    campaign("signals", |place, mut child, after, moments| {
        let (first, second, number) = pairs.next().unwrap();
        // Nobody listens in the first milliseconds of a process.
        std::thread::sleep(after + Duration::from_millis(50));
        let pause: f64 = moments.random();
        for (signal, pause) in [(first, pause * pause * 0.3), (second, 0.0)] {
            if child.try_wait().unwrap().is_none() {
                super::signals::send(&child, signal);
            }
            std::thread::sleep(Duration::from_secs_f64(pause));
        }
        let output = child.wait_with_output().unwrap();
        let (status, words) = (output.status, String::from_utf8_lossy(&output.stderr).into_owned());
        // Signals that come within a blink reach the program in the order of the system.
        let codes = [Some(0), Some(128 + number), Some(143), Some(130)];
        assert!(codes.contains(&status.code()) || status.signal() == Some(*number), "{status}: {words}");
        // A training that answers has kept what it did.
        if words.contains("stopping after a checkpoint") && status.code() != Some(0) {
            match words.split("stopped at update ").nth(1) {
                Some(told) => {
                    let (update, rest) = told.split_once("; checkpoint in ").unwrap();
                    let file = format!("checkpoint-{:012}.safetensors", update.parse::<u64>().unwrap());
                    let directory = rest.lines().next().unwrap();
                    assert!(place.path(directory).join(&file).is_file(), "{file} in {directory}: {words}");
                }
                // It had done its last update, and what comes after is done again; or it was yet to do its first, and the
                // checkpoint that it goes on from is there.
                None => {
                    let last = words.rsplit("train: ").next().unwrap_or_default();
                    let is_done = last.split_once('/').is_some_and(|(done, rest)| rest.starts_with(done));
                    assert!(is_done || words.contains("going on from the checkpoint"), "{status}: {words}");
                }
            }
        }
        status.code() == Some(0)
    });
}
