//! The program as a stranger uses it: child processes in fresh directories, judged by exit code, streams and files.

mod again;
mod campaign;
mod commands;
mod doors;
mod killed;
mod memory;
mod mistakes;
mod numbers;
mod outputs;
mod scenarios;
mod signals;
mod streams;
mod sweeps;
mod units;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A directory of its own with the program at hand.
pub(crate) struct Place(TempDir);

/// How one command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// The program with arguments separated by blanks, not started yet; on the CPU unless the arguments say otherwise.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gibbsite"));
        command.current_dir(self.0.path()).args(arguments.split_whitespace()).env_remove("NO_COLOR");
        if !arguments.contains("--backend") {
            command.args(["--backend", "cpu"]);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs a command that must succeed; returns what it says on stdout.
    pub(crate) fn good(&self, arguments: &str) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "gibbsite {arguments}\n{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        ended.stdout
    }

    /// Runs a command that must succeed with `--json`; returns the one object that it prints.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        let text = self.good(&format!("{arguments} --json"));
        assert_eq!(text.lines().count(), 1, "one object on one line: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Everything below the directory, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        fn below(path: &Path, prefix: &str, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(path).unwrap().map(|e| e.unwrap()) {
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    below(&entry.path(), &format!("{name}/"), found);
                }
                found.push(name);
            }
        }
        let mut found = Vec::new();
        below(self.0.path(), "", &mut found);
        found.sort();
        found
    }
}

/// Keys of an object, sorted.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Fails unless `value` has all of the keys.
pub(crate) fn assert_keys(value: &Value, expected: &[&str]) {
    let found = keys(value);
    let missing: Vec<_> = expected.iter().filter(|key| !found.contains(key)).collect();
    assert!(missing.is_empty(), "missing {missing:?} among {found:?}");
}

/// Fails unless `value` is an estimate.
pub(crate) fn assert_estimate(value: &Value) {
    assert!(value["value"].is_number() && value["error"].is_number(), "{value} is no estimate");
}
