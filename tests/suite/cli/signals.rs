//! Signals stop a run after a checkpoint, and `--resume` ends it as if nothing had happened; other work they end at once.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Place;

/// Sends a signal by name.
pub(super) fn send(child: &Child, signal: &str) {
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

/// A hang-up and its exit code; a TERM where this process was started to ignore those, and its children with it.
fn hang_up() -> (&'static str, i32) {
    if gibbsite::internals::data::ignores_signal(1) { ("TERM", 143) } else { ("HUP", 129) }
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
    let (hangs_up, its_code) = hang_up();
    let signals =
        [("", "INT", 130), ("r", "TERM", 143), ("r", "USR1", 138), ("r", hangs_up, its_code), ("r", "USR2", 140)];
    for (resume, signal, code) in signals {
        let resume = if resume.is_empty() { "" } else { " --resume" };
        let (found, words) = interrupted(&place, &format!("{}{resume}", train("parts")), "train:", signal, 200);
        assert_eq!(found, Some(code), "{words}");
        for says in
            ["stopping after a checkpoint", "stopped at update", "stopped by signal", "go on with: ", "--resume"]
        {
            assert!(words.contains(says), "{says}: {words}");
        }
        assert!(!place.path("parts.safetensors").exists(), "a model that is not finished");
        // The table has a row of every metric up to here.
        let lines = |file: &str| std::fs::read_to_string(place.path(file)).map_or(0, |text| text.lines().count());
        let metrics = lines("parts/metrics.jsonl");
        assert!(metrics == 0 || lines("parts/metrics.csv") == metrics + 1, "{metrics} metrics, {:?}", place.files());
        assert!(
            place.files().iter().any(|f| f.starts_with("parts.safetensors.checkpoints/checkpoint-")),
            "{:?}",
            place.files()
        );
    }
    let ended = place.run(&format!("{} --resume", train("parts")));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("going on from the checkpoint"), "{}", ended.stderr);
    let read = |name: &str| gibbsite::internals::data::read_model(&place.path(name)).unwrap().rbm;
    assert!(read("whole.safetensors") == read("parts.safetensors"), "the parts make another machine");
    let kept = std::fs::read_dir(place.path("parts.safetensors.checkpoints")).unwrap().count();
    assert_eq!(kept, 1, "checkpoints of a finished training");
}

/// As `timeout` and starters of jobs send them: one to the program, the same to its group at once or a little later.
#[test]
fn two_signals_together_are_one_request() {
    let place = Place::new();
    place.good("ising --lattice square:8 --temperature 2.2 --samples 1000 --replicas 100 -o data.npz");
    let train = "train data.npz --hidden 48 --updates 4000000 --batch 200 --chains 200 --metrics 0 --checkpoints 1";
    for (time, pause) in [0, 0, 0, 20, 300].into_iter().enumerate() {
        let out = format!("m{time}.safetensors");
        let mut child = place.command(&format!("{train} -o {out}")).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("train:")));
        send(&child, "TERM");
        std::thread::sleep(Duration::from_millis(pause));
        if child.try_wait().unwrap().is_none() {
            send(&child, "TERM");
        }
        lines.for_each(drop);
        assert_eq!(child.wait().unwrap().code(), Some(143));
        let kept = std::fs::read_dir(place.path(&format!("{out}.checkpoints"))).unwrap().count();
        assert_eq!(kept, 1, "after {pause} ms");
    }
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

/// Stages that nobody looks at from within: each would take many seconds, and ends by the first signal.
#[test]
fn every_stage_hears_the_first_signal() {
    let place = Place::new();
    let (visible, hidden) = (2500, 200);
    let weight = |k: usize| ((k * 7919 % 1000) as f32 / 1000.0 - 0.5) * 2.0;
    let rbm = gibbsite::internals::rbm::Rbm {
        n_visible: visible,
        n_hidden: hidden,
        weights: (0..visible * hidden).map(weight).collect(),
        visible_bias: vec![0.0; visible],
        hidden_bias: vec![0.0; hidden],
    };
    let model = gibbsite::internals::data::Model { rbm, meta: gibbsite::internals::data::ModelMeta::default() };
    gibbsite::internals::data::write_model(&place.path("m.safetensors"), &model).unwrap();
    let before = place.files();
    for (arguments, signal, code) in [
        ("couplings m.safetensors --orders 1 --threads 1", "TERM", 143),
        ("couplings m.safetensors --orders 2 --basis binary --method cumulant:16 --threads 1", "INT", 130),
        (
            "likelihood m.safetensors --chains 20000 --betas 100000 --ladder linear --threads 1",
            hang_up().0,
            hang_up().1,
        ),
        ("sample m.safetensors --samples 1000 --thermalise 4000000 --threads 1", "USR2", 140),
        ("bench ising --case square64 --seconds 600 --rows plain", "TERM", 143),
        ("verify --thorough --relative-error 0.001", "TERM", 143),
    ] {
        let mut child = place.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        send(&child, signal);
        let words: Vec<_> = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok).collect();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments}: {words:?}");
        assert!(words.iter().any(|line| line.contains("stopped by signal")), "{arguments}: {words:?}");
        assert_eq!(place.files(), before, "{arguments}");
    }
}

/// A hang-up that `nohup` has it ignore is none.
#[cfg(target_os = "linux")]
#[test]
fn nohup_is_heeded() {
    let place = Place::new();
    let program = place.command("ising --lattice square:8 --temperature 2.2 --samples 200000 --replicas 100");
    let mut command = Command::new("nohup");
    command.arg(program.get_program()).args(program.get_args()).current_dir(place.path("."));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("thermalise") || line.contains("samples")));
    if child.try_wait().unwrap().is_none() {
        send(&child, "HUP");
    }
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
