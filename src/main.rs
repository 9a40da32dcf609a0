//! The `gibbsite` program.
fn main() {}
