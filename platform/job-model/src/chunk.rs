//! Chunks, replicas and the keys they are remembered by.

use crate::float::FloatClass;
use crate::ids::{BlobHash, JobId, ProfileId, TaskId};
use crate::task::InputRef;
use serde::{Deserialize, Serialize};

/// A byte range of one input.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Slice {
    /// Index into the task's inputs.
    pub input: u32,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

/// One piece of a task, as the job's `plan` cut it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Chunk {
    /// Opaque to the platform.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// What it may read.
    pub slices: Vec<Slice>,
    /// Expected work relative to its siblings, at least 1.
    pub weight: u64,
}

/// All chunks of a task, in order. Stored as one blob.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The chunks.
    pub chunks: Vec<Chunk>,
}

/// One execution of one chunk. `attempt` counts every execution of the chunk, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ReplicaId {
    /// The task.
    pub task: TaskId,
    /// The chunk's index in the plan.
    pub chunk: u32,
    /// Which execution of it.
    pub attempt: u32,
}

/// What a chunk's result is remembered by (C8): equal keys, equal results.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChunkKey(pub [u8; 32]);

impl ChunkKey {
    /// The key of one chunk: BLAKE3, in key-derivation mode, over profile, job, body and the named bytes of the inputs.
    /// An input is named by its blob's hash, so a key is known without reading the input. Each float class has keys of its
    /// own.
    pub fn new(profile: &ProfileId, job: &JobId, class: FloatClass, chunk: &Chunk, inputs: &[InputRef]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(match class {
            FloatClass::Exact => "p2pjob 2026-11 chunk key v1",
            FloatClass::Fast => "p2pjob 2026-11 chunk key, float class fast, v1",
        });
        hasher.update(profile.as_bytes());
        hasher.update(job.as_bytes());
        hasher.update(&(chunk.body.len() as u64).to_le_bytes());
        hasher.update(&chunk.body);
        for slice in &chunk.slices {
            let hash = inputs
                .get(slice.input as usize)
                .map_or(BlobHash::default(), |input| input.hash);
            hasher.update(hash.as_bytes());
            hasher.update(&slice.offset.to_le_bytes());
            hasher.update(&slice.length.to_le_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to do.
    #[error("plan returned no chunk")]
    Empty,
    /// Too many chunks.
    #[error("plan returned {0} chunks, at most {max} are allowed; use a larger --chunk-size", max = crate::limits::MAX_CHUNKS)]
    TooManyChunks(usize),
    /// A body is too large.
    #[error("chunk {chunk} has a body of {bytes} bytes, at most {max} are allowed; large data belongs into inputs", max = crate::limits::MAX_CHUNK_BODY_BYTES)]
    Body {
        /// The chunk.
        chunk: usize,
        /// Its size.
        bytes: usize,
    },
    /// Too many slices.
    #[error("chunk {chunk} has {slices} slices, at most {max} are allowed", max = crate::limits::MAX_CHUNK_SLICES)]
    Slices {
        /// The chunk.
        chunk: usize,
        /// Its slices.
        slices: usize,
    },
    /// A slice lies outside its input.
    #[error("chunk {chunk} asks for bytes {offset}+{length} of input {input}: {has}", has = .size.map_or("there is no such input".to_owned(), |size| format!("it has {size} bytes")))]
    Range {
        /// The chunk.
        chunk: usize,
        /// Input index.
        input: u32,
        /// First byte.
        offset: u64,
        /// Length in bytes.
        length: u64,
        /// The input's size in bytes, if there is such an input.
        size: Option<u64>,
    },
}

impl Plan {
    /// Checks a plan against the limits and the inputs it cuts.
    pub fn check(&self, inputs: &[InputRef]) -> Result<(), PlanError> {
        use crate::limits::{MAX_CHUNK_BODY_BYTES, MAX_CHUNK_SLICES, MAX_CHUNKS};
        if self.chunks.is_empty() {
            return Err(PlanError::Empty);
        }
        if self.chunks.len() > MAX_CHUNKS as usize {
            return Err(PlanError::TooManyChunks(self.chunks.len()));
        }
        for (index, chunk) in self.chunks.iter().enumerate() {
            if chunk.body.len() > MAX_CHUNK_BODY_BYTES {
                return Err(PlanError::Body {
                    chunk: index,
                    bytes: chunk.body.len(),
                });
            }
            if chunk.slices.len() > MAX_CHUNK_SLICES {
                return Err(PlanError::Slices {
                    chunk: index,
                    slices: chunk.slices.len(),
                });
            }
            for slice in &chunk.slices {
                let size = inputs.get(slice.input as usize).map(|input| input.size);
                let inside =
                    size.is_some_and(|size| slice.offset.checked_add(slice.length).is_some_and(|end| end <= size));
                if !inside {
                    let Slice { input, offset, length } = *slice;
                    return Err(PlanError::Range {
                        chunk: index,
                        input,
                        offset,
                        length,
                        size,
                    });
                }
            }
        }
        Ok(())
    }
}
