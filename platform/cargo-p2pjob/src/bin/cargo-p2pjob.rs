//! `cargo p2pjob ...`: the program under the name that cargo looks for.

fn main() -> std::process::ExitCode {
    cargo_p2pjob::main()
}
