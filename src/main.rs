//! The `gibbsite` program; everything is in the library.

fn main() -> std::process::ExitCode {
    // Mesa's device selection layer talks to a desktop, and complains on stderr where there is none. A choice of
    // device is made by `--device` here.
    #[expect(
        unsafe_code,
        reason = "the first statement of a program with one thread: nobody else reads the environment"
    )]
    // SAFETY: no other thread runs yet.
    unsafe {
        std::env::set_var("NODEVICE_SELECT", "1");
    }
    gibbsite::internals::cli::main()
}
