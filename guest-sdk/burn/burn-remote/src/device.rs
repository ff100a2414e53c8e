//! The host's device.

use crate::transport::link;
use burn_backend::{DeviceId, DeviceOps, RouterDeviceType};
use burn_std::DeviceSettings;

/// The device of the host that runs the job. There is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteDevice {
    index: u16,
}

impl burn_std::device::Device for RemoteDevice {
    fn from_id(id: DeviceId) -> Self {
        Self { index: id.index_id }
    }

    fn to_id(&self) -> DeviceId {
        DeviceId {
            type_id: RouterDeviceType::Remote.into(),
            index_id: self.index,
        }
    }
}

impl DeviceOps for RemoteDevice {
    fn defaults(&self) -> DeviceSettings {
        link().hello().0
    }
}
