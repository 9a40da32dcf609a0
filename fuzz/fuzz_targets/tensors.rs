//! Models and checkpoints.
#![no_main]

mod place;

use gibbsite::internals::{artifact, data};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = place::file("m.safetensors", bytes);
    if let Ok(model) = data::read_model(&path) {
        // Biases in other units may leave the range of f32; then nothing is written.
        if data::write_model(&path, &model).is_ok() {
            let back = data::read_model(&path).expect("written by this program");
            assert_eq!(back.meta.names, model.meta.names);
        }
    }
    let path = place::file("c.safetensors", bytes);
    if let Ok(checkpoint) = artifact::read_checkpoint(&path) {
        artifact::write_checkpoint(&path, &checkpoint).expect("written");
        assert_eq!(artifact::read_checkpoint(&path).expect("written by this program").update, checkpoint.update);
    }
});
