//! Arrays: samples whole and streamed, and real matrices.
#![no_main]

mod place;

use gibbsite::internals::data;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = place::file("x.npy", bytes);
    let glance = data::glance(&path, None);
    if let Ok(set) = data::read(&path) {
        let glance = glance.expect("what is read can be looked at");
        assert_eq!((glance.rows, glance.units), (set.samples.rows(), set.samples.cols()));
        if let Ok(packed) = data::PackedFile::pack(&path, place::directory().join("packed")) {
            assert_eq!(packed.ones(), set.samples.column_counts());
            assert_eq!(packed.sha256(), set.sha256);
        }
        data::write_npy_samples(&path, &set.samples, set.values).expect("written");
        assert_eq!(data::read(&path).expect("written by this program").samples, set.samples);
    }
    let _ = data::read_npy(&path);
});
