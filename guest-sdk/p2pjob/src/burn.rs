//! The node's half of the guest backend for burn 0.22. Ordinary jobs do not use this: they use burn, through the SDK's crate
//! `p2pjob-burn` (`guest-sdk/burn`).

use crate::host::compute;

/// The tensors of one backend at the node. Dropping it frees them.
pub struct Session(compute::BurnSession);

impl Session {
    /// An empty session.
    #[allow(
        clippy::new_without_default,
        reason = "it calls the node, which a default should not"
    )]
    pub fn new() -> Self {
        Self(compute::burn_open())
    }

    /// What the device can do, as the guest backend expects it.
    pub fn hello(&self) -> Vec<u8> {
        compute::burn_hello(&self.0)
    }

    /// Runs a batch of encoded operations in order. What is wrong with one is told here or by the next call.
    pub fn submit(&self, batch: &[u8]) -> Result<(), String> {
        compute::burn_submit(&self.0, batch)
    }

    /// Puts a tensor under an id: shape, element type (postcard of burn's `DType`), little-endian bytes.
    pub fn upload(&self, id: u64, shape: &[u64], element_type: &[u8], bytes: &[u8]) -> Result<(), String> {
        compute::burn_upload(&self.0, id, shape, (element_type, bytes))
    }

    /// The bytes of a tensor (postcard of burn's `TensorIr`).
    pub fn read(&self, tensor: &[u8]) -> Result<Vec<u8>, String> {
        compute::burn_read(&self.0, tensor)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
