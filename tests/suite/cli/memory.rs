//! Memory plans: printed before anything starts, and refused with what would fit.

use super::{Ended, Place, assert_keys};

/// A training whose parameters rule.
const WIDE: &str = "(
    version: 1,
    name: \"wide\",
    source: Ising(lattice: \"square:20\", temperature: 2.0, samples: 200, replicas: 20, thermalise: 10, every: 1),
    model: (hidden: 3000),
    train: (updates: 2, batch: 20, chains: 20, metrics: 0),
    likelihood: (chains: 10, betas: 20),
)";

fn with_memory(place: &Place, bytes: &str, arguments: &str) -> Ended {
    place.command(arguments).env("GIBBSITE_MEMORY", bytes).output().unwrap().into()
}

#[test]
fn a_check_counts_the_memory_of_every_stage_on_both_backends() {
    let place = Place::new();
    place.put("wide.ron", WIDE);
    let plan = place.json("check wide.ron");
    let stages = plan["memory"].as_array().unwrap();
    assert_eq!(stages.len(), 2, "training and likelihood on the CPU");
    let of = |stage: &serde_json::Value, what: &str| {
        let parts = stage["device"].as_array().unwrap().iter().filter(|part| part["use"] == what);
        parts.map(|part| part["bytes"].as_u64().unwrap()).sum::<u64>()
    };
    // 400 and 3000 units in tiles of 32: weights in both orders, and biases.
    assert_eq!(of(&stages[0], "parameters"), 128 * (94 * 400 + 13 * 3000 + 94 + 13));
    // A tenth is kept out.
    assert_eq!(of(&stages[0], "data"), 180 * 13 * 4);
    assert!(of(&stages[0], "tables") > 0 && of(&stages[0], "scratch") > 0);
    assert_keys(&stages[0], &["point", "stage", "backend", "device", "host", "bytes"]);
    // No device is looked at unless one is named: a plan for another machine can be made here.
    let auto = place.json("check wide.ron --backend auto");
    let backends: Vec<&str> =
        auto["memory"].as_array().unwrap().iter().map(|stage| stage["backend"].as_str().unwrap()).collect();
    assert_eq!(backends, ["gpu", "cpu", "gpu", "cpu"]);
    assert!(place.good("check wide.ron").contains("parameters"));
}

#[test]
fn what_is_too_large_is_refused_with_what_would_fit() {
    let place = Place::new();
    place.put("wide.ron", WIDE);
    let refused = with_memory(&place, "12MiB", "check wide.ron");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stdout.contains("too large") && refused.stderr.contains("12.0 MiB"), "{}", refused.stderr);
    let words: Vec<&str> = refused.stderr.split_whitespace().collect();
    let at = words.windows(2).position(|pair| pair == ["hidden", "units"]).unwrap();
    let fitting: usize = words[at - 1].parse().unwrap();
    let check = |hidden: usize| {
        with_memory(&place, "12MiB", &format!("check wide.ron --set model.hidden={hidden} --set likelihood.chains=2"))
    };
    assert_eq!(check(fitting).code, Some(0), "{fitting}: {}", check(fitting).stderr);
    assert_eq!(check(fitting + 1).code, Some(2), "{fitting} hidden units fit");
    // Nothing was started: a run and a training say the same.
    let run = with_memory(&place, "12MiB", "run wide.ron");
    assert_eq!((run.code, place.files()), (Some(2), vec!["wide.ron".to_string()]), "{}", run.stderr);
    place.good("ising --lattice square:20 --temperature 3 --samples 100 -o data.npz");
    let train = with_memory(&place, "12MiB", "train data.npz --hidden 3000 --updates 2 -o model.safetensors");
    assert!(train.code == Some(2) && train.stderr.contains("would fit"), "{}", train.stderr);
    assert!(!place.path("model.safetensors").exists());
    let odd = with_memory(&place, "much", "check wide.ron");
    assert!(odd.code == Some(2) && odd.stderr.contains("GIBBSITE_MEMORY"), "{}", odd.stderr);
}

#[test]
fn a_lattice_that_does_not_fit_is_refused_with_its_parts() {
    let place = Place::new();
    let run = "ising --lattice triangular:512 --temperature 3 --samples 2 -o data.npz";
    let refused = with_memory(&place, "48MiB", run);
    assert_eq!((refused.code, place.files().len()), (Some(2), 0), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("lists of neighbours") && refused.stderr.contains("at most 48.0 MiB"),
        "{}",
        refused.stderr
    );
}

/// Rows from disk and rows from memory: the same machine, and nothing left behind.
#[test]
fn a_streamed_training_is_the_same() {
    let place = Place::new();
    place.good("ising --lattice square:6 --temperature 3 --samples 700 -o data.npy");
    let train = "train data.npy --hidden 7 --updates 60 --chains 50 --batch 100 --metrics 2 --checkpoints 0 --force";
    let trained = |arguments: &str, memory: &str| {
        let ended = with_memory(&place, memory, &format!("{train} -o model.safetensors {arguments}"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let rbm = gibbsite::internals::data::read_model(&place.path("model.safetensors")).unwrap().rbm;
        assert_eq!(place.files(), ["data.npy", "model.safetensors"]);
        (rbm, ended.stdout, ended.stderr.contains("streamed"))
    };
    let (resident, said, streams) = trained("--stream off", "1GiB");
    assert!(!streams);
    let log_likelihood = |text: &str| text.lines().find(|line| line.contains("log-likelihood")).map(str::to_string);
    for (arguments, memory, expected) in [("--stream on", "1GiB", true), ("", "1GiB", false)] {
        let (rbm, told, streams) = trained(arguments, memory);
        assert!(rbm == resident, "{arguments}");
        assert_eq!((log_likelihood(&told), streams), (log_likelihood(&said), expected));
    }
}
