//! The channel of burn's router. It has one device, so nothing is ever moved between devices.

use crate::client::HostClient;
use crate::device::RemoteDevice;
use burn_backend::{DType, Shape};
use burn_ir::TensorIr;
use burn_router::{MultiBackendBridge, RouterChannel, RouterTensor};

/// The way to the host.
#[derive(Clone, Debug)]
pub struct RemoteChannel;

/// Moves tensors from the one device to itself.
#[derive(Clone, Debug)]
pub struct NoBridge;

impl MultiBackendBridge for NoBridge {
    type TensorHandle = TensorIr;
    type Device = RemoteDevice;

    fn change_backend_float(tensor: TensorIr, _: Shape, _: &RemoteDevice) -> TensorIr {
        tensor
    }

    fn change_backend_int(tensor: TensorIr, _: Shape, _: &RemoteDevice) -> TensorIr {
        tensor
    }

    fn change_backend_bool(tensor: TensorIr, _: Shape, _: &RemoteDevice) -> TensorIr {
        tensor
    }
}

impl RouterChannel for RemoteChannel {
    type Device = RemoteDevice;
    type Bridge = NoBridge;
    type Client = HostClient;

    fn name(_: &RemoteDevice) -> String {
        "p2pjob".to_owned()
    }

    fn init_client(device: &RemoteDevice) -> HostClient {
        HostClient::new(device)
    }

    fn get_tensor_handle(tensor: &TensorIr, _: &HostClient) -> TensorIr {
        tensor.clone()
    }

    fn register_tensor(client: &HostClient, handle: TensorIr, shape: Shape, dtype: DType) -> RouterTensor<HostClient> {
        RouterTensor::new(handle.id, shape, dtype, client.clone())
    }
}
