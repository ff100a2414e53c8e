//! The way to float class `fast`: what a sandbox's host functions ask, and what the crate `compute-process` answers.
//!
//! It stands here so that neither side needs the other: `wasm-runtime` knows no burn, no GPU and no processes. A program that
//! has both hands the one to the other. Everything of a session (tensors, models, burn sessions) lives on the far side and has
//! a number here; only what a guest reads comes back. A far side that dies takes its sessions with it and nothing else.

use crate::dtype::DType;
use crate::error::Result;
use crate::linalg::{Determinant, Factorisation, MatrixOp, Norm};
use crate::onnx::Port;
use crate::op::Op;
use crate::session::{Session, StopSignal};
use serde::{Deserialize, Serialize};

/// Most bytes that go with one request or reply, in bytes. A guest's own memory is at most four times that.
pub const MAX_FAST_PAYLOAD_BYTES: usize = 1 << 30;

/// Opens sessions. One for all calls of a node.
pub trait FastHost: Send + Sync {
    /// An empty session. May start a process, which takes some milliseconds; with a GPU, the first takes seconds.
    fn open(&self, opening: FastOpening) -> Result<Box<dyn FastSession>>;

    /// What it computes on; measured too (for seconds), or with zeros for what was not.
    ///
    /// # Errors
    /// In words: the device that was asked for is not there, or it failed.
    fn describe(&self, measure: bool) -> std::result::Result<DeviceInfo, String>;
}

/// What computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DeviceKind {
    /// The processor, or software on it that acts as a GPU.
    Cpu,
    /// A GPU.
    Gpu,
}

/// What class `fast` runs on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// The device's own name.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Through what it is used.
    pub backend: String,
    /// Products of `f32` matrices, in 10^9 floating-point operations per second; 0: not measured.
    pub gflops: f64,
    /// The same of `f16`, where the device has it.
    pub gflops_f16: Option<f64>,
    /// Bytes moved by an addition of long vectors, in 10^9 per second; 0: not measured.
    pub gbytes_per_s: f64,
}

/// What a session needs to know.
#[derive(Clone)]
pub struct FastOpening {
    /// The node whose job this is. Sessions of different owners never share a process.
    pub owner: [u8; 32],
    /// Threads of one operation on the processor, at least 1.
    pub threads: usize,
    /// Whether to stop: asked every few milliseconds while a request waits for its reply.
    pub stop: StopSignal,
}

/// A session. Dropping it frees everything it has.
pub trait FastSession: Send {
    /// Sends a request and waits for the reply.
    ///
    /// `account` is the session of the sandbox call. The fuel that is left there and the memory that is free bound the
    /// request, as if it were computed here; what it spent is taken from `account`, and what the far side holds is leased
    /// there. `dropped` are numbers that nobody will name again.
    ///
    /// # Errors
    /// The far side's own, and [`crate::ComputeError::Device`] if it died, hung or sent what cannot be; then every later
    /// request fails alike.
    fn ask(&mut self, account: &Session, dropped: Vec<u64>, request: FastRequest, payload: &[u8]) -> Result<FastReply>;
}

/// What can be asked for. Numbers name what an earlier reply gave.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum FastRequest {
    /// Makes the memory of a tensor that [`FastRequest::Put`] fills. Gives a number. Charges nothing.
    Begin {
        /// Element type, not texts.
        dtype: DType,
        /// Length of each dimension.
        shape: Vec<usize>,
    },
    /// Writes the payload's little-endian elements into it at a byte offset.
    Put {
        /// The number.
        to: u64,
        /// Where, in bytes.
        offset: u64,
    },
    /// Ends the filling. Gives a tensor under a new number.
    Finish {
        /// The number, which is gone.
        of: u64,
    },
    /// A tensor of one value; see [`crate::Tensor::filled`].
    Filled {
        /// Element type.
        dtype: DType,
        /// Length of each dimension.
        shape: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// Runs an operation. Gives its first tensor.
    Apply {
        /// Which.
        op: Op,
        /// On what.
        operands: Vec<u64>,
    },
    /// Runs a function of linear algebra that gives a tensor.
    Matrix {
        /// Which.
        op: MatrixOp,
        /// On what.
        operands: Vec<u64>,
    },
    /// See [`crate::linalg::determinant`].
    Determinant {
        /// The matrix.
        of: u64,
        /// How.
        by: Factorisation,
    },
    /// See [`crate::linalg::norm`].
    Norm {
        /// The matrix or vector.
        of: u64,
        /// Which.
        norm: Norm,
    },
    /// Little-endian bytes of a tensor, as the reply's payload. Charges nothing.
    Read {
        /// The tensor.
        of: u64,
        /// From where, in bytes.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
    /// The texts of a tensor of texts. Charges nothing.
    Texts {
        /// The tensor.
        of: u64,
    },
    /// Loads a model from a filled tensor of bytes (not finished), which is gone afterwards.
    LoadModel {
        /// The number that [`FastRequest::Begin`] gave.
        file: u64,
    },
    /// Runs a model. Gives its outputs in order.
    RunModel {
        /// The model.
        model: u64,
        /// Inputs by name.
        inputs: Vec<(String, u64)>,
    },
    /// Opens a session of burn's guest backend. Gives a number.
    BurnOpen,
    /// What the device can do, as the payload. See [`crate::BurnSession`] for this and what follows.
    BurnHello {
        /// The burn session.
        of: u64,
    },
    /// Runs the payload's operations.
    BurnSubmit {
        /// The burn session.
        of: u64,
    },
    /// Uploads the payload as a tensor.
    BurnUpload {
        /// The burn session.
        of: u64,
        /// The guest's name of the tensor.
        id: u64,
        /// Length of each dimension.
        shape: Vec<u64>,
        /// Postcard of burn's `DType`.
        element_type: Vec<u8>,
    },
    /// Reads the tensor that the payload names, as the reply's payload.
    BurnRead {
        /// The burn session.
        of: u64,
    },
}

/// A tensor of the far side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TensorInfo {
    /// Its number.
    pub id: u64,
    /// Element type.
    pub dtype: DType,
    /// Length of each dimension.
    pub shape: Vec<usize>,
}

/// What came of a request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FastReply {
    /// The answer.
    pub answer: FastAnswer,
    /// Bytes, where the request says so.
    pub payload: Vec<u8>,
}

/// The part of a reply that is no bytes.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum FastAnswer {
    /// Nothing to say, or the payload says it.
    #[default]
    Done,
    /// A number for what was made.
    Made(u64),
    /// Tensors that were made.
    Tensors(Vec<TensorInfo>),
    /// A model that was loaded.
    Model {
        /// Its number.
        id: u64,
        /// What it takes.
        inputs: Vec<Port>,
        /// What it gives.
        outputs: Vec<Port>,
    },
    /// A determinant.
    Determinant(Determinant),
    /// A number.
    Number(f64),
    /// Texts.
    Texts(Vec<String>),
}
