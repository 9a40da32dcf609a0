//! Threads that look out for the next short step and do not go to sleep before it.
//!
//! An update of a small machine is a handful of steps of 20 to 400 µs. A thread of rayon's that finds nothing to do sleeps
//! after some 15 µs and takes some 25 µs to wake, as long as it would save. While updates run, every other thread of the
//! pool takes work as soon as it is there; a thread that finds none for a while leaves, so that steps on one thread cost
//! the others no more than that.

use std::sync::atomic::{AtomicBool, Ordering};

/// Looks in vain, some 0.2 µs each, before a thread leaves: longer than any part of a small machine's update on one thread.
const PATIENCE: u32 = 2000;

/// Runs many short steps with the threads of the current pool kept awake.
pub(super) fn attended<T>(run: impl FnOnce() -> T) -> T {
    let Some(own) = rayon::current_thread_index().filter(|_| rayon::current_num_threads() > 1) else { return run() };
    let done = AtomicBool::new(false);
    rayon::in_place_scope(|scope| {
        scope.spawn_broadcast(|_, context| {
            if context.index() != own {
                look_out(&done);
            }
        });
        let outcome = run();
        done.store(true, Ordering::Relaxed);
        outcome
    })
}

/// Takes what work there is until all is `done`, or until there was none for long.
fn look_out(done: &AtomicBool) {
    let mut vain = 0;
    while vain < PATIENCE && !done.load(Ordering::Relaxed) {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            vain = 0;
        } else {
            vain += 1;
            std::hint::spin_loop();
        }
    }
}
