//! Files of an earlier day, kept as they were written on 2026-12-01: models and checkpoints load for ever, with the numbers that
//! a reader of its own (struct.unpack of Python) finds in them, and a training goes on from them.

use std::path::PathBuf;

use gibbsite::Error;
use gibbsite::internals::artifact::read_checkpoint;
use gibbsite::internals::data::read_model;
use gibbsite::internals::rbm::Units;

use crate::cli::Place;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/suite/golden").join(name)
}

const WEIGHTS: [f32; 12] = [
    2.230_373_6,
    0.210_661_41,
    -0.042_138_927,
    0.215_645_05,
    2.254_864_5,
    0.066_496_38,
    0.135_164_78,
    -0.005_594_466_3,
    -0.017_731_467,
    -0.058_877_274,
    0.060_456_786,
    2.016_795_9,
];
const VISIBLE_BIAS: [f32; 4] = [-1.144_536_4, -1.277_283_4, -0.036_753_315, -0.831_200_5];

#[test]
fn models_load_for_ever() {
    let binary = read_model(&golden("binary.safetensors")).unwrap();
    assert_eq!((&binary.rbm.weights[..], &binary.rbm.visible_bias[..]), (&WEIGHTS[..], &VISIBLE_BIAS[..]));
    assert_eq!(binary.unit_names(), ["a", "b", "c", "d"]);
    assert_eq!((binary.meta.provenance.updates, binary.meta.provenance.seed), (Some(20), Some(1)));
    // The same machine, written for units ±1: one that is read as another after two roundings.
    let spin = read_model(&golden("spin.safetensors")).unwrap();
    assert_ne!(spin.meta.units, Units::BINARY);
    for (a, b) in spin.rbm.weights.iter().zip(&WEIGHTS) {
        assert!((a - b).abs() <= 2.0 * f32::EPSILON * b.abs(), "{a}, {b}");
    }
    // A checkpoint as a model: its parameters are those for units 0, 1.
    let kept = read_model(&golden("spin.safetensors.checkpoints/checkpoint-000000000020.safetensors")).unwrap();
    assert_eq!((&kept.rbm.weights[..], kept.meta.names), (&WEIGHTS[..], binary.meta.names));
}

#[test]
fn checkpoints_load_for_ever_and_trainings_go_on_from_them() {
    let tempered =
        read_checkpoint(&golden("tempered.safetensors.checkpoints/checkpoint-000000000020.safetensors")).unwrap();
    assert_eq!((tempered.update, tempered.step, tempered.seed), (20, 40, 1));
    assert_eq!((tempered.rbm.weights[0], tempered.chains.rows()), (2.001_640_3, 4));
    assert!(tempered.ladder.is_some() && tempered.online.is_some() && tempered.optimiser.square.is_some());
    let place = Place::new();
    for name in ["rows.csv", "spin.safetensors", "tempered.safetensors"] {
        place.put(name, std::fs::read(golden(name)).unwrap());
    }
    for (model, flags) in [
        ("spin", "--hidden 3 --chains 8 --batch 9 --held-out 0.2 --units spin"),
        ("tempered", "--hidden 2 --chains 4 --batch 10 --rungs 3 --algorithm pt --online-chains 64 --optimizer adam"),
    ] {
        let folder = format!("{model}.safetensors.checkpoints");
        std::fs::create_dir(place.path(&folder)).unwrap();
        let file = format!("{folder}/checkpoint-000000000020.safetensors");
        place.put(&file, std::fs::read(golden(&file)).unwrap());
        let on = place.run(&format!("train rows.csv {flags} --updates 40 --metrics 2 --resume -o {model}.safetensors"));
        assert_eq!(on.code, Some(0), "{model}: {}", on.stderr);
        assert!(on.stderr.contains("going on from the checkpoint at update 20"), "{model}: {}", on.stderr);
    }
}

#[test]
fn newer_formats_are_refused_with_what_to_do() {
    let place = Place::new();
    let newer = |name: &str| {
        let mut bytes = std::fs::read(golden(name)).unwrap();
        // As the header has it: JSON in a text of JSON.
        let key = br#"\"format_version\":"#;
        let at = bytes.windows(key.len()).position(|part| part == key).unwrap() + key.len();
        bytes[at] = b'9';
        place.put("newer.safetensors", bytes);
        place.path("newer.safetensors")
    };
    let refused = |error: Error, what: &str| {
        let text = error.to_string();
        assert!(text.contains(what) && text.contains("newer version") && text.contains("or earlier"), "{text}");
    };
    refused(read_model(&newer("binary.safetensors")).unwrap_err(), "model format 9");
    let checkpoint = newer("spin.safetensors.checkpoints/checkpoint-000000000020.safetensors");
    refused(read_model(&checkpoint).unwrap_err(), "checkpoint format 9");
    refused(read_checkpoint(&checkpoint).unwrap_err(), "checkpoint format 9");
}
