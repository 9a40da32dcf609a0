//! stdout is the result, stderr the rest; a closed pipe is no accident.

use std::io::Read;
use std::process::Stdio;

use super::{Ended, Place};

#[test]
fn results_and_progress_do_not_mix() {
    let place = Place::new();
    let arguments = "ising --lattice chain:8 --temperature 2 --samples 1600 --replicas 100";
    let loud = place.run(arguments);
    assert!(loud.stderr.contains("seed 1"), "the seed is always told: {}", loud.stderr);
    assert!(loud.stdout.contains("energy") && !loud.stdout.contains("seed"), "{}", loud.stdout);
    let quiet = place.run(&format!("{arguments} --quiet"));
    assert!(quiet.stderr.is_empty(), "{}", quiet.stderr);
    // All lines but the last of speed are the same result.
    let result = |ended: &Ended| ended.stdout.lines().take(7).map(str::to_string).collect::<Vec<_>>();
    assert_eq!(result(&quiet), result(&loud));
    let without_progress = place.run(&format!("{arguments} --progress never"));
    assert!(!without_progress.stderr.contains("samples"), "{}", without_progress.stderr);
}

#[test]
fn no_colour_where_no_terminal_is() {
    let place = Place::new();
    place.put("bad.ron", "(version: 1, nmae: \"x\")");
    for (arguments, no_color) in
        [("isng", None), ("isng", Some("1")), ("run bad.ron", Some("1")), ("run bad.ron", None)]
    {
        let mut command = place.command(arguments);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let ended = Ended::from(command.output().unwrap());
        assert!(!ended.stderr.contains('\x1b') && !ended.stdout.contains('\x1b'), "{arguments}: {}", ended.stderr);
    }
}

/// The reader goes away before or while the program writes: it ends without a word of complaint.
#[test]
fn a_closed_pipe_is_quiet() {
    let place = Place::new();
    for arguments in
        ["completions bash", "--help", "ising --lattice chain:4 --temperature 2 --samples 20 --quiet", "devices"]
    {
        let mut child = place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = child.wait().unwrap();
        assert!(!stderr.contains("panicked") && !stderr.contains("roken pipe"), "{arguments}: {stderr}");
        assert_eq!(status.code(), Some(0), "{arguments}: {stderr}");
    }
}
