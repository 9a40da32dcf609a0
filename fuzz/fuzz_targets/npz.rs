//! Archives: as they are, and good archives of members that are not.
#![no_main]

mod place;

use std::io::{Cursor, Write};

use gibbsite::internals::data;
use libfuzzer_sys::fuzz_target;
use zip::write::SimpleFileOptions;

const KEYS: [&str; 6] = ["samples.npy", "names.npy", "labels.npy", "temperature.npy", "lattice.npy", "X.npy"];

fuzz_target!(|bytes: &[u8]| {
    let whole;
    let file = if bytes.starts_with(b"PK") {
        bytes
    } else {
        // One byte says which members there are.
        let Some((&which, bytes)) = bytes.split_first() else { return };
        let keys: Vec<&str> = (0..6).filter(|bit| which >> bit & 1 == 1).map(|bit| KEYS[bit]).collect();
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (key, part) in keys.iter().zip(place::parts(bytes, keys.len().max(1))) {
            archive.start_file(*key, SimpleFileOptions::default()).expect("started");
            archive.write_all(part).expect("written");
        }
        whole = archive.finish().expect("finished").into_inner();
        &whole[..]
    };
    let path = place::file("x.npz", file);
    if let Ok(set) = data::read(&path) {
        data::write_npz(&path, &set).expect("written");
        let back = data::read(&path).expect("written by this program");
        assert_eq!((&back.samples, &back.names, &back.labels), (&set.samples, &set.names, &set.labels));
    }
});
