//! Which cargo and rustc build for the guest: rustup's with its ready-made standard library, else a Debian compiler
//! that builds the standard library itself.

use super::GUEST_TARGET;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian's and Ubuntu's `rustc-web` and `cargo-web` lie.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// Where `rust-web-src` puts the standard library's sources, below the compiler's sysroot.
const DEBIAN_STD_SOURCES: &str = "lib/rustlib/src/rust/library";
/// Linkers Debian ships, newest first.
const DEBIAN_LINKERS: [&str; 2] = ["wasm-ld-19", "wasm-ld"];

/// A compiler that can build guests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GuestToolchain {
    /// The cargo on the path, with the guest's standard library installed.
    Installed,
    /// Debian's, building the standard library from source.
    BuildStd {
        /// The linker's name.
        linker: &'static str,
    },
}

/// Why there is no compiler for guests.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// No Rust at all.
    #[error("cannot run rustc: {0}; install Rust from https://rustup.rs")]
    NoRustc(std::io::Error),
    /// The target is missing and cannot be fetched.
    #[error(
        "the Rust target {GUEST_TARGET} is not installed and could not be fetched ({why}); run `rustup target add {GUEST_TARGET}`, \
         or on Debian and Ubuntu `apt-get install --no-install-recommends rustc-web cargo-web rust-web-src lld-19`"
    )]
    NoTarget {
        /// What was tried.
        why: String,
    },
}

impl GuestToolchain {
    /// Finds a compiler for guests; installs the target through rustup where it is missing and `offline` is not set.
    pub fn find_or_install(offline: bool) -> Result<Self, ToolchainError> {
        if target_is_installed()? {
            return Ok(Self::Installed);
        }
        let why = if offline {
            "no network access is allowed".to_owned()
        } else {
            rustup_target_add()
        };
        if target_is_installed()? {
            return Ok(Self::Installed);
        }
        Self::debian().ok_or(ToolchainError::NoTarget { why })
    }

    /// Debian's compiler, if it and all it needs are there.
    fn debian() -> Option<Self> {
        let sysroot = ask(DEBIAN_RUSTC, &["--print", "sysroot"]).ok()??;
        let complete = Path::new(&sysroot).join(DEBIAN_STD_SOURCES).is_dir() && Path::new(DEBIAN_CARGO).is_file();
        let linker = DEBIAN_LINKERS
            .into_iter()
            .find(|linker| matches!(ask(linker, &["--version"]), Ok(Some(_))))?;
        complete.then_some(Self::BuildStd { linker })
    }

    /// A cargo command that builds with this compiler; the caller adds `build` and what follows. Inside a call by
    /// cargo, `CARGO` names the cargo to use; rustup's proxy on the path finds the same one, so it is not read here.
    pub fn cargo(&self) -> Command {
        match self {
            Self::Installed => Command::new("cargo"),
            Self::BuildStd { linker } => {
                let mut cargo = Command::new(DEBIAN_CARGO);
                // Debian's compiler is a stable one; building the standard library is behind this door.
                cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
                cargo.env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
                cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                cargo
            }
        }
    }
}

fn target_is_installed() -> Result<bool, ToolchainError> {
    let folder =
        ask("rustc", &["--print", "target-libdir", "--target", GUEST_TARGET]).map_err(ToolchainError::NoRustc)?;
    Ok(folder.is_some_and(|folder| PathBuf::from(folder).is_dir()))
}

/// Runs rustup; says what came of it, for the error message.
fn rustup_target_add() -> String {
    match Command::new("rustup")
        .args(["target", "add", GUEST_TARGET])
        .stdin(Stdio::null())
        .output()
    {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            format!("rustup: {}", text.lines().last().unwrap_or("no output"))
        }
        Err(error) => format!("rustup: {error}"),
    }
}

/// The trimmed standard output of a program; none where it failed.
fn ask(program: &str, arguments: &[&str]) -> std::io::Result<Option<String>> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success().then_some(text))
}
