//! The `gibbsite` program; everything is in the library.

fn main() -> std::process::ExitCode {
    gibbsite::cli::main()
}
