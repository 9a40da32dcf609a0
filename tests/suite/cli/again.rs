//! A training run again: refused, gone on with, finished before, or with more updates; and checkpoints as models.

use super::Place;

fn data(place: &Place) {
    place.good("ising --lattice square:4 --temperature 2.2 --samples 600 --replicas 100 -o data.npz");
}

const TRAIN: &str = "train data.npz --hidden 6 --batch 100 --chains 60 --metrics 2 --schedule constant";

#[test]
fn nothing_of_an_earlier_training_is_replaced_unasked() {
    let place = Place::new();
    data(&place);
    place.good(&format!("{TRAIN} --updates 60 -o m.safetensors"));
    let contents = || place.files().into_iter().map(|name| std::fs::read(place.path(&name)).ok()).collect::<Vec<_>>();
    let before = contents();
    for options in ["--updates 60", "--updates 90", "--updates 60 --seed 3"] {
        let again = place.run(&format!("{TRAIN} {options} -o m.safetensors"));
        assert_eq!(again.code, Some(2), "{}", again.stderr);
        assert!(again.stderr.contains("--resume") && again.stderr.contains("--force"), "{}", again.stderr);
        assert!(contents() == before, "{options}");
    }
    // Checkpoints of a stopped training are as good as its model.
    std::fs::remove_file(place.path("m.safetensors")).unwrap();
    let again = place.run(&format!("{TRAIN} --updates 60 -o m.safetensors"));
    assert!(again.code == Some(2) && again.stderr.contains("m.safetensors.checkpoints"), "{}", again.stderr);
    place.good(&format!("{TRAIN} --updates 30 --seed 3 --force -o m.safetensors"));
    let files = place.files();
    assert!(files.contains(&"m.safetensors.checkpoints/checkpoint-000000000030.safetensors".into()), "{files:?}");
    assert!(!files.contains(&"m.safetensors.checkpoints/checkpoint-000000000060.safetensors".into()), "{files:?}");
}

#[test]
fn a_finished_training_is_left_as_it_is() {
    let place = Place::new();
    data(&place);
    for (name, more) in [("plain", ""), ("none", "--checkpoints 0")] {
        let train = format!("{TRAIN} --updates 60 {more} -o {name}.safetensors");
        place.good(&train);
        let bytes = std::fs::read(place.path(&format!("{name}.safetensors"))).unwrap();
        let again = place.json(&format!("{train} --resume"));
        assert_eq!((again["finished_before"].as_bool(), again["updates"].as_u64()), (Some(true), Some(60)));
        assert!(bytes == std::fs::read(place.path(&format!("{name}.safetensors"))).unwrap());
        for other in ["--seed 3", "--learning-rate 0.01"] {
            let refused = place.run(&format!("{train} {other} --resume"));
            assert_eq!(refused.code, Some(1), "{other}: {}", refused.stderr);
            assert!(bytes == std::fs::read(place.path(&format!("{name}.safetensors"))).unwrap());
        }
    }
    // Other data are another training.
    place.good("ising --lattice square:4 --temperature 3 --samples 600 --replicas 100 -o data.npz --force");
    let other = place.run(&format!("{TRAIN} --updates 60 -o plain.safetensors --resume"));
    assert!(other.code == Some(1) && other.stderr.contains("other settings or data"), "{}", other.stderr);
    let fresh = place.run(&format!("{TRAIN} --updates 60 -o new.safetensors --resume"));
    assert!(fresh.code == Some(0) && fresh.stderr.contains("no checkpoint"), "{}", fresh.stderr);
}

/// At a constant rate a training that goes on is the longer training, to the bit.
#[test]
fn a_finished_training_goes_on_to_more_updates() {
    let place = Place::new();
    data(&place);
    let model =
        |name: &str| gibbsite::internals::data::read_model(&place.path(&format!("{name}.safetensors"))).unwrap();
    place.good(&format!("{TRAIN} --updates 140 -o whole.safetensors"));
    for updates in [60, 100, 140] {
        let ended = place.run(&format!("{TRAIN} --updates {updates} -o parts.safetensors --resume"));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("goes on to"), updates > 60, "{}", ended.stderr);
    }
    let (whole, parts) = (model("whole"), model("parts"));
    assert!(whole.rbm == parts.rbm && parts.meta.provenance.updates == Some(140));
    // Fewer than there are, or other settings besides, is no way on.
    for options in ["--updates 100", "--updates 200 --seed 7"] {
        let refused = place.run(&format!("{TRAIN} {options} -o parts.safetensors --resume"));
        assert_eq!(refused.code, Some(1), "{options}: {}", refused.stderr);
    }
}

/// Files whose names differ after their last dot keep their checkpoints apart; those of earlier versions are found.
#[test]
fn checkpoints_are_named_after_the_whole_file() {
    let place = Place::new();
    data(&place);
    for out in ["J_T2.269", "J_T2.3"] {
        place.good(&format!("{TRAIN} --updates 40 -o {out}"));
    }
    let files = place.files();
    for out in ["J_T2.269", "J_T2.3"] {
        let last = format!("{out}.checkpoints/checkpoint-000000000040.safetensors");
        assert!(files.contains(&last), "{files:?}");
    }
    place.good(&format!("{TRAIN} --updates 40 -o old.safetensors"));
    std::fs::rename(place.path("old.safetensors.checkpoints"), place.path("old.checkpoints")).unwrap();
    std::fs::remove_file(place.path("old.safetensors")).unwrap();
    let ended = place.run(&format!("{TRAIN} --updates 40 -o old.safetensors --resume"));
    assert!(ended.stderr.contains("going on from the checkpoint at update 40"), "{}", ended.stderr);
}

/// Every command that reads a model takes a checkpoint, with the names of its units; so do those of earlier versions,
/// which say nothing of the model.
#[test]
fn a_checkpoint_is_a_model_for_every_command() {
    let place = Place::new();
    let rows: String = (0..60).map(|r| format!("{},{},{}\n", r % 2, r % 2, u8::from(r % 3 == 0))).collect();
    place.put("cells.csv", format!("CD3D,CD3E,LYZ\n{rows}"));
    place.good("train cells.csv --hidden 3 --updates 50 --batch 20 --chains 20 --units spin -o m.safetensors");
    let checkpoint = place.path("m.safetensors.checkpoints/checkpoint-000000000050.safetensors");
    std::fs::copy(&checkpoint, place.path("c.safetensors")).unwrap();
    let whole = gibbsite::internals::artifact::read_checkpoint(&checkpoint).unwrap();
    gibbsite::internals::artifact::write_checkpoint(&place.path("old.safetensors"), &whole).unwrap();
    let [model, new, old] = ["m", "c", "old"]
        .map(|name| gibbsite::internals::data::read_model(&place.path(&format!("{name}.safetensors"))).unwrap());
    // A model with units ±1 is rounded once more in its file.
    let close = |a: f32, b: f32| (a - b).abs() < 1e-5 * (1.0 + a.abs());
    assert!(model.rbm.weights.iter().zip(&new.rbm.weights).all(|(&a, &b)| close(a, b)));
    assert_eq!((&new.meta.names, new.meta.units), (&model.meta.names, model.meta.units));
    assert!(old.rbm == new.rbm && old.meta.names.is_none() && old.meta.provenance.updates == Some(50));
    place.put(
        "s.ron",
        "(version: 1, name: \"s\", source: Model(path: \"c.safetensors\"), sample: (samples: 50, chains: 10))",
    );
    for name in ["c", "old"] {
        let found = place.json(&format!("couplings {name}.safetensors --orders 2 -o {name}.csv"));
        assert_eq!(found["strongest"][0]["names"][0] == "CD3D", name == "c", "{found}");
        place.good(&format!("sample {name}.safetensors --samples 50 --chains 10 -o {name}.npy"));
        place.good(&format!(
            "sample m.safetensors --samples 50 --chains 10 --trajectory {name}.safetensors -o t-{name}.npy"
        ));
        let of = |file: &str| place.json(&format!("likelihood {file}.safetensors cells.csv --chains 20 --betas 20"));
        let exact = |value: &serde_json::Value| value["log_likelihood"]["data"]["exact"]["value"].as_f64().unwrap();
        assert!((exact(&of(name)) - exact(&of("m"))).abs() < 1e-4, "the same probabilities");
    }
    place.good("run s.ron --out o");
}
