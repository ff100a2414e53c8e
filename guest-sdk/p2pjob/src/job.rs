//! The trait a job implements, and what its functions are handed.

use crate::cut::{Cut, MAX_DEFAULT_CHUNK_BYTES, MIN_DEFAULT_CHUNK_BYTES};
use crate::error::{Error, Result};
use crate::manifest::{Compare, FloatClass, InputDecl, Reduce, Verify};
use crate::source::Source;
use crate::tensors::{DType, Tensor, TensorError};
use crate::value::{OutputValue, PartialValue};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::iter::{Product, Sum};
use std::marker::PhantomData;

/// A job. Name, version and one-line summary come from the crate's `Cargo.toml` (`name`, `version`, `description`).
///
/// All three functions must be deterministic: they see only what they are handed, and must not depend on addresses
/// or on the iteration order of a map with a random seed. A job whose results are cheaper to check than to compute has
/// a fourth, [`Job::check`].
pub trait Job {
    /// The parameters. Their JSON Schema is published; the platform validates against it before `plan` is called.
    /// `#[params]` on the type derives what is needed, [`NoParams`](crate::NoParams) is for a job that has none.
    type Params: DeserializeOwned + JsonSchema;
    /// What `plan` tells `run`, besides the bytes of the slices. Small: at most 64 KiB of CBOR. `#[wire]` derives it.
    type Chunk: Serialize + DeserializeOwned;
    /// The output of one chunk. Any serde type (then it travels as CBOR), [`Raw`](crate::Raw) bytes, or
    /// [`Written`](crate::Written) for bytes that were streamed.
    type Partial: PartialValue;
    /// The result of the task. Any `Serialize` type (then it becomes JSON), `Raw` or `Written`.
    type Output: OutputValue;

    /// The inputs, in the order `Inputs` and the platform count them.
    const INPUTS: &'static [InputDecl] = &[];
    /// How the result is made.
    const REDUCE: Reduce = Reduce::Reduce;
    /// Verification when the task does not ask for one.
    const VERIFY: Verify = Verify::Quorum;
    /// Whether the job has a [`Job::check`]. Say it to `export_job!` too: `export_job!(MyJob, checked)`.
    const CHECKED: bool = false;
    /// Float class when the task does not ask for one.
    const FLOAT_CLASS: FloatClass = FloatClass::Exact;
    /// When two outputs of class `fast` count as the same, where the task does not say; none: the platform's tolerance.
    const COMPARE: Option<Compare> = None;
    /// Memory one sandbox needs, in bytes; 0 asks for the platform's default.
    const MEMORY_BYTES: u64 = 0;

    /// Cuts the task into chunks, at least one. Runs at the requester. Check the parameters here: an error of `plan`
    /// costs nothing. Read little: the inputs may be larger than memory.
    fn plan(params: &Self::Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Self::Chunk>>>;

    /// Computes one chunk. Runs wherever the platform says, on as many nodes as the task asks for.
    fn run(chunk: Self::Chunk, slices: &Slices) -> Result<Self::Partial>;

    /// Folds the partials, in chunk order, into the result. Runs at the requester. Needed where [`Job::REDUCE`] is
    /// [`Reduce::Reduce`], the default.
    fn reduce(params: &Self::Params, partials: Partials<Self::Partial>) -> Result<Self::Output> {
        let _ = (params, partials);
        Err(Error::new(
            "this job has no reduce function: implement Job::reduce or set REDUCE to Reduce::Concat",
        ))
    }

    /// Whether the output that a node claims for this chunk is right, so that nobody need run the chunk a second time.
    /// Runs at the requester, with the chunk's slices as [`Job::run`] sees them; there is no output to write to.
    ///
    /// [`entropy`](crate::entropy) is drawn anew for each check, after the output was committed: a worker cannot foresee
    /// it. It may decide what is looked at (a random vector, a sample), but an output that is right must pass whatever it is.
    ///
    /// `Ok(false)` refutes the output: its node is not paid and gets no more work from this requester. That is also the
    /// answer to bytes that are no output at all ([`Claimed::value`] is none then). An error means that the check could
    /// not be done; the platform asks a second node instead.
    fn check(chunk: Self::Chunk, slices: &Slices, claimed: Claimed<Self::Partial>) -> Result<bool> {
        let _ = (chunk, slices, claimed);
        Err(Error::new(
            "this job has no check function: implement Job::check, or set CHECKED to false",
        ))
    }
}

/// The inputs of a task, whole, as `plan` sees them.
#[derive(Debug, Default)]
pub struct Inputs {
    bound: Vec<(String, Source)>,
}

impl Inputs {
    pub(crate) fn new(bound: impl IntoIterator<Item = (String, u64)>) -> Self {
        let source = |(index, (name, size)): (usize, (String, u64))| (name, Source::new(index as u32, size));
        Self {
            bound: bound.into_iter().enumerate().map(source).collect(),
        }
    }

    /// The input of this name; an error that says how to bind it when the task did not.
    pub fn get(&self, name: &str) -> Result<Source> {
        self.find(name)
            .ok_or_else(|| Error::new(format_args!("input {name:?} is missing; add --input {name}=PATH")))
    }

    /// The input of this name, if the task bound it.
    pub fn find(&self, name: &str) -> Option<Source> {
        self.bound
            .iter()
            .find(|(bound, _)| bound == name)
            .map(|(_, source)| *source)
    }

    /// All bound inputs with their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Source)> {
        self.bound.iter().map(|(name, source)| (name.as_str(), *source))
    }
}

/// The slices of a chunk, in the order its [`Cut`] named them, as `run` sees them.
#[derive(Debug, Default)]
pub struct Slices(());

impl Slices {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// The slice of this index. The chunk traps when its cut named fewer: `plan` and `run` disagree then.
    pub fn get(&self, index: u32) -> Source {
        Source::new(index, crate::host::size(index))
    }
}

/// The output that a node claims for a chunk, as `check` sees it.
#[derive(Debug)]
pub struct Claimed<P> {
    partial: PhantomData<P>,
}

impl<P> Claimed<P> {
    pub(crate) const fn new() -> Self {
        Self { partial: PhantomData }
    }

    /// The bytes as the node sent them. It may be anybody's, and say anything.
    pub fn bytes(self) -> Vec<u8> {
        crate::host::partials_next().unwrap_or_default()
    }

    /// Leaves the bytes with the node, for outputs that are large: pieces of them are read, or made tensors of, without a
    /// way through the sandbox.
    pub fn open(self) -> OpenPartial {
        OpenPartial {
            size: crate::host::partial_open().unwrap_or(0),
        }
    }
}

/// An output that stays with the node. What is in it may be anybody's, and say anything.
#[derive(Debug)]
pub struct OpenPartial {
    size: u64,
}

impl OpenPartial {
    /// Length in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `offset` on, at most 1 MiB; fewer at the end.
    pub fn read_at(&self, offset: u64, length: u32) -> Vec<u8> {
        let there = self.size.saturating_sub(offset).min(length.into()) as u32;
        if there == 0 {
            return Vec::new();
        }
        crate::host::partial_read(offset, there)
    }

    /// All bytes. They must fit in the sandbox.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        while (bytes.len() as u64) < self.size {
            let piece = self.read_at(bytes.len() as u64, crate::source::MAX_READ_BYTES);
            if piece.is_empty() {
                break;
            }
            bytes.extend(piece);
        }
        bytes
    }

    /// A tensor of what lies from byte `offset` on. The bytes never enter the sandbox.
    pub fn tensor(&self, offset: u64, dtype: DType, shape: &[usize]) -> Result<Tensor, TensorError> {
        Tensor::from_partial(offset, dtype, shape)
    }
}

impl<P: PartialValue> Claimed<P> {
    /// The output, or none when the bytes are no such value: then it is refuted, and `Ok(false)` the right answer.
    pub fn value(self) -> Option<P> {
        P::read_partial(self.bytes()).ok()
    }
}

/// What the platform would like `plan` to aim for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanHint {
    /// The user's `chunk_size`, in the job's own unit, if given.
    pub chunk_size: Option<u64>,
    /// How many chunks would keep today's workers busy.
    pub target_chunks: u32,
    /// The most chunks a plan may have; one more fails the task.
    pub max_chunks: u32,
}

impl PlanHint {
    /// Bytes per chunk for `total` bytes of input: the user's choice, else what keeps the workers busy within
    /// 256 KiB and 16 MiB. Raised where it would make more than `max_chunks` chunks.
    pub fn chunk_bytes(&self, total: u64) -> u64 {
        self.chunk_size_within(total, MIN_DEFAULT_CHUNK_BYTES, MAX_DEFAULT_CHUNK_BYTES)
    }

    /// Items per chunk for `total` items: the user's choice, else what gives `target_chunks` chunks. At least 1,
    /// and raised where it would make more than `max_chunks` chunks.
    pub fn chunk_items(&self, total: u64) -> u64 {
        self.chunk_size_within(total, 1, u64::MAX)
    }

    /// The user's chunk size, else `total / target_chunks` kept within `least` and `most`. Raised where it would make
    /// more than `max_chunks` chunks.
    pub fn chunk_size_within(&self, total: u64, least: u64, most: u64) -> u64 {
        let fair = total.div_ceil(u64::from(self.target_chunks.max(1))).clamp(least, most);
        let lowest = total.div_ceil(u64::from(self.max_chunks.max(1)));
        self.chunk_size.unwrap_or(fair).max(lowest).max(1)
    }
}

/// The outputs of the chunks in chunk order, one in memory at a time.
#[derive(Debug)]
pub struct Partials<P> {
    partial: PhantomData<P>,
}

impl<P> Partials<P> {
    pub(crate) const fn new() -> Self {
        Self { partial: PhantomData }
    }

    /// How many partials there are in all, those already taken included.
    pub fn count_all(&self) -> u32 {
        crate::host::partials_count()
    }
}

impl<P: PartialValue> Iterator for Partials<P> {
    type Item = Result<P>;

    fn next(&mut self) -> Option<Self::Item> {
        crate::host::partials_next().map(P::read_partial)
    }
}

impl<P: PartialValue> Partials<P> {
    /// The sum of all partials.
    pub fn sum<S: Sum<P>>(self) -> Result<S> {
        Iterator::sum(self)
    }

    /// The product of all partials.
    pub fn product<S: Product<P>>(self) -> Result<S> {
        Iterator::product(self)
    }
}
