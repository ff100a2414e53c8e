//! The known jobs: those every node has, those published here, and those peers told of.
//!
//! A name means, in this order: the newest job published here, the one every node has, the newest one of a peer. Own
//! publications are events; peers' are heard again after a restart.

use job_model::message::JobAdvert;
use job_model::{Event, JobId, Manifest, NodeId, UnixMillis};
use std::collections::BTreeMap;

/// Most jobs of peers that are remembered, over all peers: bounds what gossip can make us keep.
const MAX_PEER_JOBS: usize = 10_000;
/// Fewest digits of a hash that may stand for a job.
const MIN_PREFIX_DIGITS: usize = 6;

/// Where a job is known from. The order is the order of precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// A peer told of it.
    Peer,
    /// Every node has it.
    Builtin,
    /// Published here.
    Own,
}

impl Origin {
    /// As the protocol has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Builtin => "builtin",
            Self::Own => "own",
        }
    }
}

/// A known job.
#[derive(Clone, Debug)]
pub struct KnownJob {
    /// Its id.
    pub job: JobId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Component size in bytes.
    pub size: u64,
    /// Who published it.
    pub publisher: NodeId,
    /// Where it is known from.
    pub origin: Origin,
    /// When it became known; later is preferred.
    pub at: u64,
    /// None until the component was here.
    pub manifest: Option<Manifest>,
}

/// Why a text names no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nothing of this name.
    #[error("no job is called {name:?}; known jobs: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Several jobs' hashes start like this.
    #[error("{prefix} is the start of {count} job hashes; give more digits")]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// How many fit.
        count: usize,
    },
}

/// All known jobs.
#[derive(Default, Debug)]
pub struct JobBook {
    jobs: BTreeMap<JobId, KnownJob>,
    clock: u64,
}

impl JobBook {
    /// Takes an event in.
    pub fn apply(&mut self, event: &Event) {
        if let Event::JobPublished {
            job,
            size,
            publisher,
            manifest,
        } = event
        {
            self.insert(*job, *size, *publisher, (Origin::Own, (**manifest).clone()));
        }
    }

    fn insert(&mut self, job: JobId, size: u64, publisher: NodeId, (origin, manifest): (Origin, Manifest)) {
        self.clock += 1;
        let (name, version) = (manifest.name.clone(), manifest.version.clone());
        let known = KnownJob {
            job,
            name,
            version,
            size,
            publisher,
            origin,
            at: self.clock,
            manifest: Some(manifest),
        };
        self.jobs.insert(job, known);
    }

    /// A job every node has.
    pub fn add_builtin(&mut self, job: JobId, size: u64, me: NodeId, manifest: Manifest) {
        if !self.jobs.contains_key(&job) {
            self.insert(job, size, me, (Origin::Builtin, manifest));
        }
    }

    /// A job a peer told of.
    pub fn hear(&mut self, publisher: NodeId, advert: JobAdvert) {
        let peers = self.jobs.values().filter(|known| known.origin == Origin::Peer).count();
        if self.jobs.contains_key(&advert.job)
            || peers >= MAX_PEER_JOBS
            || !job_model::manifest::is_job_name(&advert.name)
        {
            return;
        }
        let UnixMillis(at) = advert.at;
        let JobAdvert {
            name,
            version,
            job,
            size,
            ..
        } = advert;
        let known = KnownJob {
            job,
            name,
            version,
            size,
            publisher,
            origin: Origin::Peer,
            at,
            manifest: None,
        };
        self.jobs.insert(job, known);
    }

    /// The manifest of a peer's job, read from its component here.
    pub fn describe(&mut self, job: JobId, manifest: Manifest) {
        if let Some(known) = self.jobs.get_mut(&job) {
            known.manifest = Some(manifest);
        }
    }

    /// A job by id.
    pub fn get(&self, job: &JobId) -> Option<&KnownJob> {
        self.jobs.get(job)
    }

    /// How many jobs are known.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether no job is known.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// All, by name, the preferred one of each name first.
    pub fn list(&self) -> Vec<&KnownJob> {
        let mut all: Vec<&KnownJob> = self.jobs.values().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name).then(b.origin.cmp(&a.origin)).then(b.at.cmp(&a.at)));
        all
    }

    /// The jobs published here.
    pub fn own(&self) -> impl Iterator<Item = &KnownJob> {
        self.jobs.values().filter(|known| known.origin == Origin::Own)
    }

    /// The job that `name`, `name@version`, a hash or the start of a hash stands for.
    pub fn resolve(&self, text: &str) -> Result<&KnownJob, ResolveError> {
        let (name, version) = text
            .split_once('@')
            .map_or((text, None), |(name, version)| (name, Some(version)));
        let named = self
            .jobs
            .values()
            .filter(|known| known.name == name && version.is_none_or(|v| v == known.version));
        if let Some(best) = named.max_by_key(|known| (known.origin, known.at)) {
            return Ok(best);
        }
        if text.len() >= MIN_PREFIX_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            let prefix = text.to_ascii_lowercase();
            let fitting: Vec<&KnownJob> = self
                .jobs
                .values()
                .filter(|known| known.job.to_string().starts_with(&prefix))
                .collect();
            match fitting.as_slice() {
                [] => {}
                [one] => return Ok(one),
                several => {
                    return Err(ResolveError::Ambiguous {
                        prefix,
                        count: several.len(),
                    });
                }
            }
        }
        let mut known: Vec<&str> = self.jobs.values().map(|known| known.name.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        Err(ResolveError::Unknown {
            name: text.to_owned(),
            known: known.join(", "),
        })
    }
}

#[cfg(test)]
mod tests;
