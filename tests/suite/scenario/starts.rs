//! What `check` passes, `run` starts: scenarios of numbers drawn at random, hostile ones among them, are refused as a whole
//! or run; no stage finds fault with them later.

use std::path::Path;

use gibbsite::internals::error::Error;
use gibbsite::internals::events::Silent;
use gibbsite::internals::rng::{Stream, unit_word};
use gibbsite::internals::run::device::{Choice, DeviceRequest};
use gibbsite::internals::run::scenario::{RunRequest, run};
use gibbsite::internals::scenario::{self, Changes};

/// Draws of one scenario.
struct Draws {
    scenario: u32,
    drawn: u32,
}

impl Draws {
    fn below(&mut self, n: usize) -> usize {
        self.drawn += 1;
        unit_word(15, Stream::Sequence, 0, self.scenario, self.drawn) as usize % n
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    /// `key: value, ` for three keys of ten; one value in twelve is hostile.
    fn key(&mut self, key: &str, good: &[&str], hostile: &[&str]) -> String {
        if self.below(10) >= 3 {
            return String::new();
        }
        let list = if self.below(12) == 0 { hostile } else { good };
        format!("{key}: {}, ", self.one_of(list))
    }
}

const COUNTS: &[&str] = &["0", "16777217", "4294967295", "4294967296", "9223372036854775808", "18446744073709551615"];
const NUMBERS: &[&str] = &["NaN", "inf", "-inf", "-1.0", "1e308", "1e-320", "11.0"];

fn text(d: &mut Draws) -> String {
    let lattice = d.one_of(&["chain:4", "square:4", "open-chain:6"]);
    let mut source = format!("lattice: \"{lattice}\", temperature: {}, ", d.one_of(&["2.0", "3.5"]));
    source += &format!("samples: {}, thermalise: 4, every: 1, ", d.one_of(&["6", "40", "41"]));
    source += &d.key("replicas", &["1", "2", "5"], COUNTS);
    let mut model = format!("hidden: {}, ", d.one_of(&["1", "3", "33"]));
    model += &d.key("weight_scale", &["0.0", "0.1"], NUMBERS);
    model += &d.key("anchor", &["0.0", "1.0"], NUMBERS);
    let mut train = d.key("algorithm", &["cd", "pcd", "pt", "trajectory", "mean_field"], &["bm"]);
    train += &d.key("gibbs_steps", &["1", "3"], COUNTS);
    train += &format!("chains: {}, ", d.one_of(&["1", "7", "33"]));
    train += &d.key("batch", &["1", "5"], COUNTS);
    train += &format!("updates: {}, ", d.one_of(&["1", "2", "5"]));
    train += &d.key("learning_rate", &["0.1", "1e-3"], NUMBERS);
    train += &d.key("bias_rate", &["0.0", "1.0"], NUMBERS);
    train += &d.key("offset_rate", &["0.0", "1.0"], NUMBERS);
    train += &d.key("momentum", &["0.0", "0.5"], NUMBERS);
    train += &d.key("weight_decay", &["0.0", "0.1"], NUMBERS);
    train += &d.key("max_norm", &["0.5", "10.0"], NUMBERS);
    train += &d.key("sparse_target", &["0.5", "0.1"], NUMBERS);
    train += &d.key("held_out", &["0.0", "0.01", "0.2", "0.5", "0.99"], NUMBERS);
    train += &d.key("rungs", &["2", "3"], &["0", "1", "4294967296"]);
    train += &d.key("online_chains", &["0", "64"], &["1", "65", "1048592"]);
    train += &d.key("metrics", &["0", "1", "100", "1000000"], &["1000001", "18446744073709551615"]);
    train += &d.key("checkpoints", &["0", "1", "7"], &["1000001", "18446744073709551615"]);
    train += &d.key("keep_checkpoints", &["1", "3"], COUNTS);
    train += &d.key("patience", &["1", "2"], COUNTS);
    train += &d.key("augment", &["none", "flip", "both"], &["turns"]);
    let mut sample = format!("samples: {}, thermalise: 2, every: 1, ", d.one_of(&["2", "20"]));
    sample += &d.key("chains", &["1", "2", "7"], COUNTS);
    sample += &d.key("tempering", &["off", "rungs(2)"], &["rungs(1)", "rungs(100000)"]);
    let mut likelihood = format!("chains: {}, betas: {}, ", d.one_of(&["2", "9"]), d.one_of(&["2", "5"]));
    likelihood += &d.key("exact", &["auto", "never", "always"], &["maybe"]);
    let couplings =
        d.key("orders", &["[1]", "[1, 2]", "[3]"], &["[]", "[4]"]) + &d.key("strongest", &["0", "3"], COUNTS);
    let mut stages = format!("model: ({model}), train: ({train}), ");
    for (stage, body) in [("sample", sample), ("likelihood", likelihood), ("couplings", couplings)] {
        if d.below(3) == 0 {
            stages += &format!("{stage}: ({body}), ");
        }
    }
    stages += d.one_of(&["", "", "sweep: (learning_rate: [0.1, 0.2]), ", "sweep: (seed: [1, 2]), "]);
    format!("(version: 1, name: \"s\", source: Ising({source}), {stages})")
}

#[test]
fn what_check_passes_run_starts() {
    let (mut passed, mut refused) = (0, 0);
    for scenario in 0..240 {
        let text = text(&mut Draws { scenario, drawn: 0 });
        let Ok(plan) = scenario::parse(&text, "s.ron", Path::new("."), &Changes::default()) else {
            refused += 1;
            continue;
        };
        passed += 1;
        let place = tempfile::tempdir().unwrap();
        let request = RunRequest {
            out: place.path().join("run"),
            resume: false,
            force: false,
            device: DeviceRequest { choice: Choice::Cpu, device: None, threads: Some(1) },
            command: Vec::new(),
        };
        match run(&plan, &request, &mut Silent) {
            // Trainings may diverge; settings may not turn out to be wrong.
            Ok(_) | Err(Error::Numerics(_)) => {}
            Err(error) => panic!("{text}\n{error}"),
        }
    }
    assert!(passed > 40 && refused > 40, "{passed} passed, {refused} refused: nothing is learned from these");
}
