//! The loader of run directories and the page made of them.
#![no_main]

mod place;

use gibbsite::internals::report::{read_run, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let directory = place::directory();
    let files = ["metrics.jsonl", "manifest.json", "scenario.ron", "couplings.csv", "couplings.npy"];
    for (name, part) in files.iter().zip(place::parts(bytes, files.len())) {
        place::file(name, part);
    }
    let Ok(run) = read_run(directory) else { return };
    let page = render(&run);
    assert!(!page.to_lowercase().contains("<script"), "no text of a file is markup");
});
