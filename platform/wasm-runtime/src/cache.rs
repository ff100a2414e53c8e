//! Compiled components on disk, so that a restart does not compile again.
//!
//! A cached file is native code that this process will run: the folder is readable and writable by its owner only, files
//! are written here and nowhere else, and nothing from a peer ever gets in. `KEY.cwasm` is mapped into memory as it is;
//! `KEY.sum` holds its BLAKE3 hash. Both are written under another name and renamed. A crash in between, a full disk or a
//! flipped bit leave a pair that does not match: it is ignored, and the component is compiled again.
//!
//! The key names component, profile and wasmtime's own compatibility hash: wasmtime would accept code compiled without
//! NaN canonicalisation in an engine with it.

use job_model::{JobId, ProfileId};
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Most bytes the folder holds; the least recently written go first. A Python job takes 40 MB, a Rust job 0.3 MB.
const CACHE_BYTES_MAX: u64 = 2 << 30;

/// The folder.
pub(crate) struct DiskCache {
    dir: PathBuf,
    /// Hash of everything but the job.
    context: [u8; 32],
    /// Tells two temporary files of this process apart.
    temporary: AtomicU64,
}

impl DiskCache {
    /// Creates the folder if needed and closes it to others.
    pub(crate) fn open(dir: &Path, engine: &Engine, profile: &ProfileId) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        own(dir, 0o700)?;
        let mut context = CacheContext(blake3::Hasher::new_derive_key("p2pjob 2026-11 compile cache v1"));
        context.0.update(profile.as_bytes());
        engine.precompile_compatibility_hash().hash(&mut context);
        Ok(Self {
            dir: dir.to_owned(),
            context: *context.0.finalize().as_bytes(),
            temporary: AtomicU64::new(0),
        })
    }

    /// The compiled component, if there is a whole one.
    pub(crate) fn load(&self, engine: &Engine, job: &JobId) -> Option<Component> {
        let path = self.path(job, "cwasm");
        let sum = fs::read(self.path(job, "sum")).ok()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(&path).ok()?).ok()?;
        if sum != hasher.finalize().as_bytes() {
            tracing::warn!(%job, "a file of the compile cache is damaged; compiling again");
            return None;
        }
        // SAFETY: the file lies in a folder that only this user can write, was written by `store` from wasmtime's own
        // compiler output, and its checksum says that it is unchanged. Nobody writes to it in place: files are renamed
        // into the folder, and removing one leaves the mapping intact.
        match unsafe { Component::deserialize_file(engine, &path) } {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(%job, "a file of the compile cache is not usable: {error:#}; compiling again");
                None
            }
        }
    }

    /// Waits until no other process compiles this job, and keeps others waiting while the file is open. Without a lock (a
    /// read-only folder) two processes may compile the same job, which costs time only.
    pub(crate) fn lock(&self, job: &JobId) -> Option<File> {
        let file = private()
            .create(true)
            .truncate(false)
            .open(self.path(job, "lock"))
            .ok()?;
        file.lock().ok()?;
        Some(file)
    }

    /// Keeps a compiled component. Failure (a full disk) costs a compilation later, nothing else.
    pub(crate) fn store(&self, job: &JobId, compiled: &[u8]) {
        let stored = self
            .write(&self.path(job, "cwasm"), compiled)
            .and_then(|()| self.write(&self.path(job, "sum"), blake3::hash(compiled).as_bytes()))
            .and_then(|()| self.prune());
        if let Err(error) = stored {
            tracing::warn!("could not write to the compile cache {}: {error}", self.dir.display());
        }
    }

    fn path(&self, job: &JobId, extension: &str) -> PathBuf {
        let mut hasher = blake3::Hasher::new_keyed(&self.context);
        hasher.update(job.as_bytes());
        self.dir.join(format!("{}.{extension}", hasher.finalize().to_hex()))
    }

    /// Writes under another name, then renames. Not synced: a file that a power cut shortens fails its checksum.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.dir.join(format!("{}-{number}.tmp", std::process::id()));
        let written = write_new(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            // Best effort: what is left is removed by `prune` in time.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            // Another process may remove files too.
            let Ok(meta) = entry
                .as_ref()
                .map_err(|_| ())
                .and_then(|entry| entry.metadata().map_err(|_| ()))
            else {
                continue;
            };
            files.push((
                meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                meta.len(),
                entry?.path(),
            ));
        }
        files.sort_unstable_by_key(|(modified, ..)| std::cmp::Reverse(*modified));
        let mut bytes = 0u64;
        for (_, size, path) in files {
            bytes = bytes.saturating_add(size);
            if bytes > CACHE_BYTES_MAX {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private().create(true).truncate(true).open(path)?;
    own(path, 0o600)?;
    file.write_all(bytes)
}

/// How to open a file to write, so that a new one is the owner's only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn own(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn own(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Lets wasmtime's compatibility hash (a `std::hash::Hash`) flow into BLAKE3.
struct CacheContext(blake3::Hasher);

impl Hasher for CacheContext {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> u64 {
        // Not used: the digest is taken from the inner hasher.
        0
    }
}
