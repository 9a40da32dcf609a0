//! Scenarios: the parser, settings of the command line, plan, estimate and memory.
#![no_main]

mod place;

use gibbsite::internals::run::device::{Choice, DeviceRequest};
use gibbsite::internals::run::memory;
use gibbsite::internals::scenario::{Changes, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let parts = place::parts(bytes, 2);
    let (Ok(text), Ok(set)) = (std::str::from_utf8(parts[0]), std::str::from_utf8(parts[1])) else { return };
    let set: Vec<String> = set.lines().filter(|line| !line.is_empty()).take(4).map(String::from).collect();
    for quick in [false, true] {
        let changes = Changes { set: set.clone(), quick };
        let Ok(plan) = parse(text, "fuzz.ron", place::directory(), &changes) else { continue };
        let again = parse(&plan.resolved, "again.ron", place::directory(), &Changes::default());
        assert!(again.is_ok(), "the settled scenario is one: {}", plan.resolved);
        let _ = plan.estimate();
        let _ = memory::of_plan(&plan, &DeviceRequest { choice: Choice::Cpu, threads: Some(1), ..DeviceRequest::default() });
    }
});
