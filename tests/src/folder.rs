//! The folder of one test: data directories, logs, files. Removed when the test ends well; kept, named and quoted when
//! it panics or when `P2PJOB_IT_KEEP` is set.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of each log that a failed test prints.
const TAIL_LINES: usize = 25;

/// A test's folder.
pub struct Folder {
    /// None once it is kept.
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
}

impl Folder {
    /// A new, empty one.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("p2pjob-it-")
            .tempdir()
            .expect("a temporary folder");
        let path = dir.path().canonicalize().expect("the folder just made");
        Self { dir: Some(dir), path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it with this content.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let wanted = std::env::var_os("P2PJOB_IT_KEEP").is_some();
        if !std::thread::panicking() && !wanted {
            return;
        }
        if let Some(dir) = self.dir.take() {
            let _ = dir.keep();
        }
        println!("the folder of this test is kept: {}", self.path.display());
        let mut logs = Vec::new();
        find_logs(&self.path, &mut logs);
        logs.sort();
        for log in logs {
            println!("--- {} ---\n{}", log.display(), tail(&log));
        }
    }
}

fn find_logs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // Blobs are data, and there may be many.
        if path.is_dir() && !path.ends_with("blobs") {
            find_logs(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "log") {
            found.push(path);
        }
    }
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
