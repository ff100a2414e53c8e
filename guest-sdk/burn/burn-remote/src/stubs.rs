//! Names that burn re-exports from the crate this one replaces. A sandbox connects to nothing, so they lead to the one
//! device there is.

use crate::RemoteDevice;
use std::fmt;

/// A secret that is asked for nowhere.
#[derive(Clone, Default, Debug, PartialEq, Eq, Hash)]
pub struct Credential;

impl From<&str> for Credential {
    fn from(_: &str) -> Self {
        Self
    }
}

/// Why there is no device. There always is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {}

impl fmt::Display for ConnectError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for ConnectError {}

macro_rules! names {
    ($($name:ident),*) => {$(
        /// A name without a meaning in a sandbox.
        #[derive(Clone, Default, Debug, PartialEq, Eq, Hash)]
        pub struct $name;
    )*};
}
names!(
    Endpoint,
    EndpointAddr,
    EndpointId,
    InvalidRelays,
    IrohHost,
    IrohIdentity,
    IrohRelays,
    RelayUrl
);

/// A server to connect to: the host of the job, whatever is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostSpec;

impl HostSpec {
    /// The host of the job.
    pub fn iroh(_: impl Into<IrohHost>) -> Self {
        Self
    }

    /// The host of the job.
    pub fn websocket(_: &str) -> Self {
        Self
    }

    /// The host of the job.
    #[must_use]
    pub fn with_credential(self, _: impl Into<Credential>) -> Self {
        self
    }

    /// Its device.
    pub fn connect(&self, _: usize) -> Result<RemoteDevice, ConnectError> {
        Ok(RemoteDevice::default())
    }

    /// Its device.
    pub fn connect_async(
        &self,
        _: usize,
    ) -> impl Future<Output = Result<RemoteDevice, ConnectError>> + Send + 'static + use<> {
        async { Ok(RemoteDevice::default()) }
    }

    /// All its devices: one.
    pub fn devices(&self) -> Result<Vec<RemoteDevice>, ConnectError> {
        Ok(vec![RemoteDevice::default()])
    }

    /// All its devices: one.
    pub fn devices_async(
        &self,
    ) -> impl Future<Output = Result<Vec<RemoteDevice>, ConnectError>> + Send + 'static + use<> {
        async { Ok(vec![RemoteDevice::default()]) }
    }
}
