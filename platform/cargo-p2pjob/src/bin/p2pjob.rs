//! `p2pjob ...`: the program under its short name.

fn main() -> std::process::ExitCode {
    cargo_p2pjob::main()
}
