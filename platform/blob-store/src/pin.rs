//! Why a blob is kept. A pin is a persistent tag in the store's database, named by its owner, so that everything an
//! owner needs is freed with one call. Pins survive a crash; a blob without any pin goes with the next collection.

use job_model::{BlobHash, JobId, TaskId};

/// The owner on whose behalf a blob is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pin {
    /// Kept while the task is known: inputs, outputs, results.
    Task(TaskId),
    /// Kept while the job is published here: its component.
    Job(JobId),
    /// Kept until the user says otherwise. Any text.
    Named(String),
}

impl Pin {
    /// The beginning that all tags of this owner share, and no other owner's tag has.
    pub(crate) fn prefix(&self) -> String {
        match self {
            Self::Task(id) => format!("task/{id}/"),
            Self::Job(id) => format!("job/{id}/"),
            Self::Named(name) => format!("named/{}/", escape(name)),
        }
    }

    /// The tag that keeps `hash` for this owner.
    pub(crate) fn tag(&self, hash: &BlobHash) -> String {
        format!("{}{hash}", self.prefix())
    }

    /// The owner a tag names, or `None` for a tag this crate did not write.
    pub(crate) fn parse(tag: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(tag).ok()?.split('/');
        let (kind, owner, _hash) = (parts.next()?, parts.next()?, parts.next()?);
        match kind {
            "task" => owner.parse().ok().map(Self::Task),
            "job" => owner.parse().ok().map(Self::Job),
            "named" => Some(Self::Named(owner.replace("%2F", "/").replace("%25", "%"))),
            _ => None,
        }
    }
}

/// A slash in a name would let one name be the prefix of another, and unpinning the one would free the other.
fn escape(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}
