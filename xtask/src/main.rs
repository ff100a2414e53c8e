//! `cargo xtask ...`: what a contributor types. Standard library only, so that it builds in a second on any machine.
//!
//! Nothing here is needed at run time of the platform. An interrupted command leaves only build folders and the demo's
//! data below the target folder; running it again goes on.

mod build;
mod check;
mod console;
mod demo;
mod folders;
mod json;
mod outside;
mod process;
mod setup;
mod test;

use folders::Folders;
use process::Failure;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup          install what is missing: the guest target, Chromium, PostgreSQL, a GPU in software, schemathesis,
                 cargo-deny
  build          build the program, and every job in jobs/ beside it
  jobs           build only the jobs
  console        build the web console that the program embeds (needs Node.js)
  demo [--exit]  start a network with a liar, run jobs on real data, verify, fetch; --exit stops it at the end
  test           build all, then every test: workspace, jobs, guest SDK, README
  check          format, lints, dependencies and licences
  ci             what .ci/run runs: setup, test, demo --exit, check
  bench [ARGS]   measure, with the profile of docs/performance.md
  fuzz [SECONDS] the fuzz targets, 60 s in all unless said otherwise
  sim [SEED]     the simulator under one seed, or under many
  p2pjob ARGS    build the program and run it
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut words = arguments.iter().map(String::as_str);
    let command = words.next().unwrap_or("help");
    let rest: Vec<&str> = words.collect();
    match run(command, &rest) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, rest: &[&str]) -> Result<u8, Failure> {
    let folders = Folders::find()?;
    match command {
        "setup" => setup::setup(&folders)?,
        "build" => build::build_all(&folders)?,
        "jobs" => build::build_jobs(&folders)?,
        "console" => console::console(&folders)?,
        "demo" => demo::demo(&folders, rest)?,
        "test" => test::test(&folders)?,
        "check" => check::check(&folders)?,
        "ci" => ci(&folders)?,
        "bench" => test::bench(&folders, rest)?,
        "fuzz" => test::fuzz(&folders, rest)?,
        "sim" => test::sim(&folders, rest)?,
        "p2pjob" => return build::run_program(&folders, rest),
        "help" | "--help" | "-h" => print!("{USAGE}"),
        other => return Err(Failure::new(format!("there is no command {other:?}\n\n{USAGE}"))),
    }
    Ok(0)
}

/// The cheap checks come last: what a user sees comes first.
fn ci(folders: &Folders) -> Result<(), Failure> {
    setup::setup(folders)?;
    test::test(folders)?;
    demo::demo(folders, &["--exit"])?;
    check::check(folders)
}
