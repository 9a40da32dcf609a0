//! Hostile numbers in every numeric option: refused with 2 and one message, at once, whatever they are.

use super::Place;

/// What no count can be.
const COUNTS: [&str; 7] =
    ["-1", "1.5", "NaN", "1e3", "9223372036854775808", "18446744073709551615", "18446744073709551616"];
/// What no number of a formula can be.
const NUMBERS: [&str; 6] = ["NaN", "inf", "-inf", "-1", "1e308", "-1e308"];
/// What a positive number cannot be besides: with 32 bits the last two are 0.
const POSITIVE: [&str; 3] = ["0", "1e-320", "1e-60"];

/// Runs `command` with the option and every value; all must be refused.
fn refuses(place: &Place, command: &str, option: &str, values: &[&str]) {
    let before = place.files();
    for value in values {
        let ended = place.run(&format!("{command} {option} {value}"));
        let text = &ended.stderr;
        assert_eq!(ended.code, Some(2), "{command} {option} {value}\n{text}");
        assert!(ended.stdout.is_empty() && text.matches("error:").count() == 1, "{command} {option} {value}\n{text}");
        assert!(!text.contains("panicked") && !text.contains("Some(") && !text.contains("None"), "{text}");
        let stem = &option[2..option.len().min(6)];
        assert!(text.contains(stem) || text.contains("unexpected argument"), "{option} {value} is not named:\n{text}");
        let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        assert!(digits.is_some_and(|n| n <= 24), "{option} {value}:\n{text}");
        assert_eq!(place.files(), before, "{command} {option} {value} left something behind");
    }
}

#[test]
fn hostile_numbers_of_a_training_are_refused() {
    let place = Place::new();
    place.put("d.csv", "a,b\n0,1\n1,1\n1,0\n0,0\n");
    let train = "train d.csv --hidden 2 --updates 3 -o m.safetensors";
    let without = "train d.csv -o m.safetensors";
    refuses(&place, without, "--hidden", &COUNTS);
    refuses(&place, "train d.csv --hidden 2", "--updates", &COUNTS);
    refuses(&place, "train d.csv --hidden 2", "--epochs", &COUNTS);
    let counts = [
        "--gibbs-steps",
        "--chains",
        "--batch",
        "--metrics",
        "--checkpoints",
        "--keep-checkpoints",
        "--patience",
        "--online-chains",
    ];
    for option in counts {
        refuses(&place, train, option, &COUNTS);
    }
    refuses(&place, &format!("{train} --algorithm pt"), "--rungs", &COUNTS);
    refuses(&place, train, "--threads", &COUNTS);
    for option in ["--bias-rate", "--weight-decay", "--l1", "--held-out", "--weight-scale", "--anchor"] {
        refuses(&place, train, option, &NUMBERS);
    }
    for option in ["--learning-rate", "--max-norm", "--clip", "--sparse-target"] {
        refuses(&place, train, option, &NUMBERS);
        refuses(&place, train, option, &POSITIVE);
    }
    let adam = format!("{train} --optimizer adam");
    refuses(&place, &adam, "--epsilon", &[&NUMBERS[..], &POSITIVE].concat());
    for option in ["--momentum", "--square-decay"] {
        refuses(&place, &adam, option, &[&NUMBERS[..], &["1", "0.9999999999"]].concat());
    }
    refuses(&place, &format!("{train} --sparse-target 0.1"), "--sparse-cost", &[&NUMBERS[..], &POSITIVE].concat());
    // Of the seed every number of 64 bits is one.
    refuses(&place, train, "--seed", &["-1", "1.5", "NaN", "18446744073709551616"]);
}

/// Far more metrics or checkpoints than updates are one after every update, at once.
#[test]
fn more_metrics_than_updates_are_one_an_update() {
    let place = Place::new();
    place.put("d.csv", "a,b\n0,1\n1,1\n1,0\n0,0\n");
    let train = "train d.csv --hidden 2 --updates 5 --metrics 1000000 --checkpoints 1000000 --log log";
    place.good(train);
    let metrics = std::fs::read_to_string(place.path("log/metrics.csv")).unwrap();
    let updates: Vec<&str> = metrics.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(updates, ["1", "2", "3", "4", "5"]);
}

#[test]
fn hostile_numbers_of_other_commands_are_refused() {
    let place = Place::new();
    place.put("d.csv", "a,b\n0,1\n1,1\n1,0\n0,0\n");
    place.good("train d.csv --hidden 2 --updates 3 --metrics 0 --checkpoints 0 -o m.safetensors");
    let words = &COUNTS[..4];
    let too_large = "18446744073709551616";
    let ising = "ising --lattice chain:8 --samples 10 --replicas 10 --temperature 2";
    for option in ["--samples", "--replicas", "--every", "--exchange"] {
        refuses(&place, ising, option, &[words, &[too_large]].concat());
    }
    refuses(&place, ising, "--samples", &["9223372036854775808", "18446744073709551615"]);
    for option in ["--coupling", "--field"] {
        refuses(&place, ising, option, &["NaN", "inf", "-inf"]);
    }
    refuses(&place, "ising --lattice chain:8", "--temperature", &["NaN", "inf", "-inf", "-1", "0"]);
    refuses(&place, "observe d.csv --lattice open-chain:2", "--temperature", &["NaN", "inf", "-1", "0"]);
    for option in ["--samples", "--chains", "--thermalise", "--every"] {
        refuses(&place, "sample m.safetensors --samples 10", option, &[words, &[too_large]].concat());
    }
    for option in ["--chains", "--betas"] {
        refuses(&place, "likelihood m.safetensors d.csv", option, &COUNTS);
    }
    refuses(&place, "couplings m.safetensors", "--strongest", &[words, &[too_large]].concat());
    refuses(&place, "couplings m.safetensors", "--orders", &COUNTS);
    refuses(&place, "verify --thorough", "--relative-error", &[&NUMBERS[..], &["0"]].concat());
    refuses(&place, "bench ising", "--seconds", &[&NUMBERS[..], &["0"]].concat());
    refuses(&place, "devices", "--threads", &COUNTS);
}

/// What is asked for in the environment or by number or name and is not there is a mistake of usage.
#[test]
fn devices_that_are_not_there_are_usage() {
    let place = Place::new();
    for arguments in ["--backend gpu --device 4000", "--backend gpu --device no-such-device"] {
        let ended = place.run(&format!("ising --lattice chain:8 --temperature 2 --samples 10 {arguments}"));
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    }
    let mut command = place.command("ising --lattice chain:8 --temperature 2 --samples 10 --backend gpu");
    for (name, value, says) in [
        ("GIBBSITE_SHADER_CHECKS", "x", "1 for checks"),
        ("GIBBSITE_TIMESTAMPS", "x", "GIBBSITE_TIMESTAMPS"),
        ("GIBBSITE_BINDING", "1", "GIBBSITE_BINDING"),
    ] {
        let ended: super::Ended = command.env(name, value).output().unwrap().into();
        assert!(ended.code == Some(2) && ended.stderr.contains(says), "{}", ended.stderr);
        command.env_remove(name);
    }
    let no_driver = place.path("none").display().to_string();
    let mut command = place.command("ising --lattice chain:8 --temperature 2 --samples 10 --backend gpu");
    command.env("VK_DRIVER_FILES", &no_driver).env("VK_ICD_FILENAMES", &no_driver);
    let ended: super::Ended = command.output().unwrap().into();
    if cfg!(target_os = "linux") {
        assert!(ended.code == Some(2) && ended.stderr.contains("no GPU adapter"), "{}", ended.stderr);
    }
}

/// Escape sequences in names and paths are told, not sent to the terminal.
#[test]
fn names_do_not_act_on_the_terminal() {
    let place = Place::new();
    let mut command = place.command("observe --lattice chain:2");
    let ended: super::Ended = command.arg("a\x1b[31m\u{9b}\u{202e}.npy").output().unwrap().into();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("\\u{1b}[31m\\u{9b}\\u{202e}.npy"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(['\x1b', '\u{9b}', '\u{202e}']), "{}", ended.stderr);
}
