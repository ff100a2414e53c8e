//! burn's remote backend, replaced: in a job, "remote" is the host that runs it.
//!
//! burn chooses its backend among those it knows; of the crate `burn-remote` it takes two names, `RemoteBackend` and
//! `RemoteDevice`. This crate has that name and version, so `[patch.crates-io]` puts it in place, and unmodified burn
//! code runs on the host's tensors: `Device::default()` is the host's device. Operations are buffered and sent 16 KiB at a
//! time (one costs about 21 bytes), and whenever a value is read.
//!
//! Natively the host is whatever [`install`] is given.

mod bridge;
mod client;
mod device;
mod stubs;
mod transport;
pub mod wire;

pub use bridge::{NoBridge, RemoteChannel};
pub use burn_ir as ir;
pub use burn_router::RouterClient;
pub use client::{CustomOpClient, HostClient};
pub use device::RemoteDevice;
pub use stubs::{
    ConnectError, Credential, Endpoint, EndpointAddr, EndpointId, HostSpec, InvalidRelays, IrohHost, IrohIdentity,
    IrohRelays, RelayUrl,
};
pub use transport::{Traffic, traffic};
#[cfg(not(target_arch = "wasm32"))]
pub use transport::{Transport, install};

/// The backend that burn calls remote.
pub type RemoteBackend = burn_router::BackendRouter<RemoteChannel>;
