//! INT, TERM and USR1 stop a run after a checkpoint; `--resume` ends it as if nothing had happened.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Place;

/// Sends a signal by name.
fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Starts a command and sends `signal` some time after it has said `word`; returns its exit code and its words.
pub(super) fn interrupted(
    place: &Place,
    arguments: &str,
    word: &str,
    signal: &str,
    after: u64,
) -> (Option<i32>, String) {
    let mut child = place.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut words = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for line in lines.by_ref().map_while(Result::ok) {
        words += &line;
        words.push('\n');
        if line.contains(word) {
            break;
        }
    }
    std::thread::sleep(Duration::from_millis(after));
    send(&child, signal);
    for line in lines.map_while(Result::ok) {
        words += &line;
        words.push('\n');
    }
    (child.wait().unwrap().code(), words)
}

#[test]
fn a_training_is_stopped_often_and_ends_the_same() {
    let place = Place::new();
    place.good("ising --lattice square:8 --temperature 2.2 --samples 1000 --replicas 100 -o data.npz");
    // Some seconds of work on any machine: the signals come within the first second of each part.
    let train = |name: &str| {
        format!(
            "train data.npz --hidden 48 --updates 12000 --batch 200 --chains 200 --metrics 60 --log {name} -o {name}.safetensors"
        )
    };
    place.good(&train("whole"));
    for (resume, signal, code) in [("", "INT", 130), (" --resume", "TERM", 143), (" --resume", "USR1", 138)] {
        let (found, words) = interrupted(&place, &format!("{}{resume}", train("parts")), "train:", signal, 200);
        assert_eq!(found, Some(code), "{words}");
        assert!(words.contains("stopped by signal") && words.contains("--resume"), "{words}");
        assert!(!place.path("parts.safetensors").exists(), "a model that is not finished");
        // The table has a row of every metric up to here.
        let lines = |file: &str| std::fs::read_to_string(place.path(file)).map_or(0, |text| text.lines().count());
        let metrics = lines("parts/metrics.jsonl");
        assert!(metrics == 0 || lines("parts/metrics.csv") == metrics + 1, "{metrics} metrics, {:?}", place.files());
        assert!(place.files().iter().any(|f| f.starts_with("parts.checkpoints/checkpoint-")), "{:?}", place.files());
    }
    let ended = place.run(&format!("{} --resume", train("parts")));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("going on from the checkpoint"), "{}", ended.stderr);
    let read = |name: &str| gibbsite::data::read_model(&place.path(name)).unwrap().rbm;
    assert!(read("whole.safetensors") == read("parts.safetensors"), "the parts make another machine");
    assert!(!place.path("parts.checkpoints").exists(), "checkpoints of a finished training");
}

#[test]
fn other_work_stops_at_once() {
    let place = Place::new();
    let (code, words) = interrupted(
        &place,
        "ising --lattice square:64 --temperature 2.4 --samples 1000000 --replicas 200 -o spins.npz",
        "thermalise",
        "TERM",
        0,
    );
    assert_eq!(code, Some(143), "{words}");
    assert!(place.files().is_empty(), "{:?}", place.files());
}
