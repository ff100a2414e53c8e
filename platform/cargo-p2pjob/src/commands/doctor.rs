//! `doctor`: checks of this machine and of the node, each finding with a remedy.

use crate::app::App;
use crate::console::{Console, Paint};
use crate::error::{CliError, Exit};
use crate::guest_build::{GUEST_TARGET, GuestToolchain};
use node::control::protocol::{DoctorFinding, Reply, Request};
use serde_json::json;

/// Runs `doctor`.
pub fn run(app: &App) -> Result<Exit, CliError> {
    let mut findings = vec![toolchain(), jobs_in_reach(app)];
    match ask_node(app) {
        Ok(of_node) => {
            findings.push(finding("ok", "node", "a node answers", ""));
            findings.extend(of_node);
        }
        Err(error) => findings.push(finding("fail", "node", &error.message, &error.remedy)),
    }
    let failed = findings.iter().any(|finding| finding.level == "fail");
    app.console
        .result(&json!({ "ok": !failed, "findings": findings }), |console| {
            findings
                .iter()
                .map(|finding| describe(console, finding))
                .collect::<Vec<_>>()
                .join("\n")
        })?;
    Ok(if failed { Exit::Environment } else { Exit::Ok })
}

fn finding(level: &str, check: &str, finding: &str, remedy: &str) -> DoctorFinding {
    let own = str::to_owned;
    DoctorFinding {
        level: own(level),
        check: own(check),
        finding: own(finding),
        remedy: own(remedy),
    }
}

/// Whether jobs can be built here. Installs nothing.
fn toolchain() -> DoctorFinding {
    match GuestToolchain::find_or_install(true) {
        Ok(GuestToolchain::Installed) => finding("ok", "toolchain", &format!("Rust with {GUEST_TARGET}"), ""),
        Ok(GuestToolchain::BuildStd { linker }) => finding(
            "ok",
            "toolchain",
            &format!("Debian's Rust builds {GUEST_TARGET} with {linker}"),
            "",
        ),
        Err(error) => finding(
            "warn",
            "toolchain",
            &error.to_string(),
            "needed only to build jobs: `p2pjob build` installs it",
        ),
    }
}

/// Whether the components known by name lie beside the program.
fn jobs_in_reach(app: &App) -> DoctorFinding {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.join("jobs")));
    let Some(folder) = app.environment.path("P2PJOB_JOBS_DIR").or(beside) else {
        return finding(
            "warn",
            "jobs",
            "the folder of this program is not known",
            "name one with jobs_dir",
        );
    };
    let count = std::fs::read_dir(&folder).map_or(0, |files| {
        files
            .flatten()
            .filter(|file| file.path().extension().is_some_and(|extension| extension == "wasm"))
            .count()
    });
    let text = format!("{count} components in {}", folder.display());
    if count > 0 {
        finding("ok", "jobs", &text, "")
    } else {
        finding(
            "warn",
            "jobs",
            &text,
            "build them with `cargo xtask build`, or name their folder with jobs_dir",
        )
    }
}

fn ask_node(app: &App) -> Result<Vec<DoctorFinding>, CliError> {
    match app.connect()?.ask(Request::Doctor)? {
        Reply::Doctor(findings) => Ok(findings),
        _ => Err(CliError::surprise("doctor")),
    }
}

fn describe(console: &Console, finding: &DoctorFinding) -> String {
    let paint = match finding.level.as_str() {
        "ok" => Paint::Green,
        "warn" => Paint::Yellow,
        _ => Paint::Red,
    };
    let level = console.paint(paint, &format!("{:4}", finding.level));
    let remedy = if finding.remedy.is_empty() {
        String::new()
    } else {
        format!("\n       help: {}", finding.remedy)
    };
    format!("{level}  {}: {}{remedy}", finding.check, finding.finding)
}
