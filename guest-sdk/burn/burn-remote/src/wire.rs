//! What goes to the host: a batch is one postcard [`Message`] after the other.
//!
//! The host's half is `platform/burn-host/src/wire.rs`; the two agree for one minor version of burn, because postcard
//! knows fields by their place.

use burn_backend::DType;
use burn_ir::{OperationIr, TensorId};
use burn_std::DeviceSettings;
use serde::{Deserialize, Serialize};

/// One step of a session.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time; boxing would cost an allocation for each operation"
)]
pub enum Message {
    /// Run an operation.
    Operation(OperationIr),
    /// Start the session's random numbers anew.
    Seed(u64),
    /// A second name for a tensor.
    Alias {
        /// The new name.
        new: TensorId,
        /// The name it has.
        source: TensorId,
    },
}

/// What the device can do: its default element types, and all that it computes with.
pub type Hello = (DeviceSettings, Vec<DType>);
