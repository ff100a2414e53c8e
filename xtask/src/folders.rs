//! Where things lie.

use crate::process::Failure;
use std::path::{Path, PathBuf};

/// Where things lie.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The checkout.
    pub root: PathBuf,
    /// Cargo's target folder of the platform: CARGO_TARGET_DIR, else ~/.cache/p2pjob/target.
    pub target: PathBuf,
    /// Cargo's target folder of all guests: P2PJOB_GUEST_TARGET_DIR, else ~/.cache/p2pjob/guest-target.
    pub guest_target: PathBuf,
    /// How our own crates are optimised, if not as the profile says.
    pub opt_level: Option<&'static str>,
    /// Tools that are installed for the checks.
    pub tools: PathBuf,
}

impl Folders {
    /// From the environment and the place of this crate.
    pub fn find() -> Result<Self, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned);
        let root = root.ok_or_else(|| Failure::new("the checkout is not found above xtask/"))?;
        let home = std::env::var_os("HOME").map_or_else(|| root.join("target"), PathBuf::from);
        let cache = home.join(".cache/p2pjob");
        let chosen = |variable: &str, default: &str| {
            let set = std::env::var_os(variable).filter(|value| !value.is_empty());
            let path = set.map_or_else(|| cache.join(default), PathBuf::from);
            if path.is_absolute() { path } else { root.join(path) }
        };
        let target = chosen("CARGO_TARGET_DIR", "target");
        let guest_target = chosen("P2PJOB_GUEST_TARGET_DIR", "guest-target");
        Ok(Self {
            root,
            target,
            guest_target,
            opt_level: None,
            tools: cache.join("tools"),
        })
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        self.target.join("debug/p2pjob")
    }

    /// The components that every node knows by name: beside the program.
    pub fn jobs(&self) -> PathBuf {
        self.target.join("debug/jobs")
    }
}
