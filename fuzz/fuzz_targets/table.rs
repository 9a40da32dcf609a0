//! Tables: what is read is written and read back the same.
#![no_main]

mod place;

use gibbsite::internals::data;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let name = ["t.csv", "t.tsv", "t.txt", "t.csv.gz"][usize::from(kind) % 4];
    let Ok(set) = data::read(&place::file(name, bytes)) else { return };
    for name in ["back.csv", "back.tsv"] {
        let path = place::directory().join(name);
        data::write(&path, &set).expect("written");
        let back = data::read(&path).expect("written by this program");
        assert_eq!(back.samples, set.samples);
        match &set.names {
            Some(_) => assert_eq!(back.unit_names(), set.unit_names()),
            None => assert_eq!(back.unit_names().len(), set.samples.cols()),
        }
    }
});
