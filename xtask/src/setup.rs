//! Installing what is missing: the guest target, cargo-deny for the checks, and what the tests of the console, the API
//! the history and the GPU run against: Chromium, schemathesis, PostgreSQL, a GPU in software.

use crate::folders::Folders;
use crate::process::{Failure, output, quiet_output, run, succeeds};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What jobs are compiled for.
const GUEST_TARGET: &str = "wasm32-unknown-unknown";
/// The version of cargo-deny that deny.toml is written for.
const CARGO_DENY: &str = "0.20.2";
/// Debian's and Ubuntu's current compiler with the sources of the standard library, where rustup cannot fetch.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// Where Debian and Ubuntu put PostgreSQL's server programs, below a folder per version.
const POSTGRES_FOLDER: &str = "/usr/lib/postgresql";
/// Where Vulkan's drivers say that they are there.
const VULKAN_DRIVERS: [&str; 2] = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
/// Names under which Chromium is found.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// The tool that tries the API against its OpenAPI document.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// The oldest Node.js that builds the console.
const NODE_MAJOR: u32 = 20;

/// Installs all of it.
pub fn setup(folders: &Folders) -> Result<(), Failure> {
    guest_target()?;
    node_js()?;
    postgres()?;
    gpu()?;
    browser()?;
    schemathesis(folders)?;
    cargo_deny(folders).map(|_| ())
}

/// Whether a missing tool is an error; else what needs it is skipped, and says so.
pub fn require_all() -> bool {
    std::env::var_os("P2PJOB_REQUIRE_ALL").is_some_and(|value| value == "1")
}

/// Debian's packages, where we may install them.
fn debian(packages: &[&str]) -> Result<(), Failure> {
    let install = || {
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "--no-install-recommends"]).args(packages);
        run(apt.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // The list of packages may be missing or old.
    install().or_else(|_| {
        run(Command::new("apt-get").arg("update"))?;
        install()
    })
}

fn missing(what: &str, error: &Failure, packages: &str) -> Failure {
    Failure::new(format!(
        "{what} is missing and could not be installed: {error}\n  help: as root: apt-get install {packages}"
    ))
}

/// Checks that Node.js is there and new enough: it builds and tests the console.
pub fn node_js() -> Result<(), Failure> {
    let help = format!("install Node.js {NODE_MAJOR} or newer, with npm; as root: apt-get install nodejs npm");
    if !succeeds(Command::new("npm").arg("--version")) {
        return Err(Failure::new(format!("npm is missing\n  help: {help}")));
    }
    let version = quiet_output(Command::new("node").arg("--version"))
        .ok_or_else(|| Failure::new(format!("Node.js is missing\n  help: {help}")))?;
    let major = version.trim().trim_start_matches('v').split('.').next();
    match major.and_then(|text| text.parse::<u32>().ok()) {
        Some(major) if major >= NODE_MAJOR => Ok(()),
        _ => Err(Failure::new(format!(
            "Node.js is too old: {}\n  help: {help}",
            version.trim()
        ))),
    }
}

/// Chromium, for the tests of the console.
pub fn browser() -> Result<PathBuf, Failure> {
    let find = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let found = |name: &&str| {
            folders
                .iter()
                .map(|folder| folder.join(name))
                .find(|path| path.is_file())
        };
        BROWSERS.iter().find_map(found)
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    debian(&["chromium"]).map_err(|error| missing("Chromium", &error, "chromium"))?;
    find().ok_or_else(|| Failure::new("Chromium was installed and is not found in PATH"))
}

/// PostgreSQL's server, for the tests of the history.
pub fn postgres() -> Result<(), Failure> {
    let there = || {
        let versions = std::fs::read_dir(POSTGRES_FOLDER).into_iter().flatten().flatten();
        versions
            .into_iter()
            .any(|version| version.path().join("bin/postgres").is_file())
            || succeeds(Command::new("postgres").arg("--version"))
    };
    if there() {
        return Ok(());
    }
    debian(&["postgresql"]).map_err(|error| missing("PostgreSQL", &error, "postgresql"))?;
    if there() {
        Ok(())
    } else {
        Err(Failure::new("PostgreSQL was installed and is not found"))
    }
}

/// A GPU in software (Mesa's lavapipe), for the tests of float class fast.
pub fn gpu() -> Result<(), Failure> {
    let there = || {
        let files = VULKAN_DRIVERS
            .iter()
            .filter_map(|folder| std::fs::read_dir(folder).ok());
        let mut names = files.flatten().flatten().map(|file| file.file_name());
        names.any(|name| name.to_string_lossy().starts_with("lvp_"))
    };
    if there() {
        return Ok(());
    }
    let packages = ["mesa-vulkan-drivers", "libvulkan1"];
    debian(&packages).map_err(|error| missing("Mesa's lavapipe", &error, &packages.join(" ")))?;
    if there() {
        Ok(())
    } else {
        Err(Failure::new("Mesa's lavapipe was installed and is not found"))
    }
}

/// schemathesis, in a virtual environment of its own.
pub fn schemathesis(folders: &Folders) -> Result<PathBuf, Failure> {
    let environment = folders.tools.join("schemathesis");
    let program = environment.join("bin/schemathesis");
    if succeeds(Command::new(&program).arg("--version")) {
        return Ok(program);
    }
    let make = || {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment))
    };
    make().or_else(|_| {
        debian(&["python3-venv"])?;
        make()
    })?;
    let mut install = Command::new(environment.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", SCHEMATHESIS]);
    run(&mut install).map_err(|error| {
        Failure::new(format!(
            "schemathesis could not be installed: {error}\n  help: pip install {SCHEMATHESIS}"
        ))
    })?;
    Ok(program)
}

/// Makes sure that jobs can be compiled: by rustup, else by Debian's packages (`p2pjob build` finds either).
pub fn guest_target() -> Result<(), Failure> {
    let installed = || {
        let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", GUEST_TARGET]));
        libraries.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
    };
    if installed() {
        return Ok(());
    }
    let by_rustup = run(Command::new("rustup").args(["target", "add", GUEST_TARGET]));
    if by_rustup.is_ok() && installed() {
        return Ok(());
    }
    if succeeds(Command::new("wasm-ld-19").arg("--version")) && Path::new("/usr/bin/rustc").exists() {
        return Ok(());
    }
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "--no-install-recommends"])
        .args(DEBIAN_PACKAGES);
    run(&mut apt).map_err(|error| {
        let packages = DEBIAN_PACKAGES.join(" ");
        Failure::new(format!("the Rust target {GUEST_TARGET} is missing and could not be installed: {error}\n  help: rustup target add {GUEST_TARGET}, or as root: apt-get install {packages}"))
    })
}

/// The cargo-deny of the right version; installed below ~/.cache when there is none.
pub fn cargo_deny(folders: &Folders) -> Result<PathBuf, Failure> {
    let ours = folders.tools.join("bin/cargo-deny");
    for program in [ours.clone(), PathBuf::from("cargo-deny")] {
        if succeeds(Command::new(&program).arg("--version")) {
            return Ok(program);
        }
    }
    let mut install = Command::new("cargo");
    install
        .args(["install", "cargo-deny", "--locked", "--version", CARGO_DENY, "--root"])
        .arg(&folders.tools);
    // Hardly optimised: it runs for seconds, and its release profile takes minutes longer to compile.
    install
        .arg("--debug")
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
    // Built apart from the checkout: its configuration and profiles are not meant for it.
    install
        .current_dir(std::env::temp_dir())
        .env("CARGO_TARGET_DIR", folders.tools.join("target"));
    run(&mut install).map_err(|error| {
        Failure::new(format!("cargo-deny is missing and could not be installed: {error}\n  help: cargo install cargo-deny --locked --version {CARGO_DENY}"))
    })?;
    // A build folder of a gigabyte is worth nothing afterwards.
    let _ = std::fs::remove_dir_all(folders.tools.join("target"));
    Ok(ours)
}
