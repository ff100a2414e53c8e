//! The way to the guest backend for burn: what a sandbox's host functions ask, and what the crate `burn-host` answers.
//!
//! It stands here so that neither side needs the other: `wasm-runtime` knows no burn, `burn-host` no sandbox. A program
//! that has both hands the one to the other.

use crate::error::Result;
use crate::session::Session;

/// Opens sessions. One for all calls of a node.
///
/// # Rules for all methods of this and of [`BurnSession`]
/// `account` is the session of the sandbox call: the same for every method of one burn session, and for the tensors beside
/// it. An implementation charges there ([`Session::charge`]) for each operation before it runs and leases the memory of
/// every tensor ([`Session::lease`]) before it exists. The caller has already charged for the call itself and the bytes
/// that cross. Errors that are verdicts ([`crate::ComputeError::is_verdict`], but not out-of-fuel) are told to the guest
/// as text; all others end the call. No stream of bytes may make a method panic, abort or overrun.
pub trait BurnHost: Send + Sync {
    /// An empty session. Its random numbers start from seed 0, so that replicas draw alike.
    fn open(&self, account: &Session) -> Result<Box<dyn BurnSession>>;
}

/// The tensors of one guest session, and what is done with them. Dropping it frees everything.
pub trait BurnSession: Send {
    /// What the device can do, encoded as the guest backend expects it. The same on every node of one float class.
    fn hello(&mut self, account: &Session) -> Result<Vec<u8>>;

    /// Runs a batch of operations in order. What is wrong with one may also be told by a later method; a session that has
    /// told an error tells it again whatever it is asked.
    fn submit(&mut self, account: &Session, batch: &[u8]) -> Result<()>;

    /// Puts a tensor under an id.
    fn upload(&mut self, account: &Session, tensor: BurnUpload<'_>) -> Result<()>;

    /// The bytes of a tensor, named by the postcard of burn's `TensorIr`.
    fn read(&mut self, account: &Session, tensor: &[u8]) -> Result<Vec<u8>>;
}

/// A tensor on its way from a guest to its session. Nothing of it is checked.
#[derive(Clone, Copy, Debug)]
pub struct BurnUpload<'a> {
    /// The guest's name of the tensor.
    pub id: u64,
    /// Length of each dimension.
    pub shape: &'a [u64],
    /// Postcard of burn's `DType`.
    pub element_type: &'a [u8],
    /// Little-endian elements, row-major.
    pub bytes: &'a [u8],
}
