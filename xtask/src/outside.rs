//! Tests from outside, against real node processes: the console in a real browser, and the API tried by schemathesis
//! against its own OpenAPI document. What is missing is installed; where that cannot be, they are skipped and say so,
//! and with `P2PJOB_REQUIRE_ALL=1` that is an error.

use crate::demo::network::Network;
use crate::folders::Folders;
use crate::process::{Failure, run};
use crate::setup;
use std::path::Path;
use std::process::Command;

/// Cases per operation that schemathesis makes up.
const EXAMPLES: &str = "25";
/// The same cases every time.
const SEED: &str = "1";
/// What every answer is checked for.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method";

/// All of them.
pub fn test(folders: &Folders) -> Result<(), Failure> {
    match setup::node_js() {
        Ok(()) => console(folders)?,
        Err(why) => skip("the console", why)?,
    }
    match setup::schemathesis(folders) {
        Ok(program) => api(folders, &program),
        Err(why) => skip("the API against its OpenAPI document", why),
    }
}

/// Its units, then all of it.
fn console(folders: &Folders) -> Result<(), Failure> {
    console_units(folders)?;
    match setup::browser() {
        Ok(browser) => in_browser(folders, &browser),
        Err(why) => skip("the console in a browser", why),
    }
}

fn skip(what: &str, why: Failure) -> Result<(), Failure> {
    if setup::require_all() {
        return Err(why);
    }
    println!("skipped: {what}: {why}");
    Ok(())
}

/// The console as its node serves it, in a browser; screenshots of every page are left in `web-console/test-results`.
fn in_browser(folders: &Folders, browser: &Path) -> Result<(), Failure> {
    let network = Network::start(folders, 4, 1)?;
    let mut e2e = npm(folders, &["run", "e2e"]);
    e2e.env("P2PJOB_CONSOLE_URL", network.console(0)?)
        .env("P2PJOB_PROGRAM", folders.program())
        .env("P2PJOB_CHROMIUM", browser);
    let tried = run(&mut e2e);
    network.stop()?;
    tried
}

/// Types, unit tests and strings of the console.
fn console_units(folders: &Folders) -> Result<(), Failure> {
    run(&mut npm(folders, &["run", "check"]))?;
    run(&mut npm(folders, &["test"]))
}

/// Tries every operation of the API with right and wrong input.
fn api(folders: &Folders, program: &Path) -> Result<(), Failure> {
    let network = Network::start(folders, 2, 0)?;
    let url = network.console(0)?;
    let admin = network.ask(0, &["token", "new", "--role", "admin", "--name", "schemathesis"])?;
    let mut schemathesis = Command::new(program);
    schemathesis
        .current_dir(&folders.tools)
        .arg("run")
        .arg(format!("{url}/openapi.json"))
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", SEED])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--generation-deterministic",
            "--no-color",
        ])
        .args(["--exclude-path-regex", "events$"])
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", admin.get("token").text()));
    let tried = run(&mut schemathesis);
    network.stop()?;
    tried
}

fn npm(folders: &Folders, arguments: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folders.root.join("web-console")).args(arguments);
    npm
}
